"""What the scanner sees: attendance, readings and sizes at every scheduled and unscheduled scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.simulate.disease import Disease, Fate
from data.simulate.streams import Floats, Streams, days, logistic, only
from data.simulate.worlds import World

WINDOW_DAYS = 28
LOCAL_PETCT = 0.5
FOLLOW_UP_SCAN_DAYS = (21, 42)
CLEAR, EQUIVOCAL, RECURRENCE = 0, 1, 2
FINDINGS = np.array(["clear", "equivocal", "recurrence"])


@dataclass(frozen=True)
class Readings:
    """Every scan that could take place: n patients x k scans, scheduled ones first.

    ``day`` counts from surgery, ``month`` is the scheduled month (NaN = unscheduled), ``code`` the reading
    if the scan is adequate.
    """

    day: Floats
    month: Floats
    modality: np.ndarray
    attended: np.ndarray
    adequate: np.ndarray
    code: np.ndarray
    size_mm: Floats

    def first_positive(self, end: Floats) -> Floats:
        """Day of the first scan that takes place by ``end`` and is read as recurrence; infinite for none."""
        seen = self.attended & self.adequate & (self.code == RECURRENCE) & (self.day <= end[:, None])
        return np.where(seen, self.day, np.inf).min(axis=1)


def scan_slots(protocol: Protocol) -> list[tuple[float, str]]:
    """Scheduled scans of the calendar as (month, modality) in time; local imaging counts as MRI."""
    slots = [(float(m), "mri") for m in (*protocol["calendar.mri_month"], *protocol["calendar.local_month"])]
    slots += [(float(m), "petct") for m in protocol["calendar.petct_month"]]
    return sorted(slots)


def visit_offsets(streams: Streams, world: World, n: int, visits: int) -> Floats:
    """Days between a visit and its nominal day, shared by everything done at that visit (n x visits)."""
    return streams.normal("visit.offset", (n, visits), world.visit_sd_days)


def detection(world: World, disease: Disease, log_mm: Floats, petct: np.ndarray) -> tuple[Floats, Floats]:
    """Probability that a scan is read as recurrence, and as equivocal when it is not.

    Logistic in the logarithm of the diameter; disease outside the liver is seen on PET/CT only.
    """
    shown = petct | (disease.spread != "extrahepatic")[:, None]
    size = np.where(shown, log_mm, -np.inf)
    half = np.log(np.where(petct, world.petct_half_mm, world.mri_half_mm))
    positive = np.maximum(logistic((size - half) / world.detection_slope), world.false_positive)
    suspicious = logistic((size - np.log(world.equivocal_half_mm)) / world.detection_slope)
    return positive, world.equivocal_false + (world.equivocal_lesion - world.equivocal_false) * suspicious


def draw_readings(
    streams: Streams, world: World, protocol: Protocol, disease: Disease, offsets: Floats, treated: np.ndarray
) -> Readings:
    """Readings of all scheduled scans and of the unscheduled ones that some of them bring about."""
    slots = scan_slots(protocol)
    n, k = len(treated), len(slots)
    month = np.array([slot[0] for slot in slots])
    grid = list(protocol.visit_grid)
    visit = offsets[:, [grid.index(m) for m in month]]
    offset = np.clip(
        np.rint(visit + streams.normal("scan.offset", (n, k), world.scan_sd_days)), -WINDOW_DAYS, WINDOW_DAYS
    )
    day = days(month, protocol.month_days) + offset
    local = np.isin(month, [float(m) for m in protocol["calendar.local_month"]])
    petct = np.array([slot[1] == "petct" for slot in slots]) | (
        local & streams.chance("scan.local.petct", LOCAL_PETCT, (n, k))
    )
    missed = np.where(local, world.missed_local_scan, world.missed_scan)
    attended = ~streams.chance("scan.missed", missed, (n, k))
    adequate = ~streams.chance("scan.inadequate", world.inadequate_scan, (n, k))
    code, size = _read(streams, "scan", world, disease, day / protocol.month_days, petct)
    extra = _unscheduled(
        streams, world, protocol, disease, day, attended & adequate & (code == EQUIVOCAL), treated, local
    )
    scheduled = Readings(day, np.broadcast_to(month, (n, k)), _modality(petct), attended, adequate, code, size)
    return _joined(scheduled, extra)


def _read(
    streams: Streams, name: str, world: World, disease: Disease, month: Floats, petct: np.ndarray
) -> tuple[np.ndarray, Floats]:
    log_mm = disease.log_diameter(month)
    positive, equivocal = detection(world, disease, log_mm, petct)
    chance = streams.uniform(f"{name}.reading", month.shape)
    doubt = streams.uniform(f"{name}.doubt", month.shape)
    code = np.where(chance < positive, RECURRENCE, np.where(doubt < equivocal, EQUIVOCAL, CLEAR))
    seen = np.maximum(log_mm, np.log(6.0)) + streams.normal(f"{name}.size", month.shape, 0.08)
    return code, np.rint(np.exp(seen)).clip(4, 200)


def _unscheduled(
    streams: Streams,
    world: World,
    protocol: Protocol,
    disease: Disease,
    day: Floats,
    equivocal: np.ndarray,
    treated: np.ndarray,
    local: np.ndarray,
) -> Readings:
    """One more MRI three to six weeks after some scans, more often after equivocal ones and after PRRT."""
    after_doubt = np.where(treated, world.unscheduled_equivocal_prrt, world.unscheduled_equivocal_control)
    probability = np.where(equivocal, after_doubt[:, None], world.unscheduled_base) * ~local
    taken = streams.chance("extra.taken", probability, day.shape)
    extra_day = day + streams.whole("extra.day", *FOLLOW_UP_SCAN_DAYS, day.shape)
    petct = np.zeros(day.shape, dtype=bool)
    code, size = _read(streams, "extra", world, disease, extra_day / protocol.month_days, petct)
    adequate = ~streams.chance("extra.inadequate", world.inadequate_scan, day.shape)
    return Readings(extra_day, np.full(day.shape, np.nan), _modality(petct), taken, adequate, code, size)


def _modality(petct: np.ndarray) -> np.ndarray:
    return np.where(petct, "petct", "mri")


def _joined(first: Readings, second: Readings) -> Readings:
    return Readings(
        *(
            np.concatenate([getattr(first, field), getattr(second, field)], axis=1)
            for field in ("day", "month", "modality", "attended", "adequate", "code", "size_mm")
        )
    )


def imaging_table(
    streams: Streams, readings: Readings, disease: Disease, fate: Fate, patients: pd.DataFrame
) -> tuple[pd.DataFrame, Floats]:
    """Scans that took place, and the day of recurrence of each patient (infinite = none seen).

    Imaging stops at the first positive scan, at death and at loss to follow-up. Of two scans of one
    modality on one day the scheduled one is kept.
    """
    recurrence = readings.first_positive(fate.end)
    last = np.minimum(recurrence, fate.end)
    kept = readings.attended & (readings.day <= last[:, None])
    patient, column = np.nonzero(kept)
    adequate = readings.adequate[patient, column]
    positive = adequate & (readings.code[patient, column] == RECURRENCE)
    petct = readings.modality[patient, column] == "petct"
    spread = disease.spread[patient]
    size = readings.size_mm[patient, column]
    count = 1 + np.floor(streams.uniform("recurrence.lesions", readings.day.shape) * 4)[patient, column]
    table = pd.DataFrame(
        {
            "patient_id": patients["patient_id"].to_numpy()[patient],
            "scan_on": patients["surgery_on"].to_numpy()[patient]
            + readings.day[patient, column].astype("timedelta64[D]"),
            "modality": readings.modality[patient, column],
            "adequate": np.where(adequate, "yes", "no"),
            "finding": only(adequate, FINDINGS[readings.code[patient, column]]),
            "scheduled_month": readings.month[patient, column],
            "site": only(positive, np.where(petct, spread, "liver")),
            "largest_lesion_mm": np.where(positive, size, np.nan),
            "sum_diameters_mm": np.where(positive, np.rint(size * (1 + 0.6 * (count - 1))), np.nan),
        }
    )
    table = table.drop_duplicates(["patient_id", "scan_on", "modality"])
    return table.sort_values(["patient_id", "scan_on", "modality"], kind="stable", ignore_index=True), recurrence
