"""Bridging on control wells: literal plates first, then what it knows after many plates."""

from __future__ import annotations

import inspect
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import features.learnt as learnt
from features.learnt import Bridge, BridgedChange

COLUMNS = ["netest_logit", "netest_deviation", "netest_deviation_n", "netest_deviation_ss"]
LEVELS = ["netest_deviation_level_ss", "netest_deviation_level_sp"]


def plates(rows: list[tuple[float, ...]] | np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).reindex(columns=[*COLUMNS, *LEVELS])


# Three plates with two control wells each: mean deviation .2, variance .09; one well varies by .06 / 3 = .02.
THREE = plates(
    [
        (1.0, 0.2, 2, 0.02),
        (1.0, -0.1, 2, 0.04),
        (1.0, 0.5, 2, 0.00),
    ]
)


def test_three_plates_by_hand():
    bridge = Bridge.fit(THREE)
    assert float(bridge.centre) == pytest.approx(0.2)
    assert float(bridge.within) == pytest.approx(0.02)
    assert float(bridge.between) == pytest.approx(0.09 - 0.02 / 2)
    # k = .08 / (.08 + .01) = 8/9
    expected = [1.0, 1.0 + 0.3 * 8 / 9, 1.0 - 0.3 * 8 / 9]
    np.testing.assert_allclose(bridge.apply(THREE)["netest_bridged"], expected)


def test_a_bias_that_all_plates_share_at_one_level_is_not_noise():
    # LOW and HIGH at logit -1 and 1: every LOW reads .6 lower and every HIGH .6 higher than the plate, d = +-.6.
    biased = THREE.assign(netest_deviation_ss=2 * 0.6**2, netest_deviation_level_ss=2.0, netest_deviation_level_sp=1.2)
    bridge = Bridge.fit(biased)
    assert float(bridge.within) == pytest.approx(0.0, abs=1e-15)
    assert float(bridge.between) == pytest.approx(0.09)
    without = Bridge.fit(biased.assign(netest_deviation_level_ss=np.nan, netest_deviation_level_sp=np.nan))
    assert float(without.between) == 0.0


@pytest.mark.parametrize("bias", [0.0, 0.4, 0.8])
def test_the_shared_bias_moves_no_variance(bias):
    """2000 plates with one LOW and one HIGH: plates vary by .4, wells by .2."""
    rng = np.random.default_rng(7)
    effect, level = rng.normal(0, 0.4, 2000), np.array([-1.8, 0.8])
    wells = effect[:, None] + bias * np.array([-1.0, 1.0]) + rng.normal(0, 0.2, (2000, 2))
    away, off = level - level.mean(), wells - wells.mean(1, keepdims=True)
    rows = pd.DataFrame(
        {
            "netest_deviation": wells.mean(1),
            "netest_deviation_n": 2.0,
            "netest_deviation_ss": (off**2).sum(1),
            "netest_deviation_level_ss": (away**2).sum(),
            "netest_deviation_level_sp": off @ away,
        }
    )
    bridge = Bridge.fit(rows)
    assert float(bridge.within) == pytest.approx(0.04, rel=0.1)
    assert float(bridge.between) == pytest.approx(0.16, rel=0.1)


def test_more_control_wells_are_believed_more():
    bridge = Bridge.fit(THREE)
    np.testing.assert_allclose(bridge.shrinkage(np.array([1.0, 2.0, 4.0])), [8 / 10, 8 / 9, 8 / 8.5])


def test_a_row_without_controls_keeps_its_score():
    rows = plates([(1.25, np.nan, np.nan, np.nan), (np.nan, 0.5, 2, 0.0), (-0.5, 0.2, 2, 0.02)])
    np.testing.assert_array_equal(Bridge.fit(THREE).apply(rows)["netest_bridged"], [1.25, np.nan, -0.5])


