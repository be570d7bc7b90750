"""Ways to an AUC at a horizon off the visits: ours, what failed, and what is done by habit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.interval_auc.worlds import Seen
from models.estimates.interval_censored.families import FAMILIES
from models.estimates.interval_censored.parametric import weibull_interval
from models.estimates.interval_censored.turnbull import IntervalCurve, turnbull
from models.metrics.discrimination import auc, dynamic_auc
from models.metrics.interval_auc import case_probability, marker_columns, weighted_pairs

BINS = 4


def _certain(seen: Seen, horizon: float, between: np.ndarray) -> np.ndarray:
    sure = np.where(seen.upper <= horizon, 1.0, 0.0)
    return np.where((seen.lower < horizon) & (seen.upper > horizon), between, sure)


def _ratio(at_low: np.ndarray, at_horizon: np.ndarray, at_high: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num((at_low - at_horizon) / (at_low - at_high), nan=0.5)


def _read(curve: IntervalCurve, months: np.ndarray) -> np.ndarray:
    """Survival with the mass of an innermost interval spread evenly over it, an infinite one kept at its right end."""
    closed = np.isfinite(curve.right)
    width = np.where(closed, np.maximum(curve.right - curve.left, 1e-12), np.inf)
    finite = np.where(np.isfinite(months), months, 0.0)
    share = np.clip((finite[:, None] - curve.left) / width, 0.0, 1.0)
    return np.where(np.isfinite(months), 1 - share @ curve.mass, 0.0)


def _npmle(lower: np.ndarray, upper: np.ndarray, horizon: float) -> np.ndarray:
    curve = turnbull(lower, upper)
    return _ratio(_read(curve, lower), _read(curve, np.full(len(lower), horizon)), _read(curve, upper))


def marginal(seen: Seen, horizon: float) -> float:
    """NPMLE of everybody, the marker ignored."""
    return weighted_pairs(_certain(seen, horizon, _npmle(seen.lower, seen.upper, horizon)), seen.marker)


def stratified(seen: Seen, horizon: float) -> float:
    """NPMLE within quarters of the marker."""
    part = (np.argsort(np.argsort(seen.marker)) * BINS) // len(seen.marker)
    between = np.empty(len(part))
    for one in range(BINS):
        rows = part == one
        between[rows] = _npmle(seen.lower[rows], seen.upper[rows], horizon)
    return weighted_pairs(_certain(seen, horizon, between), seen.marker)


def _parametric(distribution: str) -> Callable[[Seen, float], float]:
    def method(seen: Seen, horizon: float) -> float:
        columns = marker_columns(seen.marker)
        frame = pd.DataFrame(columns, columns=[f"x{k}" for k in range(columns.shape[1])])
        fit = weibull_interval(seen.lower, seen.upper, frame, distribution)
        coefficients = fit.table["coef"].to_numpy()
        line = coefficients[0] + columns @ coefficients[1 : 1 + columns.shape[1]]

        def survival(months: np.ndarray) -> np.ndarray:
            inside = np.isfinite(months) & (months > 0)
            z = (np.log(np.where(inside, months, 1.0)) - line) / fit.scale
            found = np.exp(FAMILIES[distribution].log_survival(z))
            return np.where(inside, found, np.where(months > 0, 0.0, 1.0))

        at = [survival(months) for months in (seen.lower, np.full(len(line), horizon), seen.upper)]
        return weighted_pairs(_certain(seen, horizon, _ratio(*at)), seen.marker)

    return method


def piecewise(seen: Seen, horizon: float) -> float:
    """What the public function does."""
    return weighted_pairs(case_probability(seen.lower, seen.upper, seen.marker, horizon), seen.marker)


def drop(seen: Seen, horizon: float) -> float:
    """Certain cases against certain controls."""
    sure = (seen.upper <= horizon) | (seen.lower >= horizon)
    return auc((seen.upper <= horizon)[sure].astype(float), seen.marker[sure])


def _dated(share: float) -> Callable[[Seen, float], float]:
    def method(seen: Seen, horizon: float) -> float:
        event = np.isfinite(seen.upper)
        time = np.where(event, seen.lower + share * (np.where(event, seen.upper, 0.0) - seen.lower), seen.lower)
        return dynamic_auc(time, event.astype(int), seen.marker, horizon).estimate

    return method


def whole(seen: Seen, horizon: float) -> float:
    """The true times: unbiased, and drawn from the same patients."""
    return auc((seen.time <= horizon).astype(float), seen.marker)


METHODS: dict[str, Callable[[Seen, float], float]] = {
    "piecewise": piecewise,
    "Weibull": _parametric("weibull"),
    "log-logistic": _parametric("loglogistic"),
    "NPMLE in quarters": stratified,
    "NPMLE, marginal": marginal,
    "midpoint": _dated(0.5),
    "first positive": _dated(1.0),
    "drop": drop,
}
