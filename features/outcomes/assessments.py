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
from features.clock import closing_day, days_from, origin_dates
from features.outcomes.readings import read_scans

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
        Indexed by ``patient_id``. ``arm`` ("none" when not allocated); in actual months from time zero
        (``clock.origin``) ``entry`` (randomisation), ``death``, ``last_seen``, ``last_clear`` (last adequate scan
        without recurrence before the first positive one), ``first_positive``, ``last_adequate`` (follow-up for
        recurrence ends at the first positive scan); and the same three as nominal visits (``*_visit``), where
        only scheduled scans count as clear or adequate. NaN when there is none.
    scans : DataFrame
        Adequate scans after surgery: ``patient_id, month, visit, scheduled, state, modality, site``, by patient
        and month. ``visit`` is the visit whose closed interval holds the day of the scan.
    """

    patients: pd.DataFrame
    scans: pd.DataFrame


def follow_up(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Arm, entry, death and last contact by patient, in months from ``clock.origin``.

    An undated death happened when last seen. Entry is randomisation, or time zero when that comes later: with a
    clock that starts at surgery a patient who is randomised weeks later enters late (domain 4.4). NaN when not
    randomised.
    """
    patients = trial.patients
    zero = origin_dates(trial, protocol)
    seen = trial.followup.drop_duplicates("patient_id", keep="last")
    died_on = seen["died_on"].where(seen["died_on"].notna(), seen["last_seen_on"]).where(seen["status"] == "dead")
    months = pd.DataFrame(
        {
            "death": days_from(seen["patient_id"], died_on, zero).to_numpy() / protocol.month_days,
            "last_seen": days_from(seen["patient_id"], seen["last_seen_on"], zero).to_numpy() / protocol.month_days,
        },
        index=pd.Index(seen["patient_id"].to_numpy(), dtype=zero.index.dtype),
    ).reindex(zero.index)
    entry = days_from(patients["patient_id"], patients["randomised_on"], zero) / protocol.month_days
    months.insert(0, "entry", entry.clip(lower=0.0).to_numpy())
    months.insert(0, "arm", patients["arm"].fillna("none").to_numpy())
    return months


def _by_patient(values: pd.Series, patient_id: pd.Series, index: pd.Index, how: str) -> pd.Series:
    return values.groupby(patient_id).agg(how).reindex(index).astype("float64")


def build_outcome(
    trial: Trial,
    protocol: Protocol,
    *,
    equivocal: str | None = None,
    ascertainment: str | None = None,
    organ: str = "any",
) -> Outcome:
    """Reduce a trial to its outcome.

    Parameters
    ----------
    trial : Trial
        Uses ``patients``, ``imaging`` and ``followup`` (and ``treatments`` when the clock starts at the first one).
    protocol : Protocol
        Clock, visit grid, imaging calendar and charter.
    equivocal, ascertainment, organ : str, optional
        Sensitivity analyses, see :func:`features.outcomes.readings.read_scans`; the protocol decides when omitted.

    Returns
    -------
    Outcome
        One row per patient of ``trial.patients``, in that order.
    """
    patients = follow_up(trial, protocol)
    scans = read_scans(trial, protocol, equivocal=equivocal, ascertainment=ascertainment, organ=organ)
    who = scans["patient_id"]
    positive = scans["state"] == "recurrence"
    first = _by_patient(scans["month"].where(positive), who, patients.index, "min")
    first_visit = _by_patient(scans["visit"].where(positive), who, patients.index, "min")
    event_month = who.map(first).fillna(np.inf).astype("float64")
    event_visit = who.map(first_visit).fillna(np.inf).astype("float64")
    # Two scans of one visit are one assessment, so the clear one does not bound the interval from below.
    earlier = scans["month"].lt(event_month) & (scans["visit"].lt(event_visit) | ~scans["scheduled"])
    clear = ~positive & earlier & scans["month"].gt(0)
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
