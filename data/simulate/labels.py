"""Labels from complete observation: what the data set would say had nobody missed a scan or left."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Endpoint, Protocol


def truth_label(truth: pd.DataFrame, endpoint: Endpoint | str, protocol: Protocol) -> pd.DataFrame:
    """Risk set and label of an endpoint from the truth of a simulation, without censoring.

    Parameters
    ----------
    truth : DataFrame
        :attr:`data.simulate.generate.Simulated.truth`, or ``truth.csv`` as read.
    endpoint : Endpoint or str
    protocol : Protocol

    Returns
    -------
    DataFrame
        By ``patient_id``: ``at_risk`` (alive when the landmark closes, and no scheduled scan up to the visit of the
        landmark positive, had all taken place) and ``y`` (1.0 first positive scheduled scan after the landmark and by
        the horizon; 0.0 none, deaths before it included; NaN outside of the risk set). Its mean estimates the
        cumulative incidence with death as competing event.
    """
    chosen = protocol.endpoint(endpoint) if isinstance(endpoint, str) else endpoint
    positive = truth["complete_first_positive_visit"].fillna(np.inf).to_numpy(float)
    death = truth["complete_death_month"].fillna(np.inf).to_numpy(float)
    at_risk = (positive > chosen.landmark) & (death > protocol.closed(chosen.landmark))
    y = np.where(at_risk, (positive <= chosen.horizon).astype(float), np.nan)
    return pd.DataFrame({"at_risk": at_risk, "y": y}, index=pd.Index(truth["patient_id"], name="patient_id"))
