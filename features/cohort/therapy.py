"""Line of therapy: how many lines came before the treatment of interest."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial


def treatment_start(trial: Trial, protocol: Protocol) -> pd.Series:
    """First day of the treatment of interest by patient.

    The first course of ``cohort.treatment_of_interest`` on or after randomisation (any course where the patient was
    not randomised); NaT without one.
    """
    patients = trial.patients
    index = pd.Index(patients["patient_id"], name="patient_id")
    randomised = pd.Series(patients["randomised_on"].to_numpy(), index=index)
    rows = trial.treatments[trial.treatments["kind"].eq(protocol["cohort.treatment_of_interest"])]
    start = pd.to_datetime(rows["patient_id"].map(randomised))
    rows = rows[~(rows["started_on"] < start)]
    return pd.to_datetime(rows.groupby("patient_id")["started_on"].min().reindex(index))


def therapy_line(trial: Trial, protocol: Protocol) -> pd.Series:
    """Line in which the treatment of interest was given: 1 + earlier lines.

    Earlier treatments of the kinds of ``cohort.line_kinds`` count; records of one kind that follow each other without
    another kind between them (cycles, repeated embolisations) are one line.

    Returns
    -------
    Series of float
        Indexed by ``patient_id``, every patient; NaN for a patient who never had the treatment of interest.
    """
    start = treatment_start(trial, protocol)
    rows = trial.treatments[trial.treatments["kind"].isin(protocol["cohort.line_kinds"])]
    rows = rows[rows["started_on"] < pd.to_datetime(rows["patient_id"].map(start))]
    rows = rows.sort_values(["patient_id", "started_on", "kind"], kind="stable")
    follows = rows["patient_id"].eq(rows["patient_id"].shift()) & rows["kind"].eq(rows["kind"].shift())
    lines = (~follows).groupby(rows["patient_id"]).sum().reindex(start.index).fillna(0.0)
    return (lines.astype("float64") + 1.0).where(start.notna()).rename("line")
