"""What must hold beside the test before a challenger may replace the champion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from models.estimators.base import bounded_logit
from models.estimators.logistic import fit_ridge_logistic
from models.estimators.newton import NotConverged
from models.metrics.calibration import SLOPE_GUARD
from models.metrics.intervals import normal_quantile
from models.promotion.loss import loss_difference, studentised
from models.promotion.maturation import Matured
from models.promotion.rules import GateRules

SMALLEST_SPREAD = 1e-9


@dataclass(frozen=True)
class Requirement:
    """One condition: its name, whether it holds, and the numbers in words."""

    name: str
    met: bool
    words: str


def slope_interval(
    label: np.ndarray, probability: np.ndarray, weight: np.ndarray, level: float
) -> tuple[float, float, float]:
    """Calibration slope of frozen probabilities with its interval.

    The slope of the logit in a weighted logistic regression; its variance is the sandwich H^-1 (sum u u') H^-1 of the
    weighted scores u, with the weights taken as known.

    Parameters
    ----------
    label, probability, weight : ndarray of float, shape (n,)
        Patients with a known label.
    level : float
        Coverage, by the normal quantile.

    Returns
    -------
    tuple of float
        Slope, lower, upper; NaN when one class is absent or the probabilities do not vary.

    References
    ----------
    White, Econometrica 1982; 50: 1-25 (the sandwich).
    """
    line = bounded_logit(probability)
    if not 0 < label.sum() < len(label) or np.ptp(line) < SMALLEST_SPREAD:
        return np.nan, np.nan, np.nan
    design = np.column_stack([np.ones(len(label)), line])
    try:
        fitted = fit_ridge_logistic(line[:, None], label, weight[None], np.array([SLOPE_GUARD]))[0]
        expected = expit(design @ fitted)
        information = (design * (weight * expected * (1 - expected))[:, None]).T @ design
        influence = np.linalg.solve(information, (design * (weight * (label - expected))[:, None]).T)
    except (NotConverged, np.linalg.LinAlgError):
        return np.nan, np.nan, np.nan
    spread = normal_quantile(level) * float(np.sqrt((influence[1] ** 2).sum()))
    return float(fitted[1]), float(fitted[1]) - spread, float(fitted[1]) + spread


def requirements(matured: Matured, rules: GateRules) -> tuple[Requirement, ...]:
    """The three conditions on the numbers: enough gain, a slope that may be right, no arm that may be harmed."""
    return (_gain(matured, rules), _slope(matured, rules), _harm(matured, rules))


def differences(matured: Matured) -> np.ndarray:
    """Loss differences of the mature patients (:func:`models.promotion.loss.loss_difference`)."""
    return loss_difference(matured.label, matured.champion, matured.challenger, matured.weight)


def _gain(matured: Matured, rules: GateRules) -> Requirement:
    gain = studentised(differences(matured)).mean
    words = f"mean gain in Brier score {gain:+.4f}, at least {rules.smallest_gain:g} is needed"
    return Requirement("gain", bool(gain >= rules.smallest_gain), words)


def _slope(matured: Matured, rules: GateRules) -> Requirement:
    rows = matured.known
    slope, lower, upper = slope_interval(
        matured.label[rows], matured.challenger[rows], matured.weight[rows], rules.confidence
    )
    low, high = rules.slope_range
    if np.isnan(lower):
        return Requirement("slope", False, "calibration slope of the challenger not estimable")
    words = (
        f"calibration slope of the challenger {slope:.2f} ({lower:.2f} to {upper:.2f}), must meet {low:g} to {high:g}"
    )
    return Requirement("slope", bool(lower <= high and upper >= low), words)


def _harm(matured: Matured, rules: GateRules) -> Requirement:
    """Harm of an arm is the mean of -d in it; its upper limit must not exceed the limit."""
    d = differences(matured)
    worst, name = -np.inf, ""
    for arm in sorted(set(matured.arm)):
        limit = -studentised(d[matured.arm == arm]).limit(-1, rules.confidence)
        if np.isnan(limit):
            return Requirement("harm", False, f"harm in arm {arm or 'unknown'} not estimable")
        worst, name = max((worst, name), (limit, arm or "unknown"))
    words = f"upper limit of harm {worst:+.4f} in arm {name}, at most {rules.harm_limit:g} is allowed"
    return Requirement("harm", bool(name and worst <= rules.harm_limit), words)
