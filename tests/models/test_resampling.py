"""The bootstrap by counting gives the numbers of the loop on the same resamples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.metrics.discrimination import auc, dynamic_auc, dynamic_brier
from models.metrics.resampling import auc_bootstrap, resample_counts, resample_indices, resampled_auc
from models.metrics.resampling_dynamic import resampled_dynamic


def test_counts_do_not_depend_on_the_size_of_the_chunks():
    whole = np.concatenate(list(resample_counts(7, 50, 3)))
    for cells in (1, 20, 100):
        np.testing.assert_array_equal(np.concatenate(list(resample_counts(7, 50, 3, cells))), whole)
    drawn = [np.bincount(rows, minlength=7) for rows in resample_indices(7, 50, 3)]
    np.testing.assert_array_equal(whole, drawn)
    assert (whole.sum(axis=1) == 7).all()


def test_a_small_table():
    # Controls 1 and 2, cases 2 and 3: in every resample the pairs can be counted by eye.
    label, score = np.array([0, 0, 1, 1]), np.array([1.0, 2, 2, 3])
    won = np.array([[1, 1], [0.5, 1]])
    for counts, found in zip(
        np.concatenate(list(resample_counts(4, 30, 1))), resampled_auc(label, score, resamples=30, seed=1), strict=True
    ):
        pairs = np.outer(counts[:2], counts[2:])
        expected = (pairs * won).sum() / pairs.sum() if pairs.sum() else np.nan
        np.testing.assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize("digits", [1, 15])
@pytest.mark.parametrize("n", [106, 400])
def test_auc_equals_scikit_learn_in_a_loop(n, digits):
    rng = np.random.default_rng(n)
    label = (rng.random(n) < 0.4).astype(float)
    score = np.round(rng.normal(size=n) + label, digits)
    loop = [roc_auc_score(label[rows], score[rows]) for rows in resample_indices(n, 15, 5)]
    np.testing.assert_allclose(resampled_auc(label, score, resamples=15, seed=5), loop, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cells", [10, 100_000])
def test_weighted_auc_of_two_scores_equals_the_loop(cells):
    rng = np.random.default_rng(2)
    label, weight = np.where(rng.random(90) < 0.9, rng.integers(0, 2, 90), np.nan), rng.uniform(1, 3, 90)
    weight[::7] = 0
    scores = np.column_stack([rng.normal(size=90), rng.integers(0, 5, 90)])
    loop = [[auc(label[i], scores[i, k], weight[i]) for k in range(2)] for i in resample_indices(90, 25, 4)]
    found = resampled_auc(label, scores, weight, resamples=25, seed=4, cells=cells)
    np.testing.assert_allclose(found, loop, rtol=0, atol=1e-12)


def test_a_resample_without_a_class_is_missing_and_costs_no_interval():
    label, score = np.array([1, 0, 0, 0, 0]), np.array([1.0, 2, 0, 3, 0.5])
    drawn = resampled_auc(label, score, resamples=300, seed=0)
    without = [not (rows == 0).any() for rows in resample_indices(5, 300, 0)]
    assert np.isnan(drawn[without]).all() and sum(without) > 50
    value, lower, upper = auc_bootstrap(label, score, resamples=300, seed=0)
    assert value == pytest.approx(0.5) and 0 < lower < value < upper < 1
    assert auc_bootstrap([1, 0, 0], [3.0, 1, 2], resamples=50, seed=0)[0] == 1.0


@pytest.mark.parametrize("whole_months", [True, False])
@pytest.mark.parametrize("codes", [(0, 1), (0, 1, 2)])
def test_dynamic_scores_equal_the_loop(whole_months, codes):
    """Ties of events and censorings, competing events, a risk for each horizon, G estimated anew each time."""
    rng = np.random.default_rng(8)
    n, horizons = 80, [4.0, 11.0, 25.0]
    time = rng.exponential(15, n)
    time = np.ceil(time) if whole_months else time
    event, risk = rng.choice(codes, n), np.round(rng.random((n, 3)), 1)
    found = resampled_dynamic(time, event, risk, horizons, resamples=25, seed=6, cells=500)
    for number, rows in enumerate(resample_indices(n, 25, 6)):
        for k, horizon in enumerate(horizons):
            given = time[rows], event[rows], risk[rows, k], horizon
            assert found.auc[number, k] == pytest.approx(dynamic_auc(*given).estimate, abs=1e-12)
            assert found.brier[number, k] == pytest.approx(dynamic_brier(*given).estimate, abs=1e-12)


def test_one_risk_serves_every_horizon_and_a_wrong_shape_is_refused():
    time, event, risk = np.arange(1.0, 9), np.tile([1, 0], 4), np.linspace(0.9, 0.1, 8)
    one = resampled_dynamic(time, event, risk, [3.0, 5.0], resamples=10, seed=1)
    two = resampled_dynamic(time, event, np.column_stack([risk, risk]), [3.0, 5.0], resamples=10, seed=1)
    np.testing.assert_array_equal(one.brier, two.brier)
    with pytest.raises(ValueError, match=r"expected \(8,\) or \(8, 2\)"):
        resampled_dynamic(time, event, np.ones((8, 3)), [3.0, 5.0], resamples=10, seed=1)
