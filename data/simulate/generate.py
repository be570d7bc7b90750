"""A whole simulated trial in memory: stages in order, delivered tables, and the truth behind them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from data.contracts import TABLES
from data.protocol import Protocol, load_protocol
from data.simulate.adverse import adverse_events
from data.simulate.assays import laboratory_results, true_activity
from data.simulate.cohort import draw_cycles, draw_patients, draw_ssa_start
from data.simulate.disease import Fate, draw_disease, draw_fate
from data.simulate.lock import locked
from data.simulate.scans import draw_readings, imaging_table, visit_offsets
from data.simulate.screening import screening_values
from data.simulate.specimens import draw_samples
from data.simulate.streams import Floats, Streams, only
from data.simulate.truth import truth_table
from data.simulate.worlds import World, choose_world
from data.trial import Trial

PRRT_ACTIVITY_GBQ = 7.4
AFTER_RECURRENCE = {
    "ssa": 0.30,
    "embolisation": 0.25,
    "targeted": 0.15,
    "chemotherapy": 0.15,
    "ablation": 0.15,
}
STUDY = "EXAMPLE"


@dataclass(frozen=True)
class Simulated:
    """A simulated trial before it is written.

    Parameters
    ----------
    frames : dict of str to DataFrame
        Delivered tables with the columns of the delivery contract, dates as ``datetime64``.
    truth : DataFrame
        One row per patient; see :func:`data.simulate.truth.truth_table`.
    samples : DataFrame
        Samples with the positions that later stages need (``patient``, ``visit_index``, ``day``).
    activity : ndarray
        True activity of each sample on the log-odds scale of the score.
    plate_shift : ndarray
        What each score plate (PL0001 first) adds to the log odds of its samples.
    lock_on : numpy.datetime64, optional
        Day of the data lock.
    """

    frames: dict[str, pd.DataFrame]
    truth: pd.DataFrame
    samples: pd.DataFrame
    activity: Floats
    plate_shift: Floats
    world: World
    streams: Streams
    lock_on: np.datetime64 | None = None

    def trial(self) -> Trial:
        """The delivered tables as a :class:`data.trial.Trial` (no qPCR wells)."""
        return Trial.from_frames(**self.frames, simulated=True, study=STUDY)


def generate(
    n: int = 106,
    seed: int = 20261121,
    world: str = "protocol",
    protocol: Protocol | None = None,
    **knobs: Any,
) -> Simulated:
    """Simulate a trial in memory, without qPCR wells.

    Parameters
    ----------
    n : int
        Patients, at least 1.
    seed : int
        Seed, at least 0; the same seed, world and knobs give the same trial.
    world : {"protocol", "contemporary", "developer", "independent", "null"}
    protocol : Protocol, optional
        Calendar and endpoints; the packaged protocol when absent.
    **knobs
        Single beliefs of the world to change (fields of :class:`data.simulate.worlds.World`).

    Raises
    ------
    ValueError
        When n, seed, world or a knob is not usable.
    """
    if n < 1 or seed < 0:
        raise ValueError(f"n must be at least 1 and seed at least 0, got n={n}, seed={seed}")
    rules, believed, streams = protocol or _packaged(), choose_world(world, **knobs), Streams(seed)
    month_days = rules.month_days
    patients = draw_patients(streams, n, believed.enrolment_months * month_days)
    cycles = draw_cycles(streams, believed, patients)
    ssa_start = draw_ssa_start(streams, patients)
    disease = draw_disease(streams, believed, patients, cycles, month_days)
    fate = draw_fate(streams, believed, patients, disease, month_days, rules.visit_grid[-1])
    offsets = visit_offsets(streams, believed, n, len(rules.visit_grid))
    treated = patients["arm"].eq("prrt").to_numpy()
    readings = draw_readings(streams, believed, rules, disease, offsets, treated)
    imaging, recurrence = imaging_table(streams, readings, disease, fate, patients)
    last = np.minimum(recurrence, fate.end)
    samples = draw_samples(streams, believed, rules, patients, disease, offsets, last, ssa_start)
    activity = true_activity(streams, believed, patients, samples, disease, month_days)
    results, controls, shift = laboratory_results(streams, believed, patients, samples, disease, activity, month_days)
    frames = {
        "patients": patients.join(screening_values(streams, patients)),
        "samples": samples,
        "results": results,
        "controls": controls,
        "imaging": imaging,
        "treatments": treatment_table(streams, patients, cycles, ssa_start, recurrence, fate),
        "followup": followup_table(patients, fate),
        "adverse_events": adverse_events(streams, patients, *_observed(patients, cycles, fate)),
    }
    truth = truth_table(believed, rules, patients, disease, fate, readings, recurrence)
    made = Simulated(
        frames={name: _contract_columns(name, frame) for name, frame in frames.items()},
        truth=truth,
        samples=samples,
        activity=activity,
        plate_shift=shift,
        world=believed,
        streams=streams,
    )
    return made if np.isinf(believed.lock_months) else locked(made, fate.lock)


@cache
def _packaged() -> Protocol:
    """The packaged protocol, read once: a campaign simulates thousands of small trials."""
    return load_protocol()


def _contract_columns(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The delivered columns only, in the order of the contract; those never filled are left out."""
    return frame[[column for column in TABLES[name].columns if column in frame]]


