"""Turnbull's non-parametric maximum likelihood estimate (NPMLE) of a survival curve from interval-censored times.

Usage (months in; ``lower``, ``upper`` as of ``interval_bounds.read_bounds``)::

    curve = turnbull(lower, upper)                                # IntervalCurve
    curve.at([20, 36])                                            # value, at_left, at_right, defined
    weibull_interval(lower, upper, frame[["arm"]]).hazard_ratios()     # interval_parametric
    interval_score_test(lower, upper, arm, "sun")                 # interval_score
    bootstrap_band(lower, upper, [20, 36], resamples=500, seed=1)      # interval_bands
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.estimates.interval_censored.bounds import read_bounds, read_entry
from models.estimates.interval_censored.masses import maximise_masses


@dataclass(frozen=True)
class IntervalCurve:
    """A survival curve that is known outside its innermost intervals only.

    Attributes
    ----------
    left, right : ndarray, shape (m,)
        Innermost intervals (left, right] that carry mass; left == right is an exact time; right may be infinite.
    mass : ndarray, shape (m,)
        Probability of the event in each; sums to 1. Where inside the interval it falls, the data cannot say.
    loglik : float
    kkt : float
        Largest derivative of the log-likelihood by a mass, divided by n, minus 1, over all innermost intervals: at the
        maximum it is 0 (Karush-Kuhn-Tucker), so no other curve fits better.
    n : int
    """

    left: np.ndarray
    right: np.ndarray
    mass: np.ndarray
    loglik: float
    kkt: float
    n: int

    def at(self, months: float | np.ndarray) -> pd.DataFrame:
        """Survival at months.

        Returns
        -------
        DataFrame
            month, value (every mass at the right end of its interval), at_left, at_right (survival at the left and at
            the right end of the innermost interval around the month: the curve may be anything between), defined
            (True where both agree).
        """
        wanted = np.atleast_1d(np.asarray(months, dtype=float))
        survival = 1 - np.concatenate([[0.0], np.cumsum(self.mass)])
        survival[-1] = 0.0
        closed = np.searchsorted(self.right, wanted, side="right")
        exact = self.left == self.right
        begun = np.where(exact[None, :], self.left <= wanted[:, None], self.left < wanted[:, None]).sum(axis=1)
        high, low = survival[closed], survival[np.maximum(begun, closed)]
        return pd.DataFrame(
            {"month": wanted, "value": high, "at_left": high, "at_right": low, "defined": begun <= closed}
        )

    def quantile(self, p: float = 0.5) -> tuple[float, float]:
        """The innermost interval in which the probability of the event reaches ``p``; the median by default.

        Infinite to the right when the curve does not come down that far.
        """
        place = int(np.searchsorted(np.cumsum(self.mass), p - 1e-9))
        place = min(place, len(self.mass) - 1)
        return float(self.left[place]), float(self.right[place])


def turnbull(lower: Any, upper: Any, *, entry: Any = None) -> IntervalCurve:
    """NPMLE of a survival curve from interval-censored, right-censored and exact times.

    Parameters
    ----------
    lower, upper : array-like, shape (n,)
        Months, the event in (lower, upper]; see ``read_bounds`` for the codes of exact and right-censored times.
    entry : array-like, shape (n,), optional
        Accepted only when nobody enters after time zero.

    Returns
    -------
    IntervalCurve

    Raises
    ------
    ValueError
        For impossible bounds; for delayed entry, under which the NPMLE need not be unique.
    NotConverged
        When the Karush-Kuhn-Tucker conditions are not met at the end.

    References
    ----------
    Turnbull, J R Stat Soc B 1976; 38: 290-295. Gentleman, Geyer, Biometrika 1994; 81: 618-623. Statistical design,
    section 1.
    """
    low, high = read_bounds(lower, upper)
    late = int((read_entry(entry, low) > 0).sum())
    if late:
        raise ValueError(f"{late} patients enter after month 0: the NPMLE takes no delayed entry; use weibull_interval")
    left, right = innermost_intervals(low, high)
    first, last = memberships(low, high, left, right)
    mass, loglik, kkt = maximise_masses(first, last, len(left))
    held = mass > 0
    return IntervalCurve(left[held], right[held], mass[held], loglik, kkt, len(low))


def innermost_intervals(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turnbull's innermost intervals: a left end followed at once by a right end, in order of time.

    At one time an exact left end comes first, then right ends (closed), then open left ends.
    """
    exact = low == high
    at = np.concatenate([low, high])
    rank = np.concatenate([np.where(exact, -1, 1), np.zeros(len(low), dtype=int)])
    begins = np.arange(len(at)) < len(low)
    order = np.lexsort((rank, at))
    here = begins[order][:-1] & ~begins[order][1:]
    return at[order][:-1][here], at[order][1:][here]


def memberships(
    low: np.ndarray, high: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Position of the first and last innermost interval inside each patient's own; there is always one."""
    rank = np.where(left == right, -1, 1)
    own = np.where(low == high, -1, 1)
    after = np.searchsorted(left, low, side="right")
    # At the patient's own left end: an open start lies inside (L, R], an exact time at L does not.
    before = np.searchsorted(left, low, side="left")
    first = np.where(own == -1, before, after)
    step_back = (after > before) & (own == 1)
    tail = np.maximum(after - 1, 0)
    first = np.where(step_back & (rank[tail] == 1), tail, first)
    return first, np.searchsorted(right, high, side="right") - 1
