"""Last values at irregular visits: literal, then the Mayo PBC cohort against the R reference."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.trial import Trial
from features.landmark import last_values

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("NETEST_REALDATA", ROOT.parent / "shared" / "realdata"))
COHORT = REAL / "longitudinal_marker" / "pbcseq.csv"
REFERENCE = REAL.parent / "reference" / "pbcseq_landmark_patients.csv"


@pytest.fixture(scope="module")
def open_clock(protocol):
    """The protocol without a closing month."""
    record = replace(protocol.record("clock.closing_months"), value=0.0)
    return replace(protocol, records=protocol.records | {record.key: record})


def test_last_value_of_each_analyte(rows, open_clock):
    trial = rows.trial(
        patients=[rows.patient(), rows.patient("P2")],
        samples=[rows.sample("A", 0), rows.sample("B", 5), rows.sample("C", 6, day=1)],
        results=[
            rows.result("A", 1.0, "bili"),
            rows.result("A", 3.0, "albumin"),
            rows.result("B", 2.0, "bili"),
            rows.result("B", 9.0, "albumin", qc="fail"),
            rows.result("C", 7.0, "bili"),
        ],
    )
    found = last_values(trial, open_clock, 6, ["bili", "albumin"])
    assert found.columns.tolist() == ["bili", "bili__days_before", "albumin", "albumin__days_before"]
    assert found.loc["P1"].tolist() == [2.0, 182.625 - 152, 3.0, 182.625]
    assert found.loc["P2"].isna().all()


def test_the_closing_month_counts(rows, protocol):
    trial = rows.trial(samples=[rows.sample("C", 6, day=30)], results=[rows.result("C", 7.0, "bili")])
    assert last_values(trial, protocol, 6, ["bili"]).loc["P1"].tolist() == [7.0, pytest.approx(0.0625)]


@pytest.mark.skipif(not (COHORT.exists() and REFERENCE.exists()), reason="NETEST_REALDATA holds no pbcseq cohort")
def test_mayo_pbc_landmarks_equal_the_reference(open_clock):
    visits = pd.read_csv(COHORT)
    start = pd.Timestamp("2000-01-01")
    visits["sample_id"] = visits["id"].astype(str) + "-" + visits["day"].astype(str)
    people = visits.drop_duplicates("id")
    trial = Trial.from_frames(
        patients=pd.DataFrame({"patient_id": people["id"].astype(str), "surgery_on": start}),
        samples=pd.DataFrame(
            {
                "sample_id": visits["sample_id"],
                "patient_id": visits["id"].astype(str),
                "specimen": "blood",
                "collected_on": start + pd.to_timedelta(visits["day"], unit="D"),
            }
        ),
        results=visits.melt("sample_id", ["bili", "albumin"], "analyte", "value").assign(unit="any", version="any"),
    )
    reference = pd.read_csv(REFERENCE)
    for landmark in (0, 6, 12, 36):
        expected = reference[reference["months"] == landmark]
        found = last_values(trial, open_clock, landmark, ["bili", "albumin"]).loc[expected["id"].astype(str)]
        assert len(found) > 200
        np.testing.assert_allclose(np.log(found["bili"]), expected["logbili"], rtol=1e-12)
        np.testing.assert_allclose(found["albumin"], expected["albumin"], rtol=1e-12)
        np.testing.assert_allclose(found["bili__days_before"], expected["age_of_value"], atol=1e-9)
