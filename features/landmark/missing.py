"""Why a value is missing at a landmark."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.landmark.window import Place


def missing_reason(found: pd.Series, samples: pd.DataFrame, failed: pd.Series, place: Place) -> pd.Series:
    """Why a value is missing at the landmark.

    Parameters
    ----------
    found : Series of bool
        By patient: whether there is a value.
    samples : DataFrame
        Samples of the specimen, from :func:`features.measurements.sample_days`.
    failed : Series of str
        ``sample_id`` of the samples whose result of this analyte is not valid.

    Returns
    -------
    Series of str
        "" when found, else ``failed_qc`` or ``not_measured`` (there is a sample in the window),
        ``outside_window`` (a sample of this visit was drawn before the window), ``not_collected``. A sample
        drawn after L(s) is not visible.
    """
    who = found.index.get_indexer(pd.Index(samples["patient_id"].to_numpy()))
    inside = place.window.holds(samples).to_numpy()
    named = samples["visit"].isin(place.visits).to_numpy()
    withdrawn = inside & samples["sample_id"].isin(failed).to_numpy()
    state = np.full(len(found) + 1, "not_collected", dtype=object)  # the last place is for patients not at risk
    for rows, word in ((named, "outside_window"), (inside, "not_measured"), (withdrawn, "failed_qc")):
        state[who[rows]] = word
    return pd.Series(np.where(found.to_numpy(dtype=bool), "", state[:-1]), index=found.index, dtype=object)


def failed_samples(measured: pd.DataFrame, analyte: str) -> pd.Series:
    """Samples whose result of an analyte is not valid."""
    rows = (measured["analyte"] == analyte).to_numpy() & ~measured["valid"].to_numpy()
    return measured["sample_id"][rows]
