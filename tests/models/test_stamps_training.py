"""Training and scoring take no landmark table that cannot date each of its columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.simulate.generate import generate
from features.clock import origin_dates
from features.landmark import LeakageError, frame_digest, table_at
from features.registry import FEATURES
from models.scoring import score_endpoint
from models.training import train_endpoint
from models.validation.leakage import check_table


@pytest.fixture(scope="module")
def trial():
    return generate(n=60, seed=77).trial()


@pytest.fixture(scope="module")
def table(trial, protocol):
    return table_at(trial, protocol, 6)


GROUPS = sorted({feature.stamp for feature in FEATURES.values()})


@pytest.mark.parametrize("group", GROUPS)
def test_a_missing_stamp_is_refused_with_the_name_of_a_column(trial, table, protocol, group):
    first = next(name for name, feature in FEATURES.items() if feature.stamp == group)
    check_table(table, origin_dates(trial, protocol), protocol)
    bare = replace(table, latest_used=table.latest_used.drop(columns=group))
    with pytest.raises(LeakageError, match=f"L102.*landmark 6: column '{first}': the stamp '{group}' .* is not there"):
        check_table(bare, origin_dates(trial, protocol), protocol)


def test_a_stamp_that_is_no_date_is_refused(trial, table, protocol):
    text = replace(table, latest_used=table.latest_used.assign(netest="2020-01-01"))
    with pytest.raises(LeakageError, match="L102.*'netest_last'.*is no date"):
        check_table(text, origin_dates(trial, protocol), protocol)


@pytest.mark.parametrize("group", GROUPS)
def test_a_stamp_after_the_landmark_is_refused_in_every_group(trial, table, protocol, group):
    patient = table.rows.index[2]
    closes = trial.patients.set_index("patient_id")["surgery_on"][patient] + pd.Timedelta(days=213)
    last_day, next_day = (table.latest_used.copy() for _ in range(2))
    last_day.loc[patient, group] = closes
    next_day.loc[patient, group] = closes + pd.Timedelta(days=1)
    check_table(replace(table, latest_used=last_day), origin_dates(trial, protocol), protocol)
    with pytest.raises(LeakageError, match=f"L101.*patient {patient}: a {group} record of"):
        check_table(replace(table, latest_used=next_day), origin_dates(trial, protocol), protocol)


def test_fewer_columns_need_fewer_stamps(trial, table, protocol):
    rows = table.rows[["arm", "netest_last"]]
    few = replace(
        table, rows=rows, digest=frame_digest(rows, 6.0), latest_used=table.latest_used[["patients", "netest"]]
    )
    check_table(few, origin_dates(trial, protocol), protocol)


@pytest.mark.parametrize("spoil", ["none", "column", "late"])
def test_training_and_scoring_refuse(world, protocol, quick, spoil):
    table = world.tables[6.0]
    stamps = {
        "none": None,
        "column": table.latest_used.drop(columns="imaging"),
        "late": table.latest_used + pd.Timedelta(days=40),
    }[spoil]
    code = "L101" if spoil == "late" else "L102"
    tables = world.tables | {6.0: replace(table, latest_used=stamps)}
    endpoint = protocol.endpoint("MRD36@6")
    with pytest.raises(LeakageError, match=code):
        train_endpoint(tables, world.outcome, endpoint, protocol, origin=world.surgery, plan=quick)
    with pytest.raises(LeakageError, match=code):
        score_endpoint(tables[6.0], endpoint, protocol, None, origin=world.surgery)


def test_the_digest_counts_numbers_by_value(table):
    rows = table.rows
    digest = frame_digest(rows, 6.0)
    other = rows.copy()
    other["netest_slope"] = rows["netest_slope"].where(rows["netest_slope"].notna(), -np.nan)
    other["equivocal_scans"] = rows["equivocal_scans"].where(rows["equivocal_scans"] != 0, -0.0)
    assert digest == table.digest == frame_digest(other, 6.0)
    for changed in (
        rows.assign(netest_last=np.nextafter(rows["netest_last"], np.inf)),
        rows.assign(missing_cga="x"),
        rows.rename(columns={"age": "agf"}),
        rows.astype({"age": "float32"}),
        rows.iloc[::-1],
        rows.iloc[1:],
    ):
        assert frame_digest(changed, 6.0) != digest
    assert frame_digest(rows, 12.0) != digest
