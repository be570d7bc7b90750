"""Parametric fits of interval-censored times: closed forms, derivatives, lifelines, simulation with known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import LogNormalFitter, WeibullAFTFitter, WeibullFitter

from models.estimates.interval_censored.families import FAMILIES
from models.estimates.interval_censored.likelihood import Times, log_likelihood
from models.estimates.interval_censored.parametric import weibull_interval
from models.estimators.newton import CannotFit

INF = np.inf
SEEDS = range(4)
DISTRIBUTIONS = ("weibull", "exponential", "loglogistic", "lognormal")


def two_arms(seed: int, n: int = 200, ratio: float = 0.59) -> pd.DataFrame:
    """Weibull with shape 1.4 and a hazard ratio of prrt to control; scans every 6 months for 3 years, some missed."""
    rng = np.random.default_rng(seed)
    prrt = rng.integers(0, 2, n)
    months = 18 * ratio ** (-prrt / 1.4) * rng.weibull(1.4, n)
    visits = np.arange(1, 7) * 6.0
    done = rng.random((n, 6)) >= 0.2
    return pd.DataFrame(
        {
            "lower": np.where(done & (visits < months[:, None]), visits, 0).max(axis=1),
            "upper": np.where(done & (visits >= months[:, None]), visits, INF).min(axis=1),
            "arm": np.where(prrt == 1, "prrt", "control"),
            "months": months,
        }
    )


def test_exponential_of_exact_and_right_censored_times_is_events_over_months() -> None:
    """3 events in 40 months watched; entry at month 2 takes 2 months of each of the five away."""
    lower, upper = [4.0, 6, 8, 10, 12], [4.0, INF, 8, INF, 12]
    plain = weibull_interval(lower, upper, distribution="exponential")
    assert np.exp(-plain.table["coef"].iloc[0]) == pytest.approx(3 / 40)
    assert plain.table["se"].iloc[0] == pytest.approx(1 / np.sqrt(3))
    assert plain.loglik == pytest.approx(3 * np.log(3 / 40) - 3)
    late = weibull_interval(lower, upper, distribution="exponential", entry=[2.0] * 5)
    assert np.exp(-late.table["coef"].iloc[0]) == pytest.approx(3 / 30)
    assert (plain.n, plain.events, plain.scale) == (5, 3, 1.0)
    assert plain.at(10.0)["value"][0] == pytest.approx(np.exp(-0.75))
    assert plain.quantile()["value"][0] == pytest.approx(np.log(2) * 40 / 3)


def test_exponential_of_one_visit_is_the_share_found_there() -> None:
    """7 of 10 clear at the only visit, month 6: S(6) = 0.7, whatever the curve between."""
    fit = weibull_interval([0.0] * 3 + [6.0] * 7, [6.0] * 3 + [INF] * 7, distribution="exponential")
    assert fit.at([0, 6])["value"].to_list() == pytest.approx([1.0, 0.7])
    assert fit.loglik == pytest.approx(3 * np.log(0.3) + 7 * np.log(0.7))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_gradient_and_hessian_are_those_of_the_likelihood(distribution: str) -> None:
    rng = np.random.default_rng(0)
    low, width = rng.uniform(1, 20, 40), rng.uniform(1, 10, 40)
    kind = np.arange(40) % 4
    low, begin = np.where(kind == 0, 0, low), np.where(kind > 0, low / 3 * (np.arange(40) % 3), 0)
    high = np.where(kind == 1, INF, np.where(kind == 2, low, low + width))
    with np.errstate(divide="ignore"):
        times = Times(np.log(low), np.log(high), np.log(begin))
    design, fixed = np.column_stack([np.ones(40), rng.normal(size=40)]), distribution == "exponential"
    theta = np.array([2.3, 0.4, -0.3])[: 2 if fixed else 3]

    def parts(at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return log_likelihood(at, design, times, FAMILIES[distribution], fixed)

    steps = 1e-5 * np.eye(len(theta))
    _, gradient, hessian = parts(theta)
    np.testing.assert_allclose(gradient, [(parts(theta + s)[0] - parts(theta - s)[0]) / 2e-5 for s in steps], rtol=1e-6)
    numeric = np.array([(parts(theta + s)[1] - parts(theta - s)[1]) / 2e-5 for s in steps])
    np.testing.assert_allclose(hessian, numeric, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_probabilities_between_far_ends_do_not_cancel(distribution: str) -> None:
    """log P(a, b] in both tails: a hundredth of a unit wide it is the density there."""
    family = FAMILIES[distribution]
    for z in (-30.0, -5.0, 0.0, 3.0):
        edge = np.array([z])
        narrow = family.log_between(edge, edge + 1e-6)[0] - np.log(1e-6)
        assert narrow == pytest.approx(family.log_density(edge + 5e-7)[0], rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_agrees_with_lifelines(seed: int) -> None:
    frame = two_arms(seed, 120)
    rows = frame[["lower", "upper"]].assign(prrt=(frame["arm"] == "prrt").astype(float))
    theirs = WeibullAFTFitter().fit_interval_censoring(rows, "lower", "upper").summary["coef"]
    ours = weibull_interval(rows["lower"], rows["upper"], rows[["prrt"]])
    assert ours.table.loc["prrt", "coef"] == pytest.approx(theirs["lambda_", "prrt"], rel=1e-3, abs=1e-4)
    assert ours.scale == pytest.approx(np.exp(-theirs["rho_", "Intercept"]), rel=1e-3)
    single = LogNormalFitter().fit_interval_censoring(frame["lower"], frame["upper"])
    normal = weibull_interval(frame["lower"], frame["upper"], distribution="lognormal")
    assert normal.scale == pytest.approx(single.sigma_, rel=1e-3)
    assert normal.loglik >= single.log_likelihood_ - 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_delayed_entry_agrees_with_lifelines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    months, entry = 20 * rng.weibull(1.3, 400), rng.uniform(0, 15, 400)
    seen = months > entry
    time, entry = np.minimum(months[seen], 30), entry[seen]
    event = months[seen] <= 30
    theirs = WeibullFitter().fit(time, event, entry=entry)
    ours = weibull_interval(time, np.where(event, time, INF), entry=entry)
    assert 1 / ours.scale == pytest.approx(theirs.rho_, rel=1e-3)
    assert ours.loglik == pytest.approx(theirs.log_likelihood_, rel=1e-6)
    ignored = weibull_interval(time, np.where(event, time, INF))
    assert ignored.quantile()["value"][0] > ours.quantile()["value"][0]


def test_entry_before_which_nobody_is_examined_has_no_part_in_the_likelihood() -> None:
    """1,500 exponential times, scans every 3 months, entry at 1 to 2: S(24) = 0.301; clipped entries are refuted."""
    rng = np.random.default_rng(11)
    months, entry = 20 * rng.exponential(size=1500), rng.uniform(1, 2, 1500)
    lower, upper = 3 * np.floor(months / 3), 3 * np.floor(months / 3) + 3
    truth = np.exp(-24 / 20)
    without = weibull_interval(lower, upper).at([24])["value"].iloc[0]
    assert without == pytest.approx(truth, abs=0.03)
    with pytest.raises(ValueError, match="never lower it to the bound"):
        weibull_interval(lower, upper, entry=entry)
    clipped = weibull_interval(lower, upper, entry=np.minimum(entry, lower)).at([24])["value"].iloc[0]
    assert clipped < truth - 0.07


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_units_and_coding_do_not_matter(seed: int, distribution: str) -> None:
    """Years for months shift the intercept by log 12; a covariate in another unit scales its coefficient."""
    frame = two_arms(seed, 100).assign(age=np.random.default_rng(seed).normal(60, 10, 100))
    one = weibull_interval(frame["lower"], frame["upper"], frame[["arm", "age"]], distribution)
    other = weibull_interval(
        frame["lower"] / 12, frame["upper"] / 12, frame[["arm"]].assign(age=frame["age"] * 365.25 + 1e4), distribution
    )
    assert other.table.loc["arm[prrt]", "coef"] == pytest.approx(one.table.loc["arm[prrt]", "coef"], rel=1e-6)
    assert other.table.loc["arm[prrt]", "se"] == pytest.approx(one.table.loc["arm[prrt]", "se"], rel=1e-6)
    assert other.table.loc["age", "coef"] * 365.25 == pytest.approx(one.table.loc["age", "coef"], rel=1e-5)
    assert other.lr.statistic == pytest.approx(one.lr.statistic, rel=1e-6) and one.lr.df == 2
    profile = pd.DataFrame({"arm": ["prrt"], "age": [60.0]}, index=["a man of 60"])
    later = profile.assign(age=profile["age"] * 365.25 + 1e4)
    here, there = one.at(12.0, profile), other.at(1.0, later)
    np.testing.assert_allclose(here[["value", "lower", "upper"]], there[["value", "lower", "upper"]], rtol=1e-6)
    assert here["profile"].to_list() == ["a man of 60"]


@pytest.mark.parametrize("seed", SEEDS)
def test_curve_and_quantile_are_inverse_and_inside_their_limits(seed: int) -> None:
    frame = two_arms(seed)
    for distribution in DISTRIBUTIONS:
        fit = weibull_interval(frame["lower"], frame["upper"], frame[["arm"]], distribution)
        arms = pd.DataFrame({"arm": ["control", "prrt"]})
        median = fit.quantile(0.5, arms)
        for label, row in zip((0, 1), median.itertuples(), strict=True):
            read = fit.at(row.value, arms).iloc[label]
            assert read["value"] == pytest.approx(0.5) and row.lower < row.value < row.upper
        read = fit.at([0, 6, 12, 24], arms)
        assert ((read["lower"] <= read["value"]) & (read["value"] <= read["upper"])).all()
        assert (read.loc[read["month"] == 0, "value"] == 1).all()


def test_weibull_recovers_the_truth_and_its_intervals_hold_it() -> None:
    """250 trials: bias of log hazard ratio and log scale below 4 simulation errors, 95% limits hold 91 to 99%."""
    found = []
    for seed in range(250):
        frame = two_arms(2000 + seed)
        fit = weibull_interval(frame["lower"], frame["upper"], frame[["arm"]])
        ratio = fit.hazard_ratios().iloc[0]
        found.append([np.log(ratio["hr"]), np.log(fit.scale), ratio["lower"] <= 0.59 <= ratio["upper"]])
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(250)
    assert abs(mean[0] - np.log(0.59)) < 4 * error[0]
    # Maximum likelihood scales are small by about 1/n; allow that on top of noise.
    assert abs(mean[1] + np.log(1.4)) < 4 * error[1] + 1 / 200
    assert 0.91 <= mean[2] <= 0.99


def test_hazard_ratio_limits_use_the_scale_too() -> None:
    """The exponential's log hazard ratio is minus its coefficient; a log-normal has none."""
    frame = two_arms(1)
    fit = weibull_interval(frame["lower"], frame["upper"], frame[["arm"]], "exponential")
    row, ratio = fit.table.loc["arm[prrt]"], fit.hazard_ratios().loc["arm[prrt]"]
    assert ratio["hr"] == pytest.approx(np.exp(-row["coef"])) and ratio["lower"] == pytest.approx(np.exp(-row["upper"]))
    assert ratio["p"] == pytest.approx(row["p"])
    with pytest.raises(ValueError, match="a lognormal model has no constant hazard ratio"):
        weibull_interval(frame["lower"], frame["upper"], frame[["arm"]], "lognormal").hazard_ratios()
    with pytest.raises(ValueError, match="give the profiles"):
        fit.at(12.0)


