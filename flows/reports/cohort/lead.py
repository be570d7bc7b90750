"""The marker beside imaging: how long before a recurrence it turned, as an interval, and what chance would show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.findings import Refused
from features.cohort import lead_times, marker_flags, positives_without_recurrence
from features.outcomes import recurrence_intervals
from flows.reports.blocks import Section, figures, lead, note, tables
from flows.reports.cohort.material import NOT_ESTIMABLE, Cohort, counted, p_value
from flows.reports.cohort.paint_lead import paint_lead
from flows.reports.page import Figure, Table, number, percent
from flows.reports.style import MANY, draw
from models.estimates.lead_time import LeadTime, lead_time

DRAWS = 500
FIGURES = {
    "led": ("Recurrences with a positive marker before, share", True),
    "lead_lower": ("Lead from the last clear scan, months", False),
    "lead_upper": ("Lead from the first positive scan, months", False),
    "lead": ("Lead from the middle of the two, months", False),
    "warning": ("Warning over all recurrences, months", False),
    "ppv": ("Recurrence among patients ever positive, share", True),
}
NO_SAMPLE = "No blood score after surgery has been delivered: there is no marker to set beside imaging."


def lead_section(cohort: Cohort) -> Section:
    """Lead times beside a random flag of equal positivity."""
    trial, outcome, protocol = cohort.trial, cohort.outcome, cohort.protocol
    try:
        flags = marker_flags(trial, outcome, protocol)
    except Refused as problem:
        return Section("lead", "Marker v imaging", "Lead time is not estimable", (lead(f"{problem}."),))
    if flags.empty:
        return Section("lead", "Marker v imaging", "No marker to set beside imaging", (lead(NO_SAMPLE),))
    people = lead_times(trial, outcome, protocol)
    found = lead_time(flags, recurrence_intervals(outcome), draws=DRAWS)
    waiting = positives_without_recurrence(trial, outcome, protocol)
    blocks = [
        lead(
            "A lead time alone measures the calendar: a flag raised at the first sample precedes any later recurrence. "
            "So every figure stands beside the same figure of shuffled markers with as many positive samples at each "
            "visit."
        ),
        *figures([lead_figure(people)]),
        *tables(random_table(found)),
        note(waiting_sentence(waiting)),
    ]
    return Section("lead", "Marker v imaging", lead_heading(people, found), tuple(blocks))


def lead_heading(people: pd.DataFrame, found: LeadTime) -> str:
    """How many recurrences were preceded, and whether more than by chance."""
    if people.empty:
        return "No recurrence yet: lead time is not estimable"
    row = found.table.loc["led"]
    if np.isnan(row["marker"]):
        return "No recurrence with a sample before it: lead time is not estimable"
    words = f"The marker was positive before {percent(row['marker'])} of {counted(found.recurrences, 'recurrence')}"
    return words if np.isnan(row["random"]) else f"{words}; a random flag before {percent(row['random'])}"


def lead_figure(people: pd.DataFrame) -> Figure | None:
    """One line per recurrence with a positive marker before; None without one."""
    lines = people[people["status"].eq("lead")].sort_values(["upper", "lower", "patient_id"], ignore_index=True)
    if lines.empty:
        return None
    lines = lines.assign(arm=lines["arm"].replace("none", ""))
    late = int(lines["lower"].lt(0).sum())
    height = 0.085 * min(len(lines), MANY) + 1.5
    return draw(
        paint_lead, lines, key="lead", size=(11.2, height), title="Lead time of the blood score",
        caption="One line per recurrence with a positive sample before it: the lead lies between the two circles, "
        "because the recurrence came somewhere between the last clear scan (of an earlier visit) and the first "
        "positive scan. Below zero: the sample was drawn after the last clear scan.",
        alt=f"Lead time of {len(lines)} recurrences: median to the first positive scan {lines['upper'].median():.1f} "
        f"months, to the last clear scan {lines['lower'].median():.1f} months; in {late} the marker turned after the "
        "last clear scan.",
    )  # fmt: skip


def random_table(found: LeadTime) -> Table:
    """Every figure of the marker beside that of a random flag of equal positivity."""
    rows: list[tuple[str, ...]] = []
    table = found.table.to_dict("index")
    for key, (words, share) in FIGURES.items():
        row = table[key]
        say = percent if share else (lambda value: number(value, 1))
        if np.isnan(row["marker"]):
            rows.append((words, NOT_ESTIMABLE, NOT_ESTIMABLE, NOT_ESTIMABLE, NOT_ESTIMABLE))
            continue
        chance = f"{say(row['random'])} ({say(row['random_lower'])} to {say(row['random_upper'])})"
        gap = f"{say(row['difference'])} ({say(row['lower'])} to {say(row['upper'])})"
        known = not np.isnan(row["random"])
        rows.append((words, say(row["marker"]), *((chance, gap) if known else (NOT_ESTIMABLE,) * 2), p_value(row["p"])))
    caption = (
        f"{counted(found.recurrences, 'recurrence')} with a sample before, {found.flagged} of "
        f"{counted(found.patients, 'patient')} ever positive after surgery. Random flag: mean and 95% range of {DRAWS} "
        "shuffled markers; P by permutation. Differences are taken before rounding."
    )
    return Table(("", "Marker", "Random flag", "Difference", "P"), tuple(rows), caption)


def waiting_sentence(waiting: pd.DataFrame) -> str:
    """Positive patients without a recurrence: not yet false positives."""
    if waiting.empty:
        return "Nobody with a positive marker is without a recurrence."
    return (
        f"{counted(len(waiting), 'patient')} with a positive marker had no recurrence so far: not yet false positives, "
        f"clear on imaging for a median of {number(waiting['followed'].median(), 1)} months since."
    )
