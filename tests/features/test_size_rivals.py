"""Kinetics and dCq give the numbers of the plain loops that the size benchmark races them against."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.expression import delta_cq
from features.kinetics import kinetics, score_rules
from features.landmark import landmark_table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.size_data import kinetics_input, make_trial, make_wells
from benchmarks.size_rivals import SHARED, Facts, dcq_apply, kinetics_apply, largest_difference


@pytest.mark.parametrize("seed", range(3))
def test_kinetics_equal_one_patient_at_a_time(protocol, seed):
    series, anchor = kinetics_input(make_trial(60, seed), protocol)
    assay = protocol.assays["1.0"]
    ours = kinetics(series, anchor, score_rules(assay, "netest_activity", protocol), protocol.month_days)
    loop = kinetics_apply((series, anchor), Facts.of(protocol))
    assert set(loop.columns) == set(SHARED) and loop["slope"].notna().sum() > 30
    assert largest_difference(ours, loop) < 1e-12


def test_kinetics_do_not_depend_on_the_order_of_the_patients(protocol):
    series, anchor = kinetics_input(make_trial(40, 7), protocol)
    rules = score_rules(protocol.assays["1.0"], "netest_activity", protocol)
    turned = anchor.sample(frac=1.0, random_state=1)
    pd.testing.assert_frame_equal(
        kinetics(series, turned, rules, 30.4375).loc[anchor.index],
        kinetics(series, anchor, rules, 30.4375),
        check_exact=True,
    )


def test_dcq_equals_one_sample_at_a_time(protocol):
    trial = make_wells(12, protocol)
    ours = delta_cq(trial, protocol).set_index(["sample_id", "gene"])[["dcq"]]
    loop = dcq_apply(trial, Facts.of(protocol))
    assert loop.shape == (12, 50)
    long = loop.stack(future_stack=True).rename_axis(["sample_id", "gene"]).to_frame("dcq")
    assert largest_difference(ours, long) < 1e-12


def test_landmark_table_does_not_depend_on_the_order_of_the_records(protocol):
    trial = make_trial(50, 3)
    turned = trial.replace(
        samples=trial.samples.sample(frac=1.0, random_state=2, ignore_index=True),
        results=trial.results.sample(frac=1.0, random_state=3, ignore_index=True),
    )
    assert landmark_table(turned, protocol, 36.0).digest == landmark_table(trial, protocol, 36.0).digest


def test_a_missing_number_is_a_difference(protocol):
    ours = pd.DataFrame({"mean": [1.0, 2.0]}, index=["A", "B"])
    with pytest.raises(AssertionError, match="missing"):
        largest_difference(ours.assign(max=1.0), pd.DataFrame({"mean": [1.0, np.nan], "max": 1.0}, index=["A", "B"]))
    assert largest_difference(ours, pd.DataFrame({"mean": [1.5, 2.0]}, index=["A", "B"])) == 0.5
