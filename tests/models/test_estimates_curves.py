"""Kaplan-Meier, numbers at risk, restricted mean and rates at landmarks: tables to read, then invariants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from models.estimates.kaplan_meier import kaplan_meier, median_follow_up, rate_difference
from models.estimates.restricted_mean import restricted_mean, restricted_mean_difference
from models.estimates.risk_table import at_risk, under_observation

# Remission of acute leukaemia under 6-mercaptopurine, weeks (Freireich 1963), 1 relapse, 0 censored.
WEEKS = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35])
RELAPSE = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])
# Two patients enter late.
LATE = pd.DataFrame(
    [("a", 0, 2, 1), ("b", 0, 4, 1), ("c", 1, 5, 0), ("d", 3, 6, 1)], columns=["patient", "entry", "time", "event"]
)


def cohort(seed: int, n: int = 80, late: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Whole months with ties, about a third censored."""
    rng = np.random.default_rng(seed)
    entry = rng.uniform(0, 4, n) if late else None
    time = np.ceil(rng.exponential(20, n) + (0 if entry is None else entry)) + (entry is not None)
    return time, (rng.random(n) < 0.65).astype(int), entry


def test_the_leukaemia_table_of_every_textbook() -> None:
    curve = kaplan_meier(WEEKS, RELAPSE)
    found = curve.at([0, 6, 7, 10, 13, 16, 22, 23, 35, 36])
    assert found["value"].round(3).tolist() == [1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448, 0.448, 0.448]
    errors = [0, 0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346, 0.1346, 0.1346]
    assert found["error"].round(4).tolist() == errors
    assert found["n_risk"].tolist() == [21, 21, 17, 15, 12, 11, 7, 6, 1, 0]
    assert kaplan_meier(WEEKS, RELAPSE, interval="log").median[:2] == (23, 16)
    assert np.isnan(curve.median[2])


def test_delayed_entry_table() -> None:
    curve = kaplan_meier(LATE["time"], LATE["event"], LATE["entry"])
    table = np.column_stack([curve.time, curve.n_risk, curve.n_event, curve.n_censor, curve.value])
    expected = [
        [0, 2, 0, 0, 1],
        [1, 2, 0, 0, 1],
        [2, 3, 1, 0, 2 / 3],
        [3, 2, 0, 0, 2 / 3],
        [4, 3, 1, 0, 4 / 9],
        [5, 2, 0, 1, 4 / 9],
        [6, 1, 1, 0, 0],
    ]
    assert table == pytest.approx(np.array(expected))


def test_numbers_at_risk_count_late_entrants_from_their_entry_and_everybody_at_zero() -> None:
    months = [0, 1, 2, 3.5, 5, 6, 7]
    assert at_risk(LATE["time"], LATE["entry"], months).tolist() == [4, 2, 3, 3, 2, 1, 0]
    assert at_risk(LATE["time"], None, months).tolist() == [4, 4, 4, 3, 2, 1, 0]
    assert at_risk([], [], [0, 12]).tolist() == [0, 0]


def test_who_was_never_under_observation_is_told_apart() -> None:
    assert under_observation([0, 2, 2, 3], [0, 2, 1, 5]).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("time", "event", "median"),
    [
        ([1, 2, 3, 4], [1, 1, 1, 1], 2.5),  # flat at one half from 2 to 3: midpoint
        ([1, 2, 3, 4], [1, 1, 0, 0], 3.0),  # flat to the end: midpoint with the last time
        ([1, 2, 3], [1, 1, 1], 2.0),
        ([1, 2, 3], [0, 0, 1], 3.0),
        ([1, 2, 3], [1, 0, 0], np.nan),
        ([5], [1], 5.0),
        ([5, 5, 5], [1, 1, 1], 5.0),
        ([2] * 5 + [9] * 5, [1] * 10, 5.5),
    ],
)
def test_median_as_r_reads_it(time: list[int], event: list[int], median: float) -> None:
    assert kaplan_meier(time, event).median[0] == pytest.approx(median, nan_ok=True)


def test_quantiles_are_ordered_and_a_share_outside_zero_to_one_is_refused() -> None:
    curve = kaplan_meier(WEEKS, RELAPSE, interval="plain")
    assert curve.quantile(0.2)[0] == 10 and curve.quantile(0.25)[0] == 13
    assert curve.quantile(0.4)[1] <= curve.quantile(0.4)[0]
    for share in (0, 1, np.nan):
        with pytest.raises(ValueError, match="strictly between 0 and 1"):
            curve.quantile(share)


