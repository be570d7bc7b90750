"""Rates of change and times above a limit."""

from __future__ import annotations

import numpy as np
import pandas as pd


def doubling_time(slope: pd.Series) -> pd.Series:
    """Doubling time, ln 2 / slope in months; NaN (not estimable) unless the slope is positive.

    On the ln scale the time in which the quantity doubles, on the logit scale the time in which the odds do.
    """
    return pd.Series(months_to_double(slope.to_numpy(dtype="float64")), index=slope.index)


def half_life(slope: pd.Series) -> pd.Series:
    """Half-life, ln 2 / -slope in months; NaN (not estimable) unless the slope is negative."""
    return pd.Series(months_to_double(-slope.to_numpy(dtype="float64")), index=slope.index)


def months_to_double(slope: np.ndarray) -> np.ndarray:
    """ln 2 / slope where the slope is positive, else NaN."""
    return np.log(2) / np.where(slope > 0, slope, np.nan)


def time_above(
    start: pd.Series, end: pd.Series, months: pd.Series, cutoff: float, inclusive: bool = False
) -> pd.Series:
    """Months of a segment beyond the cut-off when the value moves along a straight line.

    ``inclusive`` matters for a segment that stays level at the cut-off: a moving value touches it for no time.
    """
    return pd.Series(
        months_above(start.to_numpy(), end.to_numpy(), months.to_numpy(), cutoff, inclusive), index=start.index
    )


def months_above(start: np.ndarray, end: np.ndarray, months: np.ndarray, cutoff: float, inclusive: bool) -> np.ndarray:
    """As :func:`time_above`, of arrays."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    flat = high == low
    beyond = high >= cutoff if inclusive else high > cutoff
    share = np.clip((high - cutoff) / np.where(flat, 1.0, high - low), 0.0, 1.0)
    return months * np.where(flat, beyond, share)
