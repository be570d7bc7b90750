"""Urine 5-HIAA per creatinine, units and censored values."""

from __future__ import annotations

import numpy as np
import pytest

from data.findings import Refused
from data.protocol import ProtocolError, load_protocol
from features.measurements import measurements
from features.urine import hiaa_per_creatinine, per_creatinine


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


# 5-HIAA with its unit, creatinine with its unit, ratio in umol/mmol (domain 2.6; molar masses 191.18 and 113.12 g).
RATIOS = [
    (53.0, "umol/L", 10.0, "mmol/L", 5.3),
    (53.0, "µmol/L", 10000.0, "µmol/L", 5.3),
    (53.0, "umol/L", 10000.0, "umol/L", 5.3),
    (10.0, "mg/L", 10.0, "mmol/L", 5.231),
    (14.0, "mg/L", 1.0, "g/L", 8.28),
    (14.0, "mg/L", 100.0, "mg/dL", 8.28),
    (8.96, "mg/L", 1.0, "g/L", 5.30),
]


@pytest.mark.parametrize(("value", "unit", "divisor", "divisor_unit", "ratio"), RATIOS)
def test_every_unit_of_both_analytes(rows, protocol, value, unit, divisor, divisor_unit, ratio):
    row = ratio_of(rows, protocol, hiaa(rows, value, unit=unit), creatinine(rows, divisor, unit=divisor_unit))
    assert row["ratio"] == pytest.approx(ratio, abs=0.005)


def test_the_table_above_has_every_unit_of_the_protocol(protocol):
    shown = {("5hiaa", row[1]) for row in RATIOS} | {("creatinine", row[3]) for row in RATIOS}
    listed = {(name, unit) for name in ("5hiaa", "creatinine") for unit in protocol.analytes[name].units}
    # The Greek letter and the micro sign are one unit (data.protocol).
    assert {(name, unit.replace("\u03bc", "\u00b5")) for name, unit in listed} == shown


# A ratio that the laboratory has formed, with its unit, and the same in umol/mmol.
FORMED = [
    (14.0, "mg/g", 8.28),
    (8.96, "mg/g", 5.30),
    (5.3, "umol/mmol", 5.3),
    (5.3, "µmol/mmol", 5.3),
    (5.3, "mmol/mol", 5.3),
    (1.0, "mg/mmol", 5.231),
]


@pytest.mark.parametrize(("value", "unit", "ratio"), FORMED)
def test_a_ratio_that_the_laboratory_formed(rows, protocol, value, unit, ratio):
    delivered = rows.result("U1", value, "5hiaa_creatinine", unit=unit, version="spot")
    row = ratio_of(rows, protocol, delivered)
    assert row["valid"] and row["ratio"] == pytest.approx(ratio, abs=0.005)
    dilute = ratio_of(rows, protocol, delivered, creatinine(rows, 1.0))
    assert (dilute["valid"], dilute["reason"]) == (False, "creatinine_out_of_range")
    measured_here = ratio_of(rows, protocol, delivered, hiaa(rows, 20.0), creatinine(rows, 10.0))
    assert measured_here["ratio"] == 2.0


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


# Comparator and value of 5-HIAA (umol/L) over creatinine 10 mmol/L: ratio, ratio at the limit, below, above.
BEYOND = [
    ("=", 20.0, 2.0, np.nan, False, False),
    ("<", 20.0, 2.0 / np.sqrt(2), 2.0, True, False),
    (">", 900.0, 90.0, 90.0, False, True),
]


@pytest.mark.parametrize(("comparator", "value", "ratio", "limit", "below", "above"), BEYOND)
def test_values_beyond_a_limit_are_carried_as_such(rows, protocol, comparator, value, ratio, limit, below, above):
    row = ratio_of(rows, protocol, hiaa(rows, value, comparator=comparator), creatinine(rows, 10.0))
    assert row["ratio"] == pytest.approx(ratio) and row["limit"] == pytest.approx(limit, nan_ok=True)
    assert (row["censored"], row["above"], row["valid"]) == (below, above, True)


@pytest.mark.parametrize("comparator", ["<", ">"])
def test_creatinine_beyond_a_limit_divides_nothing(rows, protocol, comparator):
    row = ratio_of(rows, protocol, hiaa(rows, 20.0), creatinine(rows, 10.0, comparator=comparator))
    assert (row["reason"], row["valid"]) == ("creatinine_out_of_range", False) and np.isnan(row["limit"])


def extended(tmp_path, text):
    own = tmp_path / "own.toml"
    own.write_text('extends = "nelmas"\n' + text, encoding="utf-8")
    return load_protocol(own)


PHPAA = '[analyte.phpaa]\nspecimen = "urine"\nunit = "umol/L"\nunits = { "umol/L" = 1.0 }\nper_creatinine = true\n'


def test_any_marked_analyte_counts_per_creatinine(rows, tmp_path):
    protocol = extended(tmp_path, PHPAA)
    trial = rows.trial(
        samples=[rows.sample("U1", 6, specimen="urine"), rows.sample("U2", 12, specimen="urine")],
        results=[
            rows.result("U1", 80.0, "phpaa", unit="umol/L", version="spot"),
            creatinine(rows, 10.0),
            rows.result("U2", 40.0, "5hiaa"),
            rows.result("U2", 8.0, "creatinine"),
        ],
    )
    table = per_creatinine(measurements(trial, protocol), protocol, "phpaa").set_index("sample_id")
    assert table["ratio"].to_dict() == pytest.approx({"U1": 8.0, "U2": np.nan}, nan_ok=True)
    assert table["reason"].to_dict() == {"U1": "", "U2": "not_measured"}
    hiaa_table = per_creatinine(measurements(trial, protocol), protocol).set_index("sample_id")
    assert hiaa_table["reason"].to_dict() == {"U1": "not_measured", "U2": ""}


def test_an_analyte_without_the_mark_is_refused_by_name(rows, protocol):
    measured = measurements(rows.trial(), protocol)
    with pytest.raises(ProtocolError, match=r"urine_score is not marked per_creatinine = true; marked are: 5hiaa$"):
        per_creatinine(measured, protocol, "urine_score")


# What a protocol file says of an analyte, and the line that refuses it.
WRONG = [
    (PHPAA.replace("true", '"yes"'), "analyte phpaa: per_creatinine 'yes' does not go; give true or false"),
    (
        PHPAA.replace('"urine"', '"blood"'),
        "phpaa: per_creatinine goes with a urine concentration .* blood phpaa in umol/L",
    ),
    (PHPAA.replace('unit = "umol/L"', 'unit = "umol/24h"'), "not with urine phpaa in umol/24h; leave it out"),
    (PHPAA.replace("phpaa", "creatinine").replace("umol", "mmol"), "not with urine creatinine in mmol/L; leave it out"),
    ('omit = ["analyte.creatinine"]\n', "analyte 5hiaa: per_creatinine needs .analyte.creatinine. of specimen urine"),
    (
        PHPAA.replace("per_creatinine", "per_creatine"),
        "analyte phpaa: unknown key per_creatine; use .*, per_creatinine",
    ),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_wrong_mark_is_refused_in_one_line(tmp_path, text, words):
    with pytest.raises(ProtocolError, match=words) as refused:
        extended(tmp_path, text)
    assert "\n" not in str(refused.value)


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
