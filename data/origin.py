"""The day from which a protocol counts, patient by patient."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

ORIGINS = ("surgery", "randomisation", "first_treatment")


def origin_days(patients: pd.DataFrame, treatments: pd.DataFrame, origin: str, kinds: Iterable[str]) -> pd.Series:
    """Time zero of each patient (``clock.origin``; S1 and S2 count from surgery, S3 from treatment).

    Parameters
    ----------
    patients, treatments : DataFrame
        Typed tables of a trial.
    origin : {"surgery", "randomisation", "first_treatment"}
        ``first_treatment`` is the first course of a study treatment not before randomisation; whoever had none
        counts from randomisation. Enough to judge a delivery; the analysis derives it by arm.
    kinds : iterable of str
        Kinds of treatment that some arm of the protocol gives (``therapy.study_treatment``).

    Returns
    -------
    Series of datetime64[ns]
        Indexed by ``patient_id``; NaT where the day is unknown.

    Raises
    ------
    ValueError
        When the origin is none of these.
    """
    if origin not in ORIGINS:
        raise ValueError(f"clock.origin {origin!r} is not one of {', '.join(ORIGINS)}")
    known = patients.drop_duplicates("patient_id", keep="last").set_index("patient_id")
    if origin == "surgery":
        return known["surgery_on"]
    if origin == "randomisation":
        return known["randomised_on"]
    own = treatments[treatments["kind"].isin(list(kinds))]
    own = own[~(own["started_on"] < own["patient_id"].map(known["randomised_on"]))]
    first = own.groupby("patient_id")["started_on"].min().reindex(known.index)
    return first.fillna(known["randomised_on"]).rename("first_treatment")
