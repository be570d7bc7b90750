"""Weighted elastic-net logistic regression by proximal Newton steps, warm from one penalty to the next."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path

from models.estimators.newton import NotConverged

STALE = 0.2


def fit_path(
    design: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    penalties: np.ndarray,
    ratio: float = 0.0,
    tolerance: float = 1e-8,
    iterations: int = 500,
) -> np.ndarray:
    """Elastic-net logistic regression at each penalty, intercept free.

    Minimises sum_i w_i [ln(1 + e^eta_i) - y_i eta_i] + penalty [(1 - ratio)/2 |b|^2 + ratio |b|_1], which is
    scikit-learn's ``LogisticRegression(C=1/penalty, l1_ratio=ratio)``.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Standardised terms without intercept.
    label, weight : ndarray, shape (n,)
    penalties : ndarray, shape (k,)
        Above 0. Fitted from the largest to the smallest, each from the one before.
    ratio : float
        Share of the lasso, 0 (ridge) to 1.
    tolerance : float
        Largest change of a coefficient at which a fit counts as converged.
    iterations : int
        Upper bound of steps at one penalty.

    Returns
    -------
    ndarray, shape (k, p + 1)
        Intercept first, in the order of ``penalties``.

    Raises
    ------
    NotConverged

    Notes
    -----
    The curvature is kept from step to step, and from penalty to penalty, as long as the steps shrink fast; the gradient
    is always exact, so where the steps end does not depend on it. With more terms than rows a ridge fit is rotated to
    as many terms as rows, which changes nothing but the time. The inner least squares of the lasso part are
    scikit-learn's coordinate descent.

    References
    ----------
    Friedman, Hastie, Tibshirani, J Stat Softw 2010; 33(1) (glmnet). Lee, Sun, Saunders, SIAM J Optim 2014; 24:
    1420-1443 (proximal Newton).
    """
    n, p = design.shape
    if ratio == 0.0 and p > n:
        left, size, right = np.linalg.svd(design, full_matrices=False)
        small = fit_path(left * size, label, weight, penalties, 0.0, tolerance, iterations)
        return np.column_stack([small[:, 0], small[:, 1:] @ right])
    fit = _Fit(np.column_stack([np.ones(n), design]), label, weight, ratio)
    out = np.empty((len(penalties), p + 1))
    for place in np.argsort(-np.asarray(penalties), kind="stable"):
        out[place] = fit.at(float(penalties[place]), tolerance, iterations)
    return out


class _Fit:
    """State that one penalty hands to the next: where the fit stands and the curvature it was last measured with."""

    def __init__(self, full: np.ndarray, label: np.ndarray, weight: np.ndarray, ratio: float) -> None:
        self.full, self.label, self.weight, self.ratio = full, label, weight, ratio
        prevalence = np.clip(weight @ label / weight.sum(), 1e-6, 1 - 1e-6)
        self.where = np.zeros(full.shape[1])
        self.where[0] = np.log(prevalence / (1 - prevalence))
        self.curvature = np.empty((0, 0))

    def at(self, penalty: float, tolerance: float, iterations: int) -> np.ndarray:
        """Coefficients at a penalty."""
        fresh, refresh, length, size = False, self.curvature.size == 0, 1.0, np.inf
        value, gradient, probability = self._look(self.where, penalty)
        step = None
        for _ in range(iterations):
            if step is None:
                if refresh:
                    spread = self.weight * probability * (1 - probability)
                    self.curvature, fresh = (self.full * spread[:, None]).T @ self.full, True
                step, length, last = self._target(gradient, penalty) - self.where, 1.0, size
                size = float(np.abs(step).max())
                refresh = size > STALE * last
                if size < tolerance:
                    return self.where
            ahead = self.where + length * step
            found = self._look(ahead, penalty)
            if found[0] <= value + 1e-12 * (1 + abs(value)):
                self.where, (value, gradient, probability) = ahead, found
                step, fresh = None, False
            elif fresh:
                length /= 2
            else:
                step, refresh = None, True
        raise NotConverged(f"no convergence after {iterations} steps; the last one was {size:.2g}")

    def _look(self, where: np.ndarray, penalty: float) -> tuple[float, np.ndarray, np.ndarray]:
        """Objective, score of the likelihood and probabilities."""
        eta, size = self.full @ where, np.abs(where[1:])
        probability = expit(eta)
        fit = float(self.weight @ (np.logaddexp(0, eta) - self.label * eta))
        shrink = penalty * float((1 - self.ratio) / 2 * size @ size + self.ratio * size.sum())
        return fit + shrink, (self.weight * (self.label - probability)) @ self.full, probability

    def _target(self, gradient: np.ndarray, penalty: float) -> np.ndarray:
        """Optimum of the quadratic approximation plus penalty; the free intercept is eliminated first."""
        if self.ratio == 0.0:
            ridge = np.full(len(gradient), penalty)
            ridge[0] = 0.0
            curvature = self.curvature.copy()
            np.fill_diagonal(curvature, curvature.diagonal() + ridge)
            return self.where + np.linalg.solve(curvature, gradient - ridge * self.where)
        first, cross = self.curvature[0, 0], self.curvature[0, 1:]
        right = gradient + self.curvature @ self.where
        quadratic = self.curvature[1:, 1:] - np.outer(cross, cross) / first
        linear = right[1:] - cross * right[0] / first
        beta = _least_squares(quadratic, linear, penalty, self.ratio, self.where[1:])
        return np.r_[(right[0] - cross @ beta) / first, beta]


def _least_squares(
    quadratic: np.ndarray, linear: np.ndarray, penalty: float, ratio: float, start: np.ndarray
) -> np.ndarray:
    """Minimum of b'Qb/2 - l'b + penalty [(1 - ratio)/2 |b|^2 + ratio |b|_1]."""
    p = len(linear)
    root = np.linalg.cholesky(quadratic + 1e-10 * np.trace(quadratic) / p * np.eye(p)).T
    target = solve_triangular(root, linear, trans="T")
    with warnings.catch_warnings():
        # A step that stops early is still a step; the fit has its own test of convergence.
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, path, _ = enet_path(
            np.asfortranarray(root),
            target,
            l1_ratio=ratio,
            alphas=[penalty / p],
            coef_init=start,
            precompute=False,
            tol=1e-10,
            max_iter=5000,
        )
    return path[:, 0]
