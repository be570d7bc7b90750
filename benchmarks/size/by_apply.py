"""The kinetics of one patient, as a user would write them for ``groupby(...).apply``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

SEVERAL = (
    "change_previous", "lnratio_previous", "slope", "trend", "curvature", "doubling_rate", "doubling_months",
    "half_life_months", "exposure", "area", "sd", "months_since_peak", "rise_from_nadir", "months_above",
    "fraction_above", "conversion", "reversion",
)  # fmt: skip


def of_patient(rows: pd.DataFrame, facts: Any) -> pd.Series:
    """Every column that rests on the post-operative results of one patient, sorted by day."""
    value, month = rows["value"].to_numpy(), rows["day"].to_numpy() / facts.month_days
    logit, positive = np.log((value + 0.5) / (100.5 - value)), value > facts.cutoff
    found = {
        "mean": value.mean(),
        "max": value.max(),
        "nadir": value.min(),
        "n_positive": positive.sum(),
        "n_samples": len(value),
        "post_n": len(value),
        "post_sum_month": month.sum(),
        "post_sum_month2": (month**2).sum(),
        "post_sum_scaled": logit.sum(),
        "post_sum_month_scaled": (month * logit).sum(),
        "post_sum_scaled2": (logit**2).sum(),
        "post_sum_step2": (np.diff(logit) ** 2).sum(),
    }
    # Every patient needs the same labels, else pandas stacks the answers.
    several = of_several(value, month, logit, positive, facts) if len(value) > 1 else dict.fromkeys(SEVERAL, np.nan)
    return pd.Series(found | several)


def of_several(value: np.ndarray, month: np.ndarray, logit: np.ndarray, positive: np.ndarray, facts: Any) -> dict:
    """Columns that need two results or three."""
    slopes, span = np.diff(logit) / np.diff(month), month[-1] - month[0]
    low, high = np.minimum(value[1:], value[:-1]), np.maximum(value[1:], value[:-1])
    level = np.where(high > facts.cutoff, 1.0, 0.0)
    share = np.where(high == low, level, np.clip((high - facts.cutoff) / np.where(high == low, 1, high - low), 0, 1))
    above, area = (np.diff(month) * share).sum(), np.trapezoid(value, month)
    curvature = 2 * (slopes[-1] - slopes[-2]) / (month[-1] - month[-3]) if len(value) > 2 else np.nan
    return {
        "change_previous": value[-1] - value[-2],
        "lnratio_previous": np.log((value[-1] + 1) / (value[-2] + 1)),
        "slope": slopes[-1],
        "trend": np.polyfit(month, logit, 1)[0],
        "curvature": curvature,
        "doubling_rate": slopes[-1] / facts.ln2,
        "doubling_months": facts.ln2 / slopes[-1] if slopes[-1] > 0 else np.nan,
        "half_life_months": -facts.ln2 / slopes[-1] if slopes[-1] < 0 else np.nan,
        "exposure": area / span,
        "area": area,
        "sd": logit.std(ddof=1),
        "months_since_peak": month[-1] - month[value == value.max()][-1],
        "rise_from_nadir": logit[-1] - logit.min(),
        "months_above": above,
        "fraction_above": above / span,
        "conversion": float(positive[-1] and not positive[-2]),
        "reversion": float(positive[-2] and not positive[-1]),
    }
