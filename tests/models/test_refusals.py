"""The refusals of the statistical design that need no training: what answers, and what an AUC must stand beside."""

from __future__ import annotations

import pytest

from benchmarks.known_truth.refusals import Case, delivered, lacking, timed_as_ratio


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("B1,netest_activity,30,score,=,2.0\n", "D222"),
        ("B1,5hiaa,20,umol/L,=,spot\n", "D219"),
        ("U1,netest_activity,30,score,=,1.0\n", "D219"),
        ("B1,netest_activity,30,score,=,1.0\n", ""),
    ],
)
def test_a_delivered_result_is_answered(line, code):
    assert delivered(Case(), line).code == code


def test_a_24_hour_collection_gives_no_ratio():
    assert timed_as_ratio(Case()).code == "not_spot"


def test_an_auc_stands_beside_arm_prevalence_events_and_interval():
    whole = "AUC 0.77 (0.66 to 0.85), 47 events (event rate 57%); control 20/40"
    assert lacking(whole) == []
    assert lacking("AUC 0.77") == ["arm", "prevalence", "events", "interval"]
    assert lacking(whole.replace("control", "all")) == ["arm"]
