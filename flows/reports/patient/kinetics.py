"""The kinetics of one patient: a picture, the latest landmark in one table, every landmark behind a summary."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from data.protocol import Protocol
from flows.reports.blocks import Block, figures, folded, heading, lead, note, tables
from flows.reports.cohort.material import joined
from flows.reports.page import EMPTY, Figure, Table, number
from flows.reports.patient import words
from flows.reports.patient.landmarks import Landmarks, Marker
from flows.reports.patient.paint_kinetics import paint_kinetics
from flows.reports.patient.slopes import panels_of, spoken
from flows.reports.style import draw

Cell = Callable[[pd.Series, Marker], str]
BEFORE = ", before the landmark closed"
# The sentence says all: nothing happened before the landmark closed.
TOLD = ("refused", "not reached")
PREOP = "Before surgery"
POSITIVE = "Results above the cut-off"
NONE = "No landmark after surgery was reached, so nothing is known of the kinetics."
FIGURE = (
    "Equal steps up the page are equal relative changes (logit of a score, logarithm of a quantity). The dashed line "
    "spans the operation; an open triangle is a result below the limit of its assay, drawn at the limit. "
)
BARS = (
    "A grey bar is the reference change interval around the previous result; a ring marks a result outside it, which "
    "is more than variation. "
)
NO_BARS = "No reference change interval for {}: the variation within one person is not known."
LATEST = (
    "Against before surgery and against the previous sample after it: difference, and ratio in brackets (scores: of "
    "score + 1)."
)
EVERY = (
    "Up to each landmark, nothing later. A dash: not estimable for the reason given at the previous sample, or no "
    "result. A result below its limit counts in levels as limit / √2 and in no change."
)
STATES = {
    "both_negative": "both negative",
    "both_positive": "both positive",
    "blood_only": "blood positive, urine negative",
    "urine_only": "urine positive, blood negative",
}
SSA = {
    "pre_operative_sample": "the sample was drawn before surgery",
    "no_ssa_record": "no record of an analogue",
    "records_disagree": "sample and treatment records disagree",
}


def kinetics_blocks(found: Landmarks, protocol: Protocol) -> list[Block]:
    """The section: a sentence, the picture, the latest landmark, the sample itself, and every figure folded."""
    notes = [note(line) for line in absent_lines(found)]
    if not found.after:
        picture = [kinetics_figure(found, protocol)] if found.reached else []
        return [lead(NONE), *figures(picture), *notes]
    month = max(found.after)
    return [
        lead(headline(found, month)),
        *figures([kinetics_figure(found, protocol)]),
        heading(f"At month {month:g}"),
        *tables(latest_table(found, protocol, month)),
        *notes,
        heading("Treatment at the blood sample, blood against urine"),
        *tables(exposure_table(found)),
        *folded("Every figure, landmark by landmark", tables(*every_table(found, protocol))),
    ]


def headline(found: Landmarks, month: float) -> str:
    """The score at the latest landmark in one sentence."""
    row, marker = found.after[month], found.markers[0]
    missing = words.missing_words(row, marker)
    if not words.known(row[f"{marker.prefix}last"]):
        return f"At month {month:g}, the latest landmark reached, there is no NETest result: {missing}."
    told = [
        f"{than} {name}"
        for since, name in (("preop", "before surgery"), ("previous", "at the previous sample"))
        if (than := words.against(row, marker, since))
    ]
    start = f"At month {month:g}, the latest landmark reached, NETest is {words.level(row, marker)}"
    why = words.why_no_change(row, marker)
    return f"{start}{': ' if told else ''}{', '.join(told)}.{f' No rate of change: {why}.' if why else ''}"


def absent_lines(found: Landmarks) -> list[str]:
    """Why landmarks after surgery have no figures, one line for each reason."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for month in found.months:
        if month in found.absent:
            by_reason.setdefault(found.absent[month], []).append(f"{month:g}")
    return [
        f"No figures at month {joined(months)}: {why}{'' if word in TOLD else BEFORE}."
        for (word, why), months in by_reason.items()
    ]


def kinetics_figure(found: Landmarks, protocol: Protocol) -> Figure:
    """Slopes of all markers, small."""
    panels = panels_of(found)
    barred = any(panel.bars for panel in panels)
    unknown = [panel.marker.short for panel in panels if words.variation_unknown(panel.marker, protocol)]
    limits = (BARS if barred else "") + (NO_BARS.format(joined(unknown)) if unknown and found.after else "")
    return draw(
        paint_kinetics, panels, key="kinetics", size=(11.2, 3.5), title="",
        caption=(FIGURE + limits).strip(),
        alt=" ".join(spoken(panel) for panel in panels),
    )  # fmt: skip


def latest_table(found: Landmarks, protocol: Protocol, month: float) -> Table:
    """One row per marker at one landmark."""
    heads = ("Marker", "Result", "Against before surgery", "Against the previous sample", "Doubling or half-life",
             "Reference change")  # fmt: skip
    row = found.after[month]
    rows = tuple(_latest(row, marker, protocol) for marker in found.markers)
    return Table(heads, rows, LATEST, numeric=False, classes="kinetics")


def _latest(row: pd.Series, marker: Marker, protocol: Protocol) -> tuple[str, ...]:
    name = f"{marker.name}, {marker.unit}"
    if not words.known(row[f"{marker.prefix}last"]):
        return name, f"no result: {words.missing_words(row, marker)}", *([EMPTY] * 4)
    return (
        name,
        words.level(row, marker),
        words.before_surgery(row, marker),
        words.since_previous(row, marker),
        words.doubling(row, marker),
        words.reference_change(row, marker, protocol),
    )


