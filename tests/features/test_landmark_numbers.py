"""Numbers stand for names while a landmark table is built, and nobody can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.findings import Refused
from features.landmark import frame_digest, landmark_table, table, table_at
from features.landmark.numbers import NOBODY, numbered
from features.truncate import truncate


@pytest.fixture
def trial(rows):
    """Patients and samples out of order; two samples of one day; a result and a scan of nobody."""
    return rows.trial(
        patients=[rows.patient("P9"), rows.patient("P1"), rows.patient("P10")],
        followup=[rows.follow(name) for name in ("P10", "P9", "P1")],
        samples=[
            rows.sample("S7", 12, "P9"),
            rows.sample("S2", 12, "P9"),
            rows.sample("S1", 12, "P1"),
            rows.sample("S9", 6, "P1"),
        ],
        results=[rows.result("S7", 60.0), rows.result("S2", 20.0), rows.result("S9", 30.0), rows.result("S5", 1.0)],
        imaging=[rows.scan(6, patient_id="P10"), rows.scan(6, patient_id="nobody")],
    )


def test_patients_by_name_samples_by_patient_day_and_name(trial):
    coded, names = numbered(trial)
    assert list(names) == ["P1", "P10", "P9"]
    assert coded.patients["patient_id"].tolist() == [2, 0, 1]
    # P1: S9 at 6 months before S1 at 12; P9: S2 before S7 on one day.
    assert coded.samples["sample_id"].tolist() == [3, 2, 1, 0]
    assert coded.samples["patient_id"].tolist() == [2, 2, 0, 0]
    assert coded.results["sample_id"].tolist() == [3, 2, 0, NOBODY]
    assert coded.imaging["patient_id"].tolist() == [1, NOBODY]
    assert trial.samples["sample_id"].tolist() == ["S7", "S2", "S1", "S9"]


def test_the_table_has_the_names_and_the_same_bits(trial, protocol):
    named = landmark_table(truncate(trial, protocol, 12.0), protocol, 12.0)
    found = table_at(trial, protocol, 12.0)
    assert found.digest == named.digest and list(found.rows.index) == ["P9", "P1", "P10"]
    pd.testing.assert_frame_equal(found.rows, named.rows, check_exact=True)
    pd.testing.assert_frame_equal(found.latest_used, named.latest_used, check_exact=True)
    # The last sample of the day by name counts.
    assert found.rows["netest_last"].loc["P9"] == 60.0


@pytest.mark.parametrize("names", [["S7", "S7", "S1", "S9"], ["S7", None, "S1", "S9"]])
def test_names_that_a_number_cannot_stand_for_stay(trial, names):
    assert numbered(trial.replace(samples=trial.samples.assign(sample_id=names))) is None


def test_an_error_names_the_sample_and_not_its_number(trial, protocol):
    wrong = trial.replace(results=trial.results.assign(unit="mmol/L"))
    with pytest.raises(Refused, match="sample S7: netest_activity in 'mmol/L'"):
        table_at(wrong, protocol, 12.0)


def test_wells_go_by_numbers_and_control_wells_have_none(rows, trial):
    well = {"plate": "Q1", "target": "ALG9", "task": "unknown", "cq": 24.0, "state": "value", "omit": False}
    wells = rows.trial(wells=[well | {"sample_id": name} for name in ("S7", None, "S5")]).wells
    coded, _ = numbered(trial.replace(wells=wells))
    found = coded.wells["sample_id"].astype("float64").to_numpy()
    np.testing.assert_array_equal(found, [3.0, np.nan, float(NOBODY)])


def test_the_digest_does_not_depend_on_how_many_rows_are_hashed_at_a_time(trial, protocol, monkeypatch):
    frame = table_at(trial, protocol, 12.0).rows
    whole = frame_digest(frame, 12.0)
    monkeypatch.setattr(table, "DIGEST_ROWS", 1)
    assert frame_digest(frame, 12.0) == whole
