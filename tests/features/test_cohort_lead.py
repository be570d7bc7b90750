"""Marker versus imaging: leads, misses, positives without recurrence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.simulate.generate import generate
from features.cohort import imaging_free_times, lead_times, marker_flags, positives_without_recurrence
from features.outcomes import build_outcome


def month(rows, value: float) -> float:
    """Actual months of a nominal month (whole days)."""
    return round(value * 30.4375) / 30.4375


@pytest.fixture
def five(rows):
    """A led from 6; B missed; C without samples; D positive without recurrence; E negative without."""
    people = [rows.patient(who, arm="prrt" if who in "AD" else "control") for who in "ABCDE"]
    scans = [rows.scan(m, patient_id=who) for who in "ABCDE" for m in (3, 6, 9)]
    scans += [rows.scan(12, "recurrence", who) for who in "ABC"]
    scans += [rows.scan(12, patient_id=who) for who in "DE"]
    samples = [rows.sample("A0", -0.5, "A"), rows.sample("A6", 6, "A"), rows.sample("A11", 11, "A")]
    samples += [rows.sample("B6", 6, "B"), rows.sample("B12", 12, "B", day=1)]
    samples += [rows.sample("D6", 6, "D"), rows.sample("E6", 6, "E"), rows.sample("C0", -1, "C")]
    values = {"A0": 10, "A6": 20.5, "A11": 90, "B6": 20, "B12": 95, "D6": 21, "E6": 5, "C0": 99}
    results = [rows.result(name, value) for name, value in values.items()]
    seen = [rows.follow(who) for who in "ABCDE"]
    return rows.trial(patients=people, imaging=scans, samples=samples, results=results, followup=seen)


def test_leads_and_misses(rows, five, protocol) -> None:
    table = lead_times(five, build_outcome(five, protocol), protocol)
    six, nine, twelve = (month(rows, m) for m in (6, 9, 12))
    expected = pd.DataFrame(
        [
            ("A", "prrt", "lead", 2, six, nine, twelve, nine - six, twelve - six),
            # 20 is not above 20, and the sample of the day after the positive scan comes too late.
            ("B", "control", "miss", 1, np.nan, nine, twelve, np.nan, np.nan),
            # A pre-operative score is no residual disease.
            ("C", "control", "no sample", 0, np.nan, nine, twelve, np.nan, np.nan),
        ],
        columns=[
            "patient_id", "arm", "status", "samples", "marker_month", "last_clear", "first_positive", "lower", "upper",
        ],
    )  # fmt: skip
    pd.testing.assert_frame_equal(table, expected)


def test_positives_without_recurrence_are_apart(rows, five, protocol) -> None:
    table = positives_without_recurrence(five, build_outcome(five, protocol), protocol)
    assert table["patient_id"].tolist() == ["D"]
    assert table["followed"].iloc[0] == pytest.approx(month(rows, 12) - month(rows, 6))


def test_sample_of_the_day_of_the_scan_counts_and_a_late_one_may_lead_by_less_than_nothing(rows, protocol) -> None:
    trial = rows.trial(
        imaging=[rows.scan(6), rows.scan(12, "recurrence")],
        samples=[rows.sample("S", 12)],
        results=[rows.result("S", 50)],
    )
    row = lead_times(trial, build_outcome(trial, protocol), protocol).iloc[0]
    assert row["upper"] == 0.0 and row["lower"] == pytest.approx(month(rows, 6) - month(rows, 12))


def test_cut_off_goes_with_the_assay_version(rows, protocol) -> None:
    def flags(value: float, **facts: object) -> list[bool]:
        trial = rows.trial(samples=[rows.sample("S", 6)], results=[rows.result("S", value, **facts)])
        return marker_flags(trial, build_outcome(trial, protocol), protocol)["positive"].tolist()

    second = {"analyte": "netest_diagnostic", "version": "2.0"}
    assert flags(20.0) == [False] and flags(20.1) == [True]
    assert flags(49.9, **second) == [False] and flags(50.0, **second) == [True]


def test_another_analyte_needs_its_cut_off(rows, protocol) -> None:
    trial = rows.trial(samples=[rows.sample("S", 6)], results=[rows.result("S", 150.0, "cga")])
    outcome = build_outcome(trial, protocol)
    with pytest.raises(ValueError, match="cga has no cut-off in the protocol; give cutoff"):
        marker_flags(trial, outcome, protocol, analyte="cga")
    assert marker_flags(trial, outcome, protocol, analyte="cga", cutoff=100)["positive"].tolist() == [True]


def test_imaging_free_times_start_at_the_closed_landmark(rows, five, protocol) -> None:
    table = imaging_free_times(five, build_outcome(five, protocol), protocol, 6)
    assert table.set_index("patient_id")[["positive", "event"]].to_dict("index") == {
        "A": {"positive": True, "event": 1},
        "B": {"positive": False, "event": 1},
        "D": {"positive": True, "event": 0},
        "E": {"positive": False, "event": 0},
    }
    assert np.allclose(table["time"], month(rows, 12) - 7.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_leads_are_intervals_and_everybody_is_counted(protocol, seed: int) -> None:
    trial = generate(80, seed=seed).trial()
    outcome = build_outcome(trial, protocol)
    table = lead_times(trial, outcome, protocol)
    assert len(table) == outcome.patients["first_positive"].notna().sum()
    led = table[table["status"].eq("lead")]
    assert (led["lower"] < led["upper"]).all() and (led["upper"] >= 0).all()
    apart = positives_without_recurrence(trial, outcome, protocol)
    assert not set(apart["patient_id"]) & set(table["patient_id"])
    flags = marker_flags(trial, outcome, protocol)
    assert len(led) + len(apart) == flags[flags["positive"]]["patient_id"].nunique()
