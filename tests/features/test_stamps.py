"""Every column is dated by the latest record it rests on: what lies after its stamp cannot matter to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from random_trials import protocol_for, random_union

from data.simulate.generate import generate
from features.clock import origin_dates
from features.landmark import LeakageError, landmark_table, table_at
from features.landmark import table as building
from features.landmark.patients import patient_block
from features.registry import FEATURES, names
from features.truncate import DATED, closing_dates, truncate

KINDS = ("number", "flag", "category", "material")
COLUMNS = [name for kind in KINDS for name in names(kind)]
GROUPS = sorted({FEATURES[name].stamp for name in COLUMNS})


def until(trial, stamp, zero):
    """The trial without the dated records of each patient after that patient's stamp; nothing stays without one.

    Treatments stay up to time zero: a clock may start with the first of them, and without a clock there is no row.
    """
    frames = {}
    for name, (column, _) in DATED.items():
        frame = getattr(trial, name)
        limit = stamp.reindex(frame["patient_id"].to_numpy()).to_numpy()
        if name == "treatments":
            limit = np.fmax(limit, zero.reindex(frame["patient_id"].to_numpy()).to_numpy())
        frames[name] = frame[frame[column].to_numpy() <= limit].reset_index(drop=True)
    known = frames["samples"]["sample_id"]
    for name in ("results", "verdicts", "wells"):
        frame = getattr(trial, name)
        own = frame["sample_id"].isin(known)
        frames[name] = frame[own | frame["sample_id"].isna()].reset_index(drop=True)
    return trial.replace(**frames)


def assert_dated(trial, protocol, landmark):
    """Each group of columns stays as it is when everything after its own stamp is deleted.

    Without their later scans patients who had recurred are at risk again: those who were are compared.
    """
    past = truncate(trial, protocol, landmark)
    table = landmark_table(past, protocol, landmark)
    zero = origin_dates(past, protocol)
    for group in GROUPS:
        columns = [name for name in COLUMNS if FEATURES[name].stamp == group]
        other = landmark_table(until(past, table.latest_used[group], zero), protocol, landmark)
        found = other.rows.loc[table.rows.index, columns]
        pd.testing.assert_frame_equal(found, table.rows[columns], check_exact=True, obj=group)


@pytest.mark.parametrize("landmark", [0, 12])
def test_nothing_after_its_stamp_matters_to_a_column(protocol, landmark):
    assert_dated(generate(70, seed=20 + landmark).trial(), protocol, landmark)


@pytest.mark.parametrize("landmark", [36])
def test_nothing_after_its_stamp_matters_in_the_gold_delivery(gold_trial, protocol, landmark):
    assert_dated(gold_trial, protocol, landmark)


@pytest.mark.parametrize(("origin", "landmark"), [("surgery", 12), ("randomisation", 6), ("first_treatment", 6)])
def test_nothing_after_its_stamp_matters_in_random_trials(origin, landmark):
    """Wells, controls, timed urine, other kits and clocks: some 200 patients whose records lie where rules turn."""
    assert_dated(random_union(1, origin, "1.0"), protocol_for(origin), landmark)


@pytest.fixture
def rich(rows):
    """Every kind of record of P1, each on a day of its own."""
    urine = {"specimen": "urine"}
    trial = rows.trial(
        patients=[rows.patient(arm="prrt", ki67_pct=5.0)],
        imaging=[rows.scan(3, "equivocal"), rows.scan(6, day=-9)],
        samples=[
            rows.sample("PRE", -0.2, visit="baseline"),
            rows.sample("D30", 1, visit="day_30"),
            rows.sample("M6", 6, visit="month_6", ssa="yes"),
            rows.sample("UPRE", -0.2, day=1, visit="baseline", **urine),
            rows.sample("U6", 6, day=4, visit="month_6", **urine),
        ],
        results=[
            rows.result("PRE", 60, plate="A"),
            rows.result("D30", 40, plate="B"),
            rows.result("M6", 30, plate="C"),
            rows.result("PRE", 200, "cga"),
            rows.result("M6", 100, "cga"),
            rows.result("UPRE", 40, "5hiaa"),
            rows.result("UPRE", 8, "creatinine"),
            rows.result("U6", 50, "5hiaa"),
            rows.result("U6", 10, "creatinine"),
            rows.result("U6", 40, "urine_score"),
        ],
        treatments=[
            {"patient_id": "P1", "kind": "prrt", "started_on": rows.on(2)},
            {"patient_id": "P1", "kind": "ssa", "started_on": rows.on(1), "ended_on": rows.on(20)},
        ],
        controls=[{"plate": plate, "control": "LOW", "nominal": 14, "value": 15} for plate in "ABC"],
    )
    return trial


# Columns of P1 at landmark 6, and the day they are stamped with, as the day of the record they rest on.
DATES = {
    "age": None,
    "netest_last": (6, 0),
    "netest_preop": (-0.2, 0),
    "netest_change_preop": (6, 0),
    "netest_slope": (6, 0),
    "netest_deviation_change": (6, 0),
    "cga_ln": (6, 0),
    "cga_lnratio_preop": (6, 0),
    "ssa_at_sample": (6, 0),
    "days_since_prrt": (6, 0),
    "hiaa_creatinine_ln": (6, 4),
    "urine_score_last": (6, 4),
    "equivocal_scans": (6, -9),
    "months_since_adequate": (6, -9),
    "blood_missed": (6, 0),
    "urine_missed": (6, 4),
}


@pytest.mark.parametrize("column", DATES)
def test_the_stamp_is_the_day_of_the_latest_record_used(rows, rich, protocol, column):
    table = table_at(rich, protocol, 6)
    found = table.latest(column)["P1"]
    assert pd.isna(found) if DATES[column] is None else found == rows.on(*DATES[column])
    assert table.stamps()[column]["P1"] is found or table.stamps()[column]["P1"] == found


def test_stamps_are_one_date_for_every_value(gold_trial, protocol):
    table = table_at(gold_trial, protocol, 12)
    stamps = table.stamps()
    assert stamps.index.equals(table.rows.index) and stamps.columns.equals(table.rows.columns)
    assert stamps.dtypes.eq("datetime64[ns]").all()
    closes = closing_dates(gold_trial, protocol, 12).reindex(stamps.index)
    assert not stamps.gt(closes, axis=0).any(axis=None)


# A value without a date: a count may be 0 and a flag False because there is no record at all.
NOTHING_FOUND = {"equivocal_scans", "has_landmark_blood", "blood_missed", "urine_missed", "blood_urine_pairs"}


@pytest.mark.parametrize("landmark", [0, 6, 12, 36])
def test_a_value_that_rests_on_a_record_has_its_date(gold_trial, protocol, landmark):
    for trial in (gold_trial, generate(70, seed=3).trial()):
        table = table_at(trial, protocol, landmark)
        stamps = table.stamps()
        for name in COLUMNS:
            if FEATURES[name].source == "patients" or name in NOTHING_FOUND:
                continue
            bare = table.rows[name].notna() & stamps[name].isna()
            assert not bare.any(), f"{name} of {bare.idxmax()} has a value and no date"


def test_a_block_that_dates_no_column_is_refused_by_name(rows, protocol, monkeypatch):
    def undated(view):
        block = patient_block(view)
        return replace(block, stamps=block.stamps.rename(columns={"patients": "people"}))

    blocks = tuple(undated if block is patient_block else block for block in building.BLOCKS)
    monkeypatch.setattr(building, "BLOCKS", blocks)
    with pytest.raises(LeakageError, match="L102.*column 'arm': the stamp 'patients' .* is not there"):
        table_at(rows.trial(), protocol, 6)


def test_a_stamp_that_is_no_date_is_refused_by_name(rows, protocol, monkeypatch):
    def text(view):
        block = patient_block(view)
        return replace(block, stamps=block.stamps.astype(object).fillna("early"))

    blocks = tuple(text if block is patient_block else block for block in building.BLOCKS)
    monkeypatch.setattr(building, "BLOCKS", blocks)
    with pytest.raises(LeakageError, match="L102.*'arm'.*'patients'.*is no date"):
        table_at(rows.trial(), protocol, 6)


@pytest.mark.parametrize("seed", range(3))
def test_the_test_can_fail(protocol, seed):
    """A stamp one day too early is found out: the record of that day is deleted and the column changes."""
    past = truncate(generate(40, seed=seed).trial(), protocol, 6)
    table = landmark_table(past, protocol, 6)
    early = table.latest("netest_last") - pd.Timedelta(days=1)
    other = landmark_table(until(past, early, origin_dates(past, protocol)), protocol, 6)
    had = table.rows["netest_last"].notna()
    assert had.sum() > 10 and not np.array_equal(other.rows["netest_last"][had], table.rows["netest_last"][had])
