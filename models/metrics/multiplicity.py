"""Many tests at once: Holm, Benjamini-Hochberg, a fixed sequence. A P value that does not exist (NaN) takes no part."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

PASSED, FAILED, NOT_TESTED = "passed", "not passed", "not tested"


def holm(p: ArrayLike) -> np.ndarray:
    """P values adjusted so that rejecting those at most alpha keeps the family-wise error at alpha.

    Parameters
    ----------
    p : array of float, shape (n,)

    Returns
    -------
    ndarray of float, shape (n,)
        Not below ``p``, at most 1; NaN where ``p`` is.

    References
    ----------
    Holm, Scand J Stat 1979; 6: 65-70.
    """
    return _stepwise(p, lambda ordered, m: np.maximum.accumulate(ordered * (m - np.arange(m))))


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """P values adjusted so that calling those at most q keeps the expected share of false calls at q.

    References
    ----------
    Benjamini, Hochberg, J R Stat Soc B 1995; 57: 289-300.
    """

    def step_up(ordered: np.ndarray, m: int) -> np.ndarray:
        return np.minimum.accumulate((ordered * m / np.arange(1, m + 1))[::-1])[::-1]

    return _stepwise(p, step_up)


def _stepwise(p: ArrayLike, adjust: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
    values = np.asarray(p, dtype=float)
    if np.any((values < 0) | (values > 1)):
        raise ValueError("a P value lies outside 0 to 1")
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    out = np.full(values.shape, np.nan)
    out[order] = np.minimum(adjust(values[order], len(order)), 1.0)
    return out


def fixed_sequence(p: Sequence[float], alpha: float) -> list[str]:
    """Test hypotheses in their order, each at the full alpha, and stop at the first that does not pass.

    Parameters
    ----------
    p : sequence of float
        In the prespecified order; NaN for a hypothesis that could not be tested, which stops the sequence too.
    alpha : float

    Returns
    -------
    list of {"passed", "not passed", "not tested"}

    References
    ----------
    Maurer, Hothorn, Lehmacher, Biometrie in der chemisch-pharmazeutischen Industrie 1995; 6: 3-18.
    """
    out: list[str] = []
    for value in p:
        if out and out[-1] != PASSED or np.isnan(value):
            out.append(NOT_TESTED)
        else:
            out.append(PASSED if value <= alpha else FAILED)
    return out
