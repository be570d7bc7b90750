"""Treatments after time zero: which are the study's own, and which are new anticancer therapy."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import study_treatment


def new_therapies(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """New anticancer therapies: the kinds of ``therapy.new_anticancer`` that are not the patient's study treatment.

    PRRT is study treatment in the PRRT arm up to ``therapy.study_cycles`` courses and new therapy otherwise (a further
    course, or any course of a control). A somatostatin analogue is not new therapy by default. Source: FDA tables
    [L55] censor at "new anticancer therapy" without listing kinds, so the list is ours.

    Returns
    -------
    DataFrame
        ``patient_id, kind, started_on``, by patient and day; rows without a start are left out.
    """
    rows = trial.treatments
    new = rows["kind"].isin(protocol["therapy.new_anticancer"]) & ~study_treatment(trial, protocol)
    found = rows.loc[new & rows["started_on"].notna(), ["patient_id", "kind", "started_on"]]
    return found.sort_values(["patient_id", "started_on", "kind"], ignore_index=True)


def first_new_therapy(trial: Trial, protocol: Protocol, zero: pd.Series) -> pd.Series:
    """Day of the first new anticancer therapy that starts after time zero, by patient.

    Parameters
    ----------
    zero : Series of datetime64[ns]
        Time zero by patient (:func:`features.clock.origin_dates`). What starts on that day or before is prior
        therapy, the resection itself included.

    Returns
    -------
    Series of datetime64[ns]
        Index of ``zero``; NaT for none.
    """
    rows = new_therapies(trial, protocol)
    start = pd.to_datetime(rows["patient_id"].map(zero))
    later = rows[rows["started_on"] > start]
    return pd.to_datetime(later.groupby("patient_id")["started_on"].min().reindex(zero.index))
