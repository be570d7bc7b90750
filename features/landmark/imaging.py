"""Imaging history up to a landmark."""

from __future__ import annotations

import pandas as pd

from features.clock import calendar_visit, date_of_day
from features.landmark.view import Block, View
from features.outcomes.readings import adequate_scans


def imaging_block(view: View) -> Block:
    """Imaging history from protocol scans.

    Where the delivery names the visit of any scan of a patient up to L(s), only scans with a visit count; a patient
    without any named visit has the scans that lie within the window of a visit of their modality's calendar.
    Unscheduled scans are left out: how many there are depends on the arm and on suspicion.
    """
    index, protocol = view.index, view.protocol
    scans = adequate_scans(view.trial, protocol)
    assigned = calendar_visit(scans["month"], scans["modality"], protocol).notna() if len(scans) else False
    named = scans["patient_id"].isin(scans.loc[scans["scheduled"], "patient_id"])
    history = scans[scans["scheduled"] | (assigned & ~named)]
    equivocal = history["state"] == "equivocal"
    grouped = history.groupby("patient_id")
    last = grouped["month"].max().reindex(index).astype("float64")
    on_last_day = history["month"] == history["patient_id"].map(last)
    columns = pd.DataFrame(
        {
            "equivocal_scans": equivocal.groupby(history["patient_id"])
            .sum()
            .reindex(index)
            .fillna(0.0)
            .astype("float64"),
            "last_scan_equivocal": (equivocal & on_last_day)
            .groupby(history["patient_id"])
            .any()
            .reindex(index)
            .astype("float64"),
            "months_since_adequate": protocol.closed(view.landmark) - last,
        }
    )
    day = last * protocol.month_days
    return Block(columns, pd.DataFrame({"imaging": date_of_day(day, view.zero)}))
