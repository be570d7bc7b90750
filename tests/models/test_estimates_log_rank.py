"""Log-rank tests: the textbook trial, invariants over seeds, size under the null."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines.statistics import logrank_test, multivariate_logrank_test
from scipy.stats import chi2

from models.estimates.comparison import _holm, log_rank, observed_and_expected, pairwise_log_rank
from models.estimates.cox import cox

# Remission of acute leukaemia, weeks (Freireich 1963): 6-mercaptopurine, then placebo (all relapse).
DRUG = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
DRUG_RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
WEEKS, RELAPSE = np.array(DRUG + PLACEBO), np.array(DRUG_RELAPSE + [1] * 21)
ARM = np.repeat(["6-MP", "placebo"], 21)


def cohort(seed: int, k: int = 3, n: int = 90, tied: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm, site = rng.integers(0, k, n), rng.choice(["x", "y"], n)
    time = rng.exponential(10 + 4 * arm)
    frame = pd.DataFrame({"time": np.ceil(time) if tied else time, "event": (rng.random(n) < 0.7).astype(int)})
    return frame.assign(arm=arm.astype(str), site=site, entry=frame["time"] * rng.uniform(0, 0.6, n))


def statistic(frame: pd.DataFrame, **choices: object) -> float:
    return log_rank(frame["time"], frame["event"], frame["arm"], **choices).statistic


def test_the_leukaemia_trial() -> None:
    test = log_rank(WEEKS, RELAPSE, ARM)
    assert (round(test.statistic, 4), test.df) == (16.7929, 1)
    assert test.p == pytest.approx(4.17e-5, rel=2e-3)
    table = observed_and_expected(WEEKS, RELAPSE, ARM)
    assert table[["group", "n", "observed"]].to_numpy().tolist() == [["6-MP", 21, 9], ["placebo", 21, 21]]
    assert table["expected"].round(2).tolist() == [19.25, 10.75]


def test_three_times_by_hand() -> None:
    # Day 1: 4 at risk, 2 each, one event in a; day 2: 3 at risk, 1 of a, one event in b; then nobody of a is left.
    test = log_rank([1, 2, 2, 3], [1, 0, 1, 1], ["a", "a", "b", "b"])
    expected, variance = 1 / 2 + 1 / 3, 1 / 4 + (1 / 3) * (2 / 3)
    assert test.statistic == pytest.approx((1 - expected) ** 2 / variance)


@pytest.mark.parametrize("rho", [0, 1])
@pytest.mark.parametrize("seed", range(5))
def test_only_the_order_of_times_and_the_partition_matter(seed: int, rho: int) -> None:
    frame = cohort(seed)
    found = statistic(frame, rho=rho, strata=frame["site"])
    stretched = frame.assign(time=np.exp(frame["time"] / 7) - 0.5)
    renamed = frame.assign(arm=frame["arm"].map({"0": "zeta", "1": "alpha", "2": "mu"}), site=frame["site"] + "!")
    shuffled = frame.sample(frac=1, random_state=seed)
    for other in (stretched, renamed, shuffled):
        assert statistic(other, rho=rho, strata=other["site"]) == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_lifelines_agrees_where_it_has_the_test(seed: int) -> None:
    frame = cohort(seed)
    theirs = multivariate_logrank_test(frame["time"], frame["arm"], frame["event"])
    assert statistic(frame) == pytest.approx(theirs.test_statistic)
    pairs = pairwise_log_rank(frame["time"], frame["event"], frame["arm"])
    for row in pairs.itertuples():
        a, b = frame[frame["arm"] == row.one], frame[frame["arm"] == row.other]
        assert row.p == pytest.approx(logrank_test(a["time"], b["time"], a["event"], b["event"]).p_value)


@pytest.mark.parametrize("seed", range(5))
def test_delayed_entry_equals_the_score_test_of_cox_without_ties(seed: int) -> None:
    frame = cohort(seed, k=2, tied=False).assign(z=lambda f: f["arm"].astype(float))
    fit = cox(frame, time="time", event="event", covariates=["z"], entry="entry", strata="site")
    assert statistic(frame, entry=frame["entry"], strata=frame["site"]) == pytest.approx(fit.score.statistic)


def test_one_stratum_each_is_the_sum_of_both() -> None:
    frame = cohort(1, k=2)
    parts = [observed_and_expected(own["time"], own["event"], own["arm"]) for _, own in frame.groupby("site")]
    whole = observed_and_expected(frame["time"], frame["event"], frame["arm"], strata=frame[["site"]])
    assert whole["expected"].to_numpy() == pytest.approx(sum(part["expected"].to_numpy() for part in parts))
    gap, variance = whole["observed"][0] - whole["expected"][0], whole["variance"][0]
    assert statistic(frame, strata=frame["site"]) == pytest.approx(gap**2 / variance)


def test_holm_steps_down() -> None:
    frame = cohort(4)
    table = pairwise_log_rank(frame["time"], frame["event"], frame["arm"], strata=frame["site"])
    ordered = table.sort_values("p")
    steps = ordered["p"].to_numpy() * [3, 2, 1]
    assert ordered["p_holm"].to_numpy() == pytest.approx(np.minimum(np.maximum.accumulate(steps), 1))
    literal = _holm(np.array([0.01, 0.04, 0.03, np.nan]))
    assert literal == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert table[["one", "other"]].to_numpy().tolist() == [["0", "1"], ["0", "2"], ["1", "2"]]


def test_nothing_to_compare_is_not_a_p_value() -> None:
    none = log_rank([3, 4, 5], [0, 0, 0], ["a", "b", "b"])
    assert np.isnan([none.statistic, none.p]).all() and none.df == 1
    alone = log_rank([1, 1], [1, 1], ["a", "b"])  # everybody at once: no variance
    assert np.isnan([alone.statistic, alone.p]).all()
    lost = log_rank([1, 5, 6, 7], [0, 1, 1, 1], ["early", "a", "b", "b"])  # early is never at risk at an event
    assert (lost.df, lost.p) == (1, log_rank([5, 6, 7], [1, 1, 1], ["a", "b", "b"]).p)


@pytest.mark.parametrize(
    ("group", "choices", "words"),
    [
        (["a", "a"], {}, "at least two groups with patients, found a"),
        (["a", None], {}, "group of 1 of 2 patients is missing"),
        (["a"], {}, "group has 1 values for 2 patients"),
        (["a", "b"], {"strata": ["x", None]}, "strata of 1 of 2 patients are missing"),
        (["a", "b"], {"strata": ["x"]}, "strata have 1 rows for 2 patients"),
        (["a", "b"], {"rho": -1}, "rho -1"),
        (["a", "b"], {"entry": [0.5, 9]}, "entry of 1 of 2 patients is not before time"),
    ],
)
def test_refusals_name_the_remedy(group: list, choices: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        log_rank([1, 2], [1, 1], group, **choices)


@pytest.mark.parametrize("late", [False, True])
def test_about_five_percent_are_rejected_without_an_effect(late: bool) -> None:
    rng, n, runs = np.random.default_rng(20), 60, 1200
    rejected = 0
    for _ in range(runs):
        entry = rng.uniform(0, 2, n) if late else np.zeros(n)
        time, left = entry + rng.exponential(10, n), entry + rng.uniform(4, 30, n)
        arm = np.repeat([0, 1], n // 2)
        test = log_rank(np.minimum(time, left), time <= left, arm, entry=entry)
        rejected += test.statistic > chi2.isf(0.05, 1)
    assert 0.032 <= rejected / runs <= 0.072
