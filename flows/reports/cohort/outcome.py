"""What happened: headline numbers, survival and recurrence by arm, every endpoint under every censoring family."""

from __future__ import annotations

import numpy as np
import pandas as pd

from flows.reports.blocks import Block, Section, figures, folded, heading, lead, note, tables
from flows.reports.cohort.curves import curve_figure, incidence_figure
from flows.reports.cohort.intervals import beside_table, interval_arms, interval_figure
from flows.reports.cohort.material import Cohort, counted, joined, p_words
from flows.reports.cohort.readings import competing_table, contrast_table, entry_words, families_table, landmark_table
from flows.reports.cohort.sensitivity import sensitivity_table
from flows.reports.cohort.times import (
    AS_OBSERVED,
    ENDPOINTS,
    FAMILIES,
    INTERVAL,
    contrast,
    curve_of,
    strata_of,
    times_of,
)
from flows.reports.page import EMPTY, Tile, interval, percent
from flows.reports.style import arm_label

NOBODY = "Nobody has been under observation yet; these curves begin when a patient enters and has been seen after it."


def outcome_section(cohort: Cohort, visits: pd.DataFrame) -> Section:
    """Survival and recurrence by arm.

    Parameters
    ----------
    visits : DataFrame
        Recurrence with death competing, as observed, on nominal visits.
    """
    free = free_of_any(visits)
    times = {(name, family): times_of(cohort, name, family) for name in ENDPOINTS for family in FAMILIES}
    seen = times["os", AS_OBSERVED]
    if seen.empty:
        return Section("outcome", "Endpoints", "Nobody has been under observation yet", (lead(NOBODY),))
    last = last_month(cohort, visits)
    blocks: list[Block] = [
        lead(headline_sentence(cohort, visits)),
        *headline_figures(cohort, visits, last),
        heading("Every endpoint under three censoring families"),
        *tables(families_table(cohort, times), contrast_table(cohort, times)),
        note(families_note(cohort)),
        *figures(
            [curve_figure(cohort, name, times[name, AS_OBSERVED], last) for name in ("liver_dfs", "os", "ttnt")]
            + [curve_figure(cohort, "follow", free, last, reverse=True)],
            "pair",
        ),
        *between_scans(cohort, times["dfs", INTERVAL], last),
        heading("Does it hold under another reading of the scans?"),
        *tables(sensitivity_table(cohort, free)),
        *folded(
            "Rates at every month of the protocol, and restricted means",
            tables(
                competing_table(cohort, visits),
                *(landmark_table(cohort, name, times[name, AS_OBSERVED]) for name in ENDPOINTS),
            ),
        ),
    ]
    return Section("outcome", "Endpoints", outcome_heading(cohort, visits), tuple(blocks))


def between_scans(cohort: Cohort, times: pd.DataFrame, last: float) -> list[Block]:
    """Disease-free survival from interval-censored times: Turnbull beside Weibull, picture and table."""
    items = interval_arms(cohort, times, last)
    figure = interval_figure(cohort, items, times, cohort.title("dfs"), last)
    return [*figures([figure]), *tables(beside_table(cohort, times, items))]


def headline_figures(cohort: Cohort, visits: pd.DataFrame, last: float) -> list[Block]:
    """Disease-free survival, and recurrence with death competing, on nominal visits."""
    free = curve_figure(cohort, "dfs", free_of_any(visits), last)
    return figures([free, incidence_figure(cohort, visits, last)], "pair")


def last_month(cohort: Cohort, visits: pd.DataFrame) -> float:
    """End of the time axis: the imaging of the study, or the whole grid once anybody was seen after it."""
    local = float(cohort.protocol["calendar.imaging_end_month"])
    return float(cohort.protocol.visit_grid[-1]) if (visits["time"] > local).any() else local


def free_of_any(visits: pd.DataFrame) -> pd.DataFrame:
    """Recurrence and death as one event: disease-free survival."""
    return visits.assign(event=visits["event"].gt(0).astype(int))


def rate_at(visits: pd.DataFrame, month: float) -> tuple[float, float, float]:
    """Share of a group that is disease-free at a month, with its limits; NaN where nobody is left."""
    if visits.empty:
        return float("nan"), float("nan"), float("nan")
    own = free_of_any(visits)
    row = curve_of(own).at(month).iloc[0]
    return (row["value"], row["lower"], row["upper"]) if row["n_risk"] else (float("nan"),) * 3


def outcome_heading(cohort: Cohort, visits: pd.DataFrame) -> str:
    """The headline: disease-free share by arm."""
    month = cohort.headline_month
    shares = {arm: rate_at(cohort.own(visits, arm), month)[0] for arm in reversed(cohort.groups)}
    told = [f"{percent(share)} {arm_label(arm)}" for arm, share in shares.items() if not np.isnan(share)]
    return (
        f"{cohort.free.capitalize()} at month {month:g}: {joined(told)}"
        if told
        else f"Not estimable yet at month {month:g}"
    )


