"""Stable variation, omic clusters, censored 5-HIAA and the signature: by hand, against an oracle, and as intended."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import norm

from data.protocol import load_protocol
from features.expression import omic_scores
from features.learnt import CensoredNormal, Clusters, MixedModel, Signature, StableVariation
from features.learnt.marker import SCALES
from features.registry import FEATURES, LEARNT

FLAG, EXPECTED, SCORE = "netest_rcv_rise_stable", "hiaa_creatinine_expected", "signature_score"


# ---- stable variation ------------------------------------------------------------------------------------------------
def variation_rows() -> pd.DataFrame:
    """Four patients with squared steps .04, .16, .20 (two steps) and none; the last two rows rise from 20 to 40."""
    return pd.DataFrame(
        {
            "netest_post_n": [2.0, 2.0, 3.0, 1.0, 2.0],
            "netest_post_sum_step2": [0.04, 0.16, 0.20, np.nan, 9.0],
            "netest_last": [20.0, 20.0, 40.0, 40.0, 40.0],
            "netest_change_previous": [0.0, -1.0, 20.0, np.nan, 20.0],
        }
    )


def test_variation_of_three_stable_patients():
    stable = np.array([True, True, True, True, False])
    fitted = StableVariation.fit(variation_rows(), stable, minimum=3, z=1.645)
    # (.04 + .16 + .20) / (2 x 4 steps) = .05
    assert float(fitted.sd) == pytest.approx(np.sqrt(0.05)) and float(fitted.patients) == 3
    # 20 to 40: ln(40.5 / 60.5) - ln(20.5 / 80.5) = .967, beyond 1.645 sqrt(2) .2236 = .520
    np.testing.assert_array_equal(fitted.apply(variation_rows())[FLAG], [0, 0, 1, np.nan, 1])


def test_more_results_need_a_larger_rise():
    fitted = StableVariation(np.array(0.4), np.array(1.645), np.array(50.0))
    rows = variation_rows().assign(netest_post_n=[2.0, 2.0, 3.0, 1.0, 2.0])
    # .967 is beyond 1.645 x sqrt(2) x .4 = .931 and not beyond 1.955 x .566 = 1.106 (two comparisons)
    np.testing.assert_array_equal(fitted.apply(rows)[FLAG], [0, 0, 0, np.nan, 1])


@pytest.mark.parametrize("stable", [np.zeros(5, bool), np.array([True, True, False, True, False])])
def test_too_few_stable_patients_are_not_estimable(stable):
    fitted = StableVariation.fit(variation_rows(), stable, minimum=3, z=1.645)
    assert np.isnan(fitted.sd) and np.isnan(fitted.apply(variation_rows())[FLAG]).all()


def test_variation_is_recovered_from_many():
    rng = np.random.default_rng(5)
    results = rng.normal(0, 0.3, (20_000, 3))
    rows = (
        variation_rows()
        .iloc[[0] * 20_000]
        .assign(netest_post_n=3.0, netest_post_sum_step2=(np.diff(results) ** 2).sum(axis=1))
    )
    fitted = StableVariation.fit(rows, np.ones(20_000, bool), minimum=20, z=1.645)
    assert float(fitted.sd) == pytest.approx(0.3, rel=0.02)


def rows_of(marker: str) -> pd.DataFrame:
    """The rows above as another marker has them: a quantity that doubles, a score from 20 to 40."""
    rows = variation_rows()
    if SCALES[marker] == "ln":
        rows = rows.drop(columns=["netest_last", "netest_change_previous"])
        rows["netest_lnratio_previous"] = [0.0, -0.05, np.log(2.0), np.nan, np.log(2.0)]
    return rows.rename(columns=lambda name: name.replace("netest", marker))


@pytest.mark.parametrize(("marker", "rises"), [(name, [0, 0, 1, np.nan, 1]) for name in SCALES])
def test_variation_of_every_marker(marker, rises):
    """sd sqrt(.05) as above; ln 2 = .693 is beyond .520, and beyond 1.955 sqrt(2) .2236 = .618 (two comparisons)."""
    rows, stable = rows_of(marker), np.array([True, True, True, True, False])
    assert set(rows) == set(StableVariation.needs(marker)) <= set(FEATURES)
    fitted = StableVariation.fit(rows, stable, minimum=3, z=1.645, marker=marker)
    assert float(fitted.sd) == pytest.approx(np.sqrt(0.05)) and float(fitted.patients) == 3
    np.testing.assert_array_equal(fitted.apply(rows)[f"{marker}_rcv_rise_stable"], rises)


@pytest.mark.parametrize("marker", SCALES)
def test_a_step_from_or_to_beyond_a_limit_is_not_estimable(marker):
    """The change is missing then, although two results before were measured."""
    fitted = StableVariation(np.array(0.2), np.array(1.645), np.array(30.0), np.array(marker))
    rows = rows_of(marker).iloc[[2]]
    step = [name for name in rows if name.endswith("_previous")]
    assert fitted.apply(rows)[f"{marker}_rcv_rise_stable"] == 1
    assert np.isnan(fitted.apply(rows.assign(**dict.fromkeys(step, np.nan)))[f"{marker}_rcv_rise_stable"]).all()


# ---- clusters --------------------------------------------------------------------------------------------------------
GENES = pd.DataFrame({"gene_A": [2.0, 4.0, 6.0], "gene_B": [1.0, 1.0, np.nan], "gene_C": [10.0, 12.0, np.nan]})
MEMBERS = {"first": ("A", "C"), "second": ("B",), "third": ("C",)}


def test_clusters_by_hand():
    found = Clusters.fit(GENES, MEMBERS).apply(GENES)
    # A: mean 4, sd 2; B has no spread; C: mean 11, sd sqrt 2. Fewer cycles are more expression.
    c = 1 / np.sqrt(2)
    np.testing.assert_allclose(found["cluster_first"], [(1 + c) / 2, (0 - c) / 2, -1.0])
    np.testing.assert_array_equal(found["cluster_second"], [np.nan] * 3)
    np.testing.assert_allclose(found["cluster_third"], [c, -c, np.nan])


def test_clusters_follow_the_rule_of_the_expression_room():
    rng = np.random.default_rng(1)
    panel = load_protocol().panel
    wide = pd.DataFrame(rng.normal(5, 2, (40, len(panel.genes))), columns=list(panel.genes))
    rows = wide.add_prefix("gene_")
    long = wide.rename_axis("sample_id").reset_index().melt("sample_id", var_name="gene", value_name="dcq")
    expected = omic_scores(long.assign(detected=True), panel, wide.mean(), wide.std())
    found = pd.DataFrame(Clusters.fit(rows, panel.omes).apply(rows)).set_axis(list(panel.omes), axis=1)
    pd.testing.assert_frame_equal(found, expected, check_names=False)


def test_clusters_without_wells_are_not_estimable():
    nothing = GENES * np.nan
    assert all(np.isnan(values).all() for values in Clusters.fit(nothing, MEMBERS).apply(GENES).values())
    assert all(np.isnan(values).all() for values in Clusters.fit(GENES, MEMBERS).apply(nothing).values())


# ---- censored 5-HIAA -------------------------------------------------------------------------------------------------
def excretion(seed: int, n: int = 80) -> pd.DataFrame:
    """ln ratio ~ N(1, .8^2), censored where 5-HIAA is below a limit that differs with creatinine."""
    rng = np.random.default_rng(seed)
    value, limit = rng.normal(1.0, 0.8, n), rng.normal(0.5, 0.4, n)
    below = value < limit
    return urine(np.where(below, limit - 0.5 * np.log(2), value), below.astype(float), np.where(below, limit, np.nan))


def urine(value: object, below: object, limit: object) -> pd.DataFrame:
    """ln of ratio or limit / sqrt 2, whether it is below the limit, ln of the limit over creatinine."""
    return pd.DataFrame(dict(zip(CensoredNormal.NEEDS, (value, below, limit), strict=True)))


@pytest.mark.parametrize("seed", range(5))
def test_the_censored_normal_equals_a_direct_likelihood(seed):
    rows = excretion(seed)
    fitted = CensoredNormal.fit(rows)
    value, below, limit = rows.to_numpy().T
    below = below == 1

    def minus(parameters):
        mean, sd = parameters[0], np.exp(parameters[1])
        known = norm.logpdf(value[~below], mean, sd).sum()
        return -known - norm.logcdf(limit[below], mean, sd).sum()

    best = minimize(minus, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000})
    assert float(fitted.mean) == pytest.approx(best.x[0], abs=1e-6)
    assert float(fitted.sd) == pytest.approx(np.exp(best.x[1]), abs=1e-6)
    assert -minus([float(fitted.mean), np.log(float(fitted.sd))]) >= -best.fun - 1e-10


def test_the_expectation_below_a_limit_is_the_integral():
    fitted = CensoredNormal(np.array(1.0), np.array(0.8))
    top = 0.6
    rows = urine([0.3, 0.3, -8.3, 0.3, 0.3], [0.0, 1.0, 1.0, np.nan, 1.0], [np.nan, top, -8.0, np.nan, np.nan])
    found = fitted.apply(rows)[EXPECTED]
    mass = quad(lambda x: norm.pdf(x, 1, 0.8), -12, top)[0]
    inside = quad(lambda x: x * norm.pdf(x, 1, 0.8), -12, top)[0] / mass
    assert found[0] == 0.3 and np.isnan(found[3:]).all()
    assert found[1] == pytest.approx(inside, abs=1e-8)
    assert found[1] < top and -8.3 < found[2] < -8.0


def test_without_censored_results_it_is_mean_and_root_mean_square():
    rows = urine([0.0, 1.0, 5.0, np.nan], [0.0, 0.0, 0.0, np.nan], np.nan)
    fitted = CensoredNormal.fit(rows)
    assert float(fitted.mean) == pytest.approx(2.0) and float(fitted.sd) == pytest.approx(np.sqrt(14 / 3))


@pytest.mark.parametrize("censored", [1.0, np.nan])
def test_nothing_measured_is_not_estimable(censored):
    rows = urine([0.0, 1.0, 2.0], censored, 0.5)
    fitted = CensoredNormal.fit(rows)
    assert np.isnan(fitted.mean) and np.isnan(fitted.apply(rows)[EXPECTED]).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_likelihood_is_climbed_even_with_few_measured_results(seed):
    rows = excretion(seed, n=12)
    below = np.arange(12) < 9
    fitted = CensoredNormal.fit(urine(rows["hiaa_creatinine_ln"], below, np.where(below, 0.5, np.nan)))
    assert np.isfinite(fitted.mean) and fitted.sd > 0


# ---- signature -------------------------------------------------------------------------------------------------------
NAMES = tuple(f"G{i}" for i in range(30))


def expression(seed: int, n: int, effect: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(n, 30)), columns=[f"gene_{name}" for name in NAMES])
    label = (rng.random(n) < 1 / (1 + np.exp(-effect * (rows["gene_G0"] - rows["gene_G1"])))).astype(float)
    held = np.array([np.arange(n) % 5 == fold for fold in range(5)])
    return rows, label.to_numpy() if hasattr(label, "to_numpy") else label, held


def area(score: np.ndarray, label: np.ndarray) -> float:
    return float((score[label == 1][:, None] > score[label == 0]).mean())


def test_a_signature_of_too_few_patients_is_not_estimable():
    rows, label, held = expression(0, 999, 1.0)
    signature, own = Signature.fit(rows, NAMES, label, np.ones(999), held, minimum=1000)
    assert np.isnan(own).all() and np.isnan(signature.apply(rows)[SCORE]).all()


def test_the_signature_finds_what_is_there():
    rows, label, held = expression(1, 1200, 0.8)
    signature, own = Signature.fit(rows, NAMES, label, np.ones(1200), held, minimum=1000)
    order = np.argsort(-np.abs(signature.coefficients))[:2]
    assert {NAMES[i] for i in order} == {"G0", "G1"}
    later, truth, _ = expression(2, 3000, 0.8)
    outside = area(signature.apply(later)[SCORE], truth)
    assert outside > 0.70 and area(own, label) == pytest.approx(outside, abs=0.05)


def test_without_signal_cross_fitted_scores_know_nothing():
    """Scored with their own labels, the same genes would seem to know a lot."""
    inside, crossed = [], []
    for seed in range(6):
        rows, label, held = expression(seed, 300, 0.0)
        signature, own = Signature.fit(rows, NAMES, label, np.ones(300), held, minimum=100)
        inside.append(area(signature.apply(rows)[SCORE], label))
        crossed.append(area(own, label))
    assert np.mean(inside) > 0.63 and 0.43 < np.mean(crossed) < 0.55


def test_no_row_sees_its_own_label():
    rows, label, held = expression(3, 400, 0.8)
    _, own = Signature.fit(rows, NAMES, label, np.ones(400), held, minimum=100)
    other = label.copy()
    other[held[2]] = 1 - other[held[2]]
    _, changed = Signature.fit(rows, NAMES, other, np.ones(400), held, minimum=100)
    np.testing.assert_array_equal(changed[held[2]], own[held[2]])
    assert (changed[~held[2]] != own[~held[2]]).all()


def test_missing_genes_count_as_average():
    rows, label, held = expression(4, 400, 0.8)
    signature, _ = Signature.fit(rows, NAMES, label, np.ones(400), held, minimum=100)
    bare = rows.iloc[:2].copy()
    bare.iloc[0] = np.nan
    bare.iloc[1, 2:] = np.nan
    z = (bare.iloc[1, :2] - signature.mean[:2]) / signature.scale[:2]
    np.testing.assert_allclose(signature.apply(bare)[SCORE], [np.nan, z @ signature.coefficients[:2]])


# ---- dictionary ------------------------------------------------------------------------------------------------------
def test_learnt_columns_are_in_the_dictionary_and_never_in_a_table():
    assert not set(LEARNT) & set(FEATURES)
    assert {feature.source for feature in LEARNT.values()} == {"fold"}
    assert sum(name.startswith("cluster_") for name in LEARNT) == 8
    assert not any("netest" in name for name in LEARNT if name.startswith("signature"))


@pytest.mark.parametrize(
    ("marker", "level", "slope", "specimen", "stamp"),
    [
        ("netest", "logit", "logit/month", "blood", "netest"),
        ("cga", "ln ng/mL", "ln/month", "blood", "cga"),
        ("hiaa_creatinine", "ln umol/mmol", "ln/month", "urine", "hiaa"),
        ("urine_score", "logit", "logit/month", "urine", "urine_score"),
    ],
)
def test_every_marker_has_level_slope_and_stable_rise(marker, level, slope, specimen, stamp):
    found = [LEARNT[name] for name in (*MixedModel.gives(marker), *StableVariation.gives(marker))]
    assert [feature.unit for feature in found] == [level, slope, ""]
    assert [feature.kind for feature in found] == ["number", "number", "flag"]
    assert {(feature.specimen, feature.stamp) for feature in found} == {(specimen, stamp)}
    assert {feature.reference.split(",")[0] for feature in found} == {"Laird", "von Neumann et al."}
    assert set(MixedModel.needs(marker)) - {"landmark"} <= set(FEATURES)