@pytest.mark.parametrize(
    "unknown",
    [
        plates([(0.1, np.nan, np.nan, np.nan)] * 4),
        plates([(0.1, 0.3, 4, 0.02)] * 4),
        plates([(0.1, 0.3, 1, 0.0), (0.7, -0.3, 1, 0.0)]),
        plates([]),
    ],
    ids=["no controls", "one plate", "one well on each plate", "no rows"],
)
def test_nothing_is_taken_off_when_nothing_is_known(unknown):
    bridge = Bridge.fit(unknown)
    assert [float(getattr(bridge, field.name)) for field in fields(bridge)] == [0.0, 0.0, 0.0]
    np.testing.assert_array_equal(bridge.apply(THREE)["netest_bridged"], THREE["netest_logit"])


def test_plates_that_differ_less_than_their_wells_are_not_corrected():
    rows = plates([(1.0, 0.01, 2, 0.5), (1.0, -0.01, 2, 0.5), (1.0, 0.0, 2, 0.5)])
    bridge = Bridge.fit(rows)
    assert float(bridge.between) == 0.0
    np.testing.assert_array_equal(bridge.apply(rows)["netest_bridged"], rows["netest_logit"])


def test_controls_without_any_noise_are_believed_wholly():
    rows = plates([(1.0, 0.4, 2, 0.0), (1.0, -0.4, 2, 0.0)])
    np.testing.assert_allclose(Bridge.fit(rows).apply(rows)["netest_bridged"], [0.6, 1.4])


def test_a_plate_counts_once_however_many_patients_it_holds():
    often = THREE.iloc[[0, 1, 2, 2, 2, 1]]
    assert all(
        getattr(Bridge.fit(often), field.name) == getattr(Bridge.fit(THREE), field.name) for field in fields(Bridge)
    )


def test_the_change_between_two_plates():
    # 50 points after 20: l = 0 and ln(20.5 / 80.5); the later plate reads .3 higher, of which k = 8/9 is believed.
    rows = THREE.assign(netest_last=50.0, netest_change_previous=[30.0, 30.0, np.nan], netest_deviation_change=0.3)
    rows.loc[1, "netest_deviation_change"] = np.nan
    rise = -np.log(20.5 / 80.5)
    found = BridgedChange.fit(rows).apply(rows)["netest_change_bridged"]
    np.testing.assert_allclose(found, [rise - 0.3 * 8 / 9, rise, np.nan])


@pytest.mark.parametrize("seed", range(3))
def test_the_variances_are_those_of_the_plates(seed):
    """4000 plates of 4 wells: plates vary by .5, wells by .2."""
    rng = np.random.default_rng(seed)
    effect = 0.3 + rng.normal(0, 0.5, 4000)
    wells = effect[:, None] + rng.normal(0, 0.2, (4000, 4))
    mean = wells.mean(axis=1)
    squares = ((wells - mean[:, None]) ** 2).sum(axis=1)
    score = rng.normal(size=4000)
    rows = plates(np.column_stack([score + effect, mean, np.full(4000, 4.0), squares]))
    bridge = Bridge.fit(rows)
    assert float(bridge.between) == pytest.approx(0.25, rel=0.06)
    assert float(bridge.within) == pytest.approx(0.04, rel=0.04)
    # What is left of the plate: .25 x .01 / .26, hardly more than nothing.
    left = bridge.apply(rows)["netest_bridged"] - score - float(bridge.centre)
    assert left.var() == pytest.approx(0.25 * 0.01 / 0.26, rel=0.1)


@pytest.mark.parametrize("kind", [Bridge, BridgedChange, learnt.MixedModel, learnt.Clusters, learnt.CensoredNormal])
def test_the_outcome_has_no_way_in(kind):
    """L4: no argument of fit or apply could carry a label; ``marker`` is the prefix of the columns, a word."""
    allowed = {"self", "rows", "membership", "minimum", "closing", "marker"}
    assert set(inspect.signature(kind.fit).parameters) | set(inspect.signature(kind.apply).parameters) <= allowed
