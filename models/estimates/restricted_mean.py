"""Restricted mean survival time: the area under the Kaplan-Meier curve up to tau, and its difference between groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from models.estimates.kaplan_meier import kaplan_meier
from models.estimates.values import Curve, Difference, Estimate


def restricted_mean(
    time: ArrayLike, event: ArrayLike, tau: float, entry: ArrayLike | None = None, *, level: float = 0.95
) -> Estimate:
    """Mean time without event up to tau, in the unit of ``time``, with Greenwood standard error.

    Variance: sum over event times t <= tau of (area from t to tau)^2 d / (n (n - d)) (Klein and Moeschberger 2003,
    eq. 4.5.2; Uno et al. 2014), interval value +- z error.

    Parameters
    ----------
    time, event, entry : array, shape (n,)
        As of ``kaplan_meier``.
    tau : float
        Horizon; must be fixed beforehand, not chosen from the curve.

    Raises
    ------
    ValueError
        When tau is not positive, or lies beyond the last follow-up while the curve is above zero: the area there is
        not known.
    """
    curve = kaplan_meier(time, event, entry)
    value, error = _area(curve, tau)
    width = norm.ppf(0.5 + level / 2) * error
    return Estimate(value, value - width, value + width, error)


def restricted_mean_difference(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    tau: float,
    entry: ArrayLike | None = None,
    *,
    reference: object,
    level: float = 0.95,
) -> Difference:
    """Restricted mean of the other group minus that of ``reference``, normal interval and two-sided Wald P.

    Parameters
    ----------
    group : array, shape (n,)
        Exactly two groups, one of them ``reference``.

    Raises
    ------
    ValueError
        As :func:`restricted_mean` for either group (named); when there are not two groups.
    """
    groups = np.asarray(group, dtype=object)
    names = sorted(set(groups.tolist()), key=str)
    if len(names) != 2 or reference not in names:
        raise ValueError(f"groups {names}: exactly two are needed, one of them the reference {reference!r}")
    other = next(name for name in names if name != reference)
    estimates = {}
    for name in (other, reference):
        rows = groups == name
        starts = None if entry is None else np.asarray(entry)[rows]
        try:
            estimates[name] = restricted_mean(np.asarray(time)[rows], np.asarray(event)[rows], tau, starts)
        except ValueError as problem:
            raise ValueError(f"group {name}: {problem}") from None
    value = estimates[other].value - estimates[reference].value
    error = float(np.hypot(estimates[other].error, estimates[reference].error))
    width = norm.ppf(0.5 + level / 2) * error
    p = 2 * norm.sf(abs(value) / error) if error > 0 else float("nan")
    return Difference(value, value - width, value + width, error, float(p))


def _area(curve: Curve, tau: float) -> tuple[float, float]:
    """Area under the curve up to tau and its standard error."""
    if not tau > 0:
        raise ValueError(f"tau {tau:g}: a positive horizon is needed")
    if tau > curve.time[-1] and curve.value[-1] > 0:
        raise ValueError(f"tau {tau:g} is beyond the last follow-up: restrict to at most {curve.time[-1]:g}")
    inside = curve.time < tau
    pieces = curve.value[inside] * np.diff(np.append(curve.time[inside], tau))
    beyond = np.cumsum(pieces[::-1])[::-1]
    risk, died = np.maximum(curve.n_risk[inside], 1), curve.n_event[inside]
    # Where everybody at risk has the event nothing is left behind it, and the term is zero.
    terms = np.where(risk > died, beyond**2 * died / (risk * np.maximum(risk - died, 1)), 0.0)
    return float(pieces.sum()), float(np.sqrt(terms.sum()))
