"""Time travel: nothing dated after a landmark closed can change its table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.landmark import last_values, table_at
from features.truncate import DATED, closing_dates, truncate

LANDMARKS = (0, 6, 12, 36)
SEEDS = range(4)
ANALYTES = ["netest_activity", "cga", "5hiaa"]


def same(one, two):
    pd.testing.assert_frame_equal(one.rows, two.rows, check_exact=True)
    pd.testing.assert_frame_equal(one.latest_used, two.latest_used)
    assert one.digest == two.digest


@pytest.fixture(scope="module")
def tables(gold_trial, protocol):
    return {landmark: table_at(gold_trial, protocol, landmark) for landmark in LANDMARKS}


def late_rows(trial, protocol, landmark, table, column):
    frame = getattr(trial, table)
    return frame[column] > closing_dates(trial.patients, protocol, landmark).reindex(frame["patient_id"]).to_numpy()


@pytest.mark.parametrize("landmark", LANDMARKS)
def test_full_equals_truncated(gold_trial, protocol, tables, landmark):
    past = truncate(gold_trial, protocol, landmark)
    same(table_at(past, protocol, landmark), tables[landmark])
    pd.testing.assert_frame_equal(
        last_values(gold_trial, protocol, landmark, ANALYTES), last_values(past, protocol, landmark, ANALYTES)
    )


def deleted(trial, protocol, landmark, draw):
    """Some records after L(s) never happened."""
    frames = {}
    for table, (column, _) in DATED.items():
        gone = late_rows(trial, protocol, landmark, table, column) & (draw.random(len(getattr(trial, table))) < 0.5)
        frames[table] = getattr(trial, table)[~gone].reset_index(drop=True)
    known = frames["samples"]["sample_id"]
    return trial.replace(**frames, results=trial.results[trial.results["sample_id"].isin(known)])


def changed(trial, protocol, landmark, draw):
    """Every reading after L(s) is another one; samples move further into the future."""
    imaging, samples, results = trial.imaging, trial.samples, trial.results
    late_scan = late_rows(trial, protocol, landmark, "imaging", "scan_on")
    late_sample = late_rows(trial, protocol, landmark, "samples", "collected_on")
    late_result = results["sample_id"].isin(samples.loc[late_sample, "sample_id"])
    finding = pd.Series(draw.choice(["clear", "equivocal", "recurrence"], len(imaging)))
    shift = pd.to_timedelta(draw.integers(0, 300, len(samples)), unit="D")
    other = results.assign(
        value=results["value"].where(~late_result, draw.uniform(0, 100, len(results))),
        version=results["version"].where(~late_result, "9.9"),
        qc=results["qc"].where(~late_result, "fail"),
    )
    return trial.replace(
        imaging=imaging.assign(
            finding=imaging["finding"].where(~late_scan, finding),
            adequate=imaging["adequate"].where(~late_scan, "yes"),
            scheduled_month=imaging["scheduled_month"].where(~late_scan | (draw.random(len(imaging)) < 0.5)),
        ),
        samples=samples.assign(
            collected_on=samples["collected_on"].where(~late_sample, samples["collected_on"] + shift)
        ),
        results=other,
    )


def added(trial, protocol, landmark, draw):
    """New scans, samples, treatments and scores after L(s)."""
    closes = closing_dates(trial.patients, protocol, landmark)
    who = draw.choice(closes.index, 80)
    when = closes.reindex(who).to_numpy() + pd.to_timedelta(draw.integers(1, 400, 80), unit="D").to_numpy()
    names = [f"NEW-{number}" for number in range(80)]
    new = {
        "imaging": {
            "patient_id": who,
            "scan_on": when,
            "modality": draw.choice(["mri", "ct", "petct"], 80),
            "adequate": "yes",
            "finding": draw.choice(["clear", "equivocal", "recurrence"], 80),
            "scheduled_month": draw.choice([3.0, 6, 12, 36, np.nan], 80),
        },
        "samples": {
            "sample_id": names,
            "patient_id": who,
            "specimen": draw.choice(["blood", "urine"], 80),
            "visit": draw.choice(["month_6", "month_12", "unscheduled"], 80),
            "collected_on": when,
        },
        "results": {
            "sample_id": names,
            "analyte": draw.choice(ANALYTES, 80),
            "value": draw.uniform(0, 100, 80),
            "unit": "unknown",
            "version": "2.0",
        },
        "treatments": {"patient_id": who, "kind": "prrt", "started_on": when},
        "adverse_events": {"patient_id": who, "started_on": when, "term": "x", "grade": "3"},
    }
    return trial.replace(
        **{
            name: pd.concat([getattr(trial, name), pd.DataFrame(rows)], ignore_index=True)[
                list(getattr(trial, name).columns)
            ].astype(getattr(trial, name).dtypes)
            for name, rows in new.items()
        }
    )


def followed(trial, protocol, landmark, draw):
    """Other last contacts and deaths after L(s), for those seen that long."""
    followup = trial.followup
    closes = pd.Series(closing_dates(trial.patients, protocol, landmark).reindex(followup["patient_id"]).to_numpy())
    late = followup["last_seen_on"] > closes
    seen = closes + pd.to_timedelta(draw.integers(1, 2000, len(followup)), unit="D")
    dead = late & (draw.random(len(followup)) < 0.4)
    return trial.replace(
        followup=followup.assign(
            last_seen_on=followup["last_seen_on"].where(~late, seen),
            status=followup["status"].where(~late, "alive").where(~dead, "dead"),
            died_on=followup["died_on"].where(~late).where(~dead, seen),
        )
    )


@pytest.mark.parametrize("future", [deleted, changed, added, followed])
@pytest.mark.parametrize("landmark", LANDMARKS)
def test_another_future_gives_the_same_table(gold_trial, protocol, tables, landmark, future):
    for seed in SEEDS:
        other = future(gold_trial, protocol, landmark, np.random.default_rng(seed))
        same(table_at(other, protocol, landmark), tables[landmark])


@pytest.mark.parametrize("landmark", (6, 12, 36))
def test_another_past_gives_another_table(gold_trial, protocol, tables, landmark):
    other = deleted(gold_trial, protocol, 0, np.random.default_rng(1))
    assert table_at(other, protocol, landmark).digest != tables[landmark].digest


@pytest.mark.parametrize("landmark", LANDMARKS)
def test_the_order_of_records_changes_nothing(gold_trial, protocol, tables, landmark):
    for seed in range(3):
        shuffled = {
            name: getattr(gold_trial, name).sample(frac=1, random_state=seed, ignore_index=True)
            for name in ("samples", "results", "imaging", "treatments", "followup")
        }
        same(table_at(gold_trial.replace(**shuffled), protocol, landmark), tables[landmark])


@pytest.mark.parametrize("landmark", LANDMARKS)
def test_a_patient_alone_has_the_same_row(gold_trial, protocol, tables, landmark):
    whole = tables[landmark].rows
    few = whole.index[:: max(1, len(whole) // 5)]
    frames = {
        name: table[table["patient_id"].isin(few)].reset_index(drop=True) if "patient_id" in table else table
        for name, table in gold_trial.tables().items()
    }
    alone = table_at(gold_trial.replace(**frames), protocol, landmark).rows
    pd.testing.assert_frame_equal(alone, whole.loc[few], check_exact=True)
