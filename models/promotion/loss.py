"""The paired difference in Brier score, patient by patient, and its studentised mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.metrics.intervals import normal_quantile


def loss_difference(label: np.ndarray, champion: np.ndarray, challenger: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """d_i = w_i [(p_champion - y)^2 - (p_challenger - y)^2]: above 0 where the challenger was nearer.

    Parameters
    ----------
    label : ndarray of float, shape (n,)
        1 event, 0 none, NaN unknown (d = 0 then: its weight is 0).
    champion, challenger : ndarray of float, shape (n,)
        Frozen probabilities of the same patients.
    weight : ndarray of float, shape (n,)
        From the past only (:func:`models.promotion.weights.weights_from_past`).

    Returns
    -------
    ndarray of float, shape (n,)
        Over all mature patients, the censored with 0, its mean estimates the difference in Brier score of the whole
        risk set. Exchanging the two models changes the sign and nothing else.
    """
    known = ~np.isnan(label) & (weight > 0)
    outcome = np.where(known, label, 0.0)
    difference = (champion - outcome) ** 2 - (challenger - outcome) ** 2
    return np.where(known, weight * difference, 0.0)


@dataclass(frozen=True)
class Mean:
    """Mean of d with its standard error; ``z`` is their ratio (0 where d does not vary, NaN below 2 patients)."""

    size: int
    mean: float
    error: float
    z: float

    def limit(self, side: int, level: float) -> float:
        """One-sided confidence limit of the mean, ``side`` +1 upper or -1 lower, by the normal quantile."""
        return self.mean + side * normal_quantile(2 * level - 1) * self.error


def studentised(d: np.ndarray) -> Mean:
    """Studentised mean of the loss differences.

    The error is the sample standard deviation over sqrt(n), with the weights taken as known: they are fixed before the
    outcome they weigh. What their estimation adds is an error common to later patients; where both models are equally
    good on average given label and visit it has mean 0, and the simulations estimate the weights as the gate does.

    Parameters
    ----------
    d : ndarray of float, shape (n,)
    """
    size = len(d)
    if size < 2:
        return Mean(size, float(d.mean()) if size else np.nan, np.nan, np.nan)
    mean, error = float(d.mean()), float(d.std(ddof=1) / np.sqrt(size))
    return Mean(size, mean, error, mean / error if error > 0 else 0.0)
