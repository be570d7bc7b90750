"""Cumulative/dynamic AUC at a horizon that is no visit, from times known only to lie between two scans.

A patient with the first positive scan by the horizon is a case, one whose last clear scan comes at or after it a
control; anybody else is ambiguous and enters as a case with the conditional probability of an event by the horizon, as
a control with the rest. Labels are for horizons at visits (statistical design, section 1); this is for the others.

Which probability matters: benchmarks/interval_auc measures the bias of each, docs/interval_auc.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from data.protocol import Protocol
from models.estimates.interval_censored.bounds import read_bounds
from models.estimates.interval_censored.piecewise import PiecewiseFit, piecewise_interval
from models.estimates.values import Estimate
from models.estimators.newton import CannotFit
from models.metrics.discrimination import auc
from models.metrics.intervals import LEVEL, resampled_interval
from models.metrics.resampling import resample_indices

KNOTS = (0.1, 0.5, 0.9)
FEWEST_LEVELS = 6
FEWEST_FITTED = 0.9
RIDGE = 1.0
REFUSED = {
    "marginal": "weights that ignore the marker pull the AUC towards one half",
    "weibull": "a constant hazard ratio is biased where the effect of the marker changes with time",
    "loglogistic": "a constant odds ratio is biased where the effect of the marker changes with time",
    "midpoint": "it is wrong about a third of the patients whose interval holds the horizon",
    "first_positive": "it turns events before the horizon into controls",
    "drop": "the patients left out are not like the others",
}


@dataclass(frozen=True)
class Limits:
    """How far the simulations reach; beyond, :func:`interval_auc` refuses.

    Attributes
    ----------
    ambiguous_share : float
        Largest share of patients who are neither case nor control for certain.
    minimum_events : int
        Fewest certain cases, and fewest certain controls.
    """

    ambiguous_share: float
    minimum_events: int

    @classmethod
    def of(cls, protocol: Protocol) -> Limits:
        return cls(float(protocol["interval_auc.ambiguous_share"]), int(protocol["validation.minimum_events"]))


@dataclass(frozen=True)
class IntervalAuc(Estimate):
    """AUC with its bootstrap interval, the patients behind it, and how many resamples could be fitted."""

    cases: int = 0
    controls: int = 0
    ambiguous: int = 0
    fitted: int = 0


def interval_auc(
    lower: Any,
    upper: Any,
    marker: Any,
    horizon: float,
    *,
    limits: Limits,
    method: str = "piecewise",
    resamples: int = 200,
    seed: int = 0,
    level: float = LEVEL,
) -> IntervalAuc:
    """AUC of a marker for the event by a horizon.

    Assumes that visits and drop-out depend neither on the event nor on the marker beyond what was seen, and that
    within the interval around the horizon the hazard of a patient is about constant.

    Parameters
    ----------
    lower, upper : array-like, shape (n,)
        Months from the landmark, the event in (lower, upper]; see ``read_bounds``.
    marker : array-like, shape (n,)
        Score or predicted risk, complete; higher is worse. Only its order counts.
    horizon : float
        Months from the landmark.
    limits : Limits
        ``Limits.of(protocol)``.
    method : {"piecewise"}
        A hazard per piece of time with a smooth effect of the marker in each.
    resamples, seed : int
        Patients drawn with replacement, the whole model fitted again; 0 gives no interval.
    level : float

    Returns
    -------
    IntervalAuc
        Limits are +-z bootstrap standard deviations on the logit scale, ``error`` is on the scale of the AUC.

    Raises
    ------
    ValueError
        For impossible bounds, a marker with gaps, a horizon that is not positive, or a method that is biased.
    CannotFit
        When the patients are outside the limits, or fewer than nine resamples in ten can be fitted.
    """
    if method != "piecewise":
        raise ValueError(f"method {method!r}: {REFUSED.get(method, 'unknown')}; use 'piecewise'")
    low, high = read_bounds(lower, upper)
    score = _read_marker(marker, len(low), horizon)
    cases, controls, unclear = _numbers(low, high, horizon)
    _refuse(cases, controls, unclear, horizon, limits)
    value = weighted_pairs(case_probability(low, high, score, horizon), score)
    drawn = np.array([_again(low[i], high[i], score[i], horizon) for i in resample_indices(len(low), resamples, seed)])
    fitted = int(np.isfinite(drawn).sum())
    if fitted < FEWEST_FITTED * resamples:
        raise CannotFit(f"interval AUC: only {fitted} of {resamples} resamples could be fitted; no interval, no answer")
    error = float(np.nanstd(drawn, ddof=1)) if fitted > 1 else float("nan")
    bounds = resampled_interval(value, drawn, "logit", level)
    return IntervalAuc(value, *bounds, error, cases, controls, unclear, fitted)


def case_probability(low: np.ndarray, high: np.ndarray, score: np.ndarray, horizon: float) -> np.ndarray:
    """Probability of an event by the horizon given bounds and marker: 1 or 0 where the bounds say so.

    Parameters
    ----------
    low, high, score : ndarray, shape (n,)
        Checked.
    horizon : float

    Raises
    ------
    CannotFit
        When the hazard cannot be fitted.
    """
    unclear = (low < horizon) & (high > horizon)
    certain = np.where(high <= horizon, 1.0, 0.0)
    if not unclear.any():
        return certain
    cuts = pieces_around(low, high, horizon)
    fit = piecewise_interval(low, high, marker_columns(score), cuts, ridge=RIDGE)
    return np.where(unclear, _conditional(fit, low, high, horizon), certain)


def pieces_around(low: np.ndarray, high: np.ndarray, horizon: float) -> np.ndarray:
    """Cuts between pieces of constant hazard, all at visits: a piece of its own around the horizon.

    The piece runs between the medians of the last clear and the first positive scan of the patients whose events
    straddle the horizon; the time before it is cut once more, at the median of the first positive scans there. A cut
    between two visits would split a hazard on which the data say nothing.
    """
    straddle = (low < horizon) & (high > horizon) & np.isfinite(high)
    if not straddle.any():
        return np.array([np.median(high[high <= horizon])]) if (high <= horizon).any() else np.array([])
    begin, end = (float(np.quantile(side[straddle], 0.5, method="nearest")) for side in (low, high))
    earlier = high[high <= begin]
    first = [float(np.quantile(earlier, 0.5, method="nearest"))] if len(earlier) else []
    cuts = np.unique([*first, begin, end])
    return cuts[cuts > 0]


def marker_columns(score: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks and, with enough distinct values, a natural cubic spline of them; unit deviations."""
    z = ndtri((rankdata(score) - 0.5) / len(score))
    if len(np.unique(score)) < FEWEST_LEVELS:
        return z[:, None]
    first, middle, last = np.quantile(z, KNOTS)
    if not first < middle < last:
        return z[:, None]
    tail = np.maximum(z - last, 0) ** 3
    bend = (np.maximum(z - first, 0) ** 3 - tail) / (last - first)
    bend = bend - (np.maximum(z - middle, 0) ** 3 - tail) / (last - middle)
    return np.column_stack([z, bend / bend.std()])


