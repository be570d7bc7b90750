"""What was due and what came: by hand, and against the sums."""

from __future__ import annotations

import pandas as pd
import pytest

from data.simulate.generate import generate
from features.cohort import completeness, due_samples, result_completeness, sample_states
from features.outcomes import build_outcome


@pytest.fixture
def two(rows):
    """A is complete to month 6 and recurs at 12; B misses the month-6 blood and is lost at month 10."""
    people = [rows.patient("A", site="C1"), rows.patient("B", site="C2", arm="prrt")]
    scans = [rows.scan(3, patient_id="A"), rows.scan(6, patient_id="A", modality="ct"), rows.scan(6, patient_id="B")]
    scans += [rows.scan(12, "recurrence", "A"), rows.scan(3, None, "B", adequate="no")]
    samples = [
        rows.sample("A0", -0.5, "A", visit="baseline"),
        rows.sample("A6", 6, "A", visit="month_6"),
        rows.sample("B0", -0.5, "B", visit="baseline"),
    ]
    results = [rows.result("A0", 60), rows.result("A6", 30, qc="fail"), rows.result("A6", 90, "cga")]
    seen = [rows.follow("A"), rows.follow("B", 10.0)]
    return rows.trial(patients=people, imaging=scans, samples=samples, results=results, followup=seen)


def test_due_and_got_by_arm(two, protocol) -> None:
    table = completeness(two, build_outcome(two, protocol), protocol)
    expected = pd.DataFrame(
        [
            ("Blood", "control", 0.0, 1, 1),
            ("Blood", "control", 6.0, 1, 1),
            ("Blood", "prrt", 0.0, 1, 1),
            ("Blood", "prrt", 6.0, 1, 0),
            ("Urine", "control", 0.0, 1, 0),
            ("Urine", "control", 6.0, 1, 0),
            ("Urine", "prrt", 0.0, 1, 0),
            ("Urine", "prrt", 6.0, 1, 0),
            ("MRI, adequate", "control", 3.0, 1, 1),
            ("MRI, adequate", "control", 6.0, 1, 1),  # a CT stands in
            ("MRI, adequate", "control", 9.0, 1, 0),
            ("MRI, adequate", "control", 12.0, 1, 1),
            ("MRI, adequate", "prrt", 3.0, 1, 0),  # not adequate
            ("MRI, adequate", "prrt", 6.0, 1, 1),
            ("MRI, adequate", "prrt", 9.0, 1, 0),
            ("PET/CT, adequate", "control", 12.0, 1, 0),
        ],
        columns=["what", "by", "month", "due", "got"],
    )
    pd.testing.assert_frame_equal(table, expected)


def test_groups_may_be_centres_or_one(two, protocol) -> None:
    outcome = build_outcome(two, protocol)
    by_site = completeness(two, outcome, protocol, by="site")
    assert set(by_site["by"]) == {"C1", "C2"}
    one = completeness(two, outcome, protocol, by=None)
    assert one[one["what"].eq("Blood")][["due", "got"]].to_numpy().tolist() == [[2, 2], [2, 1]]
    with pytest.raises(ValueError, match="no column 'colour'"):
        completeness(two, outcome, protocol, by="colour")


def test_every_sample_has_a_state(two, protocol) -> None:
    states = sample_states(two, build_outcome(two, protocol), protocol)
    blood = states[states["specimen"].eq("blood")].set_index(["patient_id", "month"])["state"].to_dict()
    assert blood == {
        ("A", 0.0): "valid result",
        ("A", 6.0): "failed QC",  # a valid CgA is no blood score
        ("A", 12.0): "recurred",
        ("A", 36.0): "recurred",
        ("B", 0.0): "no result",
        ("B", 6.0): "not collected",
        ("B", 12.0): "lost to follow-up",
        ("B", 36.0): "lost to follow-up",
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_states_and_dues_agree(protocol, seed: int) -> None:
    trial = generate(70, seed=seed).trial()
    outcome = build_outcome(trial, protocol)
    results = result_completeness(trial, outcome, protocol, by="site")
    sites = trial.patients["site"].value_counts()
    totals = results.groupby(["what", "by", "month"])["n"].sum().reset_index()
    assert totals["n"].eq(totals["by"].map(sites)).all()
    absent = due_samples(trial, outcome, protocol).query("not got")
    everyone = result_completeness(trial, outcome, protocol, by=None)
    assert everyone.loc[everyone["reason"].eq("not collected"), "n"].sum() == len(absent)
