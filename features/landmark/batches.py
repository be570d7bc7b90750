"""On which plate and with which lot the landmark blood score was measured: for checks, never for a model."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.landmark.guards import score_version
from features.landmark.window import latest_in, sample_place, valid_results
from features.measurements import measurements

BATCHES = ("plate", "lot")


def batches_at(trial: Trial, protocol: Protocol, landmark: float) -> pd.DataFrame:
    """Plate and lot of each patient's landmark blood score.

    Parameters
    ----------
    trial : Trial
    protocol : Protocol
    landmark : float
        Months from time zero.

    Returns
    -------
    DataFrame
        Columns ``plate`` and ``lot``, indexed by ``patient_id``; patients without a landmark score are left out.
    """
    measured = measurements(trial, protocol)
    _, analyte = score_version(measured, protocol)
    scores = valid_results(measured[measured["specimen"] == "blood"], analyte)
    return latest_in(scores, sample_place(protocol, landmark).window)[list(BATCHES)]
