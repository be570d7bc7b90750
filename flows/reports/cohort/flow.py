"""The patient flow: how many reached each stage, and who left and why."""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.findings import Refused
from features.cohort import flow_losses, patient_flow
from features.cohort.flow import valid_blood
from features.outcomes import at_risk
from flows.reports import timeline
from flows.reports.blocks import Block, Section, figures, folded, lead, tables
from flows.reports.cohort.material import Cohort, counted, joined
from flows.reports.cohort.paint_flow import Stage, paint_flow
from flows.reports.page import EMPTY, Figure, Table, records
from flows.reports.style import arm_label, draw

SIDE = "biomarker_evaluable"
RESECTED = "resected"
SAME = "at_risk_0"
WITH_BLOOD = r"(; )?\d+ with a valid blood score[^;]*"
STRONG = "Strong colour: with a valid blood score of that time point (pre-operative at randomisation). "
ARMS = ("control", "prrt")
COUNTS = ("All", "Control", "PRRT", "Not randomised")


def flow_section(cohort: Cohort) -> Section:
    """Flow diagram, its counts, and the reasons."""
    if cohort.trial.patients.empty:
        return Section("flow", "Patient flow", "No patient has been delivered", (lead("Nothing to show yet."),))
    refused = ""
    try:
        table = patient_flow(cohort.trial, cohort.outcome, cohort.protocol)
    except Refused as problem:  # the blood scores cannot be judged together; the flow can
        refused, cohort = f"Without blood scores: {problem}.", cohort.without_results()
        table = patient_flow(cohort.trial, cohort.outcome, cohort.protocol)
    table, losses = _worded(cohort, table, flow_losses(cohort.trial, cohort.outcome, cohort.protocol))
    blocks = [
        *([Block("refused", refused)] if refused else []),
        *figures([flow_figure(cohort, table, losses)]),
        *tables(losses_table(table, losses)),
        *folded("Every stage of the flow in numbers", tables(flow_table(table))),
    ]
    return Section("flow", "Patient flow", flow_heading(table), tuple(blocks))


