"""The calendar of samples and scans: what was due, what came, and every patient on one line."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from features.cohort import completeness, due_samples
from flows.reports import timeline
from flows.reports.blocks import Section, figures, folded, lead, note, tables
from flows.reports.cohort.material import Cohort
from flows.reports.cohort.paint_calendar import paint_swimmer
from flows.reports.cohort.paint_marker import paint_missing
from flows.reports.cohort.sampling import samples_figure
from flows.reports.page import EMPTY, Figure, Table, percent, records
from flows.reports.style import arm_label, draw

# A swimmer plot with more lines than this cannot be read on a page; the completeness map takes over.
MOST_LINES = 240
NAMED_LINES = 130
TOO_MANY = "{} patients are too many for one line each on a page: the swimmer plot is left out."
SCANS_DUE = (
    "Got / due. Due: from patients alive, in follow-up and without recurrence; the scan that shows it was due. A scan "
    "counts when it is adequate and scheduled."
)
SPECIMENS = ("Blood", "Urine")


def calendar_section(cohort: Cohort) -> Section:
    """Samples and scans: completeness by arm and by centre, and the swimmer plot."""
    if cohort.outcome.patients.empty:
        return Section("calendar", "Samples and scans", "No patient has been delivered", (lead("Nothing was due."),))
    lines = len(cohort.outcome.patients)
    blocks = [
        *figures([samples_figure(cohort), completeness_figure(cohort), swimmer(cohort)]),
        *([note(TOO_MANY.format(lines))] if lines > MOST_LINES else []),
        *folded("Completeness by centre", tables(*site_tables(cohort))),
    ]
    return Section("calendar", "Samples and scans", missing_sentence(cohort), tuple(blocks))


def completeness_figure(cohort: Cohort) -> Figure | None:
    """Scans that were due and that came, by modality, arm and visit; None when nothing was due.

    Samples are told by :func:`flows.reports.cohort.sampling.samples_figure`.
    """
    table = completeness(cohort.trial, cohort.outcome, cohort.protocol)
    table = table[~table["what"].isin(SPECIMENS)]
    if table.empty:
        return None
    arm = table["by"].replace("unallocated", "").map(arm_label)
    table = table.assign(what=table["what"] + " · " + arm)
    rows = table["what"].nunique()
    words = "; ".join(f"{row.what} month {row.month:g}: {row.got:.0f} of {row.due:.0f}" for row in records(table))
    return draw(
        paint_missing, table, cohort.since,
        key="completeness", size=(11.2, 0.42 * rows + 0.9), title="Scans that were due and that came",
        caption=cohort.spoken(SCANS_DUE),
        alt=f"Completeness of scans by kind, arm and visit. {words}.",
    )  # fmt: skip


def _delivered(cohort: Cohort, table: pd.DataFrame) -> pd.DataFrame:
    """Completeness, without samples where the delivery holds none: they are not missing patient by patient."""
    return table if cohort.sampled else table[~table["what"].isin(SPECIMENS)]


def site_tables(cohort: Cohort) -> list[Table]:
    """One table per kind: got / due by centre and visit, and the share over all visits."""
    table = completeness(cohort.trial, cohort.outcome, cohort.protocol, by="site")
    table = _delivered(cohort, table)
    return [_site_table(str(what), own) for what, own in table.groupby("what", sort=False)]


def _site_table(what: str, own: pd.DataFrame) -> Table:
    months = sorted(own["month"].unique())
    cells = {(row.by, row.month): f"{row.got} / {row.due}" for row in records(own)}
    totals = own.groupby("by")[["got", "due"]].sum()
    rows = tuple(
        (str(site), *(cells.get((site, month), EMPTY) for month in months), percent(row["got"] / row["due"]))
        for site, row in totals.iterrows()
    )
    return Table((f"{what}, centre", *(f"Month {month:g}" for month in months), "All"), rows)


def swimmer(cohort: Cohort) -> Figure | None:
    """Every patient on one line; None for a cohort that does not fit on a page."""
    if len(cohort.outcome.patients) > MOST_LINES:
        return None
    calendar = timeline.calendar(cohort.trial, cohort.outcome, cohort.protocol)
    if not cohort.sampled:
        calendar = replace(calendar, absent=calendar.absent[:0])
    last, lines = timeline.last_month(cohort.outcome, cohort.protocol), len(calendar.lines)
    recurrences = int(cohort.outcome.patients["first_positive"].notna().sum())
    return draw(
        paint_swimmer, calendar, last, lines <= NAMED_LINES, cohort.since, cohort.event,
        key="swimmer", size=(11.2, max(2.4, 0.135 * lines + 1.2)), title="Every patient on one line",
        caption="Sorted by arm and by the last adequate scan. The line runs to the last contact."
        + (" A red cross marks a blood sample that was due and not drawn." if cohort.sampled else ""),
        alt=f"Calendar of {lines} patients: {len(calendar.blood)} blood and {len(calendar.urine)} urine samples, "
        f"{len(calendar.scans)} scans, {len(calendar.cycles)} PRRT cycles, {recurrences} {cohort.event}s, "
        f"{len(calendar.deaths)} deaths, {len(calendar.absent)} blood samples due and not drawn.",
    )  # fmt: skip


def missing_sentence(cohort: Cohort) -> str:
    """How many blood samples and scans are missing."""
    if cohort.trial.samples.empty:
        return "No sample has been delivered; scans by visit"
    due = due_samples(cohort.trial, cohort.outcome, cohort.protocol)
    blood = due[due["specimen"].eq("blood")]
    lacking = int((~blood["got"].astype(bool)).sum())
    return f"{lacking} of {len(blood)} blood samples that were due were not drawn"
