"""Kaplan-Meier: survival with its interval, follow-up by the reverse curve, rates at landmarks and their difference.

Usage (months in, dataclasses out; ``models.estimates.values``)::

    curve = kaplan_meier(time, event, entry)          # Curve; event 0/1
    curve.at([20, 36])                                # rates with log-log limits and numbers at risk
    curve.median                                      # (value, lower, upper), NaN when not reached
    median_follow_up(time, event, entry)              # reverse Kaplan-Meier
    rate_difference(prrt, control, [20, 36])          # difference of two curves with interval and P

Own code on the counts of ``risk_table``: lifelines gives the log-log interval only, no Greenwood error of the survival
itself and no quantile limits; where it answers, tests show that both agree.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from models.estimates.risk_table import checked, count
from models.estimates.values import Curve, Estimate

INTERVALS = ("log-log", "log", "plain")


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    *,
    interval: str = "log-log",
    level: float = 0.95,
    reverse: bool = False,
) -> Curve:
    """Kaplan-Meier curve with Greenwood standard error (R ``survfit``).

    S(t) is the product over event times of 1 - d/n. With delayed entry the curve describes patients observed from
    their entry on; it falls to zero for good when everybody at risk has the event before others enter.

    Parameters
    ----------
    time, event : array, shape (n,)
        End of observation and 1 event, 0 censored.
    entry : array, shape (n,), optional
        Delayed entry: at risk from just after entry.
    interval : {"log-log", "log", "plain"}
        Scale of the pointwise limits. As in R they are not estimable (NaN) where S = 0, and on the log-log scale also
        where S = 1; plain and log limits are cut at 0 and 1.
    level : float
        Confidence level.
    reverse : bool
        Reverse curve (Schemper and Smith 1996): censoring is the event, which shows the time under observation.

    Raises
    ------
    ValueError
        See ``risk_table.checked``; an unknown interval.
    """
    if interval not in INTERVALS:
        raise ValueError(f"interval {interval!r}: choose one of {', '.join(INTERVALS)}")
    times = checked(time, event, entry)
    found = count(times)
    died, left = (found.n_censor, found.n_event) if reverse else (found.n_event, found.n_censor)
    risk = np.maximum(found.n_risk, 1)
    survival = np.cumprod(1 - died / risk)
    survivors = risk - died
    terms = np.where(survivors > 0, died / (risk * np.maximum(survivors, 1)), np.where(died > 0, np.nan, 0.0))
    relative = np.sqrt(np.cumsum(terms))
    lower, upper = limits(survival, relative, interval, level)
    return Curve(found.time, survival, lower, upper, survival * relative, found.n_risk, died, left)


def limits(survival: np.ndarray, relative: np.ndarray, interval: str, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Pointwise limits from the survival and its relative standard error (R ``survfit_confint``)."""
    width = norm.ppf(0.5 + level / 2) * relative
    if interval == "plain":
        return np.clip(survival * (1 - width), 0, 1), np.clip(survival * (1 + width), 0, 1)
    if interval == "log":
        return survival * np.exp(-width), np.minimum(survival * np.exp(width), 1)
    inside = (survival > 0) & (survival < 1)
    safe = np.where(inside, survival, 0.5)
    power = np.exp(np.where(inside, width, np.nan) / np.log(safe))
    return safe ** (1 / power), safe**power


def median_follow_up(
    time: ArrayLike, event: ArrayLike, entry: ArrayLike | None = None, *, level: float = 0.95
) -> Estimate:
    """Median time under observation by the reverse Kaplan-Meier curve; NaN when not reached."""
    return Estimate(*kaplan_meier(time, event, entry, level=level, reverse=True).median)


def rate_difference(
    one: Curve, other: Curve, months: ArrayLike, *, interval: str = "log-log", level: float = 0.95
) -> pd.DataFrame:
    """Difference of two independent curves at landmarks, ``one`` minus ``other``, with interval and P value.

    Parameters
    ----------
    one, other : Curve
        Two survival curves or two cumulative incidences, with limits of the same ``level``.
    months : array, shape (m,)
    interval : {"log-log", "plain"}
        "plain": difference +- z times the joint standard error, and its Wald test. "log-log": limits by square and add
        from the curves' own limits (Zou and Donner 2008, as Newcombe does for proportions), and the test on the
        complementary log-log scale, which keeps its size in small samples (Klein et al. 2007).
    level : float
        Confidence level of the plain interval.

    Returns
    -------
    DataFrame
        month, one, other, difference, lower, upper, error, p, n_one, n_other (at risk). Interval and P are NaN where a
        curve is 0 or 1 or where nobody is at risk any more.
    """
    if interval not in ("log-log", "plain"):
        raise ValueError(f"interval {interval!r}: choose log-log or plain")
    a, b = one.at(np.asarray(months, dtype=float)), other.at(np.asarray(months, dtype=float))
    known = (a["n_risk"] > 0) & (b["n_risk"] > 0) & a["value"].between(0, 1, "neither")
    known &= b["value"].between(0, 1, "neither")
    a, b = (frame.assign(**frame[["lower", "upper", "error"]].where(known)) for frame in (a, b))
    difference, error = a["value"] - b["value"], (a["error"] ** 2 + b["error"] ** 2) ** 0.5
    if interval == "plain":
        width = norm.ppf(0.5 + level / 2) * error
        lower, upper, z = difference - width, difference + width, difference / error
    else:
        lower = difference - ((a["value"] - a["lower"]) ** 2 + (b["upper"] - b["value"]) ** 2) ** 0.5
        upper = difference + ((a["upper"] - a["value"]) ** 2 + (b["value"] - b["lower"]) ** 2) ** 0.5
        z = _log_log_z(a, b)
    return pd.DataFrame(
        {
            "month": a["month"],
            "one": a["value"],
            "other": b["value"],
            "difference": difference,
            "lower": lower.clip(-1, 1),
            "upper": upper.clip(-1, 1),
            "error": error,
            "p": 2 * norm.sf(np.abs(z)),
            "n_one": a["n_risk"],
            "n_other": b["n_risk"],
        }
    )


def _log_log_z(a: pd.DataFrame, b: pd.DataFrame) -> pd.Series:
    """Difference of log(-log(value)) over its delta-method standard error."""
    logs = [np.log(frame["value"].where(frame["error"].notna())) for frame in (a, b)]
    errors = [frame["error"] / (frame["value"] * log) for frame, log in zip((a, b), logs, strict=True)]
    return (np.log(-logs[0]) - np.log(-logs[1])) / (errors[0] ** 2 + errors[1] ** 2) ** 0.5
