"""Weibull, exponential, log-logistic and log-normal times from interval, right-censored and exact data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import norm

from models.estimates.cox.design import code_terms
from models.estimates.interval_censored.bounds import read_bounds, read_entry
from models.estimates.interval_censored.families import FAMILIES
from models.estimates.interval_censored.fit import ParametricFit
from models.estimates.interval_censored.likelihood import Times, log_likelihood
from models.estimators.newton import CannotFit

POLISHING = 25
PRECISION = 1e-9
# Information left along some direction, of the largest: below, the likelihood is level there and has no maximum.
FLAT = 1e-7
NARROWEST = -12.0
DEPENDENT = 1e-10


def weibull_interval(
    lower: Any,
    upper: Any,
    covariates: pd.DataFrame | None = None,
    distribution: str = "weibull",
    *,
    terms: Sequence[str] | None = None,
    entry: Any = None,
    level: float = 0.95,
) -> ParametricFit:
    """Accelerated failure time model by maximum likelihood.

    Parameters
    ----------
    lower, upper : array-like, shape (n,)
        Months, the event in (lower, upper]; see ``read_bounds``. An exact time (lower == upper) must be above 0.
    covariates : DataFrame, optional
        One row per patient, complete; text and categories are factors against their first level.
    distribution : {"weibull", "exponential", "loglogistic", "lognormal"}
    terms : sequence of str, optional
        Columns of ``covariates`` to use, ``a:b`` for an interaction; all columns by default.
    entry : array-like, shape (n,), optional
        Month at which observation starts (delayed entry): the likelihood is conditional on no event until then. For
        patients who were shown to be free of the event at entry, all of them; not where an event before entry would
        have gone unseen (``read_entry``).

    Raises
    ------
    ValueError
        For impossible bounds or an unknown distribution.
    CannotFit
        Without an upper bound anywhere, with covariates that are incomplete, dependent or separate the events, or
        when the scale runs to zero because one time fits everybody.

    References
    ----------
    Odell, Anderson, D'Agostino, Biometrics 1992; 48: 951-959. Parametrised as ``survreg`` of R survival 3.
    """
    if distribution not in FAMILIES:
        raise ValueError(f"distribution {distribution!r}: choose one of {', '.join(FAMILIES)}")
    low, high = read_bounds(lower, upper)
    begin = read_entry(entry, low)
    if (at_zero := (high == 0)).any():
        raise ValueError(f"row {int(np.argmax(at_zero))}: an event at month 0 has no log; leave it out or use turnbull")
    events = int(np.isfinite(high).sum())
    if not events:
        raise CannotFit(f"no event among {len(low)} patients: a {distribution} curve needs events")
    frame = pd.DataFrame(index=range(len(low))) if covariates is None else covariates
    if len(frame) != len(low) or frame.isna().to_numpy().any():
        raise CannotFit(f"covariates: {len(frame)} rows for {len(low)} patients, or empty cells; give complete rows")
    known = code_terms(frame, list(frame.columns) if terms is None else terms)
    with np.errstate(divide="ignore"):
        times = Times(np.log(low), np.log(high), np.log(begin))
    raw = known.values(frame)
    theta, loglik, covariance = _standardised(raw, times, distribution, known.columns)
    alone = np.ones((len(low), 1))
    loglik_null = _maximise(alone, times, distribution, ("(intercept)",))[1] if known.columns else loglik
    scale = 1.0 if distribution == "exponential" else float(np.exp(theta[-1]))
    table = _table(theta, covariance, known.columns, level)
    return ParametricFit(distribution, table, covariance, scale, loglik, loglik_null, len(low), events, known, level)


def _standardised(
    raw: np.ndarray, times: Times, distribution: str, columns: tuple[str, ...]
) -> tuple[np.ndarray, float, np.ndarray]:
    """Fit on covariates with mean 0 and deviation 1; estimates and covariance on the original scale."""
    centre, spread = raw.mean(axis=0), raw.std(axis=0)
    if (flat := spread <= DEPENDENT * np.maximum(1, np.abs(centre))).any():
        raise CannotFit(f"covariate {columns[int(np.argmax(flat))]} does not vary; leave it out")
    design = np.column_stack([np.ones(len(raw)), (raw - centre) / spread])
    values, vectors = np.linalg.eigh(design.T @ design / len(raw))
    if values[0] < DEPENDENT:
        names = ", ".join(n for n, v in zip(columns, vectors[1:, 0], strict=True) if abs(v) > 1e-4)
        raise CannotFit(f"covariates {names} are linearly dependent (one follows from the others); leave one out")
    theta, loglik, covariance = _maximise(design, times, distribution, ("(intercept)", *columns))
    back = np.eye(len(theta))
    inner = slice(1, 1 + raw.shape[1])
    back[inner, inner] = np.diag(1 / spread)
    back[0, inner] = -centre / spread
    return back @ theta, loglik, back @ covariance @ back.T


def _maximise(
    design: np.ndarray, times: Times, distribution: str, columns: tuple[str, ...]
) -> tuple[np.ndarray, float, np.ndarray]:
    """Trust-region Newton, then plain Newton to rounding; the inverse observed information at the maximum."""
    family, fixed = FAMILIES[distribution], distribution == "exponential"

    def parts(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):
            value, gradient, hessian = log_likelihood(theta, design, times, family, fixed)
        sound = np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(hessian).all()
        return (-value, -gradient, -hessian) if sound else (np.inf, gradient, hessian)

    start = np.zeros(design.shape[1] + (not fixed))
    start[0] = _typical(times)
    known: dict[bytes, tuple[float, np.ndarray, np.ndarray]] = {}

    def remembered(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        if theta.tobytes() not in known:
            known[theta.tobytes()] = parts(theta)
        return known[theta.tobytes()]

    theta = minimize(
        lambda theta: remembered(theta)[0],
        start,
        jac=lambda theta: remembered(theta)[1],
        hess=lambda theta: remembered(theta)[2],
        method="trust-exact",
        options={"gtol": 1e-4, "maxiter": 200},
    ).x
    for _ in range(POLISHING):
        value, gradient, information = parts(theta)
        size = np.linalg.eigvalsh(information) if np.isfinite(value) else np.array([-1.0, 1.0])
        if size[0] <= FLAT * size[-1] or (not fixed and theta[-1] < NARROWEST):
            break
        step = np.linalg.solve(information, gradient)
        if np.abs(step).max() < PRECISION:
            return theta, -value, np.linalg.inv(information)
        theta = theta - step * min(1.0, 1.0 / np.abs(step).max())
    raise CannotFit(_reason(theta, information, columns, distribution))


def _reason(theta: np.ndarray, information: np.ndarray, columns: tuple[str, ...], distribution: str) -> str:
    """Along which coefficient the likelihood keeps rising."""
    direction = np.abs(np.linalg.eigh(np.nan_to_num(information))[1][:, 0])
    # The intercept moves with the level that has no maximum of its own: name the level.
    direction[0] *= 0.3
    name = (*columns, "log(scale)")[int(np.argmax(direction))]
    if name == "log(scale)" or (len(theta) > len(columns) and theta[-1] < np.log(1e-3)):
        return f"{distribution}: the scale runs to zero (the same time fits every interval); no curve of this form"
    return f"{distribution}: no finite estimate for {name} (a level without any event?); merge levels or leave it out"


def _typical(times: Times) -> float:
    """Mean log time, an interval counting by the middle of its months and a right-censored one by its left end."""
    low, high = np.exp(times.low), np.exp(times.high)
    middle = np.where(np.isinf(high), low, (low + np.where(np.isinf(high), low, high)) / 2)
    return float(np.log(middle[middle > 0]).mean())


def _table(theta: np.ndarray, covariance: np.ndarray, columns: tuple[str, ...], level: float) -> pd.DataFrame:
    names = ["(intercept)", *columns, "log(scale)"][: len(theta)]
    error = np.sqrt(np.diag(covariance))
    reach = norm.ppf(0.5 + level / 2) * error
    p = 2 * norm.sf(np.abs(theta / error))
    p[len(columns) + 1 :] = np.nan
    return pd.DataFrame(
        {"coef": theta, "se": error, "lower": theta - reach, "upper": theta + reach, "p": p},
        index=pd.Index(names, name="term"),
    )