def every_table(found: Landmarks, protocol: Protocol) -> list[Table]:
    """One table per marker: every kinetic figure at every landmark that was reached."""
    return [_marker_table(found, marker, protocol, first=place == 0) for place, marker in enumerate(found.markers)]


def _marker_table(found: Landmarks, marker: Marker, protocol: Protocol, first: bool) -> Table:
    columns = [_column(row, marker, protocol) for row in found.after.values()]
    names = [name for name, _, _ in _lines(marker, protocol)]
    rows = tuple((name, *(column[place] for column in columns)) for place, name in enumerate(names))
    cut = f"; cut-off {marker.rules.cutoff:g}" if marker.has_cutoff else ""
    title = f"{marker.name}, {marker.unit}{cut}."
    heads = (marker.name, *(f"Month {month:g}" for month in found.after))
    return Table(heads, rows, f"{title} {EVERY}" if first else title, numeric=False, classes="every")


def _column(row: pd.Series, marker: Marker, protocol: Protocol) -> list[str]:
    if not words.known(row[f"{marker.prefix}last"]):
        lines = _lines(marker, protocol)
        before = [words.level(row, marker, "preop") if name == PREOP else EMPTY for name, _, _ in lines]
        return [f"no result: {words.missing_words(row, marker)}", *before[1:]]
    why = words.refusal(row, marker)
    cells = [(cell(row, marker), told) for _, cell, told in _lines(marker, protocol)]
    return [words_ if told or words_ != why else EMPTY for words_, told in cells]


def _lines(marker: Marker, protocol: Protocol) -> list[tuple[str, Cell, bool]]:
    """Name of each line, its cell, and whether it tells the reason of the landmark itself."""
    scale = marker.rules.scale
    plain = words.plain
    lines: list[tuple[str, Cell, bool]] = [
        ("Result", words.level, True),
        (PREOP, partial(words.level, name="preop"), True),
        ("Against before surgery (ratio)", words.before_surgery, True),
        ("Against the previous sample (ratio)", words.since_previous, True),
        ("Slope of the last two, a month", partial(words.rate, name="slope"), False),
        ("Slope of all, a month", partial(words.rate, name="trend"), False),
        (f"Curvature, {scale} / month²", words.curvature, False),
        ("Doubling time or half-life", words.doubling, True),
        ("Above the cut-off", words.above_cutoff, False),
        (POSITIVE, words.call_words, False),
        ("Peak", words.peak, False),
        ("Nadir", words.nadir, False),
        ("Mean over time", partial(plain, name="exposure", digits=max(marker.digits, 1)), False),
        (f"Variability (SD), {scale}", partial(plain, name="sd", digits=2), False),
        ("Reference change", partial(words.reference_change, protocol=protocol), True),
        ("Results after surgery", partial(plain, name="n_samples", digits=0), False),
        ("Sample to end of landmark", partial(plain, name="days_to_landmark", digits=0, unit="days"), False),
    ]
    return lines if marker.has_cutoff else [line for line in lines if line[0] != POSITIVE]


def exposure_table(found: Landmarks) -> Table:
    """Treatment at the blood sample, and blood against urine, at every landmark that was reached."""
    lines: list[tuple[str, Callable[[pd.Series], str]]] = [
        ("Blood sample", _drawn),
        ("PRRT before it", _prrt),
        ("Somatostatin analogue at the sample", _analogue),
        ("Months on an analogue since surgery", _analogue_months),
        ("Blood and urine, each by its cut-off", _state),
        ("Visits with the same call so far", _agreement),
    ]
    rows = tuple((name, *(cell(row) for row in found.after.values())) for name, cell in lines)
    return Table(("", *(f"Month {month:g}" for month in found.after)), rows, "", numeric=False, classes="every")


def _drawn(row: pd.Series) -> str:
    if not words.known(row["sample_month"]):
        return f"none: {words.MISSING.get(row['missing_netest'], row['missing_netest'])}"
    return f"month {number(row['sample_month'], 1)}"


def _prrt(row: pd.Series) -> str:
    if not words.known(row["prrt_cycles"]):
        return "not known" if words.known(row["sample_month"]) else EMPTY
    if row["prrt_cycles"] == 0:
        return "none"
    cycles = f"{row['prrt_cycles']:.0f} cycle{'' if row['prrt_cycles'] == 1 else 's'}"
    return f"{cycles}, the last {number(row['days_since_prrt'], 0)} days before"


def _analogue(row: pd.Series) -> str:
    if not words.known(row["sample_month"]):
        return EMPTY
    use = {1.0: "in use", 0.0: "not in use"}.get(row["ssa_at_sample"], "not recorded")
    since = row["days_since_ssa"]
    return f"{use}, last {number(since, 0)} days before" if words.known(since) and since > 0 else use


def _analogue_months(row: pd.Series) -> str:
    if not words.known(row["sample_month"]):
        return EMPTY
    if words.known(row["ssa_months"]):
        if row["ssa_months"] == 0:
            return "none"
        return number(row["ssa_months"], 1)
    return f"not known: {SSA.get(row['ssa_reason'], row['ssa_reason'])}"


def _state(row: pd.Series) -> str:
    if not words.known(row["blood_urine_state"]):
        return "not known for both"
    days = row["blood_urine_days"]
    apart = "same day" if days == 0 else f"urine {number(abs(days), 0)} days {'later' if days > 0 else 'earlier'}"
    return f"{STATES[row['blood_urine_state']]} ({apart})"


def _agreement(row: pd.Series) -> str:
    pairs, share = row["blood_urine_pairs"], row["blood_urine_agreement"]
    return f"{share * pairs:.0f} of {pairs:.0f}" if words.known(share) else "no visit with both"
