"""What must not change an outcome, and what may only widen it, over many random trials."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from outcome_cases import random_trial, with_rules

from features.outcomes import (
    build_outcome,
    censoring_variants,
    endpoint_exclusions,
    endpoint_times,
    label,
    persistent_or_recurrent,
    scheduled_assessments,
)

SEEDS = range(2)
FIVE = ("recurrence", "dfs", "liver_dfs", "os", "ttnt")
FAMILIES = ("as_observed", "fda", "interval")
ORIGINS = ("surgery", "randomisation", "first_treatment")
DATES = {
    "patients": ["surgery_on", "randomised_on"],
    "imaging": ["scan_on"],
    "treatments": ["started_on"],
    "followup": ["last_seen_on", "died_on"],
}


def times_of(trial, protocol, endpoint, family, **options):
    return endpoint_times(trial, protocol, endpoint, family=family, **options)


def everything(trial, protocol, origin=None):
    """Every endpoint under every family, every label, the calendar: all that is derived, on one pile."""
    outcome = build_outcome(trial, protocol)
    labels = {name: label(outcome, endpoint, protocol) for name, endpoint in protocol.endpoints.items()}
    times = {endpoint: censoring_variants(trial, protocol, endpoint, origin=origin) for endpoint in FIVE}
    persistent = persistent_or_recurrent(trial, protocol).to_frame()
    return labels | times | {"calendar": scheduled_assessments(trial, protocol), "persistent": persistent}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        pd.testing.assert_frame_equal(found[name], expected[name], obj=name)


@pytest.fixture(scope="module", params=["every scheduled modality", "any scheduled modality"])
def rules(request, protocol):
    return with_rules(protocol, imaging__adequate_assessment=request.param)


@pytest.mark.parametrize(("seed", "origin"), list(enumerate(ORIGINS)))
def test_shifting_every_date_changes_nothing(protocol, seed, origin):
    trial = random_trial(seed)
    shift = pd.Timedelta(days=int(np.random.default_rng(seed).integers(-4000, 4000)))
    moved = trial.replace(
        **{
            name: getattr(trial, name).assign(**{column: getattr(trial, name)[column] + shift for column in columns})
            for name, columns in DATES.items()
        }
    )
    assert_same(everything(moved, protocol, origin), everything(trial, protocol, origin))
    before, after = (times_of(one, protocol, "dfs", "fda", origin=origin)["on"] for one in (trial, moved))
    assert (after - before == shift).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_nothing(protocol, seed):
    trial = random_trial(seed)
    shuffled = trial.replace(
        **{
            name: getattr(trial, name).sample(frac=1, random_state=seed, ignore_index=True)
            for name in ("imaging", "treatments", "followup")
        }
    )
    assert_same(everything(shuffled, protocol), everything(trial, protocol))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_patients_changes_nothing_but_the_order(protocol, seed):
    trial = random_trial(seed)
    shuffled = trial.replace(patients=trial.patients.sample(frac=1, random_state=seed, ignore_index=True))
    found, expected = everything(shuffled, protocol), everything(trial, protocol)
    for name, table in found.items():
        keys = ["patient_id", "month"] if name == "calendar" else None
        table = table.sort_values(keys, ignore_index=True) if keys else table.reindex(expected[name].index)
        pd.testing.assert_frame_equal(table, expected[name], obj=name)


def only(table, patients):
    column = table["patient_id"] if "patient_id" in table else table.index
    return table[np.isin(column, patients)].reset_index(drop="patient_id" in table)


@pytest.mark.parametrize("seed", SEEDS)
def test_another_patient_changes_nobody_else(protocol, seed):
    trial = random_trial(seed)
    half = trial.patients["patient_id"].iloc[:60].tolist()
    fewer = trial.replace(**{name: only(getattr(trial, name), half) for name in DATES})
    alone, together = everything(fewer, protocol), everything(trial, protocol)
    for name, table in alone.items():
        kept = together[name]
        kept = only(kept, half) if name == "calendar" else kept[kept.index.isin(half)]
        pd.testing.assert_frame_equal(table, kept, obj=name)


def with_scan(trial, on, **facts):
    """The trial with one more scan for each patient who has a day in ``on``."""
    added = pd.DataFrame({"patient_id": on.index, "scan_on": on.to_numpy()}).dropna()
    added = added.assign(**({"modality": "mri", "adequate": "yes"} | facts)).reindex(columns=trial.imaging.columns)
    columns = added.astype(trial.imaging.dtypes.to_dict())
    return trial.replace(imaging=pd.concat([trial.imaging, columns], ignore_index=True))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("finding", ["clear", "equivocal", "recurrence"])
def test_a_scan_after_the_event_changes_nothing(rules, seed, finding):
    trial = random_trial(seed)
    draw = np.random.default_rng(seed)
    for endpoint, family in product(("recurrence", "liver_dfs"), FAMILIES):
        observed = times_of(trial, rules, endpoint, "as_observed")
        event = observed[observed["reason"] == "recurrence"]["on"]
        later = event + pd.to_timedelta(draw.integers(1, 300, len(event)), unit="D")
        visit = float(draw.choice([6, 12, 24, 36]))
        after = with_scan(trial, later, finding=finding, modality="petct", scheduled_month=visit, site="liver")
        affected = times_of(after, rules, endpoint, family)
        pd.testing.assert_frame_equal(affected, times_of(trial, rules, endpoint, family))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scan_that_is_not_adequate_never_ends_follow_up(rules, seed):
    trial = random_trial(seed)
    draw = np.random.default_rng(seed)
    known = trial.patients.set_index("patient_id")["surgery_on"]
    before = everything(trial, rules)
    for finding in (None, "recurrence"):
        on = known + pd.to_timedelta(draw.integers(1, 1500, len(known)), unit="D")
        more = with_scan(trial, on, finding=finding, adequate="no", scheduled_month=12.0)
        assert_same(everything(more, rules), before)


@pytest.mark.parametrize("seed", range(3))
def test_deleting_a_clear_scan_only_widens_the_interval(protocol, seed):
    trial = random_trial(seed)
    imaging = trial.imaging
    clear = imaging[(imaging["finding"] == "clear") & (imaging["adequate"] == "yes")]
    fewer = trial.replace(imaging=imaging.drop(clear.sample(frac=0.4, random_state=seed).index))
    for endpoint in ("recurrence", "dfs", "liver_dfs"):
        whole, thinned = (times_of(one, protocol, endpoint, "interval") for one in (trial, fewer))
        assert whole.index.equals(thinned.index)
        assert (thinned["lower"] <= whole["lower"]).all() and (thinned["upper"] == whole["upper"]).all()
        assert (thinned["event"] == whole["event"]).all()
        assert (thinned["lower"] < whole["lower"]).any()


@pytest.mark.parametrize("origin", ORIGINS)
def test_what_times_always_satisfy(rules, origin):
    trial = random_trial(7)
    for endpoint in FIVE:
        left_out = endpoint_exclusions(trial, rules, endpoint, origin=origin)
        for family in FAMILIES:
            found = times_of(trial, rules, endpoint, family, origin=origin)
            assert sorted([*found.index, *left_out.index]) == sorted(trial.patients["patient_id"])
            assert found[["entry", "time", "lower", "upper"]].notna().all(axis=None)
            assert (found["entry"] >= 0).all() and (found["lower"] <= found["upper"]).all()
            assert (found["entry"] > 0).any() == (origin == "surgery")
            happened = found["event"] != 0
            if family == "interval":
                assert np.isfinite(found.loc[found["event"] == 1, "upper"]).all()
                assert np.isinf(found.loc[~happened, "upper"]).all()
                assert (found["time"] == found["upper"].where(np.isfinite(found["upper"]), found["lower"])).all()
            else:
                assert (found["time"] >= found["entry"]).all() and (found["lower"] == found["upper"]).all()
                assert (found["time"] > found["entry"])[happened].all()


@pytest.mark.parametrize("seed", SEEDS)
def test_how_the_families_stand_to_each_other(rules, seed):
    trial = random_trial(seed)
    for endpoint in ("recurrence", "dfs", "liver_dfs"):
        wide = censoring_variants(trial, rules, endpoint)
        assert (wide["fda_time"] <= wide["as_observed_time"] + 1e-9).all()
        kept = wide["fda_event"] != 0
        assert (wide.loc[kept, "fda_time"] == wide.loc[kept, "as_observed_time"]).all()
        bounded = wide["interval_event"] == 1
        assert (wide.loc[bounded, "interval_upper"] == wide.loc[bounded, "as_observed_time"]).all()
        assert (wide["interval_event"] == wide["as_observed_event"]).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_back_dating_never_makes_an_event_later(protocol, seed):
    trial = random_trial(seed)
    for endpoint in ("dfs", "liver_dfs"):
        confirming = times_of(trial, protocol, endpoint, "as_observed")
        first = times_of(trial, protocol, endpoint, "as_observed", equivocal="first appearance")
        assert first.index.isin(confirming.index).all()
        both = confirming.reindex(first.index)
        recurred = both["reason"] == "recurrence"
        assert (first["time"] <= both["time"])[recurred].all()
        pd.testing.assert_frame_equal(first[~recurred], both[~recurred], check_dtype=False)
