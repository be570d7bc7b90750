"""5-HIAA per creatinine and the urine score over time, in the landmark table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.landmark import table_at
from features.registry import FEATURES

MONTH = 30.4375


def table_of(rows, protocol, ratios=(), scores=(), landmark=12, comparators=None):
    """Urine of one patient: 5-HIAA per creatinine and urine scores as (day since surgery, value)."""
    days = sorted({day for day, _ in (*ratios, *scores)})
    samples = [rows.sample(f"U{day}", 0, day=day, specimen="urine") for day in days]
    results = [
        rows.result(f"U{day}", value * 10, "5hiaa", comparator=(comparators or {}).get(day, "="))
        for day, value in ratios
    ]
    results += [rows.result(f"U{day}", 10.0, "creatinine") for day, _ in ratios]
    results += [rows.result(f"U{day}", value, "urine_score") for day, value in scores]
    return table_at(rows.trial(samples=samples, results=results), protocol, landmark)


# 5-HIAA per creatinine 12 before surgery, 4 on day 183, 8 on day 365 (182 days: 5.979 months); cut-off 5.3.
EXPECTED = {
    "last": 8.0,
    "ln": np.log(8),
    "below_limit": 0,
    "preop": 12.0,
    "change_preop": -4.0,
    "lnratio_preop": np.log(8 / 12),
    "change_previous": 4.0,
    "lnratio_previous": np.log(2),
    "slope": np.log(2) / (182 / MONTH),
    "trend": np.log(2) / (182 / MONTH),
    "curvature": np.nan,
    "doubling_rate": 1 / (182 / MONTH),
    "doubling_months": 182 / MONTH,
    "half_life_months": np.nan,
    "exposure": 6.0,
    "area": 6.0 * 182 / MONTH,
    "mean": 6.0,
    "max": 8.0,
    "nadir": 4.0,
    "months_above": (8 - 5.3) / 4 * 182 / MONTH,
    "fraction_above": (8 - 5.3) / 4,
    "n_positive": 1,
    "conversion": 1,
    "reversion": 0,
    "rcv_rise": np.nan,
    "n_samples": 2,
}


def test_kinetics_of_the_ratio(rows, protocol):
    row = table_of(rows, protocol, [(-3, 12), (183, 4), (365, 8)]).rows.loc["P1"]
    found = {name: float(row[f"hiaa_creatinine_{name}"]) for name in EXPECTED}
    assert found == pytest.approx(EXPECTED, nan_ok=True)
    assert row["hiaa_creatinine_kinetics_reason"] == "" and np.isnan(row["hiaa_creatinine_limit_ln"])
    assert row["hiaa_creatinine_days_to_landmark"] == pytest.approx(13 * MONTH - 365)


def test_below_the_limit_the_level_stays_and_the_change_is_not_estimable(rows, protocol):
    row = table_of(rows, protocol, [(183, 2), (365, 1)], comparators={365: "<"}).rows.loc["P1"]
    assert row["hiaa_creatinine_last"] == pytest.approx(1 / np.sqrt(2)) and row["hiaa_creatinine_below_limit"] == 1
    assert row["hiaa_creatinine_limit_ln"] == pytest.approx(np.log(1.0), abs=1e-12)
    assert row[["hiaa_creatinine_slope", "hiaa_creatinine_change_previous"]].isna().all()
    assert row["hiaa_creatinine_kinetics_reason"] == "below_limit"
    assert (row["hiaa_creatinine_conversion"], row["hiaa_creatinine_n_positive"]) == (0, 0)


def test_the_urine_score_has_a_course_but_no_positive_results(rows, protocol):
    table = table_of(rows, protocol, scores=[(-3, 60), (183, 20), (365, 40)])
    row = table.rows.loc["P1"]
    logit = {score: np.log((score + 0.5) / (100.5 - score)) for score in (20, 40)}
    assert (row["urine_score_last"], row["urine_score_preop"], row["urine_score_change_preop"]) == (40, 60, -20)
    assert row["urine_score_logit"] == pytest.approx(logit[40])
    assert row["urine_score_slope"] == pytest.approx((logit[40] - logit[20]) / (182 / MONTH))
    without = {"category", "months_above", "fraction_above", "n_positive", "conversion", "reversion"}
    assert not {f"urine_score_{name}" for name in without} & set(table.rows.columns)


def test_urine_and_blood_do_not_touch(rows, protocol):
    row = table_of(rows, protocol, [(365, 8)], [(365, 40)]).rows.loc["P1"]
    assert pd.isna(row["netest_last"]) and not row["has_landmark_blood"]
    assert (row["hiaa_creatinine_last"], row["urine_score_last"]) == (8, 40)


def test_every_column_has_the_date_of_the_sample_it_rests_on(rows, protocol):
    stamps = table_of(rows, protocol, [(-3, 12), (183, 4), (350, 8)], [(-2, 60), (365, 40)]).stamps().loc["P1"]
    expected = {
        "hiaa_creatinine_ln": 350,
        "hiaa_creatinine_change_preop": 350,
        "hiaa_creatinine_preop": -3,
        "hiaa_valid": 350,
        "urine_score_last": 365,
        "urine_score_slope": 365,
        "urine_score_preop": -2,
        "missing_5hiaa": 365,
        "missing_urine_score": 365,
    }
    assert {name: (stamps[name] - rows.on(0)).days for name in expected} == expected


def test_a_failed_sample_dates_the_flag_but_not_the_value(rows, protocol):
    samples = [rows.sample(f"U{day}", 0, day=day, specimen="urine") for day in (340, 350)]
    results = [rows.result("U350", 40, "5hiaa"), rows.result("U350", 1.0, "creatinine")]
    table = table_at(rows.trial(samples=samples[1:], results=results), protocol, 12)
    row, stamps = table.rows.loc["P1"], table.stamps().loc["P1"]
    assert (row["hiaa_valid"], row["missing_5hiaa"]) == (0, "creatinine_out_of_range")
    assert stamps["hiaa_valid"] == rows.on(0, 350) and pd.isna(stamps["hiaa_creatinine_ln"])
    earlier = [rows.result("U340", 40, "5hiaa"), rows.result("U340", 10.0, "creatinine")]
    table = table_at(rows.trial(samples=samples, results=[*earlier, *results]), protocol, 12)
    row, stamps = table.rows.loc["P1"], table.stamps().loc["P1"]
    assert (row["hiaa_valid"], row["missing_5hiaa"], row["hiaa_creatinine_last"]) == (1, "", 4)
    assert stamps["hiaa_valid"] == stamps["hiaa_creatinine_ln"] == rows.on(0, 340)


def test_the_dictionary_gives_unit_source_and_stamp_of_every_urine_column():
    urine = [feature for feature in FEATURES.values() if feature.source == "urine"]
    assert {"hiaa_creatinine_slope", "urine_score_trend", "hiaa_24h_ln", "blood_urine_state"} <= {f.name for f in urine}
    plain = ("flag", "category", "reason")
    for feature in urine:
        assert feature.formula and feature.look_back and feature.reference, feature.name
        assert feature.stamp != feature.source or feature.kind == "reason", feature.name
        without_unit = feature.name.endswith(("fraction_above", "agreement"))
        assert bool(feature.unit) == (feature.kind not in plain and not without_unit), feature.name
    assert FEATURES["hiaa_creatinine_slope"].unit == "ln/month" and FEATURES["urine_score_area"].unit == "score x month"