def test_limits_follow_from_the_covariance_by_numeric_derivatives() -> None:
    """Weibull, arm prrt: log hazard ratio, log median and z at month 12, each with both sides of its 95% limits."""
    frame = two_arms(3)
    fit = weibull_interval(frame["lower"], frame["upper"], frame[["arm"]])
    theta, arm = fit.table["coef"].to_numpy(), pd.DataFrame({"arm": ["prrt"]})

    def limits(function) -> np.ndarray:
        slope = np.array([(function(theta + s) - function(theta - s)) / 2e-6 for s in 1e-6 * np.eye(3)])
        return function(theta) + 1.959963984540054 * np.array([-1, 1]) * np.sqrt(slope @ fit.covariance @ slope)

    ratio = fit.hazard_ratios()[["lower", "upper"]].iloc[0]
    np.testing.assert_allclose(ratio, np.exp(limits(lambda t: -t[1] / np.exp(t[2]))), rtol=1e-6)
    median = fit.quantile(0.25, arm)[["lower", "upper"]].iloc[0]
    quarter = np.log(-np.log(0.75))
    np.testing.assert_allclose(median, np.exp(limits(lambda t: t[0] + t[1] + np.exp(t[2]) * quarter)), rtol=1e-6)
    read = fit.at(12.0, arm)[["upper", "lower"]].iloc[0]
    z = limits(lambda t: (np.log(12) - t[0] - t[1]) / np.exp(t[2]))
    np.testing.assert_allclose(read, np.exp(-np.exp(z)), rtol=1e-6)


