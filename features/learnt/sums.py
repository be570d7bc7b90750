"""Sums by patient, and the cross products that a restricted likelihood is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

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


def problem_of(sums: Sums, terms: np.ndarray) -> Problem:
    """Cross products for the terms that are there."""
    arm, count, month, month2, scaled, month_scaled, scaled2 = sums.stacked
    levels = np.array([count, month, arm * count, scaled])
    lines = np.array([month, month2, arm * month, month_scaled])
    arms = np.array([arm * count, arm * month, arm**2 * count, arm * scaled])
    ends = np.array([scaled, month_scaled, arm * scaled, scaled2])
    whole = np.array([levels.sum(1), lines.sum(1), arms.sum(1), ends.sum(1)])
    kept = np.r_[terms, True]
    return Problem(whole[np.ix_(kept, kept)], levels[kept].T, lines[kept].T, sums)


def remaining(problem: Problem, whole: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Cholesky factor of a weighted cross product, its sum of squares about the fit, and ln|X'WX|."""
    factor = np.linalg.cholesky(whole)
    rss = float(factor[-1, -1] ** 2)
    if rss < SMALLEST * float(problem.whole[-1, -1]):
        raise np.linalg.LinAlgError("no spread is left about the fit")
    return factor, rss, 2 * float(np.log(np.diag(factor)[:-1]).sum())
