"""Lead time beside a random flag: a null marker has no advantage, whatever its lead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.protocol import load_protocol
from data.simulate.generate import generate
from features.cohort import imaging_free_times, marker_flags
from features.outcomes import build_outcome, recurrence_intervals
from models.estimates.lead_time import imaging_free_difference, lead_time


def course(patient_id: str, month: float, value: float, arm: str = "control") -> dict:
    return {
        "patient_id": patient_id, "arm": arm, "visit": float(month), "month": float(month), "value": value,
        "positive": value > 20,
    }  # fmt: skip


def intervals(**bounds: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(bounds, orient="index", columns=["lower", "upper"])


def test_figures_by_hand() -> None:
    flags = pd.DataFrame(
        [
            course("A", 6, 30), course("A", 12, 40),  # led by 18 to 24 months
            course("B", 6, 10), course("B", 12, 40),  # led by 0 to 6 months
            course("C", 6, 10),  # missed
            course("D", 6, 30),  # no recurrence
        ]
    )  # fmt: skip
    found = lead_time(flags, intervals(A=(24, 30), B=(12, 18), C=(9, 12), D=(36, np.inf)), draws=20)
    marker = found.table["marker"].to_dict()
    assert marker == pytest.approx(
        {"lead_lower": 9.0, "lead_upper": 15.0, "lead": 12.0, "led": 2 / 3, "warning": 8.0, "ppv": 2 / 3}
    )
    assert (found.recurrences, found.flagged, found.patients) == (3, 3, 4)


def test_random_mean_equals_the_enumeration() -> None:
    """One visit, two flags among four: each of the six pairs is equally likely."""
    flags = pd.DataFrame([course(who, 6, value) for who, value in zip("ABCD", (30, 10, 40, 10), strict=True)])
    bounds = intervals(A=(12, 12), B=(18, 18), C=(24, 24), D=(36, np.inf))
    found = lead_time(flags, bounds, draws=4000).table
    # Pairs of A, B, C, D: recurrences led 2, 2, 1, 2, 1, 1 of 3; flagged always 2.
    assert found.loc["led", "random"] == pytest.approx(1.5 / 3, abs=0.01)
    assert found.loc["ppv", "random"] == pytest.approx(1.5 / 2, abs=0.015)
    assert found.loc["warning", "random"] == pytest.approx((6 + 12 + 18) / 2 / 3, abs=0.25)
    assert found.loc["led", "marker"] == pytest.approx(2 / 3)


def test_flags_stay_within_arm() -> None:
    """All of one arm recur and are flagged, nobody of the other: shuffling within arms changes nothing."""
    flags = pd.DataFrame([course(f"A{i}", 6, 50) for i in range(5)] + [course(f"B{i}", 6, 5, "prrt") for i in range(5)])
    bounds = intervals(**{f"A{i}": (12, 18) for i in range(5)}, **{f"B{i}": (36, np.inf) for i in range(5)})
    table = lead_time(flags, bounds, draws=50).table
    assert table["difference"].abs().max() == pytest.approx(0.0)
    assert table["p"].eq(1.0).all()


def _one(world: str, seed: int) -> pd.Series:
    protocol = load_protocol()
    trial = generate(300, seed=seed, world=world).trial()
    outcome = build_outcome(trial, protocol)
    table = lead_time(marker_flags(trial, outcome, protocol), recurrence_intervals(outcome), draws=60, seed=seed).table
    free = imaging_free_difference(imaging_free_times(trial, outcome, protocol, 6), 30.0)
    return pd.Series(
        {"raw": table.loc["lead", "marker"], **table["difference"].to_dict(), "free": free.value, "p": free.p}
    )


def _mean(world: str, seeds: range) -> pd.Series:
    return pd.DataFrame([_one(world, seed) for seed in seeds]).mean()


def test_a_null_marker_leads_by_months_and_has_no_advantage() -> None:
    found = _mean("null", range(12))
    assert found["raw"] > 12
    # Standard errors over 12 cohorts: lead 0.25, share led 0.010, ppv 0.005, imaging-free 0.35.
    assert abs(found["lead"]) < 1.0
    assert abs(found["led"]) < 0.03
    assert abs(found["warning"]) < 0.8
    assert abs(found["ppv"]) < 0.02
    assert abs(found["free"]) < 1.3


@pytest.mark.parametrize("world", ["independent", "developer"])
def test_an_informative_marker_flags_those_who_recur_though_its_lead_is_shorter(world: str) -> None:
    found = _mean(world, range(2))
    assert found["led"] > 0.15
    assert found["ppv"] > 0.05
    assert found["free"] < -5
    # It flags those close to recurrence, so that a coin flip leads by longer: why a lead time proves nothing.
    assert found["raw"] > 8 and found["lead"] < -1


def test_seeds_repeat_and_order_does_not_matter() -> None:
    protocol = load_protocol()
    trial = generate(60, seed=5).trial()
    outcome = build_outcome(trial, protocol)
    flags, bounds = marker_flags(trial, outcome, protocol), recurrence_intervals(outcome)
    first = lead_time(flags, bounds, draws=20, seed=1).table
    pd.testing.assert_frame_equal(
        lead_time(flags.sample(frac=1, random_state=3), bounds, draws=20, seed=1).table, first
    )
    shifted = bounds.assign(lower=bounds["lower"] + 2, upper=bounds["upper"] + 2)
    moved = lead_time(flags, shifted, draws=20, seed=1).table
    assert np.allclose(moved.loc["lead", "marker"] - first.loc["lead", "marker"], 2.0)
    assert np.allclose(moved.loc["lead", "difference"], first.loc["lead", "difference"])


def test_no_recurrence_is_not_estimable() -> None:
    flags = pd.DataFrame([course("A", 6, 30), course("B", 6, 10)])
    table = lead_time(flags, intervals(A=(36, np.inf), B=(36, np.inf)), draws=10).table
    assert table.loc["lead"].isna().all()
    assert table.loc["ppv", "marker"] == 0.0


def test_misuse_is_named() -> None:
    flags = pd.DataFrame([course("A", 6, 30)])
    with pytest.raises(ValueError, match="no sample"):
        lead_time(flags.iloc[:0], intervals(A=(12, 18)))
    with pytest.raises(ValueError, match="patient A: has samples but no interval"):
        lead_time(flags, intervals(B=(12, 18)))
    with pytest.raises(ValueError, match="draws 1"):
        lead_time(flags, intervals(A=(12, 18)), draws=1)
    times = pd.DataFrame({"arm": ["control"] * 2, "time": [1.0, 2.0], "event": [1, 0], "positive": [True, True]})
    with pytest.raises(ValueError, match="no arm holds both"):
        imaging_free_difference(times, 1.0)
