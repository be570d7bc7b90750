"""Kinetics of the score: worked examples, then invariants over random trajectories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from features.kinetics import (
    KINETIC_COLUMNS,
    ScoreRules,
    doubling_time,
    kinetics,
    logit_score,
    rcv_quantile,
    rcv_ratio_limit,
    score_category,
    score_rules,
    time_above,
)

MONTH = 30.4375
RULES = ScoreRules(cutoff=20, inclusive=False, edges=(20, 40, 79), rcv_z=1.645, rcv_sd=0.25)


def of(points, at=None, preop=np.nan, rules=RULES):
    """Features of one patient whose scores are given as {month: score}; landmark sample the last one."""
    series = pd.DataFrame(
        {
            "patient_id": "P1",
            "day": [month * MONTH for month in points],
            "value": [float(v) for v in points.values()],
        }
    )
    at = max(points) if at is None else at
    anchor = pd.DataFrame(
        {"day": [at * MONTH], "value": [float(points[at])], "preop": [float(preop)]}, index=pd.Index(["P1"])
    )
    return kinetics(series, anchor, rules, MONTH).loc["P1"]


def logit(score):
    return np.log((score + 0.5) / (100.5 - score))


def test_worked_example():
    found = of({6: 10, 12: 40}, preop=60)
    rise = logit(40) - logit(10)
    assert found["last"] == 40 and found["preop"] == 60 and found["category"] == 1
    assert found["logit"] == pytest.approx(logit(40))
    assert found["change_preop"] == -20
    assert found["lnratio_preop"] == pytest.approx(np.log(41 / 61))
    assert found["slope"] == pytest.approx(rise / 6)
    assert found["doubling_rate"] == pytest.approx(rise / 6 / np.log(2))
    assert found["exposure"] == pytest.approx(25)
    assert found["months_above"] == pytest.approx(4) and found["fraction_above"] == pytest.approx(2 / 3)
    assert (found["mean"], found["max"], found["n_positive"]) == (25, 40, 1)
    assert (found["conversion"], found["reversion"], found["rcv_rise"]) == (1, 0, 1)


def test_uneven_visits_weigh_by_time():
    found = of({1: 50, 6: 10, 12: 10})
    assert found["exposure"] == pytest.approx((30 * 5 + 10 * 6) / 11)
    assert found["months_above"] == pytest.approx(5 * 30 / 40)
    assert found["slope"] == 0 and found["mean"] == pytest.approx(70 / 3)
    assert (found["conversion"], found["reversion"]) == (0, 0)


def test_falling_below_the_cutoff_is_a_reversion():
    found = of({6: 40, 12: 20})
    assert (found["conversion"], found["reversion"], found["n_positive"], found["rcv_rise"]) == (0, 1, 1, 0)


def test_one_post_operative_sample_has_a_level_but_no_slope():
    found = of({6: 30}, preop=50)
    several = [
        "slope",
        "doubling_rate",
        "exposure",
        "months_above",
        "fraction_above",
        "conversion",
        "reversion",
        "rcv_rise",
    ]
    assert found[several].isna().all()
    assert found.drop(several).notna().all() and found["n_positive"] == 1


def test_the_pre_operative_sample_never_enters_a_slope():
    assert (
        of({-0.2: 90, 6: 30})
        .drop(["preop", "change_preop", "lnratio_preop"])
        .equals(of({6: 30}).drop(["preop", "change_preop", "lnratio_preop"]))
    )


def test_at_the_pre_operative_landmark_there_is_only_a_level():
    found = of({-0.2: 60}, preop=60)
    assert found["last"] == 60 and found["category"] == 2
    assert set(found.dropna().index) == {"last", "logit", "category", "preop"}


def test_samples_after_the_landmark_sample_are_not_seen():
    assert of({6: 30, 12: 80}, at=6).equals(of({6: 30}))


def test_without_a_landmark_sample_only_the_pre_operative_score_is_known():
    series = pd.DataFrame({"patient_id": ["P1"], "day": [100.0], "value": [30.0]})
    anchor = pd.DataFrame({"day": [np.nan], "value": [np.nan], "preop": [60.0]}, index=pd.Index(["P1"]))
    assert kinetics(series, anchor, RULES, MONTH).loc["P1"].dropna().to_dict() == {"preop": 60.0}


def test_categories_of_version_one():
    scores = pd.Series([0, 20, 21, 40, 41, 79, 80, 100, np.nan])
    expected = [0, 0, 1, 1, 2, 2, 3, 3, np.nan]
    np.testing.assert_array_equal(score_category(scores, RULES), expected)


def test_rules_of_the_versions(protocol):
    first = score_rules(protocol.assays["1.0"], "netest_activity", protocol)
    second = score_rules(protocol.assays["2.0"], "netest_diagnostic", protocol)
    assert (first.cutoff, first.inclusive, first.edges) == (20, False, (20, 40, 79))
    assert (second.cutoff, second.inclusive, second.edges) == (50, True, ())
    assert of({6: 50}, rules=second)["n_positive"] == 1 and np.isnan(of({6: 50}, rules=second)["category"])


def test_rcv_is_not_estimable_while_the_variation_is_unknown(protocol):
    rules = score_rules(protocol.assays["1.0"], "netest_activity", protocol)
    assert np.isnan(rules.rcv_sd)
    assert np.isnan(of({6: 10, 12: 90}, rules=rules)["rcv_rise"])


def test_rcv_switches_on_with_a_number(protocol):
    known = replace(protocol.record("kinetics.rcv_sd_biological"), value=0.2)
    own = replace(protocol, records=protocol.records | {known.key: known})
    rules = score_rules(own.assays["1.0"], "netest_activity", own)
    assert rules.rcv_sd == pytest.approx(np.hypot(own["kinetics.rcv_sd_analytical"], 0.2))
    limit = 1.645 * np.sqrt(2) * rules.rcv_sd
    start = 30.0
    odds = (start + 0.5) / (100.5 - start) * np.exp(limit)
    edge = (100.5 * odds - 0.5) / (1 + odds)
    assert of({6: start, 12: edge - 0.01}, rules=rules)["rcv_rise"] == 0
    assert of({6: start, 12: edge + 0.01}, rules=rules)["rcv_rise"] == 1
    assert of({1: start, 6: start, 12: edge + 0.01}, rules=rules)["rcv_rise"] == 0


def test_rcv_quantile_for_several_results():
    comparisons = pd.Series([0, 1, 2, 5])
    found = rcv_quantile(comparisons, 1.6448536269514722)
    overall = norm.cdf(found) ** comparisons.clip(lower=1)
    np.testing.assert_allclose(overall, 0.95)
    assert found[0] == found[1] < found[2] < found[3]


def test_rcv_of_ratio_analytes():
    assert rcv_ratio_limit(0.053, 0.20, 1.96) == pytest.approx(0.765, abs=0.001)
    assert rcv_ratio_limit(0.053, 0.10, 1.96) == pytest.approx(0.37, abs=0.005)


def test_logit_ends_of_the_scale():
    found = logit_score(pd.Series([0, 50, 100, 101, -1, np.nan]))
    np.testing.assert_allclose(found[:3], [np.log(0.5 / 100.5), 0, np.log(100.5 / 0.5)])
    assert found[3:].isna().all()


def test_doubling_time_only_for_rising_scores():
    assert doubling_time(pd.Series([np.log(2), 0.0, -1.0])).tolist()[0] == 1.0
    assert doubling_time(pd.Series([0.0, -1.0, np.nan])).isna().all()


def test_time_above_of_flat_segments():
    start, end = pd.Series([20.0, 21.0, 19.0, 10.0]), pd.Series([20.0, 21.0, 19.0, 30.0])
    assert time_above(start, end, pd.Series([2.0] * 4), 20).tolist() == [0.0, 2.0, 0.0, 1.0]


def random_cohort(seed, patients=60):
    """Random post-operative trajectories, and the same by a plain loop."""
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, 6, patients)
    ids = np.repeat([f"P{number:02d}" for number in range(patients)], counts)
    series = pd.DataFrame(
        {
            "patient_id": ids,
            "day": draw.permutation(len(ids) * 5)[: len(ids)] + 1.0,
            "value": draw.uniform(0, 100, len(ids)),
        }
    ).sort_values(["patient_id", "day"], ignore_index=True)
    last = series.drop_duplicates("patient_id", keep="last").set_index("patient_id")[["day", "value"]]
    anchor = last.reindex([f"P{number:02d}" for number in range(patients)]).assign(
        preop=draw.uniform(20, 100, patients)
    )
    return series, anchor


@pytest.mark.parametrize("seed", range(6))
def test_equal_to_a_plain_loop(seed):
    series, anchor = random_cohort(seed)
    found = kinetics(series, anchor, RULES, MONTH)
    for name in anchor.index:
        own = series[series["patient_id"] == name]
        if own.empty:
            assert found.loc[name].dropna().index.tolist() == ["preop"]
            continue
        months, score = own["day"].to_numpy() / MONTH, own["value"].to_numpy()
        expected = of(dict(zip(months, score, strict=True)), preop=anchor.loc[name, "preop"])
        np.testing.assert_allclose(found.loc[name], expected, rtol=1e-9)
        if len(own) > 1:
            assert found.loc[name, "exposure"] == pytest.approx(np.trapezoid(score, months) / np.ptp(months))
            fine = np.linspace(months[0], months[-1], 20001)
            share = (np.interp(fine, months, score) > 20).mean()
            assert found.loc[name, "fraction_above"] == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_invariants(seed):
    series, anchor = random_cohort(seed)
    found = kinetics(series, anchor, RULES, MONTH)
    assert list(found.columns) == list(KINETIC_COLUMNS)
    ok = found["exposure"].dropna().index
    assert (found["max"] >= found["mean"]).sum() == found["max"].notna().sum()
    assert found.loc[ok, "fraction_above"].between(0, 1).all()
    assert (found["exposure"] <= found["max"] + 1e-9)[ok].all()
    assert ((found["conversion"] + found["reversion"]).dropna() <= 1).all()
    assert (np.sign(found["slope"]) == np.sign(found["doubling_rate"]))[ok].all()
    raised = kinetics(series.assign(value=series["value"].clip(upper=95) + 5), anchor, RULES, MONTH)
    assert (raised["months_above"] >= found["months_above"])[ok].all()