@pytest.mark.parametrize(
    ("lower", "upper", "covariates", "choices", "message"),
    [
        ([1, 2, 3, 4], [2, 3, INF, INF], {"g": [0, 0, 1, 1]}, {}, "no finite estimate for g"),
        ([1, 1, 1, 1], [3, 4, 5, 6], None, {}, "the scale runs to zero"),
        ([2, 2, 2, 2], [2, 2, 2, 2], None, {}, "the scale runs to zero"),
        ([1, 2, 3, 4], [2, 3, 4, 5], {"a": [1, 2, 3, 5], "b": [2, 4, 6, 10]}, {}, "a, b are linearly dependent"),
        ([1, 2, 3, 4], [2, 3, 4, 5], {"a": [7, 7, 7, 7]}, {}, "covariate a does not vary"),
        ([1, 2, 3, 4], [2, 3, 4, 5], {"a": [7, 7, 7, np.nan]}, {}, "give complete rows"),
        ([1, 2, 3, 4], [2, 3, 4, 5], {"a": [7, 8]}, {}, "2 rows for 4 patients"),
        ([1, 2, 3, 4], [INF] * 4, None, {}, "no event among 4 patients"),
        ([0, 2, 3, 4], [0, 3, 4, 5], None, {}, "row 0: an event at month 0 has no log"),
        ([5, 2, 3, 4], [4, 3, 4, 5], None, {}, r"row 0: found \(5, 4\]"),
        ([5, 2, 3, 4], [6, 3, 4, 5], None, {"entry": [0, 3, 0, 0]}, "row 1: found entry 3 and lower 2"),
        ([1, 2, 3, 4], [2, 3, 4, 5], None, {"distribution": "gamma"}, "distribution 'gamma': choose one of weibull"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(lower, upper, covariates, choices, message) -> None:
    frame = None if covariates is None else pd.DataFrame(covariates)
    with pytest.raises(ValueError, match=message):
        weibull_interval(lower, upper, frame, **choices)


def test_nothing_but_refusals_or_finite_numbers_on_small_samples() -> None:
    """300 samples of 6 patients: a fit is finite in every cell or refused, never a huge ratio in silence."""
    refused = 0
    for seed in range(300):
        frame = two_arms(seed, 6)
        try:
            fit = weibull_interval(frame["lower"], frame["upper"], frame[["arm"]])
        except CannotFit:
            refused += 1
            continue
        assert np.isfinite(fit.table[["coef", "se"]].to_numpy()).all()
        assert np.abs(fit.table["coef"]).max() < 15 and fit.table["se"].max() < 1e3
    assert 10 < refused < 250
