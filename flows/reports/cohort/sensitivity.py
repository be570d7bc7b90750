"""Does the finding hold? The same endpoint under other readings of the same scans."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from features.outcomes import endpoint_times
from flows.reports.cohort.material import NOT_ESTIMABLE, Cohort
from flows.reports.cohort.readings import estimate_words
from flows.reports.cohort.times import AS_OBSERVED, contrast, curve_of, under
from flows.reports.page import Table, percent_interval
from flows.reports.style import arm_label


def readings_of(cohort: Cohort, visits: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, float]]:
    """Disease-free survival by the reading of the scans, and the month at which each is read.

    Parameters
    ----------
    visits : DataFrame
        Disease-free survival as observed, on nominal visits.
    """
    month = cohort.headline_month
    options: Mapping[str, dict[str, str]] = {
        "Scheduled scans only": {"ascertainment": "protocol scans"},
        "Equivocal scans back-dated to the first appearance": {"equivocal": "first appearance"},
    }
    found = {"As observed (headline)": (visits, month)}
    for name, option in options.items():
        found[name] = (under(_disease_free(cohort, clock="visit", **option)), month)
    found["Actual days, read when the visit closes"] = (under(_disease_free(cohort)), cohort.protocol.closed(month))
    return found


def _disease_free(cohort: Cohort, **option: str) -> pd.DataFrame:
    return endpoint_times(cohort.trial, cohort.protocol, "dfs", family=AS_OBSERVED, **option)


def sensitivity_table(cohort: Cohort, visits: pd.DataFrame) -> Table:
    """One row per reading: events, share disease-free by arm, hazard ratio."""
    rows = []
    for name, (times, month) in readings_of(cohort, visits).items():
        rates = (_rate(cohort.own(times, arm), month) for arm in cohort.groups)
        ratio = (estimate_words(contrast(cohort, times, month).hazard),) if cohort.two_arms else ()
        rows.append((name, str(int(times["event"].eq(1).sum())), *rates, *ratio))
    heads = ["Reading of the scans", "Events", *(arm_label(arm) for arm in cohort.groups)]
    caption = f"{cohort.free.capitalize()} at month {cohort.headline_month:g} with 95% interval"
    if cohort.two_arms:
        heads.append("Hazard ratio")
        caption += ", and the hazard ratio PRRT against control"
    return Table(tuple(heads), tuple(rows), f"{caption}.")


def _rate(own: pd.DataFrame, month: float) -> str:
    if own.empty:
        return NOT_ESTIMABLE
    row = curve_of(own).at(month).iloc[0]
    return percent_interval(row["value"], row["lower"], row["upper"]) if row["n_risk"] else NOT_ESTIMABLE
