"""The ROC curve behind the figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
