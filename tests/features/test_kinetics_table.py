"""Kinetics in a landmark table: which results enter for the blood score and for CgA, and their dictionary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.kinetics import KINETIC_COLUMNS, MATERIAL, table_names
from features.landmark import table_at
from features.registry import FEATURES
from features.registry.markers import marker_features


@pytest.fixture
def row_of(rows, protocol):
    """Row of P1 at month 12 from {sample: (month, results)}."""

    def build(samples, landmark=12, **tables):
        return table_at(
            rows.trial(
                samples=[rows.sample(name, month) for name, (month, _) in samples.items()],
                results=[
                    rows.result(name, value, analyte, **facts)
                    for name, (_, found) in samples.items()
                    for analyte, value, facts in found
                ],
                **tables,
            ),
            protocol,
            landmark,
        ).rows.loc["P1"]

    return build


def score(value, **facts):
    return [("netest_activity", value, facts)]


def cga(value, **facts):
    return [("cga", value, facts)]


def test_score_over_four_visits(row_of, rows):
    row = row_of({"PRE": (-0.2, score(80)), "D30": (1, score(50)), "M6": (6, score(20)), "M12": (12, score(30))})
    day = {month: round(month * 30.4375) for month in (1, 6, 12)}
    level = {month: np.log((s + 0.5) / (100.5 - s)) for month, s in ((1, 50), (6, 20), (12, 30))}
    assert (row["netest_n_samples"], row["netest_max"], row["netest_nadir"], row["netest_preop"]) == (3, 50, 20, 80)
    assert row["netest_slope"] == pytest.approx((level[12] - level[6]) / ((day[12] - day[6]) / 30.4375))
    months = np.array(list(day.values())) / 30.4375
    assert row["netest_trend"] == pytest.approx(np.polyfit(months, list(level.values()), 1)[0])
    assert row["netest_days_to_landmark"] == pytest.approx(13 * 30.4375 - day[12])
    assert row["netest_change_preop"] == -50 and row["netest_change_previous"] == 10
    assert row["netest_kinetics_reason"] == "" and row["netest_months_since_peak"] == pytest.approx(
        months[2] - months[0]
    )


def test_a_sample_before_the_window_enters_the_course_but_a_later_one_never(row_of):
    samples = {"M6": (6, score(20)), "M12": (12, score(30)), "LATE": (14, score(90))}
    whole, past = row_of(samples), row_of({name: samples[name] for name in ("M6", "M12")})
    pd.testing.assert_series_equal(whole, past)


def test_without_a_landmark_sample_nothing_is_said_about_change(row_of):
    row = row_of({"PRE": (-0.2, score(80)), "M6": (6, score(20))})
    known = row.filter(regex="^netest_").dropna()
    assert {name for name in known.index if not name.startswith("netest_deviation")} == {
        "netest_preop",
        "netest_kinetics_reason",
    }
    assert row["netest_kinetics_reason"] == "no_landmark_sample"


def test_cga_of_another_kit_is_another_marker(row_of):
    """The kit changes after month 6: nothing before it enters the course of the landmark sample."""
    other = row_of({"PRE": (-0.2, cga(200)), "M6": (6, cga(100)), "M12": (12, cga(50, version="kit-b"))})
    assert other["cga_last"] == 50 and other["cga_n_samples"] == 1 and np.isnan(other["cga_preop"])
    assert other["cga_kinetics_reason"] == "one_post_operative_sample"
    assert np.isnan(other["cga_lnratio_preop"]) and np.isnan(other["cga_slope"])
    same = row_of({"PRE": (-0.2, cga(200)), "M6": (6, cga(100)), "M12": (12, cga(50))})
    assert (same["cga_preop"], same["cga_n_samples"], same["cga_change_previous"]) == (200, 2, -50)
    assert same["cga_lnratio_preop"] == pytest.approx(np.log(0.25))
    assert same["cga_half_life_months"] == pytest.approx((365 - 183) / 30.4375)
    between = row_of({"M1": (1, cga(100)), "M6": (6, cga(80, version="kit-b")), "M12": (12, cga(50))})
    assert between["cga_n_samples"] == 2 and between["cga_change_previous"] == -50


def test_cga_of_an_unknown_kit_is_comparable_with_nothing(row_of):
    unknown = {"version": None}
    row = row_of({"PRE": (-0.2, cga(200, **unknown)), "M6": (6, cga(100)), "M12": (12, cga(50, **unknown))})
    assert row["cga_last"] == row["cga_mean"] == 50 and row["cga_n_samples"] == 1
    assert row[["cga_preop", "cga_lnratio_preop", "cga_slope"]].isna().all()


def test_cga_reference_change_is_estimable_with_the_published_variation(row_of):
    """z sqrt(2) s_ln = 1.645 x 1.414 x 0.181: beyond +52% and -34%."""
    flags = {
        after: tuple(row_of({"M6": (6, cga(100)), "M12": (12, cga(after))})[["cga_rcv_rise", "cga_rcv_fall"]])
        for after in (60, 70, 150, 160)
    }
    assert flags == {60: (0, 1), 70: (0, 0), 150: (0, 0), 160: (1, 0)}


def test_cga_below_its_limit(row_of):
    row = row_of({"PRE": (-0.2, cga(200)), "M6": (6, cga(100)), "M12": (12, cga(20, comparator="<"))})
    assert row["cga_below_limit"] == 1 and row["cga_last"] == pytest.approx(20 / np.sqrt(2))
    assert row["cga_kinetics_reason"] == "below_limit"
    assert np.isnan(row["cga_slope"]) and np.isnan(row["cga_lnratio_preop"])


def test_days_count_from_surgery_whatever_the_clock(row_of, rows, protocol):
    """With time zero at randomisation (day 45) month 12 closes 45 days later; the months of the course do not move."""
    record = replace(protocol.record("clock.origin"), value="randomisation")
    other = replace(protocol, records=protocol.records | {"clock.origin": record})
    trial = rows.trial(
        samples=[rows.sample("M6", 6), rows.sample("M12", 12.5)],
        results=[rows.result("M6", 20), rows.result("M12", 30)],
    )
    one, two = (table_at(trial, rules, 12).rows.loc["P1"] for rules in (protocol, other))
    assert two["netest_days_to_landmark"] == one["netest_days_to_landmark"] + 45
    assert two["netest_post_sum_month"] == one["netest_post_sum_month"] == pytest.approx((183 + 380) / 30.4375)


def test_one_list_of_columns_for_every_marker():
    found = marker_features("x_", "U/L", "ln", "urine", "group", "group_preop", cutoff=True, graded=True, rising=True)
    assert [feature.name for feature in found] == list(table_names("x_", "ln", graded=True).values())
    assert len(found) == len(KINETIC_COLUMNS)
    by = {feature.name: feature for feature in found}
    assert by["x_preop"].stamp == "group_preop" and {f.stamp for f in found if f is not by["x_preop"]} == {"group"}
    assert {name for name, f in by.items() if f.monotone} == {"x_last", "x_ln", "x_category", "x_mean", "x_max"}
    assert {name for name, f in by.items() if f.kind == "material"} == {f"x_{name}" for name in MATERIAL}
    assert all(f.source == f.specimen == "urine" and f.formula and f.look_back and f.reference for f in found)
    assert by["x_slope"].unit == "ln/month" and by["x_doubling_rate"].unit == "doublings/month"
    assert not any("{" in text for f in found for text in (f.unit, f.formula))


def test_the_dictionary_has_the_score_and_cga():
    assert set(table_names("netest_", "logit", graded=True).values()) <= set(FEATURES)
    assert set(table_names("cga_", "ln", cutoff=False).values()) <= set(FEATURES)
    assert FEATURES["netest_doubling_rate"].unit == "doublings of the odds/month"
    assert "cga_n_positive" not in FEATURES and FEATURES["cga_ln"].unit == "ln ng/mL"


@pytest.mark.parametrize("landmark", [0, 6, 12, 36])
def test_every_kinetic_column_is_a_number_or_a_known_word(gold_trial, protocol, landmark):
    rows = table_at(gold_trial, protocol, landmark).rows
    for prefix, scale, facts in (("netest_", "logit", {"graded": True}), ("cga_", "ln", {"cutoff": False})):
        for name, column in table_names(prefix, scale, **facts).items():
            if name == "kinetics_reason":
                assert rows[column].notna().all()
                assert (rows.loc[rows[column] == "", f"{prefix}slope"].notna()).all()
            else:
                assert rows[column].dtype == "float64" and not np.isinf(rows[column]).any()
