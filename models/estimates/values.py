"""What an estimate is: a number with its interval, a difference, a test, a step curve with numbers at risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

# R survival, quantile.survfit: a curve within this of 1 - p counts as flat there (square root of machine precision).
FLAT = float(np.sqrt(np.finfo(float).eps))


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
class Difference(Estimate):
    """An estimate of a contrast with the two-sided P value against no difference."""

    p: float = float("nan")


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
        Ascending; the first is 0. All times of entry, event and censoring.
    value, lower, upper, error : ndarray of float, shape (k,)
        Estimate, limits and standard error (of the value itself) from that time on; NaN where not estimable.
    n_risk, n_event, n_censor : ndarray of int, shape (k,)
        At risk just before, events at, censored at each time.
    rises : bool
        False for a survival curve (starts at 1), True for a cumulative incidence (starts at 0).
    """

    time: np.ndarray
    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    error: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray
    n_censor: np.ndarray
    rises: bool = False

    def at(self, months: float | np.ndarray) -> pd.DataFrame:
        """Read the curve at times in its own unit: one row each, columns month, value, lower, upper, error, n_risk.

        The value after the last time is the last one (as ``summary(survfit, extend = TRUE)`` in R), NaN before the
        first; ``n_risk`` counts those entered before and still under observation, hence 0 after the last time: a
        report prints no rate where nobody is left.
        """
        wanted = np.atleast_1d(np.asarray(months, dtype=float))
        position = np.searchsorted(self.time, wanted, side="right") - 1
        known, place = position >= 0, np.maximum(position, 0)
        columns = {name: getattr(self, name)[place] for name in ("value", "lower", "upper", "error")}
        following = np.searchsorted(self.time, wanted, side="left")
        return pd.DataFrame(
            {
                "month": wanted,
                **{name: np.where(known, v, np.nan) for name, v in columns.items()},
                "n_risk": np.append(self.n_risk, 0)[following] * known,
            }
        )

    def quantile(self, p: float = 0.5) -> tuple[float, float, float]:
        """Time by which a share ``p`` has had the event, with limits read off the limits of the curve.

        The first time at which the curve reaches 1 - p (a cumulative incidence: p); where the curve is exactly flat
        there, the midpoint of the flat part, and where it stays flat to the end, the midpoint with the last time under
        observation (R survival, ``quantile.survfit``; limits: Brookmeyer and Crowley 1982). NaN when not reached.
        Where few are left a plain or log limit may rise again: the first crossing counts.

        Raises
        ------
        ValueError
            When p is not between 0 and 1.
        """
        if not 0 < p < 1:
            raise ValueError(f"quantile {p}: a share strictly between 0 and 1 is needed")
        slow, fast = (self.lower, self.upper) if self.rises else (self.upper, self.lower)
        value, upper, lower = (self._reached(side, p) for side in (self.value, slow, fast))
        return value, lower, upper

    @property
    def median(self) -> tuple[float, float, float]:
        """Median time and its limits: ``quantile(0.5)``."""
        return self.quantile(0.5)

    def _reached(self, side: np.ndarray, p: float) -> float:
        gone = side if self.rises else 1 - side
        first, below = np.flatnonzero(gone >= p - FLAT), np.flatnonzero(gone >= p + FLAT)
        if not len(first):
            return float("nan")
        ends = self.time[below[0]] if len(below) else self.time[-1]
        return float((self.time[first[0]] + ends) / 2)
