"""Landmark tables and outcomes with a known truth, small enough to read, built without any delivery."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from data.protocol import Protocol, load_protocol
from features.landmark import LandmarkTable, frame_digest
from features.outcomes import Outcome
from features.registry import FEATURES
from models.training import Plan, train_endpoint

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("NETEST_REALDATA", ROOT.parent / "shared" / "realdata"))
REFERENCE = REAL.parent / "reference"
SURGERY = pd.Timestamp("2020-01-01")
VISITS = (3, 6, 9, 12, 18, 24, 30, 36)


@dataclass(frozen=True)
class World:
    """A made-up cohort: tables by landmark, outcome, day of surgery, and each patient's true hazard ratio."""

    tables: dict[float, LandmarkTable]
    outcome: Outcome
    surgery: pd.Series
    log_hazard: pd.Series


def _outcome(ids: pd.Index, arm: np.ndarray, time: np.ndarray, death: np.ndarray, left: np.ndarray) -> Outcome:
    """Everybody is scanned at every visit until recurrence, death or leaving."""
    grid = np.asarray(VISITS, dtype=float)
    end = np.minimum(death, left)
    records = []
    for i, patient in enumerate(ids):
        for visit in grid[grid <= end[i]]:
            positive = visit >= time[i]
            records.append((patient, visit, visit, True, "recurrence" if positive else "clear", "mri"))
            if positive:
                break
    scans = pd.DataFrame(records, columns=["patient_id", "month", "visit", "scheduled", "state", "modality"])
    positive = scans["state"] == "recurrence"
    first = scans[positive].groupby("patient_id")["month"].min().reindex(ids)
    clear = scans[~positive].groupby("patient_id")["month"].max().reindex(ids)
    last = scans.groupby("patient_id")["month"].max().reindex(ids)
    died = pd.Series(np.where(death < left, death, np.nan), index=ids)
    patients = pd.DataFrame(
        {
            "arm": arm,
            "entry": 1.5,
            "death": died,
            "last_seen": np.minimum(end, 60.0),
            "last_clear": clear,
            "first_positive": first,
            "last_adequate": last,
            "last_clear_visit": clear,
            "first_positive_visit": first,
            "last_adequate_visit": last,
        },
        index=ids,
    )
    return Outcome(patients, scans)


def make_world(n: int = 150, seed: int = 0, effect: float = 1.0, lost: float = 0.004, dying: float = 0.001) -> World:
    """Recurrence with hazard 0.03 exp(effect z + ...) per month after month 3; the score shows z with noise."""
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"P{i:04d}" for i in range(n)], name="patient_id")
    arm = np.where(rng.random(n) < 0.5, "prrt", "control").astype(object)
    z, equivocal, ki67 = rng.normal(size=n), rng.poisson(0.4, n), rng.normal(1.5, 0.7, n)
    log_hazard = effect * z - 0.5 * (arm == "prrt") + 0.3 * effect * equivocal
    time = 3 + rng.exponential(1 / (0.025 * np.exp(log_hazard)))
    death, left = rng.exponential(1 / dying, n), np.minimum(rng.exponential(1 / lost, n), 60.0)
    outcome = _outcome(ids, arm, time, death, left)
    tables = {}
    for landmark in (6.0, 12.0):
        known = outcome.patients
        rows = ids[
            (known["last_seen"] >= landmark + 1)
            & ~(known["death"] <= landmark + 1)
            & ~(known["first_positive"] <= landmark + 1)
        ]
        at = ids.get_indexer(rows)
        score = 101 * expit(z[at] + 0.3 * rng.normal(size=len(at))) - 0.5
        score = np.clip(np.where(rng.random(len(at)) < 0.05, np.nan, score), 0, 100)
        frame = pd.DataFrame(
            {
                "arm": arm[at],
                "sex": rng.choice(["F", "M"], len(at)),
                "age": rng.normal(60, 9, len(at)),
                "primary_site": rng.choice(["ileum", "pancreas"], len(at)),
                "grade": rng.choice(["G1", "G2"], len(at)),
                "ln_ki67": np.where(rng.random(len(at)) < 0.1, np.nan, ki67[at]),
                "netest_last": score,
                "netest_logit": logit((score + 0.5) / 101),
                "netest_mean": score,
                "netest_max": score,
                "equivocal_scans": equivocal[at].astype(float),
                "has_landmark_blood": ~np.isnan(score),
                "missing_netest": np.where(np.isnan(score), "not_collected", ""),
                "cga_above_limit": np.random.default_rng((seed, int(landmark))).choice([0.0, 1.0, np.nan], len(at)),
            },
            index=rows,
        )
        stamp = pd.Timedelta(days=round(landmark * 30.4375))
        groups = dict.fromkeys(FEATURES[column].stamp for column in frame)
        latest = pd.DataFrame({group: SURGERY + stamp for group in groups}, index=rows)
        tables[landmark] = LandmarkTable(frame, latest, landmark, frame_digest(frame, landmark), "1.0")
    return World(tables, outcome, pd.Series(SURGERY, index=ids), pd.Series(log_hazard, index=ids))


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load_protocol()


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def make() -> object:
    return make_world


@pytest.fixture(scope="session")
def realdata() -> Path:
    if not REAL.exists():
        pytest.skip(f"real files are not at {REAL}; set NETEST_REALDATA")
    return REAL


@pytest.fixture(scope="session")
def reference() -> Path:
    if not REFERENCE.exists():
        pytest.skip(f"R answers are not at {REFERENCE}")
    return REFERENCE


@pytest.fixture(scope="session")
def quick() -> Plan:
    return Plan(folds=5, repeats=2, resamples=14, draws=12, seed=11)


@pytest.fixture(scope="session")
def trained(world, protocol, quick):
    """A complete training of MRD36@6 and what its progress callback was told."""
    seen = []
    result = train_endpoint(
        world.tables,
        world.outcome,
        protocol.endpoint("MRD36@6"),
        protocol,
        origin=world.surgery,
        plan=quick,
        progress=lambda done, total, what: seen.append((what, done, total)),
    )
    return result, seen
