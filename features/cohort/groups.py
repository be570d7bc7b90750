"""Patients in groups, and why a patient is no longer there: words that flow and completeness share."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import origin_dates
from features.landmark.sampling import GONE as ABSENT
from features.landmark.sampling import why_absent
from features.outcomes import Outcome

UNALLOCATED = "unallocated"
ARMS = ("control", "prrt", UNALLOCATED)
GONE = ("died", "recurred", "not yet reached", "lost to follow-up")  # in the order of the rule's own words


def group_of(trial: Trial, by: str | None) -> pd.Series:
    """Group of every patient: a column of the patients table ("unallocated" without an arm, "unknown" without another).

    Parameters
    ----------
    by : str or None
        ``arm``, ``site`` or another column of text; None puts everybody into "all".

    Raises
    ------
    ValueError
        When the patients table has no such column.
    """
    patients = trial.patients
    index = pd.Index(patients["patient_id"], name="patient_id")
    if by is None:
        return pd.Series("all", index=index, dtype=object)
    if by not in patients:
        raise ValueError(f"no column {by!r} in the patients table; group by arm, site or another of its columns")
    values = pd.Series(patients[by].to_numpy(), index=index).astype(object)
    return values.where(values.notna(), UNALLOCATED if by == "arm" else "unknown")


def last_known_day(trial: Trial) -> pd.Timestamp:
    """The data cut, or else the latest day at which any patient was seen."""
    return trial.data_cut if trial.data_cut is not None else trial.followup["last_seen_on"].max()


def why_gone(trial: Trial, outcome: Outcome, protocol: Protocol, month: float) -> pd.Series:
    """Why a patient is no longer under observation when the visit of ``month`` closes.

    Whichever came first of recurrence and death (a death on the day of the positive scan is a recurrence); *not yet
    reached* when the data cut lies before the close; else *lost to follow-up* (withdrawn or lost: the delivery does
    not tell them apart).

    Returns
    -------
    Series of str
        By patient, one of :data:`GONE`; meaningful only for patients who are gone.
    """
    why = why_absent(outcome, origin_dates(trial, protocol), month, protocol, last_known_day(trial))
    words = pd.Series(why, index=outcome.patients.index, dtype=object)
    return words.map(dict(zip(ABSENT, GONE, strict=True)))
