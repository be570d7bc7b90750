"""Truths and visit schedules of the interval-AUC benchmark, with the AUC they have by numerical integration.

A world is a survival function given a standard normal marker; a schedule decides when its patients are seen. Visits
and drop-out never depend on the event or the marker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import norm

GRID = np.linspace(-7, 7, 4001)
LATEST = 2000.0


@dataclass(frozen=True)
class World:
    """Cumulative hazard by month and marker; ``cured`` is the share that never has the event, by marker."""

    hazard: Callable[[np.ndarray, np.ndarray], np.ndarray]
    cured: Callable[[np.ndarray], np.ndarray] = np.zeros_like

    def survival(self, month: np.ndarray, marker: np.ndarray) -> np.ndarray:
        never = self.cured(marker)
        return never + (1 - never) * np.exp(-self.hazard(month, marker))

    def auc(self, horizon: float) -> float:
        """Cumulative/dynamic AUC of the marker at a horizon, to about 1e-6."""
        density = norm.pdf(GRID)
        free = self.survival(np.full_like(GRID, horizon), GRID) * density
        case = density - free
        below = np.cumsum(free) - free / 2
        return float(case @ below / (case.sum() * free.sum()))

    def draw(self, marker: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Event months by bisection of the survival function; infinite for the cured and beyond ``LATEST``."""
        level = rng.random(len(marker))
        low, high = np.zeros(len(marker)), np.full(len(marker), LATEST)
        for _ in range(45):
            middle = (low + high) / 2
            later = self.survival(middle, marker) > level
            low, high = np.where(later, middle, low), np.where(later, high, middle)
        return np.where(self.survival(np.full(len(marker), LATEST), marker) > level, np.inf, high)


def _power(scale: float, shape: float, effect: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda t, m: (t / scale) ** shape * np.exp(effect * m)


def _lognormal(t: np.ndarray, m: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return -norm.logsf((np.log(t) - 3.2 + 0.7 * m) / np.exp(0.25 * m))


def _waning(t: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Hazard ratio exp(1.3 m) until month 15, none after."""
    return 0.012 * np.exp(1.3 * m) * np.minimum(t, 15) + 0.03 * np.maximum(t - 15, 0)


def _crossing(t: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Low markers recur early until month 12, high ones late."""
    return 0.015 * np.exp(-0.6 * m) * np.minimum(t, 12) + 0.02 * np.exp(1.2 * m) * np.maximum(t - 12, 0)


WORLDS = {
    "Weibull": World(_power(30, 1.3, 1.0)),
    "no effect": World(_power(30, 1.3, 0.0)),
    "log-normal, spread by marker": World(_lognormal),
    "waning effect": World(_waning),
    "crossing hazards": World(_crossing),
    "U-shaped effect": World(lambda t, m: (t / 45) ** 1.2 * np.exp(0.5 * m + 0.5 * np.minimum(m**2, 9))),
    "cured share": World(_power(14, 1.6, 0.5), lambda m: expit(-0.2 - 0.9 * m)),
}


@dataclass(frozen=True)
class Schedule:
    """Planned months, deviation (uniform +-), share of missed visits, drop-out per month, and the horizon asked."""

    months: tuple[float, ...]
    jitter: float
    missed: float
    lost: float
    horizon: float


SCHEDULES = {
    "dense": Schedule((3, 6, 9, 12, 18, 24, 30, 36, 48, 60), 0.9, 0.1, 0.004, 20.0),
    "dense, to the day": Schedule((3, 6, 9, 12, 18, 24, 30, 36, 48, 60), 0.0, 0.1, 0.004, 21.0),
    "sparse": Schedule((6, 12, 24, 36, 48, 60), 0.9, 0.2, 0.006, 30.0),
    "too sparse": Schedule((12, 36, 60), 0.9, 0.3, 0.006, 24.0),
}


@dataclass(frozen=True)
class Seen:
    """A drawn cohort: true month, bounds (lower, upper], marker."""

    time: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    marker: np.ndarray


def draw(world: World, schedule: Schedule, n: int, rng: np.random.Generator) -> Seen:
    """One cohort."""
    marker = rng.normal(size=n)
    time = world.draw(marker, rng)
    visits = np.asarray(schedule.months) + schedule.jitter * rng.uniform(-1, 1, (n, len(schedule.months)))
    gone = rng.exponential(1 / schedule.lost, n)
    attended = (rng.random(visits.shape) >= schedule.missed) & (visits <= gone[:, None])
    clear = attended & (visits < time[:, None])
    lower = np.where(clear, visits, 0.0).max(axis=1)
    upper = np.where(attended & ~clear, visits, np.inf).min(axis=1)
    return Seen(time, lower, upper, marker)
