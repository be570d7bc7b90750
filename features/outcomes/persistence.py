"""Persistent or recurrent: was the lesion there on the first scan after surgery?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes.assessments import build_outcome

PERSISTENT, RECURRENT, NOT_ASSESSABLE = "persistent", "recurrent", "not assessable"


def persistent_or_recurrent(trial: Trial, protocol: Protocol) -> pd.Series:
    """Whether the first positive scan shows disease that surgery left, or disease that came back.

    No post-operative scan before randomisation is listed, so the lesion of the first scan may be missed residual
    disease (domain 4.2). *recurrent*: a clear assessment came before. *persistent*: positive at or before the visit
    ``imaging.persistent_until_month`` with no clear assessment before it. *not assessable*: positive later, with no
    clear assessment before (the early scans were missed, not adequate or equivocal only). An equivocal scan is not
    clear here, although it is adequate for follow-up.

    Returns
    -------
    Series of str
        Indexed by ``patient_id``; "" without a positive scan.
    """
    outcome = build_outcome(trial, protocol)
    rows, scans = outcome.patients, outcome.scans
    event = scans["patient_id"].map(rows["first_positive"]).astype("float64")
    visit = scans["patient_id"].map(rows["first_positive_visit"]).astype("float64")
    before = (scans["month"] < event) & ((scans["visit"] < visit) | ~scans["scheduled"])
    was_clear = rows.index.isin(scans.loc[before & (scans["state"] == "clear"), "patient_id"])
    early = rows["first_positive_visit"] <= float(protocol["imaging.persistent_until_month"])
    found = np.select([rows["first_positive"].isna(), was_clear, early], ["", RECURRENT, PERSISTENT], NOT_ASSESSABLE)
    return pd.Series(found.astype(object), index=rows.index, name="persistence").rename_axis("patient_id")
