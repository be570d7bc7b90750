"""Curves behind the figures: ROC, calibration in groups, net benefit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.metrics.intervals import effective_size, wilson_interval
from models.metrics.probability import Judged


def roc_curve(judged: Judged, score: np.ndarray) -> pd.DataFrame:
    """Weighted ROC curve, from (0, 0) to (1, 1): threshold, false_positive, true_positive."""
    known = judged.known
    label, weight = judged.label[known], judged.weight[known]
    thresholds, position = np.unique(-score[known], return_inverse=True)
    cases = np.bincount(position, weights=weight * label, minlength=len(thresholds))
    controls = np.bincount(position, weights=weight * (1 - label), minlength=len(thresholds))
    return pd.DataFrame(
        {
            "threshold": np.r_[np.inf, -thresholds],
            "false_positive": np.r_[0.0, np.cumsum(controls) / max(controls.sum(), 1e-300)],
            "true_positive": np.r_[0.0, np.cumsum(cases) / max(cases.sum(), 1e-300)],
        }
    )


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
