"""Imaging history up to a landmark."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.clock import calendar_visit, date_of_day
from features.landmark.view import Block, View


def imaging_block(view: View) -> Block:
    """Imaging history from protocol scans.

    Where the delivery names the visit of any scan of a patient up to L(s), only scans with a visit count; a patient
    without any named visit has the scans that lie within the window of a visit of their modality's calendar.
    Unscheduled scans are left out: how many there are depends on the arm and on suspicion.
    """
    protocol, patients, scans = view.protocol, len(view.index), view.scans
    who = view.index.get_indexer(pd.Index(scans["patient_id"].to_numpy()))
    month, scheduled = scans["month"].to_numpy(), scans["scheduled"].to_numpy(dtype=bool)
    assigned = calendar_visit(scans["month"], scans["modality"], protocol).notna().to_numpy()
    named = np.bincount(who[scheduled & (who >= 0)], minlength=patients) > 0
    own = (who >= 0) & (scheduled | (assigned & ~np.append(named, False)[who]))
    who, month = who[own], month[own]
    equivocal = (scans["state"] == "equivocal").to_numpy()[own]
    last = np.full(patients, -np.inf)
    np.maximum.at(last, who, month)
    last = np.where(np.isfinite(last), last, np.nan)
    on_last_day = np.bincount(who[equivocal & (month == last[who])], minlength=patients) > 0
    columns = pd.DataFrame(
        {
            "equivocal_scans": np.bincount(who[equivocal], minlength=patients).astype("float64"),
            "last_scan_equivocal": np.where(np.isnan(last), np.nan, on_last_day),
            "months_since_adequate": protocol.closed(view.landmark) - last,
        },
        index=view.index,
    )
    day = pd.Series(last * protocol.month_days, index=view.index)
    return Block(columns, pd.DataFrame({"imaging": date_of_day(day, view.zero)}))
