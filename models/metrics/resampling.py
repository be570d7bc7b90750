"""Bootstrap of AUC and Brier score by counting: every resample is a row of how often each patient was drawn.

A loop sorts and ranks each resample anew; here patients are sorted once and a resample only changes their counts. The
numbers are those of the loop over :func:`resample_indices` to rounding, whatever the size of the chunks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from models.metrics.discrimination import auc
from models.metrics.intervals import LEVEL, logit_interval, resampled_interval

# Patients x resamples held at once: small enough for the processor's cache, large enough that calls cost nothing.
CELLS = 1 << 18


def resample_indices(n: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """The patients of each resample, one at a time: what every function of this module draws."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield rng.integers(0, n, n)


def resample_counts(n: int, resamples: int, seed: int, cells: int = CELLS) -> Iterator[np.ndarray]:
    """How often each patient is in each resample, in chunks of rows.

    Parameters
    ----------
    n, resamples, seed : int
    cells : int
        About the number of counts in a chunk; it changes the memory and not the draws.

    Yields
    ------
    ndarray of int, shape (rows, n)
        Rows sum to n.
    """
    rng = np.random.default_rng(seed)
    rows = max(1, cells // max(n, 1))
    for first in range(0, resamples, rows):
        m = min(rows, resamples - first)
        drawn = rng.integers(0, n, (m, n))
        drawn += np.arange(0, m * n, n)[:, None]
        yield np.bincount(drawn.ravel(), minlength=m * n).reshape(m, n)


class PairCount:
    """Weighted case-control pairs that a score puts in order, for many sets of weights at once.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
    case, control : ndarray of int
        Patients that may be a case, or a control.
    """

    def __init__(self, score: np.ndarray, case: np.ndarray, control: np.ndarray) -> None:
        self.case = case[np.argsort(score[case])]
        self.control = control[np.argsort(score[control])]
        self.left = np.searchsorted(score[self.control], score[self.case], side="left")
        right = np.searchsorted(score[self.control], score[self.case], side="right")
        # Without a tie between a case and a control one look-up is enough.
        self.right = right if (right > self.left).any() else None

    def area(self, case: np.ndarray, control: np.ndarray) -> np.ndarray:
        """AUC of each row; NaN without cases or controls.

        Parameters
        ----------
        case, control : ndarray, shape (rows, cases) and (rows, controls)
            Weights, columns in the order of the attributes ``case`` and ``control``.
        """
        running = np.zeros((len(control), control.shape[1] + 1), dtype=control.dtype)
        np.cumsum(control, axis=1, out=running[:, 1:])
        below = np.take(running, self.left, axis=1)
        if self.right is not None:
            below += np.take(running, self.right, axis=1)
        won = np.einsum("ij,ij->i", case, below) / (1 if self.right is None else 2)
        pairs = case.sum(axis=1) * running[:, -1]
        return np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)


def resampled_auc(
    label: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    resamples: int,
    seed: int,
    cells: int = CELLS,
) -> np.ndarray:
    """Weighted AUC in bootstrap samples of patients, ties half; several scores on the same resamples.

    Parameters
    ----------
    label : array of 0/1, shape (n,)
    score : array of float, shape (n,) or (n, k)
        Higher means more likely to be a case.
    weight : array of float, shape (n,), optional
        Inverse probabilities of being observed, taken as known; patients with weight 0 do not count.
    resamples, seed : int
    cells : int
        See :func:`resample_counts`.

    Returns
    -------
    ndarray, shape (resamples,) or (resamples, k)
        NaN where a resample lacks a class. A paired difference is the difference of two columns.
    """
    label, score = np.asarray(label, dtype=float), np.asarray(score, dtype=float)
    weight = None if weight is None else np.asarray(weight, dtype=float)
    known = np.ones(len(label), dtype=bool) if weight is None else weight > 0
    case, control = np.flatnonzero((label == 1) & known), np.flatnonzero((label == 0) & known)
    columns = [PairCount(one, case, control) for one in np.atleast_2d(score.T)]
    out = np.empty((resamples, len(columns)))
    done = 0
    for counts in resample_counts(len(label), resamples, seed, cells):
        # Counts stay whole numbers without weights: the area is then exact.
        drawn = counts if weight is None else counts * weight
        for k, pairs in enumerate(columns):
            out[done : done + len(counts), k] = pairs.area(
                np.take(drawn, pairs.case, axis=1), np.take(drawn, pairs.control, axis=1)
            )
        done += len(counts)
    return out[:, 0] if score.ndim == 1 else out


def auc_bootstrap(
    label: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    resamples: int,
    seed: int,
    level: float = LEVEL,
) -> tuple[float, float, float]:
    """Weighted AUC with the bootstrap interval that is symmetric on the logit scale.

    Returns
    -------
    tuple of float
        AUC, lower, upper; limits are NaN when fewer than 10 resamples hold both classes.
    """
    value = auc(label, score, weight)
    drawn = resampled_auc(label, score, weight, resamples=resamples, seed=seed)
    if not 0 < value < 1:
        return value, *logit_interval(value, 0.0, level)
    return value, *resampled_interval(value, drawn, "logit", level)
