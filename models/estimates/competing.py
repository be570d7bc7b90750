"""Competing risks: cumulative incidence (Aalen-Johansen) with its variance, and Gray's test between groups.

Usage: ``cause`` codes are 0 censored, 1 the event of interest (recurrence), 2 the competing event (death), as in
``features.outcomes.endpoint_times``; ``cumulative_incidence(time, event, cause=1, entry=entry)`` gives a rising
``Curve`` (``.at(months)``, ``.quantile(p)``); never 1 - Kaplan-Meier. ``gray_test(time, event, group)``.

Own code: the lifelines fitter breaks ties at random and has neither delayed entry nor Gray's test.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2, norm

from models.estimates.risk_table import Times, checked, count, grid_of, labels_of, names_of
from models.estimates.values import Curve, Test

CODES = (0, 1, 2)


def cumulative_incidence(
    time: ArrayLike, event: ArrayLike, cause: int = 1, entry: ArrayLike | None = None, *, level: float = 0.95
) -> Curve:
    """Aalen-Johansen probability of having had one cause first, by time, tied times kept tied.

    F(t) = sum over t_i <= t of S(t_i-) d_ci / n_i with S the Kaplan-Meier curve of any event. The variance is Aalen's
    (1978) with the tie factor (n - d) / (n - 1), the one that ``cmprsk::cuminc`` prints (it differs by O(1/n) from the
    delta-method variance of Marubini and Valsecchi). Limits on the complementary log-log scale, F^exp(+-z s), s =
    error / (F log F); not estimable (NaN) where F is 0 or 1.

    Parameters
    ----------
    time, entry : array, shape (n,)
        As of ``kaplan_meier``.
    event : array, shape (n,)
        0 censored, 1 or 2 the kind of the first event.
    cause : int
        1 or 2.

    Returns
    -------
    Curve
        Rising; ``n_event`` counts this cause, ``n_censor`` the censored without any event.

    Raises
    ------
    ValueError
        See ``risk_table.checked``; an unknown cause.
    """
    if cause not in CODES[1:]:
        raise ValueError(f"cause {cause}: choose 1 or 2")
    times = checked(time, event, entry, codes=CODES)
    any_event, own = count(times), count(_only(times, cause)).n_event
    n, other = any_event.n_risk, any_event.n_event - own
    risk = np.maximum(n, 1)
    after = np.cumprod(1 - any_event.n_event / risk)
    before = np.append(1.0, after[:-1])
    value = np.cumsum(before * own / risk)
    error = np.sqrt(np.maximum(_aalen_variance(value, before, after, risk, own, other), 0.0))
    inside = (value > 0) & (value < 1)
    safe = np.where(inside, value, 0.5)
    # An incidence next to 1 with a wide error has the limits 0 and 1: the power stays a number that can be divided by.
    exponent = norm.ppf(0.5 + level / 2) * np.where(inside, error, np.nan) / (safe * np.log(safe))
    power = np.exp(np.maximum(exponent, -700.0))
    return Curve(any_event.time, value, safe ** (1 / power), safe**power, error, n, own, any_event.n_censor, rises=True)


def _only(times: Times, cause: int) -> Times:
    return Times(times.time, (times.event == cause).astype(int), times.entry)


def _aalen_variance(
    value: np.ndarray, before: np.ndarray, after: np.ndarray, risk: np.ndarray, own: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """Sum over times u <= t of S(u-)^2 / n^2 [(1 - b)^2 d_own + b^2 d_other], b = (F(t) - F(u)) / S(u), with ties."""
    base = (before / risk) ** 2
    at_own = base * own * _tie(own, risk)
    at_other = base * other * _tie(other, risk)
    alive = np.where(after > 0, 1 / np.where(after > 0, after, 1.0), 0.0)
    # (1 - b)^2 with b = (F(t) - F(u)) / S(u): expand in F(t) so that cumulative sums suffice.
    ahead = 1 + value * alive
    constant = np.cumsum(at_own * ahead**2 + at_other * (value * alive) ** 2)
    linear = np.cumsum(at_own * ahead * alive + at_other * value * alive**2)
    square = np.cumsum((at_own + at_other) * alive**2)
    return constant - 2 * value * linear + value**2 * square


def _tie(died: np.ndarray, risk: np.ndarray) -> np.ndarray:
    return np.where(died > 1, (risk - died) / np.maximum(risk - 1, 1), 1.0)


def gray_test(time: ArrayLike, event: ArrayLike, group: ArrayLike, cause: int = 1, *, rho: float = 0) -> Test:
    """Gray's test of equal cumulative incidence of one cause in k groups (Gray 1988; ``cmprsk::cuminc``).

    The score compares the subdistribution hazards with risk sets R_g = n_g (1 - F_g(t-)) / S_g(t-) and weight
    (1 - F(t-))^rho. Right censoring only; the censoring distribution may differ between groups.

    Parameters
    ----------
    time, event : array, shape (n,)
        As of :func:`cumulative_incidence`.
    group : array, shape (n,)
        Labels of at least two groups.

    Returns
    -------
    Test
        Chi-square with k - 1 degrees of freedom; NaN without any event of this cause.

    Raises
    ------
    ValueError
        Fewer than two groups; an unknown cause; see ``risk_table.checked``.
    """
    if cause not in CODES[1:]:
        raise ValueError(f"cause {cause}: choose 1 or 2")
    times, labels = checked(time, event, codes=CODES), labels_of(group)
    names = names_of(labels)
    if len(names) < 2 or len(labels) != len(times.time):
        raise ValueError(f"{len(names)} groups for {len(times.time)} patients: one label each, at least two groups")
    grid = grid_of(times)
    members = [labels == name for name in names]
    risk = np.array([count(times.of(rows), grid).n_risk for rows in members], dtype=float)
    own = np.array([count(_only(times, cause).of(rows), grid).n_event for rows in members])
    every = np.array([count(times.of(rows), grid).n_event for rows in members])
    score, variance = _gray_sums(risk, own, every - own, rho)
    df = len(names) - 1
    if not own.any() or np.linalg.matrix_rank(variance[:-1, :-1]) < df:
        return Test(float("nan"), float(df), float("nan"))
    statistic = float(score[:-1] @ np.linalg.solve(variance[:-1, :-1], score[:-1]))
    return Test(statistic, float(df), float(chi2.sf(statistic, df)))


def _gray_sums(risk: np.ndarray, own: np.ndarray, other: np.ndarray, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """Score by group and its covariance; arrays of groups by times.

    Under the null all groups share F, estimated by its increments d / h with h = sum of n_g / S_g(t-). Each event moves
    the score of group i directly and through the later weights (C_i - c_i(t), what is still to come).
    """
    n = np.maximum(risk, 1)
    after = np.cumprod(1 - (own + other) / n, axis=1)
    before = np.column_stack([np.ones(len(risk)), after[:, :-1]])
    alive, own_incidence = np.maximum(before, np.finfo(float).tiny), np.cumsum(before * own / n, axis=1)
    incidence_before = np.column_stack([np.zeros(len(risk)), own_incidence[:, :-1]])
    size = np.where(risk > 0, risk / alive, 0.0)
    total = np.maximum(size.sum(axis=0), np.finfo(float).tiny)
    at_risk = size * (1 - incidence_before)
    events = own.sum(axis=0)
    pooled = np.cumsum(events / total)
    weight = (1 - np.append(0.0, pooled[:-1])) ** rho
    score = (weight * (own - events * at_risk / np.maximum(at_risk.sum(axis=0), np.finfo(float).tiny))).sum(axis=1)
    step = weight * (np.eye(len(risk))[:, :, None] * size - size[:, None] * size / total)
    past = np.cumsum(step * events / (total * (1 - np.append(0.0, pooled[:-1]))), axis=2)
    ahead = past[:, :, -1:] - past
    ratio = np.where(after > 0, (1 - pooled) / np.where(after > 0, after, 1.0), 0.0)
    seen = (risk > 0) & (events > 0)
    tie = np.where(events > 1, 1 - (events - 1) / np.maximum(total * before - 1, 1e-12), 1.0)
    at_own = np.where(seen, tie * before * events / (total * n), 0.0)
    at_other = np.where(after > 0, _tie(other, risk) * before**2 * other / n**2, 0.0)
    moved, shifted = step + ahead * np.where(after > 0, 1 - ratio, 1.0), ahead * ratio
    variance = np.einsum("ikt,jkt,kt->ij", moved, moved, at_own)
    return score, variance + np.einsum("ikt,jkt,kt->ij", shifted, shifted, at_other)
