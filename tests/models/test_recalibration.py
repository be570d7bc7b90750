"""Recalibration in stages: the intercept, the slope, both ends; never a falling line."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from models.estimators.base import intercept_shift
from models.estimators.recalibration import UNCHANGED, in_words, log_loss, recalibrated, recalibration

STAGES = (100, 500)


def sample(n, seed=8):
    """True probabilities and labels that follow them."""
    rng = np.random.default_rng(seed)
    truth = expit(rng.normal(0, 1.5, n))
    return truth, (rng.random(n) < truth).astype(float)


def test_few_events_move_the_intercept_alone():
    truth, label = sample(60)
    line = recalibration(truth, label, np.ones(60), STAGES)
    assert line.tolist() == [intercept_shift(truth, label, np.ones(60)), 1.0, 1.0]
    assert recalibrated(truth, line).mean() == pytest.approx(label.mean(), abs=1e-9)


def test_the_slope_is_the_logistic_regression_on_the_logit():
    truth, label = sample(600)
    flat, weight = expit(0.5 * logit(truth) - 1), np.linspace(0.5, 2, 600)
    line = recalibration(flat, label, weight, STAGES)
    theirs = LogisticRegression(C=np.inf, tol=1e-12).fit(logit(flat)[:, None], label, sample_weight=weight)
    assert line[1] == line[2]
    np.testing.assert_allclose(line[:2], [theirs.intercept_[0], theirs.coef_[0, 0]], atol=1e-4)


def test_many_events_bend_both_ends_and_find_the_bend_that_was_made():
    """Kull 2017: logit q = c + a ln p - b ln(1 - p); bend the truth by the inverse and get it back."""
    truth, label = sample(6000)
    found = recalibration(truth, label, np.ones(6000), STAGES)
    np.testing.assert_allclose(found, UNCHANGED, atol=0.12)
    grid = np.linspace(1e-6, 1 - 1e-6, 200_001)
    bent = np.interp(truth, expit(0.4 + 0.6 * np.log(grid) - 1.5 * np.log1p(-grid)), grid)
    line = recalibration(bent, label, np.ones(6000), STAGES)
    np.testing.assert_allclose(line, [0.4, 0.6, 1.5], atol=0.15)
    columns = np.column_stack([np.log(bent), -np.log1p(-bent)])
    theirs = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(columns, label)
    np.testing.assert_allclose(line, np.r_[theirs.intercept_, theirs.coef_[0]], atol=1e-3)


@pytest.mark.parametrize("n", [600, 6000])
def test_a_line_never_falls_and_noise_gives_the_event_rate(n):
    truth, label = sample(n)
    line = recalibration(1 - truth, label, np.ones(n), STAGES)
    assert line[1:].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(recalibrated(truth, line), label.mean(), atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_order_is_kept_at_every_stage(seed):
    truth, label = sample((150, 700, 3000)[seed % 3], seed)
    odd = expit(logit(truth) ** 3 / 4)
    line = recalibration(odd, label, np.ones(len(label)), STAGES)
    assert (line[1:] >= 0).all()
    assert (np.diff(recalibrated(np.sort(odd), line)) >= 0).all()


def test_words_and_losses_of_a_line():
    assert recalibrated(np.array([0.2]), np.array(UNCHANGED))[0] == 0.2
    assert set(in_words(np.array([0.1, 0.9, 0.9]))) == {"recalibration intercept", "recalibration slope"}
    assert len(in_words(np.array([0.1, 0.9, 1.2]))) == 3
    loss = log_loss(np.array([1.0, 0.0]), np.array([0.8, 0.4]), np.array([3.0, 1.0]))
    assert loss == pytest.approx(-(3 * np.log(0.8) + np.log(0.6)) / 4)
