"""What must hold for any course of measured disease, over many random ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.protocol import load_protocol
from features.response import assess, best_response, objective_response, progression_free_survival

PROTOCOL = load_protocol()
SEEDS = range(12)
RANK = {"CR": 0, "PR": 1, "SD": 2, "NON-CR/NON-PD": 3, "NED": 4, "PD": 5, "NE": 6, "ND": 7, "MISSING": 8}


def cohort(seed: int, patients: int = 40, visits: int = 6) -> pd.DataFrame:
    """Random lesions: two targets, a node, a non-target, sometimes a new one; some are not read."""
    rng = np.random.default_rng(seed)
    parts = []
    for lesion, role, node, start in (
        ("T1", "target", "no", 30),
        ("T2", "target", "no", 20),
        ("T3", "target", "yes", 18),
        ("N1", "non_target", "no", np.nan),
        ("X1", "new", "no", np.nan),
    ):
        grid = pd.MultiIndex.from_product([range(patients), range(visits)], names=["p", "v"]).to_frame(index=False)
        factor = rng.choice([0, 0.3, 0.7, 1, 1.1, 1.5], len(grid))
        grid["diameter_mm"] = np.where(grid["v"] == 0, start, np.round(start * factor, 1))
        state = rng.choice(["present", "absent", "progressed", "not_evaluable"], len(grid), p=[0.7, 0.2, 0.02, 0.08])
        new = rng.choice(["absent", "equivocal", "present"], len(grid), p=[0.93, 0.04, 0.03])
        read = np.where(rng.random(len(grid)) < 0.05, "not_evaluable", "measured")
        grid["state"] = {"target": read, "non_target": state, "new": new}[role]
        grid.loc[grid["v"].eq(0), "state"] = {"target": "measured", "non_target": "present", "new": "absent"}[role]
        parts.append(grid.assign(lesion=lesion, role=role, node=node, organ="liver"))
    table = pd.concat(parts, ignore_index=True)
    table["patient_id"] = "P" + table.pop("p").astype(str)
    table["scan_on"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(table.pop("v") * 45, unit="D")
    return table


@pytest.mark.parametrize("seed", SEEDS)
def test_shifting_every_date_changes_nothing_but_the_dates(seed) -> None:
    lesions = cohort(seed)
    table, later = assess(lesions, PROTOCOL), lesions.assign(scan_on=lesions["scan_on"] + pd.Timedelta(days=977))
    pd.testing.assert_frame_equal(
        assess(later, PROTOCOL).drop(columns=["scan_on", "origin_on"]), table.drop(columns=["scan_on", "origin_on"])
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_the_rows_does_not_matter(seed) -> None:
    lesions = cohort(seed)
    mixed = lesions.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(assess(mixed, PROTOCOL), assess(lesions, PROTOCOL))


@pytest.mark.parametrize("seed", SEEDS)
def test_an_assessment_sees_nothing_of_the_later_ones(seed) -> None:
    lesions = cohort(seed)
    early = lesions[lesions["scan_on"] <= pd.Timestamp("2020-06-01")]
    table = assess(lesions, PROTOCOL)
    whole = table[table["scan_on"] <= pd.Timestamp("2020-06-01")].reset_index(drop=True)
    pd.testing.assert_frame_equal(assess(early, PROTOCOL), whole)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_definitions_hold_row_by_row(seed) -> None:
    table = assess(cohort(seed), PROTOCOL)
    assert (table["nadir_mm"] <= table["baseline_mm"]).all()
    assert (table.groupby("patient_id")["nadir_mm"].diff().dropna() <= 0).all()
    assert table.loc[table["new_lesion"], "overall"].eq("PD").all()
    assert table["overall"].eq("PD").equals(table["reason"].ne(""))
    grown = table[table["target"].eq("PD")]
    assert (grown["sum_mm"] - grown["nadir_mm"] >= 5 - 1e-9).where(grown["nadir_mm"] > 0, True).all()
    shrunk = table[table["target"].eq("PR")]
    assert (shrunk["change_from_baseline"] <= -30 + 1e-9).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_confirmation_never_makes_a_response_better(seed) -> None:
    table = assess(cohort(seed), PROTOCOL)
    plain = best_response(table, PROTOCOL).set_index("patient_id")["best"].map(RANK)
    strict = best_response(table, PROTOCOL, confirmed=True).set_index("patient_id")["best"].map(RANK)
    assert (strict >= plain).all()
    responded = objective_response(table, PROTOCOL).set_index("patient_id")["response"]
    assert responded.equals(plain.le(1).reindex(responded.index).rename("response"))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_follows_progression_changes_nothing(seed) -> None:
    table = assess(cohort(seed), PROTOCOL)
    progressed = table[table["overall"].eq("PD")].drop_duplicates("patient_id")
    more = progressed.assign(scan_on=progressed["scan_on"] + pd.Timedelta(days=1), overall="CR")
    longer = pd.concat([table, more], ignore_index=True)
    columns = ["patient_id", "best", "on"]
    for confirmed in (False, True):
        before, after = (best_response(t, PROTOCOL, confirmed=confirmed)[columns] for t in (table, longer))
        pd.testing.assert_frame_equal(before, after)
    origin = table.groupby("patient_id")["origin_on"].first()
    pd.testing.assert_frame_equal(
        progression_free_survival(table, origin=origin), progression_free_survival(longer, origin=origin)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_an_assessment_that_is_not_evaluable_never_moves_a_time(seed) -> None:
    table = assess(cohort(seed), PROTOCOL)
    origin = table.groupby("patient_id")["origin_on"].first()
    extra = table.groupby("patient_id")["scan_on"].max().reset_index()
    extra = extra.assign(scan_on=extra["scan_on"] + pd.Timedelta(days=30), overall="NE", origin_on=extra["scan_on"])
    longer = pd.concat([table, extra], ignore_index=True)
    pd.testing.assert_frame_equal(
        progression_free_survival(table, origin=origin), progression_free_survival(longer, origin=origin)
    )
