"""What became of every sample of the calendar: collected, failed, outside its window, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data.contracts import TABLES
from data.protocol import Protocol
from data.trial import Trial
from features.clock import closing_day, origin_dates
from features.landmark.view import Block, View
from features.landmark.window import sample_place
from features.measurements import measurements, sample_days
from features.outcomes.assessments import Outcome

SPECIMENS = ("blood", "urine")
VISITS = tuple(name for name in TABLES["samples"].columns["visit"].codes if name != "unscheduled")
# States of a sample that is there, worst first: the best of several samples of a visit counts.
PRESENT = ("outside_window", "not_measured", "failed_qc", "collected")
GONE = ("dead", "recurred", "not_reached", "withdrawn")
STATES = (*reversed(PRESENT), "not_collected", *GONE, "not_due")
NOT_THERE = 0


def judged(samples: pd.DataFrame, measured: pd.DataFrame, protocol: Protocol) -> np.ndarray:
    """State of each sample by its results, as a place in :data:`PRESENT` counted from 1.

    Blood is judged by the NETest scores, urine by any analyte: *collected* when the laboratory stands by at least one
    result, *failed_qc* when by none, *not_measured* when there is none.

    Parameters
    ----------
    samples : DataFrame
        With ``sample_id``.
    measured : DataFrame
        From :func:`features.measurements.measurements`.
    """
    scores = {name for assay in protocol.assays.values() for name in assay.analytes}
    counts = measured["specimen"].ne("blood").to_numpy() | measured["analyte"].isin(scores).to_numpy()
    valid = measured["valid"].to_numpy() & counts
    names = samples["sample_id"]
    number = [names.isin(measured["sample_id"].to_numpy()[rows]).to_numpy() for rows in (counts, valid)]
    return 2 + number[0].astype("int8") + number[1].astype("int8")


def members(samples: pd.DataFrame, visit: str, month: float, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
    """Which samples belong to a visit: those in its window, and those that only bear its name.

    The window is that of the landmark sample of that month (``samples.window_days``); a visit without an entry there
    goes by its name.
    """
    named = (samples["visit"] == visit).to_numpy()
    if f"{month:g}" not in protocol["samples.window_days"]:
        return named, np.zeros(len(samples), dtype=bool)
    inside = sample_place(protocol, month).window.holds(samples).to_numpy()
    return inside, named & ~inside


def best_samples(
    samples: pd.DataFrame, state: np.ndarray, index: pd.Index, belongs: list[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Best state of the samples of each patient, visit and specimen.

    Parameters
    ----------
    samples : DataFrame
        ``patient_id, specimen``.
    state : ndarray of int8
        From :func:`judged`.
    index : Index
        Patients.
    belongs : list of pair of ndarray of bool
        By visit, from :func:`members`.

    Returns
    -------
    ndarray of int8
        Patients by visits by :data:`SPECIMENS`: place in :data:`PRESENT` counted from 1, 0 for no sample.
    """
    specimen = samples["specimen"].to_numpy()
    which = np.select([specimen == name for name in SPECIMENS], range(len(SPECIMENS)), -1)
    who = index.get_indexer(pd.Index(samples["patient_id"]))
    known = (who >= 0) & (which >= 0)
    best = np.full((len(index), len(belongs), len(SPECIMENS)), NOT_THERE, dtype="int8")
    for visit, (inside, outside) in enumerate(belongs):
        own = np.where(inside, state, np.where(outside, 1, NOT_THERE))
        for place in range(1, len(PRESENT) + 1):
            rows = known & (own == place)
            best[who[rows], visit, which[rows]] = place
    return best


def why_absent(
    outcome: Outcome, zero: pd.Series, month: float, protocol: Protocol, cut: pd.Timestamp | None
) -> np.ndarray:
    """Why a patient is no longer under observation when the visit of ``month`` closes.

    Whichever came first of recurrence and death (a death on the day of the positive scan is a recurrence);
    *not_reached* when the data cut lies before the close; else *withdrawn* (or lost: deliveries do not tell them
    apart). Rests on nothing dated after the visit closed but the data cut itself.

    Returns
    -------
    ndarray of str
        By patient of the outcome, one of :data:`GONE`; meaningful only for patients who are gone.
    """
    rows = outcome.patients
    closed = protocol.closed(float(month))
    first, death = rows["first_positive"].to_numpy(), rows["death"].to_numpy()
    recurred = (first <= closed) & ~(death < first)
    early = np.zeros(len(rows), dtype=bool)
    if cut is not None:
        since = (cut - zero.reindex(rows.index)).dt.days
        early = (since < np.floor(closing_day(protocol, month))).to_numpy()
    return np.select([(death <= closed) & ~recurred, recurred, early], GONE[:3], GONE[3]).astype(object)


