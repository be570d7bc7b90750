"""Turnbull's curve, the score tests and the bootstrap band: tables by hand, refusals, invariants over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

from models.estimates.interval_censored.bands import bootstrap_band
from models.estimates.interval_censored.parametric import weibull_interval
from models.estimates.interval_censored.scores import interval_score_test
from models.estimates.interval_censored.turnbull import IntervalCurve, turnbull
from models.estimates.kaplan_meier import kaplan_meier
from models.estimators.newton import CannotFit

INF = np.inf
SEEDS = range(5)


def scanned(seed: int, n: int, every: float = 3.0, missed: float = 0.4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True months (Weibull), last clear and first positive scan; each scan of the calendar is missed now and then."""
    rng = np.random.default_rng(seed)
    months = 20 * rng.weibull(1.4, n)
    visits = np.arange(1, 13) * every
    done = rng.random((n, 12)) >= missed
    lower = np.where(done & (visits < months[:, None]), visits, 0).max(axis=1)
    upper = np.where(done & (visits >= months[:, None]), visits, INF).min(axis=1)
    return months, lower, upper


def log_likelihood(
    lower: np.ndarray, upper: np.ndarray, left: np.ndarray, right: np.ndarray, mass: np.ndarray
) -> float:
    """By brute force: a cell counts for a patient when it lies inside (lower, upper] (or is the exact time itself)."""
    exact_cell, exact = left == right, (lower == upper)[:, None]
    starts = np.where(
        exact, left == lower[:, None], np.where(exact_cell, left > lower[:, None], left >= lower[:, None])
    )
    chance = (starts & (right <= upper[:, None])) @ mass
    return float(np.log(chance).sum())


@pytest.mark.parametrize(
    ("lower", "upper", "cells", "masses"),
    [
        # Everybody is one cell.
        ([0, 0, 2], [5, 4, 6], [(2, 4)], [1]),
        # Second patient could be either; first and third settle one half each.
        ([0, 2, 4], [3, 5, INF], [(2, 3), (4, 5)], [1 / 2, 1 / 2]),
        # (1, 2] and (2, 3] share no time: closed to the right, open to the left.
        ([1, 2], [2, 3], [(1, 2), (2, 3)], [1 / 2, 1 / 2]),
        # An exact 2 lies in (1, 2] but not in (2, 4].
        ([2, 1], [2, 2], [(2, 2)], [1]),
        ([2, 2], [2, 4], [(2, 2), (2, 4)], [1 / 2, 1 / 2]),
        # Exact 1 and 3, right-censored at 3: the Kaplan-Meier estimate, a censoring on the day of an event after it.
        ([1, 3, 3], [1, 3, INF], [(1, 1), (3, 3), (3, INF)], [1 / 3, 1 / 3, 1 / 3]),
        # Right-censored only: the curve never leaves 1 where it is known.
        ([4, 9], [INF, INF], [(9, INF)], [1]),
        # An event between surgery and the first scan.
        ([0, 0, 3], [3, 3, INF], [(0, 3), (3, INF)], [2 / 3, 1 / 3]),
    ],
)
def test_masses_by_hand(lower, upper, cells, masses) -> None:
    curve = turnbull(lower, upper)
    assert list(zip(curve.left, curve.right, strict=True)) == cells
    np.testing.assert_allclose(curve.mass, masses, atol=1e-9)
    assert abs(curve.kkt) < 1e-9 and curve.n == len(lower)


def test_curve_read_inside_and_outside_its_innermost_intervals() -> None:
    curve = IntervalCurve(np.array([2.0, 7, 9]), np.array([4.0, 7, INF]), np.array([0.5, 0.3, 0.2]), 0.0, 0.0, 10)
    expected = pd.DataFrame(
        [
            # month, value, at_left, at_right, defined
            (0.0, 1.0, 1.0, 1.0, True),
            (2.0, 1.0, 1.0, 1.0, True),
            (3.0, 1.0, 1.0, 0.5, False),
            (4.0, 0.5, 0.5, 0.5, True),
            (6.9, 0.5, 0.5, 0.5, True),
            (7.0, 0.2, 0.2, 0.2, True),
            (9.0, 0.2, 0.2, 0.2, True),
            (12.0, 0.2, 0.2, 0.0, False),
        ],
        columns=["month", "value", "at_left", "at_right", "defined"],
    )
    pd.testing.assert_frame_equal(curve.at([0, 2, 3, 4, 6.9, 7, 9, 12]), expected)
    assert curve.quantile(0.5) == (2.0, 4.0)
    assert curve.quantile(0.6) == (7.0, 7.0)
    assert curve.quantile(0.9) == (9.0, INF)


