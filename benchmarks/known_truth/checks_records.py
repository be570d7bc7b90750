"""Acceptance checks of records: gold labels and weights, time travel, leaks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import ROOT
from benchmarks.known_truth.check import Check, mean_check
from benchmarks.known_truth.cohorts import PROTOCOL, Made, fit, make, replicate
from benchmarks.known_truth.plates import refused
from data.trial import Trial
from features.clock import surgery_dates
from features.landmark import LandmarkTable, LeakageError, landmark_table
from features.outcomes import build_outcome, label
from features.truncate import truncate
from models.censoring import VisitCensoring
from models.estimators.encoding import encode
from models.estimators.specification import DEFAULT_MODELS
from models.validation.cohort import build_cohort

GOLD = ROOT / "tests/features/fixtures/labels"
SMALL, CLEAN, PLATED = 160, 20, 100


def gold_labels(folder: Path, jobs: int) -> list[Check]:
    """1. Labels and weights of an independent program."""
    frames = {file.stem: pd.read_csv(file) for file in (GOLD / "delivery").glob("*.csv")}
    outcome = build_outcome(Trial.from_frames(**frames), PROTOCOL)
    gold = pd.read_csv(GOLD / "gold_labels.csv", keep_default_na=False, na_values=[""], dtype={"status": str})
    wrong, off, cells = 0, 0.0, 0
    for name, rows in gold.groupby("endpoint"):
        endpoint, rows = PROTOCOL.endpoint(name), rows.set_index("patient_id")
        own = label(outcome, endpoint, PROTOCOL).reindex(rows.index)
        same = (
            (own["at_risk"].astype(int) == rows["at_risk"])
            & (own["status"] == rows["status"].fillna(""))
            & ((own["y"] == rows["y"]) | (own["y"].isna() & rows["y"].isna()))
        )
        wrong, cells = wrong + int((~same).sum()), cells + len(rows)
        at_risk = own[own["at_risk"]]
        weight = VisitCensoring.for_endpoint(endpoint, PROTOCOL).fit(at_risk).weights(at_risk)
        known = rows.loc[at_risk.index, "ipcw"].fillna(0.0)
        off = max(off, float((weight - known).abs().max()))
    return [
        Check("1", f"wrong labels among {cells} patients x endpoints", wrong, np.nan, "0", wrong == 0, 0),
        Check("1", "largest difference of a weight", off, np.nan, "at most 1e-6", off <= 1e-6, 9),
    ]


def time_travel(folder: Path, jobs: int) -> list[Check]:
    """2. Predictions from the whole trial and from the trial truncated at L(s)."""
    made, worst = make(SMALL, 41), 0.0
    for name, endpoint in PROTOCOL.endpoints.items():
        if not endpoint.promote:
            continue
        cohort = made.cohort(name)
        past = landmark_table(truncate(made.trial, PROTOCOL, endpoint.landmark), PROTOCOL, endpoint.landmark)
        for model in fit(cohort, DEFAULT_MODELS).values():
            if model is None:
                continue
            full = encode(made.table(endpoint.landmark).rows, endpoint.landmark)
            one, two = (model.predict_proba(rows)[:, 1] for rows in (full, encode(past.rows, endpoint.landmark)))
            worst = max(worst, float(np.abs(one - two).max()))
    return [
        Check(
            "2",
            "largest change of a prediction when the future is cut off",
            worst,
            np.nan,
            "at most 1e-9",
            worst <= 1e-9,
            12,
        )
    ]


def _clean(seed: int) -> int:
    """Endpoints of a clean cohort that are refused."""
    made, refused = make(106, seed), 0
    for name in PROTOCOL.endpoints:
        try:
            made.cohort(name)
        except LeakageError:
            refused += 1
    return refused


def leaks(folder: Path, jobs: int) -> list[Check]:
    """3. Injected leaks refused by name, and clean cohorts not refused."""
    # The injections live with their test.
    from tests.models.test_honesty import INJECTIONS

    made = make(SMALL, 41)
    tables = {landmark: made.table(landmark) for landmark in (6.0, 12.0)}
    refused = sum(
        _is_refused(tables | {6.0: spoil(tables[6.0], made.trial)}, made, INJECTIONS[spoil]) for spoil in INJECTIONS
    )
    clean = sum(replicate(_clean, CLEAN, 900, jobs, "clean cohorts"))
    flagged, suspected = (
        np.array(list(replicate(one, PLATED, 1000, jobs, "plates")))
        for one in (_plates_by_outcome, _plates_as_received)
    )
    words = f"false refusals in {CLEAN} clean cohorts x {len(PROTOCOL.endpoints)} endpoints"
    return [
        Check(
            "3",
            f"leaks refused by name, of {len(INJECTIONS)} injected",
            refused,
            np.nan,
            "all",
            refused == len(INJECTIONS),
            0,
        ),
        Check("3", words, clean, np.nan, "0", clean == 0, 0),
        mean_check(
            "3", "share of cohorts with plates filled by outcome that are refused", flagged, "at least .95", 0.95, 1.0
        ),
        mean_check(
            "3", "share of cohorts with plates as received that are refused", suspected, "at most .05", 0.0, 0.05
        ),
    ]


def _plates_by_outcome(seed: int) -> bool:
    return refused(seed, 106, "outcome", PROTOCOL)


def _plates_as_received(seed: int) -> bool:
    return refused(seed, 106, "received", PROTOCOL)


def _is_refused(tables: dict[float, LandmarkTable], made: Made, pattern: str) -> bool:
    endpoint = PROTOCOL.endpoint("MRD36@6")
    try:
        build_cohort(tables, made.outcome, endpoint, PROTOCOL, surgery_dates(made.trial.patients))
    except LeakageError as error:
        return re.search(pattern, str(error)) is not None
    return False
