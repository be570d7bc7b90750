"""AUC: integer weights as copies, invariances (pROC's answers: ``test_delong_reference``)."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics import discrimination
from models.metrics.discrimination import (
    auc,
    auc_with_interval,
    dynamic_auc,
    dynamic_brier,
    group_aucs,
    within_fold_auc,
)
from models.metrics.resampling_dynamic import resampled_dynamic


def test_auc_of_a_small_table():
    #        cases 3, 1; controls 2, 1, 0: pairs won 3 + 1 + half a tie of 6
    assert auc([1, 1, 0, 0, 0], [3, 1, 2, 1, 0]) == pytest.approx((3 + 1 + 0.5) / 6)


@pytest.mark.parametrize("seed", range(5))
def test_whole_weights_count_like_copies(seed):
    rng = np.random.default_rng(seed)
    label, score, copies = rng.integers(0, 2, 40), rng.integers(0, 9, 40), rng.integers(0, 4, 40)
    repeated = np.repeat(np.arange(40), copies)
    assert auc(label, score, copies) == pytest.approx(auc(label[repeated], score[repeated]))


@pytest.mark.parametrize("seed", range(5))
def test_monotone_transforms_and_order_change_nothing(seed):
    rng = np.random.default_rng(seed)
    label, score, weight = rng.integers(0, 2, 60), rng.normal(size=60), 1 + rng.random(60)
    order = rng.permutation(60)
    expected = auc_with_interval(label, score, weight)
    np.testing.assert_allclose(auc_with_interval(label, np.exp(3 * score) - 7, weight), expected)
    np.testing.assert_allclose(auc_with_interval(label[order], score[order], weight[order]), expected)
    assert auc(label, -score, weight) == pytest.approx(1 - expected[0])


def test_one_class_has_no_auc():
    assert all(np.isnan(value) for value in auc_with_interval([1, 1, 1], [1, 2, 3]))


def test_pairs_within_folds_ignore_shifts_between_folds():
    label = np.array([1.0, 0.0, 1.0, 0.0])
    score = np.array([0.9, 0.8, 0.3, 0.2])
    fold = np.array([0, 0, 1, 1])
    assert within_fold_auc(label, score, np.ones(4), fold) == 1.0
    assert auc(label, score) == pytest.approx(0.75)
    assert np.isnan(within_fold_auc(label, score, np.ones(4), np.arange(4)))


@pytest.mark.parametrize("pairs", [0, discrimination.PAIRS])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_within_folds_are_counted_one_by_one(seed, pairs, monkeypatch):
    """By sorting, as for many patients, and pair by pair, as for few; in groups that overlap, one of them empty."""
    monkeypatch.setattr(discrimination, "PAIRS", pairs)
    rng = np.random.default_rng(seed)
    label, score, weight = rng.integers(0, 2, 60).astype(float), rng.integers(0, 9, 60) / 9, rng.integers(0, 3, 60) / 2
    fold = rng.integers(0, 4, 60)
    groups = np.array([np.ones(60), np.arange(60) < 40, np.arange(60) >= 30, np.zeros(60)], dtype=bool)
    expected = []
    for rows in groups:
        won = total = 0.0
        for i, j in np.argwhere((label[:, None] == 1) & (label == 0) & (fold[:, None] == fold) & np.outer(rows, rows)):
            total += weight[i] * weight[j]
            won += weight[i] * weight[j] * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
        expected.append(won / total if total else np.nan)
    np.testing.assert_allclose(group_aucs(label, score, weight, fold, groups), expected, rtol=1e-12)
    assert within_fold_auc(label, score, weight, fold) == pytest.approx(expected[0])


def test_pairs_within_folds_of_ten_thousand_patients_need_no_matrix():
    import tracemalloc

    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, 10_000).astype(float)
    tracemalloc.start()
    within_fold_auc(label, rng.normal(size=10_000), np.ones(10_000), np.arange(10_000) % 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize("seed", range(3))
def test_without_censoring_the_dynamic_auc_is_the_plain_one(seed):
    rng = np.random.default_rng(seed)
    time, risk = rng.exponential(size=80), rng.normal(size=80)
    label = (time <= 1).astype(float)
    found = dynamic_auc(time, np.ones(80, dtype=int), risk, 1.0)
    assert found.estimate == pytest.approx(auc(label, risk))
    assert abs(found.influence.mean()) < 1e-9
    probability = 1 / (1 + np.exp(-risk))
    brier = dynamic_brier(time, np.ones(80, dtype=int), probability, 1.0)
    assert brier.estimate == pytest.approx(np.mean((label - probability) ** 2))


@pytest.mark.parametrize("seed", range(3))
def test_the_influence_function_agrees_with_the_jackknife_under_censoring(seed):
    rng = np.random.default_rng(seed)
    n = 150
    marker = rng.normal(size=n)
    event_time, censoring = rng.exponential(np.exp(-marker)), rng.exponential(2, size=n)
    time, event = np.minimum(event_time, censoring), (event_time <= censoring).astype(int)
    found = dynamic_auc(time, event, marker, 0.8)
    left_out = [
        dynamic_auc(np.delete(time, i), np.delete(event, i), np.delete(marker, i), 0.8).estimate for i in range(n)
    ]
    jackknife = np.sqrt((n - 1) / n * np.sum((left_out - np.mean(left_out)) ** 2))
    assert found.standard_error == pytest.approx(jackknife, rel=0.05)


def test_follow_up_cut_at_the_horizon_is_refused_where_it_would_count_nobody_as_free():
    rng = np.random.default_rng(4)
    true = rng.exponential(40, 60)
    time, event, risk = np.minimum(true, 36.0), (true <= 36).astype(int), rng.random(60)
    with pytest.raises(ValueError, match="censored on the horizon 36 and nobody is followed beyond it"):
        dynamic_auc(time, event, risk, 36.0)
    with pytest.raises(ValueError, match="give follow-up that is not cut"):
        dynamic_brier(time, event, risk, 36.0)
    with pytest.raises(ValueError, match="give follow-up that is not cut"):
        resampled_dynamic(time, event, risk, 36.0, resamples=20, seed=0)
    longer = np.where(event == 0, 36.1, time)
    assert dynamic_brier(longer, event, risk, 36.0).estimate == pytest.approx(np.mean((event - risk) ** 2))
