"""Kinetics of random courses: equal to a plain loop, and what must hold for every course."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from kinetics_cases import MONTH, RATIO, SCORE
from kinetics_plain import NUMBERS, plain

from features.kinetics import KINETIC_COLUMNS, kinetics, ln_sd

SEEDS = range(8)
RULES = {"logit": SCORE, "ln": RATIO}


def cohort(seed, scale, patients=40, censored=0.15):
    """Random post-operative courses with results below a limit, and landmark samples somewhere among them."""
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, 9, patients)
    names = [f"P{number:02d}" for number in range(patients)]
    parts = []
    for name, count in zip(names, counts, strict=True):
        level = draw.uniform(0, 100, count) if scale == "logit" else draw.lognormal(1.6, 0.8, count)
        below = draw.random(count) < (censored if scale == "ln" else 0)
        value = np.where(below, draw.choice([2.0, 6.0], count) / math.sqrt(2), level)
        days = np.sort(draw.choice(1500, count, replace=False)) - 60.0
        parts.append(pd.DataFrame({"patient_id": name, "day": days, "value": value, "censored": below}))
    series = pd.concat(parts, ignore_index=True)
    chosen = series[draw.random(len(series)) < 0.6].drop_duplicates("patient_id", keep="last").set_index("patient_id")
    anchor = chosen.reindex(draw.permutation(names)).assign(
        preop=draw.uniform(1, 100, patients), preop_censored=draw.random(patients) < 0.1
    )
    return series, anchor


@pytest.mark.parametrize("scale", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_equal_to_a_plain_loop(seed, scale):
    series, anchor = cohort(seed, scale)
    found = kinetics(series, anchor, RULES[scale], MONTH)
    groups = {
        name: list(rows[["day", "value", "censored"]].itertuples(index=False))
        for name, rows in series.groupby("patient_id")
    }
    expected = pd.DataFrame(
        {name: plain(groups.get(name, []), anchor.loc[name], RULES[scale]) for name in anchor.index}
    ).T[NUMBERS]
    pd.testing.assert_frame_equal(found[NUMBERS], expected.astype("float64"), rtol=1e-9, atol=1e-9, check_names=False)
    assert found[NUMBERS].drop(columns=["days_to_landmark", "category"]).notna().any().all()


@pytest.mark.parametrize("scale", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_what_holds_for_every_course(seed, scale):
    series, anchor = cohort(seed, scale)
    found = kinetics(series, anchor, RULES[scale], MONTH)
    assert list(found.columns) == list(KINETIC_COLUMNS)
    course = found[found["exposure"].notna()]
    for level in ("mean", "exposure", "last"):
        assert course[level].between(course["nadir"] - 1e-9, course["max"] + 1e-9).all()
    assert course["fraction_above"].dropna().between(0, 1).all()
    assert (course["months_since_peak"] >= 0).all() and (course["rise_from_nadir"].dropna() >= 0).all()
    assert ((course["conversion"] + course["reversion"]).dropna() <= 1).all()
    assert ((course["rcv_rise"] + course["rcv_fall"]).dropna() <= 1).all()
    assert (course["n_positive"].dropna() <= course["n_samples"][course["n_positive"].notna()]).all()
    rising, falling = course["slope"] > 0, course["slope"] < 0
    assert (course["doubling_months"].notna() == rising).all() and (course["half_life_months"].notna() == falling).all()
    assert found.loc[found["kinetics_reason"] == "", "slope"].notna().all()
    assert found.loc[found["kinetics_reason"] != "", ["slope", "curvature", "rcv_rise"]].isna().all(axis=None)


@pytest.mark.parametrize("seed", SEEDS)
def test_sums_and_means_are_those_of_pandas_to_the_last_bit(seed):
    """pandas compensates its sums as well: a plain sum differs in the last digit for about one course in five."""
    series, anchor = cohort(seed, "logit", patients=200)
    found = kinetics(series, anchor, SCORE, MONTH)
    post = series[(series["day"] > 0) & (series["day"] <= series["patient_id"].map(anchor["day"]))]
    before = post.groupby("patient_id")[["day", "value"]].shift()
    months = (post["day"] - before["day"]) / MONTH
    steps = pd.DataFrame({"months": months, "area": months * (post["value"] + before["value"]) / 2})
    sums = steps.groupby(post["patient_id"]).sum(min_count=1).reindex(anchor.index)
    means = post.groupby("patient_id")["value"].mean().reindex(anchor.index)
    for name, expected in (("area", sums["area"]), ("exposure", sums["area"] / sums["months"]), ("mean", means)):
        pd.testing.assert_series_equal(found[name], expected, check_exact=True, check_names=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_measured_results_have_one_slope(seed):
    series, anchor = cohort(seed, "logit", patients=200)
    found = kinetics(series, anchor, SCORE, MONTH)
    pairs = found[found["n_samples"] == 2]
    assert len(pairs) > 10
    np.testing.assert_allclose(pairs["trend"], pairs["slope"], rtol=1e-9)
    np.testing.assert_allclose(pairs["post_sum_step2"], 2 * pairs["sd"] ** 2, rtol=1e-9)


@pytest.mark.parametrize("scale", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_each_patient_alone_has_the_same_row(seed, scale):
    series, anchor = cohort(seed, scale)
    whole = kinetics(series, anchor, RULES[scale], MONTH)
    for name in anchor.index[:12]:
        alone = kinetics(series[series["patient_id"] == name], anchor.loc[[name]], RULES[scale], MONTH)
        pd.testing.assert_frame_equal(alone, whole.loc[[name]], check_exact=True)


@pytest.mark.parametrize("scale", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_after_the_landmark_sample_counts(seed, scale):
    series, anchor = cohort(seed, scale)
    draw = np.random.default_rng(seed)
    late = series["day"] > series["patient_id"].map(anchor["day"])
    assert late.any()
    other = series.assign(
        value=series["value"].where(~late, draw.uniform(1, 99, len(series))), censored=series["censored"] & ~late
    )
    whole = kinetics(series, anchor, RULES[scale], MONTH)
    for changed in (other, series[~late]):
        pd.testing.assert_frame_equal(kinetics(changed, anchor, RULES[scale], MONTH), whole, check_exact=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_ratio_analyte_knows_no_unit(seed):
    """In another unit (a factor) every change on the ln scale is the same, every level that factor larger."""
    series, anchor = cohort(seed, "ln", censored=0.1)
    times = {"value": series["value"] * 5.231}
    moved = anchor.assign(value=anchor["value"] * 5.231, preop=anchor["preop"] * 5.231)
    rules = type(RATIO)(scale="ln", cutoff=RATIO.cutoff * 5.231, rcv_z=RATIO.rcv_z, rcv_sd=RATIO.rcv_sd)
    one = kinetics(series, anchor, RATIO, MONTH)
    other = kinetics(series.assign(**times), moved, rules, MONTH)
    same = "lnratio_preop lnratio_previous slope trend curvature sd rise_from_nadir months_since_peak post_sum_step2"
    np.testing.assert_allclose(other[same.split()], one[same.split()], rtol=1e-9, atol=1e-9)
    for name in "last preop change_preop change_previous exposure area mean max nadir".split():
        np.testing.assert_allclose(other[name], one[name] * 5.231, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(other[["rcv_rise", "rcv_fall"]], one[["rcv_rise", "rcv_fall"]])


@pytest.mark.parametrize("seed", SEEDS)
def test_time_stretched_twofold_halves_every_rate(seed):
    series, anchor = cohort(seed, "logit")
    one = kinetics(series, anchor, SCORE, MONTH)
    other = kinetics(series.assign(day=series["day"] * 2), anchor.assign(day=anchor["day"] * 2), SCORE, MONTH)
    for names, factor in (
        ("slope trend doubling_rate", 0.5),
        ("curvature", 0.25),
        ("doubling_months half_life_months area months_above months_since_peak", 2),
        ("exposure fraction_above sd rcv_rise conversion", 1),
    ):
        np.testing.assert_allclose(other[names.split()], one[names.split()] * factor, rtol=1e-9, atol=1e-12)


def test_the_reference_change_flag_keeps_its_error_whatever_the_number_of_results():
    """Stable patients, 2 to 7 results: some rise among the successive comparisons would be flagged in 5 percent."""
    draw = np.random.default_rng(20)
    rules = type(RATIO)(scale="ln", rcv_z=1.6448536269514722, rcv_sd=ln_sd(0.05, 0.2))
    patients = 4000
    for results in (2, 4, 7):
        level = np.exp(2 + rules.rcv_sd * draw.standard_normal((patients, results)))
        series = pd.DataFrame(
            {
                "patient_id": np.repeat([f"P{i:05d}" for i in range(patients)], results),
                "day": np.tile(np.arange(1.0, results + 1) * 90, patients),
                "value": level.ravel(),
            }
        )
        last = series.drop_duplicates("patient_id", keep="last").set_index("patient_id").assign(preop=np.nan)
        found = kinetics(series, last, rules, MONTH)[["rcv_rise", "rcv_fall"]].mean()
        share = 1 - 0.95 ** (1 / (results - 1))
        assert np.abs(found - share).max() < 4 * np.sqrt(share / patients)
