"""Censoring weights of right-censored times: riskRegression's on the real cohort, patient by patient and as scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.censoring import kaplan_meier_weights
from models.metrics.discrimination import auc, dynamic_auc, dynamic_brier
from models.metrics.probability import brier_score

LANDMARKS = (0, 6, 12, 36)
WINDOW = 60 * 30.4375


@pytest.fixture(scope="module")
def cohort(reference):
    patients = pd.read_csv(reference / "pbcseq_landmark_patients_w60_txcens.csv")
    answers = pd.read_csv(reference / "ref_pbcseq_landmark.csv").set_index("quantity")["value"]
    return patients, answers


def remaining(time: np.ndarray, event: np.ndarray, at: float, closed: bool) -> float:
    """Kaplan-Meier of the censoring written out: an event leaves before a censoring of the same day."""
    out = 1.0
    for day in sorted(set(time[event == 0])):
        if day < at or (closed and day == at):
            lost = int(((time == day) & (event == 0)).sum())
            out *= 1 - lost / (int((time > day).sum()) + lost)
    return out


def weights_by_hand(time: np.ndarray, event: np.ndarray) -> list[float]:
    at_window = remaining(time, event, WINDOW, closed=True)
    return [
        1 / at_window if day > WINDOW else 1 / remaining(time, event, day, closed=False) if happened else 0.0
        for day, happened in zip(time, event, strict=True)
    ]


@pytest.mark.parametrize("landmark", LANDMARKS)
def test_every_weight_of_the_cohort_equals_the_one_by_hand_and_the_scores_equal_r(cohort, landmark):
    patients, answers = cohort
    rows = patients[patients["months"] == landmark]
    time, event, risk = (rows[name].to_numpy() for name in ("time", "event", "risk"))
    weight = kaplan_meier_weights(time, event, WINDOW)
    np.testing.assert_allclose(weight, weights_by_hand(time, event), rtol=1e-12)
    tag = f"lm{landmark}m.w60m.death_txcens"
    assert 1 / weight[time > WINDOW][0] == pytest.approx(answers[f"{tag}.hand.G_at_window"], rel=1e-12)
    label = np.where((time <= WINDOW) & (event == 1), 1.0, 0.0)
    # The weights stand for everybody, so that the weighted mean is the mean over all patients.
    assert weight.sum() == pytest.approx(len(rows), rel=1e-12)
    assert brier_score(label, risk, weight) == pytest.approx(answers[f"{tag}.hand.brier"], abs=1e-9)
    assert auc(label, risk, weight) == pytest.approx(answers[f"{tag}.hand.auc"], abs=1e-12)
    assert dynamic_brier(time, event, risk, WINDOW).estimate == pytest.approx(answers[f"{tag}.hand.brier"], abs=1e-9)
    assert dynamic_auc(time, event, risk, WINDOW).estimate == pytest.approx(answers[f"{tag}.hand.auc"], abs=1e-12)


def test_the_cohort_puts_the_weights_to_the_test(cohort):
    """At 36 months nearly one patient in four is censored inside the window, some on the day of another's event."""
    patients, answers = cohort
    rows = patients[patients["months"] == 36]
    censored = rows[(rows["event"] == 0) & (rows["time"] <= WINDOW)]
    assert len(censored) == answers["lm36m.w60m.death_txcens.censored_in_window"] > 50
    assert answers["lm36m.w60m.death_txcens.hand.G_at_window"] < 0.8


@pytest.mark.parametrize("seed", range(6))
def test_weighted_shares_are_the_kaplan_meier_curve(seed):
    """sum w 1(event by t) / n = 1 - S(t), ties included: what makes the weights unbiased."""
    rng = np.random.default_rng(seed)
    time, event = rng.integers(1, 25, 200).astype(float), (rng.random(200) < 0.6).astype(int)
    survival = np.prod(
        [1 - ((time == t) & (event == 1)).sum() / (time >= t).sum() for t in np.unique(time[time <= 12])]
    )
    weight = kaplan_meier_weights(time, event, 12.0)
    assert (weight * (event * (time <= 12))).mean() == pytest.approx(1 - survival, rel=1e-12)