@pytest.mark.parametrize("interval", ["plain", "log", "log-log"])
def test_limits_at_the_ends_are_those_of_r(interval: str) -> None:
    curve = kaplan_meier([1, 2], [1, 1], interval=interval)
    ends = np.array([curve.lower[0], curve.upper[0], curve.lower[-1], curve.upper[-1]])
    assert curve.value.tolist() == [1, 0.5, 0]
    first = np.nan if interval == "log-log" else 1
    assert ends == pytest.approx([first, first, np.nan, np.nan], nan_ok=True)


def test_no_events_keep_the_curve_at_one_without_a_limit() -> None:
    curve = kaplan_meier([3, 5], [0, 0])
    assert curve.value.tolist() == [1, 1, 1] and np.isnan(curve.lower).all()
    assert curve.error.tolist() == [0, 0, 0] and np.isnan(curve.median).all()
    assert restricted_mean([3, 5], [0, 0], 4).value == 4


@pytest.mark.parametrize(
    ("time", "event", "entry", "words"),
    [
        ([1, np.nan], [1, 0], None, "time of 1 of 2 patients is missing or infinite .first at position 1"),
        ([1, 2], [1, np.nan], None, "event of 1 of 2 patients is missing"),
        ([1, 2], [1, 2], None, "event of 1 of 2 patients is not one of 0, 1 .* choose the cause first"),
        ([-1, 2], [1, 0], None, "time of 1 of 2 patients is negative"),
        ([1, 2], [1, 0], [1, 0], "entry of 1 of 2 patients is not before time .* under_observation"),
        ([1, 2], [1, 0], [0, np.nan], "entry of 1 of 2 patients is missing"),
        ([1, 2], [1], None, "one per patient"),
        ([], [], None, "no patients"),
        ([[1, 2]], [[1, 1]], None, "2 dimensions"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_its_remedy(time: list, event: list, entry: list, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        kaplan_meier(time, event, entry)


def test_an_event_on_day_zero_counts() -> None:
    curve = kaplan_meier([0, 4], [1, 1], [0, 0])
    assert curve.value.tolist() == [0.5, 0] and curve.n_risk.tolist() == [2, 1]


def test_an_unknown_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="choose one of log-log, log, plain"):
        kaplan_meier([1], [1], interval="logit")


@pytest.mark.parametrize("seed", range(8))
def test_without_censoring_the_curve_is_the_empirical_survival(seed: int) -> None:
    time, _, _ = cohort(seed)
    curve = kaplan_meier(time, np.ones(len(time)))
    assert curve.value == pytest.approx([(time > t).mean() for t in curve.time])
    inside = curve.value > 0
    binomial = np.sqrt(curve.value * (1 - curve.value) / len(time))
    assert curve.error[inside] == pytest.approx(binomial[inside])


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_lifelines_agrees_on_the_curve_and_its_log_log_limits(seed: int, late: bool) -> None:
    time, event, entry = cohort(seed, late=late)
    curve = kaplan_meier(time, event, entry)
    theirs = KaplanMeierFitter().fit(time, event, entry=entry)
    at = np.arange(2.0, 30.0)
    mine = curve.at(at)
    assert mine["value"].to_numpy() == pytest.approx(theirs.survival_function_at_times(at).to_numpy())
    limits = theirs.confidence_interval_survival_function_
    place = np.searchsorted(limits.index, at, side="right") - 1
    known = mine["lower"].notna().to_numpy()
    assert mine[["lower", "upper"]].to_numpy()[known] == pytest.approx(limits.to_numpy()[place][known])


@pytest.mark.parametrize("seed", range(6))
def test_reverse_curve_is_the_curve_of_the_flipped_events(seed: int) -> None:
    time, event, entry = cohort(seed, late=seed % 2 == 1)
    reverse, flipped = kaplan_meier(time, event, entry, reverse=True), kaplan_meier(time, 1 - event, entry)
    assert reverse.value == pytest.approx(flipped.value)
    assert median_follow_up(time, event, entry).value == pytest.approx(flipped.median[0], nan_ok=True)


@pytest.mark.parametrize("seed", range(6))
def test_the_restricted_mean_is_the_integral_of_the_curve(seed: int) -> None:
    time, event, entry = cohort(seed, late=seed % 2 == 1)
    curve, tau = kaplan_meier(time, event, entry), 17.3
    middles = (np.arange(173_000) + 0.5) * tau / 173_000
    integral = curve.at(middles)["value"].mean() * tau
    assert restricted_mean(time, event, tau, entry).value == pytest.approx(integral, abs=1e-3)


def test_restricted_mean_by_hand() -> None:
    # S = 1 to 1, 0.75 to 2, 0.5 to 3, 0.25 to 4: area to 3.5 is 1 + 0.75 + 0.5 + 0.125.
    found = restricted_mean([1, 2, 3, 4], [1, 1, 1, 1], 3.5)
    variance = 1.375**2 / (4 * 3) + 0.625**2 / (3 * 2) + 0.125**2 / (2 * 1)
    assert (found.value, found.error) == pytest.approx((2.375, np.sqrt(variance)))
    assert restricted_mean([1, 2, 3, 4], [1, 1, 1, 1], 99).value == 2.5  # known: nobody is left


def test_a_horizon_beyond_follow_up_is_refused_and_the_longest_named() -> None:
    with pytest.raises(ValueError, match="tau 9 is beyond the last follow-up: restrict to at most 4"):
        restricted_mean([1, 4], [1, 0], 9)
    with pytest.raises(ValueError, match="group b: tau 9 .* at most 4"):
        restricted_mean_difference([1, 4, 9, 9], [1, 0, 1, 1], ["b", "b", "a", "a"], 9, reference="a")
    with pytest.raises(ValueError, match="positive horizon"):
        restricted_mean([1], [1], 0)


def test_difference_of_restricted_means_changes_sign_with_the_reference() -> None:
    time, event, _ = cohort(3)
    arm = np.where(np.arange(len(time)) % 2, "prrt", "control")
    there = restricted_mean_difference(time, event, arm, 12, reference="control")
    back = restricted_mean_difference(time, event, arm, 12, reference="prrt")
    assert (there.value, there.lower, there.p) == pytest.approx((-back.value, -back.upper, back.p))
    assert (there.lower > 0 or there.upper < 0) == (there.p < 0.05)
    with pytest.raises(ValueError, match="exactly two are needed"):
        restricted_mean_difference(time, event, np.full(len(time), "prrt"), 12, reference="control")


def test_landmark_rates_and_their_difference() -> None:
    one = kaplan_meier([10, 20, 30, 40, 50], [1, 0, 1, 0, 0])
    other = kaplan_meier([5, 15, 18, 25, 45], [1, 1, 1, 0, 0])
    plain = rate_difference(one, other, [20, 36], interval="plain")
    assert plain["difference"].tolist() == pytest.approx([0.8 - 0.4, 0.8 * 2 / 3 - 0.4])
    error = np.hypot(np.sqrt(0.8 * 0.2 / 5), np.sqrt(0.4 * 0.6 / 5))
    assert plain["lower"][0] == pytest.approx(0.4 - 1.959964 * error)
    assert plain["p"][0] == pytest.approx(0.1573, abs=5e-5)  # z = 0.4 / sqrt(0.08) = sqrt(2)
    assert plain[["n_one", "n_other"]].to_numpy().tolist() == [[4, 2], [2, 1]]
    square = rate_difference(one, other, 20)
    a, b = one.at(20).iloc[0], other.at(20).iloc[0]
    assert square["lower"][0] == pytest.approx(0.4 - np.hypot(0.8 - a["lower"], b["upper"] - 0.4))


def test_no_difference_is_claimed_where_a_curve_has_not_moved_or_nobody_is_left() -> None:
    still, falling = kaplan_meier([10, 20], [0, 0]), kaplan_meier([5, 30], [1, 0])
    row = rate_difference(still, falling, [8, 25]).to_dict("list")
    assert row["difference"] == [0.5, 0.5] and row["n_one"] == [2, 0]
    assert np.isnan([row["lower"], row["upper"], row["p"], row["error"]]).all()
    with pytest.raises(ValueError, match="choose log-log or plain"):
        rate_difference(still, falling, 8, interval="log")


@pytest.mark.parametrize("seed", range(4))
def test_equal_curves_differ_by_nothing_with_p_one(seed: int) -> None:
    curve = kaplan_meier(*cohort(seed)[:2])
    row = rate_difference(curve, curve, 12).iloc[0]
    assert (row["difference"], row["p"]) == (0, 1) and row["lower"] == pytest.approx(-row["upper"])
