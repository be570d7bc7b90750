"""Whether blood and urine say the same: calls, pairs and the columns of the landmark table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.landmark import table_at
from features.urine import agreement_state, blood_urine_pairs, urine_calls

SURGERY = pd.Timestamp("2020-01-01")
TOLERANCE = 14


def days_of(*results):
    """Results of one patient as (day, call), or of several as (patient, day, call)."""
    rows = [result if len(result) == 3 else ("P1", *result) for result in results]
    table = pd.DataFrame(rows, columns=["patient_id", "since_surgery", "call"]).astype({"since_surgery": "float64"})
    return table.assign(collected_on=SURGERY + pd.to_timedelta(table["since_surgery"], unit="D"))


# Ratio umol/mmol, below its limit, above its limit, call. Cut-off 5.3; the limit of a value below it is ratio x sqrt 2.
CALLS = [
    (5.3, False, False, 0),
    (5.31, False, False, 1),
    (0.0, False, False, 0),
    (5.3 / np.sqrt(2), True, False, 0),
    (6.0 / np.sqrt(2), True, False, np.nan),
    (9.0, False, True, 1),
    (4.0, False, True, np.nan),
    (np.nan, False, False, np.nan),
]


def test_calls_of_urine(protocol):
    table = pd.DataFrame(CALLS, columns=["ratio", "censored", "above", "call"])
    assert urine_calls(table, protocol).tolist() == pytest.approx(table["call"].tolist(), nan_ok=True)


def test_states():
    blood = np.array([0, 1, 0, 1, np.nan, 1, np.nan])
    urine = np.array([0, 0, 1, 1, 1, np.nan, np.nan])
    expected = ["both_negative", "blood_only", "urine_only", "both_positive", None, None, None]
    assert agreement_state(blood, urine).tolist() == expected


# Blood and urine as (day, call); then the pairs as (same, days from blood to urine, later day).
PAIRS = {
    "the same day": ([(180, 1)], [(180, 1)], [(1, 0, 180)]),
    "calls differ": ([(180, 1)], [(180, 0)], [(0, 0, 180)]),
    "urine later": ([(180, 1)], [(194, 1)], [(1, 14, 194)]),
    "too late": ([(180, 1)], [(195, 1)], []),
    "urine earlier": ([(180, 1)], [(166, 1)], [(1, -14, 180)]),
    "across the operation": ([(-1, 1)], [(3, 1)], []),
    "before the operation": ([(-5, 1)], [(0, 1)], [(1, 5, 0)]),
    "the nearer of two": ([(180, 1)], [(178, 1), (185, 0)], [(1, -2, 180)]),
    "the earlier of two equally near": ([(180, 1)], [(178, 1), (182, 0)], [(1, -2, 180)]),
    "nothing is paired twice": ([(180, 1), (183, 0)], [(182, 0)], [(1, -1, 183)]),
    "an unknown call is no pair": ([(180, 1)], [(178, np.nan), (185, 0)], [(0, 5, 185)]),
    "two visits": ([(180, 1), (365, 1)], [(181, 0), (360, 1)], [(0, 1, 181), (1, -5, 365)]),
    "no urine": ([(180, 1)], [], []),
    "nothing": ([], [], []),
}


@pytest.mark.parametrize("case", PAIRS)
def test_pairs(case):
    blood, urine, expected = PAIRS[case]
    found = blood_urine_pairs(days_of(*blood), days_of(*urine), TOLERANCE)
    day = (found["collected_on"] - SURGERY).dt.days
    assert list(zip(found["same"], found["days"], day, strict=True)) == expected


def test_patients_are_never_paired_with_each_other():
    blood, urine = days_of(("P1", 180, 1), ("P2", 900, 1)), days_of(("P2", 180, 1), ("P3", 901, 1))
    assert blood_urine_pairs(blood, urine, TOLERANCE).empty


def slow_pairs(blood, urine):
    """Every pair of one patient by looking at all days: each is the nearest of the other, the earlier of two."""
    found = []
    for b in blood:
        u = min(urine, key=lambda other: (abs(other - b), other), default=None)
        if u is None or abs(u - b) > TOLERANCE or (u > 0) != (b > 0):
            continue
        if min(blood, key=lambda other: (abs(other - u), other)) == b:
            found.append((b, u))
    return found


DAYS = st.lists(st.integers(1, 60), unique=True, max_size=8).map(sorted)


@settings(max_examples=150, deadline=None)
@given(DAYS, DAYS)
def test_pairs_of_any_days(blood, urine):
    found = blood_urine_pairs(days_of(*((d, 1) for d in blood)), days_of(*((d, 0) for d in urine)), TOLERANCE)
    day = (found["collected_on"] - SURGERY).dt.days
    assert [(max(b, u), u - b) for b, u in slow_pairs(blood, urine)] == list(zip(day, found["days"], strict=True))


@settings(max_examples=150, deadline=None)
@given(DAYS, DAYS)
def test_nothing_later_than_the_last_pair_changes_the_pairs(blood, urine):
    one, two = days_of(*((d, 1) for d in blood)), days_of(*((d, 0) for d in urine))
    found = blood_urine_pairs(one, two, TOLERANCE)
    last = found["collected_on"].max() if len(found) else pd.Timestamp.min
    again = blood_urine_pairs(one[one["collected_on"] <= last], two[two["collected_on"] <= last], TOLERANCE)
    pd.testing.assert_frame_equal(found, again)


NAMES = ["blood_urine_state", "blood_urine_days", "blood_urine_pairs", "blood_urine_agreement"]

# Blood as (day since surgery, score; above 20 is positive), urine as (day, 5-HIAA umol/L at creatinine 10 mmol/L;
# above 53 is positive), then the columns at month 6 (day 183, window 153 to 213).
TABLE = {
    "both samples": ([(183, 30)], [(185, 60)], ["both_positive", 2, 1, 1]),
    "urine is negative": ([(183, 30)], [(183, 53)], ["blood_only", 0, 1, 0]),
    "blood is negative": ([(183, 20)], [(180, 60)], ["urine_only", -3, 1, 0]),
    "both negative, agreed before too": ([(-3, 20), (183, 20)], [(-3, 50), (183, 50)], ["both_negative", 0, 2, 1]),
    "agreed half of the time": ([(-3, 60), (183, 20)], [(-3, 50), (183, 50)], ["both_negative", 0, 2, 0.5]),
    "no urine at the landmark": ([(-3, 60), (183, 20)], [(-3, 60)], [None, np.nan, 1, 1]),
    "no blood at all": ([], [(183, 60)], [None, np.nan, 0, np.nan]),
    "far apart in one window": ([(160, 30)], [(200, 60)], ["both_positive", 40, 0, np.nan]),
}


def table_of(rows, protocol, blood, urine):
    days = [(f"B{n}", "blood", *result) for n, result in enumerate(blood)]
    days += [(f"U{n}", "urine", *result) for n, result in enumerate(urine)]
    samples = [rows.sample(name, 0, day=day, specimen=specimen) for name, specimen, day, _ in days]
    results = [rows.result(name, value) for name, specimen, _, value in days if specimen == "blood"]
    results += [rows.result(name, value, "5hiaa") for name, specimen, _, value in days if specimen == "urine"]
    results += [rows.result(name, 10.0, "creatinine") for name, specimen, _, _ in days if specimen == "urine"]
    return table_at(rows.trial(samples=samples, results=results), protocol, 6)


@pytest.mark.parametrize("case", TABLE)
def test_columns_of_the_landmark_table(rows, protocol, case):
    blood, urine, expected = TABLE[case]
    row = table_of(rows, protocol, blood, urine).rows.loc["P1"]
    assert row["blood_urine_state"] == expected[0] or (expected[0] is None and pd.isna(row["blood_urine_state"]))
    assert row[NAMES[1:]].astype("float64").tolist() == pytest.approx(expected[1:], nan_ok=True)


def test_stamps_are_the_later_of_both_samples(rows, protocol):
    table = table_of(rows, protocol, [(-3, 60), (160, 20)], [(-3, 60), (200, 60)])
    stamps = table.stamps().loc["P1"]
    assert stamps["blood_urine_state"] == stamps["blood_urine_days"] == rows.on(0, 200)
    assert stamps["blood_urine_agreement"] == stamps["blood_urine_pairs"] == rows.on(0, -3)
