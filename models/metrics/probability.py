"""Performance of predictions under censoring weights, each with an interval or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.estimators.base import bounded_logit
from models.metrics.calibration import calibration
from models.metrics.discrimination import auc_with_interval

NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True)
class Judged:
    """Labels, weights and arms of the patients a model is judged on; what every metric takes.

    Attributes
    ----------
    label : ndarray of float
        1 event, 0 none, NaN unknown (weight 0 then).
    weight : ndarray of float
        Inverse probability of being observed.
    arm : ndarray of str
    """

    label: np.ndarray
    weight: np.ndarray
    arm: np.ndarray

    def only(self, rows: np.ndarray) -> Judged:
        """Some of the patients."""
        return Judged(self.label[rows], self.weight[rows], self.arm[rows])

    @property
    def known(self) -> np.ndarray:
        return ~np.isnan(self.label) & (self.weight > 0)

    @property
    def events(self) -> int:
        return int((self.label[self.known] == 1).sum())

    @property
    def non_events(self) -> int:
        return int((self.label[self.known] == 0).sum())

    @property
    def prevalence(self) -> float:
        """Weighted event rate: cumulative incidence by the horizon."""
        known = self.known
        total = self.weight[known].sum()
        return float(self.weight[known] @ self.label[known] / total) if total > 0 else np.nan

    def refusal(self, minimum: int) -> str:
        """Why nothing can be said: fewer than ``minimum`` events or non-events; empty when enough."""
        if min(self.events, self.non_events) >= minimum:
            return ""
        return f"{NOT_ESTIMABLE}: {self.events} events and {self.non_events} non-events; {minimum} of each are needed"


def average_precision(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Weighted average precision: sum over thresholds of (recall step) x precision. Chance level is the prevalence."""
    thresholds, position = np.unique(-score, return_inverse=True)
    cases = np.bincount(position, weights=weight * label, minlength=len(thresholds))
    everybody = np.bincount(position, weights=weight, minlength=len(thresholds))
    if cases.sum() == 0:
        return np.nan
    precision = np.cumsum(cases) / np.maximum(np.cumsum(everybody), 1e-300)
    return float((cases / cases.sum() * precision).sum())


def brier_score(label: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> float:
    """Weighted mean squared difference between outcome and probability."""
    return float(weight @ (label - probability) ** 2 / weight.sum())


def probability_metrics(judged: Judged, probability: np.ndarray) -> dict[str, float]:
    """Brier score, IPA, average precision and calibration of probabilities (no intervals).

    IPA = 1 - Brier / Brier of the weighted event rate for everybody (0 useless, 1 perfect).

    References
    ----------
    Kattan, Gerds, Diagn Progn Res 2018; 2: 7 (IPA).
    """
    known = judged.known
    label, weight, value = judged.label[known], judged.weight[known], probability[known]
    brier = brier_score(label, value, weight)
    null = judged.prevalence * (1 - judged.prevalence)
    return {
        "brier": brier,
        "ipa": 1 - brier / null if null > 0 else np.nan,
        "ap": average_precision(label, value, weight),
        **calibration(label, value, weight),
    }


def fixed_score_auc(judged: Judged, score: np.ndarray) -> tuple[float, tuple[float, float]]:
    """AUC of a score that nothing was fitted for, over all pairs, with its logit-DeLong interval."""
    known = judged.known
    value, _, lower, upper = auc_with_interval(judged.label[known], score[known], judged.weight[known])
    return value, (lower, upper)


def delta_adjustment(
    judged: Judged, probability: np.ndarray, factors: tuple[float, ...] = (0.5, 1.0, 2.0)
) -> pd.DataFrame:
    """What if the censored differ: their odds of an event times a factor.

    Censored patients enter with the probability that the model gives them, its odds multiplied by the factor;
    everybody counts once. Weights cannot repair informative dropout; this shows how much it could matter.

    Returns
    -------
    DataFrame
        Per factor the event rate and the AUC with its logit-DeLong interval, in which a censored patient stands on both
        sides by its probability.
    """
    unknown = np.isnan(judged.label)
    rows = []
    for factor in factors:
        odds = bounded_logit(probability) + np.log(factor)
        chance = np.where(unknown, 1 / (1 + np.exp(-odds)), np.nan_to_num(judged.label))
        label = np.concatenate([np.ones(len(chance)), np.zeros(len(chance))])
        weight = np.concatenate([chance, 1 - chance])
        value, _, lower, upper = auc_with_interval(label, np.tile(probability, 2), weight)
        row = {"odds of the censored x": factor, "event rate": float(chance.mean())}
        rows.append(row | {"auc": value, "auc_lo": lower, "auc_hi": upper})
    return pd.DataFrame(rows)
