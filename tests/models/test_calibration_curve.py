"""The flexible calibration curve: its basis by hand, a known miscalibration, its band, its refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from models.metrics.calibration import flexible_calibration, spline_basis, weighted_quantile
from models.metrics.probability import Judged


def judged(label, weight=None) -> Judged:
    label = np.asarray(label, dtype=float)
    return Judged(label, np.ones(len(label)) if weight is None else weight, np.full(len(label), "control"))


def cohort(seed: int, n: int, true) -> tuple[Judged, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    predicted = expit(rng.normal(-0.3, 1.1, n))
    risk = true(logit(predicted))
    return judged(rng.random(n) < risk), predicted, risk


def test_spline_basis_by_hand():
    basis = spline_basis(np.array([-1.0, 0.5, 1.5, 3.0]), np.array([0.0, 1.0, 2.0]))
    # (x)^3+ - (x-1)^3+ 2/1 + (x-2)^3+ 1/1, over (2 - 0)^2
    expected = [0, 0.5**3 / 4, (1.5**3 - 2 * 0.5**3) / 4, (27 - 2 * 8 + 1) / 4]
    np.testing.assert_allclose(basis[:, 1], expected)
    np.testing.assert_allclose(basis[:, 0], [-1, 0.5, 1.5, 3])


def test_spline_is_straight_beyond_the_outer_knots():
    basis = spline_basis(np.linspace(3, 9, 13), np.array([-1.0, 0.0, 0.5, 2.0, 2.5]))
    np.testing.assert_allclose(np.diff(basis, n=2, axis=0), 0, atol=1e-9)


def test_weighted_quantiles_by_hand():
    values, weight = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    np.testing.assert_array_equal(weighted_quantile(values, weight, (0.5, 0.75, 0.9)), [1, 2, 3])


@pytest.mark.parametrize("knots", [3, 5])
@pytest.mark.parametrize(
    "true", [lambda x: expit(0.4 + 0.6 * x), lambda x: expit(x + 0.5), lambda x: expit(1.6 * x - 0.2)]
)
def test_the_distance_of_a_known_miscalibration_is_found(knots, true):
    """The truth is a line on the logit scale, so the expected ICI, E50 and E90 are those of |risk - predicted|."""
    patients, predicted, risk = cohort(1, 60_000, true)
    found = flexible_calibration(patients, predicted, knots)
    gap = np.abs(risk - predicted)
    assert found.ici == pytest.approx(gap.mean(), abs=0.006)
    assert found.e50 == pytest.approx(np.quantile(gap, 0.5), abs=0.008)
    assert found.e90 == pytest.approx(np.quantile(gap, 0.9), abs=0.012)
    np.testing.assert_allclose(found.curve.observed, true(logit(found.curve.predicted)), atol=0.02)


def test_a_bent_miscalibration_needs_the_spline():
    patients, predicted, risk = cohort(2, 60_000, lambda x: expit(0.8 * x + 0.25 * x**2))
    found = flexible_calibration(patients, predicted, 5)
    assert found.ici == pytest.approx(np.abs(risk - predicted).mean(), abs=0.008)


def test_perfect_predictions_are_near_zero_and_nearer_with_more_patients():
    means = [
        np.mean([flexible_calibration(*cohort(seed, n, expit)[:2], 5).ici for seed in range(12)]) for n in (500, 8_000)
    ]
    # The excess over zero is chance and shrinks as the root of n: by 4.
    assert means[1] < 0.02 < means[0] and 2.5 < means[0] / means[1] < 6


def test_the_band_holds_the_truth_as_often_as_it_says():
    hits = []
    for seed in range(60):
        curve = flexible_calibration(*cohort(seed, 800, expit)[:2], 3).curve
        middle = curve.iloc[len(curve) // 2]
        hits.append(middle.lower <= middle.predicted <= middle.upper)
    assert 0.85 <= np.mean(hits) <= 1


def test_a_patient_of_weight_two_counts_as_two_in_the_curve():
    patients, predicted, _ = cohort(3, 400, expit)
    weight = np.where(np.arange(400) < 150, 2.0, 1.0)
    twice = np.r_[np.arange(400), np.arange(150)]
    one = flexible_calibration(judged(patients.label, weight), predicted, 3)
    other = flexible_calibration(judged(patients.label[twice]), predicted[twice], 3)
    # Knots are quantiles of patients, hence nearly but not exactly the same curve.
    assert one.ici == pytest.approx(other.ici, abs=0.01)


def test_no_curve_without_spread_or_without_both_classes():
    assert flexible_calibration(judged([0, 1, 1]), np.full(3, 0.4), 3) is None
    assert flexible_calibration(judged([1, 1, 1]), np.array([0.2, 0.4, 0.6]), 3) is None
