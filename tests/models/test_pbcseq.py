"""The real longitudinal cohort through features, model and metrics meets every R answer."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.real import pbcseq
from benchmarks.real.answers import TOLERANCE, beside, read_answers


@pytest.fixture(scope="module")
def table(realdata: Path, reference: Path) -> pd.DataFrame:
    return pbcseq.run(realdata, reference)


def test_no_r_answer_is_left_out(table, reference):
    answers = read_answers(reference / "ref_pbcseq_landmark.csv")
    gaps = table["quantity"].str.contains("largest_patient_gap")
    assert len(answers) == 1104 and gaps.sum() == 16
    assert set(table.loc[~gaps, "quantity"]) == set(answers.index)


def test_every_quantity_meets_its_r_answer(table):
    worst = table.loc[table["difference"].idxmax()]
    assert table["R"].notna().all() and worst["difference"] <= TOLERANCE, worst.to_string()


def test_a_wrong_answer_fails_the_script(table, reference, monkeypatch, capsys):
    """What was computed, held against the answers with one of them changed."""
    ours, theirs = table.set_index("quantity")["ours"].to_dict(), table.set_index("quantity")["R"]
    for change, code in ((0, 0), (1, 1)):
        answers = theirs.where(theirs.index != "lm6m.death_or_tx.n", theirs + change)
        monkeypatch.setattr(pbcseq, "run", lambda realdata, folder, answers=answers: beside(ours, answers))
        assert pbcseq.main(["--reference", str(reference)]) == code
    assert "(lm6m.death_or_tx.n); tolerance 1e-06" in capsys.readouterr().out
