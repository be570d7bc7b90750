"""Kinetics and dCq give the numbers of the plain loops that the size benchmark races them against."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.size.data import kinetics_input, make_expression, make_trial, with_wells
from benchmarks.size.page import Cell, exponent, fitted, goals, table
from benchmarks.size.rivals import (
    OURS_ALONE,
    SHARED,
    Facts,
    dcq_apply,
    kinetics_apply,
    kinetics_ours,
    largest_difference,
)
from features.expression import delta_cq
from features.landmark import table_at


@pytest.mark.parametrize("seed", range(3))
def test_kinetics_equal_one_patient_at_a_time(protocol, seed):
    data, facts = kinetics_input(make_trial(60, seed), protocol), Facts.of(protocol)
    loop = kinetics_apply(data, facts)
    assert set(loop.columns) == set(SHARED) and len(SHARED) == 36 and loop["slope"].notna().sum() > 30
    assert largest_difference(kinetics_ours(data, facts), loop) < 1e-9
    assert not set(OURS_ALONE) & set(loop.columns)


def test_dcq_equals_one_gene_at_a_time(protocol):
    trial = make_expression(12, protocol)
    ours = delta_cq(trial, protocol).set_index(["sample_id", "gene"])[["dcq"]]
    loop = dcq_apply(trial, Facts.of(protocol)).rename_axis(["sample_id", "gene"]).to_frame("dcq")
    assert len(loop) == 12 * 50
    assert largest_difference(ours, loop) < 1e-9


def test_landmark_table_does_not_depend_on_the_order_of_the_records(protocol):
    trial = make_trial(50, 3)
    turned = trial.replace(
        samples=trial.samples.sample(frac=1.0, random_state=2, ignore_index=True),
        results=trial.results.sample(frac=1.0, random_state=3, ignore_index=True),
    )
    assert table_at(turned, protocol, 36.0).digest == table_at(trial, protocol, 36.0).digest


def test_the_trial_with_wells_has_genes_of_the_landmark_sample(protocol):
    rows = table_at(with_wells(make_trial(20, 4), protocol), protocol, 36.0).rows
    assert rows["genes_detected"].notna().sum() == rows["has_landmark_blood"].sum() > 5
    assert rows["netest_deviation"].notna().sum() == rows["has_landmark_blood"].sum()


def test_a_missing_number_is_a_difference():
    ours = pd.DataFrame({"mean": [1.0, 2.0]}, index=["A", "B"])
    with pytest.raises(AssertionError, match="missing: mean"):
        largest_difference(ours.assign(max=1.0), pd.DataFrame({"mean": [1.0, np.nan], "max": 1.0}, index=["A", "B"]))
    assert largest_difference(ours, pd.DataFrame({"mean": [1.5, 2.0]}, index=["A", "B"])) == 0.5


def test_the_page_says_met_only_where_the_numbers_do():
    cells = [
        *(Cell("kinetics", "ours", n, n * 1e-6, 1.0) for n in (1000, 10_000, 100_000)),
        *(Cell("landmark", "ours", n, n * 1e-4, 5.0) for n in (1000, 10_000)),
        Cell("landmark", "ours", 100_000, 15.0, 5.0),
        *(Cell("genes", "ours", n, n * 1e-4, 1.0) for n in (1000, 10_000)),
        *(Cell("dcq", "ours", n, n * 1e-5, 1.0) for n in (1000, 10_000)),
        Cell("kinetics", "groupby-apply", 10_000, 0.99, 1.0),
        Cell("kinetics", "polars", 100_000, 0.05, 1.0),
    ]
    lines = [line for line in goals(cells).splitlines() if "goal" not in line and "---" not in line]
    missed = [line for line in lines if line.endswith("**not met** |")]
    assert len(missed) == 4
    assert "landmark table at 100,000 patients under 20 s and 4 GiB | 15.00 s, 5.00 GiB" in missed[0]
    assert "at least 100 times faster than groupby-apply | 99 times" in missed[1]
    assert "kinetics of the score at 100,000: at most 1.5 times" in missed[2] and "2.00 times polars" in missed[2]
    assert "landmark table: exponent of growth at most 1.05 | 1.176 over the last tenfold step" in missed[3]
    assert "| not run |" in table([*cells, Cell("kinetics", "groupby-apply", 100_000)])


def test_growth_by_the_last_step_and_by_the_fit():
    seconds = {100: 1.0, 1000: 1.0, 10_000: 10.0, 100_000: 200.0}
    assert exponent(seconds) == pytest.approx(np.log10(20))
    assert fitted(seconds) == pytest.approx(np.log10(200) / 2)
