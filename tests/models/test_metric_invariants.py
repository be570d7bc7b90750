"""What every metric must do over seeds: order of patients, monotone scores, swapped labels, nulls, truth best."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from models.censoring import VisitCensoring, VisitStates, kaplan_meier_weights
from models.metrics.calibration import flexible_calibration
from models.metrics.cutoffs import at_cutoff
from models.metrics.decision import CALL_FIGURES, decision_figures, decisions
from models.metrics.discrimination import auc, auc_with_interval, within_fold_auc
from models.metrics.probability import Judged, probability_metrics

THRESHOLDS = np.array([0.15, 0.3, 0.5])
VISITS = (6.0, 12.0, 18.0, 24.0)


def censored_cohort(seed: int, n: int, lost: float = 0.12) -> tuple[Judged, np.ndarray]:
    """Patients with a known risk, lost between visits at random within their arm, weighted by visit hazards."""
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(-0.2, 1.3, n))
    event = rng.random(n) < risk
    arm = np.where(rng.random(n) < 0.5, "control", "prrt").astype(object)
    resolved = np.where(event, rng.integers(1, 4, n), 3)
    left = rng.geometric(np.where(arm == "prrt", lost, lost / 3)) - 1
    censored = left < resolved
    states = VisitStates(np.where(censored, left, resolved), censored, np.zeros(n, dtype=bool), arm)
    weight = VisitCensoring(VISITS, 0.05).fit(states).state_weights(states)
    return Judged(np.where(censored, np.nan, event.astype(float)), weight, arm), risk


def everything(judged: Judged, probability: np.ndarray) -> dict[str, float]:
    known = judged.known
    value = auc_with_interval(judged.label[known], probability[known], judged.weight[known])
    return {
        **dict(zip(("auc", "error", "lower", "upper"), value, strict=True)),
        **probability_metrics(judged, probability),
        **decision_figures(judged, probability, THRESHOLDS, THRESHOLDS),
        **flexible_calibration(judged, probability, 3).figures,
    }


@pytest.mark.parametrize("seed", range(4))
def test_weights_are_at_least_one_and_zero_for_the_unknown(seed):
    judged, _ = censored_cohort(seed, 300)
    assert np.all(judged.weight[judged.known] >= 1) and np.all(judged.weight[~judged.known] == 0)
    time, event = np.random.default_rng(seed).exponential(10, 200), np.random.default_rng(seed + 9).integers(0, 2, 200)
    weight = kaplan_meier_weights(time, event, 8.0)
    assert np.all((weight == 0) | (weight >= 1)) and np.all(kaplan_meier_weights(time, event, 0.0) == 1)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_patients_and_the_scale_of_weights_do_not_matter(seed):
    judged, risk = censored_cohort(seed, 240)
    order = np.roll(np.random.default_rng(seed).permutation(240), 7)
    first, turned = everything(judged, risk), everything(judged.only(order), risk[order])
    scaled = everything(Judged(judged.label, 3 * judged.weight, judged.arm), risk)
    for name, value in first.items():
        assert turned[name] == pytest.approx(value, abs=1e-6), name
        assert scaled[name] == pytest.approx(value, abs=1e-5), name


@pytest.mark.parametrize("seed", range(4))
def test_a_monotone_transformation_leaves_what_only_ranks(seed):
    judged, risk = censored_cohort(seed, 240)
    known, fold = judged.known, np.random.default_rng(seed).integers(0, 5, 240)
    label, weight = judged.label[known], judged.weight[known]
    for moved in (risk**3, expit(2 * logit(risk) - 1), np.exp(risk)):
        assert auc(label, moved[known], weight) == pytest.approx(auc(label, risk[known], weight))
        assert within_fold_auc(label, moved[known], weight, fold[known]) == pytest.approx(
            within_fold_auc(label, risk[known], weight, fold[known])
        )
    assert probability_metrics(judged, risk**3)["ap"] == pytest.approx(probability_metrics(judged, risk)["ap"])


@pytest.mark.parametrize("seed", range(4))
def test_swapped_labels_turn_the_figures_around(seed):
    judged, risk = censored_cohort(seed, 240)
    other = Judged(1 - judged.label, judged.weight, judged.arm)
    one, swapped = everything(judged, risk), everything(other, risk)
    assert swapped["auc"] == pytest.approx(1 - one["auc"]) and swapped["error"] == pytest.approx(one["error"])
    mirrored = probability_metrics(other, 1 - risk)
    for name, sign in (("brier", 1), ("ipa", 1), ("slope", 1), ("citl", -1)):
        assert mirrored[name] == pytest.approx(sign * one[name], abs=1e-6), name
    positive = risk >= 0.3
    test, opposite = at_cutoff(judged, positive), at_cutoff(other, ~positive)
    for name, partner in (("sens", "spec"), ("ppv", "npv")):
        assert opposite[name] == pytest.approx(test[partner])


def test_a_score_of_noise_has_auc_one_half_on_average_under_censoring():
    found = []
    for seed in range(150):
        judged, _ = censored_cohort(seed, 150)
        known, noise = judged.known, np.random.default_rng(seed + 5000).normal(size=150)
        found.append(auc(judged.label[known], noise[known], judged.weight[known]))
    assert np.mean(found) == pytest.approx(0.5, abs=3 * np.std(found) / np.sqrt(len(found)))


DISTORTIONS = {
    "too extreme": lambda line: expit(1.8 * line),
    "too timid": lambda line: expit(0.4 * line),
    "too high": lambda line: expit(line + 0.8),
    "too low": lambda line: expit(line - 0.8),
    "constant": lambda line: np.full_like(line, 0.46),
    "noisy": lambda line: expit(line + np.random.default_rng(1).normal(0, 0.9, len(line))),
}


@pytest.mark.parametrize("name", DISTORTIONS)
def test_the_true_probability_scores_best_in_expectation_under_censoring(name):
    """Paired over cohorts: Brier score, log score and net benefit of the truth beat the distortion by many errors."""
    gains = []
    for seed in range(40):
        judged, risk = censored_cohort(seed, 500)
        known, wrong = judged.known, DISTORTIONS[name](logit(risk))
        label, weight = judged.label[known], judged.weight[known]

        def scores(value, label=label, weight=weight, known=known, judged=judged):
            p = value[known]
            log = label * np.log(p) + (1 - label) * np.log(1 - p)
            benefit = decisions(judged, value, np.linspace(0.1, 0.6, 11))["nb"].mean()
            return np.array([-(weight @ (label - p) ** 2), weight @ log, benefit * weight.sum()]) / weight.sum()

        gains.append(scores(risk) - scores(wrong))
    mean, error = np.mean(gains, axis=0), np.std(gains, axis=0, ddof=1) / np.sqrt(len(gains))
    assert np.all(mean > 3 * error), (mean, error)


def test_weights_bring_the_event_rate_back_and_dropping_the_censored_does_not():
    weighted, dropped = [], []
    for seed in range(40):
        judged, risk = censored_cohort(seed, 800, lost=0.3)
        weighted.append(judged.prevalence - risk.mean())
        dropped.append(np.nanmean(judged.label) - risk.mean())
    assert abs(np.mean(weighted)) < 0.01 and np.mean(dropped) > 0.03


@pytest.mark.parametrize("seed", range(4))
def test_decisions_agree_with_the_definition_patient_by_patient(seed):
    judged, risk = censored_cohort(seed, 120)
    known = judged.known
    label, weight = judged.label[known], judged.weight[known]
    found = decisions(judged, risk, THRESHOLDS)
    for i, threshold in enumerate(THRESHOLDS):
        act = risk[known] >= threshold
        total = weight.sum()
        benefit = (weight @ (act & (label == 1)) - threshold / (1 - threshold) * weight @ (act & (label == 0))) / total
        everybody = (weight @ label - threshold / (1 - threshold) * weight @ (1 - label)) / total
        assert found["nb"][i] == pytest.approx(benefit) and found["gain"][i] == pytest.approx(benefit - everybody)
        figures = at_cutoff(judged, risk >= threshold)
        for name in CALL_FIGURES:
            assert found[name][i] == pytest.approx(figures[name][0], nan_ok=True), name


def test_acting_on_everybody_gains_nothing_over_acting_on_everybody():
    judged, _ = censored_cohort(0, 100)
    found = decisions(judged, np.ones(100), THRESHOLDS)
    np.testing.assert_allclose(found["gain"], 0, atol=1e-12)
    assert np.isnan(found["npv"]).all()


def test_intervals_are_exact_without_censoring_and_wilson_with_it():
    label = np.array([1.0] * 10 + [0.0] * 10)
    positive = np.array([True] * 8 + [False] * 2 + [True] * 3 + [False] * 7)
    plain = at_cutoff(Judged(label, np.ones(20), np.full(20, "a")), positive)
    # Clopper-Pearson limits of 8 of 10 and 8 of 11, as R binom.test prints them.
    np.testing.assert_allclose(plain["sens"], (0.8, 0.4439045, 0.9747893), atol=1e-6)
    np.testing.assert_allclose(plain["ppv"], (8 / 11, 0.3902574, 0.9397823), atol=1e-6)
    weighted = at_cutoff(Judged(label, np.r_[np.ones(19), 1.5], np.full(20, "a")), positive)
    np.testing.assert_allclose(weighted["sens"], (0.8, 0.4901625, 0.9433178), atol=1e-6)
