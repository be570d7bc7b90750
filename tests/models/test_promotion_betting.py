"""The e-process: capital by hand, a supermartingale under the null, order, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from models.promotion.betting import capital


def test_capital_worked_by_hand():
    # Stakes .3, .6, .9; day 1 brings d/b = .5 and -.5, day 2 brings 1.
    days, value = capital(np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, 2.0]), np.array([1, 1, 2]), 0.9)
    first = [(1 + g / 2) * (1 - g / 2) for g in (0.3, 0.6, 0.9)]
    second = [w * (1 + g) for w, g in zip(first, (0.3, 0.6, 0.9), strict=True)]
    assert days.tolist() == [1, 2]
    np.testing.assert_allclose(value, [np.mean(first), np.mean(second)])


def test_no_label_is_no_capital_and_a_censored_patient_changes_none():
    assert capital(np.array([]), np.array([]), np.array([]), 0.9)[1].size == 0
    d, bound, day = np.array([0.2, 0.0, 0.1]), np.ones(3), np.arange(3)
    value = capital(d, bound, day, 0.9)[1]
    assert value[0] == value[1] < value[2]


def test_order_within_a_day_is_irrelevant():
    rng = np.random.default_rng(0)
    d, day = rng.uniform(-1, 1, 80), rng.integers(0, 6, 80)
    mixed = rng.permutation(80)
    np.testing.assert_allclose(
        capital(d, np.ones(80), day, 0.9)[1], capital(d[mixed], np.ones(80), day[mixed], 0.9)[1], rtol=1e-12
    )


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, shape: rng.choice([-1.0, 1.0], shape),
        lambda rng, shape: np.where(rng.random(shape) < 0.1, 0.9, -0.1),  # mean 0, skewed to the right
        lambda rng, shape: np.where(rng.random(shape) < 0.9, 0.1, -0.9),  # mean 0, skewed to the left
        lambda rng, shape: rng.normal(0, 0.1, shape).clip(-1, 1) - 0.01,
    ],
)
def test_under_the_null_it_is_a_supermartingale_that_seldom_grows(draw):
    d = draw(np.random.default_rng(5), (1500, 40))
    value = np.array([capital(row, np.ones(40), np.arange(40), 0.9)[1] for row in d])
    # Means of a heavy-tailed product: judged early, where they can be estimated.
    for end in (0, 4, 9):
        assert value[:, end].mean() <= 1 + 4 * value[:, end].std() / np.sqrt(len(d))
    for alpha in (0.1, 0.05, 0.01):
        crossed = (value.max(axis=1) >= 1 / alpha).mean()
        assert crossed <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / len(d))


def test_it_grows_when_the_challenger_is_better():
    d = np.random.default_rng(2).normal(0.05, 0.1, 300).clip(-1, 1)
    assert capital(d, np.ones(300), np.arange(300), 0.9)[1][-1] > 100


def test_a_difference_beyond_its_bound_is_refused():
    with pytest.raises(ValueError, match="exceeds its bound"):
        capital(np.array([1.5]), np.array([1.2]), np.array([1]), 0.9)
