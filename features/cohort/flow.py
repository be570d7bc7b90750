"""The patient flow: consented, resected, randomised, evaluable, at risk at each landmark, and who left why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.cohort.groups import ARMS, group_of, why_gone
from features.landmark import score_version
from features.landmark.window import latest_in, sample_place, valid_results
from features.measurements import measurements, sample_days
from features.outcomes import Outcome, at_risk

COUNTED = ("n", *ARMS)


@dataclass(frozen=True)
class Stage:
    """A population of the flow, the one it is taken from, and why its patients left that one."""

    id: str
    label: str
    parent: str
    members: pd.Series
    reason: pd.Series
    note: str = ""


def valid_blood(trial: Trial, protocol: Protocol, landmark: float) -> pd.Series:
    """Whether each patient has a valid blood score of the trial's version in the window of a landmark sample."""
    measured = measurements(trial, protocol)
    _, analyte = score_version(measured, protocol)
    rows = valid_results(measured[measured["specimen"].eq("blood")], analyte)
    found = latest_in(rows, sample_place(protocol, landmark).window)
    index = pd.Index(trial.patients["patient_id"], name="patient_id")
    return pd.Series(index.isin(found.index), index=index)


def blood_drawn(trial: Trial, protocol: Protocol, landmark: float) -> pd.Series:
    """Whether each patient has a blood sample in the window of a landmark, with or without a valid result."""
    samples = sample_days(trial, protocol)
    samples = samples[samples["specimen"].eq("blood")]
    found = latest_in(samples, sample_place(protocol, landmark).window)
    index = pd.Index(trial.patients["patient_id"], name="patient_id")
    return pd.Series(index.isin(found.index), index=index)


