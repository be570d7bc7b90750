"""The expected imaging calendar: what was due at each visit, what was done, and what was missed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import choice
from features.outcomes.assessments import Outcome, build_outcome

EVERY, ANY = "every scheduled modality", "any scheduled modality"
SCANNED = ("mri", "petct")
COLUMNS = ["patient_id", "month", "due", "done", "adequate", "missed", "on_month"]


def expected_visits(protocol: Protocol) -> pd.DataFrame:
    """The calendar of scans: one row per visit after time zero.

    MRI and PET/CT as the protocol schedules them; a visit of local follow-up (``calendar.local_month``) asks for any
    modality.

    Returns
    -------
    DataFrame
        ``month``, and whether ``mri``, ``petct``, ``any`` are due.
    """
    calendars = {name: list(protocol[f"calendar.{name}_month"]) for name in ("mri", "petct")}
    scheduled = {float(month) for months in calendars.values() for month in months}
    local = {float(month) for month in protocol["calendar.local_month"]} - scheduled
    months = np.asarray(sorted(scheduled | local))
    due = {name: np.isin(months, months_due) for name, months_due in calendars.items()}
    return pd.DataFrame({"month": months, **due, "any": np.isin(months, sorted(local))})


def scans_of_visits(outcome: Outcome, protocol: Protocol, *, after_event: bool = True) -> pd.DataFrame:
    """The scan that stands for each patient, visit and modality: the nearest to the nominal day, of two equally near
    the later (ADaM visit windows, domain 4.7).

    Only scheduled scans, because an unscheduled scan never completes a visit, and none from visits after that of the
    first positive scan. With ``after_event`` False no scan dated after the first positive one has any part in it. CT
    is read as the modality it stands in for (``calendar.stand_in``).

    Returns
    -------
    DataFrame
        ``patient_id, visit, modality, month, positive``.
    """
    scans = outcome.scans
    column = "visit" if after_event else "month"
    last = outcome.patients["first_positive_visit" if after_event else "first_positive"]
    until = scans["patient_id"].map(last).fillna(np.inf).astype("float64")
    rows = scans[scans["scheduled"] & (scans[column] <= until) & (scans["month"] > 0)]
    positive = rows["state"].eq("recurrence").groupby([rows["patient_id"], rows["visit"]]).transform("any")
    rows = rows.assign(
        modality=rows["modality"].replace(dict(protocol["calendar.stand_in"])),
        away=(rows["month"] - rows["visit"]).abs().round(9),
        positive=positive,
    )
    rows = rows.sort_values(["patient_id", "visit", "modality", "away", "month"], ascending=[True] * 4 + [False])
    rows = rows.drop_duplicates(["patient_id", "visit", "modality"])
    return rows[["patient_id", "visit", "modality", "month", "positive"]].reset_index(drop=True)


def _joined(flags: pd.DataFrame) -> np.ndarray:
    """Names of the columns that are true, joined by "+", row by row."""
    text = np.full(len(flags), "", dtype=object)
    for name in flags.columns:
        text = np.where(flags[name], np.where(text == "", name, text + "+" + name), text)
    return text


def _observed(rows: pd.DataFrame, patients: pd.DataFrame, protocol: Protocol) -> np.ndarray:
    """Visits from entry on that closed before follow-up for recurrence ended (positive scan, death, last contact)."""
    end = patients[["first_positive", "death", "last_seen"]].min(axis=1)
    entry = patients["entry"].fillna(0.0)
    closed = rows["month"] + protocol.closing_months <= rows["patient_id"].map(end)
    return (closed & (rows["month"] >= rows["patient_id"].map(entry))).to_numpy()


def visit_assessments(outcome: Outcome, protocol: Protocol, *, after_event: bool = True) -> pd.DataFrame:
    """Assessments of the expected calendar, from an outcome (see :func:`scheduled_assessments`)."""
    rule = choice(protocol, "imaging.adequate_assessment", (EVERY, ANY))
    patients, visits = outcome.patients, expected_visits(protocol)
    rows = pd.DataFrame(
        {
            "patient_id": np.repeat(patients.index.to_numpy(dtype=object), len(visits)),
            "month": np.tile(visits["month"].to_numpy(), len(patients)),
        }
    )
    at = pd.MultiIndex.from_frame(rows)
    found = scans_of_visits(outcome, protocol, after_event=after_event)
    by_visit = {name: scans.set_index(["patient_id", "visit"]) for name, scans in found.groupby("modality")}
    days = pd.DataFrame(
        {name: by_visit[name]["month"].reindex(at).to_numpy() if name in by_visit else np.nan for name in SCANNED},
        index=rows.index,
    )
    due = pd.DataFrame({name: np.tile(visits[name].to_numpy(), len(patients)) for name in (*SCANNED, "any")})
    done = days.notna()
    some = done.any(axis=1)
    positive = at.isin(pd.MultiIndex.from_frame(found.loc[found["positive"], ["patient_id", "visit"]]))
    adequate = some & ((rule == ANY) | positive | (done | ~due[list(SCANNED)]).all(axis=1))
    counted = due[list(SCANNED)].to_numpy() | due[["any"]].to_numpy() | positive[:, None] | (rule == ANY)
    on_month = days.where(counted).max(axis=1).where(adequate)
    rows = rows.assign(due=_joined(due), done=_joined(done), adequate=adequate, missed=~adequate, on_month=on_month)
    keep = _observed(rows, patients, protocol) | some.to_numpy()
    return rows.loc[keep, COLUMNS].reset_index(drop=True)


def scheduled_assessments(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Every visit of the calendar that was due while the patient was under observation, and what came of it.

    Due: the visit closed (``clock.closing_months`` after its nominal month) after entry and before the first positive
    scan, death or last contact; a visit that was done counts in any case. An assessment is adequate when every
    scheduled modality was done, or any, as ``imaging.adequate_assessment`` says (FDA tables [L55], domain 4.3), or when
    a scan of the visit is positive; a scan that is not adequate was not done.

    Returns
    -------
    DataFrame
        By patient and visit: ``patient_id``, ``month`` (nominal), ``due`` and ``done`` (modalities joined by "+";
        "any" is due at a visit of local follow-up), ``adequate``, ``missed`` (not adequate), ``on_month`` (month of
        the last scan that the assessment needed, NaN when missed).
    """
    return visit_assessments(build_outcome(trial, protocol), protocol)


def missed_between(last: pd.Series, event: pd.Series, protocol: Protocol) -> pd.Series:
    """Visits of the expected calendar that passed between the last adequate assessment and an event.

    A visit is missed when it lies after the last assessment and its window closed before the event. Within the first
    year (visits 3 months apart) two missed visits are a gap of 6 months and the window, in years 2 and 3 one of 12
    months and the window: the rule "gap > 2 x current interval + window" of domain 4.3, exact where the interval
    changes, too.

    Parameters
    ----------
    last : Series of float
        Nominal visit of the last assessment (its actual month when unscheduled, entry when there is none).
    event : Series of float
        Actual month of the event.

    Returns
    -------
    Series of int
        0 where either is unknown.
    """
    grid = expected_visits(protocol)["month"].to_numpy()
    passed = np.searchsorted(grid + protocol.closing_months, event.to_numpy(dtype="float64"), side="left")
    done = np.searchsorted(grid, last.to_numpy(dtype="float64"), side="right")
    known = (event.notna() & last.notna()).to_numpy()
    return pd.Series(np.where(known, np.maximum(passed - done, 0), 0).astype("int64"), index=last.index)
