"""Bootstrap bands of interval-censored curves: patients drawn with replacement, the whole estimate repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from models.estimates.interval_censored.bounds import read_bounds
from models.estimates.interval_censored.families import FAMILIES
from models.estimates.interval_censored.parametric import weibull_interval
from models.estimates.interval_censored.turnbull import turnbull
from models.estimators.newton import CannotFit

FEWEST_FITTED = 0.9


def bootstrap_band(
    lower: Any,
    upper: Any,
    months: Any,
    fit: str = "turnbull",
    resamples: int = 500,
    seed: int = 0,
    *,
    level: float = 0.95,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Survival at months with percentile limits by the non-parametric bootstrap.

    Each resample has its own random stream from (seed, number), so the result does not depend on ``workers``.

    Parameters
    ----------
    lower, upper : array-like, shape (n,)
        Months, the event in (lower, upper]; see ``read_bounds``. One group at a time.
    months : array-like, shape (m,)
    fit : {"turnbull", "weibull", "exponential", "loglogistic", "lognormal"}
    resamples, seed : int
    level : float
        Pointwise.
    workers : int
        Processes.
    progress : callable, optional
        Called with (done, resamples) after each resample.

    Returns
    -------
    DataFrame
        month, value, at_left, at_right, lower, upper, fitted (resamples that could be fitted). Where the NPMLE is
        undefined, ``upper`` is a limit of the highest and ``lower`` of the lowest curve that the resamples allow. The
        bootstrap of the NPMLE is a working approximation (the estimate converges slower than root n).

    Raises
    ------
    CannotFit
        When more than one resample in ten cannot be fitted.
    ValueError
        For an unknown fit, fewer than two resamples, or impossible bounds.
    """
    _refuse_choice(fit, resamples)
    low, high = read_bounds(lower, upper)
    wanted = np.atleast_1d(np.asarray(months, dtype=float))
    value, lowest = _curve(low, high, wanted, fit)
    jobs = (delayed(_resampled)(low, high, wanted, fit, seed, number) for number in range(resamples))
    results = []
    for found in Parallel(n_jobs=workers, return_as="generator")(jobs):
        results.append(found)
        if progress is not None:
            progress(len(results), resamples)
    curves = np.array([found for found in results if found is not None])
    if len(curves) < FEWEST_FITTED * resamples:
        raise CannotFit(
            f"{fit}: only {len(curves)} of {resamples} resamples could be fitted; too few events for a band"
        )
    tail = 0.5 - level / 2
    return pd.DataFrame(
        {
            "month": wanted,
            "value": value,
            "at_left": value,
            "at_right": lowest,
            "lower": np.quantile(curves[:, 1], tail, axis=0),
            "upper": np.quantile(curves[:, 0], 1 - tail, axis=0),
            "fitted": len(curves),
        }
    )


def _refuse_choice(fit: str, resamples: int) -> None:
    if fit != "turnbull" and fit not in FAMILIES:
        raise ValueError(f"fit {fit!r}: choose turnbull or one of {', '.join(FAMILIES)}")
    if resamples < 2:
        raise ValueError(f"resamples: found {resamples}; a band needs two or more, a report 500")


def _resampled(
    low: np.ndarray, high: np.ndarray, months: np.ndarray, fit: str, seed: int, number: int
) -> tuple[np.ndarray, np.ndarray] | None:
    drawn = np.random.default_rng([seed, number]).integers(0, len(low), len(low))
    try:
        return _curve(low[drawn], high[drawn], months, fit)
    except CannotFit:
        return None


def _curve(low: np.ndarray, high: np.ndarray, months: np.ndarray, fit: str) -> tuple[np.ndarray, np.ndarray]:
    """Highest and lowest survival at the months."""
    if fit == "turnbull":
        read = turnbull(low, high).at(months)
        return read["at_left"].to_numpy(), read["at_right"].to_numpy()
    value = weibull_interval(low, high, distribution=fit).at(months)["value"].to_numpy()
    return value, value
