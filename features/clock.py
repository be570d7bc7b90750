"""The visit-closed clock: days and months from surgery, and the visit a day belongs to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol

DAY = pd.Timedelta(days=1)


def surgery_dates(patients: pd.DataFrame) -> pd.Series:
    """Day of surgery by patient.

    Parameters
    ----------
    patients : DataFrame
        ``Trial.patients``.

    Returns
    -------
    Series of datetime64[ns]
        Indexed by ``patient_id``.
    """
    return pd.Series(patients["surgery_on"].to_numpy(), index=pd.Index(patients["patient_id"], name="patient_id"))


def days_from_surgery(patient_id: pd.Series, on: pd.Series, surgery: pd.Series) -> pd.Series:
    """Days from surgery to a date, patient by patient.

    Parameters
    ----------
    patient_id, on : Series
        Aligned; ``on`` holds dates.
    surgery : Series
        From :func:`surgery_dates`.

    Returns
    -------
    Series of float
        NaN where the date, the patient or the day of surgery is unknown. Negative before surgery.
    """
    start = surgery.reindex(patient_id.to_numpy()).to_numpy()
    return pd.Series((on.to_numpy() - start) / DAY.to_timedelta64(), index=on.index, dtype="float64")


def date_of_day(day: pd.Series, surgery: pd.Series) -> pd.Series:
    """Calendar date of a whole day counted from surgery, by patient.

    Parameters
    ----------
    day : Series of float
        Indexed by ``patient_id``; NaN for none.
    surgery : Series
        From :func:`surgery_dates`.

    Returns
    -------
    Series of datetime64[ns]
        NaT where the day or the day of surgery is unknown.
    """
    # Whole numbers only: pandas converts floats beside NaN through uninitialised memory and may warn of overflow.
    whole = day.fillna(0.0).round().astype("int64")
    return (surgery.reindex(day.index) + pd.to_timedelta(whole, unit="D")).where(day.notna())


def closing_day(protocol: Protocol, landmark: float) -> float:
    """Days from surgery at which the landmark closes, L(s): records dated up to it belong to the past."""
    return protocol.closed(float(landmark)) * protocol.month_days


def closing_visit(month: pd.Series, protocol: Protocol) -> pd.Series:
    """Visit whose closed interval holds a month: min{k in grid : month <= k + closing}.

    Parameters
    ----------
    month : Series of float
        Months from surgery.

    Returns
    -------
    Series of float
        Nominal month of the visit. After the last visit of the grid: the first whole month that closes late
        enough, so that it lies behind every horizon. NaN where the month is unknown.
    """
    grid = np.asarray(protocol.visit_grid, dtype="float64")
    values = month.to_numpy(dtype="float64")
    position = np.searchsorted(grid + protocol.closing_months, values, side="left")
    visit = np.where(
        position < len(grid),
        grid[np.minimum(position, len(grid) - 1)],
        np.maximum(np.ceil(values - protocol.closing_months), grid[-1] + 1.0),
    )
    return pd.Series(np.where(np.isnan(values), np.nan, visit), index=month.index)


def calendar_visit(month: pd.Series, modality: pd.Series, protocol: Protocol) -> pd.Series:
    """Nearest visit of the modality's calendar within the imaging window.

    Parameters
    ----------
    month : Series of float
        Months from surgery of each scan.
    modality : Series of str
        A modality whose calendar the protocol names ``calendar.<modality>_month`` (``ct`` follows ``mri``).

    Returns
    -------
    Series of float
        Nominal month; NaN when no visit of the calendar lies within ``imaging.window_days`` (unscheduled
        scan).
    """
    local = list(protocol["calendar.local_month"])
    calendars = {"mri": protocol["calendar.mri_month"], "petct": protocol["calendar.petct_month"]}
    calendars["ct"] = calendars["mri"]
    window = float(protocol["imaging.window_days"])
    nearest = np.full(len(month), np.nan)
    values = month.to_numpy(dtype="float64")
    for name, visits in calendars.items():
        grid = np.asarray(sorted({*visits, *local}), dtype="float64")
        column = grid[np.abs(values[:, None] - grid[None, :]).argmin(axis=1)]
        # Rounded so that a scan on the last day of the window of a whole-day visit (month 48) stays inside.
        within = np.round(np.abs(values - column) * protocol.month_days, 6) <= window
        nearest = np.where((modality == name).to_numpy() & within, column, nearest)
    return pd.Series(nearest, index=month.index)
