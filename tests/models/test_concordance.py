"""Concordance: pairs counted one by one, R's Harrell and Uno, and time that does not grow with the square."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.censoring import kaplan_meier_weights
from models.metrics.concordance import concordance, uno_concordance
from models.metrics.dominance import Dominance

MONTH = 365.25 / 12


def pairs_one_by_one(time, event, score, entry, stratum, weight):
    """Wins and pairs of every patient as the earlier and as the later one, by two loops."""
    wins, pairs = np.zeros(len(time)), np.zeros(len(time))
    for i in np.flatnonzero(event):
        for j in range(len(time)):
            beyond = time[j] > time[i] or (time[j] == time[i] and not event[j])
            if beyond and entry[j] < time[i] and stratum[j] == stratum[i]:
                won = weight[i] * (0.5 if score[i] == score[j] else float(score[i] > score[j]))
                for one in (i, j):
                    wins[one] += won
                    pairs[one] += weight[i]
    return wins, pairs


@pytest.mark.parametrize("seed", range(12))
def test_every_pair_counts_once(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    time, event = rng.integers(2, 15, n).astype(float), rng.random(n) < 0.6
    score = rng.integers(0, 6, n).astype(float) if seed % 2 else rng.normal(size=n)
    entry = np.minimum(rng.integers(0, 8, n), time - 1).astype(float) if seed % 3 else None
    stratum = rng.integers(0, 3, n) if seed % 4 else None
    weight = rng.uniform(1, 3, n)
    wins, pairs = pairs_one_by_one(
        time,
        event,
        score,
        np.full(n, -1.0) if entry is None else entry,
        np.zeros(n) if stratum is None else stratum,
        weight,
    )
    found = concordance(time, event, score, entry=entry, stratum=stratum, weight=weight)
    value = wins.sum() / pairs.sum()
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.error == pytest.approx(np.sqrt((((wins - value * pairs) / (pairs.sum() / 2)) ** 2).sum()), rel=1e-9)


def test_weight_below_a_rank_in_a_stretch():
    tree = Dominance(np.array([2, 0, 1, 0]), np.array([1.0, 2.0, 4.0, 8.0]), 3)
    begin, end, rank = np.array([0, 0, 1, 2, 3]), np.array([4, 4, 3, 2, 1]), np.array([1, 3, 2, 3, 3])
    np.testing.assert_array_equal(tree.below(begin, end, rank), [10.0, 15.0, 6.0, 0.0, 0.0])


def test_uno_counts_a_pair_by_the_censoring_before_its_event():
    time, event = np.array([1.0, 2, 3, 4, 5]), np.array([True, False, True, True, False])
    score = np.array([5.0, 1, 2, 3, 2])
    # G is 1 before month 2 and 3/4 after it: pairs of the first event count 1, of the others (4/3)^2.
    later = (4 / 3) ** 2
    assert uno_concordance(time, event, score).value == pytest.approx((4 + later * (0.5 + 1)) / (4 + later * 3))
    assert uno_concordance(time, event, score, until=4.0).value == pytest.approx((4 + later * 0.5) / (4 + later * 2))
    assert kaplan_meier_weights(time, event, 5.0)[2] ** 2 == pytest.approx(later)
    assert np.isnan(uno_concordance(time, event, score, until=1.0).value)


@pytest.mark.parametrize("month", [0, 6, 12, 36])
def test_harrell_and_uno_equal_r_in_pbcseq(reference, month):
    answers = pd.read_csv(reference / "ref_pbcseq_landmark.csv").set_index("quantity")["value"]
    rows = pd.read_csv(reference / "pbcseq_landmark_patients_w60_txcens.csv").query("months == @month")
    time, window = rows["time"].to_numpy(dtype=float), 60 * MONTH
    cut, event = np.minimum(time, window), (rows["event"] == 1).to_numpy() & (time <= window)
    risk, name = rows["risk"].to_numpy(), f"lm{month}m.w60m.death_txcens"
    assert concordance(cut, event, risk).value == pytest.approx(answers[f"{name}.harrell_c_window"], abs=1e-12)
    assert uno_concordance(cut, event, risk).value == pytest.approx(answers[f"{name}.uno_c_window"], abs=1e-12)


def test_errors_equal_r_survival():
    """concordance(Surv(time, event) ~ x, reverse = TRUE), once more with timewt = "n/G2", R survival 3.5-3."""
    time = np.array([4.0, 1, 3, 9, 7, 2, 6, 8, 5, 10, 3, 12])
    event = np.array([1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0], dtype=bool)
    score = np.array([2.0, 5, 1, 0.5, 1, 3, 2.5, 1.5, 2, 0, 0.7, 1])
    harrell, uno = concordance(time, event, score), uno_concordance(time, event, score)
    assert (harrell.value, harrell.error**2) == pytest.approx((0.711111111111111, 0.015987075140985), abs=1e-10)
    assert (uno.value, uno.error**2) == pytest.approx((0.685629549743866, 0.012408795990297), abs=1e-10)
