"""Critical values of a group sequential test, by recursive numerical integration of its path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

REACH = 8.0
"""Standard deviations beyond which the density of a path is left out: a tail of 1e-15."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(6)
STEEPEST = 40.0


def _grid(lower: float, upper: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on panels at most ``width`` wide."""
    panels = max(1, int(np.ceil((upper - lower) / width)))
    edges = np.linspace(lower, upper, panels + 1)
    half = np.diff(edges)[:, None] / 2
    middle = (edges[:-1] + edges[1:])[:, None] / 2
    return (middle + half * NODES).ravel(), (half * WEIGHTS).ravel()


def _density(value: np.ndarray, variance: float) -> np.ndarray:
    return np.exp(-(value**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)


class _Path:
    """A Gaussian score process S(t) ~ N(drift t, t) that has not crossed so far, carried from look to look."""

    def __init__(self, information: np.ndarray, drift: float) -> None:
        self.time = information / information[-1]
        self.step = np.diff(self.time, prepend=0.0)
        self.drift = drift
        self.look = 0
        self.place, self.mass = np.zeros(1), np.ones(1)

    def exit_at(self, critical: float) -> float:
        """Probability of crossing ``critical`` (a z value) for the first time at the next look."""
        step = self.step[self.look]
        bound = critical * np.sqrt(self.time[self.look])
        return float(self.mass @ ndtr((self.place + self.drift * step - bound) / np.sqrt(step)))

    def go_on(self, critical: float) -> None:
        """Pass the next look without having crossed ``critical``."""
        step, now = self.step[self.look], self.time[self.look]
        later = self.step[self.look + 1]
        middle, spread = self.drift * now, np.sqrt(now)
        upper = min(critical * spread, middle + REACH * spread)
        lower = min(middle - REACH * spread, upper - spread)
        place, weight = _grid(lower, upper, float(np.sqrt(min(step, later))))
        arrived = _density(place[:, None] - self.place - self.drift * step, step) @ self.mass
        self.place, self.mass = place, weight * arrived
        self.look += 1


def _checked(information: tuple[float, ...]) -> np.ndarray:
    times = np.asarray(information, dtype=float)
    if times.ndim != 1 or not len(times) or not np.isfinite(times).all() or (np.diff(times, prepend=0.0) <= 0).any():
        raise ValueError(f"information {list(information)} does not go; give positive numbers that grow")
    return times


def exit_probabilities(
    critical: tuple[float, ...], information: tuple[float, ...], drift: float = 0.0
) -> tuple[float, ...]:
    """Probability of crossing a one-sided boundary for the first time at each look.

    Parameters
    ----------
    critical : tuple of float, length k
        z value of each look; the upper side only.
    information : tuple of float, length k
        Information (number of labels) at the looks, growing; only their ratios count.
    drift : float
        Mean of the z statistic at the last look; 0 under the null.

    Returns
    -------
    tuple of float, length k
        Their sum is the type I error for ``drift`` 0, the power otherwise.

    Raises
    ------
    ValueError
        When the information does not grow.

    References
    ----------
    Armitage, McPherson, Rowe, J R Stat Soc A 1969; 132: 235-244 (recursive integration); Jennison, Turnbull, Group
    sequential methods, 2000, chapter 19.
    """
    path = _Path(_checked(information), drift)
    return tuple(_walk(path, critical))


def _walk(path: _Path, critical: tuple[float, ...]) -> Iterator[float]:
    for number, z in enumerate(critical, start=1):
        yield path.exit_at(z)
        if number < len(critical):
            path.go_on(z)


@lru_cache(maxsize=64)
def obrien_fleming(fractions: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """One-sided O'Brien-Fleming critical values: z_k = c / sqrt(t_k), c so that the type I error is ``alpha``.

    Parameters
    ----------
    fractions : tuple of float
        Planned information fractions, growing; the last is 1.
    alpha : float
        One-sided type I error of all looks together.

    Returns
    -------
    tuple of float
        For looks at 25, 50, 75 and 100% and alpha .05: 3.469, 2.453, 2.003, 1.735.

    References
    ----------
    O'Brien, Fleming, Biometrics 1979; 35: 549-556.
    """
    shape = 1 / np.sqrt(_checked(fractions) / fractions[-1])

    def excess(constant: float) -> float:
        return sum(exit_probabilities(tuple(constant * shape), fractions)) - alpha

    return tuple(float(z) for z in brentq(excess, 0.0, STEEPEST, xtol=1e-10) * shape)


@lru_cache(maxsize=64)
def planned_spending(fractions: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """Type I error spent up to each planned look by :func:`obrien_fleming`."""
    spent = np.cumsum(exit_probabilities(obrien_fleming(fractions, alpha), fractions))
    return tuple(float(value) for value in spent)


@lru_cache(maxsize=4096)
def spending_boundary(information: tuple[float, ...], spent: tuple[float, ...]) -> tuple[float, ...]:
    """Critical values that spend a given type I error by each look, whatever the information turned out to be.

    With the information of the plan and :func:`planned_spending` they are those of :func:`obrien_fleming`. A look
    that came late, or was passed over because many labels came at once, keeps the total. The information must not
    depend on the statistic: here labels are counted.

    Parameters
    ----------
    information : tuple of float
        Labels at the looks that were taken; only their ratios count.
    spent : tuple of float
        Cumulative type I error by each of them.

    Returns
    -------
    tuple of float
        inf for a look that spends nothing.

    Raises
    ------
    ValueError
        When information or spending does not grow, or as many looks are not given of both.

    References
    ----------
    Lan, DeMets, Biometrika 1983; 70: 659-663.
    """
    if len(spent) != len(information) or (np.diff(spent, prepend=0.0) < 0).any() or not spent or spent[-1] >= 1:
        raise ValueError(f"spending {list(spent)} does not go with {len(information)} looks; it may only grow, below 1")
    path = _Path(_checked(information), 0.0)
    critical: list[float] = []
    for share in np.diff(spent, prepend=0.0):
        if critical:
            path.go_on(critical[-1])
        critical.append(_critical(path, float(share)))
    return tuple(critical)


def _critical(path: _Path, share: float) -> float:
    if path.exit_at(STEEPEST) >= share:
        return float("inf")
    return float(brentq(lambda z: path.exit_at(z) - share, -STEEPEST, STEEPEST, xtol=1e-10))