def under_observation(outcome: Outcome, month: float, *, through: bool = True) -> np.ndarray:
    """Patients from whom something was due at a visit: alive, in follow-up, without recurrence.

    Recurrence ends the trial's calendar of a patient (S3), so nothing is due after it. At month 0 or before everybody
    is due.

    Parameters
    ----------
    through : bool
        Whether the visit itself must be free of recurrence (samples), or only those before (scans).
    """
    rows = outcome.patients
    first, seen, death = (rows[name].to_numpy("float64") for name in ("first_positive_visit", "last_seen", "death"))
    free = ~(first <= month) if through else ~(first < month)
    return (free & (seen >= month) & ~(death <= month)) | (month <= 0)


def accounting(
    best: np.ndarray,
    outcome: Outcome,
    zero: pd.Series,
    visits: Mapping[str, float],
    protocol: Protocol,
    cut: pd.Timestamp | None,
) -> pd.DataFrame:
    """The one rule: a sample that is there by its state, an absent one *not_collected* when due, else why not due.

    Returns
    -------
    DataFrame
        ``patient_id, visit, month, specimen, status``: by specimen, patient and visit.
    """
    people, names = outcome.patients.index, list(visits)
    due = np.stack([under_observation(outcome, month) for month in visits.values()], axis=1)
    why = np.stack([why_absent(outcome, zero, month, protocol, cut) for month in visits.values()], axis=1)
    absent = np.where(due, "not_collected", why)
    words = np.array(["", *PRESENT], dtype=object)
    parts = [np.where(best[:, :, side] > NOT_THERE, words[best[:, :, side]], absent) for side in range(len(SPECIMENS))]
    each = len(people) * len(names)
    return pd.DataFrame(
        {
            "patient_id": np.tile(np.repeat(people.to_numpy(), len(names)), len(SPECIMENS)),
            "visit": np.tile(np.array(names, dtype=object), len(people) * len(SPECIMENS)),
            "month": np.tile(np.array(list(visits.values()), dtype="float64"), len(people) * len(SPECIMENS)),
            "specimen": np.repeat(np.array(SPECIMENS, dtype=object), each),
            "status": np.concatenate([part.ravel() for part in parts]),
        }
    )


def sample_accounting(trial: Trial, outcome: Outcome, protocol: Protocol, landmark: float) -> pd.DataFrame:
    """What became of every scheduled sample up to a landmark, for every patient, by what is known at L(s).

    Parameters
    ----------
    trial : Trial
        Full or truncated: samples collected after L(s) are not looked at.
    outcome : Outcome
        Of the same trial.
    protocol : Protocol
    landmark : float
        Months from time zero.

    Returns
    -------
    DataFrame
        One row per patient of the trial, visit of ``calendar.sample_month`` up to the landmark, and specimen:
        ``patient_id, visit, month, specimen, status``, one of :data:`STATES`. *outside_window* is a sample that bears
        the name of the visit but was drawn outside its window; *not_due* a patient without time zero.
    """
    visits = scheduled(protocol, landmark)
    samples = sample_days(trial, protocol)
    samples = samples[samples["day"] <= closing_day(protocol, landmark)]
    belongs = [members(samples, visit, month, protocol) for visit, month in visits.items()]
    state = judged(samples, measurements(trial, protocol, samples), protocol)
    best = best_samples(samples, state, outcome.patients.index, belongs)
    zero = origin_dates(trial, protocol)
    rows = accounting(best, outcome, zero, visits, protocol, trial.data_cut)
    # Without time zero no visit has a day.
    return rows.assign(status=rows["status"].mask(rows["patient_id"].map(zero).isna(), "not_due"))


def scheduled(protocol: Protocol, landmark: float) -> dict[str, float]:
    """Visits of the calendar of samples up to a landmark, with their months."""
    return {name: float(month) for name, month in protocol["calendar.sample_month"].items() if month <= landmark}


def sampling_block(view: View) -> Block:
    """Why each scheduled sample is missing, and how many are.

    Everybody in a risk set was due at every visit up to it, so an absent sample was not collected. Visits after the
    landmark are not due: whether their samples will exist is not known yet.
    """
    samples, visits = view.samples, scheduled(view.protocol, view.landmark)
    belongs = [members(samples, visit, month, view.protocol) for visit, month in visits.items()]
    best = best_samples(samples, judged(samples, view.measured, view.protocol), view.index, belongs)
    words = np.array(["not_collected", *PRESENT[:-1], ""], dtype=object)
    place = {visit: number for number, visit in enumerate(visits)}
    columns: dict[str, object] = {}
    stamps: dict[str, pd.Series] = {}
    used = np.logical_or.reduce([inside | outside for inside, outside in belongs] or [np.zeros(len(samples), bool)])
    for side, specimen in enumerate(SPECIMENS):
        for visit in VISITS:
            known = words[best[:, place[visit], side]] if visit in place else "not_due"
            columns[f"sample_{visit}_{specimen}"] = known
        columns[f"{specimen}_missed"] = (best[:, :, side] < len(PRESENT)).sum(axis=1).astype("float64")
        own = samples[used & (samples["specimen"] == specimen).to_numpy()].drop_duplicates("patient_id", keep="last")
        stamps[f"{specimen}_samples"] = own.set_index("patient_id")["collected_on"].reindex(view.index)
    return Block(pd.DataFrame(columns, index=view.index), pd.DataFrame(stamps, index=view.index))