@pytest.mark.parametrize(
    ("lower", "upper", "choices", "message"),
    [
        ([1, 5], [2, 4], {}, r"row 1: found \(5, 4\]; expected 0 <= lower <= upper, upper = inf when right-censored"),
        ([1, -1], [2, 4], {}, r"row 1: found \(-1, 4\]"),
        ([1, np.nan], [2, 4], {}, "row 1: found"),
        ([1, 3], [2, np.nan], {}, "row 1: found"),
        ([1, INF], [2, INF], {}, "row 1: found"),
        ([], [], {}, "no rows"),
        ([1, 2], [2], {}, "two columns of one length"),
        ([1, 5], [2, 6], {"entry": [0, 3]}, "1 patients enter after month 0: the NPMLE takes no delayed entry"),
        ([1, 5], [2, 6], {"entry": [0, 6]}, "row 1: found entry 6 and lower 5; expected 0 <= entry <= lower"),
    ],
)
def test_impossible_bounds_and_delayed_entry_are_refused(lower, upper, choices, message) -> None:
    with pytest.raises(ValueError, match=message):
        turnbull(lower, upper, **choices)


def test_the_row_of_a_patient_is_named() -> None:
    bounds = pd.DataFrame({"lower": [1.0, 5.0], "upper": [2.0, 4.0]}, index=["NELM-001", "NELM-002"])
    with pytest.raises(ValueError, match="row 'NELM-002'"):
        turnbull(bounds["lower"], bounds["upper"])
    assert turnbull([1, 5], [2, 6], entry=[0, 0]).n == 2


