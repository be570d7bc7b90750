"""What an estimate is: a number with its interval, a test, a step curve with numbers at risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; NaN where not estimable.

    Parameters
    ----------
    value, lower, upper : float
    error : float
        Standard error on the scale of ``value``; NaN where the interval does not rest on one.
    """

    value: float
    lower: float = float("nan")
    upper: float = float("nan")
    error: float = float("nan")


@dataclass(frozen=True)
class Test:
    """A test statistic with its degrees of freedom (NaN for exact tests) and two-sided P value."""

    __test__ = False  # not a pytest class

    statistic: float
    df: float
    p: float


@dataclass(frozen=True)
class Curve:
    """A step function with its interval: the value from ``time`` up to the next one.

    Parameters
    ----------
    time : ndarray of float, shape (k,)
        Ascending; the first is 0.
    value, lower, upper, error : ndarray of float, shape (k,)
        Estimate, limits and standard error (of the value itself) from that time on.
    n_risk, n_event, n_censor : ndarray of int, shape (k,)
        At risk just before, events at, censored at each time.
    """

    time: np.ndarray
    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    error: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray
    n_censor: np.ndarray

    def at(self, months: float | np.ndarray) -> pd.DataFrame:
        """Read the curve at months: month, value, lower, upper, error (NaN before the first time)."""
        wanted = np.atleast_1d(np.asarray(months, dtype=float))
        position = np.searchsorted(self.time, wanted, side="right") - 1
        known, place = position >= 0, np.maximum(position, 0)
        columns = {name: getattr(self, name)[place] for name in ("value", "lower", "upper", "error")}
        return pd.DataFrame({"month": wanted, **{name: np.where(known, v, np.nan) for name, v in columns.items()}})
