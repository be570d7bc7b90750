"""Line of therapy and adverse events by worst grade."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from data.simulate.generate import generate
from features.cohort import therapy_line, worst_grades


def given(rows, kind: str, month: float, patient_id: str = "P1") -> dict:
    return {"patient_id": patient_id, "kind": kind, "started_on": rows.on(month)}


@pytest.mark.parametrize(
    ("earlier", "line"),
    [
        ([], 1.0),
        ([("ssa", -20)], 1.0),
        ([("surgery", -20)], 1.0),
        ([("chemotherapy", -20), ("chemotherapy", -19)], 2.0),
        ([("chemotherapy", -20), ("embolisation", -10), ("chemotherapy", -5)], 4.0),
        ([("prrt", -30), ("prrt", -28)], 2.0),
        ([("targeted", 10)], 1.0),
    ],
)
def test_line_of_therapy(rows, protocol, earlier: list, line: float) -> None:
    trial = rows.trial(
        patients=[rows.patient(arm="prrt"), rows.patient("P2")],
        treatments=[given(rows, "prrt", 2), given(rows, "prrt", 4), *(given(rows, *row) for row in earlier)],
    )
    lines = therapy_line(trial, protocol)
    assert lines["P1"] == line and pd.isna(lines["P2"])


def test_which_kinds_are_lines_is_a_protocol_rule(rows, protocol) -> None:
    record = replace(protocol.record("cohort.line_kinds"), value=["ssa"])
    wider = replace(protocol, records=protocol.records | {record.key: record})
    trial = rows.trial(treatments=[given(rows, "prrt", 2), given(rows, "ssa", -20), given(rows, "ablation", -10)])
    assert therapy_line(trial, wider)["P1"] == 2.0
    assert therapy_line(trial, protocol)["P1"] == 2.0


def event(rows, patient_id: str, term: str, grade: str, month: float = 6, related: str | None = "yes") -> dict:
    return {
        "patient_id": patient_id, "started_on": rows.on(month), "term": term, "grade": grade, "related": related,
    }  # fmt: skip


@pytest.fixture
def cohort(rows):
    people = [rows.patient("A"), rows.patient("B"), rows.patient("C", arm="prrt"), rows.patient("D", arm="prrt")]
    people.append(rows.patient("X", arm=None, randomised_on=None))
    events = [
        event(rows, "A", "fatigue", "1"),
        event(rows, "A", " Fatigue ", "3"),
        event(rows, "A", "Nausea", "2", related=None),
        event(rows, "B", "Nausea", "4", month=1),  # before randomisation
        event(rows, "C", "Nausea", "2"),
        event(rows, "X", "Nausea", "5"),  # never randomised
    ]
    return rows.trial(patients=people, adverse_events=events)


def test_worst_grade_by_arm(cohort, protocol) -> None:
    expected = pd.DataFrame(
        [
            ("Any event", "control", 0, 0, 1, 0, 0, 1, 1, 2),
            ("Any event", "prrt", 0, 1, 0, 0, 0, 1, 0, 2),
            ("Nausea", "control", 0, 1, 0, 0, 0, 1, 0, 2),
            ("Nausea", "prrt", 0, 1, 0, 0, 0, 1, 0, 2),
            ("Fatigue", "control", 0, 0, 1, 0, 0, 1, 1, 2),
            ("Fatigue", "prrt", 0, 0, 0, 0, 0, 0, 0, 2),
        ],
        columns=["term", "arm", *(f"grade_{g}" for g in range(1, 6)), "any", "severe", "n"],
    )
    pd.testing.assert_frame_equal(worst_grades(cohort, protocol), expected, check_names=False)


def test_related_only(cohort, protocol) -> None:
    table = worst_grades(cohort, protocol, related_only=True).set_index(["term", "arm"])
    assert table.loc[("Nausea", "control"), "any"] == 0 and table.loc[("Nausea", "prrt"), "any"] == 1


def test_a_cohort_of_one_treatment_counts_from_its_first_course(rows, protocol) -> None:
    people = [rows.patient(who, arm=None, randomised_on=None) for who in "AB"]
    trial = rows.trial(
        patients=people,
        treatments=[given(rows, "prrt", 2, "A"), given(rows, "prrt", 2, "B")],
        adverse_events=[event(rows, "A", "Nausea", "1", 1), event(rows, "B", "Nausea", "3", 3)],
    )
    row = worst_grades(trial, protocol, by=None).iloc[0]
    assert (row["any"], row["severe"], row["n"]) == (1, 1, 2)


def test_no_events_at_all_still_counts_the_patients(rows, protocol) -> None:
    table = worst_grades(rows.trial(), protocol)
    assert table[["term", "arm", "any", "n"]].to_numpy().tolist() == [["Any event", "control", 0, 1]]


@pytest.mark.parametrize("seed", [1, 2])
def test_adding_a_milder_event_changes_nothing(protocol, seed: int) -> None:
    trial = generate(60, seed=seed).trial()
    before = worst_grades(trial, protocol)
    assert before["any"].eq(before[[f"grade_{g}" for g in range(1, 6)]].sum(axis=1)).all()
    milder = trial.adverse_events.assign(grade="1")
    more = trial.replace(adverse_events=pd.concat([trial.adverse_events, milder], ignore_index=True))
    pd.testing.assert_frame_equal(worst_grades(more, protocol), before)