def headline_sentence(cohort: Cohort, visits: pd.DataFrame) -> str:
    """Events, hazard ratio with its check, and follow-up in words."""
    recurred, died = (int(visits["event"].eq(code).sum()) for code in (1, 2))
    words = unseen_sentence(cohort, visits)
    words += f"{counted(recurred, cohort.event)} on imaging and {counted(died, 'death')} without {cohort.event}. "
    if cohort.two_arms:
        words += hazard_sentence(cohort, visits)
    return words + follow_sentence(cohort, visits)


def unseen_sentence(cohort: Cohort, visits: pd.DataFrame) -> str:
    """Patients who are in no curve of what scans show, so that the denominators add up; "" when there are none."""
    if not any(cohort.groups):
        return ""
    entered, seen = (int(frame["arm"].isin(cohort.groups).sum()) for frame in (cohort.trial.patients, visits))
    unseen = entered - seen
    if unseen <= 0:
        return ""
    return f"{counted(unseen, 'patient')} never assessed after entry left out of the curves. "


def hazard_sentence(cohort: Cohort, visits: pd.DataFrame) -> str:
    """The hazard ratio in a sentence, or why there is none."""
    made = contrast(cohort, free_of_any(visits), cohort.headline_month)
    if made.why:
        return f"Hazard ratio: not estimable ({made.why}). "
    check = "no sign against" if made.proportional >= 0.05 else "evidence against"
    late = entry_words(visits)
    found = interval(made.hazard.value, made.hazard.lower, made.hazard.upper)
    layers = strata_of(cohort)
    by = f", stratified by {joined([name.replace('_', ' ') for name in layers])}" if layers else ", unadjusted"
    return (
        f"Hazard ratio for {cohort.event} or death, PRRT against control: {found} (Cox model{late}{by}); "
        f"log-rank {p_words(made.rank.p)}; {check} proportional hazards ({p_words(made.proportional)}). "
        f"{cohort.event.capitalize()} is seen at visits only: an approximation. "
    )


def follow_sentence(cohort: Cohort, visits: pd.DataFrame) -> str:
    """Median follow-up by arm (reverse Kaplan-Meier)."""
    told = []
    for arm in cohort.groups:
        own = cohort.own(visits, arm)
        if len(own):
            told.append(f"{arm_label(arm)} {_months(*curve_of(own, reverse=True).median)}")
    words = "Median imaging follow-up in months (reverse Kaplan-Meier, 95% interval): "
    return words + f"{'; '.join(told)}." if told else ""


def _months(value: float, lower: float, upper: float) -> str:
    """A median with its interval inside a sentence."""
    low, middle, high = ("not reached" if np.isnan(x) else f"{x:.1f}" for x in (lower, value, upper))
    return f"{middle} ({low} to {high})" if not np.isnan(lower) else middle


def families_note(cohort: Cohort) -> str:
    """How the families differ, in words."""
    missed = cohort.protocol["survival.missed_visits"]
    return (
        "As observed: event on the day it was seen, else censored at the last adequate assessment. FDA-style: also "
        f"censored before {missed:g} missed assessments and before a new anticancer therapy. Interval-censored: the "
        "event lies between the last clear and the first positive scan (Weibull model)."
    )


def outcome_tiles(cohort: Cohort, visits: pd.DataFrame) -> list[Tile]:
    """Patients, events, disease-free survival by arm and follow-up."""
    arm = cohort.trial.patients["arm"]
    by_arm = " · ".join(f"{arm_label(name)} {int(arm.eq(name).sum())}" for name in cohort.groups if name)
    rows = cohort.outcome.patients
    recurred = rows["first_positive"].notna()
    dead = int((rows["death"].notna() & ~recurred).sum())
    found = f"{cohort.event.capitalize()}s on imaging"
    tiles = [
        Tile("Patients", str(len(rows)), by_arm or "nobody randomised", "accent"),
        Tile(found, str(int(recurred.sum())), f"{dead} died without {cohort.event}", "accent"),
    ]
    month = cohort.headline_month
    for name in reversed(cohort.groups):
        value, lower, upper = rate_at(cohort.own(visits, name), month)
        known = not np.isnan(value)
        limits = "no interval" if np.isnan(lower) else f"95% interval {100 * lower:.0f} to {100 * upper:.0f}%"
        note_ = limits if known else "nobody under observation"
        label = f"{cohort.free.capitalize()} at {month:g} months, {arm_label(name)}"
        tiles.append(Tile(label, percent(value) if known else EMPTY, note_, name or "accent"))
    if len(visits):
        follow = curve_of(visits, reverse=True).median[0]
        told = "not reached" if np.isnan(follow) else f"{follow:.0f} mo"
        words = "reverse Kaplan-Meier, to the last adequate scan"
        tiles.append(Tile("Median imaging follow-up", told, words, "accent"))
    return tiles
