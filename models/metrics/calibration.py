"""Calibration of predicted probabilities: in the large, slope, groups, and a flexible curve with its summaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from models.estimators.base import bounded_logit, intercept_shift
from models.estimators.logistic import fit_ridge_logistic
from models.estimators.newton import NotConverged
from models.metrics.intervals import effective_size, normal_quantile, wilson_interval

if TYPE_CHECKING:
    from models.metrics.probability import Judged

# Keeps a line or spline through separated classes finite; below the fourth digit of a slope.
SLOPE_GUARD = 1e-6
# Quantiles of the knots by their number: Harrell, Regression Modeling Strategies, 2nd edition, table 2.3.
KNOT_QUANTILES = {3: (0.10, 0.50, 0.90), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.50, 0.725, 0.95)}
DRAWN = 60


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


def calibration_groups(judged: Judged, probability: np.ndarray, groups: int = 4) -> pd.DataFrame:
    """Predicted and observed risk in groups of equal size by predicted risk.

    Returns
    -------
    DataFrame
        n, predicted (weighted mean), observed (weighted event rate), lower, upper (Wilson on effective n).
    """
    known = judged.known
    label, weight, value = judged.label[known], judged.weight[known], probability[known]
    rank = np.argsort(np.argsort(value, kind="stable"), kind="stable")
    part = rank * groups // max(len(value), 1)
    rows = []
    for group in range(groups):
        here = part == group
        if not here.any():
            continue
        total = weight[here].sum()
        observed = float(weight[here] @ label[here] / total)
        lower, upper = wilson_interval(observed, effective_size(weight[here]))
        rows.append(
            {
                "n": int(here.sum()),
                "predicted": float(weight[here] @ value[here] / total),
                "observed": observed,
                "lower": lower,
                "upper": upper,
            }
        )
    return pd.DataFrame(rows)


def spline_basis(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Restricted cubic spline: linear beyond the outer knots, shape (n, len(knots) - 1), the value itself first.

    References
    ----------
    Harrell, Regression Modeling Strategies, 2nd edition, equation 2.25; divided by (last knot - first knot)^2.
    """
    columns = [values]
    if len(knots) > 2:
        first, before, last = knots[0], knots[-2], knots[-1]
        cubes = np.maximum(values[:, None] - knots, 0) ** 3
        for j in range(len(knots) - 2):
            ends = cubes[:, -2] * (last - knots[j]) - cubes[:, -1] * (before - knots[j])
            columns.append((cubes[:, j] - ends / (last - before)) / (last - first) ** 2)
    return np.column_stack(columns)


@dataclass(frozen=True)
class FlexibleCalibration:
    """A smooth calibration curve and how far the predictions lie from it.

    Attributes
    ----------
    curve : DataFrame
        predicted, observed, lower, upper (pointwise 95%), between the 1st and the 99th percentile of the predictions.
    ici, e50, e90 : float
        Mean, median and 90th percentile of |smoothed observed - predicted| over the patients, weighted.
    """

    curve: pd.DataFrame
    ici: float
    e50: float
    e90: float

    @property
    def figures(self) -> dict[str, float]:
        return {"ici": self.ici, "e50": self.e50, "e90": self.e90}


def flexible_calibration(judged: Judged, probability: np.ndarray, knots: int) -> FlexibleCalibration | None:
    """Weighted logistic regression of the outcome on a restricted cubic spline of the predicted logit.

    The band is the sandwich of the weighted score on the logit scale, weights taken as known. All three summaries are
    means of absolute values: they are above zero by chance even for perfect predictions, the more the fewer events.

    Parameters
    ----------
    judged : Judged
    probability : ndarray of float, shape (n,)
    knots : int
        3, 4 or 5, at Harrell's quantiles; fewer distinct predictions take fewer knots.

    Returns
    -------
    FlexibleCalibration or None
        None when the predictions are constant, a class is absent or the fit has no optimum.

    References
    ----------
    Austin, Steyerberg, Stat Med 2019; 38: 4051-4065 (ICI, E50, E90).
    """
    known = judged.known
    label, weight, value = judged.label[known], judged.weight[known], probability[known]
    if not 0 < label.sum() < len(label) or np.ptp(value) < 1e-9:
        return None
    line = bounded_logit(value)
    places = np.unique(np.quantile(line, KNOT_QUANTILES[knots]))
    low, high = np.quantile(value, (0.01, 0.99))
    grid = np.linspace(low, high, DRAWN)
    basis, drawn = spline_basis(line, places), spline_basis(bounded_logit(grid), places)
    centre, scale = basis.mean(0), basis.std(0)
    design, drawn = (basis - centre) / scale, np.column_stack([np.ones(DRAWN), (drawn - centre) / scale])
    try:
        coefficients = fit_ridge_logistic(design, label, weight[None], np.array([SLOPE_GUARD]))[0]
    except NotConverged:
        return None
    full = np.column_stack([np.ones(len(label)), design])
    smooth = expit(full @ coefficients)
    bread = np.linalg.pinv((full * (weight * smooth * (1 - smooth))[:, None]).T @ full)
    score = full * (weight * (label - smooth))[:, None]
    variance = bread @ (score.T @ score) @ bread
    spread = normal_quantile() * np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", drawn, variance, drawn), 0))
    height = drawn @ coefficients
    curve = pd.DataFrame(
        {
            "predicted": grid,
            "observed": expit(height),
            "lower": expit(height - spread),
            "upper": expit(height + spread),
        }
    )
    gap = np.abs(smooth - value)
    e50, e90 = weighted_quantile(gap, weight, (0.5, 0.9))
    return FlexibleCalibration(curve, float(weight @ gap / weight.sum()), float(e50), float(e90))


def weighted_quantile(values: np.ndarray, weight: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """Smallest values that at least the given shares of the weight do not exceed."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    return values[order][np.minimum(np.searchsorted(reached, np.asarray(shares) - 1e-12), len(values) - 1)]
