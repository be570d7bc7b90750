"""PRRT and somatostatin analogues before the landmark sample; month 6 is day 183."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.protocol import load_protocol
from features.landmark import table_at
from features.registry import FEATURES

MONTH = 30.4375
NAMES = ["ssa_at_sample", "ssa_months", "days_since_ssa"]
UNKNOWN = np.nan


def course(rows, kind, start, end=None):
    """A treatment from one day after surgery to another; None: no last day is recorded."""
    return {
        "patient_id": "P1",
        "kind": kind,
        "started_on": rows.on(0, start),
        "ended_on": None if end is None else rows.on(0, end),
    }


def row_of(rows, protocol, courses=(), said=None, day=183, landmark=6, **tables):
    """The landmark row of a patient with one blood sample (``day`` None: no sample) and some courses."""
    sampled = {"samples": [rows.sample("B1", 0, day=day, ssa=said)], "results": [rows.result("B1", 30)]} if day else {}
    treatments = {"treatments": [course(rows, *one) for one in courses]} if courses else {}
    return table_at(rows.trial(**sampled, **treatments, **tables), protocol, landmark)


# Courses of an analogue as (first day, last day or None), what the sample says;
# then in use at the sample, days on it from surgery to the sample, days since the last, and why the days are unknown.
SSA = {
    "on it all the time": ([(-400, None)], "yes", 1, 183, 0, ""),
    "begun after surgery": ([(83, None)], "yes", 1, 100, 0, ""),
    "ended before the sample": ([(-400, 99)], "no", 0, 100, 84, ""),
    "ended before surgery": ([(-400, -10)], "no", 0, 0, 193, ""),
    "one day only": ([(100, 100)], "no", 0, 1, 83, ""),
    "two courses": ([(10, 19), (100, 149)], "no", 0, 60, 34, ""),
    "courses overlap": ([(10, 59), (40, 99)], "no", 0, 90, 84, ""),
    "a course within another": ([(10, 99), (20, 29)], "no", 0, 90, 84, ""),
    "on an open course, later another": ([(-400, None), (100, None)], "yes", 1, 183, 0, ""),
    "begins after the sample": ([(200, None)], "no", 0, 0, UNKNOWN, ""),
    "never any, and the sample says no": ([], "no", 0, 0, UNKNOWN, ""),
    "begins on the day of the sample": ([(183, None)], "no", 0, 0, UNKNOWN, ""),
    "ends on the day of the sample": ([(83, 183)], "yes", 1, 100, 0, ""),
    # The sample does not say: the courses decide.
    "silent sample, open course": ([(83, None)], None, 1, 100, 0, ""),
    "silent sample, course over": ([(83, 132)], None, 0, 50, 51, ""),
    "silent sample, course until the day": ([(83, 183)], None, 1, 100, 0, ""),
    "silent sample, no course": ([], None, UNKNOWN, UNKNOWN, UNKNOWN, "no_ssa_record"),
    "silent sample, later course": ([(200, None)], None, UNKNOWN, UNKNOWN, UNKNOWN, "no_ssa_record"),
    # They disagree: the sample decides on use, the days are not known.
    "yes without a course": ([], "yes", 1, UNKNOWN, 0, "records_disagree"),
    "yes after the last day": ([(83, 132)], "yes", 1, UNKNOWN, 0, "records_disagree"),
    "no within an open course": ([(83, None)], "no", 0, UNKNOWN, UNKNOWN, "records_disagree"),
}


@pytest.mark.parametrize("case", SSA)
def test_somatostatin_analogues(rows, protocol, case):
    courses, said, in_use, days, since, reason = SSA[case]
    row = row_of(rows, protocol, [("ssa", *one) for one in courses], said).rows.loc["P1"]
    assert row[NAMES].astype("float64").tolist() == pytest.approx([in_use, days / MONTH, since], nan_ok=True)
    assert row["ssa_reason"] == reason


def test_without_a_sample_or_before_surgery_there_are_no_months(rows, protocol):
    row = row_of(rows, protocol, [("ssa", -400, None)], day=None).rows.loc["P1"]
    assert row[[*NAMES, "prrt_cycles", "days_since_prrt"]].isna().all() and row["ssa_reason"] == "no_landmark_sample"
    row = row_of(rows, protocol, [("ssa", -400, None)], "yes", day=-5, landmark=0).rows.loc["P1"]
    assert row[NAMES].astype("float64").tolist() == pytest.approx([1, UNKNOWN, 0], nan_ok=True)
    assert row["ssa_reason"] == "pre_operative_sample"


# Days on which PRRT cycles began; days since the last at the sample, and how many.
PRRT = {
    "none": ([], UNKNOWN, 0),
    "two": ([60, 120], 63, 2),
    "in any order": ([120, 60], 63, 2),
    "on the day of the sample": ([60, 183], 0, 2),
    "after the sample": ([60, 184], 123, 1),
    "before surgery": ([-300], 483, 1),
}


@pytest.mark.parametrize("case", PRRT)
def test_prrt(rows, protocol, case):
    starts, since, cycles = PRRT[case]
    courses = [("ssa", 1, None), *(("prrt", start) for start in starts)]
    row = row_of(rows, protocol, courses, "yes").rows.loc["P1"]
    found = row[["days_since_prrt", "prrt_cycles"]].astype("float64").tolist()
    assert found == pytest.approx([since, cycles], nan_ok=True)


def test_where_sites_do_not_deliver_treatments_none_recorded_is_unknown(rows, tmp_path):
    own = tmp_path / "own.toml"
    record = '[cohort.absent_treatment]\nvalue = "not assessable"\nsource = "us"\nstatus = "assumed"\n'
    own.write_text('extends = "nelmas"\n' + record, encoding="utf-8")
    row = row_of(rows, load_protocol(own), said="no").rows.loc["P1"]
    assert row[["prrt_cycles", "ssa_months"]].isna().all() and row["ssa_reason"] == "no_ssa_record"
    assert row["ssa_at_sample"] == 0
    row = row_of(rows, load_protocol(own), [("prrt", 60)], "no").rows.loc["P1"]
    assert row["prrt_cycles"] == 1


def test_many_patients_each_by_their_own_courses(rows, protocol):
    draw = np.random.default_rng(4)
    names = [f"P{number}" for number in range(60)]
    courses = [
        {
            "patient_id": name,
            "kind": "ssa",
            "started_on": rows.on(0, int(start)),
            "ended_on": rows.on(0, int(start + length)),
        }
        for name in names
        for start, length in zip(draw.choice(400, 4, replace=False) - 200, draw.integers(0, 120, 4), strict=True)
    ]
    trial = rows.trial(
        patients=[rows.patient(name) for name in names],
        followup=[rows.follow(name) for name in names],
        samples=[rows.sample(f"B{name}", 6, name) for name in names],
        results=[rows.result(f"B{name}", 30) for name in names],
        treatments=list(draw.permutation(courses)),
    )
    table = table_at(trial, protocol, 6).rows
    for name in names:
        own = [one for one in courses if one["patient_id"] == name]
        covered = {
            day
            for one in own
            for day in pd.date_range(one["started_on"], one["ended_on"])
            if rows.on(0) <= day < rows.on(6)
        }
        before = [one["ended_on"] for one in own if one["started_on"] <= rows.on(6)]
        since = max(0, (rows.on(6) - max(before)).days) if before else UNKNOWN
        found = table.loc[name, ["ssa_months", "days_since_ssa"]].astype("float64").tolist()
        expected = [len(covered) / MONTH if before else UNKNOWN, since]
        assert found == pytest.approx(expected, nan_ok=True), name


def test_every_treatment_column_is_of_the_day_of_the_sample(rows, protocol):
    stamps = row_of(rows, protocol, [("ssa", 1, None), ("prrt", 60)], "yes").stamps().loc["P1"]
    names = [feature.name for feature in FEATURES.values() if feature.source == "treatments"]
    assert names == ["days_since_prrt", "prrt_cycles", "ssa_months", "days_since_ssa", "ssa_reason"]
    assert stamps[[*names, "ssa_at_sample"]].eq(rows.on(0, 183)).all()


def test_what_follows_the_sample_changes_nothing(rows, protocol):
    columns = [*NAMES, "ssa_reason", "prrt_cycles", "days_since_prrt"]
    short = [("ssa", 10, 99), ("prrt", 60)]
    one = row_of(rows, protocol, short, "no").rows.loc["P1", columns]
    two = row_of(rows, protocol, [*short, ("ssa", 184, 200), ("prrt", 190)], "no").rows.loc["P1", columns]
    pd.testing.assert_series_equal(one, two)
    open_end = row_of(rows, protocol, [("ssa", 10, None)], "yes").rows.loc["P1", columns]
    later_end = row_of(rows, protocol, [("ssa", 10, 190)], "yes").rows.loc["P1", columns]
    pd.testing.assert_series_equal(open_end, later_end)
