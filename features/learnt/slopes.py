"""Search for the covariance of random levels and slopes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from features.learnt.sums import Problem, remaining

# Parameters are the entries a, b, c of the factor [[a, 0], [b, c]].
BOUNDS = [(0.0, 1e4), (-1e4, 1e4), (0.0, 1e4)]
START = 0.3


def slope_factor(problem: Problem, start: np.ndarray) -> np.ndarray:
    """Lower triangular factor of the covariance of (u0, u1) over the residual variance.

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (2, 2)
        The factor without random slopes; returned when slopes do not make the results more likely.

    Notes
    -----
    Derivatives are exact and the deviance is taken per result, so that the first step does not grow with n. The
    deviance is even in c, hence flat at c = 0 whether or not that is its minimum: a search that ends there is begun
    again from where it ended, and the better end counts.
    """
    value = _deviance_and_gradient(problem)
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 200}
    first = np.array([max(start[0, 0], 0.1), 0.0, START])
    best = minimize(value, first, jac=True, method="L-BFGS-B", bounds=BOUNDS, options=options)
    if best.x[2] == 0.0:
        again = np.array([*best.x[:2], START])
        other = minimize(value, again, jac=True, method="L-BFGS-B", bounds=BOUNDS, options=options)
        best = other if other.fun < best.fun else best
    found = np.array([[best.x[0], 0.0], [best.x[1], best.x[2]]])
    return found if best.fun <= value(start[[0, 1, 1], [0, 0, 1]])[0] else start


def weighted(problem: Problem, a: float, b: float, c: float) -> tuple[np.ndarray, float]:
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


def _deviance_and_gradient(problem: Problem) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Restricted deviance per result, and its gradient.

    With F = [[a, 0], [b, c]], C = Z'Z, G = Z'(X, l), K = F (I + F'C F)^-1 F' and H = (I - C K) G by patient, moving
    D = F F' moves the deviance by tr(dD Q), Q = sum of (I - C K) C - H [(X'WX)^-1 + freedom / rss r r'] H', where
    r = (-beta, 1); dD = dF F' + F dF' makes that 2 Q F. (Lindstrom, Bates, J Am Stat Assoc 1988; 83: 1014-1022.)
    """
    n, t, tt = problem.sums.count, problem.sums.month, problem.sums.month2
    levels, lines = np.ascontiguousarray(problem.levels.T), np.ascontiguousarray(problem.lines.T)
    freedom = float(n.sum()) - len(levels) + 1

    def value(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        a, b, c = parameters
        m00, m01, m11 = 1 + a * a * n + 2 * a * b * t + b * b * tt, c * (a * t + b * tt), 1 + c * c * tt
        det = m00 * m11 - m01 * m01
        k00, k01 = a * a * m11 / det, a * (b * m11 - c * m01) / det
        k11 = (b * b * m11 - 2 * b * c * m01 + c * c * m00) / det
        part = levels @ (k00 * levels + k01 * lines).T + lines @ (k01 * levels + k11 * lines).T
        factor, rss, log_det = remaining(problem, problem.whole - part)
        e00, e01, e10, e11 = 1 - n * k00 - t * k01, -n * k01 - t * k11, -t * k00 - tt * k01, 1 - t * k01 - tt * k11
        h0, h1 = e00 * levels + e01 * lines, e10 * levels + e11 * lines
        weight = _weight(factor, freedom / rss)
        q00 = e00 @ n + e01 @ t - (h0 @ h0.T * weight).sum()
        q01 = e00 @ t + e01 @ tt - (h0 @ h1.T * weight).sum()
        q11 = e10 @ t + e11 @ tt - (h1 @ h1.T * weight).sum()
        deviance = freedom * np.log(rss) + log_det + float(np.log(det).sum())
        gradient = 2 * np.array([q00 * a + q01 * b, q01 * a + q11 * b, q11 * c])
        return deviance / freedom, gradient / freedom

    return value


def _weight(factor: np.ndarray, ratio: float) -> np.ndarray:
    """(X'WX)^-1, bordered by zeros, plus ratio x r r' with r = (-beta, 1), from the Cholesky factor."""
    half = np.linalg.inv(factor[:-1, :-1])
    r = np.append(-half.T @ factor[-1, :-1], 1.0)
    weight = ratio * np.outer(r, r)
    weight[:-1, :-1] += half.T @ half
    return weight
