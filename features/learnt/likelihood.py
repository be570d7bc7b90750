"""Restricted likelihood of a linear mixed model from sums by patient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from features.learnt.slopes import slope_factor, weighted
from features.learnt.sums import Problem, Sums, problem_of, remaining


class Variances(NamedTuple):
    """Fixed effects (b0, b1, b2), covariance of the random ones, residual variance, and whether slopes are random."""

    fixed: np.ndarray
    covariance: np.ndarray
    residual: np.ndarray
    slopes: bool


def fit_variances(sums: Sums, slopes: bool) -> Variances | None:
    """Restricted maximum likelihood of l = b0 + b1 t + b2 arm + u0 + u1 t + e.

    Parameters
    ----------
    sums : Sums
        Of patients with at least one result.
    slopes : bool
        Whether u1 is there. A slope that the results do not show then ends at the boundary, variance 0.

    Returns
    -------
    Variances or None
        None when the results leave nothing to estimate (all on one line).
    """
    total = sums.count.sum()
    centre = sums.month.sum() / total
    spread = np.sqrt(max(sums.month2.sum() / total - centre**2, 0.0))
    timed = spread > 1e-6 * max(centre, 1.0)
    scale = spread if timed else 1.0
    moved = sums.moved(centre, scale)
    terms = np.array([True, timed, bool(np.ptp(sums.arm) > 0)])
    problem = problem_of(moved, terms)
    try:
        factor = _intercept_factor(problem)
        if slopes and timed:
            factor = slope_factor(problem, factor)
        beta, residual = _profile(problem, factor)
    except np.linalg.LinAlgError:
        return None
    fixed = np.zeros(3)
    fixed[terms] = beta
    back = np.array([[1.0, -centre / scale], [0.0, 1.0 / scale]])
    natural = back @ factor * np.sqrt(residual)
    fixed[:2] = back @ fixed[:2]
    return Variances(fixed, natural @ natural.T, np.array(residual), slopes and timed)


def _intercept_factor(problem: Problem) -> np.ndarray:
    """Factor of the random intercept: standard deviation of u0 over that of e, as a 2 x 2 factor.

    Patients with equally many results enter alike, so that the cost of an evaluation does not grow
    with their number.
    """
    counts, place = np.unique(problem.sums.count, return_inverse=True)
    size = problem.levels.shape[1]
    products = np.zeros((len(counts), size, size))
    for group in range(len(counts)):
        levels = problem.levels[place == group]
        products[group] = levels.T @ levels
    patients = np.bincount(place)
    freedom = problem.sums.count.sum() - size + 1

    def deviance(share: float) -> float:
        ratio = share / (1 - share)
        whole = problem.whole - np.tensordot(ratio / (1 + ratio * counts), products, 1)
        _, rss, log_det = remaining(problem, whole)
        return freedom * np.log(rss) + log_det + patients @ np.log1p(ratio * counts)

    best = minimize_scalar(deviance, bounds=(0.0, 1 - 1e-8), method="bounded", options={"xatol": 1e-9})
    share = best.x if best.fun < deviance(0.0) else 0.0
    return np.array([[np.sqrt(share / (1 - share)), 0.0], [0.0, 0.0]])


def _profile(problem: Problem, factor: np.ndarray) -> tuple[np.ndarray, float]:
    """Fixed effects and residual variance at given ratios of variances."""
    whole, _ = weighted(problem, factor[0, 0], factor[1, 0], factor[1, 1])
    cholesky, rss, _ = remaining(problem, whole)
    beta = np.linalg.solve(cholesky[:-1, :-1].T, cholesky[-1, :-1])
    return beta, rss / (problem.sums.count.sum() - len(beta))
