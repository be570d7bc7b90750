"""The calendar of samples and scans: what was due, what came, and every patient on one line."""

from __future__ import annotations

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome
from flows.reports import timeline
from flows.reports.blocks import Section, figures
from flows.reports.cohort.material import Cohort
from flows.reports.cohort.paint_calendar import paint_swimmer
from flows.reports.cohort.paint_marker import paint_missing
from flows.reports.page import EMPTY, Figure, records
from flows.reports.style import draw

# A swimmer plot with more lines than this cannot be read on a page; the completeness map takes over.
MOST_LINES = 240
NAMED_LINES = 130


def calendar_section(cohort: Cohort) -> Section:
    """Samples and scans: completeness, and the swimmer plot."""
    trial, outcome, protocol = cohort.trial, cohort.outcome, cohort.protocol
    heading = missing_sentence(trial, outcome, protocol).rstrip(".")
    if outcome.patients.empty:
        heading = "No patient has been delivered"
    return Section("calendar", "Samples and scans", heading, tuple(figures(calendar_figures(trial, outcome, protocol))))


def calendar_figures(trial: Trial, outcome: Outcome, protocol: Protocol) -> list[Figure]:
    """The completeness map and, for a cohort that fits on a page, the swimmer plot."""
    if outcome.patients.empty:
        return []
    figures = []
    table = timeline.completeness(trial, outcome, protocol)
    if len(table):
        rows = table["what"].nunique()
        words = "; ".join(f"{row.what} month {row.month:g}: {row.got:.0f} of {row.due:.0f}" for row in records(table))
        figures.append(
            draw(
                paint_missing,
                table,
                key="completeness",
                size=(11.2, 0.42 * rows + 0.9),
                title="What was due and what came",
                caption="Got / due. Due: from patients alive, in follow-up and without recurrence. A scan "
                "counts when it "
                "is adequate and scheduled. Recurrence ends the calendar of a patient, so a missing late "
                "sample says "
                "something about the outcome and is never used as a feature.",
                alt=f"Completeness by kind, arm and visit. {words}.",
            )  # fmt: skip
        )
    if len(outcome.patients) <= MOST_LINES:
        figures.append(_swimmer(trial, outcome, protocol))
    return figures


def _swimmer(trial: Trial, outcome: Outcome, protocol: Protocol) -> Figure:
    calendar = timeline.calendar(trial, outcome, protocol)
    lines = len(calendar.lines)
    recurrences = int(outcome.patients["first_positive"].notna().sum())
    return draw(
        paint_swimmer, calendar, timeline.last_month(outcome, protocol), lines <= NAMED_LINES,
        key="swimmer", size=(11.2, max(2.4, 0.135 * lines + 1.2)), title="Every patient on one line",
        caption="Sorted by arm and by the last adequate scan. The line runs to the last contact. A red "
        "cross marks a blood "
        "sample that was due and not drawn.",
        alt=f"Calendar of {lines} patients: {len(calendar.blood)} blood and {len(calendar.urine)} urine samples, "
        f"{len(calendar.scans)} scans, {len(calendar.cycles)} PRRT cycles, {recurrences} recurrences, "
        f"{len(calendar.deaths)} deaths, {len(calendar.absent)} blood samples due and not drawn.",
    )  # fmt: skip


def missing_sentence(trial: Trial, outcome: Outcome, protocol: Protocol) -> str:
    """One sentence on the blood samples that are missing."""
    if outcome.patients.empty:
        return EMPTY
    due = timeline.due_samples(trial, outcome, protocol)
    blood = due[due["specimen"].eq("blood")]
    lacking = int((~blood["got"].astype(bool)).sum())
    return f"{lacking} of {len(blood)} blood samples that were due were not drawn."
