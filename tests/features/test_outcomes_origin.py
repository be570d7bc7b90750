"""Labels, risk sets and landmark tables when the clock does not start at surgery."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from outcome_cases import both, months, one_trial, with_rules

from features.landmark import table_at
from features.outcomes import at_risk, build_outcome, label
from features.truncate import closing_dates

# The patient is operated on 2020-01-01, randomised on day 45, treated on day 60.
FIRST_DAY = {"surgery": 0, "randomisation": 45, "first_treatment": 60}


def trial_of(*scans, **facts):
    return one_trial(scans, therapy=("prrt 1.97",), arm="prrt", **facts)


@pytest.mark.parametrize("origin", FIRST_DAY)
def test_months_count_from_time_zero(protocol, origin):
    rules = with_rules(protocol, clock__origin=origin)
    zero = FIRST_DAY[origin]
    row = build_outcome(trial_of(*both("3"), "mri 12 recurrence"), rules).patients.loc["P1"]
    assert row["entry"] == pytest.approx(months(max(45 - zero, 0)))
    assert row["first_positive"] == pytest.approx(months(365 - zero))
    assert row["last_clear"] == pytest.approx(months(91 - zero))
    assert row["last_seen"] == pytest.approx(months(1826 - zero))


def test_the_visit_of_a_scan_belongs_to_the_clock_of_the_calendar(protocol):
    """Day 365 + 45 is month 12 after randomisation; the delivery names that visit."""
    rules = with_rules(protocol, clock__origin="randomisation")
    trial = trial_of("mri 6 clear +45", "mri 12 recurrence +45")
    found = build_outcome(trial, rules)
    assert found.scans["scheduled"].all() and found.scans["visit"].tolist() == [6, 12]
    row = label(found, rules.endpoint("MRD36@6"), rules).loc["P1"]
    assert (row["status"], row["resolved"]) == ("event", 12)


def test_a_recurrence_between_surgery_and_time_zero_is_not_forgotten(protocol):
    early = trial_of("ct 1 recurrence unscheduled")
    for origin in FIRST_DAY:
        rules = with_rules(protocol, clock__origin=origin)
        outcome = build_outcome(early, rules)
        assert outcome.patients.loc["P1", "first_positive"] == pytest.approx(months(30 - FIRST_DAY[origin]))
        assert not at_risk(outcome, 0, rules).loc["P1"]


def test_a_clear_scan_before_time_zero_bounds_no_interval(protocol):
    rules = with_rules(protocol, clock__origin="first_treatment")
    row = build_outcome(trial_of("ct 1 clear unscheduled", "mri 6 recurrence"), rules).patients.loc["P1"]
    assert np.isnan(row["last_clear"]) and row["first_positive"] > 0


def test_a_patient_without_time_zero_is_never_at_risk(protocol):
    rules = with_rules(protocol, clock__origin="randomisation")
    outside = one_trial(both("3", "6"), arm=None, randomised_on=pd.NaT)
    outcome = build_outcome(outside, rules)
    assert outcome.patients.drop(columns="arm").isna().all(axis=None) and outcome.scans.empty
    assert not at_risk(outcome, 6, rules).any()


def test_a_trial_without_surgery_counts_from_randomisation(protocol):
    rules = with_rules(protocol, clock__origin="randomisation")
    trial = one_trial(("mri 3 clear", "mri 6 recurrence"), surgery_on=pd.NaT)
    row = build_outcome(trial, rules).patients.loc["P1"]
    assert row["first_positive"] == pytest.approx(months(183 - 45)) and row["entry"] == 0


def blood(trial, **days):
    """The trial with one NETest sample for each day after surgery."""
    samples = pd.DataFrame(
        {
            "sample_id": list(days),
            "patient_id": "P1",
            "specimen": "blood",
            "visit": "unscheduled",
            "collected_on": [pd.Timestamp("2020-01-01") + pd.Timedelta(days=day) for day, _ in days.values()],
        }
    )
    results = pd.DataFrame(
        {
            "sample_id": list(days),
            "analyte": "netest_activity",
            "value": [value for _, value in days.values()],
            "unit": "score",
            "version": "1.0",
        }
    )
    return type(trial).from_frames(**{**trial.tables(), "samples": samples, "results": results})


@pytest.mark.parametrize("origin", FIRST_DAY)
def test_a_landmark_closes_from_time_zero_and_the_operation_stays_the_operation(protocol, origin):
    rules = with_rules(protocol, clock__origin=origin)
    zero = FIRST_DAY[origin]
    trial = blood(
        trial_of("mri 3 clear"), PRE=(-10, 70.0), EARLY=(30, 30.0), DUE=(zero + 183, 20.0), LATE=(zero + 214, 90.0)
    )
    closes = closing_dates(trial, rules, 6).loc["P1"]
    assert closes == pd.Timestamp("2020-01-01") + pd.Timedelta(days=zero + 213)
    row = table_at(trial, rules, 6).rows.loc["P1"]
    assert (row["netest_last"], row["netest_preop"]) == (20.0, 70.0)
    assert row["sample_month"] == pytest.approx(months(183))
    # Both post-operative samples make the slope, whichever side of time zero they lie on; the pre-operative never.
    assert row["netest_mean"] == pytest.approx(25.0)
    assert row["days_since_prrt"] == pytest.approx(zero + 183 - 60)
    assert table_at(trial, rules, 0).rows.loc["P1", "netest_last"] == 70.0
