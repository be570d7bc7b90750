"""Confidence intervals that respect the range of what they bound."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

LEVEL = 0.95


def normal_quantile(level: float = LEVEL) -> float:
    """Two-sided standard normal quantile, 1.96 for 95%."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def logit_interval(estimate: float, standard_error: float, level: float = LEVEL) -> tuple[float, float]:
    """Interval for a proportion or an AUC, symmetric on the logit scale.

    Parameters
    ----------
    estimate : float
        Between 0 and 1.
    standard_error : float
        On the scale of the estimate; carried over by the delta method.
    level : float
        Coverage.

    Returns
    -------
    tuple of float
        Lower and upper limit inside [0, 1]; NaN when the estimate is not finite. At exactly 0 or 1 the logit does
        not exist: the limit on that side is the estimate, the other is NaN.

    References
    ----------
    Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2.
    """
    if not (np.isfinite(estimate) and np.isfinite(standard_error)):
        return np.nan, np.nan
    if estimate <= 0 or estimate >= 1:
        return (np.nan, 1.0) if estimate >= 1 else (0.0, np.nan)
    spread = normal_quantile(level) * standard_error / (estimate * (1 - estimate))
    return float(logit_shift(estimate, -spread)), float(logit_shift(estimate, spread))


def logit_shift(probability: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """Move a probability by ``shift`` on the logit scale; 0 and 1 stay where they are."""
    return expit(logit(probability) + shift)


def resampled_interval(
    estimate: float, resampled: ArrayLike, scale: str = "identity", level: float = LEVEL
) -> tuple[float, float]:
    """Interval of +-z bootstrap standard deviations around the estimate on a chosen scale.

    Parameters
    ----------
    estimate : float
        The estimate the interval is about (not the bootstrap mean).
    resampled : array of float, shape (n_resamples,)
        The same quantity in bootstrap samples; values that could not be computed are NaN and left out.
    scale : {"identity", "logit", "log"}
        Where the spread is measured: logit for AUC, log for observed over expected.
    level : float
        Coverage.

    Returns
    -------
    tuple of float
        NaN when fewer than 10 resamples are usable.
    """
    forward, backward = _SCALES[scale]
    with np.errstate(all="ignore"):
        values = forward(np.asarray(resampled, dtype=float))
        centre = forward(np.float64(estimate))
    values = values[np.isfinite(values)]
    if len(values) < 10 or not np.isfinite(centre):
        return np.nan, np.nan
    spread = normal_quantile(level) * float(np.std(values, ddof=1))
    return float(backward(centre - spread)), float(backward(centre + spread))


def resampled_p(difference: float, resampled: ArrayLike) -> float:
    """Two-sided P value of no difference: the difference over its bootstrap standard deviation, held against a normal.

    It agrees with :func:`resampled_interval` on the identity scale: below .05 where the 95% interval leaves zero out.
    NaN with fewer than 10 usable resamples or where nothing moves.
    """
    values = np.asarray(resampled, dtype=float)
    values = values[np.isfinite(values)]
    spread = float(np.std(values, ddof=1)) if len(values) >= 10 else 0.0
    if not (np.isfinite(difference) and spread > 0):
        return np.nan
    return float(2 * NormalDist().cdf(-abs(difference) / spread))


def joined(first: ArrayLike, second: ArrayLike, scale: str = "identity") -> np.ndarray:
    """Two independent sources of variation as one: ``first`` moved by the deviations of ``second`` from their mean.

    Parameters
    ----------
    first, second : array of float, shape (n_resamples,)
        The same quantity under either source; NaN where it could not be computed.
    scale : {"identity", "logit", "log"}
        Where the deviations are added.

    Returns
    -------
    ndarray of shape (n_resamples,)
        On the scale of the quantity; NaN where either is.
    """
    forward, backward = _SCALES[scale]
    with np.errstate(all="ignore"):
        one, two = forward(np.asarray(first, dtype=float)), forward(np.asarray(second, dtype=float))
    two = np.where(np.isfinite(two), two, np.nan)
    centre = np.nanmean(two) if np.isfinite(two).any() else np.nan
    return np.asarray(backward(one + two - centre))


def wilson_interval(proportion: float, size: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson score interval on an effective sample size.

    Parameters
    ----------
    proportion : float
        Weighted proportion.
    size : float
        Effective number of patients, ``effective_size(weights)``; need not be whole.
    level : float
        Coverage.

    References
    ----------
    Wilson, J Am Stat Assoc 1927; 22: 209-212. Effective size: Kish, Survey Sampling, 1965.
    """
    if not (np.isfinite(proportion) and size > 0):
        return np.nan, np.nan
    z = normal_quantile(level)
    centre = proportion + z**2 / (2 * size)
    spread = z * np.sqrt(proportion * (1 - proportion) / size + z**2 / (4 * size**2))
    scale = 1 + z**2 / size
    return max(0.0, float((centre - spread) / scale)), min(1.0, float((centre + spread) / scale))


def effective_size(weights: ArrayLike) -> float:
    """Kish's effective sample size (sum w)^2 / sum w^2; 0 without weight."""
    weights = np.asarray(weights, dtype=float)
    square = float((weights**2).sum())
    return float(weights.sum() ** 2 / square) if square > 0 else 0.0


_SCALES = {
    "identity": (lambda v: v, lambda v: v),
    "logit": (logit, expit),
    "log": (np.log, np.exp),
}