def biomarker_evaluable(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.Series:
    """Patients on whom the marker can be judged.

    Randomised, and at one of the landmarks of ``cohort.evaluable_landmarks`` (6 and 12 months) at risk with a valid
    blood score of the trial's assay version in the window of that landmark. A pre-operative score alone does not
    count (it is no residual disease), nor a sample of month 36, which coincides with the endpoint (domain sheet,
    sections 0 and 5).

    Returns
    -------
    Series of bool
        By patient.
    """
    found = [
        at_risk(outcome, float(s), protocol) & valid_blood(trial, protocol, float(s))
        for s in protocol["cohort.evaluable_landmarks"]
    ]
    return pd.concat([pd.Series(False, index=outcome.patients.index), *found], axis=1).any(axis=1) & _randomised(trial)


def _known(trial: Trial, column: str) -> pd.Series:
    index = pd.Index(trial.patients["patient_id"], name="patient_id")
    return pd.Series(trial.patients[column].notna().to_numpy(), index=index)


def _randomised(trial: Trial) -> pd.Series:
    return _known(trial, "randomised_on") | _known(trial, "arm")


def _dated(trial: Trial, column: str, what: str) -> tuple[pd.Series, str]:
    """Patients with a date; everybody, with a note, in a trial that delivers none (another cohort's files)."""
    known = _known(trial, column)
    if known.any():
        return known, ""
    return ~known, f"no day of {what} is delivered: every patient delivered is counted"


def _why_not_evaluable(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.Series:
    """Why a randomised patient is not biomarker-evaluable: gone before the first landmark, or what lacks at one."""
    landmarks = [float(s) for s in protocol["cohort.evaluable_landmarks"]]
    reason = why_gone(trial, outcome, protocol, min(landmarks))
    nobody = pd.Series(False, index=reason.index)
    there, drawn = nobody, nobody
    for s in landmarks:
        risk = at_risk(outcome, s, protocol)
        there, drawn = there | risk, drawn | (risk & blood_drawn(trial, protocol, s))
    return reason.mask(there, "no blood sample").mask(drawn, "no valid blood score")


def _stages(trial: Trial, outcome: Outcome, protocol: Protocol) -> list[Stage]:
    consented, asked = _dated(trial, "consent_on", "consent")
    operated, cut = _dated(trial, "surgery_on", "surgery")
    everybody = pd.Series(True, index=consented.index)
    resected, randomised = consented & operated, _randomised(trial)

    def said(words: str) -> pd.Series:
        return pd.Series(words, index=everybody.index, dtype=object)

    stages = [
        Stage("consented", "Consented", "", consented, said("no day of consent"), asked),
        Stage("resected", "Resected", "consented", resected, said("no day of surgery"), cut),
        Stage("randomised", "Randomised", "resected", resected & randomised, said("not randomised")),
    ]
    inside = stages[-1].members
    evaluable = inside & biomarker_evaluable(trial, outcome, protocol)
    why = _why_not_evaluable(trial, outcome, protocol)
    stages.append(Stage("biomarker_evaluable", "Biomarker-evaluable", "randomised", evaluable, why))
    parent = "randomised"
    for s in map(float, protocol["samples.landmark"]):
        members = inside & at_risk(outcome, s, protocol)
        # Who has a positive scan or is dead before the start is gone; the start of landmark 0 is randomisation.
        why = why_gone(trial, outcome, protocol, s) if s > 0 else _gone_before_entry(outcome)
        blood = members & valid_blood(trial, protocol, s)
        told = f"{int(blood.sum())} with a valid blood score{' before surgery' if s == 0 else ''}"
        stages.append(Stage(f"at_risk_{s:g}", f"At risk at month {s:g}", parent, members, why, told))
        parent, inside = stages[-1].id, members
    return stages


def _gone_before_entry(outcome: Outcome) -> pd.Series:
    rows = outcome.patients
    reasons = np.select(
        [rows["entry"].isna(), rows["death"].le(rows["entry"])], ["no day of randomisation", "died"], "recurred"
    )
    return pd.Series(reasons, index=rows.index, dtype=object)


def _by_arm(who: pd.Series, arm: pd.Series) -> dict[str, int]:
    counts = arm[who].value_counts()
    return {"n": int(who.sum()), **{name: int(counts.get(name, 0)) for name in ARMS}}


def flow_losses(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """Who left between two stages of the flow, and why.

    Returns
    -------
    DataFrame
        One row per stage and reason that occurs: ``stage, parent, reason, n, control, prrt, unallocated``. The counts
        of a stage and of its losses add up to the stage it is taken from.
    """
    arm = group_of(trial, "arm")
    stages = _stages(trial, outcome, protocol)
    members = {stage.id: stage.members for stage in stages}
    rows: list[dict] = []
    for stage in stages:
        if stage.parent:
            left = members[stage.parent] & ~stage.members
            reasons = stage.reason[left].value_counts().index
            rows += [
                {"stage": stage.id, "parent": stage.parent, "reason": reason}
                | _by_arm(left & stage.reason.eq(reason), arm)
                for reason in reasons
            ]
    return pd.DataFrame(rows, columns=["stage", "parent", "reason", *COUNTED])


def patient_flow(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """The flow diagram as counts (domain sheet, section 5, row 17).

    Stages: consented, resected, randomised (each within the one before), biomarker-evaluable (see
    :func:`biomarker_evaluable`), and at risk at each landmark of ``samples.landmark``: randomised, alive, in
    follow-up and without a positive scan when the visit closes (month 0: on the day of randomisation).

    Returns
    -------
    DataFrame
        ``stage, label, n, control, prrt, unallocated, note``; the note says how many left since the stage before and
        why (:func:`flow_losses` as a table), and how many at risk have a valid blood score.
    """
    arm = group_of(trial, "arm")
    losses = flow_losses(trial, outcome, protocol)
    rows = []
    for stage in _stages(trial, outcome, protocol):
        own = losses[losses["stage"].eq(stage.id)]
        words = ", ".join(f"{n} {reason}" for n, reason in zip(own["n"], own["reason"], strict=True))
        left = f"{own['n'].sum()} left: {words}" if len(own) else ""
        note = "; ".join(part for part in (left, stage.note) if part)
        rows.append({"stage": stage.id, "label": stage.label} | _by_arm(stage.members, arm) | {"note": note})
    return pd.DataFrame(rows, columns=["stage", "label", *COUNTED, "note"])
