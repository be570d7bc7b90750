"""How markers are read: scale, cut-off, categories, reference change values with the numbers of the sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from kinetics_cases import SCORE, of
from scipy.stats import norm

from features.kinetics import (
    KINETIC_COLUMNS,
    MarkerRules,
    is_positive,
    ln_sd,
    logit_score,
    marker_rules,
    rcv_quantile,
    rcv_ratio_limit,
    rcv_ratio_limits,
    rcv_symmetric,
    score_category,
    score_rules,
    table_names,
)


def with_values(protocol, **values):
    """The protocol with other values of [kinetics.*] records."""
    records = {
        f"kinetics.{name}": replace(protocol.record(f"kinetics.{name}"), value=value) for name, value in values.items()
    }
    return replace(protocol, records=protocol.records | records)


def test_categories_of_version_one():
    scores = pd.Series([0, 20, 21, 40, 41, 79, 80, 100, np.nan])
    np.testing.assert_array_equal(score_category(scores, SCORE), [0, 0, 1, 1, 2, 2, 3, 3, np.nan])


def test_rules_of_the_versions(protocol):
    first = score_rules(protocol.assays["1.0"], "netest_activity", protocol)
    second = score_rules(protocol.assays["2.0"], "netest_diagnostic", protocol)
    assert (first.scale, first.cutoff, first.inclusive, first.edges) == ("logit", 20, False, (20, 40, 79))
    assert (second.scale, second.cutoff, second.inclusive, second.edges) == ("logit", 50, True, ())
    assert of({6: 50}, rules=second)["n_positive"] == 1 and np.isnan(of({6: 50}, rules=second)["category"])
    assert is_positive(pd.Series([20.0, 20.1, np.nan]), first).tolist() == [False, True, False]
    assert is_positive(pd.Series([50.0, 49.9, np.nan]), second).tolist() == [True, False, False]


def test_rules_of_the_other_markers(protocol):
    cga = marker_rules("cga", protocol)
    analytical, within = protocol["kinetics.cga_cv_analytical"], protocol["kinetics.cga_cv_biological"]
    assert cga.scale == "ln" and np.isnan(cga.cutoff)
    assert cga.rcv_sd == pytest.approx(np.sqrt(np.log(1 + analytical**2) + np.log(1 + within**2)))
    hiaa = marker_rules("hiaa_creatinine", protocol, cutoff=5.3, inclusive=True)
    assert (hiaa.scale, hiaa.cutoff, hiaa.inclusive) == ("ln", 5.3, True) and np.isnan(hiaa.rcv_sd)
    urine = marker_rules("urine_score", protocol)
    assert urine.scale == "logit" and np.isnan(urine.cutoff) and np.isnan(urine.rcv_sd)
    known = with_values(protocol, urine_score_sd_analytical=0.3, urine_score_sd_biological=0.4)
    assert marker_rules("urine_score", known).rcv_sd == pytest.approx(0.5)
    with pytest.raises(KeyError):
        marker_rules("ctdna", protocol)
    with pytest.raises(ValueError, match="scale 'log'"):
        MarkerRules(scale="log")


def test_a_marker_without_cutoff_has_no_positive_and_no_negative_results(protocol):
    found = of({6: 30, 12: 60}, rules=marker_rules("urine_score", protocol))
    calls = ["months_above", "fraction_above", "n_positive", "conversion", "reversion"]
    assert found[calls].isna().all() and found[["slope", "trend", "exposure"]].notna().all()
    assert not set(calls) & set(table_names("urine_score_", "logit", cutoff=False))


def test_names_in_the_table():
    named = table_names("netest_", "logit", graded=True)
    assert list(named) == list(KINETIC_COLUMNS)
    assert named["scaled"] == "netest_logit" and named["last"] == "netest_last"
    assert table_names("cga_", "ln")["scaled"] == "cga_ln" and "category" not in table_names("cga_", "ln")


def test_rcv_is_not_estimable_while_the_variation_is_unknown(protocol):
    rules = score_rules(protocol.assays["1.0"], "netest_activity", protocol)
    assert np.isnan(rules.rcv_sd)
    assert of({6: 10, 12: 90}, rules=rules)[["rcv_rise", "rcv_fall"]].isna().all()


def test_rcv_switches_on_with_a_number(protocol):
    own = with_values(protocol, rcv_sd_biological=0.2)
    rules = score_rules(own.assays["1.0"], "netest_activity", own)
    assert rules.rcv_sd == pytest.approx(np.hypot(own["kinetics.rcv_sd_analytical"], 0.2))
    limit = 1.645 * np.sqrt(2) * rules.rcv_sd
    start = 30.0
    odds = (start + 0.5) / (100.5 - start) * np.exp(limit)
    edge = (100.5 * odds - 0.5) / (1 + odds)
    assert of({6: start, 12: edge - 0.01}, rules=rules)["rcv_rise"] == 0
    assert of({6: start, 12: edge + 0.01}, rules=rules)["rcv_rise"] == 1
    assert of({6: edge - 0.01, 12: start}, rules=rules)["rcv_fall"] == 0
    assert of({6: edge + 0.01, 12: start}, rules=rules)["rcv_fall"] == 1
    # Of three results the wider quantile holds, wherever the third one lies.
    assert of({1: start, 6: start, 12: edge + 0.01}, rules=rules)["rcv_rise"] == 0


def test_flags_of_a_ratio_analyte_turn_at_the_asymmetric_limits():
    """CV_A 5.3%, CV_I 20%, z 1.96: beyond +76.5% and -43.3%, not at +-57%."""
    rules = MarkerRules(scale="ln", rcv_z=1.96, rcv_sd=ln_sd(0.053, 0.20))
    flags = {
        change: tuple(of({6: 100, 12: 100 * (1 + change)}, rules=rules)[["rcv_rise", "rcv_fall"]])
        for change in (0.760, 0.770, -0.430, -0.436)
    }
    assert flags == {0.760: (0, 0), 0.770: (1, 0), -0.430: (0, 0), -0.436: (0, 1)}


# CV_A, CV_I, upper and lower 95% limits (domain sheet, sections 1.5 and 8).
PUBLISHED = [(0.053, 0.10, 0.37, -0.27), (0.053, 0.20, 0.765, -0.433), (0.053, 0.30, 1.29, -0.56)]


@pytest.mark.parametrize(("analytical", "within", "up", "down"), PUBLISHED)
def test_rcv_of_ratio_analytes(analytical, within, up, down):
    found = rcv_ratio_limits(analytical, within, 1.96)
    digits = 0.0006 if within == 0.20 else 0.006
    assert found == (pytest.approx(up, abs=digits), pytest.approx(down, abs=digits))
    assert rcv_ratio_limit(analytical, within, 1.96) == found[0]
    assert (1 + found[0]) * (1 + found[1]) == pytest.approx(1)


@pytest.mark.parametrize(("analytical", "printed"), [(0.0, 0.452), (0.03, 0.459)])
def test_rcv_of_cga_in_print(analytical, printed, protocol):
    assert rcv_symmetric(analytical, protocol["kinetics.cga_cv_biological"], 1.96) == pytest.approx(printed, abs=5e-4)


def test_rcv_quantile_for_several_results():
    comparisons = pd.Series([0, 1, 2, 5])
    found = rcv_quantile(comparisons, 1.6448536269514722)
    overall = norm.cdf(found) ** comparisons.clip(lower=1)
    np.testing.assert_allclose(overall, 0.95)
    assert found[0] == found[1] < found[2] < found[3]


def test_logit_ends_of_the_scale():
    found = logit_score(pd.Series([0, 50, 100, 101, -1, np.nan]))
    np.testing.assert_allclose(found[:3], [np.log(0.5 / 100.5), 0, np.log(100.5 / 0.5)])
    assert found[3:].isna().all()
