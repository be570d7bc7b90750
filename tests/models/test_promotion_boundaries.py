"""Boundaries of the gate: published constants, another integration, spending that keeps its promise, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from models.promotion.boundaries import exit_probabilities, obrien_fleming, planned_spending, spending_boundary

QUARTERS = (0.25, 0.5, 0.75, 1.0)
DESIGN = {
    0.05: (3.469, 2.453, 2.003, 1.735),
    0.05 / 2: (4.055, 2.867, 2.341, 2.028),
    0.05 / 3: (4.367, 3.088, 2.521, 2.184),
}


@pytest.mark.parametrize(
    ("looks", "alpha", "constant"),
    # Two-sided constants C_B(K, 2 alpha) of Jennison and Turnbull 2000, table 2.3: both sides are so far apart that the
    # one-sided constant differs by less than the third decimal.
    [(1, 0.025, 1.960), (2, 0.025, 1.977), (3, 0.025, 2.004), (4, 0.025, 2.024), (5, 0.025, 2.040), (2, 0.05, 1.678)],
)
def test_constants_are_the_published_ones(looks, alpha, constant):
    fractions = tuple((np.arange(looks) + 1) / looks)
    assert obrien_fleming(fractions, alpha)[-1] == pytest.approx(constant, abs=1e-3)


@pytest.mark.parametrize("alpha", DESIGN)
def test_every_look_meets_the_design_to_two_decimals_and_never_spends_more(alpha):
    ours = np.array(obrien_fleming(QUARTERS, alpha))
    np.testing.assert_allclose(ours * np.sqrt(QUARTERS), ours[-1])
    # The design's constants came from a simulation: 0.1 to 0.2% above the exact ones, so on the safe side.
    np.testing.assert_allclose(ours, DESIGN[alpha], rtol=0.0025)
    spent = sum(exit_probabilities(DESIGN[alpha], QUARTERS))
    assert alpha * 0.99 < spent < alpha


def test_exact_values_of_the_plan():
    np.testing.assert_allclose(obrien_fleming(QUARTERS, 0.05), (3.466, 2.451, 2.001, 1.733), atol=5e-4)


@pytest.mark.parametrize("fractions", [QUARTERS, (0.1, 0.35, 0.9, 1.0)])
def test_recursive_integration_equals_the_multivariate_normal(fractions):
    time = np.array(fractions)
    correlation = np.sqrt(np.minimum.outer(time, time) / np.maximum.outer(time, time))
    critical = np.array([2.9, 2.3, 2.0, 1.9])
    inside = multivariate_normal.cdf(
        critical, np.zeros(4), correlation, maxpts=200_000, abseps=1e-7, rng=np.random.default_rng(0)
    )
    assert sum(exit_probabilities(tuple(critical), fractions)) == pytest.approx(1 - inside, abs=5e-6)


def test_power_equals_a_simulated_path():
    steps = np.random.default_rng(1).normal(2.4 / 4, 0.5, (200_000, 4)).cumsum(axis=1)
    critical = obrien_fleming(QUARTERS, 0.05)
    first = np.argmax(steps / np.sqrt(QUARTERS) >= critical, axis=1)
    crossed = (steps / np.sqrt(QUARTERS) >= critical).any(axis=1)
    seen = [(crossed & (first == look)).mean() for look in range(4)]
    np.testing.assert_allclose(exit_probabilities(critical, QUARTERS, drift=2.4), seen, atol=4e-3)


def test_looks_on_the_plan_get_the_planned_values_and_one_look_the_whole():
    spent = planned_spending(QUARTERS, 0.05)
    assert spent[-1] == pytest.approx(0.05, abs=1e-9)
    np.testing.assert_allclose(
        spending_boundary((100, 200, 300, 400), spent), obrien_fleming(QUARTERS, 0.05), atol=1e-7
    )
    assert spending_boundary((411,), (0.05,))[0] == pytest.approx(norm.isf(0.05))


@pytest.mark.parametrize("labels", [(103, 201, 330, 411), (100, 101, 399, 400), (240, 301, 460, 461)])
def test_looks_off_the_plan_spend_exactly_what_was_planned(labels):
    spent = planned_spending(QUARTERS, 0.05)
    critical = spending_boundary(labels, spent)
    np.testing.assert_allclose(np.cumsum(exit_probabilities(critical, labels)), spent, atol=1e-9)


def test_a_passed_over_look_leaves_its_share_to_the_next():
    spent = planned_spending(QUARTERS, 0.05)
    critical = spending_boundary((250, 400), (spent[1], spent[3]))
    assert critical[0] == pytest.approx(norm.isf(spent[1]))
    assert sum(exit_probabilities(critical, (250, 400))) == pytest.approx(0.05, abs=1e-9)


def test_a_look_that_spends_nothing_can_not_be_crossed():
    assert spending_boundary((100, 200), (0.0, 0.05)) == (np.inf, pytest.approx(norm.isf(0.05)))


@pytest.mark.parametrize("information", [(), (0.5, 0.5), (0.5, 0.2), (0.0, 1.0), (np.nan,)])
def test_information_that_does_not_grow_is_refused(information):
    with pytest.raises(ValueError, match="numbers that grow"):
        exit_probabilities((2.0,) * len(information), information)


@pytest.mark.parametrize("spent", [(0.02, 0.01), (0.01,), (0.5, 1.0)])
def test_spending_that_does_not_go_is_refused(spent):
    with pytest.raises(ValueError, match="does not go"):
        spending_boundary((100, 200), spent)
