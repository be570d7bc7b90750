"""Kinetics of a marker: worked examples of one patient."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kinetics_cases import MONTH, RATIO, SCORE, logit, of

from features.kinetics import KINETIC_COLUMNS, KINETIC_REASONS, MATERIAL, doubling_time, half_life, kinetics, time_above

LN2 = np.log(2)

# What needs a second post-operative result, and what needs a third.
SEVERAL = (
    "change_previous lnratio_previous slope trend doubling_rate doubling_months half_life_months exposure area sd "
    "months_since_peak rise_from_nadir months_above fraction_above conversion reversion rcv_rise rcv_fall"
).split()
NEVER_ALONE = [*SEVERAL, "curvature", "days_to_landmark"]


def check(found, expected):
    """Every column named in ``expected`` has that value; None stands for not estimable."""
    wrong = {
        name: (found[name], value)
        for name, value in expected.items()
        if (value is None and not np.isnan(found[name]))
        or (isinstance(value, str) and found[name] != value)
        or (isinstance(value, int | float) and found[name] != pytest.approx(value, rel=1e-9, abs=1e-12))
    }
    assert not wrong


def test_every_column_of_a_score_by_hand():
    """Scores 10, 40 and 25 at months 6, 12 and 16; pre-operative 60; the landmark closes at month 17."""
    a, b, c = logit(10), logit(40), logit(25)
    first, last = (b - a) / 6, (c - b) / 4
    months, levels = np.array([6, 12, 16]), np.array([a, b, c])
    expected = {
        "last": 25,
        "scaled": c,
        "category": 1,
        "below_limit": 0,
        "preop": 60,
        "change_preop": -35,
        "lnratio_preop": np.log(26 / 61),
        "change_previous": -15,
        "lnratio_previous": np.log(26 / 41),
        "slope": last,
        "trend": np.polyfit(months, levels, 1)[0],
        "curvature": 2 * np.polyfit(months, levels, 2)[0],
        "doubling_rate": last / LN2,
        "doubling_months": None,
        "half_life_months": LN2 / -last,
        "exposure": (25 * 6 + 32.5 * 4) / 10,
        "area": 25 * 6 + 32.5 * 4,
        "mean": 25,
        "sd": levels.std(ddof=1),
        "max": 40,
        "nadir": 10,
        "months_since_peak": 4,
        "rise_from_nadir": c - a,
        "months_above": 4 + 4,
        "fraction_above": 0.8,
        "n_positive": 2,
        "conversion": 0,
        "reversion": 0,
        "rcv_rise": 0,
        "rcv_fall": 0,
        "n_samples": 3,
        "days_to_landmark": MONTH,
        "kinetics_reason": "",
        "post_n": 3,
        "post_sum_month": 34,
        "post_sum_month2": 36 + 144 + 256,
        "post_sum_scaled": a + b + c,
        "post_sum_month_scaled": 6 * a + 12 * b + 16 * c,
        "post_sum_scaled2": a * a + b * b + c * c,
        "post_sum_step2": (b - a) ** 2 + (c - b) ** 2,
    }
    assert list(expected) == list(KINETIC_COLUMNS)
    assert curvature_by_hand(first, last) == pytest.approx(expected["curvature"])
    check(of({6: 10, 12: 40, 16: 25}, preop=60, closes=17), expected)


def curvature_by_hand(first, last):
    """Two slopes, their midpoints 5 months apart."""
    return (last - first) / 5


def test_every_column_of_a_ratio_analyte_by_hand():
    """A quantity that doubles every three months: 2, 8 at months 6, 12 (cut-off 5.3)."""
    expected = {
        "last": 8,
        "scaled": np.log(8),
        "category": None,
        "preop": 16,
        "change_preop": -8,
        "lnratio_preop": np.log(0.5),
        "change_previous": 6,
        "lnratio_previous": np.log(4),
        "slope": LN2 / 3,
        "trend": LN2 / 3,
        "curvature": None,
        "doubling_rate": 1 / 3,
        "doubling_months": 3,
        "half_life_months": None,
        "sd": np.log(4) / np.sqrt(2),
        "months_above": 6 * (8 - 5.3) / 6,
        "n_positive": 1,
        "conversion": 1,
        "rcv_rise": 1,
        "rcv_fall": 0,
        "days_to_landmark": None,
    }
    check(of({6: 2, 12: 8}, preop=16, rules=RATIO), expected)


@pytest.mark.parametrize("months", [0.5, 3.0, 17.7])
def test_exponential_growth_has_its_doubling_time_and_decay_its_half_life(months):
    grows = {t: 5 * 2 ** (t / months) for t in (1, 4, 6)}
    found = of(grows, rules=RATIO)
    check(found, {"doubling_months": months, "trend": LN2 / months, "slope": LN2 / months, "half_life_months": None})
    assert found["curvature"] == pytest.approx(0, abs=1e-9)
    falls = {t: 5 * 2 ** (-t / months) for t in (1, 4, 6)}
    check(of(falls, rules=RATIO), {"half_life_months": months, "doubling_rate": -1 / months, "doubling_months": None})


def test_published_doubling_times():
    """Tumour growth rates of 4 and 0.8 percent a month double in 17.7 and 87.0 months."""
    np.testing.assert_allclose(doubling_time(pd.Series(np.log1p([0.04, 0.008]))), [17.7, 87.0], atol=0.05)


def test_doubling_time_only_of_what_rises_and_half_life_only_of_what_falls():
    slopes = pd.Series([LN2, 0.0, -LN2 / 2, np.nan])
    np.testing.assert_allclose(doubling_time(slopes), [1, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(half_life(slopes), [np.nan, np.nan, 2, np.nan])
    level = of({6: 30, 12: 30})
    check(level, {"slope": 0, "doubling_rate": 0, "doubling_months": None, "half_life_months": None})


def test_uneven_visits_weigh_by_time():
    expected = {
        "exposure": (30 * 5 + 10 * 6) / 11,
        "months_above": 5 * 30 / 40,
        "slope": 0,
        "mean": 70 / 3,
        "max": 50,
        "nadir": 10,
        "months_since_peak": 11,
        "rise_from_nadir": 0,
        "conversion": 0,
        "reversion": 0,
    }
    check(of({1: 50, 6: 10, 12: 10}), expected)


def test_of_two_equal_peaks_the_later_counts():
    check(of({6: 30, 12: 30, 18: 10}), {"months_since_peak": 6, "max": 30})


def test_crossing_the_cutoff_both_ways():
    check(of({6: 10, 12: 40}), {"conversion": 1, "reversion": 0, "n_positive": 1, "rcv_rise": 1, "rcv_fall": 0})
    check(of({6: 40, 12: 20}), {"conversion": 0, "reversion": 1, "n_positive": 1, "rcv_rise": 0, "rcv_fall": 1})


def test_one_post_operative_sample_has_a_level_but_no_change():
    found = of({6: 30}, preop=50)
    assert found[NEVER_ALONE].isna().all() and found.drop(NEVER_ALONE).notna().all()
    expected = {"n_positive": 1, "n_samples": 1, "post_n": 1, "post_sum_step2": 0, "mean": 30, "nadir": 30}
    check(found, expected | {"kinetics_reason": "one_post_operative_sample"})


def test_two_post_operative_samples_have_all_but_a_curvature():
    found = of({6: 30, 12: 50})
    assert found[set_of(SEVERAL, "half_life_months")].notna().all() and np.isnan(found["curvature"])


def set_of(names, *without):
    return [name for name in names if name not in without]


def test_the_pre_operative_sample_never_enters_a_course():
    spanning = ["preop", "change_preop", "lnratio_preop"]
    assert of({-0.2: 90, 6: 30, 12: 20}).drop(spanning).equals(of({6: 30, 12: 20}).drop(spanning))


def test_at_the_pre_operative_landmark_there_is_only_a_level():
    found = of({-0.2: 60}, preop=60, closes=1)
    assert found["last"] == 60 and found["category"] == 2 and found["kinetics_reason"] == "pre_operative_sample"
    known = {"last", "scaled", "category", "below_limit", "preop", "days_to_landmark", "kinetics_reason"}
    assert set(found.dropna().index) == known


def test_samples_after_the_landmark_sample_are_not_seen():
    assert of({6: 30, 12: 80}, at=6).equals(of({6: 30}))


def test_without_a_landmark_sample_only_the_pre_operative_result_is_known():
    series = pd.DataFrame({"patient_id": ["P1"], "day": [100.0], "value": [30.0]})
    anchor = pd.DataFrame({"day": [np.nan], "value": [np.nan], "preop": [60.0]}, index=pd.Index(["P1"]))
    found = kinetics(series, anchor, SCORE, MONTH, pd.Series({"P1": 213.0})).loc["P1"]
    assert found.dropna().to_dict() == {"preop": 60.0, "kinetics_reason": "no_landmark_sample"}


def test_a_value_outside_the_scale_has_no_change():
    found = of({6: 30, 12: 130})
    assert found["kinetics_reason"] == "outside_scale" and found["max"] == 130 and found["post_n"] == 1
    assert found[["slope", "trend", "sd", "rcv_rise", "rise_from_nadir"]].isna().all()
    assert of({6: 0, 12: 4}, rules=RATIO)["kinetics_reason"] == "outside_scale"


def test_a_level_course_at_the_cutoff_is_beyond_it_only_when_the_cutoff_is_inclusive():
    start, end = pd.Series([20.0, 21.0, 19.0, 10.0]), pd.Series([20.0, 21.0, 19.0, 30.0])
    months = pd.Series([2.0] * 4)
    assert time_above(start, end, months, 20).tolist() == [0.0, 2.0, 0.0, 1.0]
    assert time_above(start, end, months, 20, inclusive=True).tolist() == [2.0, 2.0, 0.0, 1.0]


def test_patients_who_are_not_asked_for_are_left_out_and_the_order_is_that_of_the_anchor():
    series = pd.DataFrame({"patient_id": list("AABC"), "day": [100.0, 200.0, 50.0, 60.0], "value": [1.0, 2, 3, 4]})
    anchor = pd.DataFrame({"day": [60.0, np.nan, 200.0], "value": [4.0, np.nan, 2], "preop": np.nan}, index=list("CXA"))
    found = kinetics(series, anchor, SCORE, MONTH)
    assert found.index.tolist() == list("CXA")
    np.testing.assert_array_equal(found["n_samples"], [1, np.nan, 2])
    assert found["kinetics_reason"].tolist() == ["one_post_operative_sample", "no_landmark_sample", ""]
    assert set(found["kinetics_reason"]) <= set(KINETIC_REASONS)


def test_no_results_at_all():
    series = pd.DataFrame({"patient_id": pd.Series(dtype=object), "day": np.empty(0), "value": np.empty(0)})
    nobody = pd.DataFrame({"day": [], "value": [], "preop": []}, dtype="float64")
    assert kinetics(series, nobody, SCORE, MONTH).shape == (0, len(KINETIC_COLUMNS))
    anchor = pd.DataFrame({"day": [100.0], "value": [30.0], "preop": [50.0]}, index=["P1"])
    found = kinetics(series, anchor, SCORE, MONTH).loc["P1"]
    assert found[list(MATERIAL)].isna().all() and found["last"] == 30


@pytest.mark.parametrize(
    ("names", "days", "said"),
    [
        ("ABA", [1, 2, 3], "patient A: results are not together"),
        ("AAB", [5, 2, 3], "patient A: day 2 after day 5"),
        ("ABB", [1, 2, 2], "patient B: day 2 after day 2"),
    ],
)
def test_a_series_that_is_not_sorted_is_refused(names, days, said):
    series = pd.DataFrame({"patient_id": list(names), "day": [float(day) for day in days], "value": 1.0})
    anchor = pd.DataFrame({"day": [9.0, 9.0], "value": 1.0, "preop": np.nan}, index=list("AB"))
    with pytest.raises(ValueError, match=said):
        kinetics(series, anchor, SCORE, MONTH)
