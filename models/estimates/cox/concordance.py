"""Harrell's concordance with the infinitesimal jackknife standard error."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from models.estimates.values import Estimate

CELLS = 4_000_000


def concordance(
    time: np.ndarray,
    event: np.ndarray,
    score: np.ndarray,
    *,
    entry: np.ndarray | None = None,
    stratum: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
    level: float = 0.95,
) -> Estimate:
    """Probability that of two patients the one with the higher score has the event first; tied scores count half.

    A pair counts when one has an event while the other is at risk beyond it; a censoring on the day of an event comes
    after it, two events on one day do not count.

    Parameters
    ----------
    time, event, score : ndarray, shape (n,)
        A higher score means an earlier event.
    entry : ndarray, shape (n,), optional
        At risk in (entry, time].
    stratum, cluster : ndarray of int, shape (n,), optional
        Pairs are formed within a stratum; standard errors sum over rows of one cluster.

    Returns
    -------
    Estimate
        NaN without a pair to compare. The error is the infinitesimal jackknife, the limits are normal, within 0 to 1.

    References
    ----------
    Harrell et al., Stat Med 1996; 15: 361-387. Therneau, Atkinson, Concordance, vignette of R survival 3.5.
    """
    n = len(time)
    stratum = np.zeros(n, dtype=int) if stratum is None else stratum
    earlier = np.flatnonzero(event)
    wins, pairs = np.zeros(n), np.zeros(n)
    rows = max(1, CELLS // max(n, 1))
    for first in range(0, len(earlier), rows):
        i = earlier[first : first + rows]
        beyond = (time > time[i, None]) | ((time == time[i, None]) & ~event)
        comparable = beyond & (stratum == stratum[i, None])
        if entry is not None:
            comparable &= entry < time[i, None]
        won = comparable * (0.5 + 0.5 * np.sign(score[i, None] - score))
        wins[i] += won.sum(axis=1)
        pairs[i] += comparable.sum(axis=1)
        wins += won.sum(axis=0)
        pairs += comparable.sum(axis=0)
    total = pairs.sum() / 2
    if not total:
        return Estimate(float("nan"))
    value = wins.sum() / 2 / total
    influence = (wins - value * pairs) / total
    if cluster is not None:
        influence = np.bincount(cluster, weights=influence)
    error = float(np.sqrt((influence**2).sum()))
    reach = norm.ppf(0.5 + level / 2) * error
    return Estimate(float(value), float(max(0.0, value - reach)), float(min(1.0, value + reach)), error)