def weighted_pairs(probability: np.ndarray, score: np.ndarray) -> float:
    """AUC over pairs of two patients, weighted by the probability that one is a case and the other a control."""
    n = len(score)
    both = probability * (1 - probability)
    label, weight = np.repeat([1.0, 0.0], n), np.concatenate([probability, 1 - probability])
    everything = auc(label, np.tile(score, 2), weight)
    pairs = probability.sum() * (1 - probability).sum()
    # A patient is no pair with himself; a tie of that kind counted half.
    return float((everything * pairs - both.sum() / 2) / (pairs - both.sum()))


def _conditional(fit: PiecewiseFit, low: np.ndarray, high: np.ndarray, horizon: float) -> np.ndarray:
    """(S(L) - S(t)) / (S(L) - S(R)) as ratios of 1 - exp(-difference of cumulative hazards)."""
    closed = np.isfinite(high)
    at_low = fit.cumulative(low)
    by_horizon = -np.expm1(at_low - fit.cumulative(np.full(len(low), horizon)))
    by_high = np.where(closed, -np.expm1(at_low - fit.cumulative(np.where(closed, high, 0.0))), 1.0)
    return np.clip(np.divide(by_horizon, by_high, out=np.full(len(low), 0.5), where=by_high > 0), 0.0, 1.0)


def _again(low: np.ndarray, high: np.ndarray, score: np.ndarray, horizon: float) -> float:
    try:
        return weighted_pairs(case_probability(low, high, score, horizon), score)
    except CannotFit:
        return np.nan


def _numbers(low: np.ndarray, high: np.ndarray, horizon: float) -> tuple[int, int, int]:
    cases, controls = int((high <= horizon).sum()), int(((low >= horizon) & (high > horizon)).sum())
    return cases, controls, len(low) - cases - controls


def _read_marker(marker: Any, n: int, horizon: float) -> np.ndarray:
    score = np.asarray(marker, dtype=float)
    if score.shape != (n,) or not np.isfinite(score).all():
        raise ValueError(f"marker: one finite number for each of {n} patients is needed; leave out those without")
    if not horizon > 0:
        raise ValueError(f"horizon {horizon:g}: months after the landmark, above 0")
    return score


def _refuse(cases: int, controls: int, unclear: int, horizon: float, limits: Limits) -> None:
    if min(cases, controls) < limits.minimum_events:
        raise CannotFit(
            f"interval AUC at {horizon:g} months not estimable: {cases} certain cases and {controls} certain controls; "
            f"{limits.minimum_events} of each are needed"
        )
    share = unclear / (cases + controls + unclear)
    if share > limits.ambiguous_share:
        raise CannotFit(
            f"interval AUC at {horizon:g} months not estimable: {share:.0%} of the patients are neither case nor "
            f"control for certain, above {limits.ambiguous_share:.0%}; ask for a horizon nearer to a visit"
        )