def _worded(cohort: Cohort, table: pd.DataFrame, losses: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stages and reasons in the words of the cohort, without what was never part of it (surgery, samples)."""
    never = [stage for stage, part in ((RESECTED, cohort.resected), (SIDE, cohort.sampled)) if not part]
    table, losses = (frame[~frame["stage"].isin(never)] for frame in (table, losses))
    notes = table["note"].fillna("").map(cohort.spoken)
    if not cohort.sampled:
        notes = notes.str.replace(WITH_BLOOD, "", regex=True)
    return table.assign(note=notes), losses.assign(reason=losses["reason"].map(cohort.spoken))


def flow_heading(table: pd.DataFrame) -> str:
    """How many were randomised, can be judged by the marker, and are still at risk at the last landmark."""
    n = table.set_index("stage")["n"]
    if not n["randomised"]:
        return f"{counted(int(n['consented']), 'patient')} delivered, nobody randomised"
    last = table.iloc[-1]
    judged = f"{n[SIDE]} biomarker-evaluable; " if SIDE in n else ""
    return f"{n['randomised']} randomised of {n['consented']} consented; {judged}{last['n']} {_low(last['label'])}"


def flow_stages(cohort: Cohort, table: pd.DataFrame, losses: pd.DataFrame) -> list[Stage]:
    """Steps of the picture: consented, resected, randomised, at risk at each landmark.

    A cohort in which nobody is randomised is followed as one group; of it no reasons are given.
    """
    n = table.set_index("stage")
    randomised = bool(n.loc["randomised", "n"])
    stages = []
    for row in records(table):
        if row.stage == RESECTED and not cohort.resected:
            continue
        if row.stage == SIDE or (row.stage == SAME and row.n == n.loc["randomised", "n"]):
            continue
        if row.stage.startswith("at_risk_"):
            stages.append(_landmark_stage(cohort, row, losses, randomised))
        elif row.stage != "randomised":
            stages.append(Stage(row.label, int(row.n), {}, {}, _left(losses, row.stage)))
        elif randomised:
            blood = _with_blood(cohort, 0.0, pd.Series(True, index=cohort.outcome.patients.index))
            stages.append(Stage(row.label, int(row.n), _arms(row), blood, _left(losses, row.stage)))
    return stages


def _landmark_stage(cohort: Cohort, row: Any, losses: pd.DataFrame, randomised: bool) -> Stage:
    landmark = float(row.stage.removeprefix("at_risk_"))
    risk = at_risk(cohort.outcome, landmark, cohort.protocol)
    blood = _with_blood(cohort, landmark, risk)
    if randomised:
        return Stage(row.label, int(row.n), _arms(row), blood, _left(losses, row.stage))
    return Stage(row.label, int(risk.sum()), {}, {"": blood[""]} if blood else {})


def _arms(row: Any) -> dict[str, int]:
    return {"control": int(row.control), "prrt": int(row.prrt)}


def _with_blood(cohort: Cohort, landmark: float, members: pd.Series) -> dict[str, int]:
    """Members with a valid blood score of a landmark, by arm; empty when no sample was delivered."""
    if not cohort.sampled:
        return {}
    arm = timeline.arms(cohort.trial)
    have = members & valid_blood(cohort.trial, cohort.protocol, landmark).reindex(members.index, fill_value=False)
    own = arm.reindex(have.index[have])
    return {name: int(own.eq(name).sum()) for name in (*ARMS, "") if name or own.eq("").any() or not arm.ne("").any()}


def _left(losses: pd.DataFrame, stage: str) -> tuple[str, ...]:
    own = losses[losses["stage"].eq(stage)]
    return tuple(f"{row.n} {row.reason}" for row in records(own))


def flow_figure(cohort: Cohort, table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """The patient flow as bars, with who left under the gaps."""
    stages = flow_stages(cohort, table, losses)
    words = []
    for stage in stages:
        by_arm = ", ".join(
            f"{arm_label(name)} {stage.arms[name]}"
            + (f" ({stage.blood.get(name, 0)} with blood)" if cohort.sampled else "")
            for name in stage.arms
        )
        left = f"; left before it: {joined(stage.left)}" if stage.left else ""
        words.append(f"{stage.label} {stage.total}" + (f": {by_arm}" if by_arm else "") + left)
    height = 3.5 + 0.22 * max((len(stage.left) for stage in stages), default=0)
    return draw(
        paint_flow, stages, key="flow", size=(11.2, height), title="From consent to the last landmark",
        caption=(STRONG if cohort.sampled else "No sample has been delivered. ")
        + "Between the bars: who left, and why. At risk: randomised, alive, in follow-up and without "
        + f"{cohort.event} when the visit closes, so fewer than under a curve, which counts those at risk just before.",
        alt="Patient flow. " + ". ".join(words) + ".",
    )  # fmt: skip


def losses_table(table: pd.DataFrame, losses: pd.DataFrame) -> Table | None:
    """Who left between two stages, by reason and arm; None when nobody left."""
    labels = dict(zip(table["stage"], table["label"], strict=True))
    rows: list[tuple[str, ...]] = []
    marks: list[str] = []
    for stage, own in losses.groupby("stage", sort=False):
        parent = own["parent"].iloc[0]
        rows.append((f"From {_low(labels[parent])} to {_low(labels[str(stage)])}", *[""] * 4))
        marks.append("group")
        for row in records(own):
            rows.append((row.reason.capitalize(), *_counts(row)))
            marks.append("level")
    heads = ("Who left, and why", *COUNTS)
    # the last column only where somebody in it left
    width = 5 if losses["unallocated"].any() else 4
    cut = tuple(row[:width] for row in rows)
    return Table(heads[:width], cut, "", tuple(marks), classes="compact") if rows else None


def flow_table(table: pd.DataFrame) -> Table:
    """Every stage with its counts and remark."""
    rows = tuple((row.label, *_counts(row), row.note or EMPTY) for row in records(table))
    heads = ("Stage", *COUNTS, "Remark")
    return Table(heads, rows, classes="prose")


def _counts(row: Any) -> tuple[str, ...]:
    return tuple(str(int(value)) for value in (row.n, row.control, row.prrt, row.unallocated))


def _low(words: str) -> str:
    return words[:1].lower() + words[1:]
