"""Competing risks: cumulative incidence by hand, what must add up, Gray's test and Fine and Gray's regression."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from models.estimates.competing import cumulative_incidence, gray_test
from models.estimates.cox import cox
from models.estimates.fine_gray import fine_gray
from models.estimates.kaplan_meier import kaplan_meier

# 1 recurrence, 2 death without it, 0 censored.
SMALL = pd.DataFrame({"time": [1, 2, 2, 3, 4, 5], "event": [1, 2, 1, 0, 1, 0]})


def cohort(seed: int, n: int = 90, k: int = 2, effect: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, k, n)
    recurrence = rng.exponential(12 * np.exp(-effect * arm))
    first = np.column_stack([recurrence, rng.exponential(40, n), rng.uniform(3, 40, n)])
    event = np.array([1, 2, 0])[first.argmin(axis=1)]
    frame = pd.DataFrame({"time": np.ceil(first.min(axis=1)), "event": event, "arm": arm})
    return frame.assign(entry=rng.uniform(0, 0.9, n))


def test_cumulative_incidence_by_hand() -> None:
    curve = cumulative_incidence(SMALL["time"], SMALL["event"], 1)
    # S before 1, 2, 4: 1, 5/6, 1/2; at risk 6, 5, 2.
    assert curve.at([0, 1, 2, 3, 4, 9])["value"].tolist() == pytest.approx([0, 1 / 6, 1 / 3, 1 / 3, 7 / 12, 7 / 12])
    other = cumulative_incidence(SMALL["time"], SMALL["event"], 2)
    assert other.at([1, 2, 9])["value"].tolist() == pytest.approx([0, 1 / 6, 1 / 6])
    assert curve.n_event.tolist() == [0, 1, 1, 0, 1, 0] and curve.n_censor.tolist() == [0, 0, 0, 1, 0, 1]
    assert curve.quantile(0.5)[0] == 4 and curve.quantile(0.2)[0] == 2 and np.isnan(curve.quantile(0.7)[0])


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_both_causes_and_freedom_from_both_add_up_to_one(seed: int, late: bool) -> None:
    frame = cohort(seed)
    entry = frame["entry"] if late else None
    one, two = (cumulative_incidence(frame["time"], frame["event"], cause, entry) for cause in (1, 2))
    free = kaplan_meier(frame["time"], frame["event"] > 0, entry)
    assert one.value + two.value + free.value == pytest.approx(np.ones(len(free.time)))
    assert (np.diff(one.value) >= 0).all()
    known = ~np.isnan(one.lower)
    assert (one.lower[known] <= one.value[known]).all() and (one.value[known] <= one.upper[known]).all()


@pytest.mark.parametrize("seed", range(4))
def test_without_competing_events_it_is_one_minus_kaplan_meier(seed: int) -> None:
    frame = cohort(seed).assign(event=lambda f: (f["event"] == 1).astype(int))
    curve, survival = cumulative_incidence(frame["time"], frame["event"]), kaplan_meier(frame["time"], frame["event"])
    assert curve.value == pytest.approx(1 - survival.value)


@pytest.mark.parametrize("seed", range(4))
def test_without_censoring_value_and_error_are_binomial(seed: int) -> None:
    frame = cohort(seed, n=400).query("event > 0")
    time = frame["time"] + np.arange(len(frame)) * 1e-6  # no ties
    curve = cumulative_incidence(time, frame["event"])
    assert curve.value == pytest.approx([((time <= t) & (frame["event"] == 1)).mean() for t in curve.time])
    inner = curve.n_risk > 40
    binomial = np.sqrt(curve.value * (1 - curve.value) / len(frame))
    assert curve.error[inner] == pytest.approx(binomial[inner], rel=0.02)


def test_where_nothing_has_happened_there_is_no_limit() -> None:
    curve = cumulative_incidence([1, 2, 3], [2, 0, 0], 1)
    assert curve.value.tolist() == [0, 0, 0, 0] and np.isnan(curve.lower).all()
    whole = cumulative_incidence([4, 4], [1, 1], 1)
    assert whole.value.tolist() == [0, 1] and np.isnan(whole.upper).all() and whole.median[0] == 4
    with pytest.raises(ValueError, match="choose 1 or 2"):
        cumulative_incidence([1], [1], 3)
    with pytest.raises(ValueError, match="is not one of 0, 1, 2"):
        cumulative_incidence([1], [3], 1)


@pytest.mark.parametrize("seed", range(5))
def test_gray_does_not_depend_on_names_order_or_clock(seed: int) -> None:
    frame = cohort(seed, k=3, effect=0.3)
    found = gray_test(frame["time"], frame["event"], frame["arm"])
    mixed = frame.sample(frac=1, random_state=seed)
    again = gray_test(np.sqrt(mixed["time"]), mixed["event"], mixed["arm"].map({0: "z", 1: "a", 2: "m"}))
    assert again.statistic == pytest.approx(found.statistic, rel=1e-8) and found.df == 2


def test_gray_edges() -> None:
    never = gray_test([1, 2, 3], [2, 0, 2], ["a", "b", "a"])
    assert np.isnan([never.statistic, never.p]).all()
    with pytest.raises(ValueError, match="at least two groups"):
        gray_test([1, 2], [1, 1], ["a", "a"])
    with pytest.raises(ValueError, match="choose 1 or 2"):
        gray_test([1, 2], [1, 1], ["a", "b"], 0)


def test_gray_rejects_about_five_percent_without_an_effect() -> None:
    runs = 800
    tests = [gray_test(f["time"], f["event"], f["arm"]) for f in (cohort(1000 + run, 60) for run in range(runs))]
    assert 0.03 <= np.mean([test.statistic > chi2.isf(0.05, 1) for test in tests]) <= 0.075


@pytest.mark.parametrize("seed", range(3))
def test_fine_and_gray_without_competing_events_is_cox_with_breslow_ties(seed: int) -> None:
    frame = cohort(seed, effect=0.6).assign(event=lambda f: (f["event"] == 1).astype(int))
    fit = fine_gray(frame["time"], frame["event"], frame[["arm"]])
    table = cox(frame, time="time", event="event", covariates=["arm"], ties="breslow", robust=True).table
    assert fit.loc["arm", ["coef", "se"]].tolist() == pytest.approx(table.iloc[0][["coef", "se"]].tolist())


def test_fine_and_gray_refuses_what_it_cannot_estimate() -> None:
    time, event, arm = [1, 2, 3, 4], [1, 2, 1, 0], pd.DataFrame({"arm": [0, 1, 0, 1]})
    for covariates, words in (
        (arm * 0, "arm does not vary"),
        (arm.where(arm > 0), "covariates of 2 of 4 patients are missing"),
        (arm[:3], "3 rows for 4 patients"),
        (arm.assign(copy=arm["arm"]), "determine each other"),
    ):
        with pytest.raises(ValueError, match=words):
            fine_gray(time, event, covariates)
    with pytest.raises(ValueError, match="no event of cause 1"):
        fine_gray(time, [0, 2, 2, 0], arm)


def test_an_incidence_next_to_one_has_limits_without_a_division_by_zero():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = rng.integers(3, 40)
        curve = cumulative_incidence(rng.integers(1, 5, n), rng.choice([0, 1, 2], n, p=[0.02, 0.93, 0.05]))
        known = ~np.isnan(curve.lower)
        assert (curve.lower[known] <= curve.value[known]).all() and (curve.value[known] <= curve.upper[known]).all()
        assert (curve.lower[known] >= 0).all() and (curve.upper[known] <= 1).all()
