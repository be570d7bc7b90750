"""Which tubes exist: blood and urine at the visits of the calendar, as long as the patient is sampled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.simulate.disease import Disease
from data.simulate.scans import WINDOW_DAYS
from data.simulate.streams import Floats, Streams, days, logistic
from data.simulate.worlds import World

UNWELL_MONTHS = 4.0
SAMPLE_SD_DAYS = 6.0
SAME_DAY_URINE = 0.85
SPECIMENS = ("blood", "urine")


def draw_samples(
    streams: Streams,
    world: World,
    protocol: Protocol,
    patients: pd.DataFrame,
    disease: Disease,
    offsets: Floats,
    last_day: Floats,
    ssa_start: Floats,
) -> pd.DataFrame:
    """Samples that were drawn, with ``patient`` and ``visit_index`` (positions) and ``day`` from surgery.

    Post-operative samples need ``day`` before ``last_day`` (first positive scan, death or loss). Patients
    about to have evident disease miss more samples. Labels run in the order of collection and say nothing
    about the patient.
    """
    visits = protocol["calendar.sample_month"]
    months = np.array(list(visits.values()), dtype=float)
    n, k = len(patients), len(months)
    day = _collection_days(streams, protocol, offsets, months)
    missing = _missing(streams, world, disease, day / protocol.month_days)
    postoperative = np.broadcast_to((months > 0)[None, :, None], (n, k, 2))
    kept = ~missing & (~postoperative | (day < last_day[:, None, None]))
    patient, visit, specimen = np.nonzero(kept)
    day_kept = day[patient, visit, specimen].astype(np.int64)
    received = day_kept + streams.whole("received", 0, 3, (n, k, 2))[kept]
    frozen = received + streams.chance("frozen.late", 0.15, (n, k, 2))[kept]
    surgery = patients["surgery_on"].to_numpy()[patient]
    frame = pd.DataFrame(
        {
            "patient_id": patients["patient_id"].to_numpy()[patient],
            "specimen": np.array(SPECIMENS)[specimen],
            "visit": np.array(list(visits))[visit],
            "collected_on": surgery + day_kept.astype("timedelta64[D]"),
            "received_on": surgery + received.astype("timedelta64[D]"),
            "frozen_on": surgery + frozen.astype("timedelta64[D]"),
            "ssa": np.where(ssa_start[patient] <= day_kept, "yes", "no"),
            "patient": patient,
            "visit_index": visit,
            "day": day_kept,
        }
    )
    frame = frame.sort_values(["collected_on", "patient_id", "specimen"], kind="stable", ignore_index=True)
    width = max(6, len(str(len(frame))))
    frame.insert(0, "sample_id", [f"S{i:0{width}d}" for i in range(1, len(frame) + 1)])
    return frame


def _collection_days(streams: Streams, protocol: Protocol, offsets: Floats, months: Floats) -> Floats:
    """Days of collection from surgery, n x visits x specimen: -28..0 at baseline, else in the window."""
    n = len(offsets)
    grid = list(protocol.visit_grid)
    visit = offsets[:, [grid.index(m) for m in months]]
    blood = visit + streams.normal("sample.offset", visit.shape, SAMPLE_SD_DAYS)
    other = np.where(
        streams.chance("urine.same", SAME_DAY_URINE, visit.shape),
        0,
        streams.whole("urine.day", 1, 4, visit.shape),
    )
    offset = np.clip(np.rint(np.stack([blood, blood + other], axis=2)), -WINDOW_DAYS, WINDOW_DAYS)
    nominal = days(months, protocol.month_days)[None, :, None]
    before = -streams.whole("baseline.day", 0, WINDOW_DAYS, n).astype(float)
    baseline = np.minimum(np.stack([before, before + other[:, 0]], axis=1), 0.0)[:, None, :]
    return np.where((months > 0)[None, :, None], nominal + offset, baseline)


def _missing(streams: Streams, world: World, disease: Disease, month: Floats) -> np.ndarray:
    n, k, _ = month.shape
    return streams.chance("sample.missing", missing_probability(world, disease, month), (n, k, 2))


def missing_probability(world: World, disease: Disease, month: Floats) -> Floats:
    """Probability that blood and urine (last axis) due at these months are missing (n x visits x 2)."""
    rate = np.array([world.missing_blood, world.missing_urine])
    odds = np.log(rate / (1 - rate)) if rate.min() > 0 else np.full(2, -np.inf)
    remaining = disease.remaining(month.reshape(len(month), -1)).reshape(month.shape)
    unwell = (month > 0) & (remaining < UNWELL_MONTHS)
    return logistic(odds + world.missing_unwell * unwell)
