"""Intervals: published values and coverage."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.discrimination import auc_with_interval
from models.metrics.intervals import effective_size, joined, logit_interval, resampled_interval, wilson_interval


def test_wilson_equals_the_published_example():
    # Newcombe, Stat Med 1998; 17: 857-872, table I: 81/263 and 15/148
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0.0, 20)[0] == pytest.approx(0, abs=1e-12)
    assert wilson_interval(1.0, 20)[1] == pytest.approx(1, abs=1e-12)


def test_effective_size():
    assert effective_size([2.0, 2.0, 2.0]) == pytest.approx(3.0)
    assert effective_size([1.0, 3.0]) == pytest.approx(16 / 10)
    assert effective_size([0.0, 0.0]) == 0.0


def test_logit_intervals_stay_inside():
    lower, upper = logit_interval(0.97, 0.03)
    assert 0.7 < lower < 0.97 < upper < 1
    assert logit_interval(1.0, 0.0)[1] == 1.0 and np.isnan(logit_interval(1.0, 0.0)[0])
    assert all(np.isnan(logit_interval(np.nan, 0.1)))


def test_resampled_interval_is_about_the_estimate_and_needs_resamples():
    moved = np.random.default_rng(1).normal(5, 2, 4000)
    lower, upper = resampled_interval(1.0, moved)
    assert lower == pytest.approx(1 - 1.96 * 2, abs=0.1) and upper == pytest.approx(1 + 1.96 * 2, abs=0.1)
    assert all(np.isnan(resampled_interval(1.0, moved[:9])))
    assert all(np.isnan(resampled_interval(1.0, [np.nan] * 50)))


@pytest.mark.parametrize("scale", ["identity", "logit", "log"])
def test_joined_sources_add_their_variances(scale):
    rng = np.random.default_rng(3)
    first, second = rng.beta(80, 20, 5000), rng.beta(50, 30, 5000)
    forward = {"identity": lambda v: v, "logit": lambda v: np.log(v / (1 - v)), "log": np.log}[scale]
    both = forward(joined(first, second, scale))
    assert both.mean() == pytest.approx(forward(first).mean())
    assert both.var() == pytest.approx(forward(first).var() + forward(second).var(), rel=0.06)
    np.testing.assert_allclose(joined(first, np.full(5000, 0.7), scale), first)
    assert np.isnan(joined([0.5, np.nan], [np.nan, 0.5], scale)).all()


@pytest.mark.slow
def test_logit_delong_covers():
    rng, hits, runs = np.random.default_rng(7), 0, 2000
    for _ in range(runs):
        label = np.r_[np.ones(20), np.zeros(60)]
        score = rng.normal(size=80) + 1.2 * label
        _, _, lower, upper = auc_with_interval(label, score)
        hits += lower <= 0.80193 <= upper
    assert 0.93 <= hits / runs <= 0.97
