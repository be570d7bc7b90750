"""Who is in the trial: the patient flow, and who left and why."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome, at_risk
from flows.reports import timeline
from flows.reports.blocks import Section, figures
from flows.reports.cohort.material import Cohort
from flows.reports.cohort.paint_flow import Stage, paint_flow
from flows.reports.page import Figure
from flows.reports.style import arm_label, draw


def flow_section(cohort: Cohort) -> Section:
    """Patient flow."""
    trial, outcome, protocol = cohort.trial, cohort.outcome, cohort.protocol
    stages = flow_stages(trial, outcome, protocol)
    told = ", ".join(f"{stage.label[:1].lower()}{stage.label[1:]} {stage.total}" for stage in stages[1:4])
    heading = f"Patients: {told}" if len(trial.patients) else "No patient has been delivered"
    return Section("flow", "Patient flow", heading, tuple(figures([flow_figure(trial, outcome, protocol)])))


def flow_stages(trial: Trial, outcome: Outcome, protocol: Protocol) -> list[Stage]:
    """Steps of the patient flow: consented, operated, randomised, at risk at each landmark after surgery.

    A cohort in which nobody is randomised is followed as one group.
    """
    patients, arm = trial.patients, timeline.arms(trial)
    consented = patients["consent_on"].notna().sum()
    allocated = arm[arm.isin(timeline.ARMS)]
    stages = [
        Stage("Consented", int(consented) if consented else None, {}, {}),
        Stage("Operated", int(patients["surgery_on"].notna().sum()), {}, {}),
    ]
    randomised = not allocated.empty
    if randomised:
        stages.append(_landmark_stage("Randomised", allocated, timeline.drawn(trial, "blood", "baseline")))
    visits = {float(month): visit for visit, month in protocol["calendar.sample_month"].items()}
    for landmark in protocol.landmarks:
        if landmark <= 0:
            continue
        risk = at_risk(outcome, landmark, protocol)
        followed = allocated if randomised else arm
        own = followed[followed.index.isin(risk.index[risk])]
        have = timeline.drawn(trial, "blood", visits.get(landmark, ""))
        stages.append(_landmark_stage(f"At risk, month {landmark:g}", own, have))
    return stages


def _landmark_stage(label: str, arm: pd.Series, with_blood: set[str]) -> Stage:
    blood = {name: int(arm[arm.eq(name)].index.isin(list(with_blood)).sum()) for name in (*timeline.ARMS, "")}
    if arm.eq("").all():
        return Stage(label, len(arm), {}, {"": blood[""]})
    counts = {name: int(arm.eq(name).sum()) for name in timeline.ARMS}
    return Stage(label, sum(counts.values()), counts, {name: blood[name] for name in timeline.ARMS})


def flow_figure(trial: Trial, outcome: Outcome, protocol: Protocol) -> Figure:
    """The patient flow as bars."""
    stages = flow_stages(trial, outcome, protocol)
    words = []
    for stage in stages:
        total = "not delivered" if stage.total is None else str(stage.total)
        by_arm = ", ".join(
            f"{arm_label(name)} {stage.arms[name]} ({stage.blood[name]} with blood)" for name in stage.arms
        )
        words.append(f"{stage.label} {total}" + (f": {by_arm}" if by_arm else ""))
    return draw(
        paint_flow, stages, key="flow", size=(11.2, 3.5), title="Patient flow",
        caption="Strong colour: with a blood sample of that time point (pre-operative at randomisation). At "
        "risk: "
        "randomised, alive, in follow-up and without recurrence when the visit closes.",
        alt="Patient flow. " + "; ".join(words) + ".",
    )  # fmt: skip
