"""Survival, transcripts and Ki-67 of real lung neuroendocrine tumours meet every R answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import net_lung
from benchmarks.answers import TOLERANCE, read_answers


@pytest.fixture(scope="module")
def table(realdata: Path, reference: Path) -> pd.DataFrame:
    return net_lung.run(realdata, reference)


def test_no_r_answer_is_left_out(table, reference):
    answers = read_answers(reference / "ref_net_lung.csv")
    assert len(answers) == 299 and set(answers.index) == set(table["quantity"])


def test_every_quantity_meets_its_r_answer(table):
    worst = table.loc[table["difference"].idxmax()]
    assert worst["difference"] <= TOLERANCE, worst.to_string()


def test_what_r_cannot_estimate_we_do_not_estimate_either(table):
    pd.testing.assert_series_equal(table["ours"].isna(), table["R"].isna(), check_names=False)
    assert table["R"].isna().sum() == 30
