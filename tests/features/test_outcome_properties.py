"""What must not change a label, over many random cohorts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.outcomes import LABELLED, build_outcome, label, recurrence_intervals

SEEDS = range(12)
DATES = {
    "patients": ["surgery_on", "randomised_on"],
    "imaging": ["scan_on"],
    "followup": ["last_seen_on", "died_on"],
}


def all_labels(trial, protocol):
    outcome = build_outcome(trial, protocol)
    return pd.concat({name: label(outcome, endpoint, protocol) for name, endpoint in protocol.endpoints.items()})


@pytest.fixture(scope="module")
def labels(gold_trial, protocol):
    return all_labels(gold_trial, protocol)


def test_shifting_every_date_changes_nothing(gold_trial, protocol, labels):
    for seed in SEEDS:
        shift = pd.Timedelta(days=int(np.random.default_rng(seed).integers(-3000, 3000)))
        moved = {
            name: getattr(gold_trial, name).assign(**{c: getattr(gold_trial, name)[c] + shift for c in columns})
            for name, columns in DATES.items()
        }
        pd.testing.assert_frame_equal(all_labels(gold_trial.replace(**moved), protocol), labels)


def test_row_order_changes_nothing(gold_trial, protocol, labels):
    for seed in SEEDS:
        shuffled = {
            name: getattr(gold_trial, name).sample(frac=1, random_state=seed, ignore_index=True)
            for name in ("imaging", "followup")
        }
        pd.testing.assert_frame_equal(all_labels(gold_trial.replace(**shuffled), protocol), labels)


def extra_scans(trial, protocol, seed, after, **facts):
    """Random scans for patients with a start month ``after``; findings random unless given."""
    draw = np.random.default_rng(seed)
    start = after.dropna().sample(60, replace=True, random_state=seed)
    month = start.to_numpy() + draw.uniform(0.1, 30, len(start))
    surgery = trial.patients.set_index("patient_id")["surgery_on"].reindex(start.index)
    visits = np.asarray(protocol.visit_grid[1:])
    return pd.DataFrame(
        {
            "patient_id": start.index,
            "scan_on": (surgery + pd.to_timedelta(np.ceil(month * 30.4375), unit="D")).to_numpy(),
            "modality": "ct",
            "adequate": "yes",
            "finding": draw.choice(["clear", "equivocal", "recurrence"], len(start)),
            "scheduled_month": visits[np.searchsorted(visits, month).clip(max=len(visits) - 1)],
        }
    ).assign(**facts)


def with_scans(trial, scans):
    return trial.replace(imaging=pd.concat([trial.imaging, scans.reindex(columns=trial.imaging.columns)]))


def test_a_scan_after_the_event_changes_nothing(gold_trial, protocol, labels):
    event = build_outcome(gold_trial, protocol).patients["first_positive"]
    for seed in SEEDS:
        added = with_scans(gold_trial, extra_scans(gold_trial, protocol, seed, event))
        pd.testing.assert_frame_equal(all_labels(added, protocol), labels)


def test_an_inadequate_scan_changes_nothing(gold_trial, protocol, labels):
    everybody = build_outcome(gold_trial, protocol).patients["entry"]
    for seed in SEEDS:
        scans = extra_scans(gold_trial, protocol, seed, everybody, adequate="no", finding=None)
        pd.testing.assert_frame_equal(all_labels(with_scans(gold_trial, scans), protocol), labels)


def test_an_unscheduled_clear_scan_changes_nothing(gold_trial, protocol, labels):
    everybody = build_outcome(gold_trial, protocol).patients["entry"]
    for seed in SEEDS:
        scans = extra_scans(gold_trial, protocol, seed, everybody, finding="clear", scheduled_month=np.nan)
        pd.testing.assert_frame_equal(all_labels(with_scans(gold_trial, scans), protocol), labels)


def test_equivocal_reads_like_clear(gold_trial, protocol, labels):
    imaging = gold_trial.imaging
    clear = imaging.assign(finding=imaging["finding"].replace("equivocal", "clear"))
    pd.testing.assert_frame_equal(all_labels(gold_trial.replace(imaging=clear), protocol), labels)


def test_what_labels_always_satisfy(labels, protocol):
    known = labels["status"].isin(LABELLED)
    assert labels["y"].notna().equals(known)
    assert (labels["status"] == "").equals(~labels["at_risk"])
    assert labels["resolved"].notna().equals(labels["at_risk"])
    bounds = labels.index.get_level_values(0).map(
        lambda name: (protocol.endpoint(name).landmark, protocol.endpoint(name).horizon)
    )
    low, high = (np.array([pair[side] for pair in bounds]) for side in (0, 1))
    at_risk = labels["at_risk"].to_numpy()
    resolved = labels["resolved"].to_numpy()
    assert (resolved[at_risk] >= low[at_risk]).all() and (resolved[at_risk] <= high[at_risk]).all()
    assert (resolved[known] > low[known]).all()
    assert set(resolved[at_risk]) <= set(protocol.visit_grid)


def test_a_recurrence_interval_holds_the_first_positive_scan(gold_trial, protocol):
    outcome = build_outcome(gold_trial, protocol)
    intervals = recurrence_intervals(outcome)
    assert (intervals["lower"] < intervals["upper"]).all()
    assert (intervals["event"].eq(1) == np.isfinite(intervals["upper"])).all()
    censored = intervals["event"] != 1
    assert (intervals.loc[censored, "lower"] == intervals.loc[censored, "last_adequate"]).all()
