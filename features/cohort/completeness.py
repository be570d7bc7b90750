"""What was due and what came: samples, results and scans, by arm, centre or another group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.cohort.groups import group_of, why_gone
from features.measurements import measurements
from features.outcomes import Outcome

SPECIMENS = {"blood": "Blood", "urine": "Urine"}
MODALITIES = {"mri": "MRI, adequate", "petct": "PET/CT, adequate"}
RESULT_STATES = (
    "valid result",
    "failed QC",
    "no result",
    "not collected",
    "died",
    "recurred",
    "not yet reached",
    "lost to follow-up",
)


def under_observation(outcome: Outcome, months: pd.Series, *, through: bool) -> pd.DataFrame:
    """Patients from whom something was due at a visit: alive, in follow-up, without recurrence.

    Recurrence ends the trial's calendar of a patient (S3), so nothing is due after it. At month 0 or before everybody
    is due.

    Parameters
    ----------
    months : Series of float
        Visits by name.
    through : bool
        Whether the visit itself must be free of recurrence (samples), or only those before (scans).

    Returns
    -------
    DataFrame of bool
        Patients by visits.
    """
    rows = outcome.patients
    month = months.to_numpy(dtype="float64")[None, :]
    first, seen, death = (
        rows[name].to_numpy(dtype="float64")[:, None] for name in ("first_positive_visit", "last_seen", "death")
    )
    free = ~(first <= month) if through else ~(first < month)
    due = (free & (seen >= month) & ~(death <= month)) | (month <= 0)
    return pd.DataFrame(due, index=rows.index, columns=months.index)


def _long(due: pd.DataFrame, months: pd.Series, **facts: str) -> pd.DataFrame:
    """Patients and visits that were due, one row each."""
    where, which = np.nonzero(due.to_numpy(dtype=bool))
    rows = pd.DataFrame({"patient_id": due.index[where], "visit": due.columns[which]})
    return rows.assign(month=rows["visit"].map(months).astype("float64"), **facts)


def _has(rows: pd.DataFrame, found: pd.DataFrame, keys: list[str]) -> pd.Series:
    have = pd.MultiIndex.from_frame(found[keys].astype(object))
    return pd.Series(pd.MultiIndex.from_frame(rows[keys].astype(object)).isin(have), index=rows.index)


def due_samples(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """One row per patient, specimen and nominal visit at which a sample was due.

    Returns
    -------
    DataFrame
        ``patient_id, specimen, visit, month, got`` (a sample of that specimen and visit exists), by visit.
    """
    months = pd.Series(protocol["calendar.sample_month"], dtype="float64")
    due = under_observation(outcome, months, through=True)
    rows = pd.concat([_long(due, months, specimen=name) for name in SPECIMENS], ignore_index=True)
    rows["got"] = _has(rows, trial.samples, ["patient_id", "specimen", "visit"])
    rows = rows.sort_values(["month", "specimen"], kind="stable", ignore_index=True)
    return rows[["patient_id", "specimen", "visit", "month", "got"]]


def due_scans(outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """One row per patient, modality and visit at which a scan was due.

    Returns
    -------
    DataFrame
        ``patient_id, modality, month, got`` (an adequate scheduled scan of that visit exists; ``calendar.stand_in``
        says which modality stands in for another).
    """
    scans = outcome.scans[outcome.scans["scheduled"].astype(bool)]
    scans = scans.assign(modality=scans["modality"].replace(dict(protocol["calendar.stand_in"])), month=scans["visit"])
    parts = []
    for modality in MODALITIES:
        months = pd.Series({f"{m:g}": float(m) for m in protocol[f"calendar.{modality}_month"]}, dtype="float64")
        parts.append(_long(under_observation(outcome, months, through=False), months, modality=modality))
    rows = pd.concat(parts, ignore_index=True)
    rows["got"] = _has(rows, scans, ["patient_id", "modality", "month"])
    return rows[["patient_id", "modality", "month", "got"]]


def completeness(trial: Trial, outcome: Outcome, protocol: Protocol, by: str | None = "arm") -> pd.DataFrame:
    """What was due and what came.

    Parameters
    ----------
    by : {"arm", "site"}, another column of the patients table, or None

    Returns
    -------
    DataFrame
        ``what`` (Blood, Urine, "MRI, adequate", "PET/CT, adequate"), ``by`` (the group; "unallocated" without an arm),
        ``month, due, got``, in that order.
    """
    samples, scans = due_samples(trial, outcome, protocol), due_scans(outcome, protocol)
    samples["what"] = samples["specimen"].map(SPECIMENS)
    scans["what"] = scans["modality"].map(MODALITIES)
    both = pd.concat([samples, scans], ignore_index=True)
    both["by"] = both["patient_id"].map(group_of(trial, by))
    both["what"] = pd.Categorical(both["what"], [*SPECIMENS.values(), *MODALITIES.values()], ordered=True)
    counts = both.groupby(["what", "by", "month"], observed=True)["got"].agg(due="size", got="sum").reset_index()
    return counts.astype({"what": object, "by": object, "due": "int64", "got": "int64"})


def sample_states(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """What became of every sample of the calendar, patient by patient.

    Returns
    -------
    DataFrame
        One row per patient, specimen and nominal visit: ``patient_id, specimen, visit, month, state``, one of
        :data:`RESULT_STATES`. A delivered sample is judged by its results (blood: the NETest scores; urine: any
        analyte), due or not: *valid result* when the laboratory stands by at least one. An absent sample is *not
        collected* when it was due, else the reason why not.
    """
    months = pd.Series(protocol["calendar.sample_month"], dtype="float64")
    all_of_them = pd.DataFrame(True, index=outcome.patients.index, columns=months.index)
    rows = pd.concat([_long(all_of_them, months, specimen=name) for name in SPECIMENS], ignore_index=True)
    keys = ["patient_id", "specimen", "visit"]
    due = due_samples(trial, outcome, protocol)
    measured = measurements(trial, protocol)
    scores = {name for assay in protocol.assays.values() for name in assay.analytes}
    measured = measured[measured["specimen"].ne("blood") | measured["analyte"].isin(scores)]
    samples = trial.samples
    valid = samples[samples["sample_id"].isin(measured.loc[measured["valid"], "sample_id"])]
    failed = samples[samples["sample_id"].isin(measured["sample_id"])]
    gone = pd.concat({m: why_gone(trial, outcome, protocol, float(m)) for m in sorted(set(months))})
    why = gone.reindex(pd.MultiIndex.from_frame(rows[["month", "patient_id"]])).to_numpy()
    drawn = [_has(rows, found, keys) for found in (valid, failed, samples, due)]
    rows["state"] = np.select(drawn, RESULT_STATES[:4], why)
    return rows[["patient_id", "specimen", "visit", "month", "state"]]


def result_completeness(trial: Trial, outcome: Outcome, protocol: Protocol, by: str | None = "arm") -> pd.DataFrame:
    """Samples of the calendar by what became of them, by group.

    Returns
    -------
    DataFrame
        ``what`` (Blood, Urine), ``by``, ``month``, ``reason`` (of :data:`RESULT_STATES`, in that order), ``n``. Over
        all reasons the counts of a group and month add up to its patients.
    """
    rows = sample_states(trial, outcome, protocol)
    rows["by"] = rows["patient_id"].map(group_of(trial, by))
    rows["what"] = pd.Categorical(rows["specimen"].map(SPECIMENS), list(SPECIMENS.values()), ordered=True)
    rows["reason"] = pd.Categorical(rows["state"], RESULT_STATES, ordered=True)
    counts = rows.groupby(["what", "by", "month", "reason"], observed=True).size().rename("n").reset_index()
    return counts.astype({"what": object, "by": object, "reason": object})
