"""Ridge logistic regression for small weighted samples: many fits of the same rows in one batch."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from models.estimators.newton import solve


def fit_ridge_logistic(design: np.ndarray, label: np.ndarray, weights: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Ridge logistic regression, intercept free, one fit per row of ``weights``.

    Maximises sum_i w_i [y_i eta_i - ln(1 + e^eta_i)] - penalty/2 |beta|^2, which is scikit-learn's
    ``LogisticRegression(C=1/penalty)``.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Standardised terms without intercept.
    label : ndarray, shape (n,)
        0 or 1.
    weights : ndarray, shape (batch, n)
        Patient weights of each fit; 0 leaves a patient out.
    penalties : ndarray, shape (batch,)

    Returns
    -------
    ndarray, shape (batch, p + 1)
        Intercept first.
    """
    n, p = design.shape[0], design.shape[1] + 1
    full = np.column_stack([np.ones(n), design])
    products = (full[:, :, None] * full[:, None, :]).reshape(n, p * p)
    ridge = penalties[:, None] * np.r_[0.0, np.ones(p - 1)]
    diagonal = np.eye(p)

    def objective(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        eta = coefficients @ full.T
        probability = expit(eta)
        value = (weights * (label * eta - np.logaddexp(0, eta))).sum(1) - 0.5 * (ridge * coefficients**2).sum(1)
        gradient = (weights * (label - probability)) @ full - ridge * coefficients
        curvature = ((weights * probability * (1 - probability)) @ products).reshape(-1, p, p)
        return value, gradient, curvature + ridge[:, :, None] * diagonal

    prevalence = np.clip((weights @ label) / weights.sum(1), 1e-6, 1 - 1e-6)
    start = np.zeros((len(weights), p))
    start[:, 0] = np.log(prevalence / (1 - prevalence))
    return solve(objective, start)


def deviance(design: np.ndarray, label: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Deviance of each patient under each fit, shape (batch, n)."""
    eta = coefficients[:, :1] + coefficients[:, 1:] @ design.T
    return 2 * (np.logaddexp(0, eta) - label * eta)