@pytest.mark.parametrize("seed", SEEDS)
def test_exact_and_right_censored_times_give_kaplan_meier(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time, event = rng.integers(1, 25, 80).astype(float), rng.random(80) < 0.6
    curve, known = turnbull(time, np.where(event, time, INF)), kaplan_meier(time, event.astype(int))
    months = np.unique(time[event])
    read = curve.at(months)
    np.testing.assert_allclose(read["value"], known.at(months)["value"], atol=1e-9)
    assert read["defined"].all()


@pytest.mark.parametrize("seed", SEEDS)
def test_no_other_curve_is_more_likely(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    months, lower, upper = scanned(seed, 60)
    exact = rng.random(60) < 0.2
    lower, upper = np.where(exact, months, lower), np.where(exact, months, upper)
    curve = turnbull(lower, upper)
    best = log_likelihood(lower, upper, curve.left, curve.right, curve.mass)
    assert curve.loglik == pytest.approx(best, rel=1e-12)
    assert curve.mass.sum() == pytest.approx(1, abs=1e-12)
    # Rivals: mass moved among the cells of the curve, and to any interval of a patient.
    left, right = np.append(curve.left, lower), np.append(curve.right, upper)
    for share in (1e-4, 1e-2, 0.3):
        for _ in range(30):
            rival = np.append(curve.mass, np.zeros(60)) * (1 - share) + share * rng.dirichlet(np.full(len(left), 0.1))
            assert log_likelihood(lower, upper, left, right, rival) <= best + 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_plain_self_consistency_leads_to_the_same_curve(seed: int) -> None:
    """Ten thousand steps of the textbook EM on the membership matrix end at the same survival."""
    _, lower, upper = scanned(seed, 50)
    curve = turnbull(lower, upper)
    left, right = np.unique(lower), np.unique(upper)
    ends = right[np.searchsorted(right, left, side="right")]
    cells = np.column_stack([left, ends])[np.append(left[1:] >= ends[:-1], True)]
    member = (lower[:, None] <= cells[:, 0]) & (cells[:, 1] <= upper[:, None])
    mass = np.full(len(cells), 1 / len(cells))
    for _ in range(10_000):
        mass = mass * (member / (member @ mass)[:, None]).mean(axis=0)
    for month in (6.0, 12, 18, 24, 36):
        assert curve.at(month)["value"][0] == pytest.approx(1 - mass[cells[:, 1] <= month].sum(), abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_and_copies_of_patients_do_not_matter(seed: int) -> None:
    _, lower, upper = scanned(seed, 70)
    order = np.random.default_rng(seed).permutation(np.tile(np.arange(70), 3))
    one, other = turnbull(lower, upper), turnbull(lower[order], upper[order])
    np.testing.assert_array_equal(one.left, other.left)
    np.testing.assert_allclose(one.mass, other.mass, atol=1e-8)
    assert other.loglik == pytest.approx(3 * one.loglik, rel=1e-10)


def test_three_thousand_patients_with_visits_of_their_own() -> None:
    rng = np.random.default_rng(1)
    months = 20 * rng.weibull(1.4, 3000)
    visits = np.cumsum(rng.uniform(2, 4, (3000, 20)), axis=1)
    edges = np.column_stack([np.zeros(3000), visits, np.full(3000, INF)])
    before, row = (visits < months[:, None]).sum(axis=1), np.arange(3000)
    curve = turnbull(edges[row, before], edges[row, before + 1])
    assert abs(curve.kkt) < 1e-9
    truth = np.exp(-((np.array([6, 12, 24]) / 20) ** 1.4))
    np.testing.assert_allclose(curve.at([6, 12, 24])["value"], truth, atol=0.04)


def test_midpoints_are_biased_where_scans_are_missed_and_the_npmle_is_not() -> None:
    """80 trials of 150 patients, a scan every 6 months, 4 in 10 missed; recurrence-free share at month 12."""
    truth = np.exp(-((12 / 20) ** 1.4))
    found = []
    for seed in range(80):
        _, lower, upper = scanned(1000 + seed, 150, every=6.0)
        event = np.isfinite(upper)
        middle = np.where(event, (lower + np.where(event, upper, 0)) / 2, lower)
        late = np.where(event, upper, lower)
        naive = [kaplan_meier(time, event.astype(int)).at(12.0)["value"][0] for time in (middle, late)]
        found.append([turnbull(lower, upper).at(12.0)["value"][0], *naive])
    bias = np.mean(found, axis=0) - truth
    noise = np.std(found, axis=0) / np.sqrt(len(found))
    assert abs(bias[0]) < 3.5 * noise[0]
    assert bias[1] < -5 * noise[1] and bias[2] > 5 * noise[2]


@pytest.mark.parametrize("seed", SEEDS)
def test_sun_scores_of_exact_times_are_observed_minus_expected(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time, event = rng.exponential(10, 60), rng.random(60) < 0.7
    group = rng.choice(["control", "prrt"], 60)
    test = interval_score_test(time, np.where(event, time, INF), group, "sun")
    at_risk = (time[:, None] >= time[None, :]).sum(axis=0)
    expected = np.array([(event / at_risk)[time <= t].sum() for t in time])
    excess = [(event - expected)[group == name].sum() for name in ("control", "prrt")]
    # Sign of Fay and Shaw: more events than expected is below zero.
    np.testing.assert_allclose(test.score, -np.array(excess), atol=1e-8)
    assert test.groups == ("control", "prrt")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scores", ["sun", "finkelstein"])
def test_group_names_do_not_matter_and_three_groups_have_two_degrees(seed: int, scores: str) -> None:
    _, lower, upper = scanned(seed, 90)
    group = pd.Series(np.random.default_rng(seed).choice(["a", "b", "c"], 90))
    one = interval_score_test(lower, upper, group, scores)
    other = interval_score_test(lower, upper, group.map({"a": "z", "b": "k", "c": "a"}), scores)
    assert one.df == 2 and one.score.sum() == pytest.approx(0, abs=1e-9)
    assert other.statistic == pytest.approx(one.statistic, rel=1e-9)
    two = interval_score_test(lower, upper, group == "a", scores)
    assert two.statistic == pytest.approx(two.z[0] ** 2) and two.df == 1


def test_size_of_the_score_test_when_arms_do_not_differ() -> None:
    p = []
    for seed in range(300):
        _, lower, upper = scanned(seed, 80)
        p.append(interval_score_test(lower, upper, np.arange(80) % 2).p)
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09


@pytest.mark.parametrize(
    ("group", "upper", "scores", "message"),
    [
        (["a", "a", "a"], [3, 4, INF], "sun", "needs two groups; found only 'a'"),
        (["a", "b", None], [3, 4, INF], "sun", "or empty ones"),
        (["a", "b"], [3, 4, INF], "sun", "2 values for 3 patients"),
        (["a", "b", "b"], [INF, INF, INF], "sun", "all patients have the same score"),
        (["a", "b", "b"], [3, 4, INF], "wilcoxon", "scores must be sun or finkelstein"),
    ],
)
def test_score_test_refusals(group, upper, scores, message) -> None:
    with pytest.raises(ValueError, match=message):
        interval_score_test([1, 2, 3], upper, group, scores)


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_band_is_the_same_for_any_number_of_workers(backend: str) -> None:
    """Threads here for speed; processes, the default outside this test, in the long run."""
    _, lower, upper = scanned(3, 60)
    seen: list[tuple[int, int]] = []
    choices = {"months": [6, 12, 24], "resamples": 24, "seed": 5}
    alone = bootstrap_band(lower, upper, **choices, progress=lambda done, total: seen.append((done, total)))
    with parallel_config(backend=backend):
        pd.testing.assert_frame_equal(alone, bootstrap_band(lower, upper, **choices, workers=2))
    assert not alone.equals(bootstrap_band(lower, upper, **{**choices, "seed": 6}))
    assert seen == [(done, 24) for done in range(1, 25)]
    assert ((alone["lower"] <= alone["value"]) & (alone["value"] <= alone["upper"])).all()


def test_band_is_made_of_percentiles_over_patients_drawn_again() -> None:
    """Stream (seed, number) draws the patients of each resample; limits of the highest and of the lowest curve."""
    _, lower, upper = scanned(4, 50)
    found = []
    for number in range(20):
        drawn = np.random.default_rng([9, number]).integers(0, 50, 50)
        found.append(turnbull(lower[drawn], upper[drawn]).at([10, 20])[["at_left", "at_right"]].to_numpy())
    band = bootstrap_band(lower, upper, [10, 20], resamples=20, seed=9, level=0.9)
    np.testing.assert_allclose(band["upper"], np.quantile(found, 0.95, axis=0)[:, 0])
    np.testing.assert_allclose(band["lower"], np.quantile(found, 0.05, axis=0)[:, 1])


def test_band_holds_the_truth_about_as_often_as_it_says() -> None:
    """40 small trials, bands of 90% at month 12 from the NPMLE; a wrong tail or a wrong level falls outside."""
    truth, held = np.exp(-((12 / 20) ** 1.4)), []
    for seed in range(40):
        _, lower, upper = scanned(seed, 60)
        row = bootstrap_band(lower, upper, 12.0, "turnbull", 30, seed, level=0.9).iloc[0]
        held.append(row["lower"] <= truth <= row["upper"])
    assert 0.75 <= np.mean(held) <= 0.98


def test_weibull_band_agrees_with_its_own_limits() -> None:
    """Percentiles of resampled Weibull curves are near the limits from the information matrix."""
    _, lower, upper = scanned(2, 200)
    band = bootstrap_band(lower, upper, [6, 12, 24], "weibull", 150, 1)
    known = weibull_interval(lower, upper).at([6, 12, 24])
    np.testing.assert_allclose(band["value"], known["value"], rtol=1e-9)
    np.testing.assert_allclose(band[["lower", "upper"]], known[["lower", "upper"]], atol=0.03)
    assert (band["fitted"] == 150).all()


def test_band_refusals() -> None:
    with pytest.raises(ValueError, match="choose turnbull or one of weibull"):
        bootstrap_band([1, 2], [3, 4], 2.0, fit="spline")
    with pytest.raises(ValueError, match="a band needs two or more"):
        bootstrap_band([1, 2], [3, 4], 2.0, resamples=1)
    # One event in eight patients: a third of the resamples hold none.
    with pytest.raises(CannotFit, match="resamples could be fitted; too few events"):
        bootstrap_band(np.full(8, 2.0), np.append(3.0, np.full(7, INF)), 2.0, fit="exponential", resamples=40)
