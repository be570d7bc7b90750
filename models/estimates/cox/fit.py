"""Cox regression as a trial report prints it: hazard ratios, tests, concordance, proportionality, predicted curves.

Usage (``models.estimates.values`` for Curve, Estimate, Test; refusals are ``CannotFit``, a ValueError)::

    fit = cox(frame, time="time", event="event", covariates=["arm", "age"], strata="site", robust="patient_id")
    fit.table                                   # coef, se, hr, lower, upper, p by term
    fit.lr, fit.score, fit.wald, fit.concordance
    fit.proportional_hazards("km")              # by term and GLOBAL
    fit.survival(profiles, stratum="north")     # one Curve for each profile

Own code: lifelines has Efron ties only, no error of the concordance, and the older approximation of the test of
proportional hazards; where it answers, tests show that both agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from models.estimates.cox.curves import predicted_curve
from models.estimates.cox.design import Terms, code_terms
from models.estimates.cox.likelihood import Sets, derivatives, maximise, risk_sets, score_residuals
from models.estimates.cox.proportional_hazards import event_clock, slope_tests
from models.estimates.cox.rows import Rows, complete_rows, read_rows
from models.estimates.values import Curve, Estimate, Test
from models.estimators.newton import CannotFit
from models.metrics.concordance import concordance

LARGEST = 100.0


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox model.

    Attributes
    ----------
    table : DataFrame
        One row per coefficient: coef, se, hr, lower, upper, p (Wald). With robust errors ``se`` and all that follows
        from it are robust, and ``model_se`` keeps the error from the information matrix.
    covariance : ndarray, shape (p, p)
        Of the coefficients (robust where asked for).
    n, events, omitted : int
        Rows used, events among them, rows left out for a missing covariate.
    loglik, loglik_null : float
        Log partial likelihood at the maximum and without covariates.
    lr, score, wald : Test
        Tests of all coefficients together; Wald is robust where asked for, the others never are.
    concordance : Estimate
        Harrell's, of the linear predictor.
    """

    table: pd.DataFrame
    covariance: np.ndarray
    n: int
    events: int
    omitted: int
    loglik: float
    loglik_null: float
    lr: Test
    score: Test
    wald: Test
    concordance: Estimate
    terms: Terms
    rows: Rows
    sets: Sets
    design: np.ndarray
    centre: np.ndarray

    @property
    def coefficients(self) -> np.ndarray:
        """Log hazard ratios, shape (p,)."""
        return self.table["coef"].to_numpy()

    def proportional_hazards(self, transform: str = "km") -> pd.DataFrame:
        """Score test of proportional hazards by term and GLOBAL: statistic, df, p.

        Parameters
        ----------
        transform : {"km", "identity"}
            How time runs: 1 - Kaplan-Meier just before the event, or months.
        """
        rows = self.rows
        clock = event_clock(rows.time, rows.event, rows.entry, self.sets.time, transform)
        return slope_tests(self.design, self.sets, self.coefficients, clock, self.terms.term_of, self.terms.names)

    def survival(self, profiles: pd.DataFrame, stratum: object = None, level: float = 0.95) -> list[Curve]:
        """Predicted survival of patients with these covariates, one curve for each row of ``profiles``.

        Parameters
        ----------
        profiles : DataFrame
            The columns of the covariates.
        stratum : object, optional
            A value of the strata column (a tuple for several columns); needed where the fit has strata.
        """
        if stratum is None and len(self.rows.strata) == 1:
            stratum = self.rows.strata[0]
        if stratum not in self.rows.strata:
            known = ", ".join(map(str, self.rows.strata))
            raise ValueError(f"stratum {stratum!r} is not one of the fit's strata: {known}")
        code = self.rows.strata.index(stratum)
        inside = self.rows.stratum == code
        entry = None if self.rows.entry is None else self.rows.entry[inside]
        where = (self.rows.time[inside], self.rows.event[inside], entry)
        wanted = self.terms.values(profiles) - self.centre
        fit = (self.design, self.sets, self.coefficients, self.covariance)
        return [predicted_curve(fit, code, where, row, level) for row in wanted]


