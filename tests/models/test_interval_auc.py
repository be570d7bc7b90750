"""AUC at a horizon off the visits: pairs by hand, the fitted hazard, known truth, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.interval_auc.methods import METHODS, whole
from benchmarks.interval_auc.worlds import SCHEDULES, WORLDS, draw
from data.protocol import ProtocolError
from features.outcomes import Outcome
from features.outcomes.labels import label
from models.censoring import VisitCensoring
from models.estimates.interval_censored.parametric import weibull_interval
from models.estimates.interval_censored.piecewise import piecewise_interval
from models.estimators.newton import CannotFit
from models.metrics.discrimination import auc
from models.metrics.interval_auc import REFUSED, Limits, case_probability, interval_auc, pieces_around, weighted_pairs

WIDE = Limits(0.4, 10)


def cohort(seed: int, n: int = 106, world: str = "Weibull", schedule: str = "dense"):
    return draw(WORLDS[world], SCHEDULES[schedule], n, np.random.default_rng(seed))


def test_pairs_by_hand():
    # Certain case at 3, certain control at 1, one patient at 2 with probability .25: pairs 1, .25 x 1 and 1 x .75.
    assert weighted_pairs(np.array([1.0, 0.0, 0.25]), np.array([3.0, 1.0, 2.0])) == 1.0
    # The same with the unclear patient tied to the control: .25 of a pair is half won.
    found = weighted_pairs(np.array([1.0, 0.0, 0.25]), np.array([3.0, 1.0, 1.0]))
    assert found == pytest.approx((1 + 0.25 / 2 + 0.75) / (1 + 0.25 + 0.75))


def test_without_an_unclear_patient_it_is_the_auc():
    seen = cohort(1, 200)
    sure = (seen.upper <= 20) | (seen.lower >= 20)
    found = interval_auc(seen.lower[sure], seen.upper[sure], seen.marker[sure], 20.0, limits=WIDE, resamples=0)
    assert found.value == pytest.approx(auc((seen.upper <= 20)[sure], seen.marker[sure]), abs=1e-12)
    assert found.ambiguous == 0 and np.isnan(found.lower)


def test_one_piece_is_the_exponential_model():
    seen = cohort(2, 150)
    ours = piecewise_interval(seen.lower, seen.upper, np.empty((150, 0)), [], ridge=1.0)
    other = weibull_interval(seen.lower, seen.upper, distribution="exponential")
    assert ours.coefficients[0, 0] == pytest.approx(-other.table["coef"].iloc[0], abs=1e-7)
    assert ours.loglik == pytest.approx(other.loglik, abs=1e-7)


def test_the_hazard_of_exact_times_is_events_over_months():
    time, event = np.array([1.0, 2, 3, 5, 8, 9]), np.array([1, 1, 0, 1, 1, 0], dtype=bool)
    fit = piecewise_interval(time, np.where(event, time, np.inf), np.empty((6, 0)), [4.0], ridge=1e-9)
    # Before month 4: 2 events in 1 + 2 + 3 + 4 + 4 + 4 months; after: 2 in 1 + 4 + 5.
    np.testing.assert_allclose(fit.hazard[0], [2 / 18, 2 / 10], rtol=1e-6)
    np.testing.assert_allclose(fit.cumulative(np.full(6, 6.0)), 4 * 2 / 18 + 2 * 2 / 10, rtol=1e-6)


def test_gradient_and_hessian_are_derivatives_of_the_value():
    from models.estimates.interval_censored.piecewise import _Rows

    seen, rng = cohort(3, 40), np.random.default_rng(1)
    rows = _Rows.of(
        np.append(seen.lower, 7.0), np.append(seen.upper, 7.0), rng.normal(size=(41, 2)), np.array([8.0, 20.0])
    )
    theta = rng.normal(-2, 0.5, (3, 2))
    gradient, hessian = rows.derivatives(theta)
    for k, step in enumerate(np.eye(6) * 1e-5):
        up, down = (theta + sign * step.reshape(3, 2) for sign in (1, -1))
        assert (rows.value(up) - rows.value(down)) / 2e-5 == pytest.approx(gradient[k], rel=1e-5, abs=1e-5)
        slope = (rows.derivatives(up)[0] - rows.derivatives(down)[0]) / 2e-5
        np.testing.assert_allclose(slope, hessian[k], rtol=1e-4, atol=1e-4)


def test_probabilities_are_certain_where_the_bounds_are():
    seen = cohort(4)
    chance = case_probability(seen.lower, seen.upper, seen.marker, 20.0)
    assert (chance[seen.upper <= 20] == 1).all() and (chance[seen.lower >= 20] == 0).all()
    unclear = (seen.lower < 20) & (seen.upper > 20)
    assert ((chance > 0) & (chance < 1))[unclear].all()
    cuts = pieces_around(seen.lower, seen.upper, 20.0)
    assert 17 <= cuts[-2] <= 19 and 23 <= cuts[-1] <= 25


@pytest.mark.parametrize("seed", range(3))
def test_only_the_order_of_the_marker_counts(seed):
    seen = cohort(seed)
    first = interval_auc(seen.lower, seen.upper, seen.marker, 20.0, limits=WIDE, resamples=0)
    warped = interval_auc(seen.lower, seen.upper, np.exp(3 * seen.marker), 20.0, limits=WIDE, resamples=0)
    assert first.value == pytest.approx(warped.value, abs=1e-12)
    turned = interval_auc(seen.lower, seen.upper, -seen.marker, 20.0, limits=WIDE, resamples=0)
    assert turned.value == pytest.approx(1 - first.value, abs=0.02)


@pytest.mark.parametrize("levels", [2, 4])
def test_a_marker_of_few_levels(levels):
    seen = cohort(5, 200)
    coarse = np.floor(levels * (np.argsort(np.argsort(seen.marker)) / 200))
    found = interval_auc(seen.lower, seen.upper, coarse, 20.0, limits=WIDE, resamples=0)
    truth = auc((seen.time <= 20).astype(float), coarse)
    assert found.value == pytest.approx(truth, abs=0.05)


def test_interval_and_seed():
    seen = cohort(6)
    one, same, other = (
        interval_auc(seen.lower, seen.upper, seen.marker, 20.0, limits=WIDE, resamples=15, seed=seed)
        for seed in (1, 1, 2)
    )
    assert one == same and one != other
    assert 0 < one.lower < one.value < one.upper < 1 and one.fitted == 15
    assert one.cases + one.controls + one.ambiguous == 106


def test_worlds_have_the_auc_that_a_huge_sample_shows():
    rng = np.random.default_rng(9)
    for name, world in WORLDS.items():
        marker = rng.normal(size=8000)
        time = world.draw(marker, rng)
        assert auc((time <= 20).astype(float), marker) == pytest.approx(world.auc(20.0), abs=0.02), name


@pytest.mark.slow
@pytest.mark.parametrize("world", list(WORLDS))
def test_unbiased_where_dropping_is_not(world):
    found = {"piecewise": [], "drop": []}
    for seed in range(120):
        seen = cohort(seed, 200, world)
        for name, values in found.items():
            values.append(METHODS[name](seen, 20.0) - whole(seen, 20.0))
    bias = {name: np.mean(values) for name, values in found.items()}
    error = np.std(found["piecewise"]) / np.sqrt(120)
    assert abs(bias["piecewise"]) <= max(0.01, 2 * error)
    assert world == "no effect" or abs(bias["drop"]) > 0.005


@pytest.mark.parametrize("method", [*REFUSED, "spline"])
def test_biased_methods_are_refused_by_name(method):
    seen = cohort(7)
    with pytest.raises(ValueError, match=f"method '{method}': .*; use 'piecewise'"):
        interval_auc(seen.lower, seen.upper, seen.marker, 20.0, limits=WIDE, method=method)


def test_patients_outside_the_limits_are_refused(protocol):
    limits = Limits.of(protocol)
    assert limits == Limits(0.4, 10)
    seen = cohort(8, schedule="too sparse")
    with pytest.raises(CannotFit, match=r"24 months not estimable: \d+% of the patients are neither case nor control"):
        interval_auc(seen.lower, seen.upper, seen.marker, 24.0, limits=limits)
    seen = cohort(8)
    with pytest.raises(CannotFit, match=r"at 3.5 months not estimable: \d certain cases and \d+ certain controls"):
        interval_auc(seen.lower, seen.upper, seen.marker, 3.5, limits=limits)


def test_gaps_and_impossible_horizons_are_refused():
    seen = cohort(9)
    with pytest.raises(ValueError, match="one finite number for each of 106 patients"):
        interval_auc(seen.lower, seen.upper, np.where(seen.marker > 2, np.nan, seen.marker), 20.0, limits=WIDE)
    with pytest.raises(ValueError, match="horizon -1: months after the landmark, above 0"):
        interval_auc(seen.lower, seen.upper, seen.marker, -1.0, limits=WIDE)


def test_an_endpoint_whose_horizon_is_no_visit_is_refused(world, protocol):
    between = replace(protocol.endpoint("MRD36@6"), horizon=20.0)
    for ask in (
        lambda: label(Outcome(world.outcome.patients, world.outcome.scans), between, protocol),
        lambda: VisitCensoring.for_endpoint(between, protocol),
    ):
        with pytest.raises(ProtocolError, match=r"horizon 20 is no visit of .*\(docs/interval_auc.md\)"):
            ask()
