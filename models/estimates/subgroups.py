"""Response by subgroup: rates and odds within one cohort, and the odds ratio of two arms across subgroups.

``rates_by_level`` is the table of a single-arm cohort (response by grade, site, line of therapy);
``odds_by_subgroup`` the forest plot of a trial with its test of heterogeneity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from models.estimates.proportions import fisher, odds_ratio, proportion
from models.estimates.risk_table import names_of
from models.estimates.values import Estimate, Test


@dataclass(frozen=True)
class SubgroupOdds:
    """Odds ratios by subgroup, their common value and the test that they are one.

    Parameters
    ----------
    table : DataFrame
        One row per subgroup: subgroup, k, n (first group), k_reference, n_reference, odds_ratio, lower, upper, p.
    common : Estimate
        Mantel-Haenszel odds ratio, interval of Robins, Breslow and Greenland (1986).
    heterogeneity : Test
        Breslow and Day with Tarone's correction; NaN with fewer than two informative subgroups.
    """

    table: pd.DataFrame
    common: Estimate
    heterogeneity: Test


def odds_by_subgroup(
    frame: pd.DataFrame,
    response: str,
    group: str,
    subgroup: str,
    *,
    reference: object,
    method: str = "exact",
    level: float = 0.95,
) -> SubgroupOdds:
    """Odds of response in one group against the ``reference`` group, in each subgroup.

    Parameters
    ----------
    frame : DataFrame
        One row per patient; rows where one of the three columns is missing are left out (the table's n show it).
    response : str
        Column of True/False or 1/0.
    group, subgroup : str
        Columns of labels; exactly two groups.
    reference : object
        The label of ``group`` in the denominator.
    method : {"exact", "woolf"}
        Interval of each odds ratio, see ``odds_ratio``.

    Raises
    ------
    ValueError
        When there are not two groups or the response is not 0/1.
    """
    known = _known(frame, response, [group, subgroup])
    groups = names_of(known[group].to_numpy(dtype=object))
    if len(groups) != 2 or reference not in groups:
        raise ValueError(f"{group} has {groups}: exactly two groups are needed, one of them {reference!r}")
    cells = _cells(known, response, known[group].map(lambda label: label != reference), subgroup)
    tables = cells.to_numpy(dtype=float)
    rows = [_row(name, table, method, level) for name, table in zip(cells.index, cells.to_numpy(), strict=True)]
    columns = ["subgroup", "k", "n", "k_reference", "n_reference", "odds_ratio", "lower", "upper", "p"]
    return SubgroupOdds(pd.DataFrame(rows, columns=columns), mantel_haenszel(tables, level=level), breslow_day(tables))


def rates_by_level(
    frame: pd.DataFrame, response: str, by: str, *, method: str = "exact", level: float = 0.95
) -> pd.DataFrame:
    """Response rate of each level of a column, and the odds against the first level.

    Parameters
    ----------
    frame : DataFrame
        One row per patient; rows where ``response`` or ``by`` is missing are left out.
    response, by : str
        Column of True/False or 1/0; column of labels (an ordered categorical keeps its order).
    method : {"exact", "wilson"}
        Interval of the rates.

    Returns
    -------
    DataFrame
        level, k, n, rate, lower, upper, odds_ratio, or_lower, or_upper (conditional exact), p (Fisher); the first
        level is the reference and has NaN there. Levels of a categorical without patients have n = 0 and NaN.
    """
    known = _known(frame, response, [by])
    counts = known.groupby(by, observed=False)[response].agg(["sum", "size"]).astype(int)
    rows: list[tuple] = []
    for name, (k, n) in zip(counts.index, counts.to_numpy(), strict=True):
        rate = proportion(k, n, method, level=level)
        odds, p = Estimate(float("nan")), float("nan")
        if rows:
            first_k, first_n = rows[0][1:3]
            table = (k, n - k, first_k, first_n - first_k)
            odds, p = odds_ratio(*table, level=level), fisher(*table).p
        rows.append((name, k, n, rate.value, rate.lower, rate.upper, odds.value, odds.lower, odds.upper, p))
    columns = ["level", "k", "n", "rate", "lower", "upper", "odds_ratio", "or_lower", "or_upper", "p"]
    return pd.DataFrame(rows, columns=columns)


def mantel_haenszel(tables: np.ndarray, *, level: float = 0.95) -> Estimate:
    """Common odds ratio of tables (rows a, b, c, d) with the interval of Robins, Breslow and Greenland (1986).

    Error is that of the odds ratio by the delta method; NaN where no table is informative.
    """
    tables = tables[tables.sum(axis=1) > 0]
    a, b, c, d = tables.T
    n = tables.sum(axis=1)
    over, under = a * d / n, b * c / n
    if not over.sum() or not under.sum():
        return Estimate(float("nan"))
    value = over.sum() / under.sum()
    agree, differ = (a + d) / n, (b + c) / n
    variance = (agree * over).sum() / (2 * over.sum() ** 2) + (differ * under).sum() / (2 * under.sum() ** 2)
    variance += (agree * under + differ * over).sum() / (2 * over.sum() * under.sum())
    error = np.sqrt(variance)
    width = norm.ppf(0.5 + level / 2) * error
    return Estimate(*map(float, (value, value * np.exp(-width), value * np.exp(width), value * error)))


def breslow_day(tables: np.ndarray, *, tarone: bool = True) -> Test:
    """Test that all tables (rows a, b, c, d) share one odds ratio (Breslow and Day 1980, Tarone's correction 1985).

    Tables in which a margin is zero carry no information and are left out; chi-square with one degree of freedom less
    than the tables that remain. ``tarone=False`` is the statistic without the correction, as some programs print it.
    """
    a, b, c, d = tables.T
    tables = tables[((a + b) > 0) & ((c + d) > 0) & ((a + c) > 0) & ((b + d) > 0)]
    common = mantel_haenszel(tables).value if len(tables) else float("nan")
    if len(tables) < 2 or not np.isfinite(common):
        return Test(float("nan"), float(max(len(tables) - 1, 0)), float("nan"))
    expected = _expected(tables, common)
    a, b, c, d = tables.T
    others = np.array([expected, a + b - expected, a + c - expected, d - a + expected])
    variance = 1 / (1 / others).sum(axis=0)
    gap = a - expected
    statistic = float((gap**2 / variance).sum() - (gap.sum() ** 2 / variance.sum() if tarone else 0.0))
    df = len(tables) - 1
    return Test(statistic, float(df), float(chi2.sf(statistic, df)))


def _expected(tables: np.ndarray, common: float) -> np.ndarray:
    """First cell of each table with its margins kept and the common odds ratio: the root inside the margins."""
    a, b, c, d = tables.T
    row, column, total = a + b, a + c, tables.sum(axis=1)
    if np.isclose(common, 1):
        return row * column / total
    square, linear, constant = 1 - common, total - row - column + common * (row + column), -common * row * column
    root = np.sqrt(linear**2 - 4 * square * constant)
    low, high = np.maximum(0, row + column - total), np.minimum(row, column)
    first, second = (-linear + root) / (2 * square), (-linear - root) / (2 * square)
    return np.where((first >= low) & (first <= high), first, second)


def _row(name: object, table: np.ndarray, method: str, level: float) -> tuple:
    k, rest, k_ref, rest_ref = map(int, table)
    odds = odds_ratio(k, rest, k_ref, rest_ref, method=method, level=level)
    p = fisher(k, rest, k_ref, rest_ref).p
    return name, k, k + rest, k_ref, k_ref + rest_ref, odds.value, odds.lower, odds.upper, p


def _cells(frame: pd.DataFrame, response: str, first: pd.Series, subgroup: str) -> pd.DataFrame:
    """Rows a, b, c, d by subgroup."""
    yes = frame[response].eq(1)
    kinds = {"a": first & yes, "b": first & ~yes, "c": ~first & yes, "d": ~first & ~yes}
    return pd.DataFrame(kinds).groupby(frame[subgroup], observed=True).sum()


def _known(frame: pd.DataFrame, response: str, labels: list[str]) -> pd.DataFrame:
    known = frame.dropna(subset=[response, *labels])
    values = known[response].astype(float)
    if not values.isin([0, 1]).all():
        raise ValueError(f"{response} has {sorted(set(values) - {0.0, 1.0})}: 1 (response) or 0 is needed")
    return known.assign(**{response: values.astype(int)})
