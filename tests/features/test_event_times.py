"""Times for Kaplan-Meier and Aalen-Johansen curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.outcomes import build_outcome, event_times, recurrence_intervals


@pytest.fixture
def outcome(rows, protocol):
    ids = ["RECUR", "DEAD", "CLEAR", "LOST", "UNSEEN"]
    trial = rows.trial(
        patients=[rows.patient(name) for name in ids],
        followup=[
            rows.follow("RECUR", last=50),
            rows.follow("DEAD", last=16, status="dead", died_on=rows.on(16)),
            rows.follow("CLEAR", last=40),
            rows.follow("LOST", last=40, status="dead", died_on=rows.on(40)),
            rows.follow("UNSEEN", last=5),
        ],
        imaging=[
            rows.scan(6, patient_id="RECUR"),
            rows.scan(12, "recurrence", patient_id="RECUR"),
            rows.scan(12, patient_id="DEAD"),
            rows.scan(36, patient_id="CLEAR"),
            rows.scan(12, "equivocal", patient_id="LOST"),
        ],
    )
    return build_outcome(trial, protocol)


def table(outcome, kind, protocol=None):
    times = event_times(outcome, kind, protocol)
    return {name: (round(row["time"], 0), row["event"]) for name, row in times.iterrows()}


def test_recurrence_with_death_competing(outcome):
    assert table(outcome, "recurrence") == {
        "RECUR": (12, 1),
        "DEAD": (16, 2),
        "CLEAR": (36, 0),
        "LOST": (40, 2),
    }


def test_disease_free_survival(outcome):
    assert table(outcome, "dfs") == {"RECUR": (12, 1), "DEAD": (16, 1), "CLEAR": (36, 0), "LOST": (40, 1)}


def test_death_after_missed_visits_is_censored_at_the_last_scan(outcome, protocol):
    assert table(outcome, "dfs", protocol) == {
        "RECUR": (12, 1),
        "DEAD": (16, 1),
        "CLEAR": (36, 0),
        "LOST": (12, 0),
    }


def test_overall_survival_ends_at_last_contact(outcome):
    assert table(outcome, "os") == {
        "RECUR": (50, 0),
        "DEAD": (16, 1),
        "CLEAR": (40, 0),
        "LOST": (40, 1),
        "UNSEEN": (5, 0),
    }


def test_entry_is_randomisation(outcome):
    assert event_times(outcome, "os")["entry"].unique() == pytest.approx([45 / 30.4375])


def test_unknown_kind_is_refused(outcome):
    with pytest.raises(ValueError, match="recurrence, dfs or os"):
        event_times(outcome, "pfs")


def test_intervals(outcome):
    found = recurrence_intervals(outcome).round(0)[["lower", "upper", "event"]]
    expected = pd.DataFrame(
        {
            "lower": [6.0, 12, 36, 12, 0],
            "upper": [12, np.inf, np.inf, np.inf, np.inf],
            "event": [1, 2, 0, 2, 0],
        },
        index=pd.Index(["RECUR", "DEAD", "CLEAR", "LOST", "UNSEEN"], name="patient_id"),
    )
    pd.testing.assert_frame_equal(found, expected)


def test_gold_times_start_after_entry(gold_trial, protocol):
    outcome = build_outcome(gold_trial, protocol)
    for kind in ("recurrence", "dfs", "os"):
        times = event_times(outcome, kind, protocol)
        assert (times["time"] > times["entry"]).all() and len(times) >= 100
