"""White blood counts at irregular visits through features, model and metrics meet every R answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import models.metrics.discrimination
from benchmarks.real import cml
from benchmarks.real.answers import TOLERANCE, read_answers


@pytest.fixture(scope="module")
def table(realdata: Path, reference: Path) -> pd.DataFrame:
    return cml.run(realdata, reference)


def events_stay_at_risk(time, event, at, closed):
    """The influence on ln(1/G) where an event counts as at risk for a censoring at the same time."""
    jumps, censored = np.unique(time[event == 0]), event == 0
    at_risk = time[:, None] >= jumps
    own = (time[:, None] == jumps) & censored[:, None]
    size = at_risk.sum(0)
    increments = (own - at_risk * (own.sum(0) / size)) / (size / len(time))
    return np.where(closed[:, None], jumps <= at[:, None], jumps < at[:, None]).astype(float) @ increments.T


def test_no_r_answer_is_left_out(table, reference):
    answers = read_answers(reference / "ref_cml_landmark.csv")
    gaps = table["quantity"].str.contains("largest_patient_gap")
    assert len(answers) == 228 and gaps.sum() == 6
    assert set(table.loc[~gaps, "quantity"]) == set(answers.index)


def test_every_quantity_meets_its_r_answer_but_errors_where_a_censoring_and_an_event_tie(table):
    above = table[table["difference"] > TOLERANCE]
    assert (table["difference"] <= table["tolerance"]).all()
    assert len(above) == 10 and above["quantity"].str.startswith("lm3y.score.").all()
    assert above["quantity"].str.contains(r"\.(?:se|lower|upper|p)$").all()


def test_the_exceptions_are_the_risk_set_of_tied_censorings(realdata, reference, monkeypatch):
    """riskRegression's influence of the weights lets an event stay at risk; its weights, like ours, do not."""
    monkeypatch.setattr(models.metrics.discrimination, "_censoring_martingale", events_stay_at_risk)
    worst = cml.run(realdata, reference)["difference"].max()
    assert worst < 1e-8
