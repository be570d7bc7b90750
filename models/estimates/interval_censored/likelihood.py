"""Log-likelihood of accelerated failure times, gradient and Hessian: exact, interval, right-censored, truncated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.estimates.interval_censored.families import Family

BOUND = 600.0


@dataclass(frozen=True)
class Times:
    """Log bounds of each patient: the event in (low, high], watched from ``begin`` on; -inf is month 0."""

    low: np.ndarray
    high: np.ndarray
    begin: np.ndarray


@dataclass(frozen=True)
class Parts:
    """Log-likelihood and derivatives by z at the left end (1) and the right end (2) of each patient's interval."""

    value: np.ndarray
    d1: np.ndarray
    d2: np.ndarray
    d11: np.ndarray
    d12: np.ndarray
    d22: np.ndarray


def interval_parts(family: Family, a: np.ndarray, b: np.ndarray) -> Parts:
    """log P(a < W <= b); an infinite end has no derivative."""
    open_left, open_right = np.isneginf(a), np.isposinf(b)
    x, y = np.where(open_left, -BOUND, a), np.where(open_right, 0.0, b)
    y = np.where(open_right, x + 1, y)
    value = np.where(open_right, family.log_survival(x), family.log_between(x, y))
    value = np.where(open_left & open_right, 0.0, value)
    left = np.where(open_left, 0.0, np.exp(family.log_density(x) - value))
    right = np.where(open_right, 0.0, np.exp(family.log_density(y) - value))
    d11 = np.where(open_left, 0.0, -left * family.pull(x) - left**2)
    d22 = np.where(open_right, 0.0, right * family.pull(y) - right**2)
    return Parts(value, -left, right, d11, left * right, d22)


def exact_parts(family: Family, z: np.ndarray) -> Parts:
    """log density at an exact time, without the Jacobian."""
    zero = np.zeros_like(z)
    return Parts(family.log_density(z), family.pull(z), zero, family.bend(z), zero, zero)


def log_likelihood(
    theta: np.ndarray, design: np.ndarray, times: Times, family: Family, fixed_scale: bool
) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian by (beta, log sigma), or by beta alone when sigma is fixed at 1.

    The density of an exact time is that of T, not of log T: the likelihood counts -log t - log sigma.
    """
    beta, log_scale = (theta, 0.0) if fixed_scale else (theta[:-1], theta[-1])
    scale = np.exp(log_scale)
    eta = design @ beta
    a, b, e = ((edge - eta) / scale for edge in (times.low, times.high, times.begin))
    exact = times.low == times.high
    value, gradient, hessian = 0.0, np.zeros(len(beta) + 1), np.zeros((len(beta) + 1,) * 2)
    groups = [(~exact, b, 1.0), (exact, a, 1.0), (np.isfinite(e), e, -1.0)]
    for number, (rows, second, sign) in enumerate(groups):
        if not rows.any():
            continue
        first = e[rows] if number == 2 else a[rows]
        other = np.full(int(rows.sum()), np.inf) if number == 2 else second[rows]
        parts = exact_parts(family, first) if number == 1 else interval_parts(family, first, other)
        found = _chain(parts, first, other, design[rows], scale)
        value += sign * float(parts.value.sum())
        gradient += sign * found[0]
        hessian += sign * found[1]
    value -= float((times.low[exact] + log_scale).sum())
    gradient[-1] -= exact.sum()
    return (value, gradient[:-1], hessian[:-1, :-1]) if fixed_scale else (value, gradient, hessian)


def _chain(
    parts: Parts, a: np.ndarray, b: np.ndarray, design: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """From derivatives by z to derivatives by (beta, log sigma): dz = (-x / sigma, -z)."""
    a, b = np.where(np.isfinite(a), a, 0.0), np.where(np.isfinite(b), b, 0.0)
    slopes = np.column_stack([-design / scale, -a]), np.column_stack([-design / scale, -b])
    gradient = parts.d1 @ slopes[0] + parts.d2 @ slopes[1]
    cross = (slopes[0] * parts.d12[:, None]).T @ slopes[1]
    hessian = (slopes[0] * parts.d11[:, None]).T @ slopes[0] + (slopes[1] * parts.d22[:, None]).T @ slopes[1]
    hessian += cross + cross.T
    bend = (parts.d1 + parts.d2) @ design / scale
    hessian[:-1, -1] += bend
    hessian[-1, :-1] += bend
    hessian[-1, -1] += float(parts.d1 @ a + parts.d2 @ b)
    return gradient, hessian
