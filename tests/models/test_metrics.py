"""Metrics: small tables by hand, scikit-learn where it has the same figure, and the true model scores best."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score

from models.metrics.calibration import calibration, calibration_groups, slope_error
from models.metrics.curves import roc_curve
from models.metrics.cutoffs import at_cutoff, cutoff_table
from models.metrics.decision import net_benefit
from models.metrics.probability import (
    Judged,
    average_precision,
    brier_score,
    delta_adjustment,
    probability_metrics,
)


def judged(label, weight=None, arm=None) -> Judged:
    label = np.asarray(label, dtype=float)
    weight = np.where(np.isnan(label), 0.0, 1.0) if weight is None else np.asarray(weight, dtype=float)
    return Judged(label, weight, np.full(len(label), "control", dtype=object) if arm is None else np.asarray(arm))


FIVE = judged([1, 1, 0, 0, np.nan], [1, 2, 1, 1, 0])


def test_counts_and_prevalence_use_the_known_only():
    assert (FIVE.events, FIVE.non_events) == (2, 2)
    assert FIVE.prevalence == pytest.approx(3 / 5)


def test_too_few_events_are_refused_in_words():
    assert FIVE.refusal(2) == ""
    assert FIVE.refusal(10) == "not estimable: 2 events and 2 non-events; 10 of each are needed"


def test_cutoff_figures_by_hand():
    found = at_cutoff(FIVE, np.array([True, False, True, False, True]))
    assert found["sens"][0] == pytest.approx(1 / 3)
    assert found["spec"][0] == pytest.approx(1 / 2)
    assert found["ppv"][0] == pytest.approx(1 / 2)
    assert found["npv"][0] == pytest.approx(1 / 3)
    for estimate, lower, upper in found.values():
        assert 0 <= lower < estimate < upper <= 1


def test_nobody_positive_leaves_the_predictive_value_open():
    assert np.isnan(at_cutoff(FIVE, np.zeros(5, dtype=bool))["ppv"]).all()


def test_cutoffs_on_the_edge_follow_the_assay():
    score = np.array([20.0, 30, 20, 10, 5])
    rows = cutoff_table(FIVE, score, {"above 20": (20, False), "at least 20": (20, True)}).set_index("cut-off")
    assert rows["positive"].tolist() == [1, 3]
    assert rows.loc["at least 20", "sens"] == 1.0 and rows.loc["above 20", "sens"] == pytest.approx(2 / 3)


def test_brier_and_ipa_by_hand():
    found = probability_metrics(FIVE, np.array([0.8, 0.6, 0.3, 0.1, 0.5]))
    brier = (0.04 + 2 * 0.16 + 0.09 + 0.01) / 5
    assert found["brier"] == pytest.approx(brier)
    assert found["ipa"] == pytest.approx(1 - brier / (0.6 * 0.4))
    assert found["oe"] == pytest.approx(3 / (0.8 + 1.2 + 0.3 + 0.1))


def test_net_benefit_by_hand():
    table = net_benefit(judged([1, 1, 0, 0]), np.array([0.9, 0.2, 0.6, 0.1]), np.array([0.5, 0.2]))
    np.testing.assert_allclose(table["model"], [1 / 4 - 1 / 4 * 1, 2 / 4 - 1 / 4 * 0.25])
    np.testing.assert_allclose(table["all"], [0.5 - 0.5 * 1, 0.5 - 0.5 * 0.25])


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_equals_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    label, score, weight = rng.integers(0, 2, 50), rng.integers(0, 12, 50).astype(float), 1 + rng.random(50)
    expected = average_precision_score(label, score, sample_weight=weight)
    assert average_precision(label.astype(float), score, weight) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(6))
def test_the_true_model_scores_best_and_is_calibrated(seed):
    rng = np.random.default_rng(seed)
    truth = expit(rng.normal(-0.5, 1.2, 4000))
    label, weight = (rng.random(4000) < truth).astype(float), np.ones(4000)
    right = calibration(label, truth, weight)
    assert right["slope"] == pytest.approx(1, abs=0.12)
    assert right["citl"] == pytest.approx(0, abs=0.12)
    assert right["oe"] == pytest.approx(1, abs=0.07)
    line = logit(truth)
    for wrong in (expit(2 * line), expit(line + 0.7), expit(line / 2), np.full(4000, label.mean())):
        assert brier_score(label, truth, weight) < brier_score(label, wrong, weight)
    assert calibration(label, expit(2 * logit(truth)), weight)["slope"] == pytest.approx(0.5, abs=0.06)


def test_constant_predictions_have_no_slope():
    assert np.isnan(calibration(np.array([0.0, 1, 1]), np.full(3, 0.4), np.ones(3))["slope"])


@pytest.mark.parametrize("spread", [0.5, 1.5])
def test_slope_error_is_the_spread_of_slopes_of_a_right_model(spread):
    rng = np.random.default_rng(6)
    truth = expit(rng.normal(0.3, spread, 400))
    found = [calibration((rng.random(400) < truth).astype(float), truth, np.ones(400))["slope"] for _ in range(300)]
    assert slope_error(judged(np.ones(400)), truth) == pytest.approx(np.std(found), rel=0.15)


def test_slope_error_is_large_when_predictions_hardly_vary():
    rng = np.random.default_rng(7)
    label = np.r_[np.ones(34), np.zeros(48)]
    assert slope_error(judged(label), expit(-0.35 + rng.normal(0, 0.1, 82))) > 1.5
    assert slope_error(judged(label), np.full(82, 0.4)) == np.inf
    thrice = np.full(82, 3.0)
    value = expit(rng.normal(size=82))
    assert slope_error(judged(label, thrice), value) == pytest.approx(slope_error(judged(label), value))


def test_roc_curve_area_is_the_auc():
    from models.metrics.discrimination import auc

    rng = np.random.default_rng(1)
    label, score = rng.integers(0, 2, 80).astype(float), rng.integers(0, 20, 80).astype(float)
    curve = roc_curve(judged(label), score)
    area = np.trapezoid(curve.true_positive, curve.false_positive)
    assert area == pytest.approx(auc(label, score))
    assert curve.iloc[0].tolist()[1:] == [0, 0] and curve.iloc[-1].tolist()[1:] == [1, 1]


def test_calibration_groups_hold_everybody_once():
    rng = np.random.default_rng(2)
    truth = rng.random(103)
    groups = calibration_groups(judged((rng.random(103) < truth).astype(float)), truth)
    assert groups["n"].sum() == 103 and groups["n"].max() - groups["n"].min() <= 1
    assert groups["predicted"].is_monotonic_increasing
    assert ((groups["lower"] <= groups["observed"]) & (groups["observed"] <= groups["upper"])).all()


def test_delta_adjustment_moves_with_the_odds_of_the_censored():
    table = delta_adjustment(judged([1, 1, 0, 0, np.nan, np.nan]), np.array([0.9, 0.7, 0.3, 0.2, 0.5, 0.5]))
    np.testing.assert_allclose(table["event rate"], [(2 + 2 * odds / (1 + odds)) / 6 for odds in (0.5, 1, 2)])
