"""Proportions: a rate with its interval, the difference of two, Fisher's exact test, odds ratios.

A two-by-two table is given as a, b, c, d: a events and b non-events in the first group, c and d in the second::

    proportion(18, 101)                    # Estimate, Clopper-Pearson
    proportion_difference(18, 101, 3, 100) # Difference, Newcombe interval, Fisher's P
    fisher(18, 83, 3, 97)                  # Test
    odds_ratio(18, 83, 3, 97)              # Estimate, conditional exact; method="woolf" for the logit interval

An empty denominator gives NaN, not an error: a report prints "not estimable" for a group with nobody.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest, fisher_exact, norm
from scipy.stats.contingency import odds_ratio as _scipy_odds_ratio

from models.estimates.values import Difference, Estimate, Test

NAN = float("nan")


def proportion(k: int, n: int, method: str = "exact", *, level: float = 0.95) -> Estimate:
    """Share of n patients with its interval (scipy ``binomtest``).

    Parameters
    ----------
    k, n : int
        Patients with the feature, of all; 0 <= k <= n.
    method : {"exact", "wilson"}
        "exact": Clopper and Pearson 1934, covers at least ``level`` whatever the truth. "wilson": score interval
        (Wilson 1927), closer to ``level`` on average.

    Returns
    -------
    Estimate
        Error NaN (neither interval rests on one); all NaN when n = 0.

    Raises
    ------
    ValueError
        Counts that are no counts, k > n, unknown method.
    """
    if method not in ("exact", "wilson"):
        raise ValueError(f"method {method!r}: choose exact or wilson")
    k, n = _counts(k=k, n=n)
    if k > n:
        raise ValueError(f"{k} of {n}: more with the feature than patients")
    if n == 0:
        return Estimate(NAN)
    limits = binomtest(k, n).proportion_ci(level, method)
    return Estimate(k / n, float(limits.low), float(limits.high))


def proportion_difference(k1: int, n1: int, k2: int, n2: int, *, level: float = 0.95) -> Difference:
    """First share minus second, Newcombe's interval (1998, method 10: square and add of Wilson limits), Fisher's P.

    Interval and P rest on different principles and may disagree at the border. NaN when a group has nobody.
    """
    one, other = (proportion(k, n, "wilson", level=level) for k, n in ((k1, n1), (k2, n2)))
    value = one.value - other.value
    down = np.hypot(one.value - one.lower, other.upper - other.value)
    up = np.hypot(one.upper - one.value, other.value - other.lower)
    p = fisher(k1, n1 - k1, k2, n2 - k2).p
    return Difference(value, float(value - down), float(value + up), p=p)


def fisher(a: int, b: int, c: int, d: int) -> Test:
    """Fisher's exact test of a two-by-two table, two-sided: all tables no more probable than the one found (as R).

    Returns
    -------
    Test
        Statistic: the sample odds ratio ad/bc; df NaN; P NaN when a group has nobody, 1 when all or none respond.
    """
    a, b, c, d = _counts(a=a, b=b, c=c, d=d)
    if not (a + b and c + d):
        return Test(NAN, NAN, NAN)
    return Test(_ratio(a * d, b * c), NAN, float(fisher_exact([[a, b], [c, d]]).pvalue))


def odds_ratio(a: int, b: int, c: int, d: int, *, method: str = "exact", level: float = 0.95) -> Estimate:
    """Odds ratio of the first group against the second.

    Parameters
    ----------
    method : {"exact", "woolf"}
        "exact": conditional maximum likelihood with the interval that inverts two one-sided exact tests (R
        ``fisher.test``; scipy). "woolf": ad/bc with the normal interval of its logarithm (Woolf 1955), error that of
        the odds ratio by the delta method; with a zero cell only the value (0 or infinite), no correction is added.

    Returns
    -------
    Estimate
        NaN when a group or a column is empty: the table says nothing about the ratio.
    """
    if method not in ("exact", "woolf"):
        raise ValueError(f"method {method!r}: choose exact or woolf")
    a, b, c, d = cells = _counts(a=a, b=b, c=c, d=d)
    if not (a + b and c + d and a + c and b + d):
        return Estimate(NAN)
    if method == "exact":
        found = _scipy_odds_ratio([[a, b], [c, d]], kind="conditional")
        limits = found.confidence_interval(level)
        return Estimate(float(found.statistic), float(limits.low), float(limits.high))
    value = _ratio(a * d, b * c)
    if not all(cells):
        return Estimate(value)
    error = float(np.sqrt(sum(1 / cell for cell in cells)))
    width = norm.ppf(0.5 + level / 2) * error
    return Estimate(value, float(value * np.exp(-width)), float(value * np.exp(width)), value * error)


def _ratio(above: int, below: int) -> float:
    if below == 0:
        return float("inf") if above else NAN
    return above / below


def _counts(**values: float) -> tuple[int, ...]:
    """Whole numbers from zero on, or an error that names the one which is not."""
    for name, value in values.items():
        if not (np.isfinite(value) and value >= 0 and float(value).is_integer()):
            raise ValueError(f"{name} = {value}: a count of patients (0, 1, 2, ...) is needed")
    return tuple(int(value) for value in values.values())
