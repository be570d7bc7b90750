"""Performance of predictions under censoring weights, each with an interval or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.estimators.base import bounded_logit, intercept_shift
from models.estimators.logistic import fit_ridge_logistic
from models.estimators.newton import NotConverged
from models.metrics.discrimination import auc_with_interval
from models.metrics.intervals import effective_size, wilson_interval

NOT_ESTIMABLE = "not estimable"
SLOPE_GUARD = 1e-6


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


def calibration(label: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Calibration in the large, slope and observed over expected.

    Returns
    -------
    dict of str to float
        ``citl`` logit shift that would make the mean right (0 is right), ``slope`` of the logit in a weighted logistic
        regression (1 is right, below 1 too extreme), ``oe`` weighted events over summed probabilities.
    """
    expected = float(weight @ probability)
    out = {
        "citl": intercept_shift(probability, label, weight),
        "slope": np.nan,
        "oe": float(weight @ label) / expected if expected > 0 else np.nan,
    }
    design = bounded_logit(probability)[:, None]
    if 0 < label.sum() < len(label) and np.ptp(design) > 1e-9:
        scale = design.std()
        try:
            fitted = fit_ridge_logistic(design / scale, label, weight[None], np.array([SLOPE_GUARD]))[0, 1]
            out["slope"] = float(fitted / scale)
        except NotConverged:
            out["slope"] = np.nan
    return out


def slope_error(judged: Judged, probability: np.ndarray) -> float:
    """Standard error that the calibration slope of these predictions would have if they were right.

    1 / sqrt(information of the logit) in the weighted logistic regression at intercept 0 and slope 1, with the weights
    scaled to the effective number of patients. Large when the predictions hardly vary: infinite for a constant.
    """
    known = judged.known
    weight, value = judged.weight[known], probability[known]
    weight = weight * weight.sum() / (weight**2).sum()
    line, spread = bounded_logit(value), value * (1 - value)
    centred = line - np.average(line, weights=weight * spread) if (weight * spread).sum() > 0 else 0 * line
    information = float((weight * spread) @ centred**2)
    return information**-0.5 if information > 1e-12 else np.inf


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


def at_cutoff(judged: Judged, positive: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Sensitivity, specificity and predictive values of a yes/no test with Wilson intervals on effective n.

    Parameters
    ----------
    judged : Judged
    positive : ndarray of bool

    Returns
    -------
    dict of str to (estimate, lower, upper)
        NaN where no patient is in the denominator.
    """
    known = judged.known
    event, weight, flag = judged.label[known] == 1, judged.weight[known], positive[known]

    def share(rows: np.ndarray, hit: np.ndarray) -> tuple[float, float, float]:
        if not rows.any():
            return np.nan, np.nan, np.nan
        value = float(weight[rows & hit].sum() / weight[rows].sum())
        return value, *wilson_interval(value, effective_size(weight[rows]))

    return {
        "sens": share(event, flag),
        "spec": share(~event, ~flag),
        "ppv": share(flag, event),
        "npv": share(~flag, ~event),
    }


def cutoff_table(judged: Judged, score: np.ndarray, cutoffs: dict[str, tuple[float, bool]]) -> pd.DataFrame:
    """One row per cut-off: share positive and the four figures of :func:`at_cutoff`.

    Parameters
    ----------
    cutoffs : dict of str to (value, inclusive)
        Name of the row to the cut-off and whether a value equal to it is positive.
    """
    rows = []
    for name, (value, inclusive) in cutoffs.items():
        positive = score >= value if inclusive else score > value
        row: dict[str, object] = {"cut-off": name, "positive": int(positive.sum()), "n": len(positive)}
        for figure, (estimate, lower, upper) in at_cutoff(judged, positive).items():
            row |= {figure: estimate, f"{figure}_lo": lower, f"{figure}_hi": upper}
        rows.append(row)
    return pd.DataFrame(rows)


def net_benefit(judged: Judged, probability: np.ndarray, thresholds: np.ndarray) -> pd.DataFrame:
    """Net benefit of acting on a predicted probability of at least each threshold, and of acting on everybody.

    Net benefit = true positives per patient - false positives per patient x t / (1 - t), weighted for censoring.

    References
    ----------
    Vickers, Elkin, Med Decis Making 2006; 26: 565-574.
    """
    known = judged.known
    event, weight, value = judged.label[known], judged.weight[known], probability[known]
    weight = weight / weight.sum()
    treated = value[None, :] >= thresholds[:, None]
    odds = thresholds / (1 - thresholds)
    prevalence = float(weight @ event)
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "model": treated @ (weight * event) - odds * (treated @ (weight * (1 - event))),
            "all": prevalence - odds * (1 - prevalence),
            "none": np.zeros(len(thresholds)),
        }
    )


def fixed_score_metrics(judged: Judged, score: np.ndarray) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """AUC of a score that nothing was fitted for, with its logit-DeLong interval."""
    known = judged.known
    value, _, lower, upper = auc_with_interval(judged.label[known], score[known], judged.weight[known])
    return {"auc": value, "auc_pooled": value}, {"auc": (lower, upper), "auc_pooled": (lower, upper)}


def delta_adjustment(
    judged: Judged, probability: np.ndarray, factors: tuple[float, ...] = (0.5, 1.0, 2.0)
) -> pd.DataFrame:
    """What if the censored differ: their odds of an event times a factor.

    Censored patients enter with the probability that the model gives them, its odds multiplied by the factor;
    everybody counts once. Weights cannot repair informative dropout; this shows how much it could matter.

    Returns
    -------
    DataFrame
        Per factor the event rate and the AUC.
    """
    unknown = np.isnan(judged.label)
    rows = []
    for factor in factors:
        odds = bounded_logit(probability) + np.log(factor)
        chance = np.where(unknown, 1 / (1 + np.exp(-odds)), np.nan_to_num(judged.label))
        label = np.concatenate([np.ones(len(chance)), np.zeros(len(chance))])
        weight = np.concatenate([chance, 1 - chance])
        value = auc_with_interval(label, np.tile(probability, 2), weight)[0]
        rows.append({"odds of the censored x": factor, "event rate": float(chance.mean()), "auc": value})
    return pd.DataFrame(rows)
