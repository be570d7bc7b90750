"""Recalibration in stages: what the number of events can carry, and no more."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from models.estimators.base import SMALLEST, intercept_shift
from models.estimators.logistic import fit_ridge_logistic

UNCHANGED = (0.0, 1.0, 1.0)
# Events from which the slope, and from which two slopes, are estimated (models.slope_recalibration_events and
# models.beta_recalibration_events of the protocol).
Stages = tuple[int, int]


def recalibration(probability: np.ndarray, label: np.ndarray, weight: np.ndarray, stages: Stages) -> np.ndarray:
    """Line that recalibrates a probability: logit q = c + a ln p - b ln(1 - p).

    Parameters
    ----------
    probability, label, weight : ndarray, shape (n,)
        Of labelled patients. Predictions of a model that could overfit must come from fits that did not see the
        patient.
    stages : tuple of int
        Events, and non-events, from which the slope is estimated, and from which both ends have a slope of their own.

    Returns
    -------
    ndarray, shape (3,)
        c, a, b. Few events: a = b = 1, the intercept alone is moved so that the weighted mean meets the weighted event
        rate. From the first stage: a = b, a logistic slope. From the second: beta calibration. No slope is negative,
        so a probability never falls where it rose before; a model whose slope would be negative gives the event rate.

    References
    ----------
    Steyerberg, Clinical Prediction Models, 2019, chapter 15 (intercept, slope). Kull, Silva Filho, Flach, AISTATS
    2017; 54: 623-631 (beta calibration).
    """
    fewest = min(label.sum(), len(label) - label.sum())
    if fewest < stages[0]:
        return np.array([intercept_shift(probability, label, weight), 1.0, 1.0])
    ends = _ends(probability)
    if fewest < stages[1]:
        return _line(ends.sum(axis=1, keepdims=True), np.array([[1.0, 1.0]]), label, weight)
    return _line(ends, np.eye(2), label, weight)


def recalibrated(probability: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Probability after :func:`recalibration`; untouched by (0, 1, 1)."""
    if tuple(line) == UNCHANGED:
        return probability
    return expit(line[0] + _ends(probability) @ line[1:])


def log_loss(label: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> float:
    """Weighted mean of -ln of the probability of what happened."""
    ends = _ends(probability)
    return float(-weight @ np.where(label == 1, ends[:, 0], -ends[:, 1]) / weight.sum())


def in_words(line: np.ndarray) -> dict[str, float]:
    """Figures of a line for a model card."""
    intercept, low, high = (float(value) for value in line)
    if low == high:
        return {"recalibration intercept": intercept, "recalibration slope": low}
    return {"recalibration intercept": intercept, "recalibration slope, ln p": low, "recalibration slope, ln q": high}


def _ends(probability: np.ndarray) -> np.ndarray:
    """ln p and -ln(1 - p), shape (n, 2); their sum is the logit."""
    inside = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.column_stack([np.log(inside), -np.log1p(-inside)])


def _line(columns: np.ndarray, share: np.ndarray, label: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Logistic fit on the columns with slopes kept at or above zero; ``share`` spreads each over a and b."""
    used = np.arange(columns.shape[1])
    while True:
        found = fit_ridge_logistic(columns[:, used], label, weight[None], np.array([SMALLEST]))[0]
        if (found[1:] >= 0).all():
            return np.r_[found[0], found[1:] @ share[used]]
        # Of two slopes the more negative one goes: what is left is the optimum under the constraint (Kull 2017).
        used = np.delete(used, np.argmin(found[1:]))
