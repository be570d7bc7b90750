"""Endpoints in tables: each under three censoring families side by side, contrasts, and landmark rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from flows.reports.cohort.intervals import interval_contrast, weibull_reading
from flows.reports.cohort.material import NOT_ESTIMABLE, Cohort, p_value, p_words
from flows.reports.cohort.times import (
    AS_OBSERVED,
    ENDPOINTS,
    FAMILIES,
    INTERVAL,
    SEEN_ON_SCANS,
    Contrast,
    contrast,
    curve_of,
    death_competes,
    mean_of,
)
from flows.reports.page import EMPTY, Table, interval, number, percent_interval, whole
from flows.reports.style import arm_label
from models.estimates.competing import cumulative_incidence, gray_test
from models.estimates.values import Estimate

AT_RISK = "At risk: just before the month, whose events are counted in the rate."
Times = Mapping[tuple[str, str], pd.DataFrame]


def families_table(cohort: Cohort, times: Times) -> Table:
    """One row per endpoint and arm; under every family events, the share still free at the last month, the median."""
    month = cohort.headline_month
    rows: list[tuple[str, ...]] = []
    marks: list[str] = []
    for endpoint in ENDPOINTS:
        title = cohort.title(endpoint)
        rows.append((title + (", share treated" if death_competes(cohort, endpoint) else ""), *[""] * 9))
        marks.append("group")
        for arm in cohort.groups:
            cells = [
                _arm_cells(cohort, endpoint, family, cohort.own(times[endpoint, _read(endpoint, family)], arm))
                for family in FAMILIES
            ]
            rows.append((arm_label(arm), *(cell for part in cells for cell in part)))
            marks.append("level")
    heads = ("", *("Events", f"At month {month:g}", "Median, months") * 3)
    groups = (("", 1), *((name, 3) for name in FAMILIES.values()))
    caption = (
        "Events / patients; share free of the event and median, each with its 95% interval below. As observed and "
        "FDA-style what a scan shows counts at its visit. Interval-censored: Weibull curve; deaths and next "
        "treatments have exact days, so their reading as observed is repeated. A dash in an interval: that limit "
        "is not reached."
    )
    return Table(heads, tuple(rows), caption, tuple(marks), classes="families", groups=groups)


def _read(endpoint: str, family: str) -> str:
    """Deaths and treatments have exact days: their interval-censored reading is the one as observed."""
    return AS_OBSERVED if family == INTERVAL and endpoint not in SEEN_ON_SCANS else family


def _arm_cells(cohort: Cohort, endpoint: str, family: str, own: pd.DataFrame) -> tuple[str, str, str]:
    if own.empty:
        return EMPTY, NOT_ESTIMABLE, NOT_ESTIMABLE
    events = f"{int(own['event'].eq(1).sum())} / {len(own)}"
    month = cohort.headline_month
    if _read(endpoint, family) == INTERVAL:
        share, middle = weibull_reading(own, cohort.headline_month)
        words = median_words(middle.value, middle.lower, middle.upper)
        return events, stacked(share.value, share.lower, share.upper), words
    found = curve_of(own, competing=death_competes(cohort, endpoint))
    row = found.at(month).iloc[0]
    rate = stacked(row["value"], row["lower"], row["upper"]) if row["n_risk"] > 0 else NOT_ESTIMABLE
    return events, rate, median_words(*found.median)


def stacked(value: float, lower: float, upper: float) -> str:
    """A share with its interval on a second line."""
    if pd.isna(value):
        return NOT_ESTIMABLE
    limits = "no interval" if pd.isna(lower) or pd.isna(upper) else f"{100 * lower:.0f} to {100 * upper:.0f}"
    return f"{100 * value:.0f}%\n{limits}"


def median_words(value: float, lower: float, upper: float) -> str:
    """A median with its interval; a limit that is not reached is a dash."""
    if pd.isna(value):
        return "not reached" + ("" if pd.isna(lower) else f"\n{lower:.1f} or later")
    return f"{value:.1f}\n{number(lower, 1)} to {number(upper, 1)}"


def contrast_table(cohort: Cohort, times: Times) -> Table | None:
    """PRRT against control by endpoint and family: hazard ratio, its check, log-rank, restricted mean."""
    if not cohort.two_arms:
        return None
    tau = cohort.headline_month
    rows, marks, why = [], [], set()
    for endpoint in ENDPOINTS:
        title = cohort.title(endpoint)
        competing = death_competes(cohort, endpoint)
        rows.append((title + (", death competing: cause-specific" if competing else ""), *[""] * 4))
        marks.append("group")
        for family, name in FAMILIES.items():
            if family == INTERVAL and endpoint not in SEEN_ON_SCANS:
                continue
            frame = times[endpoint, family]
            made = interval_contrast(cohort, frame) if family == INTERVAL else contrast(cohort, frame, tau)
            rows.append((name, *_contrast_cells(made, competing)))
            marks.append("level")
            why.add(made.why)
    mean = f"Restricted mean to month {tau:g}, difference in months"
    heads = ("", "Hazard ratio", "Log-rank P", "Proportional hazards P", mean)
    caption = (
        "PRRT against control, 95% intervals; a hazard ratio below 1 favours PRRT (of next treatment: it comes later). "
        f"Cox model{entry_words(times['os', AS_OBSERVED])}; interval-censored: "
        "Weibull model and score test. A small proportional-hazards P speaks against one ratio for all times."
    )
    reasons = "; ".join(sorted(why - {""}))
    caption += f" Not estimable: {reasons}." if reasons else ""
    return Table(heads, tuple(rows), caption, tuple(marks))


def entry_words(times: pd.DataFrame) -> str:
    """Whether patients entered the risk set after time zero, in words."""
    return " with delayed entry" if times["entry"].gt(0).any() else ""


def _contrast_cells(made: Contrast, competing: bool) -> tuple[str, ...]:
    return (
        estimate_words(made.hazard),
        p_value(made.rank.p),
        EMPTY if np.isnan(made.proportional) else p_value(made.proportional),
        EMPTY if competing else estimate_words(made.mean, 1, EMPTY),
    )


def estimate_words(found: Estimate, digits: int = 2, missing: str = NOT_ESTIMABLE) -> str:
    """An estimate with its interval, or why there is none."""
    return missing if np.isnan(found.value) else interval(found.value, found.lower, found.upper, digits)


def within(found: Estimate, month: float) -> Estimate:
    """A restricted mean whose upper limit (normal approximation) is cut at the horizon it cannot exceed."""
    return replace(found, upper=min(found.upper, month)) if found.upper > month else found


def competing_table(cohort: Cohort, visits: pd.DataFrame) -> Table:
    """Recurrence and death without it as competing events, by month and arm, on nominal visits; Gray's test."""
    rows = []
    for month in cohort.months:
        for arm in cohort.groups:
            own = cohort.own(visits, arm)
            if own.empty:
                continue
            read = [cumulative_incidence(own["time"], own["event"], cause, own["entry"]).at(month) for cause in (1, 2)]
            cells = (percent_interval(*row.iloc[0][["value", "lower", "upper"]]) for row in read)
            left = int(read[0]["n_risk"].iloc[0])
            shown = tuple(cells) if left else (NOT_ESTIMABLE, NOT_ESTIMABLE)
            rows.append((f"Month {month:g}, {arm_label(arm)}", str(left), *shown))
    heads = ("", "At risk", cohort.event.capitalize(), f"Death without {cohort.event}")
    caption = f"Cumulative incidence at the nominal visit, 95% intervals. {AT_RISK}"
    both = visits[visits["arm"].isin(cohort.groups)]
    if cohort.two_arms and both["arm"].nunique() == 2 and not both["entry"].gt(0).any():
        caption += f" Gray's test of {cohort.event}: {p_words(gray_test(both['time'], both['event'], both['arm']).p)}."
    return Table(heads, tuple(rows), caption, classes="compact")


def landmark_table(cohort: Cohort, endpoint: str, own: pd.DataFrame) -> Table:
    """Rates at every month of the protocol and the restricted mean, by arm, one family."""
    rows = []
    for month in cohort.months:
        for arm in cohort.groups:
            group = cohort.own(own, arm)
            if group.empty:
                continue
            competing = death_competes(cohort, endpoint)
            row = curve_of(group, competing=competing).at(month).iloc[0]
            seen = row["n_risk"] > 0
            rate = percent_interval(row["value"], row["lower"], row["upper"]) if seen else NOT_ESTIMABLE
            mean = EMPTY if competing else estimate_words(within(mean_of(group, month), month), 1)
            rows.append((f"Month {month:g}, {arm_label(arm)}", whole(row["n_risk"]), rate, mean))
    share = "Treated, death competing" if death_competes(cohort, endpoint) else "Free of the event"
    heads = ("", "At risk", share, "Restricted mean, months")
    return Table(heads, tuple(rows), f"{cohort.title(endpoint)}, as observed. {AT_RISK}", classes="compact")
