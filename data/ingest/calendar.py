"""Scheduled months for a delivery of scans that does not give them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol

SCHEDULE = {"mri": "calendar.mri_month", "ct": "calendar.mri_month", "petct": "calendar.petct_month"}


def assign_scheduled_month(imaging: pd.DataFrame, origin: pd.Series, protocol: Protocol) -> pd.DataFrame:
    """Assign each scan to the visit of its modality's calendar in whose window it lies.

    Parameters
    ----------
    imaging : DataFrame
        Typed scans.
    origin : Series of datetime
        Day from which the protocol counts, by patient.
    protocol : Protocol
        Calendars in months from the origin and ``imaging.window_days`` (each side).

    Returns
    -------
    DataFrame
        A copy with ``scheduled_month`` filled; missing where no visit is near enough (unscheduled). Of two
        visits equally near, the later.
    """
    day = (imaging["scan_on"] - imaging["patient_id"].map(origin)).dt.days.to_numpy(dtype=float)
    month = np.full(len(imaging), np.nan)
    for modality, key in SCHEDULE.items():
        visits = np.array(sorted({*protocol[key], *protocol["calendar.local_month"]}, reverse=True), dtype=float)
        if not len(visits):
            continue
        distance = np.abs(day[:, None] - visits * protocol.month_days)
        nearest = np.where(np.isnan(distance), np.inf, distance).argmin(axis=1)
        near = np.take_along_axis(distance, nearest[:, None], axis=1)[:, 0] <= float(protocol["imaging.window_days"])
        chosen = near & (imaging["modality"] == modality).to_numpy()
        month[chosen] = visits[nearest[chosen]]
    return imaging.assign(scheduled_month=month)
