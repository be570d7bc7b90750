"""Restricted likelihood of a linear mixed model from sums by patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize, minimize_scalar

SMALLEST = 1e-10


@dataclass(frozen=True)
class Sums:
    """Sufficient statistics of the results of each patient: arm, number, and sums of t, t^2, l, t l and l^2.

    Every field has shape (n,).
    """

    arm: np.ndarray
    count: np.ndarray
    month: np.ndarray
    month2: np.ndarray
    scaled: np.ndarray
    month_scaled: np.ndarray
    scaled2: np.ndarray

    @cached_property
    def stacked(self) -> np.ndarray:
        """The fields as rows of one array, shape (7, n)."""
        names = ("arm", "count", "month", "month2", "scaled", "month_scaled", "scaled2")
        return np.array([getattr(self, name) for name in names])

    @cached_property
    def cross(self) -> np.ndarray:
        """Z'Z by patient, Z = (1, t), shape (n, 2, 2)."""
        return np.array([[self.count, self.month], [self.month, self.month2]]).transpose(2, 0, 1)

    def take(self, rows: np.ndarray) -> Sums:
        """Some patients."""
        return Sums(*self.stacked[:, rows])

    def moved(self, centre: float, scale: float) -> Sums:
        """The same results with t' = (t - centre) / scale."""
        return Sums(
            self.arm,
            self.count,
            (self.month - centre * self.count) / scale,
            (self.month2 - 2 * centre * self.month + centre**2 * self.count) / scale**2,
            self.scaled,
            (self.month_scaled - centre * self.scaled) / scale,
            self.scaled2,
        )


class Variances(NamedTuple):
    """Fixed effects (b0, b1, b2), covariance of the random ones, residual variance, and whether slopes are random."""

    fixed: np.ndarray
    covariance: np.ndarray
    residual: np.ndarray
    slopes: bool


@dataclass(frozen=True)
class Problem:
    """Cross products of the augmented design (terms and l last) that the likelihood is made of.

    Parameters
    ----------
    whole : ndarray, shape (p + 1, p + 1)
        Over all results.
    levels : ndarray, shape (n, p + 1)
        1'(X, l) by patient.
    lines : ndarray, shape (n, p + 1)
        t'(X, l) by patient.
    sums : Sums
    """

    whole: np.ndarray
    levels: np.ndarray
    lines: np.ndarray
    sums: Sums


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
    problem = _problem(moved, terms)
    try:
        factor = _intercept_factor(problem)
        if slopes and timed:
            factor = _slope_factor(problem, factor)
        beta, residual = _profile(problem, factor)
    except np.linalg.LinAlgError:
        return None
    fixed = np.zeros(3)
    fixed[terms] = beta
    back = np.array([[1.0, -centre / scale], [0.0, 1.0 / scale]])
    natural = back @ factor * np.sqrt(residual)
    fixed[:2] = back @ fixed[:2]
    return Variances(fixed, natural @ natural.T, np.array(residual), slopes and timed)


def _problem(sums: Sums, terms: np.ndarray) -> Problem:
    """Cross products for the terms that are there."""
    arm, count, month, month2, scaled, month_scaled, scaled2 = sums.stacked
    levels = np.array([count, month, arm * count, scaled])
    lines = np.array([month, month2, arm * month, month_scaled])
    arms = np.array([arm * count, arm * month, arm**2 * count, arm * scaled])
    ends = np.array([scaled, month_scaled, arm * scaled, scaled2])
    whole = np.array([levels.sum(1), lines.sum(1), arms.sum(1), ends.sum(1)])
    kept = np.r_[terms, True]
    return Problem(whole[np.ix_(kept, kept)], levels[kept].T, lines[kept].T, sums)


def _remaining(problem: Problem, whole: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Cholesky factor of a weighted cross product, its sum of squares about the fit, and ln|X'WX|."""
    factor = np.linalg.cholesky(whole)
    rss = float(factor[-1, -1] ** 2)
    if rss < SMALLEST * float(problem.whole[-1, -1]):
        raise np.linalg.LinAlgError("no spread is left about the fit")
    return factor, rss, 2 * float(np.log(np.diag(factor)[:-1]).sum())


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
        _, rss, log_det = _remaining(problem, whole)
        return freedom * np.log(rss) + log_det + patients @ np.log1p(ratio * counts)

    best = minimize_scalar(deviance, bounds=(0.0, 1 - 1e-8), method="bounded", options={"xatol": 1e-9})
    share = best.x if best.fun < deviance(0.0) else 0.0
    return np.array([[np.sqrt(share / (1 - share)), 0.0], [0.0, 0.0]])


def _slope_factor(problem: Problem, start: np.ndarray) -> np.ndarray:
    """Lower triangular factor of the covariance of (u0, u1) over the residual variance."""
    deviance = _slope_deviance(problem)
    best = minimize(
        deviance,
        np.array([max(start[0, 0], 0.1), 0.0, 0.3]),
        jac="3-point",
        method="L-BFGS-B",
        bounds=[(0.0, 1e4), (-1e4, 1e4), (0.0, 1e4)],
        options={"ftol": 1e-15, "gtol": 1e-8, "maxiter": 200},
    )
    found = np.array([[best.x[0], 0.0], [best.x[1], best.x[2]]])
    return found if best.fun <= deviance(start[[0, 1, 1], [0, 0, 1]]) else start


def _slope_deviance(problem: Problem) -> Callable[[np.ndarray], float]:
    freedom = problem.sums.count.sum() - problem.levels.shape[1] + 1

    def deviance(parameters: np.ndarray) -> float:
        whole, log_det_random = _weighted(problem, *parameters)
        _, rss, log_det = _remaining(problem, whole)
        return float(freedom * np.log(rss) + log_det + log_det_random)

    return deviance


def _weighted(problem: Problem, a: float, b: float, c: float) -> tuple[np.ndarray, float]:
    """(X, l)' (V / residual)^-1 (X, l) and sum ln|V / residual|, with factor [[a, 0], [b, c]] (Woodbury)."""
    n, t, tt = problem.sums.count, problem.sums.month, problem.sums.month2
    m00 = 1 + a * a * n + 2 * a * b * t + b * b * tt
    m01 = c * (a * t + b * tt)
    m11 = 1 + c * c * tt
    det = m00 * m11 - m01 * m01
    first, second = a * problem.levels + b * problem.lines, c * problem.lines
    cross = first.T @ (second * (m01 / det)[:, None])
    part = first.T @ (first * (m11 / det)[:, None]) + second.T @ (second * (m00 / det)[:, None]) - cross - cross.T
    return problem.whole - part, float(np.log(det).sum())


def _profile(problem: Problem, factor: np.ndarray) -> tuple[np.ndarray, float]:
    """Fixed effects and residual variance at given ratios of variances."""
    whole, _ = _weighted(problem, factor[0, 0], factor[1, 0], factor[1, 1])
    cholesky, rss, _ = _remaining(problem, whole)
    beta = np.linalg.solve(cholesky[:-1, :-1].T, cholesky[-1, :-1])
    return beta, rss / (problem.sums.count.sum() - len(beta))
