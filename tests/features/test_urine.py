"""Urine 5-HIAA per creatinine, units and censored values."""

from __future__ import annotations

import numpy as np
import pytest

from data.findings import Refused
from features.measurements import measurements
from features.urine import hiaa_per_creatinine


def ratio_of(rows, protocol, *results):
    trial = rows.trial(samples=[rows.sample("U1", 6, specimen="urine")], results=list(results))
    return hiaa_per_creatinine(measurements(trial, protocol), protocol).iloc[0]


def hiaa(rows, value, **facts):
    return rows.result("U1", value, "5hiaa", **facts)


def creatinine(rows, value, **facts):
    return rows.result("U1", value, "creatinine", **facts)


def test_ratio_in_canonical_units(rows, protocol):
    row = ratio_of(rows, protocol, hiaa(rows, 53.0), creatinine(rows, 10.0))
    assert row["ratio"] == pytest.approx(5.3) and row["ln_ratio"] == pytest.approx(np.log(5.3)) and row["valid"]


def test_units_are_converted(rows, protocol):
    milligrams = ratio_of(rows, protocol, hiaa(rows, 10.0, unit="mg/L"), creatinine(rows, 10000.0, unit="umol/L"))
    assert milligrams["ratio"] == pytest.approx(5.231)
    per_litre = ratio_of(rows, protocol, hiaa(rows, 53.0), creatinine(rows, 1.0, unit="g/L"))
    assert per_litre["ratio"] == pytest.approx(53.0 / 8.84)


def test_a_unit_that_cannot_be_converted_is_refused(rows, protocol):
    with pytest.raises(Refused, match=r"\[D180\] results column unit sample U1: 5hiaa in 'umol/24h'"):
        ratio_of(rows, protocol, hiaa(rows, 40.0, unit="umol/24h"), creatinine(rows, 10.0))


# 5-HIAA facts, creatinine (None: not measured) with facts, and the reason why there is no ratio.
INVALID = {
    "no creatinine": ({}, None, {}, "no_creatinine"),
    "creatinine without a value": ({}, np.nan, {}, "no_creatinine"),
    "dilute": ({}, 1.9, {}, "creatinine_out_of_range"),
    "concentrated": ({}, 30.1, {}, "creatinine_out_of_range"),
    "24-hour collection": ({"version": "24h"}, 10.0, {}, "not_spot"),
    "24-hour creatinine": ({}, 10.0, {"version": "24h"}, "not_spot"),
    "withdrawn": ({"qc": "fail"}, 10.0, {}, "failed_qc"),
    "creatinine withdrawn": ({}, 10.0, {"qc": "fail"}, "failed_qc"),
}


@pytest.mark.parametrize("case", INVALID)
def test_why_there_is_no_ratio(rows, protocol, case):
    facts, value, creatinine_facts, reason = INVALID[case]
    results = [hiaa(rows, 50.0, **facts)]
    if value is not None:
        results.append(creatinine(rows, value, **creatinine_facts))
    row = ratio_of(rows, protocol, *results)
    assert (row["reason"], row["valid"]) == (reason, False) and np.isnan(row["ln_ratio"])


def test_creatinine_alone_is_not_measured(rows, protocol):
    assert ratio_of(rows, protocol, creatinine(rows, 10.0))["reason"] == "not_measured"


@pytest.mark.parametrize("value", [2.0, 30.0])
def test_the_limits_of_creatinine_are_valid(rows, protocol, value):
    assert ratio_of(rows, protocol, hiaa(rows, 50.0), creatinine(rows, value))["valid"]


def test_below_the_limit_enters_as_limit_over_root_two(rows, protocol):
    row = ratio_of(rows, protocol, hiaa(rows, 2.0, comparator="<"), creatinine(rows, 10.0))
    assert row["ratio"] == pytest.approx(0.2 / np.sqrt(2)) and row["censored"] and row["valid"]
    assert not ratio_of(rows, protocol, hiaa(rows, 2.0), creatinine(rows, 10.0))["censored"]


def test_blood_never_becomes_urine(rows, protocol):
    trial = rows.trial(samples=[rows.sample("U1", 6)], results=[hiaa(rows, 50.0), creatinine(rows, 10.0)])
    assert hiaa_per_creatinine(measurements(trial, protocol), protocol).empty


def test_an_analyte_outside_the_protocol_is_taken_as_it_comes(rows, protocol):
    trial = rows.trial(samples=[rows.sample("B1", 6)], results=[rows.result("B1", 3.2, "bilirubin", unit="mg/dL")])
    assert measurements(trial, protocol)["value"].tolist() == [3.2]


def test_a_score_from_a_failed_plate_is_not_valid(rows, protocol):
    def valid(**verdict):
        trial = rows.trial(
            samples=[rows.sample("B1", 6)],
            results=[rows.result("B1", 30, plate="PL1"), rows.result("B1", 90, "cga", plate="PL1")],
            verdicts=[{"plate": "PL1", "sample_id": "B1", "verdict": "pass"} | verdict],
        )
        return measurements(trial, protocol).set_index("analyte")["valid"].to_dict()

    assert valid() == {"cga": True, "netest_activity": True}
    assert valid(verdict="reject") == {"cga": True, "netest_activity": False}
    assert valid(verdict="repeat") == {"cga": True, "netest_activity": False}
    assert valid(verdict="reject", plate="PL0") == {"cga": True, "netest_activity": True}
