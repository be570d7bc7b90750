"""Log-rank tests: several groups, strata, rho-weights, delayed entry, all pairs.

Own code on the counts of ``risk_table``: lifelines has neither strata nor the rho family with delayed entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import chi2

from models.estimates.risk_table import Times, checked, count, grid_of, labels_of, names_of
from models.estimates.values import Test


def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    rho: float = 0,
) -> Test:
    """Log-rank test of equal hazards in k groups (R ``survdiff``), two-sided.

    Observed minus expected events with hypergeometric variance, summed over event times and strata; weight
    S(t-)^rho with the pooled Kaplan-Meier of the stratum (Harrington and Fleming 1982): rho = 0 log-rank, rho = 1
    Peto and Peto's modification of the Gehan-Wilcoxon test.

    Parameters
    ----------
    time, event, entry : array, shape (n,)
        As of ``kaplan_meier``.
    group : array, shape (n,)
        Labels of at least two groups.
    strata : array (n,) or DataFrame (n, columns), optional
        Combinations of the columns form the strata.
    rho : float
        At least 0.

    Returns
    -------
    Test
        Chi-square with k - 1 degrees of freedom; groups that are never at risk at an event are left out. Statistic and
        P are NaN when no event separates groups (no events at all).

    Raises
    ------
    ValueError
        Fewer than two groups; missing labels; see ``risk_table.checked``.
    """
    sums = _sums(time, event, group, entry=entry, strata=strata, rho=rho)
    used = sums.expected > 0
    df = int(used.sum()) - 1
    if df < 1:
        return Test(float("nan"), float(max(len(sums.names) - 1, 0)), float("nan"))
    gap = (sums.observed - sums.expected)[used][1:]
    variance = sums.variance[np.ix_(used, used)][1:, 1:]
    if np.linalg.matrix_rank(variance) < df:
        return Test(float("nan"), float(df), float("nan"))
    statistic = float(gap @ np.linalg.solve(variance, gap))
    return Test(statistic, float(df), float(chi2.sf(statistic, df)))


def observed_and_expected(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    rho: float = 0,
) -> pd.DataFrame:
    """What the log-rank test compares: group, n, observed and expected (weighted) events, their variance."""
    sums = _sums(time, event, group, entry=entry, strata=strata, rho=rho)
    n = [int((labels_of(group) == name).sum()) for name in sums.names]
    return pd.DataFrame(
        {
            "group": sums.names,
            "n": n,
            "observed": sums.observed,
            "expected": sums.expected,
            "variance": np.diag(sums.variance),
        }
    )


def pairwise_log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    rho: float = 0,
) -> pd.DataFrame:
    """Log-rank test of every pair of groups, each on its own two groups, with Holm's adjustment.

    Returns
    -------
    DataFrame
        one, other, statistic, df, p, p_holm.
    """
    labels, rows = labels_of(group), []
    arrays = {"time": np.asarray(time), "event": np.asarray(event)}
    keys = None if strata is None else _strata_codes(strata, len(labels))
    for one, other in combinations(names_of(labels), 2):
        pair = (labels == one) | (labels == other)
        test = log_rank(
            arrays["time"][pair],
            arrays["event"][pair],
            labels[pair],
            entry=None if entry is None else np.asarray(entry)[pair],
            strata=None if keys is None else keys[pair],
            rho=rho,
        )
        rows.append((one, other, test.statistic, test.df, test.p))
    table = pd.DataFrame(rows, columns=["one", "other", "statistic", "df", "p"])
    return table.assign(p_holm=_holm(table["p"].to_numpy()))


@dataclass(frozen=True)
class _Sums:
    """Weighted observed and expected events by group and their covariance, summed over strata."""

    names: list
    observed: np.ndarray
    expected: np.ndarray
    variance: np.ndarray


def _sums(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    entry: ArrayLike | None,
    strata: ArrayLike | pd.DataFrame | None,
    rho: float,
) -> _Sums:
    times, labels = checked(time, event, entry), labels_of(group)
    names = names_of(labels)
    if len(labels) != len(times.time):
        raise ValueError(f"group has {len(labels)} values for {len(times.time)} patients: one per patient")
    if len(names) < 2:
        raise ValueError(f"a comparison needs at least two groups with patients, found {', '.join(map(str, names))}")
    if not rho >= 0:
        raise ValueError(f"rho {rho}: 0 (log-rank) or more is needed")
    keys = np.zeros(len(labels), dtype=int) if strata is None else _strata_codes(strata, len(labels))
    codes = np.array([names.index(name) for name in labels])
    parts = [_one_stratum(times.of(keys == key), codes[keys == key], len(names), rho) for key in np.unique(keys)]
    return _Sums(names, *(np.sum([part[i] for part in parts], axis=0) for i in range(3)))


def _one_stratum(times: Times, codes: np.ndarray, k: int, rho: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    grid = grid_of(times)
    risk, died = np.zeros((k, len(grid))), np.zeros((k, len(grid)))
    for code in np.unique(codes):
        found = count(times.of(codes == code), grid)
        risk[code], died[code] = found.n_risk, found.n_event
    n, d = risk.sum(axis=0), died.sum(axis=0)
    survival = np.cumprod(1 - d / np.maximum(n, 1))
    weight = np.append(1.0, survival[:-1]) ** rho
    share = risk / np.maximum(n, 1)
    spread = weight**2 * d * (n - d) / np.maximum(n - 1, 1)
    variance = np.diag(share @ spread) - (share * spread) @ share.T
    return died @ weight, share @ (weight * d), variance


def _strata_codes(strata: ArrayLike | pd.DataFrame, n: int) -> np.ndarray:
    frame = pd.DataFrame(np.asarray(strata, dtype=object))
    if len(frame) != n:
        raise ValueError(f"strata have {len(frame)} rows for {n} patients: one per patient")
    missing = frame.isna().any(axis=1)
    if missing.any():
        raise ValueError(f"strata of {int(missing.sum())} of {n} patients are missing: leave them out")
    return frame.groupby(list(frame.columns), sort=False).ngroup().to_numpy()


def _holm(p: np.ndarray) -> np.ndarray:
    """Holm 1979, step-down; pairs without a P value are not counted."""
    adjusted, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
