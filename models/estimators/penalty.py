"""Choosing one ridge penalty by inner cross-validation with the one-standard-error rule."""

from __future__ import annotations

import numpy as np

from models.estimators.cox import RiskSets, fit_ridge_cox, partial_likelihood
from models.estimators.logistic import deviance, fit_ridge_logistic


def inner_masks(groups: np.ndarray, event: np.ndarray, folds: int, repeats: int, seed: int) -> np.ndarray:
    """Held-out rows of repeated k-fold cross-validation by patient, balanced on events.

    Parameters
    ----------
    groups : ndarray of int, shape (n,)
        Patient of each row; a patient is held out with all rows.
    event : ndarray of bool, shape (n,)
    folds, repeats, seed : int

    Returns
    -------
    ndarray of bool, shape (folds * repeats, n)
    """
    patients, position = np.unique(groups, return_inverse=True)
    with_event = np.zeros(len(patients), dtype=bool)
    np.logical_or.at(with_event, position, event)
    rng = np.random.default_rng(seed)
    held = []
    for _ in range(repeats):
        order = np.lexsort((rng.random(len(patients)), with_event))
        fold = np.empty(len(patients), dtype=int)
        fold[order] = np.arange(len(patients)) % folds
        held += [fold[position] == k for k in range(folds)]
    return np.array(held)


def one_standard_error(loss: np.ndarray, penalties: np.ndarray) -> float:
    """Largest penalty whose mean loss is within one standard error of the smallest.

    Parameters
    ----------
    loss : ndarray, shape (n_folds, n_penalties)
        Held-out loss; folds without information are NaN.
    penalties : ndarray, shape (n_penalties,)
        Ascending.

    References
    ----------
    Breiman, Friedman, Olshen, Stone, Classification and Regression Trees, 1984, section 3.4.3.
    """
    loss = loss[np.isfinite(loss).all(axis=1)]
    if len(loss) < 2:
        return float(penalties[-1])
    mean = loss.mean(0)
    best = int(np.argmin(mean))
    error = (loss - loss[:, [best]]).std(0, ddof=1) / np.sqrt(len(loss))
    return float(penalties[np.flatnonzero(mean <= mean[best] + error)[-1]])


def choose_logistic_penalty(
    design: np.ndarray, label: np.ndarray, weight: np.ndarray, held: np.ndarray, penalties: np.ndarray
) -> float:
    """Ridge penalty of a weighted logistic model by held-out deviance per unit of weight."""
    training = np.repeat(np.where(held, 0.0, weight), len(penalties), axis=0)
    usable = ((training * label).sum(1) > 0) & ((training * (1 - label)).sum(1) > 0)
    grid = np.tile(penalties, len(held))
    loss = np.full(len(grid), np.nan)
    coefficients = fit_ridge_logistic(design, label, training[usable], grid[usable])
    outside = np.repeat(np.where(held, weight, 0.0), len(penalties), axis=0)[usable]
    total = outside.sum(1)
    loss[usable] = (outside * deviance(design, label, coefficients)).sum(1) / np.where(total > 0, total, np.nan)
    return one_standard_error(loss.reshape(len(held), len(penalties)), penalties)


def choose_cox_penalty(design: np.ndarray, sets: RiskSets, held: np.ndarray, penalties: np.ndarray) -> float:
    """Ridge penalty of a Cox model by cross-validated partial likelihood: full minus training likelihood.

    References
    ----------
    Verweij, van Houwelingen, Stat Med 1993; 12: 2305-2314.
    """
    training = np.repeat(np.where(held, 0.0, 1.0), len(penalties), axis=0)
    beta = fit_ridge_cox(design, sets, training, np.tile(penalties, len(held)))
    outside = partial_likelihood(design, sets, np.ones_like(training), beta) - partial_likelihood(
        design, sets, training, beta
    )
    return one_standard_error(-outside.reshape(len(held), len(penalties)), penalties)