def cox(
    frame: pd.DataFrame,
    *,
    time: str,
    event: str,
    covariates: Sequence[str],
    entry: str | None = None,
    strata: str | Sequence[str] | None = None,
    ties: str = "efron",
    robust: bool | str = False,
    level: float = 0.95,
) -> CoxFit:
    """Cox regression by maximum partial likelihood.

    Parameters
    ----------
    frame : DataFrame
        One row per patient (or per period of a patient, then with ``entry`` and ``robust`` naming the patient).
        Rows with a missing covariate or stratum are left out and counted in ``omitted``.
    time, event : str
        Columns: months, and 0 / 1 or bool. Competing events must be recoded first: the hazard is cause-specific.
    covariates : sequence of str
        Columns; text and categories are factors against their first level; ``a:b`` is an interaction.
    entry : str, optional
        Column of the month at which observation starts (delayed entry, left truncation).
    strata : str or sequence of str, optional
        Columns; each combination has a baseline hazard of its own.
    ties : {"efron", "breslow"}
    robust : bool or str
        Lin-Wei sandwich errors: True takes every row by itself, a column name sums over the rows of one patient.

    Returns
    -------
    CoxFit

    Raises
    ------
    CannotFit
        No event; a covariate that does not vary, depends on others or separates the events (the message names it).
    ValueError
        A missing, negative or reversed time, an event that is not 0 or 1.

    References
    ----------
    Cox, J R Stat Soc B 1972; 34: 187-220. Efron, J Am Stat Assoc 1977; 72: 557-565. Breslow, Biometrics 1974; 30:
    89-99. Lin, Wei, J Am Stat Assoc 1989; 84: 1074-1078. Statistical design, section 1.
    """
    if isinstance(covariates, str) or not covariates:
        raise CannotFit("Cox regression needs a list of at least one covariate")
    layers = [strata] if isinstance(strata, str) else list(strata or [])
    parts = list(dict.fromkeys(part for name in covariates for part in name.split(":")))
    used = complete_rows(frame, [*parts, *layers], [time, event, entry, robust])
    rows = read_rows(used, time, event, entry, layers, robust if isinstance(robust, str) else None)
    if not rows.event.any():
        raise CannotFit(f"Cox regression: no event among {len(used)} rows; a hazard ratio needs events")
    terms = code_terms(used, covariates)
    sets = risk_sets(rows.time, rows.event, rows.stratum, rows.entry, ties)
    return _fitted(terms, terms.values(used), sets, rows, len(frame) - len(used), (bool(robust), level))


def _fitted(terms: Terms, raw: np.ndarray, sets: Sets, rows: Rows, omitted: int, choices: tuple[bool, float]) -> CoxFit:
    robust, level = choices
    centre, scale = raw.mean(axis=0), raw.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    design = raw - centre
    beta = maximise(design / scale, sets, terms.columns) / scale
    loglik, _, information = derivatives(design, sets, beta)
    model = covariance = np.linalg.inv(information)
    if robust:
        _refuse_few_clusters(rows, len(beta))
        influence = score_residuals(design, sets, beta) @ model
        if rows.cluster is not None:
            influence = pd.DataFrame(influence).groupby(rows.cluster).sum().to_numpy()
        covariance = influence.T @ influence
    null, score, start = derivatives(design, sets, np.zeros_like(beta))
    return CoxFit(
        table=_table(terms.columns, beta, covariance, model if robust else None, level),
        covariance=covariance,
        n=len(raw),
        events=int(rows.event.sum()),
        omitted=omitted,
        loglik=loglik,
        loglik_null=null,
        lr=_test(2 * (loglik - null), len(beta)),
        score=_test(float(score @ np.linalg.solve(start, score)), len(beta)),
        wald=_test(float(beta @ np.linalg.solve(covariance, beta)), len(beta)),
        concordance=_concordance(raw, beta, rows, level),
        terms=terms,
        rows=rows,
        sets=sets,
        design=design,
        centre=centre,
    )


def _refuse_few_clusters(rows: Rows, p: int) -> None:
    clusters = len(rows.time) if rows.cluster is None else int(rows.cluster.max()) + 1
    if clusters <= p:
        raise CannotFit(f"robust errors of {p} coefficients need more than {p} clusters; found {clusters}")


def _table(
    columns: tuple[str, ...], beta: np.ndarray, covariance: np.ndarray, model: np.ndarray | None, level: float
) -> pd.DataFrame:
    if (wild := np.abs(beta) > LARGEST).any():
        name = columns[int(np.argmax(wild))]
        raise CannotFit(f"Cox regression: log hazard ratio of {name} is {beta[wild][0]:.3g} a unit; use a smaller unit")
    error = np.sqrt(np.diag(covariance))
    reach = norm.ppf(0.5 + level / 2) * error
    table = pd.DataFrame(
        {
            "coef": beta,
            "se": error,
            "hr": np.exp(beta),
            "lower": np.exp(beta - reach),
            "upper": np.exp(beta + reach),
            "p": 2 * norm.sf(np.abs(beta / error)),
        },
        index=pd.Index(columns, name="term"),
    )
    return table if model is None else table.assign(model_se=np.sqrt(np.diag(model)))


def _test(statistic: float, df: int) -> Test:
    return Test(statistic, float(df), float(chi2.sf(statistic, df)))


def _concordance(raw: np.ndarray, beta: np.ndarray, rows: Rows, level: float) -> Estimate:
    # Equal covariates must give equal scores to the last bit: ties count half.
    distinct, which = np.unique(raw, axis=0, return_inverse=True)
    score = (distinct @ beta)[which.ravel()]
    return concordance(
        rows.time, rows.event, score, entry=rows.entry, stratum=rows.stratum, cluster=rows.cluster, level=level
    )
