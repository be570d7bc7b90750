"""A cohort with advanced disease and known truth: two arms, lesions followed by RECIST, no surgery, no samples."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.contracts import TABLES
from data.protocol import Protocol, load_protocol
from data.simulate.adverse import adverse_events
from data.simulate.cohort import allocate_arms, yes_no
from data.simulate.delivery import (
    TRUTH_DECIMALS,
    SimulationSummary,
    checked_aside,
    csv_text,
    write_aside,
    write_delivery,
)
from data.simulate.progression import (
    Course,
    Scans,
    draw_course,
    draw_scans,
    draw_targets,
    imaging_of_scans,
    lesion_table,
    progression_shown_by,
)
from data.simulate.screening import laboratory_values
from data.simulate.streams import Floats, Streams, only
from data.trial import Trial

WORLD_FILE = Path(__file__).with_name("advanced.toml")
STUDY = "EXAMPLE ADVANCED"
NOTE = "Simulated by netest simulate: no patient behind any record. See data/simulate/advanced.toml."
DEFAULT_N = 229
DEFAULT_SEED = 20261121
FIRST_DAY = np.datetime64("2016-03-01")
ENROLMENT_DAYS = 900
ACTIVITY_GBQ = 7.4
CYCLES = 4
GRADE_2_FROM = 3.0


@dataclass(frozen=True)
class AdvancedTrial:
    """A simulated advanced-disease trial before it is written: delivered tables and the truth behind them."""

    frames: dict[str, pd.DataFrame]
    truth: pd.DataFrame

    def trial(self) -> Trial:
        """The delivered tables as a :class:`data.trial.Trial`."""
        return Trial.from_frames(**self.frames, simulated=True, study=STUDY)


@cache
def believed() -> dict[str, Any]:
    """Beliefs of ``advanced.toml``."""
    return tomllib.loads(WORLD_FILE.read_text(encoding="utf-8"))


def generate_advanced(n: int = DEFAULT_N, seed: int = DEFAULT_SEED, protocol: Protocol | None = None) -> AdvancedTrial:
    """Simulate the cohort in memory.

    Parameters
    ----------
    n : int
        Patients, at least 1.
    seed : int
        Seed, at least 0; the same seed gives the same cohort.
    protocol : Protocol, optional
        Calendar of the assessments; the packaged protocol ``advanced`` when absent.

    Raises
    ------
    ValueError
        When n or seed is not usable.
    """
    if n < 1 or seed < 0:
        raise ValueError(f"n must be at least 1 and seed at least 0, got n={n}, seed={seed}")
    rules, world, streams = protocol or load_protocol("advanced"), believed(), Streams(seed)
    patients = _patients(streams, world, n)
    course = draw_course(streams, world, patients["arm"].to_numpy())
    targets, non_target = draw_targets(streams, n)
    visits = np.array([float(month) for month in rules["calendar.mri_month"]])
    scans = draw_scans(streams, world, course, visits, rules.month_days, np.nansum(targets, axis=1))
    lesions = lesion_table(streams, world, patients, scans, targets, non_target)
    imaging = imaging_of_scans(streams, world, patients, scans, lesions)
    end = np.floor(course.end * rules.month_days)
    cycles = _cycles(streams, world, patients, np.minimum(end, course.progression * rules.month_days))
    origin = patients["randomised_on"].to_numpy()
    frames = {
        "patients": patients,
        "imaging": imaging,
        "lesions": lesions,
        "treatments": _treatments(streams, world, patients, scans, cycles, end),
        "followup": _followup(patients, course, end),
        "adverse_events": adverse_events(streams, patients, origin, np.zeros(n), cycles, end),
    }
    shown = progression_shown_by(streams, world, non_target)
    frames = {name: frame[[c for c in TABLES[name].columns if c in frame]] for name, frame in frames.items()}
    return AdvancedTrial(frames, _truth(world, patients, course, shown))


def simulate_advanced(
    out: Path,
    *,
    n: int = DEFAULT_N,
    seed: int = DEFAULT_SEED,
    truth: Path | None = None,
    protocol: Protocol | None = None,
) -> SimulationSummary:
    """Write the cohort as a delivery; its truth lies beside it (``<out>_truth.csv``), never inside.

    Raises
    ------
    Refused
        When ``out`` holds something that is not a simulated delivery.
    ValueError
        When n or seed is not usable, or ``truth`` lies inside ``out``.
    """
    out = Path(out)
    aside = checked_aside(out, truth)
    made = generate_advanced(n, seed, protocol)
    files = {f"{name}.csv": csv_text(frame) for name, frame in made.frames.items()}
    made_with = f"n={n} seed={seed} cohort=advanced"
    files["delivery.toml"] = f'study = "{STUDY}"\nsimulated = true\nnote = "{NOTE}"\nmade_with = "{made_with}"\n'
    sha256 = write_delivery(out, files)
    write_aside(aside, csv_text(made.truth, TRUTH_DECIMALS))
    counts = {name: len(frame) for name, frame in made.frames.items()}
    counts |= {
        "progressions": int(made.frames["imaging"]["finding"].eq("recurrence").sum()),
        "deaths": int(made.frames["followup"]["status"].eq("dead").sum()),
    }
    return SimulationSummary(out, aside, n, seed, "advanced", counts, sha256)


def _patients(streams: Streams, world: dict[str, Any], n: int) -> pd.DataFrame:
    chance = np.sort(streams.uniform("advanced.enrolment", n))
    randomised = FIRST_DAY + np.floor(chance * ENROLMENT_DAYS).astype("timedelta64[D]")
    age = np.clip(63 + streams.normal("advanced.age", n, 9), 28, 84)
    ki67 = np.exp(0.8 + streams.normal("advanced.ki67", n, 0.75)).clip(0.5, 20).round(1)
    largest = np.rint(np.exp(3.7 + streams.normal("advanced.largest", n, 0.4))).clip(12, 160)
    frame = pd.DataFrame(
        {
            "patient_id": [f"AD{i:0{max(3, len(str(n)))}d}" for i in range(1, n + 1)],
            "site": streams.pick("advanced.site", world["sites"], n),
            "sex": np.where(streams.chance("advanced.sex", 0.46, n), "F", "M"),
            "birth_year": randomised.astype("datetime64[Y]").astype(int) + 1970 - np.floor(age),
            "randomised_on": randomised,
            "arm": allocate_arms(streams, n),
            "primary_site": streams.pick("advanced.primary", world["primaries"], n),
            "grade": np.where(ki67 < GRADE_2_FROM, "G1", "G2"),
            "ki67_pct": ki67,
            "n_liver_metastases": np.minimum(3 + np.floor(np.exp(1.5 + streams.normal("advanced.number", n, 0.8))), 60),
            "largest_metastasis_mm": largest,
            "functional": yes_no(streams.chance("advanced.functional", 0.5, n)),
            "ecog": np.where(streams.chance("advanced.ecog", 0.3, n), "1", "0"),
            "egfr": np.rint(80 - 0.5 * (age - 63) + streams.normal("advanced.egfr", n, 14)).clip(46, 125),
            "krenning": streams.pick("advanced.krenning", {"2": 0.10, "3": 0.30, "4": 0.60}, n),
            "consent_on": randomised - streams.whole("advanced.consent", 7, 28, n).astype("timedelta64[D]"),
            "primary_resected": yes_no(streams.chance("advanced.resected", 0.75, n)),
            "extrahepatic_disease": np.where(streams.chance("advanced.outside", 0.8, n), "other", "none"),
        }
    )
    return frame.join(laboratory_values(streams, frame))


def _cycles(streams: Streams, world: dict[str, Any], patients: pd.DataFrame, stop: Floats) -> Floats:
    """Days of the cycles from randomisation, n x 4: eight weeks apart, none after progression or the end."""
    n = len(patients)
    first = streams.whole("advanced.cycle1", 5, 21, n)[:, None]
    gaps = 56 + np.clip(np.rint(streams.normal("advanced.gap", (n, CYCLES - 1), 4)), -7, 14)
    day = first + np.hstack([np.zeros((n, 1)), gaps.cumsum(axis=1)])
    fewer = streams.whole("advanced.fewer", 1, CYCLES - 1, n)
    planned = np.where(streams.chance("advanced.fourth", world["fourth_cycle"], n), CYCLES, fewer)
    given = (np.arange(CYCLES) < planned[:, None]) & (day <= stop[:, None])
    return np.where(given & patients["arm"].eq("prrt").to_numpy()[:, None], day, np.inf)


def _treatments(
    streams: Streams, world: dict[str, Any], patients: pd.DataFrame, scans: Scans, cycles: Floats, end: Floats
) -> pd.DataFrame:
    """``treatments.csv``: earlier lines, PRRT cycles, somatostatin analogue of the control arm, next lines."""
    n = len(patients)
    before = -streams.whole("advanced.earlier.day", 60, 1500, (n, len(world["earlier"]))).astype(float)
    had = streams.uniform("advanced.earlier", before.shape) < np.array(list(world["earlier"].values()))
    analogue = np.where(patients["arm"].eq("control"), 1.0, np.inf)
    progressed = np.where(scans.progressed, scans.day, np.inf).min(axis=1)
    wait = streams.whole("advanced.next.day", 14, 80, n)
    treated = streams.chance("advanced.next.given", world["therapy_after_progression"], n)
    early = streams.chance("advanced.next.early", world["therapy_before_progression"], n)
    sudden = streams.whole("advanced.next.early.day", 100, 500, n)
    following = np.where(early & (sudden < progressed), sudden, np.where(treated, progressed + wait, np.inf))
    kinds = [*world["earlier"], *["prrt"] * CYCLES, "ssa"]
    kind = np.column_stack([np.broadcast_to(kinds, (n, len(kinds))), streams.pick("advanced.next", world["next"], n)])
    day = np.column_stack([np.where(had, before, np.inf), cycles, analogue, following])
    patient, column = np.nonzero(day <= end[:, None])
    name, on = kind[patient, column], day[patient, column].astype("timedelta64[D]")
    own = name == "prrt"
    table = pd.DataFrame(
        {
            "patient_id": patients["patient_id"].to_numpy()[patient],
            "kind": name,
            "started_on": patients["randomised_on"].to_numpy()[patient] + on,
            "cycle": np.where(own, column - len(world["earlier"]) + 1.0, np.nan),
            "activity_gbq": np.where(own, ACTIVITY_GBQ, np.nan),
        }
    ).drop_duplicates(["patient_id", "kind", "started_on"])
    return table.sort_values(["patient_id", "started_on", "kind"], kind="stable", ignore_index=True)


def _followup(patients: pd.DataFrame, course: Course, end: Floats) -> pd.DataFrame:
    last = patients["randomised_on"].to_numpy() + end.astype("timedelta64[D]")
    dead = course.death <= np.minimum(course.dropout, course.close)
    cause = np.where(course.death > course.progression, "neuroendocrine tumour", "other")
    return pd.DataFrame(
        {
            "patient_id": patients["patient_id"],
            "last_seen_on": last,
            "status": np.where(dead, "dead", "alive"),
            "died_on": np.where(dead, last, np.datetime64("NaT")),
            "death_cause": only(dead, cause),
        }
    )


def _truth(world: dict[str, Any], patients: pd.DataFrame, course: Course, shown: np.ndarray) -> pd.DataFrame:
    """One row per patient: true hazards per month, latent months, and whether the disease responds."""
    return pd.DataFrame(
        {
            "patient_id": patients["patient_id"],
            "arm": patients["arm"],
            "progression_hazard": course.hazard,
            "death_hazard": world["death_without_progression"],
            "progression_month": course.progression,
            "death_month": course.death,
            "dropout_month": course.dropout,
            "close_month": course.close,
            "responder": yes_no(course.responder),
            "response_visit": np.where(course.responder, course.response, np.nan),
            "progression_by": shown,
        }
    )
