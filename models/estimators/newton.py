"""Newton's method for many small penalised fits at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Objective = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


class CannotFit(ValueError):
    """These patients cannot carry this model; the message says why."""


class NotConverged(CannotFit):
    """A penalised fit that did not reach its optimum; names the step that was left."""


def solve(
    objective: Objective,
    start: np.ndarray,
    tolerance: float = 1e-9,
    iterations: int = 100,
    longest: float = 2.0,
) -> np.ndarray:
    """Maximise a batch of concave objectives by Newton's method with step halving.

    Parameters
    ----------
    objective : callable
        Takes coefficients (batch, p); returns value (batch,), gradient (batch, p) and negative Hessian (batch, p, p).
    start : ndarray, shape (batch, p)
    tolerance : float
        Largest Newton step at which a fit counts as converged.
    iterations : int
        Upper bound of evaluations.
    longest : float
        No coefficient moves further than this in one step. A step that lowers the objective is halved.

    Raises
    ------
    NotConverged
        When a step stays above ``tolerance``, or the information matrix is singular.
    """
    best = np.array(start, dtype=float)
    reached = np.full(len(best), -np.inf)
    step = np.zeros_like(best)
    size = np.inf
    for _ in range(iterations):
        value, gradient, curvature = objective(best + step)
        worse = value < reached - 1e-10 * (1 + np.abs(reached))
        best = np.where(worse[:, None], best, best + step)
        reached = np.where(worse, reached, value)
        step = np.where(worse[:, None], step / 2, _newton_step(gradient, curvature, longest))
        size = float(np.abs(step).max(initial=0.0))
        if size < tolerance:
            return best + step
    raise NotConverged(f"no convergence after {iterations} Newton steps; the last one was {size:.2g}")


def _newton_step(gradient: np.ndarray, curvature: np.ndarray, longest: float) -> np.ndarray:
    try:
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
    except np.linalg.LinAlgError as error:
        raise NotConverged("the information matrix is singular; a ridge penalty above 0 would help") from error
    reach = np.abs(step).max(axis=-1, keepdims=True)
    return step * np.minimum(1.0, longest / np.maximum(reach, longest))
