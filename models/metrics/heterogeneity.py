"""Does a model perform alike everywhere: groups of patients, and the spread between sites by random effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from scipy.stats import chi2, t

from models.metrics.intervals import LEVEL, normal_quantile
from models.metrics.probability import Judged

SITE, ARM = "site", "arm"
FIGURES = ("auc", "brier", "oe")
OPEN = (np.nan, np.nan)


@dataclass(frozen=True)
class Group:
    """Some of the judged patients: ``variable`` (arm, site, sex ...), ``level``, and who belongs (bool per patient)."""

    variable: str
    level: str
    rows: np.ndarray

    @property
    def key(self) -> str:
        """Suffix of the group's figures; an arm is named by itself."""
        return self.level if self.variable == ARM else f"{self.variable}: {self.level}"


def groups_of(baseline: pd.DataFrame, age_cut: float) -> list[Group]:
    """Prespecified groups: arm, site, sex, age below and from the cut, primary tumour, grade.

    Parameters
    ----------
    baseline : DataFrame
        One row per judged patient; those of the columns arm, site, sex, age (years), primary_site, grade that exist.
    age_cut : float
        Years; the older group starts at it.

    Returns
    -------
    list of Group
        Levels in the order of their names. Patients whose value is missing belong to no group of that variable.
    """
    values: dict[str, pd.Series] = {name: baseline[name] for name in (ARM, SITE, "sex") if name in baseline}
    if "age" in baseline:
        old = f"{age_cut:g} years or older"
        age = baseline["age"].astype(float)
        band = np.where(age >= age_cut, old, f"below {age_cut:g} years")
        values["age"] = pd.Series(band, age.index).where(age.notna())
    if "primary_site" in baseline:
        primary = baseline["primary_site"].astype(object)
        values["primary"] = primary.where(primary.isna() | (primary == "pancreas"), "other")
    if "grade" in baseline:
        values["grade"] = baseline["grade"]
    return [
        Group(name, str(level), column.eq(level).fillna(False).to_numpy(dtype=bool))
        for name, column in values.items()
        for level in sorted(column.dropna().astype(object).unique(), key=str)
    ]


def subgroup_table(
    judged: Judged,
    groups: list[Group],
    metrics: dict[str, float],
    intervals: dict[str, tuple[float, float]],
    minimum: int,
) -> pd.DataFrame:
    """AUC, Brier score and observed over expected in each group, or why not.

    Parameters
    ----------
    metrics, intervals : dict
        Figures named ``metric|group`` (:attr:`Group.key`).
    minimum : int
        Events and non-events that a group needs.

    Returns
    -------
    DataFrame
        variable, level, n (labelled), events, prevalence, ``auc`` with ``auc_lo`` and ``auc_hi``, the same of ``brier``
        and ``oe``, p (Cochran's test that the AUC, on the logit scale, is one across the levels of the variable;
        exploratory; NaN with fewer than two estimable levels), note.
    """
    rows = []
    for group in groups:
        part = judged.only(group.rows)
        note = part.refusal(minimum)
        row: dict[str, object] = {
            "variable": group.variable,
            "level": group.level,
            "n": int(part.known.sum()),
            "events": part.events,
            "prevalence": part.prevalence,
        }
        for metric in FIGURES:
            name = f"{metric}|{group.key}"
            shown = name in metrics and not note
            row[metric] = metrics[name] if shown else np.nan
            row[f"{metric}_lo"], row[f"{metric}_hi"] = intervals.get(name, OPEN) if shown else OPEN
        rows.append(row | {"note": note})
    figures = [f"{metric}{end}" for metric in FIGURES for end in ("", "_lo", "_hi")]
    table = pd.DataFrame(rows, columns=["variable", "level", "n", "events", "prevalence", *figures, "note"])
    alike = {name: _alike(part) for name, part in table.groupby("variable", sort=False)}
    table.insert(len(table.columns) - 1, "p", table["variable"].map(alike).astype(float))
    return table


def _alike(levels: pd.DataFrame) -> float:
    estimates, errors = _on_logit(levels)
    return random_effects(estimates, errors).p if len(estimates) > 1 else np.nan


