"""Piecewise-constant hazard with an effect of covariates in every piece, from interval-censored times.

For questions that ask where inside its interval an event fell: no shape of the hazard and no constant hazard ratio is
assumed, only that neither jumps between neighbouring pieces without the data saying so (a ridge on differences).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.estimates.interval_censored.bounds import read_bounds
from models.estimators.newton import CannotFit

STEPS = 60
PRECISION = 1e-8
LARGEST_STEP = 2.0
LARGEST_RISE = 600.0


@dataclass(frozen=True)
class PiecewiseFit:
    """log hazard = x beta_k in piece k.

    Attributes
    ----------
    cuts : ndarray, shape (pieces - 1,)
        Months between the pieces; the last piece has no end.
    coefficients : ndarray, shape (pieces, p)
        The first column of the design is 1, its coefficient the log hazard per month where the others are 0.
    hazard : ndarray, shape (n, pieces)
        Of the patients of the fit, per month.
    loglik : float
        Without the penalty.
    """

    cuts: np.ndarray
    coefficients: np.ndarray
    hazard: np.ndarray
    loglik: float

    def cumulative(self, months: np.ndarray) -> np.ndarray:
        """Cumulative hazard of each patient of the fit at a finite month of its own, shape (n,)."""
        return (self.hazard * exposure(np.asarray(months, dtype=float), self.cuts)).sum(axis=1)


def exposure(months: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Months spent in each piece up to a month, shape (n, pieces)."""
    begin, end = np.concatenate([[0.0], cuts]), np.concatenate([cuts, [np.inf]])
    return np.clip(months[:, None] - begin, 0.0, end - begin)


def piecewise_interval(lower: Any, upper: Any, covariates: np.ndarray, cuts: Any, *, ridge: float) -> PiecewiseFit:
    """Maximum penalised likelihood by Newton's method.

    Parameters
    ----------
    lower, upper : array-like, shape (n,)
        Months, the event in (lower, upper]; see ``read_bounds``.
    covariates : ndarray, shape (n, q)
        On a scale of about one standard deviation, because the ridge is.
    cuts : array-like, shape (pieces - 1,)
        Ascending months between the pieces.
    ridge : float
        Penalty ridge / 2 times the squared differences of coefficients between neighbouring pieces, and ridge / 200
        times the squared coefficients of covariates, which keeps them finite when they separate the events.

    Raises
    ------
    ValueError
        For impossible bounds.
    CannotFit
        Without an event, or when Newton's method does not settle.

    References
    ----------
    Friedman, Ann Stat 1982; 10: 101-113 (piecewise exponential). Own derivation of the interval-censored gradient.
    """
    low, high = read_bounds(lower, upper)
    if not np.isfinite(high).any():
        raise CannotFit(f"no event among {len(low)} patients: a hazard needs events")
    cuts = np.asarray(cuts, dtype=float)
    design = np.column_stack([np.ones(len(low)), covariates])
    rows = _Rows.of(low, high, design, cuts)
    penalty = _penalty(len(cuts) + 1, design.shape[1], ridge)
    theta = np.zeros((len(cuts) + 1, design.shape[1]))
    spent = np.where(np.isfinite(high), (low + np.where(np.isfinite(high), high, 0.0)) / 2, low)
    theta[:, 0] = np.log(np.isfinite(high).sum() / spent.sum())
    theta = _maximise(rows, theta, penalty)
    return PiecewiseFit(cuts, theta, np.exp(design @ theta.T), rows.value(theta))


@dataclass(frozen=True)
class _Rows:
    """Exposure of each patient until the last clear scan, and from there to the first positive one."""

    design: np.ndarray
    before: np.ndarray
    inside: np.ndarray
    interval: np.ndarray
    exact: np.ndarray

    @classmethod
    def of(cls, low: np.ndarray, high: np.ndarray, design: np.ndarray, cuts: np.ndarray) -> _Rows:
        before = exposure(low, cuts)
        event = np.isfinite(high)
        inside = np.where(event[:, None], exposure(np.where(event, high, low), cuts) - before, 0.0)
        exact = np.zeros(before.shape)
        same = np.flatnonzero(low == high)
        exact[same, np.searchsorted(cuts, low[same], side="left")] = 1.0
        return cls(design, before, inside, event & (low < high), exact)

    def _parts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        line = self.design @ theta.T
        hazard = np.exp(line)
        total = (hazard * self.inside).sum(axis=1)
        return line, hazard, np.where(self.interval, total, 1.0)

    def value(self, theta: np.ndarray) -> float:
        """Log-likelihood: -H(L) + log(1 - exp(H(L) - H(R))), for an exact time -H + log h."""
        line, hazard, total = self._parts(theta)
        gain = np.where(self.interval, np.log(-np.expm1(-total)), 0.0)
        return float(gain.sum() - (hazard * self.before).sum() + (self.exact * line).sum())

    def derivatives(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and Hessian by the flattened coefficients."""
        _, hazard, total = self._parts(theta)
        odds = np.where(self.interval, 1 / np.expm1(np.minimum(total, LARGEST_RISE)), 0.0)
        curve = np.where(self.interval, odds * (1 + odds), 0.0)
        pull = hazard * (self.inside * odds[:, None] - self.before)
        pieces, p = theta.shape
        gradient = ((pull + self.exact).T @ self.design).ravel()
        wide = (hazard * self.inside * np.sqrt(curve)[:, None])[:, :, None] * self.design[:, None, :]
        wide = wide.reshape(-1, pieces * p)
        hessian = -wide.T @ wide
        within = ((pull[:, :, None] * self.design[:, None, :]).reshape(-1, pieces * p).T @ self.design).reshape(
            -1, p, p
        )
        for k, block in enumerate(within):
            hessian[k * p : (k + 1) * p, k * p : (k + 1) * p] += block
        return gradient, hessian


def _penalty(pieces: int, p: int, ridge: float) -> np.ndarray:
    steps = np.diff(np.eye(pieces), axis=0)
    size = np.kron(np.eye(pieces), np.diag([0.0] + [ridge / 100] * (p - 1)))
    return ridge * np.kron(steps.T @ steps, np.eye(p)) + size


def _maximise(rows: _Rows, theta: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Newton with the information made positive where the likelihood is not concave, and halved steps."""

    def value(at: np.ndarray) -> float:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            found = rows.value(at) - 0.5 * float(at.ravel() @ penalty @ at.ravel())
        return found if np.isfinite(found) else -np.inf

    now = value(theta)
    for _ in range(STEPS):
        gradient, hessian = rows.derivatives(theta)
        gradient = gradient - penalty @ theta.ravel()
        size, axes = np.linalg.eigh(penalty - hessian)
        step = axes @ ((axes.T @ gradient) / np.maximum(np.abs(size), 1e-8 * np.abs(size).max()))
        step *= min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < PRECISION:
            return theta
        for _ in range(30):
            new = theta + step.reshape(theta.shape)
            if (then := value(new)) >= now - 1e-10 * abs(now):
                break
            step = step / 2
        else:
            return theta
        theta, now = new, then
    raise CannotFit(f"the piecewise hazard does not settle in {STEPS} steps; fewer pieces or a larger ridge")
