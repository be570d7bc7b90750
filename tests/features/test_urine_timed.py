"""24-hour urine: daily excretion, incomplete collections, and that it is never mixed with spot urine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.landmark import table_at
from features.measurements import measurements
from features.urine import hiaa_per_creatinine, timed_collections

UNITS = {
    "5hiaa": "umol/L",
    "creatinine": "mmol/L",
    "urine_volume": "mL",
    "collection_hours": "h",
    "5hiaa_24h": "umol/24h",
    "creatinine_24h": "mmol/24h",
}


def result(rows, sample_id, analyte, value, **facts):
    return rows.result(sample_id, value, analyte, unit=UNITS[analyte], version="24h") | facts


def collection(rows, sample_id="U1", **values):
    """Results of one collection: 20 umol/L 5-HIAA, 6 mmol/L creatinine and 1500 mL unless given; None leaves out."""
    values = {"5hiaa": 20.0, "creatinine": 6.0, "urine_volume": 1500.0} | values
    return [result(rows, sample_id, name, value) for name, value in values.items() if value is not None]


def trial_of(rows, results, sex="F", **sample):
    names = dict.fromkeys(one["sample_id"] for one in results)
    samples = [rows.sample(name, 6, specimen="urine", visit="month_6", **sample) for name in names]
    return rows.trial(patients=[rows.patient(sex=sex)], samples=samples, results=results)


def judged(rows, protocol, results, sex="F"):
    trial = trial_of(rows, results, sex)
    return timed_collections(measurements(trial, protocol), pd.Series({"P1": sex}), protocol).iloc[0]


# Concentrations (umol/L, mmol/L), volume mL, hours (None: not delivered), sex;
# then 5-HIAA umol/24 h, creatinine mmol/24 h, incomplete, excess, why it is not valid.
# Range of creatinine per 24 h: women 5-16, men 9-18 mmol. Hours 20-28.
COLLECTIONS = [
    ("whole day", 20.0, 6.0, 1500.0, None, "F", 30.0, 9.0, 0, 0, ""),
    ("24 hours said", 20.0, 6.0, 1500.0, 24.0, "F", 30.0, 9.0, 0, 0, ""),
    ("a shorter day", 20.0, 6.0, 1250.0, 20.0, "F", 30.0, 9.0, 0, 0, ""),
    ("a longer day", 20.0, 6.0, 1750.0, 28.0, "M", 30.0, 9.0, 0, 0, ""),
    ("half a day", 20.0, 6.0, 750.0, 12.0, "F", np.nan, np.nan, np.nan, np.nan, "hours_out_of_range"),
    ("woman, lost urine", 20.0, 6.0, 800.0, None, "F", 16.0, 4.8, 1, 0, "incomplete_collection"),
    ("woman, at the limit", 20.0, 5.0, 1000.0, None, "F", 20.0, 5.0, 0, 0, ""),
    ("man, the same volume", 20.0, 5.0, 1000.0, None, "M", 20.0, 5.0, 1, 0, "incomplete_collection"),
    ("more than a day", 20.0, 8.0, 2500.0, None, "M", 50.0, 20.0, 0, 1, "excess_collection"),
    ("no creatinine", 20.0, None, 1500.0, None, "F", 30.0, np.nan, np.nan, np.nan, ""),
    ("sex not known", 20.0, 6.0, 800.0, None, None, 16.0, 4.8, np.nan, np.nan, ""),
    ("no volume", 20.0, 6.0, None, None, "F", np.nan, np.nan, np.nan, np.nan, "no_volume"),
    ("no 5-HIAA", None, 6.0, 1500.0, None, "F", np.nan, np.nan, np.nan, np.nan, "not_measured"),
]


@pytest.mark.parametrize("case", COLLECTIONS, ids=[case[0] for case in COLLECTIONS])
def test_collections(rows, protocol, case):
    _, hiaa, creatinine, volume, hours, sex, excretion, of_creatinine, incomplete, excess, reason = case
    values = {"5hiaa": hiaa, "creatinine": creatinine, "urine_volume": volume, "collection_hours": hours}
    row = judged(rows, protocol, collection(rows, **values), sex)
    found = [row[name] for name in ("excretion", "creatinine", "incomplete", "excess")]
    assert found == pytest.approx([excretion, of_creatinine, incomplete, excess], nan_ok=True)
    assert (row["reason"], row["valid"]) == (reason, reason == "")
    assert np.isnan(row["ln_excretion"]) == (reason != "")


# A daily amount in the unit of the laboratory, and in umol/24 h (domain 2.6: 10 mg = 52.3 umol, 40 umol = 7.65 mg).
AMOUNTS = [
    (10.0, "mg/24h", 52.3),
    (10.0, "mg/d", 52.3),
    (7.65, "mg/24h", 40.0),
    (3.0, "mg/24h", 15.7),
    (40.0, "umol/24h", 40.0),
    (40.0, "µmol/24h", 40.0),
    (40.0, "umol/d", 40.0),
    (40.0, "µmol/d", 40.0),
]


@pytest.mark.parametrize(("value", "unit", "expected"), AMOUNTS)
def test_a_daily_amount_as_the_laboratory_reports_it(rows, protocol, value, unit, expected):
    row = judged(rows, protocol, [result(rows, "U1", "5hiaa_24h", value, unit=unit)])
    assert row["excretion"] == pytest.approx(expected, abs=0.05) and row["valid"] and np.isnan(row["incomplete"])


# Creatinine of the day in the unit of the laboratory, in mmol, and whether a man's collection is incomplete.
@pytest.mark.parametrize(
    ("value", "unit", "expected", "incomplete"),
    [
        (12.0, "mmol/24h", 12.0, 0),
        (8.9, "mmol/d", 8.9, 1),
        (1.5, "g/24h", 13.26, 0),
        (1.0, "g/d", 8.84, 1),
        (1500.0, "mg/24h", 13.26, 0),
        (1000.0, "mg/d", 8.84, 1),
    ],
)
def test_creatinine_of_the_day(rows, protocol, value, unit, expected, incomplete):
    amounts = [result(rows, "U1", "5hiaa_24h", 30.0), result(rows, "U1", "creatinine_24h", value, unit=unit)]
    row = judged(rows, protocol, amounts, "M")
    assert row["creatinine"] == pytest.approx(expected) and row["incomplete"] == incomplete


@pytest.mark.parametrize(("value", "unit"), [(1500.0, "mL"), (1500.0, "ml"), (1.5, "L")])
@pytest.mark.parametrize(("hours", "hours_unit"), [(24.0, "h"), (24.0, "hours"), (1440.0, "min")])
def test_units_of_volume_and_hours(rows, protocol, value, unit, hours, hours_unit):
    results = [
        *collection(rows, urine_volume=None),
        result(rows, "U1", "urine_volume", value, unit=unit),
        result(rows, "U1", "collection_hours", hours, unit=hours_unit),
    ]
    row = judged(rows, protocol, results)
    assert (row["volume"], row["hours"], row["excretion"]) == pytest.approx((1500, 24, 30))


def test_spot_urine_gives_no_excretion_and_a_collection_no_ratio(rows, protocol):
    spot = [rows.result("S1", 20.0, "5hiaa"), rows.result("S1", 6.0, "creatinine")]
    trial = trial_of(rows, [*spot, *collection(rows, "U1")])
    measured = measurements(trial, protocol)
    daily = timed_collections(measured, pd.Series({"P1": "F"}), protocol).set_index("sample_id")
    ratio = hiaa_per_creatinine(measured, protocol).set_index("sample_id")
    assert daily["reason"].to_dict() == {"S1": "not_timed", "U1": ""}
    assert ratio["reason"].to_dict() == {"S1": "", "U1": "not_spot"}


@pytest.mark.parametrize("analyte", ["5hiaa", "creatinine", "urine_volume"])
def test_a_withdrawn_part_makes_no_excretion(rows, protocol, analyte):
    results = [one | {"qc": "fail" if one["analyte"] == analyte else None} for one in collection(rows)]
    row = judged(rows, protocol, results)
    assert (row["reason"], row["valid"]) == ("failed_qc", False) and np.isnan(row["excretion"])


def test_below_the_limit_is_flagged(rows, protocol):
    results = [one | {"comparator": "<" if one["analyte"] == "5hiaa" else "="} for one in collection(rows)]
    row = judged(rows, protocol, results)
    assert row["censored"] and row["excretion"] == pytest.approx(30 / np.sqrt(2))


def in_table(rows, protocol, *collections):
    """The 24-hour columns at month 6 of collections given as (day around month 6, results)."""
    samples = [
        rows.sample(f"U{number}", 6, day=day, specimen="urine", visit="month_6")
        for number, (day, _) in enumerate(collections)
    ]
    results = [one | {"sample_id": f"U{n}"} for n, (_, own) in enumerate(collections) for one in own]
    table = table_at(rows.trial(samples=samples, results=results), protocol, 6)
    row, stamps = table.rows.loc["P1"], table.stamps().loc["P1"]
    names = ["hiaa_24h_ln", "hiaa_24h_below_limit", "hiaa_24h_incomplete"]
    assert np.isnan(row["hiaa_creatinine_ln"])
    return [*row[names].astype("float64"), row["missing_hiaa_24h"]], stamps


def test_columns_of_the_landmark_table(rows, protocol):
    whole, lost = collection(rows), collection(rows, urine_volume=500.0)
    found, stamps = in_table(rows, protocol, (0, whole))
    assert found == pytest.approx([np.log(30), 0, 0, ""], nan_ok=True)
    assert stamps["hiaa_24h_ln"] == stamps["hiaa_24h_incomplete"] == rows.on(6)
    found, stamps = in_table(rows, protocol, (0, lost))
    assert found[2:] == [1, "incomplete_collection"] and np.isnan(found[:2]).all()
    assert pd.isna(stamps["hiaa_24h_ln"]) and stamps["hiaa_24h_incomplete"] == rows.on(6)
    found, stamps = in_table(rows, protocol, (-10, whole), (0, lost))
    assert found == pytest.approx([np.log(30), 0, 0, ""], nan_ok=True) and stamps["hiaa_24h_incomplete"] == rows.on(
        6, -10
    )
    found, _ = in_table(rows, protocol)
    assert found[3] == "not_collected" and np.isnan(found[:3]).all()
