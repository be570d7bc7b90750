"""The visit-closed clock: days and months from time zero, and the visit a day belongs to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol, ProtocolError
from data.trial import Trial

DAY = pd.Timedelta(days=1)
ORIGINS = ("surgery", "randomisation", "first_treatment")


def choice(protocol: Protocol, key: str, allowed: tuple[str, ...]) -> str:
    """Value of a record that names one of a few rules.

    Raises
    ------
    ProtocolError
        When the record holds another value; the message lists the rules that are carried out.
    """
    value = str(protocol[key])
    if value not in allowed:
        raise ProtocolError(f"{protocol.path.name}: [{key}] is {value!r}; use {' or '.join(map(repr, allowed))}")
    return value


def _dates(patients: pd.DataFrame, column: str) -> pd.Series:
    return pd.Series(patients[column].to_numpy(), index=pd.Index(patients["patient_id"], name="patient_id"))


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
    return _dates(patients, "surgery_on")


def study_treatment(trial: Trial, protocol: Protocol) -> pd.Series:
    """Which treatments are the study's own, by arm (``therapy.study_treatment``, ``therapy.study_cycles``).

    Returns
    -------
    Series of bool
        Aligned with ``trial.treatments``. True for the first courses of a study treatment of the patient's arm that
        start on or after randomisation; further courses (re-treatment) and courses in another arm are not.
    """
    rows = trial.treatments
    patients = trial.patients.set_index("patient_id")
    arm = rows["patient_id"].map(patients["arm"])
    randomised = pd.to_datetime(rows["patient_id"].map(patients["randomised_on"]))
    pairs = [(name, kind) for name, kinds in protocol["therapy.study_treatment"].items() for kind in kinds]
    own = pd.Series(pd.MultiIndex.from_arrays([arm, rows["kind"]]).isin(pairs), index=rows.index)
    own &= rows["started_on"] >= randomised
    started = rows[own].sort_values("started_on", kind="stable")
    course = started.groupby(["patient_id", "kind"]).cumcount()
    allowed = started["kind"].map(protocol["therapy.study_cycles"]).fillna(np.inf)
    return own & (course < allowed).reindex(rows.index, fill_value=False)


def _first_treatment(trial: Trial, protocol: Protocol) -> pd.Series:
    patients = trial.patients
    own = trial.treatments[study_treatment(trial, protocol)]
    randomised = _dates(patients, "randomised_on")
    first = own.groupby("patient_id")["started_on"].min().reindex(randomised.index)
    first = pd.to_datetime(first)
    if choice(protocol, "clock.first_treatment_of_controls", ("randomisation", "none")) == "none":
        return first
    untreated = [arm for arm, kinds in protocol["therapy.study_treatment"].items() if not kinds]
    return first.where(~patients["arm"].isin(untreated).to_numpy(), randomised)


def origin_dates(trial: Trial | pd.DataFrame, protocol: Protocol, origin: str | None = None) -> pd.Series:
    """Day of time zero by patient (statistical design, section 1; ``clock.origin``).

    Parameters
    ----------
    trial : Trial or DataFrame
        The trial, or its patients table when the origin does not rest on treatments.
    protocol : Protocol
    origin : {"surgery", "randomisation", "first_treatment"}, optional
        ``clock.origin`` when omitted. *first_treatment* is the first course of the study treatment of the patient's
        arm; an arm without study treatment follows ``clock.first_treatment_of_controls``.

    Returns
    -------
    Series of datetime64[ns]
        Indexed by ``patient_id``, every patient, NaT for those without that origin (not randomised, allocated to
        a study treatment that never began).

    Raises
    ------
    ProtocolError
        When ``clock.origin`` is none of the three.
    ValueError
        When ``origin`` is none of the three, or rests on treatments and only the patients table was given.
    """
    origin = choice(protocol, "clock.origin", ORIGINS) if origin is None else origin
    if origin not in ORIGINS:
        raise ValueError(f"origin {origin!r}: use {', '.join(ORIGINS)}")
    patients = trial.patients if isinstance(trial, Trial) else trial
    if origin == "surgery":
        return surgery_dates(patients)
    if origin == "randomisation":
        return _dates(patients, "randomised_on")
    if not isinstance(trial, Trial):
        raise ValueError("origin 'first_treatment' needs the trial, not its patients table alone")
    return _first_treatment(trial, protocol)


def of_patient(values: pd.Series, patient_id: pd.Series) -> np.ndarray:
    """A value of each patient beside the records of the patients.

    Parameters
    ----------
    values : Series of datetime64 or float
        By patient, each patient once.
    patient_id : Series
        Of the records.

    Returns
    -------
    ndarray
        Aligned with the records; NaT or NaN for unknown patients.
    """
    place = values.index.get_indexer(pd.Index(patient_id.to_numpy()))
    known = values.to_numpy()
    nothing = np.array(["NaT" if known.dtype.kind == "M" else np.nan]).astype(known.dtype)
    return np.concatenate([known, nothing])[place]


def days_from(patient_id: pd.Series, on: pd.Series, start: pd.Series) -> pd.Series:
    """Days from a day of each patient to a date, patient by patient.

    Parameters
    ----------
    patient_id, on : Series
        Aligned; ``on`` holds dates.
    start : Series
        By patient, from :func:`origin_dates` or :func:`surgery_dates`.

    Returns
    -------
    Series of float
        NaN where the date, the patient or the day it counts from is unknown. Negative before that day.
    """
    return pd.Series(
        (on.to_numpy() - of_patient(start, patient_id)) / DAY.to_timedelta64(), index=on.index, dtype="float64"
    )


def date_of_day(day: pd.Series, start: pd.Series) -> pd.Series:
    """Calendar date of a whole day counted from time zero, by patient.

    Parameters
    ----------
    day : Series of float
        Indexed by ``patient_id``; NaN for none.
    start : Series
        By patient, from :func:`origin_dates` or :func:`surgery_dates`.

    Returns
    -------
    Series of datetime64[ns]
        NaT where the day or time zero is unknown.
    """
    # Whole numbers only: pandas converts floats beside NaN through uninitialised memory and may warn of overflow.
    whole = day.fillna(0.0).round().astype("int64")
    return (start.reindex(day.index) + pd.to_timedelta(whole, unit="D")).where(day.notna())


def closing_day(protocol: Protocol, landmark: float) -> float:
    """Days from time zero at which the landmark closes, L(s): records dated up to it belong to the past."""
    return protocol.closed(float(landmark)) * protocol.month_days


def closing_visit(month: pd.Series, protocol: Protocol) -> pd.Series:
    """Visit whose closed interval holds a month: min{k in grid : month <= k + closing}.

    Parameters
    ----------
    month : Series of float
        Months from time zero.

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
    """Nearest visit of the modality's calendar within the imaging window; midway between two, the later (domain 4.7).

    Parameters
    ----------
    month : Series of float
        Months from time zero of each scan.
    modality : Series of str
        A modality whose calendar the protocol names (``calendar.mri_month``, ``calendar.petct_month``), or that stands
        in for one of the two (``calendar.stand_in``).

    Returns
    -------
    Series of float
        Nominal month; NaN when no visit of the calendar lies within ``imaging.window_days`` (unscheduled
        scan).
    """
    local = list(protocol["calendar.local_month"])
    calendars = {"mri": protocol["calendar.mri_month"], "petct": protocol["calendar.petct_month"]}
    calendars |= {name: calendars[other] for name, other in protocol["calendar.stand_in"].items()}
    window = float(protocol["imaging.window_days"])
    nearest = np.full(len(month), np.nan)
    values = month.to_numpy(dtype="float64")
    for name, visits in calendars.items():
        # Latest first: argmin takes the first of two visits that lie equally near.
        grid = np.asarray(sorted({*visits, *local}, reverse=True), dtype="float64")
        if not len(grid):  # a modality without a calendar: all its scans are unscheduled
            continue
        column = grid[np.round(np.abs(values[:, None] - grid[None, :]), 9).argmin(axis=1)]
        # Rounded so that a scan on the last day of the window of a whole-day visit (month 48) stays inside.
        within = np.round(np.abs(values - column) * protocol.month_days, 6) <= window
        nearest = np.where((modality == name).to_numpy() & within, column, nearest)
    return pd.Series(nearest, index=month.index)