def _on_logit(levels: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """AUCs of the estimable levels and their standard errors, both on the logit scale."""
    inside = levels[(levels[["auc", "auc_lo", "auc_hi"]].gt(0) & levels[["auc", "auc_lo", "auc_hi"]].lt(1)).all(axis=1)]
    width = logit(inside["auc_hi"].to_numpy()) - logit(inside["auc_lo"].to_numpy())
    errors = width / (2 * normal_quantile())
    estimable = errors > 0
    return logit(inside["auc"].to_numpy())[estimable], errors[estimable]


@dataclass(frozen=True)
class RandomEffects:
    """Mean and spread of effects that differ between studies or sites, on the scale they were given.

    Attributes
    ----------
    k : int
        Number of effects.
    mean, error, lower, upper : float
        Mean effect, its Hartung-Knapp standard error and interval (t with k - 1 degrees of freedom).
    tau, i2 : float
        Standard deviation between sites (REML); share of the spread that is not chance.
    predicted_lower, predicted_upper : float
        Where the effect of another site would lie (t with k - 2 degrees of freedom); NaN with fewer than three.
    q, p : float
        Cochran's test that all effects are one.
    """

    k: int
    mean: float
    error: float
    lower: float
    upper: float
    tau: float
    i2: float
    predicted_lower: float
    predicted_upper: float
    q: float
    p: float


def random_effects(estimates: ArrayLike, errors: ArrayLike, level: float = LEVEL) -> RandomEffects:
    """Random-effects summary: REML variance between sites, Hartung-Knapp interval, prediction interval.

    The Hartung-Knapp error is never taken smaller than the plain one, since few alike sites would make it too small.

    Parameters
    ----------
    estimates, errors : array of float, shape (k,)
        Effects and their standard errors, k at least 2.

    Raises
    ------
    ValueError
        Fewer than two effects, or an error that is not above zero.

    References
    ----------
    Viechtbauer, J Educ Behav Stat 2005; 30: 261-293 (REML). Hartung, Knapp, Stat Med 2001; 20: 3875-3889; lower bound:
    Rover, Knapp, Friede, BMC Med Res Methodol 2015; 15: 99. Higgins, Thompson, Spiegelhalter, J R Stat Soc A 2009; 172:
    137-159 (prediction). Riley et al., BMJ 2016; 353: i3140 (of model performance).
    """
    effect, variance = np.asarray(estimates, dtype=float), np.asarray(errors, dtype=float) ** 2
    k = len(effect)
    if k < 2 or not np.all(variance > 0) or not np.all(np.isfinite(effect)):
        raise ValueError(f"{k} effects: at least two finite ones with standard errors above zero are needed")
    between = _reml(effect, variance)
    weight = 1 / (variance + between)
    mean = float(weight @ effect / weight.sum())
    knapp = max(1.0, float(weight @ (effect - mean) ** 2 / (k - 1)))
    error = float(np.sqrt(knapp / weight.sum()))
    fixed = 1 / variance
    q = float(fixed @ (effect - fixed @ effect / fixed.sum()) ** 2)
    typical = (k - 1) * fixed.sum() / (fixed.sum() ** 2 - (fixed**2).sum())
    width = float(t.ppf(0.5 + level / 2, k - 1)) * error
    reach = float(t.ppf(0.5 + level / 2, k - 2) * np.sqrt(between + error**2)) if k > 2 else np.nan
    return RandomEffects(
        k, mean, error, mean - width, mean + width, float(np.sqrt(between)), float(between / (between + typical)),
        mean - reach, mean + reach, q, float(chi2.sf(q, k - 1)),
    )  # fmt: skip


def _reml(effect: np.ndarray, variance: np.ndarray) -> float:
    """Restricted maximum likelihood estimate of the variance between sites, by Fisher scoring kept at zero or above."""
    between = max(0.0, float(np.var(effect, ddof=1) - variance.mean()))
    for _ in range(200):
        weight = 1 / (variance + between)
        total = weight.sum()
        residual = effect - weight @ effect / total
        trace = total - (weight**2).sum() / total
        information = (weight**2).sum() - 2 * (weight**3).sum() / total + ((weight**2).sum() / total) ** 2
        moved = max(0.0, between + ((weight * residual) @ (weight * residual) - trace) / information)
        if abs(moved - between) < 1e-12:
            break
        between = moved
    return float(moved)


def across_sites(table: pd.DataFrame, minimum: int) -> dict[str, float]:
    """AUC across the sites of a subgroup table, pooled on the logit scale.

    Parameters
    ----------
    table : DataFrame
        From :func:`subgroup_table`.
    minimum : int
        Sites with an estimable AUC that are needed.

    Returns
    -------
    dict of str to float
        sites, auc, auc_lo, auc_hi, predicted_lo, predicted_hi (AUC of another site), tau (logit), i2, p. Empty with
        fewer sites.
    """
    estimates, errors = _on_logit(table[table["variable"] == SITE])
    if len(estimates) < minimum:
        return {}
    found = random_effects(estimates, errors)
    names = ("auc", "auc_lo", "auc_hi", "predicted_lo", "predicted_hi")
    values = (found.mean, found.lower, found.upper, found.predicted_lower, found.predicted_upper)
    return {
        "sites": float(found.k),
        **{name: float(expit(value)) for name, value in zip(names, values, strict=True)},
        "tau": found.tau,
        "i2": found.i2,
        "p": found.p,
    }
