"""Masses on ordered cells that maximise the likelihood of sets of consecutive cells."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from models.estimators.newton import NotConverged

TOLERANCE = 1e-9
EM_STEPS = 30
NEWTON_STEPS = 200


def maximise_masses(first: np.ndarray, last: np.ndarray, cells: int) -> tuple[np.ndarray, float, float]:
    """Probability of each cell when patient i's event fell in one of cells first[i] ... last[i].

    Thirty steps of EM (Turnbull's self-consistency) bring the masses near; then constrained Newton steps, each a
    non-negative least-squares problem on the cells with mass and the best new candidates, set redundant cells to
    exactly zero, which EM alone reaches only in the limit. Equal rows are counted once; no n x m matrix is kept.

    Parameters
    ----------
    first, last : ndarray of int, shape (n,)
    cells : int

    Returns
    -------
    mass : ndarray, shape (cells,)
    loglik : float
    kkt : float
        Largest derivative by a mass / n - 1, over all cells.

    Raises
    ------
    NotConverged

    References
    ----------
    Wang, J R Stat Soc B 2007; 69: 185-198 (constrained Newton). Dax, SIAM Rev 1990; 32: 611-635 (mass sums to 1).
    """
    pairs, count = np.unique(np.column_stack([first, last]), axis=0, return_counts=True)
    rows = _Rows(pairs[:, 0], pairs[:, 1], count / count.sum(), cells)
    mass = np.full(cells, 1 / cells)
    for _ in range(EM_STEPS):
        mass = mass * rows.gradient(mass)
    for _ in range(NEWTON_STEPS):
        slope = rows.gradient(mass)
        on_support = np.abs(slope[mass > 0] - 1).max()
        if slope.max() - 1 < TOLERANCE and on_support < TOLERANCE:
            mass = mass / mass.sum()
            return mass, rows.value(mass) * len(first), float(slope.max() - 1)
        mass = _newton_step(rows, mass, slope)
    raise NotConverged(f"the NPMLE misses its optimality condition by {slope.max() - 1:.2g} after {NEWTON_STEPS} steps")


class _Rows:
    """Distinct sets of consecutive cells with their share of the patients."""

    def __init__(self, first: np.ndarray, last: np.ndarray, share: np.ndarray, cells: int) -> None:
        self.first, self.last, self.share, self.cells = first, last, share, cells

    def probability(self, mass: np.ndarray) -> np.ndarray:
        total = np.concatenate([[0.0], np.cumsum(mass)])
        return total[self.last + 1] - total[self.first]

    def value(self, mass: np.ndarray) -> float:
        chance = self.probability(mass)
        return float(self.share @ np.log(chance)) if (chance > 0).all() else -np.inf

    def gradient(self, mass: np.ndarray) -> np.ndarray:
        """Derivative of the mean log-likelihood by each mass, shape (cells,)."""
        pull = self.share / self.probability(mass)
        change = np.bincount(self.first, weights=pull, minlength=self.cells + 1)
        change -= np.bincount(self.last + 1, weights=pull, minlength=self.cells + 1)
        return np.cumsum(change[:-1])

    def columns(self, chosen: np.ndarray) -> np.ndarray:
        """Membership of the chosen cells, shape (rows, chosen)."""
        return ((chosen >= self.first[:, None]) & (chosen <= self.last[:, None])).astype(float)


def _newton_step(rows: _Rows, mass: np.ndarray, slope: np.ndarray) -> np.ndarray:
    chosen = np.flatnonzero((mass > 0) | _candidates(mass, slope))
    scaled = rows.columns(chosen) / rows.probability(mass)[:, None]
    # Second-order expansion: minimise sum share (S p - 2)^2 with p >= 0 and sum p = 1, where 2 may be 2 sum p.
    problem = np.vstack([np.sqrt(rows.share)[:, None] * (scaled - 2), np.ones(len(chosen))])
    goal = np.zeros(len(problem))
    goal[-1] = 1.0
    found, _ = nnls(problem, goal, maxiter=50 * len(chosen) + 1000)
    target = np.zeros_like(mass)
    target[chosen] = found / found.sum()
    return _line_search(rows, mass, target, slope)


def _candidates(mass: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Between two neighbours with mass, the cell with the steepest derivative, where that would gain."""
    segment = np.cumsum(mass > 0)
    order = np.lexsort((-slope, segment))
    best = order[np.concatenate([[True], np.diff(segment[order]) > 0])]
    wanted = np.zeros(len(mass), dtype=bool)
    wanted[best] = slope[best] > 1
    return wanted


def _line_search(rows: _Rows, mass: np.ndarray, target: np.ndarray, slope: np.ndarray) -> np.ndarray:
    start, gain = rows.value(mass), float(slope @ (target - mass))
    share = 1.0
    for _ in range(40):
        new = (1 - share) * mass + share * target
        if rows.value(new) >= start + share * gain / 3 - 1e-15 * abs(start):
            return np.where(new > 0, new, 0.0)
        share /= 2
    # No ascent left along the Newton direction within rounding: one self-consistency step instead.
    return mass * slope
