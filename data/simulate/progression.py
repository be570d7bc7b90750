"""Measured disease over time: when it responds and progresses, what the scans show, lesion by lesion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.simulate.streams import Floats, Streams, days, only

BEFORE_RESPONSE = 0.22
"""Shrinkage on the way to a response, as a share of baseline: not yet a response."""
SLOTS = ("liver", "liver", "lymph node", "mesentery", "bone")
TARGETS = 4
DIAMETERS = {"liver": (25, 75), "lymph node": (18, 34), "mesentery": (22, 55)}
PRESENT = (1.0, 0.8, 0.6, 0.5, 0.5)
"""How often each slot holds a lesion; the last slot is the non-target lesion."""
NEW_ORGANS = {"liver": 0.5, "bone": 0.2, "peritoneum": 0.15, "lung": 0.15}
NEW_MM = (8, 22)
NODE_GONE_MM = 6.0
"""Short axis of a node that is normal again."""
SCAN_SHIFT = 14
AFTER_RESPONSE_MONTHS = 0.5


@dataclass(frozen=True)
class Course:
    """What happens to n patients, in months from randomisation (infinite for never).

    ``responder`` says whether the disease responds; ``response`` is the visit at which it first shows.
    """

    hazard: Floats
    progression: Floats
    death: Floats
    dropout: Floats
    close: Floats
    responder: np.ndarray
    response: Floats

    @property
    def end(self) -> Floats:
        """Last month of observation."""
        return np.minimum(np.minimum(self.death, self.dropout), self.close)


def draw_course(streams: Streams, world: dict[str, Any], arm: np.ndarray) -> Course:
    """Exponential progression by arm, death before and after it, and response of those who progress late enough.

    The hazards are set so that the share alive and progression-free at ``pfs_month`` is ``pfs`` of the arm; among those
    who progress after the last response visit as many respond as make ``responders`` of the whole arm.
    """
    n = len(arm)
    loss = np.array([-np.log(world["pfs"][name]) / world["pfs_month"] for name in arm])
    hazard = loss - world["death_without_progression"]
    progression = streams.exponential("advanced.progression", n) / hazard
    other = streams.exponential("advanced.death", n) / world["death_without_progression"]
    after = progression + streams.exponential("advanced.death.after", n) / world["death_after_progression"]
    visits = {float(month): share for month, share in world["response_visits"].items()}
    late = max(visits) + AFTER_RESPONSE_MONTHS
    share = np.array([world["responders"][name] for name in arm]) / np.exp(-loss * late)
    alive = np.minimum(progression, other) > late
    responder = alive & streams.chance("advanced.responder", share, n)
    labels = {str(month): part for month, part in visits.items()}
    response = streams.pick("advanced.response", labels, n).astype(float)
    low, high = world["close_months"]
    return Course(
        hazard=hazard,
        progression=progression,
        death=np.where(other < progression, other, after),
        dropout=streams.exponential("advanced.dropout", n) / world["dropout"],
        close=low + (high - low) * streams.uniform("advanced.close", n),
        responder=responder,
        response=np.where(responder, response, np.inf),
    )


@dataclass(frozen=True)
class Scans:
    """Assessments that could take place: n patients x k visits, the first one at baseline.

    ``kept`` says which took place up to progression and the end of observation; ``factor`` is the sum of the targets as
    a share of baseline; ``progressed`` marks the assessment that shows progression.
    """

    month: Floats
    day: np.ndarray
    kept: np.ndarray
    adequate: np.ndarray
    factor: Floats
    progressed: np.ndarray


def draw_scans(
    streams: Streams, world: dict[str, Any], course: Course, visits: Floats, month_days: float, sum_mm: Floats
) -> Scans:
    """Attendance at each visit and the sum of the targets there.

    Parameters
    ----------
    visits : ndarray
        Nominal months after randomisation, ascending, without the baseline.
    sum_mm : ndarray
        Sum of the targets of each patient at baseline.
    """
    n, shape = len(course.hazard), (len(course.hazard), len(visits))
    shift = np.clip(np.rint(streams.normal("advanced.shift", shape, world["scan_sd_days"])), -SCAN_SHIFT, SCAN_SHIFT)
    day = days(np.broadcast_to(visits, shape), month_days) + shift.astype(np.int64)
    attended = ~streams.chance("advanced.missed", world["missed_scan"], shape)
    attended &= day <= np.floor(course.end * month_days)[:, None]
    adequate = ~streams.chance("advanced.inadequate", world["inadequate_scan"], shape)
    seen = attended & adequate
    shows = seen & (day > course.progression[:, None] * month_days)
    progressed = shows & (shows.cumsum(axis=1) == 1)
    path = _path(streams, world, course, visits)
    nadir = np.minimum.accumulate(np.where(seen & ~shows, path, np.inf), axis=1)
    nadir = np.minimum(np.hstack([np.ones((n, 1)), nadir[:, :-1]]), 1.0)
    low, high = world["growth"]
    grown = np.maximum(
        nadir * (low + (high - low) * streams.uniform("advanced.growth", n))[:, None],
        nadir + world["growth_mm"] / sum_mm[:, None],
    )
    by_growth = streams.pick("advanced.progression.by", world["progression_by"], n) == "growth"
    factor = np.where(progressed & by_growth[:, None], grown, path)
    kept = attended & (shows.cumsum(axis=1) - progressed == 0)
    baseline = -streams.whole("advanced.baseline", 1, 21, n)[:, None]
    always = np.ones((n, 1), dtype=bool)
    return Scans(
        month=np.concatenate([[0.0], visits]),
        day=np.hstack([baseline, day]),
        kept=np.hstack([always, kept]),
        adequate=np.hstack([always, adequate]),
        factor=np.hstack([np.ones((n, 1)), factor]),
        progressed=np.hstack([~always, progressed]),
    )


def _path(streams: Streams, world: dict[str, Any], course: Course, visits: Floats) -> Floats:
    """Sum of the targets over baseline while the disease does not progress."""
    n, shape = len(course.hazard), (len(course.hazard), len(visits))
    noise = 1 + world["reading_noise"] * (2 * streams.uniform("advanced.noise", shape) - 1)
    low, high = world["drift"]
    drift = low + (high - low) * streams.uniform("advanced.drift", n)[:, None]
    stable = (1 - drift * (1 - np.exp(-visits / 4.0))) * noise
    low, high = world["depth"]
    deep = (low + (high - low) * streams.uniform("advanced.depth", n))[:, None] * noise
    deep = np.where(streams.chance("advanced.complete", world["complete"], n)[:, None], 0.0, deep)
    response = np.where(course.responder, course.response, 1.0)[:, None]
    responding = np.where(visits >= response, deep, 1 - BEFORE_RESPONSE * visits / response)
    return np.where(course.responder[:, None], responding, stable)


def draw_targets(streams: Streams, n: int) -> tuple[Floats, np.ndarray]:
    """Baseline diameters of the target slots (NaN = no lesion), n x 4, and who has a non-target lesion."""
    present = streams.uniform("advanced.lesions", (n, len(SLOTS))) < np.array(PRESENT)
    low, high = np.array([DIAMETERS[organ] for organ in SLOTS[:TARGETS]], dtype=float).T
    size = np.rint(low + (high - low) * streams.uniform("advanced.diameter", (n, TARGETS)) ** 1.5)
    return np.where(present[:, :TARGETS], size, np.nan), present[:, TARGETS]


def progression_shown_by(streams: Streams, world: dict[str, Any], non_target: np.ndarray) -> np.ndarray:
    """growth, new or non_target; a new lesion where there is no non-target lesion to progress."""
    drawn = streams.pick("advanced.progression.by", world["progression_by"], len(non_target))
    return np.where((drawn == "non_target") & ~non_target, "new", drawn)


def lesion_table(
    streams: Streams,
    world: dict[str, Any],
    patients: pd.DataFrame,
    scans: Scans,
    targets: Floats,
    non_target: np.ndarray,
) -> pd.DataFrame:
    """``lesions.csv``: every lesion at every assessment that took place."""
    shown = progression_shown_by(streams, world, non_target)[:, None]
    parts = [_target_rows(patients, scans, targets[:, slot], slot) for slot in range(TARGETS)]
    gone = scans.factor == 0
    state = np.where(scans.progressed & (shown == "non_target"), "progressed", np.where(gone, "absent", "present"))
    kept = scans.kept & non_target[:, None]
    parts.append(_rows(patients, scans, kept, "N1", "non_target", SLOTS[-1], state, np.full(state.shape, np.nan)))
    organ = streams.pick("advanced.new", NEW_ORGANS, len(patients))
    size = np.broadcast_to(streams.whole("advanced.new.mm", *NEW_MM, len(patients))[:, None], state.shape).astype(float)
    fresh = scans.kept & scans.progressed & (shown == "new")
    for name in NEW_ORGANS:
        own = fresh & (organ == name)[:, None]
        parts.append(_rows(patients, scans, own, "X1", "new", name, np.full(state.shape, "measured"), size))
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return table.sort_values(["patient_id", "scan_on", "lesion"], kind="stable", ignore_index=True)


def _target_rows(patients: pd.DataFrame, scans: Scans, diameter: Floats, slot: int) -> pd.DataFrame:
    """A target follows the sum; a node that disappears is still measured, below 10 mm."""
    organ = SLOTS[slot]
    size = np.rint(diameter[:, None] * scans.factor)
    if organ == "lymph node":
        size = np.maximum(size, NODE_GONE_MM)
    state = np.where(size > 0, "measured", "absent")
    size = np.where(size > 0, size, np.nan)
    kept = scans.kept & ~np.isnan(diameter)[:, None]
    return _rows(patients, scans, kept, f"T{slot + 1}", "target", organ, state, size)


def _rows(
    patients: pd.DataFrame,
    scans: Scans,
    kept: np.ndarray,
    lesion: str,
    role: str,
    organ: str,
    state: np.ndarray,
    size: Floats,
) -> pd.DataFrame:
    patient, column = np.nonzero(kept)
    adequate = scans.adequate[patient, column]
    return pd.DataFrame(
        {
            "patient_id": patients["patient_id"].to_numpy()[patient],
            "scan_on": patients["randomised_on"].to_numpy()[patient] + scans.day[kept].astype("timedelta64[D]"),
            "lesion": lesion,
            "role": role,
            "organ": organ,
            "node": "yes" if organ == "lymph node" else "no",
            "diameter_mm": np.where(adequate, size[patient, column], np.nan),
            "state": np.where(adequate, state[patient, column], "not_evaluable"),
        }
    )


def imaging_of_scans(
    streams: Streams, world: dict[str, Any], patients: pd.DataFrame, scans: Scans, lesions: pd.DataFrame
) -> pd.DataFrame:
    """``imaging.csv``: one CT or MRI an assessment; ``recurrence`` stands for progression."""
    shape = scans.kept.shape
    patient, column = np.nonzero(scans.kept)
    progressed, adequate = scans.progressed[scans.kept], scans.adequate[scans.kept]
    doubt = streams.chance("advanced.equivocal", world["equivocal_scan"], shape)[scans.kept] & (column > 0)
    finding = np.where(progressed, "recurrence", np.where(doubt, "equivocal", "clear"))
    ct = streams.chance("advanced.ct", 0.6, len(patients))[patient]
    place = streams.pick("advanced.place", {"liver": 0.55, "extrahepatic": 0.2, "both": 0.25}, len(patients))[patient]
    table = pd.DataFrame(
        {
            "patient_id": patients["patient_id"].to_numpy()[patient],
            "scan_on": patients["randomised_on"].to_numpy()[patient] + scans.day[scans.kept].astype("timedelta64[D]"),
            "modality": np.where(ct, "ct", "mri"),
            "adequate": np.where(adequate, "yes", "no"),
            "finding": only(adequate, finding),
            "scheduled_month": scans.month[column],
            "site": only(progressed, place),
        }
    )
    targets = lesions[lesions["role"] == "target"].groupby(["patient_id", "scan_on"])["diameter_mm"]
    sums = pd.DataFrame({"largest_lesion_mm": targets.max(), "sum_diameters_mm": targets.sum(min_count=1)})
    return table.merge(sums, on=["patient_id", "scan_on"], how="left")
