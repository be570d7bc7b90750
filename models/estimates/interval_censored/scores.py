"""Do groups differ in interval-censored times? Permutation form of the log-rank tests of Sun and of Finkelstein."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from models.estimates.interval_censored.bounds import read_bounds
from models.estimates.interval_censored.turnbull import IntervalCurve, memberships, turnbull
from models.estimates.values import Test
from models.estimators.newton import CannotFit


@dataclass(frozen=True)
class ScoreTest(Test):
    """A chi-square test with the scores of each group.

    Attributes
    ----------
    groups : tuple
        In sorted (or category) order.
    score, variance : ndarray, shape (k,)
        Sum of the centred scores of each group and its permutation variance. Below zero: events earlier than in the
        others (the sign of Fay and Shaw's package).
    """

    groups: tuple[object, ...]
    score: np.ndarray
    variance: np.ndarray

    @property
    def z(self) -> np.ndarray:
        """Score over its standard deviation by group; with two groups one is the negative of the other."""
        return self.score / np.sqrt(self.variance)


def interval_score_test(lower: Any, upper: Any, group: Any, scores: str = "sun") -> ScoreTest:
    """Log-rank test for interval-censored times, two groups or more, asymptotic permutation form.

    Under the null the censoring mechanism must be the same in all groups: with visit calendars that differ by arm the
    permutation argument fails.

    Parameters
    ----------
    lower, upper : array-like, shape (n,)
        Months, the event in (lower, upper]; see ``read_bounds``.
    group : array-like, shape (n,)
    scores : {"sun", "finkelstein"}
        Sun's scores tend to the log-rank test of exact times under a discrete logistic model; Finkelstein's are the
        score test of grouped proportional hazards.

    Raises
    ------
    ValueError
        For other scores, impossible bounds, or a missing group.
    CannotFit
        With fewer than two groups, or when all scores agree (nothing to compare).

    References
    ----------
    Sun, Stat Med 1996; 15: 1387-1395. Finkelstein, Biometrics 1986; 42: 845-854. Fay, Shaw, J Stat Softw 2010; 36(2).
    """
    if scores not in ("sun", "finkelstein"):
        raise ValueError(f"scores must be sun or finkelstein, not {scores!r}")
    low, high = read_bounds(lower, upper)
    codes, names = pd.Series(group).factorize(sort=True)
    if len(codes) != len(low) or (codes < 0).any():
        raise ValueError(f"group: {len(codes)} values for {len(low)} patients, or empty ones; each patient needs one")
    if len(names) < 2:
        raise CannotFit(f"a test needs two groups; found only {names[0]!r}")
    value = -patient_scores(low, high, turnbull(low, high), scores)
    value = value - value.mean()
    spread = float(value @ value) / (len(low) - 1)
    if spread <= 1e-20:
        raise CannotFit("all patients have the same score: no event can be told from another")
    member = (codes[:, None] == np.arange(len(names))).astype(float)
    centred = member - member.mean(axis=0)
    total = centred.T @ value
    covariance = spread * centred.T @ centred
    statistic = float(total[1:] @ np.linalg.solve(covariance[1:, 1:], total[1:]))
    df = len(names) - 1
    return ScoreTest(
        statistic, float(df), float(chi2.sf(statistic, df)), tuple(names), total, np.diag(covariance).copy()
    )


def patient_scores(low: np.ndarray, high: np.ndarray, curve: IntervalCurve, scores: str) -> np.ndarray:
    """Score of each patient from the common NPMLE; high for an early event, negative for a long time without.

    (g(S_left) - g(S_right)) / (S_left - S_right) with g(S) = S ln S for Finkelstein, -S times the cumulated discrete
    hazard for Sun; S_left and S_right are survival before and after the patient's interval.
    """
    first, last = memberships(low, high, curve.left, curve.right)
    survival = 1 - np.concatenate([[0.0], np.cumsum(curve.mass)])
    survival[-1] = 0.0
    inside = np.maximum(survival, np.finfo(float).tiny)
    if scores == "finkelstein":
        held = survival * np.log(inside)
    else:
        hazard = np.concatenate([[0.0], np.cumsum(curve.mass / inside[:-1])])
        held = -survival * hazard
    return (held[first] - held[last + 1]) / (survival[first] - survival[last + 1])
