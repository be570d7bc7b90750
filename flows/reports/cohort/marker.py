"""The marker in the cohort: its distribution by visit and arm, and what cut-offs say."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome
from flows.reports import timeline
from flows.reports.blocks import Block, Section, figures, folded, lead, tables
from flows.reports.cohort.markers import marker_table, panels_figure
from flows.reports.cohort.material import Cohort
from flows.reports.cohort.paint_marker import paint_marker
from flows.reports.page import Figure, Table, percent, records
from flows.reports.style import arm_label, draw

VISIT_WORDS = {
    "baseline": "before surgery",
    "day_30": "day 30",
    "month_6": "month 6",
    "month_12": "month 12",
    "month_36": "month 36",
}


def marker_section(cohort: Cohort) -> Section:
    """Distribution of the markers by visit and specimen."""
    trial, outcome, protocol = cohort.trial, cohort.outcome, cohort.protocol
    score, others = score_figure(trial, outcome, protocol), panels_figure(trial, protocol, VISIT_WORDS)
    blocks: list[Block] = [] if score else [lead("No NETest result has been delivered.")]
    blocks += figures([score])
    blocks += tables(cutoff_table(trial, outcome, protocol) if score else None)
    blocks += figures([others])
    blocks += folded("Every other marker by visit in numbers", tables(marker_table(trial, protocol, VISIT_WORDS)))
    return Section("marker", "Markers", marker_heading(trial, outcome, protocol), tuple(blocks))


def marker_heading(trial: Trial, outcome: Outcome, protocol: Protocol) -> str:
    """The share above the cut-off before surgery and at the last landmark visit that has results."""
    table = cutoff_table(trial, outcome, protocol)
    if table is None:
        return "No blood score has been measured"
    shares = shares_by_visit(trial, outcome, protocol)
    words = {visit: f"at {told}" if told[-1].isdigit() else told for visit, told in VISIT_WORDS.items()}
    told = [f"{percent(row.share)} {words[row.visit]}" for row in records(shares)]
    cut = table.columns[2][:1].lower() + table.columns[2][1:]
    return f"Blood score {cut}: {', '.join(told)}"


def marker_values(trial: Trial, outcome: Outcome, protocol: Protocol, analyte: str) -> pd.DataFrame:
    """Valid results at nominal visits: patient_id, arm, visit, value, recurred."""
    table = timeline.analyte_months(trial, protocol, analyte)
    table = table[table["valid"] & table["visit"].isin(VISIT_WORDS)]
    recurred = outcome.patients["first_positive"].notna()
    return table.assign(
        arm=table["patient_id"].map(timeline.arms(trial)),
        recurred=table["patient_id"].map(recurred).fillna(False).astype(bool),
    )[["patient_id", "arm", "visit", "value", "recurred"]]


def score_figure(trial: Trial, outcome: Outcome, protocol: Protocol) -> Figure | None:
    """NETest by visit and arm; None when there is no result."""
    analyte, version = timeline.score_analyte(trial, protocol)
    if not analyte:
        return None
    values = marker_values(trial, outcome, protocol, analyte)
    if values.empty:
        return None
    visits = [(code, words) for code, words in VISIT_WORDS.items() if values["visit"].eq(code).any()]
    medians = values.assign(arm=values["arm"].fillna("")).groupby(["arm", "visit"])["value"].agg(["median", "size"])
    words = "; ".join(
        f"{arm_label(row.arm)} {VISIT_WORDS[row.visit]} median {row.median:.0f} (n = {row.size:.0f})"
        for row in records(medians.reset_index())
    )
    cutoffs = protocol.assays[version].cutoffs.get(analyte, ())
    return draw(
        paint_marker, values, visits, cutoffs, protocol.analytes[analyte].upper,
        f"{_name(analyte)} (version {version})",
        key="marker", size=(11.2, 4.6), title="NETest by visit",
        caption="One thin line per patient; filled when recurrence was seen at any time. In the PRRT arm "
        "the 6-month sample "
        "follows treatment. Sampling stops at recurrence: those still drawn at month 36 are a selected "
        "group. Every valid result counts, also of a visit that showed recurrence. Dashed: "
        f"published cut-offs of version {version}.",
        alt=f"{_name(analyte)} by visit and arm. {words}.",
    )  # fmt: skip


def above_cutoff(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """Values of the score with ``positive``: above the primary cut-off of its assay version."""
    analyte, version = timeline.score_analyte(trial, protocol)
    values = marker_values(trial, outcome, protocol, analyte)
    assay = protocol.assays[version]
    cut = assay.primary_cutoff[analyte]
    positive = values["value"].ge(cut) if assay.inclusive else values["value"].gt(cut)
    return values.assign(positive=positive, arm=values["arm"].fillna(""))


def shares_by_visit(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """Share above the primary cut-off at each visit that has results: visit, share, in order of time."""
    found = above_cutoff(trial, outcome, protocol).groupby("visit")["positive"].mean()
    shown = [visit for visit in VISIT_WORDS if visit in found.index]
    return pd.DataFrame({"visit": shown, "share": [float(found[visit]) for visit in shown]})


def cutoff_table(trial: Trial, outcome: Outcome, protocol: Protocol) -> Table | None:
    """Share above the primary cut-off by visit and arm."""
    analyte, version = timeline.score_analyte(trial, protocol)
    if not analyte:
        return None
    assay = protocol.assays[version]
    cut = assay.primary_cutoff[analyte]
    counts = above_cutoff(trial, outcome, protocol).groupby(["visit", "arm"])["positive"]
    found = {(row.visit, row.arm): row for row in records(counts.agg(["sum", "size"]).reset_index())}
    rows = [
        (f"{words.capitalize()}, {arm_label(arm)}", f"{row.size:.0f}", f"{row.sum:.0f}", percent(row.sum / row.size))
        for visit, words in VISIT_WORDS.items()
        for arm in (*timeline.ARMS, "")
        if (row := found.get((visit, arm))) is not None
    ]
    sign = "at or above" if assay.inclusive else "above"
    heads = ("", "Results", f"{sign.capitalize()} {cut:g}", "Share")
    return Table(heads, tuple(rows), classes="compact") if rows else None


def _name(analyte: str) -> str:
    return analyte.replace("_", " ").replace("netest", "NETest")
