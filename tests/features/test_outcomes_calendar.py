"""The expected imaging calendar: what was due, done and missed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from outcome_cases import both, one_trial, with_rules

from features.clock import calendar_visit
from features.outcomes import build_outcome, endpoint_times, new_therapies, scheduled_assessments
from features.outcomes.calendar import expected_visits, missed_between, scans_of_visits


def test_the_expected_calendar(protocol):
    found = expected_visits(protocol)
    expected = pd.DataFrame(
        [
            (3.0, True, False, False),
            (6.0, True, False, False),
            (9.0, True, False, False),
            (12.0, True, True, False),
            (18.0, True, False, False),
            (24.0, True, True, False),
            (30.0, True, False, False),
            (36.0, True, True, False),
            (48.0, False, False, True),
            (60.0, False, False, True),
        ],
        columns=["month", "mri", "petct", "any"],
    )
    pd.testing.assert_frame_equal(found, expected)


def calendar_of(trial, protocol):
    return scheduled_assessments(trial, protocol).drop(columns=["patient_id", "on_month"])


def table(*lines):
    frame = pd.DataFrame(lines, columns=["month", "due", "done", "adequate"])
    return frame.astype({"month": float}).assign(missed=~frame["adequate"])


def test_every_scheduled_modality_or_any(protocol):
    trial = one_trial(
        (*both("3", "6"), "mri 9 clear inadequate", "mri 12 clear", "petct 24 clear", "ct 30 clear", "ct 48 clear"),
        seen=50,
    )
    every = table(
        (3, "mri", "mri", True),
        (6, "mri", "mri", True),
        (9, "mri", "", False),
        (12, "mri+petct", "mri", False),
        (18, "mri", "", False),
        (24, "mri+petct", "petct", False),
        (30, "mri", "mri", True),
        (36, "mri+petct", "", False),
        (48, "any", "mri", True),
    )
    any_one = every.assign(adequate=every["done"].ne(""), missed=every["done"].eq(""))
    pd.testing.assert_frame_equal(calendar_of(trial, protocol), every)
    rules = with_rules(protocol, imaging__adequate_assessment="any scheduled modality")
    pd.testing.assert_frame_equal(calendar_of(trial, rules), any_one)


# The visits of a patient whose every due scan was done, by what ended observation.
OBSERVED = {
    "last contact before the visit closed": ({"seen": 6.9}, [3]),
    "last contact after it": ({"seen": 7.1}, [3, 6]),
    "death": ({"died": 10.1}, [3, 6, 9]),
    "a visit that was done counts before it closes": ({"scans": ("mri 9 clear",), "seen": 9.5}, [3, 6, 9]),
    "recurrence: later visits are not due": ({"scans": ("mri 9 recurrence",), "seen": 40}, [3, 6, 9]),
    "visits before entry are not due": (
        {"seen": 10.1, "randomised_on": pd.Timestamp("2020-05-01")},
        [6, 9],
    ),
}


@pytest.mark.parametrize("line", OBSERVED)
def test_a_visit_is_due_while_under_observation(protocol, line):
    course, months = OBSERVED[line]
    assert scheduled_assessments(one_trial(**course), protocol)["month"].tolist() == months


def test_a_visit_with_a_positive_scan_needs_no_further_modality(protocol):
    found = scheduled_assessments(one_trial(("mri 9 clear", "petct 12 recurrence")), protocol).iloc[-1]
    assert (found["month"], found["done"], found["adequate"]) == (12, "petct", True)
    later = one_trial(("mri 9 clear", "petct 12 recurrence -9", "mri 12 recurrence"))
    assert scheduled_assessments(later, protocol).iloc[-1]["done"] == "mri+petct"


def test_the_day_of_an_assessment_is_that_of_its_last_scan(protocol):
    found = scheduled_assessments(one_trial(("mri 12 clear", "petct 12 clear +9"), seen=13.1), protocol)
    assert found.set_index("month").loc[12, "on_month"] == pytest.approx((365 + 9) / 30.4375)


# Scans of one modality at visit 12 and the day after surgery of the one that stands for the visit.
STANDS = {
    "the nearest": (("mri 12 clear -9", "mri 12 clear +4"), 369),
    "of two equally near the later": (("mri 12 clear -5", "ct 12 clear +5"), 370),
    "scheduled before unscheduled": (("mri 12 clear +20", "mri 12 clear unscheduled"), 385),
    "a scan that is not adequate never": (("mri 12 clear inadequate", "mri 12 clear +20"), 385),
}


@pytest.mark.parametrize("line", STANDS)
def test_which_scan_stands_for_a_visit(protocol, line):
    scans, expected = STANDS[line]
    # A month of 30 days puts the nominal day of visit 12 on a whole day, so that two scans can be equally near.
    rules = with_rules(protocol, clock__month_days=365 / 12)
    found = scans_of_visits(build_outcome(one_trial(scans), rules), rules)
    assert found["month"].to_numpy() * 365 / 12 == pytest.approx([expected])


def test_a_day_midway_between_two_visits_goes_to_the_later(protocol):
    wide = with_rules(protocol, imaging__window_days=60)
    months = pd.Series([4.4, 4.5, 4.6, 15.0, 14.9])
    found = calendar_visit(months, pd.Series(["mri"] * 5), wide)
    np.testing.assert_array_equal(found, [3, 6, 6, np.nan, np.nan])
    wider = with_rules(protocol, imaging__window_days=100)
    np.testing.assert_array_equal(calendar_visit(months, pd.Series(["mri"] * 5), wider), [3, 6, 6, 18, 12])


# Last assessment, event, visits missed between: 3 months apart in year 1, 6 in years 2 and 3, 12 after.
MISSED = [
    (3, 6.5, 0),
    (3, 9, 1),
    (3, 9.99, 1),
    (3, 10.0, 1),
    (3, 10.01, 2),
    (3, 12, 2),
    (12, 18, 0),
    (12, 24, 1),
    (12, 25.01, 2),
    (9, 18, 1),
    (9, 24, 2),
    (6, 18, 2),
    (36, 60, 1),
    (36, 61.01, 2),
    (15.0, 24, 1),
    (45 / 30.4375, 6.9, 1),
    (45 / 30.4375, 7.01, 2),
    (np.nan, 7.0, 0),
    (3, np.nan, 0),
]


@pytest.mark.parametrize(("last", "event", "missed"), MISSED)
def test_visits_missed_before_an_event(protocol, last, event, missed):
    assert missed_between(pd.Series([float(last)]), pd.Series([float(event)]), protocol).tolist() == [missed]


def test_within_a_year_two_missed_visits_are_the_gap_rule(protocol):
    """Gap > 2 x interval + window: 6 months in year 1, 12 in years 2 and 3 (domain 4.3)."""
    window = protocol.closing_months
    for last, interval in ((3.0, 3), (6.0, 3), (12.0, 6), (18.0, 6), (24.0, 6)):
        event = pd.Series(np.arange(last + 0.005, last + 2 * interval + 4, 0.01))
        counted = missed_between(pd.Series(last, index=event.index), event, protocol) >= 2
        assert (counted == (event - last > 2 * interval + window)).all()


def test_new_therapies_by_arm(protocol):
    lines = ("prrt 2", "prrt 4", "prrt 9", "ssa 5", "chemotherapy 8")
    found = {
        arm: [
            (row.kind, row.started_on.strftime("%Y-%m"))
            for row in new_therapies(one_trial(therapy=lines, arm=arm), protocol).itertuples()
        ]
        for arm in ("prrt", "control")
    }
    assert found == {
        "prrt": [("chemotherapy", "2020-09"), ("prrt", "2020-10")],
        "control": [("prrt", "2020-03"), ("prrt", "2020-05"), ("chemotherapy", "2020-09"), ("prrt", "2020-10")],
    }


def test_without_a_calendar_nothing_is_due_and_nothing_missed(protocol):
    empty = with_rules(protocol, calendar__mri_month=[], calendar__petct_month=[], calendar__local_month=[])
    trial = one_trial(("mri 3 clear", "mri 12 recurrence"))
    assert scheduled_assessments(trial, empty).empty
    assert missed_between(pd.Series([3.0]), pd.Series([12.0]), empty).tolist() == [0]
    assert endpoint_times(trial, empty, "dfs", family="fda").loc["P1", "event"] == 1
