"""Freezing and maturing: a table by hand, weights against refits, the order of rows, refusals by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.findings import Refused
from models.censoring import VisitCensoring, VisitStates
from models.promotion.maturation import mature, paired
from models.promotion.registration import check_unaltered, freeze, prediction_digest
from models.promotion.weights import weights_from_past

CENSORING = VisitCensoring((6.0, 12.0, 36.0), floor=0.05)
NOBODY = VisitStates(*(np.array([], dtype=kind) for kind in (int, bool, bool, object)))

# patient, horizon closes, status, resolved, y, weight, bound.
# P1 and P2 mature first, on the development cohort alone (nobody): weight 1. P3 was lost between 6 and 12. P4 comes
# after three patients of the arm of whom one of three was lost between 6 and 12: h = 1/3, weight 3/2. P5 is of the
# other arm, of whom nobody has matured: pooled hazards, one of four lost (P4 was seen): 4/3. P6 is not mature.
BY_HAND = [
    ("P1", "2024-01-10", "event", 12.0, 1.0, 1.0, 1.0),
    ("P2", "2024-01-10", "nonevent", 36.0, 0.0, 1.0, 1.0),
    ("P3", "2024-02-10", "cens", 6.0, np.nan, 0.0, 1.0),
    ("P4", "2024-03-10", "nonevent", 36.0, 0.0, 3 / 2, 3 / 2),
    ("P5", "2024-04-10", "death", 12.0, 0.0, (4 / 3) ** 0.5, 4 / 3),
    ("P6", "2024-05-10", "event", 12.0, 1.0, np.nan, np.nan),
]
ROWS = pd.DataFrame(BY_HAND, columns=["patient_id", "closes", "status", "resolved", "y", "weight", "bound"])
NIGHT = pd.Timestamp("2024-04-10")


def predictions() -> pd.DataFrame:
    closes = pd.to_datetime(ROWS["closes"])
    rows = pd.DataFrame(
        {
            "patient_id": ROWS["patient_id"],
            "arm": ["prrt"] * 4 + ["control", "prrt"],
            "landmark_closes_on": closes - pd.Timedelta(days=913),
            "horizon_closes_on": closes,
        }
    ).assign(frozen_at=lambda frame: frame["landmark_closes_on"] + pd.Timedelta(hours=21))
    chances = {"M3 nightly": [0.6, 0.3, 0.5, 0.4, 0.5, 0.7], "M2 nightly": [0.8, 0.2, 0.5, 0.5, 0.1, 0.9]}
    return pd.concat([rows.assign(specification=name, probability=p) for name, p in chances.items()], ignore_index=True)


def labels() -> pd.DataFrame:
    return ROWS.set_index("patient_id")[["status", "resolved", "y"]]


def matured(rows=None, truth=None, on=NIGHT, **options):
    pairs = paired(predictions() if rows is None else rows, "M3 nightly", "M2 nightly")
    truth = labels() if truth is None else truth
    return mature(pairs, truth, on, censoring=CENSORING, before=NOBODY, **options)


def same(one, two) -> bool:
    return all(getattr(one, name).tobytes() == getattr(two, name).tobytes() for name in ("label", "weight", "champion"))


def test_who_is_mature_and_with_which_weight():
    found = matured()
    assert found.day.astype(str).tolist() == ROWS["closes"][:5].tolist()
    np.testing.assert_allclose(found.weight, ROWS["weight"][:5])
    np.testing.assert_allclose(found.bound, ROWS["bound"][:5])
    np.testing.assert_array_equal(found.label, ROWS["y"][:5])
    np.testing.assert_array_equal(found.challenger, [0.8, 0.2, 0.5, 0.5, 0.1])
    assert found.labels == 4


def test_an_event_is_not_earlier_than_its_horizon():
    # P6's recurrence was seen at month 12; its horizon closes a month after tonight.
    assert len(matured(on=pd.Timestamp("2024-05-09")).label) == 5
    assert len(matured(on=pd.Timestamp("2024-05-10")).label) == 6
    assert len(matured(on=pd.Timestamp("2024-05-10"), lag_days=14).label) == 5


def test_labels_of_patients_who_are_not_mature_are_never_looked_at():
    other = labels()
    other.loc["P6"] = ["nonevent", 36.0, 0.0]
    assert same(matured(), matured(truth=other)) and same(matured(), matured(truth=labels().drop("P6")))


def test_order_of_rows_is_irrelevant_to_the_bit():
    mixed = predictions().sample(frac=1, random_state=3)
    assert same(matured(), matured(rows=mixed, truth=labels().sample(frac=1, random_state=4)))
    assert prediction_digest(mixed) == prediction_digest(predictions())


def test_a_patient_of_one_specification_only_is_left_out():
    rows = predictions().drop(index=0)  # P1 of the champion
    assert len(matured(rows=rows).label) == 4


@pytest.mark.parametrize("seed", range(5))
def test_weights_are_those_of_a_refit_on_every_day(seed):
    rng = np.random.default_rng(seed)
    censoring = VisitCensoring((6.0, 12.0, 18.0, 24.0, 36.0), floor=0.3)

    def people(n: int) -> VisitStates:
        censored = rng.random(n) < 0.3
        position = np.where(censored, rng.integers(0, 4, n), rng.integers(1, 5, n))
        arm = rng.choice(["control", "prrt", ""], n).astype(object)
        return VisitStates(position, censored, ~censored & (rng.random(n) < 0.2), arm)

    states, before, day = people(60), people(8), rng.integers(0, 9, 60)
    weight, bound = weights_from_past(states, day, before, censoring)
    for today in np.unique(day):
        past = states.take(day < today)
        known = VisitStates(*(np.r_[getattr(before, f), getattr(past, f)] for f in VisitStates.__dataclass_fields__))
        model = VisitCensoring(censoring.visits, censoring.floor).fit(known)
        np.testing.assert_allclose(weight[day == today], model.state_weights(states.take(day == today)), rtol=1e-12)
    assert (weight <= bound + 1e-12).all()


def test_freezing_keeps_a_digest_that_any_change_breaks():
    rows, digest = freeze(predictions())
    check_unaltered(rows, digest)
    for column, value in (("probability", 0.61), ("frozen_at", pd.Timestamp("2020-01-01")), ("specification", "M5")):
        changed = rows.copy()
        changed.loc[0, column] = value
        with pytest.raises(Refused, match="M204"):
            check_unaltered(changed, digest)


def with_value(column: str, value: object) -> pd.DataFrame:
    rows = predictions()
    rows.loc[2, column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (with_value("frozen_at", pd.Timestamp("2021-08-12")), "M201.*P3 was frozen on 2021-08-12"),
        (with_value("frozen_at", pd.NaT), "M201.*at no known time"),
        (with_value("horizon_closes_on", pd.Timestamp("2021-08-11")), "M201.*its horizon on 2021-08-11"),
        (pd.concat([predictions(), predictions().iloc[[1]]]), "M202.*patient P2"),
        (with_value("probability", 1.2), "M203.*P3 the probability 1.2"),
        (with_value("probability", np.nan), "M203"),
        (with_value("arm", "control"), "M202.*different dates or arms for patient P3"),
    ],
)
def test_predictions_that_can_not_count_are_refused_by_name(rows, words):
    with pytest.raises(Refused, match=words):
        matured(rows=rows)


def test_frozen_on_the_evening_of_the_last_day_counts():
    assert predictions()["landmark_closes_on"][2] == pd.Timestamp("2021-08-11")
    assert len(matured(rows=with_value("frozen_at", pd.Timestamp("2021-08-11 23:59"))).label) == 5


def test_labels_that_lack_a_mature_patient_are_refused():
    with pytest.raises(Refused, match="M205.*P2"):
        matured(truth=labels().drop("P2"))
    removed = labels()
    removed.loc["P1"] = ["", np.nan, np.nan]
    with pytest.raises(Refused, match="M205.*P1"):
        matured(truth=removed)
    with pytest.raises(Refused, match="M202.*P4"):
        matured(truth=pd.concat([labels(), labels().loc[["P4"]]]))
