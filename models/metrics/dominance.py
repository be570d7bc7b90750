"""Weight of what lies in a stretch of an ordered list and below a rank: the counting behind concordance."""

from __future__ import annotations

import numpy as np


class Dominance:
    """A wavelet matrix: one pass over all queries for each binary digit of the ranks, instead of one loop per query.

    Parameters
    ----------
    rank : ndarray of int, shape (n,)
        From 0 to distinct - 1, in the order of the list.
    weight : ndarray of float, shape (n,)
    distinct : int

    References
    ----------
    Claude, Navarro, Ordonez, Inf Syst 2015; 47: 15-32.
    """

    def __init__(self, rank: np.ndarray, weight: np.ndarray, distinct: int) -> None:
        self.digits = range(int(distinct).bit_length() - 1, -1, -1)
        self.zeros: list[np.ndarray] = []
        self.weights: list[np.ndarray] = []
        for digit in self.digits:
            zero = (rank >> digit) & 1 == 0
            # Each digit splits the list into zeros and ones, both in their old order.
            split = np.concatenate([np.flatnonzero(zero), np.flatnonzero(~zero)])
            rank, weight = rank[split], weight[split]
            self.zeros.append(_running(zero, np.int32))
            self.weights.append(_running(weight, float))

    def below(self, begin: np.ndarray, end: np.ndarray, rank: np.ndarray) -> np.ndarray:
        """Sum of weights at positions [begin, end) with a rank below ``rank``; 0 for an empty stretch.

        Parameters
        ----------
        begin, end, rank : ndarray of int, shape (q,)
            ``rank`` from 0 to distinct.
        """
        # Neighbouring queries read neighbouring memory.
        order = np.argsort(begin, kind="stable")
        low, wanted = begin[order], rank[order]
        high = np.maximum(end[order], low)
        total = np.zeros(len(order))
        for digit, zeros, weights in zip(self.digits, self.zeros, self.weights, strict=True):
            zero_low, zero_high = zeros[low], zeros[high]
            one = (wanted >> digit) & 1 == 1
            total += np.where(one, weights[zero_high] - weights[zero_low], 0.0)
            low = np.where(one, zeros[-1] + low - zero_low, zero_low)
            high = np.where(one, zeros[-1] + high - zero_high, zero_high)
        out = np.empty(len(order))
        out[order] = total
        return out


def _running(values: np.ndarray, kind: type) -> np.ndarray:
    """Cumulative sums with a leading 0."""
    out: np.ndarray = np.zeros(len(values) + 1, dtype=kind)
    np.cumsum(values, out=out[1:])
    return out
