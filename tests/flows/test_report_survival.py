"""Curves of the cohort report: by hand, against lifelines, and on the visit-closed clock."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from report_cases import gold_outcome, protocol

from features.outcomes import Outcome
from flows.reports.cohort import survival

COLUMNS = ["arm", "entry", "time", "cause"]


def times(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS, index=[f"P{i}" for i in range(len(rows))])


def outcome_of(**facts: float) -> Outcome:
    columns = "entry death last_seen last_clear first_positive last_adequate".split()
    columns += ["last_clear_visit", "first_positive_visit", "last_adequate_visit"]
    row = dict.fromkeys(columns, np.nan) | {"entry": 1.5, "last_seen": 60.0} | facts
    patients = pd.DataFrame([row], index=pd.Index(["P1"], name="patient_id")).astype(float)
    patients.insert(0, "arm", "control")
    return Outcome(patients, pd.DataFrame())


@pytest.mark.parametrize(
    ("facts", "time", "cause"),
    [
        ({"first_positive": 11.4, "first_positive_visit": 12, "last_adequate": 11.4, "last_adequate_visit": 12}, 12, 1),
        ({"last_adequate": 35.3, "last_adequate_visit": 36}, 36, 0),
        ({"last_adequate": 12.2, "last_adequate_visit": 12, "death": 15.7}, 15.7, 2),
        ({"last_adequate": 36.8, "last_adequate_visit": 36, "death": 36.9}, 36.9, 2),
        # two visits (18, 24) closed without a scan: no longer under observation
        ({"last_adequate": 12.2, "last_adequate_visit": 12, "death": 25.5}, 12, 0),
    ],
)
def test_visit_times(facts: dict, time: float, cause: int) -> None:
    row = survival.visit_times(outcome_of(**facts), protocol()).loc["P1"]
    assert (row["time"], row["cause"], row["entry"]) == (time, cause, 1.5)


def test_who_was_never_under_observation_is_left_out() -> None:
    assert survival.visit_times(outcome_of(), protocol()).empty


def test_kaplan_meier_by_hand() -> None:
    curve = survival.kaplan_meier(times(("a", 0, 3, 1), ("a", 0, 6, 0), ("a", 0, 6, 1), ("a", 0, 12, 0)))
    assert curve.at(2.9)[0] == 1.0
    assert curve.at(3)[0] == pytest.approx(3 / 4)
    assert curve.at(36)[0] == pytest.approx(3 / 4 * 2 / 3)


def test_kaplan_meier_at_36_months_equals_lifelines_on_the_gold_trial() -> None:
    table = survival.visit_times(gold_outcome(), protocol())
    for _, own in table.groupby("arm"):
        fitter = KaplanMeierFitter().fit(own["time"], own["cause"] > 0, entry=own["entry"])
        value, lower, upper = survival.kaplan_meier(own).at(36)
        assert value == pytest.approx(float(fitter.predict(36)), abs=1e-12)
        assert lower < value < upper


def test_aalen_johansen_by_hand_with_ties_and_late_entry() -> None:
    # at 3: 3 at risk (the fourth enters at 4), one recurrence; at 6: 3 at risk, one recurrence and one death
    table = times(("a", 0, 3, 1), ("a", 0, 6, 1), ("a", 0, 6, 2), ("a", 4, 12, 0))
    assert survival.cumulative_incidence(table, 1).at(6)[0] == pytest.approx(1 / 3 + 2 / 3 / 3)
    assert survival.cumulative_incidence(table, 2).at(6)[0] == pytest.approx(2 / 3 / 3)


def test_aalen_johansen_equals_lifelines_without_ties() -> None:
    random = np.random.default_rng(5)
    table = pd.DataFrame(
        {"arm": "a", "entry": 0.0, "time": random.exponential(20, 80), "cause": random.integers(0, 3, 80)}
    )
    fitter = AalenJohansenFitter().fit(table["time"], table["cause"], event_of_interest=1)
    for month in (6, 12, 24):
        value, lower, upper = survival.cumulative_incidence(table, 1).at(month)
        row = fitter.cumulative_density_[fitter.cumulative_density_.index <= month].iloc[-1, 0]
        limits = fitter.confidence_interval_[fitter.confidence_interval_.index <= month].iloc[-1].to_numpy()
        assert value == pytest.approx(row, abs=1e-9)
        assert [lower, upper] == pytest.approx(sorted(limits), abs=2e-3)


@pytest.mark.parametrize("seed", range(8))
def test_free_recurred_and_dead_add_up_to_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "arm": "a",
            "entry": random.uniform(0, 2, 60),
            "time": random.choice([3, 6, 9, 12, 18, 24, 36], 60).astype(float),
            "cause": random.integers(0, 3, 60),
        }
    )
    for month in (3, 12, 24, 36):
        parts = [survival.cumulative_incidence(table, cause).at(month)[0] for cause in (1, 2)]
        assert survival.kaplan_meier(table).at(month)[0] + sum(parts) == pytest.approx(1.0)


def test_numbers_at_risk_count_entry_and_the_visit_itself() -> None:
    table = times(("a", 1.5, 12, 1), ("a", 1.5, 36, 0), ("a", 13, 24, 0))
    assert survival.at_risk(table, np.array([0, 12, 24, 36])).tolist() == [3, 2, 2, 1]


def test_hazard_ratio_is_refused_with_few_events() -> None:
    assert survival.hazard_ratio(times(("control", 0, 3, 1), ("prrt", 0, 6, 1)), 10) is None
    found = survival.hazard_ratio(survival.visit_times(gold_outcome(), protocol()), 10)
    assert found is not None and found[1] < found[0] < found[2]


def test_median_time() -> None:
    curve = survival.kaplan_meier(times(("a", 0, 3, 0), ("a", 0, 6, 0)), reverse=True)
    assert survival.median_time(curve) == 3
    assert np.isnan(survival.median_time(survival.kaplan_meier(times(("a", 0, 3, 0)))))
