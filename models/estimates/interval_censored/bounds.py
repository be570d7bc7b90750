"""Interval-censored times: (lower, upper] in months, checked once for every estimate that takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def read_bounds(lower: Any, upper: Any) -> tuple[np.ndarray, np.ndarray]:
    """Bounds as float arrays, after checking them.

    Parameters
    ----------
    lower, upper : array-like, shape (n,)
        The event lies in (lower, upper]: ``lower`` is the last clear scan (0 when there was none), ``upper`` the first
        positive one, infinity when there was none (right-censored at ``lower``). ``lower == upper`` is an event at
        exactly that time. Some packages write a right-censored time as ``lower == upper`` (frailtypack does): recode
        it to ``upper = inf`` first, it cannot be told from an exact time.

    Raises
    ------
    ValueError
        For the first row that is missing, negative, or has ``lower`` above ``upper`` or infinite.
    """
    rows = lower.index if isinstance(lower, pd.Series) else None
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    if low.ndim != 1 or low.shape != high.shape:
        raise ValueError(f"lower and upper must be two columns of one length, not {low.shape} and {high.shape}")
    if not len(low):
        raise ValueError("no rows: an interval-censored estimate needs patients")
    right = np.isfinite(low) & (low >= 0) & (low <= high)
    if not right.all():
        row = int(np.argmin(right))
        raise ValueError(
            f"row {row if rows is None else rows[row]!r}: found ({low[row]:g}, {high[row]:g}]; "
            "expected 0 <= lower <= upper, upper = inf when right-censored"
        )
    return low, high


def read_entry(entry: Any, low: np.ndarray) -> np.ndarray:
    """Months at which observation starts, zero for everybody when None.

    Raises
    ------
    ValueError
        For the first row that is missing, negative, or observed from later than its lower bound: a patient enters free
        of the event, so the last clear scan cannot precede the entry. Lowering such entries to the lower bound is no
        way out: whether a row is conditioned on its entry would then depend on its outcome, and survival comes out far
        too low. Where nobody is examined between time zero and entry nobody is left out for the event, and the right
        likelihood has no entry.
    """
    if entry is None:
        return np.zeros(len(low))
    begin = np.asarray(entry, dtype=float)
    right = np.isfinite(begin) & (begin >= 0) & (begin <= low)
    if not right.all():
        row = int(np.argmin(right))
        raise ValueError(
            f"row {row}: found entry {begin[row]:g} and lower {low[row]:g}; expected 0 <= entry <= lower. "
            "Leave entry out where nobody is examined before it; never lower it to the bound"
        )
    return begin
