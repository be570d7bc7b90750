"""What was due and what came: samples, results and scans, by arm, centre or another group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import origin_dates
from features.cohort.groups import group_of, last_known_day
from features.landmark import sampling
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
STATES = ("collected", "failed_qc", "not_measured", "not_collected", "dead", "recurred", "not_reached", "withdrawn")
WORDS = dict(zip(STATES, RESULT_STATES, strict=True))


def under_observation(outcome: Outcome, months: pd.Series, *, through: bool) -> pd.DataFrame:
    """Patients from whom something was due, by visit (:func:`features.landmark.sampling.under_observation`).

    Parameters
    ----------
    months : Series of float
        Visits by name.

    Returns
    -------
    DataFrame of bool
        Patients by visits.
    """
    due = {name: sampling.under_observation(outcome, float(month), through=through) for name, month in months.items()}
    return pd.DataFrame(due, index=outcome.patients.index)


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
        :data:`RESULT_STATES`. The rule is that of :mod:`features.landmark.sampling`, but samples go by the visit they
        name, not by windows. A delivered sample is judged by its results (blood: the NETest scores; urine: any
        analyte), due or not: *valid result* when the laboratory stands by at least one. An absent sample is *not
        collected* when it was due, else the reason why not.
    """
    visits = {name: float(month) for name, month in protocol["calendar.sample_month"].items()}
    samples = trial.samples
    by_name = [((samples["visit"] == visit).to_numpy(), np.zeros(len(samples), dtype=bool)) for visit in visits]
    state = sampling.judged(samples, measurements(trial, protocol), protocol)
    best = sampling.best_samples(samples, state, outcome.patients.index, by_name)
    zero = origin_dates(trial, protocol)
    rows = sampling.accounting(best, outcome, zero, visits, protocol, last_known_day(trial))
    rows["state"] = rows["status"].map(WORDS)
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
