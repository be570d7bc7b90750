"""Treatment before the landmark sample: PRRT, and somatostatin analogues (SSA)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.clock import DAY, choice, surgery_dates
from features.landmark.patients import YES_NO
from features.landmark.view import Block, View

ABSENT_TREATMENT = ("none given", "not assessable")
SSA_REASONS = ("", "no_landmark_sample", "pre_operative_sample", "no_ssa_record", "records_disagree")


def treatment_block(view: View) -> Block:
    """PRRT and somatostatin analogues up to the landmark blood sample; every column is of the day of that sample."""
    sampled = view.anchor["collected_on"]
    columns = _prrt(view).join(_ssa(view))
    return Block(columns, pd.DataFrame({"prrt": sampled, "ssa": sampled}))


class Courses(NamedTuple):
    """Courses of one kind that started up to the landmark sample, by start within patients; days since surgery.

    ``patient`` is the place of the patient in the index, ``sample`` the day of the landmark sample; ``end`` is the last
    day, infinite for a course without one.
    """

    patient: np.ndarray
    start: np.ndarray
    end: np.ndarray
    sample: np.ndarray


def courses_before(view: View, kind: str) -> Courses:
    """Courses of one kind of treatment that started on or before the day of the landmark blood sample."""
    rows = view.trial.treatments
    rows = rows[(rows["kind"] == kind).to_numpy()]
    surgery = surgery_dates(view.trial.patients).reindex(view.index)
    origin = np.append(surgery.fillna(view.zero.reindex(view.index)).to_numpy("M8[ns]"), np.datetime64("NaT"))
    patient = view.index.get_indexer(pd.Index(rows["patient_id"]))
    start, end = (
        (rows[name].to_numpy() - origin[patient]) / DAY.to_timedelta64() for name in ("started_on", "ended_on")
    )
    sample = np.append(view.anchor["since_surgery"].to_numpy(dtype="float64"), np.nan)[patient]
    order = np.lexsort([start, patient])
    order = order[(start <= sample)[order]]
    end = np.where(np.isnan(end), np.inf, np.maximum(end, start))
    return Courses(patient[order], start[order], end[order], sample[order])


def _largest(values: np.ndarray, courses: Courses, patients: int) -> np.ndarray:
    """Largest value by patient; -inf for patients without any."""
    out = np.full(patients, -np.inf)
    np.maximum.at(out, courses.patient, values)
    return out


def _prrt(view: View) -> pd.DataFrame:
    """Days since the last start of a PRRT cycle, and how many were started, up to the landmark sample."""
    courses, patients = courses_before(view, "prrt"), len(view.index)
    sampled = view.anchor["since_surgery"].to_numpy(dtype="float64")
    last = _largest(courses.start, courses, patients)
    cycles = np.bincount(courses.patient, minlength=patients).astype("float64")
    known = ~np.isnan(sampled) & ((cycles > 0) | (not _silent(view.protocol)))
    return pd.DataFrame(
        {
            "days_since_prrt": np.where(np.isfinite(last), sampled - last, np.nan),
            "prrt_cycles": np.where(known, cycles, np.nan),
        },
        index=view.index,
    )


def said_on_ssa(view: View) -> np.ndarray:
    """Whether the landmark blood sample itself says that an analogue was in use (1, 0; NaN: it does not say)."""
    samples = view.samples[view.place.window.holds(view.samples).to_numpy()]
    place = pd.Index(samples["sample_id"]).get_indexer(pd.Index(view.anchor["sample_id"]))
    said = samples["ssa"].map(YES_NO).to_numpy(dtype="float64")
    return np.append(said, np.nan)[place]


class Exposure(NamedTuple):
    """What sample and treatments say of somatostatin analogues at the landmark sample, by patient at risk.

    ``said``: 1, 0 or NaN by the sample; ``covered``: a course includes the day of the sample; ``inside``: it began
    before that day and went on after it; ``recorded``: a course began up to that day.
    """

    said: np.ndarray
    covered: np.ndarray
    inside: np.ndarray
    recorded: np.ndarray

    @property
    def in_use(self) -> np.ndarray:
        """1, 0 or NaN: the sample decides; where it does not say, the courses do; without a course it is unknown."""
        by_courses = np.where(self.recorded, self.covered.astype("float64"), np.nan)
        return np.where(np.isnan(self.said), by_courses, self.said)

    @property
    def disagree(self) -> np.ndarray:
        """A *yes* outside every course, or a *no* within one (on its first and last day a *no* may be right)."""
        return ((self.said == 1) & ~self.covered) | ((self.said == 0) & self.inside)


def exposure(view: View, courses: Courses) -> Exposure:
    """What the landmark sample and the courses of analogues say."""
    at = partial(np.bincount, courses.patient, minlength=len(view.index))
    until, sample = courses.end, courses.sample
    inside = (courses.start < sample) & (until > sample)
    return Exposure(said_on_ssa(view), at(until >= sample) > 0, at(inside) > 0, at() > 0)


def ssa_at_sample(view: View) -> pd.Series:
    """Whether a somatostatin analogue was in use at the landmark blood sample (1, 0; NaN unknown).

    ``samples.ssa`` decides. Where it is empty the treatments do: 1 when a course (first and last day included; one
    without a last day goes on) holds the day of the sample, 0 when every course that began up to it has ended; without
    a course it stays unknown, because silence is no *no*.
    """
    return pd.Series(exposure(view, courses_before(view, "ssa")).in_use, index=view.index)


def days_covered(courses: Courses, patients: int) -> np.ndarray:
    """Days from surgery to the landmark sample that lie in some course, by patient.

    The day of surgery and the last day of a course count, the day of the sample does not; days of overlapping courses
    count once.
    """
    start = np.maximum(courses.start, 0.0)
    end = np.clip(np.minimum(courses.end + 1, courses.sample), start, None)
    # Patients far apart on one line of days: what earlier courses have reached never touches the next patient.
    apart = courses.patient * (np.ptp(np.append(end, 0.0)) + 1)
    reached = np.maximum.accumulate(np.append(-np.inf, end + apart))[:-1] - apart
    added = np.clip(end - np.maximum(start, reached), 0.0, None)
    return np.bincount(courses.patient, weights=added, minlength=patients).astype("float64")


def _ssa(view: View) -> pd.DataFrame:
    """Months on analogues since surgery, days since the last one, and why the months are not known."""
    courses, patients = courses_before(view, "ssa"), len(view.index)
    seen = exposure(view, courses)
    sampled = view.anchor["since_surgery"].to_numpy(dtype="float64")
    ended = _largest(np.where(courses.end <= courses.sample, courses.end, -np.inf), courses, patients)
    conditions = [
        np.isnan(sampled),
        sampled <= 0,
        ~seen.recorded & (np.isnan(seen.said) | ((seen.said == 0) & _silent(view.protocol))),
        seen.disagree,
    ]
    reason = np.select(conditions, SSA_REASONS[1:], "").astype(object)
    since = np.where(np.isfinite(ended) & ~seen.disagree, sampled - ended, np.nan)
    since = np.where(seen.in_use == 1, 0.0, since)
    months = days_covered(courses, patients) / view.protocol.month_days
    return pd.DataFrame(
        {
            "ssa_months": np.where(reason == "", months, np.nan),
            "days_since_ssa": np.where(np.isnan(sampled), np.nan, since),
            "ssa_reason": reason,
        },
        index=view.index,
    )


def _silent(protocol: Protocol) -> bool:
    """Whether a patient without a record of a treatment may have had it (``cohort.absent_treatment``)."""
    return choice(protocol, "cohort.absent_treatment", ABSENT_TREATMENT) == "not assessable"
