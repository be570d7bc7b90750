"""Weights: a table worked by hand, the gold labels, invariants over seeds, and the textbook Kaplan-Meier rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.trial import Trial
from features.outcomes import build_outcome, label
from models.censoring import VisitCensoring, kaplan_meier_weights

FIXTURE = Path(__file__).resolve().parents[1] / "features" / "fixtures" / "labels"

# Ten patients after landmark 6 with visits 9, 12, 18. Between 6 and 9 one of ten is lost: h = 1/10. Between 9 and 12
# there are eight unresolved and seen at 9 (one event at 9), one is lost: h = 1/8. Then six remain (one death in the
# interval that closes at 12) of whom two are lost: h = 1/3.
BY_HAND = pd.DataFrame(
    [
        ("cens", 6.0, 0.0),
        ("event", 9.0, 1 / 0.9),
        ("cens", 9.0, 0.0),
        ("death", 12.0, 1 / (0.9 * (7 / 8) ** 0.5)),
        ("straddle_pos", 12.0, 0.0),
        ("straddle_neg", 12.0, 0.0),
        ("event", 18.0, 1 / (0.9 * 7 / 8 * 2 / 3)),
        ("nonevent", 18.0, 1 / (0.9 * 7 / 8 * 2 / 3)),
        ("nonevent", 18.0, 1 / (0.9 * 7 / 8 * 2 / 3)),
        ("nonevent", 18.0, 1 / (0.9 * 7 / 8 * 2 / 3)),
    ],
    columns=["status", "resolved", "weight"],
).assign(arm="control")


def small() -> VisitCensoring:
    return VisitCensoring((6.0, 9.0, 12.0, 18.0), floor=0.05)


def test_weights_worked_by_hand():
    model = small().fit(BY_HAND)
    np.testing.assert_allclose(model.hazards_["control"], [1 / 10, 1 / 8, 1 / 3])
    np.testing.assert_allclose(model.weights(BY_HAND), BY_HAND["weight"])


def test_the_weight_is_capped_at_the_floor():
    labels = pd.DataFrame({"status": ["cens"] * 99 + ["event"], "resolved": [9.0] * 99 + [18.0], "arm": "prrt"})
    assert small().fit(labels).weights(labels).iloc[-1] == pytest.approx(20.0)


def test_arms_have_their_own_hazards_and_a_new_arm_takes_the_pooled_ones():
    other = BY_HAND[BY_HAND["status"] == "nonevent"].assign(arm="prrt")
    model = small().fit(pd.concat([BY_HAND, other]))
    assert model.weights(other).tolist() == [1.0, 1.0, 1.0]
    stranger = model.weights(other.assign(arm="unheard of"))
    assert (stranger > 1).all() and (stranger < BY_HAND["weight"].max()).all()


def test_a_resolution_off_the_visits_is_refused():
    with pytest.raises(ValueError, match="10 is not a visit; expected one of 6, 9, 12, 18"):
        small().fit(BY_HAND.assign(resolved=10.0))


@pytest.fixture(scope="module")
def delivery(protocol):
    folder = FIXTURE
    if not folder.exists():
        from conftest import REFERENCE

        folder = REFERENCE / "labels"
    if not folder.exists():
        pytest.skip("neither the label fixture nor the reference folder is there")
    tables = {
        path.stem: pd.read_csv(path, dtype={"version": str})
        for path in (folder / "delivery").glob("*.csv")
        if path.stem in ("patients", "imaging", "followup")
    }
    outcome = build_outcome(Trial.from_frames(**tables), protocol)
    return outcome, pd.read_csv(folder / "gold_labels.csv")


def test_weights_equal_the_gold_weights_for_every_patient_and_endpoint(delivery, protocol):
    outcome, gold = delivery
    compared = 0
    for endpoint in protocol.endpoints.values():
        labels = label(outcome, endpoint, protocol)
        labels = labels[labels["at_risk"]]
        weights = VisitCensoring.for_endpoint(endpoint, protocol).fit(labels).weights(labels)
        expected = gold[gold["endpoint"] == endpoint.id].set_index("patient_id")["ipcw"]
        np.testing.assert_allclose(weights, expected.reindex(weights.index), atol=1e-6, err_msg=endpoint.id)
        compared += len(weights)
    assert compared > 500


@pytest.mark.parametrize("seed", range(8))
def test_weights_are_at_least_one_and_stand_for_everybody(seed, make, protocol):
    world = make(n=400, seed=seed, lost=0.015)
    labels = label(world.outcome, protocol.endpoint("MRD36@6"), protocol)
    labels = labels[labels["at_risk"]]
    weights = VisitCensoring.for_endpoint(protocol.endpoint("MRD36@6"), protocol).fit(labels).weights(labels)
    known = labels["y"].notna()
    assert (weights[known] >= 1).all() and (weights[~known] == 0).all()
    assert weights.sum() == pytest.approx(len(labels), rel=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_patients_does_not_matter(seed, make, protocol):
    labels = label(make(n=100, seed=seed).outcome, protocol.endpoint("ER12@12"), protocol)
    labels = labels[labels["at_risk"]]
    model = VisitCensoring.for_endpoint(protocol.endpoint("ER12@12"), protocol)
    shuffled = labels.sample(frac=1, random_state=seed)
    straight = model.fit(labels).weights(labels)
    pd.testing.assert_series_equal(model.fit(shuffled).weights(shuffled).reindex(labels.index), straight)


def test_kaplan_meier_weights_by_hand_with_a_tie_of_event_and_censoring():
    # At time 2 an event and a censoring tie: the event leaves first, so the censoring sees 3 at risk.
    time, event = np.array([1.0, 2.0, 2.0, 3.0, 4.0]), np.array([0, 1, 0, 1, 1])
    after_first, after_second = 4 / 5, 4 / 5 * 2 / 3
    np.testing.assert_allclose(
        kaplan_meier_weights(time, event, 3.0), [0, 1 / after_first, 0, 1 / after_second, 1 / after_second]
    )


def test_without_censoring_every_weight_is_one():
    time = np.arange(1.0, 9.0)
    np.testing.assert_array_equal(kaplan_meier_weights(time, np.ones(8, dtype=int), 5.0), np.ones(8))
