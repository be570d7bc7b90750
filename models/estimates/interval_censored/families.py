"""Distributions of W in log T = mu + x beta + sigma W, stable in both tails, with what Newton's method needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_ndtr, ndtri

Function = Callable[[np.ndarray], np.ndarray]
HALF_LOG_TAU = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True)
class Family:
    """One distribution on the log-time scale.

    Attributes
    ----------
    log_density, log_survival : callable
        Of z = (log t - eta) / sigma.
    pull, bend : callable
        First and second derivative of log_density.
    log_between : callable
        log of the probability of (a, b], a and b finite, without cancellation.
    quantile : callable
        z at which a share p has had the event.
    """

    log_density: Function
    log_survival: Function
    pull: Function
    bend: Function
    log_between: Callable[[np.ndarray, np.ndarray], np.ndarray]
    quantile: Function


def _log_one_minus_exp(x: np.ndarray) -> np.ndarray:
    """log(1 - exp(-x)) for x > 0."""
    half = np.log(2)
    return np.where(x > half, np.log1p(-np.exp(-np.maximum(x, half))), np.log(-np.expm1(-np.minimum(x, half))))


def _extreme_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return -np.exp(a) + _log_one_minus_exp(np.exp(a) * np.expm1(b - a))


def _logistic_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # expit(b) - expit(a) = (1 - expit(a)) expit(b) (1 - exp(a - b))
    return -np.logaddexp(0, a) - np.logaddexp(0, -b) + _log_one_minus_exp(b - a)


def _normal_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    flip = a + b > 0
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    return log_ndtr(high) + _log_one_minus_exp(log_ndtr(high) - log_ndtr(low))


EXTREME = Family(
    log_density=lambda z: z - np.exp(z),
    log_survival=lambda z: -np.exp(z),
    pull=lambda z: 1 - np.exp(z),
    bend=lambda z: -np.exp(z),
    log_between=_extreme_between,
    quantile=lambda p: np.log(-np.log1p(-p)),
)
LOGISTIC = Family(
    log_density=lambda z: -np.logaddexp(0, z) - np.logaddexp(0, -z),
    log_survival=lambda z: -np.logaddexp(0, z),
    pull=lambda z: -np.tanh(z / 2),
    bend=lambda z: -2 * expit(z) * expit(-z),
    log_between=_logistic_between,
    quantile=lambda p: np.log(p) - np.log1p(-p),
)
NORMAL = Family(
    log_density=lambda z: -0.5 * z**2 - HALF_LOG_TAU,
    log_survival=lambda z: log_ndtr(-z),
    pull=lambda z: -z,
    bend=lambda z: -np.ones_like(z),
    log_between=_normal_between,
    quantile=ndtri,
)
FAMILIES = {"weibull": EXTREME, "exponential": EXTREME, "loglogistic": LOGISTIC, "lognormal": NORMAL}
