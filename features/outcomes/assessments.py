"""From scans and follow-up to one outcome per patient: last clear, first positive, death, last adequate.

Every label, weight, metric and splitter takes the :class:`Outcome` built here (statistical design, section
1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import calendar_visit, closing_day, closing_visit, days_from_surgery, surgery_dates

STATES = ("clear", "equivocal", "recurrence")
PATIENT_COLUMNS = (
    "arm",
    "entry",
    "death",
    "last_seen",
    "last_clear",
    "first_positive",
    "last_adequate",
    "last_clear_visit",
    "first_positive_visit",
    "last_adequate_visit",
)


@dataclass(frozen=True)
class Outcome:
    """What is known of every patient's recurrence and survival.

    Parameters
    ----------
    patients : DataFrame
        Indexed by ``patient_id``. ``arm`` ("none" when not allocated); in actual months from surgery
        ``entry`` (randomisation), ``death``, ``last_seen``, ``last_clear`` (last adequate scan without
        recurrence before the first positive one), ``first_positive``, ``last_adequate`` (follow-up for
        recurrence ends at the first positive scan); and the same three as nominal visits (``*_visit``), where
        only scheduled scans count as clear or adequate. NaN when there is none.
    scans : DataFrame
        Adequate scans after surgery: ``patient_id, month, visit, scheduled, state, modality``, by patient and
        month. ``visit`` is the visit whose closed interval holds the day of the scan.
    """

    patients: pd.DataFrame
    scans: pd.DataFrame


def adequate_scans(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Adequate scans after surgery with the visit that each belongs to.

    A scan counts as scheduled when its ``scheduled_month`` is the visit whose closed interval holds its day.
    When the table holds no ``scheduled_month`` at all it is assigned from the calendar of the modality. Any
    other scan is unscheduled and falls into the interval it lies in. Scans on or before the day of surgery
    show the disease that was resected and are left out; scans that are not adequate carry nothing.

    Returns
    -------
    DataFrame
        ``patient_id, month, visit, scheduled, state, modality``.
    """
    imaging = trial.imaging
    month = days_from_surgery(imaging["patient_id"], imaging["scan_on"], surgery_dates(trial.patients))
    month = month / protocol.month_days
    visit = closing_visit(month, protocol)
    nominal = imaging["scheduled_month"]
    if len(imaging) and nominal.isna().all():
        nominal = calendar_visit(month, imaging["modality"], protocol)
    keep = (imaging["adequate"] == "yes") & imaging["finding"].isin(STATES) & (month > 0)
    scans = pd.DataFrame(
        {
            "patient_id": imaging["patient_id"],
            "month": month,
            "visit": visit,
            "scheduled": (nominal == visit).to_numpy(dtype=bool),
            "state": imaging["finding"],
            "modality": imaging["modality"],
        }
    )
    return scans[keep].sort_values(["patient_id", "month", "modality"], ignore_index=True)


def _follow_up(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Arm, entry, death and last contact by patient (months); an undated death happened when last seen."""
    patients = trial.patients
    surgery = surgery_dates(patients)
    seen = trial.followup.drop_duplicates("patient_id", keep="last")
    died_on = seen["died_on"].where(seen["died_on"].notna(), seen["last_seen_on"]).where(seen["status"] == "dead")
    months = pd.DataFrame(
        {
            "death": days_from_surgery(seen["patient_id"], died_on, surgery).to_numpy() / protocol.month_days,
            "last_seen": days_from_surgery(seen["patient_id"], seen["last_seen_on"], surgery).to_numpy()
            / protocol.month_days,
        },
        index=pd.Index(seen["patient_id"].to_numpy(), dtype=surgery.index.dtype),
    ).reindex(surgery.index)
    entry = days_from_surgery(patients["patient_id"], patients["randomised_on"], surgery) / protocol.month_days
    months.insert(0, "entry", entry.to_numpy())
    months.insert(0, "arm", patients["arm"].fillna("none").to_numpy())
    return months


def _by_patient(values: pd.Series, patient_id: pd.Series, index: pd.Index, how: str) -> pd.Series:
    return values.groupby(patient_id).agg(how).reindex(index).astype("float64")


def build_outcome(trial: Trial, protocol: Protocol) -> Outcome:
    """Reduce a trial to its outcome.

    Parameters
    ----------
    trial : Trial
        Uses ``patients``, ``imaging`` and ``followup``.
    protocol : Protocol
        Clock, visit grid and imaging calendar.

    Returns
    -------
    Outcome
        One row per patient of ``trial.patients``, in that order.
    """
    patients = _follow_up(trial, protocol)
    scans = adequate_scans(trial, protocol)
    who = scans["patient_id"]
    positive = scans["state"] == "recurrence"
    first = _by_patient(scans["month"].where(positive), who, patients.index, "min")
    first_visit = _by_patient(scans["visit"].where(positive), who, patients.index, "min")
    event_month = who.map(first).fillna(np.inf).astype("float64")
    event_visit = who.map(first_visit).fillna(np.inf).astype("float64")
    # Two scans of one visit are one assessment, so the clear one does not bound the interval from below.
    earlier = scans["month"].lt(event_month) & (scans["visit"].lt(event_visit) | ~scans["scheduled"])
    clear = ~positive & earlier
    counted = clear | (scans["month"].eq(event_month) & positive)
    visit = scans["visit"].where(scans["scheduled"])
    return Outcome(
        patients.assign(
            last_clear=_by_patient(scans["month"].where(clear), who, patients.index, "max"),
            first_positive=first,
            last_adequate=_by_patient(scans["month"].where(counted), who, patients.index, "max"),
            last_clear_visit=_by_patient(visit.where(clear), who, patients.index, "max"),
            first_positive_visit=first_visit,
            last_adequate_visit=_by_patient(visit.where(counted), who, patients.index, "max"),
        )[list(PATIENT_COLUMNS)],
        scans,
    )


def at_risk(outcome: Outcome, landmark: float, protocol: Protocol) -> pd.Series:
    """Risk set of a landmark.

    At s > 0: alive at L(s), seen on the last day of L(s) or later, no positive scan dated up to L(s) (which
    is the same as at any visit up to s). At s = 0: randomised, and alive and not positive on that day.
    Nothing dated after L(s) (s = 0: after randomisation) has any part in it.

    Returns
    -------
    Series of bool
        Indexed by ``patient_id``.
    """
    rows = outcome.patients
    if landmark == 0:
        opened = rows["entry"]
        return (opened.notna() & ~(rows["death"] <= opened) & ~(rows["first_positive"] <= opened)).rename("at_risk")
    closed = protocol.closed(float(landmark))
    last_day = np.floor(closing_day(protocol, landmark)) / protocol.month_days
    risk = (rows["last_seen"] >= last_day) & ~(rows["death"] <= closed) & ~(rows["first_positive"] <= closed)
    return risk.rename("at_risk")
