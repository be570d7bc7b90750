"""Small trials by hand, and the gold delivery."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from data.protocol import Protocol, load_protocol
from data.trial import Trial

GOLD = Path(__file__).with_name("fixtures") / "labels"
SURGERY = pd.Timestamp("2020-01-01")


def on(month: float, day: int = 0) -> pd.Timestamp:
    """The calendar day at a nominal month after surgery (rounded), plus some days."""
    return SURGERY + pd.Timedelta(days=round(month * 30.4375) + day)


def patient(patient_id: str = "P1", **facts: object) -> dict:
    """A patient row: randomised at 45 days."""
    return {
        "patient_id": patient_id,
        "site": "C1",
        "sex": "F",
        "birth_year": 1960,
        "surgery_on": SURGERY,
        "randomised_on": on(0, 45),
        "arm": "control",
        "primary_site": "ileum",
        "grade": "G2",
        "margin": "R0",
    } | facts


def follow(patient_id: str = "P1", last: float = 60.0, **facts: object) -> dict:
    return {"patient_id": patient_id, "last_seen_on": on(last), "status": "alive"} | facts


def scan(month: float, finding: str | None = "clear", patient_id: str = "P1", day: int = 0, **facts: object) -> dict:
    """An adequate scheduled MRI at a nominal month."""
    return {
        "patient_id": patient_id,
        "scan_on": on(month, day),
        "modality": "mri",
        "adequate": "yes",
        "finding": finding,
        "scheduled_month": month,
    } | facts


def sample(sample_id: str, month: float, patient_id: str = "P1", day: int = 0, **facts: object) -> dict:
    """A blood sample."""
    return {
        "sample_id": sample_id,
        "patient_id": patient_id,
        "specimen": "blood",
        "visit": "unscheduled",
        "collected_on": on(month, day),
    } | facts


def result(sample_id: str, value: float, analyte: str = "netest_activity", **facts: object) -> dict:
    """A result in the canonical unit."""
    units = {"netest_activity": "score", "cga": "ng/mL", "5hiaa": "umol/L", "creatinine": "mmol/L"}
    versions = {"netest_activity": "1.0", "cga": "kit-a", "5hiaa": "spot", "creatinine": "spot"}
    return {
        "sample_id": sample_id,
        "analyte": analyte,
        "value": value,
        "unit": units.get(analyte, "score"),
        "comparator": "=",
        "version": versions.get(analyte, "urine-x"),
        "qc": None,
    } | facts


def trial_of(**rows: list[dict]) -> Trial:
    """A trial from rows; one ordinary patient and follow-up unless given."""
    rows = {"patients": [patient()], "followup": [follow()]} | rows
    return Trial.from_frames(**{name: pd.DataFrame(values) for name, values in rows.items()})


class Rows:
    """The row builders as one fixture."""

    on = staticmethod(on)
    patient = staticmethod(patient)
    follow = staticmethod(follow)
    scan = staticmethod(scan)
    sample = staticmethod(sample)
    result = staticmethod(result)
    trial = staticmethod(trial_of)


@pytest.fixture(scope="session")
def rows() -> type[Rows]:
    return Rows


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load_protocol()


@pytest.fixture(scope="session")
def gold_trial() -> Trial:
    return Trial.from_frames(
        **{
            path.stem: pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
            for path in sorted((GOLD / "delivery").glob("*.csv"))
        }
    )


@pytest.fixture(scope="session")
def gold_labels() -> pd.DataFrame:
    return pd.read_csv(GOLD / "gold_labels.csv", dtype={"status": str}).fillna({"status": ""})
