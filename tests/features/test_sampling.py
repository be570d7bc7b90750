"""What became of every sample of the calendar: by hand, then the rule that the cohort report shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.simulate.generate import generate
from features.cohort import sample_states
from features.cohort.completeness import WORDS
from features.landmark import sample_accounting, table_at
from features.landmark.sampling import STATES, VISITS, scheduled
from features.outcomes import build_outcome
from features.truncate import truncate

LANDMARKS = (0, 6, 12, 36)


@pytest.fixture
def cohort(rows):
    """One patient for each thing that can become of a sample; nobody gives urine but A."""
    people = [rows.patient(name) for name in "ABCDEF"]
    people += [rows.patient("G", surgery_on=rows.on(50)), rows.patient("H", surgery_on=pd.NaT)]
    visits = {0: "baseline", 6: "month_6", 12: "month_12"}

    def drawn(name, month, day=0, **facts):
        return rows.sample(f"{name}{month}{facts.get('specimen', 'blood')[0]}", month, name, day, **facts)

    samples = [drawn("A", month, -1, visit=visit) for month, visit in visits.items()]
    samples += [drawn("A", 6, specimen="urine", visit="month_6")]
    samples += [drawn("B", month, -1, visit=visit) for month, visit in visits.items()]
    samples += [drawn("C", 0, -60, visit="baseline"), drawn("C", 6, 40, visit="month_6"), drawn("C", 12)]
    samples += [drawn(name, 0, -1, visit="baseline") for name in "DEF"]
    results = [rows.result(name, 30) for name in ("A0b", "A6b", "A12b", "C0b", "C6b", "C12b", "D0b", "E0b", "F0b")]
    results += [rows.result("A6u", 50, "5hiaa"), rows.result("B0b", 30), rows.result("B6b", 30, qc="fail")]
    results += [rows.result("B12b", 100, "cga")]
    followup = [rows.follow(name) for name in "ABCE"]
    followup += [rows.follow("D", 9, status="dead", died_on=rows.on(9)), rows.follow("F", 8)]
    followup += [rows.follow("G", 58), rows.follow("H")]
    return rows.trial(
        patients=people,
        followup=followup,
        samples=samples,
        results=results,
        imaging=[rows.scan(9, "recurrence", patient_id="E")],
    ).replace(data_cut=rows.on(60))


# Blood at the visits of months 0, 6 and 12, as known when landmark 12 closed.
BLOOD = {
    "A": ("collected", "collected", "collected"),
    "B": ("collected", "failed_qc", "not_measured"),
    "C": ("outside_window", "outside_window", "collected"),
    "D": ("collected", "not_collected", "dead"),
    "E": ("collected", "not_collected", "recurred"),
    "F": ("collected", "not_collected", "withdrawn"),
    "G": ("not_collected", "not_collected", "not_reached"),
    "H": ("not_due", "not_due", "not_due"),
}


def by_patient(table, specimen):
    own = table[table["specimen"] == specimen]
    return own.pivot(index="patient_id", columns="month", values="status")


def test_every_patient_and_scheduled_sample_has_a_state(cohort, protocol):
    table = sample_accounting(cohort, build_outcome(cohort, protocol), protocol, 12)
    assert list(table.columns) == ["patient_id", "visit", "month", "specimen", "status"]
    assert len(table) == 8 * 3 * 2 and set(table["status"]) == set(STATES)
    assert by_patient(table, "blood").apply(tuple, axis=1).to_dict() == BLOOD
    assert by_patient(table, "urine").loc["A"].tolist() == ["not_collected", "collected", "not_collected"]


def test_a_late_sample_is_not_known_before_its_day(cohort, protocol):
    # C gave the sample of month 6 forty days late: after landmark 6 closed, before landmark 12 did.
    table = sample_accounting(cohort, build_outcome(cohort, protocol), protocol, 6)
    assert by_patient(table, "blood").loc["C"].tolist() == ["outside_window", "not_collected"]
    assert set(table["visit"]) == {"baseline", "month_6"}


def test_the_table_says_which_sample_is_missing_and_why(cohort, protocol):
    found = table_at(cohort, protocol, 12)
    columns = [f"sample_{visit}_blood" for visit in VISITS]
    assert list(VISITS) == ["baseline", "day_30", "month_6", "month_12", "month_36"]
    assert found.rows[columns].apply(tuple, axis=1).to_dict() == {
        "A": ("", "not_due", "", "", "not_due"),
        "B": ("", "not_due", "failed_qc", "not_measured", "not_due"),
        "C": ("outside_window", "not_due", "outside_window", "", "not_due"),
    }
    assert found.rows["blood_missed"].to_dict() == {"A": 0.0, "B": 2.0, "C": 2.0}
    assert found.rows["urine_missed"].to_dict() == {"A": 2.0, "B": 3.0, "C": 3.0}
    last = cohort.samples.set_index("sample_id")["collected_on"]
    assert found.latest("blood_missed").tolist() == last[["A12b", "B12b", "C12b"]].tolist()
    assert found.latest("sample_month_6_urine").fillna(pd.Timestamp(0)).tolist() == [
        last["A6u"],
        pd.Timestamp(0),
        pd.Timestamp(0),
    ]


def test_the_best_of_several_samples_counts(rows, protocol):
    trial = rows.trial(
        samples=[rows.sample("X", 6), rows.sample("Y", 6, day=10), rows.sample("Z", 6, day=20)],
        results=[rows.result("X", 30), rows.result("Y", 30, qc="fail")],
    )
    assert table_at(trial, protocol, 6).rows.loc["P1", "sample_month_6_blood"] == ""


def test_a_day_thirty_draw_counts_where_the_calendar_has_one(rows, protocol):
    calendar = {**protocol["calendar.sample_month"], "day_30": 1}
    record = replace(protocol.record("calendar.sample_month"), value=calendar)
    other = replace(protocol, records={**protocol.records, "calendar.sample_month": record})
    trial = rows.trial(samples=[rows.sample("X", 1, visit="day_30")], results=[rows.result("X", 30)])
    row = table_at(trial, other, 6).rows.loc["P1"]
    assert row["sample_day_30_blood"] == "" and row["blood_missed"] == 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("landmark", LANDMARKS)
def test_only_what_is_known_when_the_landmark_closed(protocol, seed, landmark):
    trial = generate(60, seed=seed).trial()
    past = truncate(trial, protocol, landmark)
    full = sample_accounting(trial, build_outcome(trial, protocol), protocol, landmark)
    known = sample_accounting(past, build_outcome(past, protocol), protocol, landmark)
    pd.testing.assert_frame_equal(full, known)
    assert set(full["status"]) <= set(STATES)
    assert len(full) == 60 * len(scheduled(protocol, landmark)) * 2
    later = sample_accounting(trial, build_outcome(trial, protocol), protocol, 36)
    both = full.merge(later, on=["patient_id", "visit", "specimen"], suffixes=("", "_later"))
    changed = both[both["status"] != both["status_later"]]
    # What a later landmark knows better: a sample of the visit drawn after it closed.
    assert set(changed["status_later"]) <= {"outside_window"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("landmark", LANDMARKS)
def test_the_table_and_the_accounting_agree(protocol, seed, landmark):
    trial = generate(80, seed=100 + seed).trial()
    rows = table_at(trial, protocol, landmark).rows
    table = sample_accounting(trial, build_outcome(trial, protocol), protocol, landmark)
    table = table[table["patient_id"].isin(rows.index)]
    assert not set(table["status"]) & {"dead", "recurred", "withdrawn", "not_reached", "not_due"}
    for (visit, specimen), part in table.groupby(["visit", "specimen"]):
        words = part.set_index("patient_id")["status"].replace("collected", "").reindex(rows.index)
        assert words.tolist() == rows[f"sample_{visit}_{specimen}"].tolist()
    missed = table[table["status"] != "collected"].groupby(["specimen", "patient_id"]).size()
    for specimen in ("blood", "urine"):
        own = missed.get(specimen, pd.Series(dtype=float)).reindex(rows.index).fillna(0.0)
        np.testing.assert_array_equal(own, rows[f"{specimen}_missed"])
    here = next(visit for visit, month in protocol["calendar.sample_month"].items() if month == landmark)
    assert rows[f"sample_{here}_blood"].tolist() == rows["missing_netest"].tolist()


def test_the_cohort_report_shares_the_rule(protocol):
    trial = generate(120, seed=9).trial()
    trial = trial.replace(data_cut=trial.followup["last_seen_on"].max())
    outcome = build_outcome(trial, protocol)
    states = sample_states(trial, outcome, protocol)
    table = sample_accounting(trial, outcome, protocol, 36)
    both = table.merge(states, on=["patient_id", "visit", "specimen"], validate="1:1")
    differs = both[both["status"].map(WORDS) != both["state"]]
    # The report goes by the visit a sample names, the accounting by its window: only samples that are there differ.
    assert set(differs["status"]) <= {"outside_window"} and len(both) == len(table)
    assert {"dead", "recurred", "withdrawn", "not_collected"} <= set(both["status"])