def _observed(patients: pd.DataFrame, cycles: Floats, fate: Fate) -> tuple[np.ndarray, Floats, Floats, Floats]:
    """Day of surgery, and counted from it: randomisation, PRRT cycles, end of observation."""
    return patients["surgery_on"].to_numpy(), patients["randomised_day"].to_numpy(float), cycles, fate.end


def followup_table(patients: pd.DataFrame, fate: Fate) -> pd.DataFrame:
    """``followup.csv``: last contact, vital status, death and its cause when the study knows of it."""
    last = patients["surgery_on"].to_numpy() + fate.end.astype("timedelta64[D]")
    cause = np.where(fate.by_tumour, "neuroendocrine tumour", "other")
    return pd.DataFrame(
        {
            "patient_id": patients["patient_id"],
            "last_seen_on": last,
            "status": np.where(fate.dead, "dead", "alive"),
            "died_on": np.where(fate.dead, last, np.datetime64("NaT")),
            "death_cause": only(fate.dead, cause),
        }
    )


def treatment_table(
    streams: Streams,
    patients: pd.DataFrame,
    cycles: Floats,
    ssa_start: Floats,
    recurrence: Floats,
    fate: Fate,
) -> pd.DataFrame:
    """``treatments.csv``: PRRT cycles, somatostatin analogues, and what was given after recurrence."""
    n = len(patients)
    after_kind = streams.pick("treatment.after", AFTER_RECURRENCE, n)
    after_day = recurrence + streams.whole("treatment.after.day", 14, 90, n)
    second = np.where(cycles[:, 1] <= recurrence, cycles[:, 1], np.inf)
    day = np.column_stack([cycles[:, 0], second, ssa_start, after_day])
    kind = np.column_stack([np.full((n, 2), "prrt"), np.full(n, "ssa"), after_kind])
    given = day <= fate.end[:, None]
    patient, column = np.nonzero(given)
    is_prrt = column < 2
    table = pd.DataFrame(
        {
            "patient_id": patients["patient_id"].to_numpy()[patient],
            "kind": kind[given],
            "started_on": patients["surgery_on"].to_numpy()[patient] + day[given].astype("timedelta64[D]"),
            "ended_on": pd.NaT,
            "cycle": np.where(is_prrt, column + 1.0, np.nan),
            "activity_gbq": np.where(is_prrt, PRRT_ACTIVITY_GBQ, np.nan),
        }
    ).astype({"ended_on": "datetime64[s]"})
    table = table.drop_duplicates(["patient_id", "kind", "started_on"])
    return table.sort_values(["patient_id", "started_on", "kind"], kind="stable", ignore_index=True)
