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
    inside = samples[place.window.holds(samples)]
    index = found.index
    return pd.Series(
        np.select(
            [
                found,
                index.isin(inside.loc[inside["sample_id"].isin(failed), "patient_id"]),
                index.isin(inside["patient_id"]),
                index.isin(samples.loc[samples["visit"].isin(place.visits), "patient_id"]),
            ],
            ["", "failed_qc", "not_measured", "outside_window"],
            "not_collected",
        ),
        index=index,
    ).astype(object)


def failed_samples(measured: pd.DataFrame, analyte: str) -> pd.Series:
    """Samples whose result of an analyte is not valid."""
    return measured.loc[(measured["analyte"] == analyte) & ~measured["valid"], "sample_id"]
