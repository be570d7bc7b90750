"""Survival, transcripts and Ki-67 of real lung neuroendocrine tumours meet every R answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.real import net_lung, net_lung_models
from benchmarks.real.answers import TOLERANCE, read_answers
from models.estimators.logistic_risk import LogisticRisk

MKI67 = LogisticRisk(("MKI67",), 0.0, (1.0,))


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


def test_questions_with_few_events_are_refused_and_others_judged_out_of_fold(realdata, monkeypatch):
    monkeypatch.setattr(net_lung_models, "REPEATS", 1)
    monkeypatch.setattr(net_lung_models, "RESAMPLES", 12)
    monkeypatch.setattr(net_lung_models, "QUESTIONS", (("event-free", net_lung.FREE, (36, 60)),))
    monkeypatch.setattr(net_lung_models, "models", lambda genes: {"MKI67": MKI67})
    refused, judged = net_lung_models.answers(realdata)
    assert refused["model"].startswith("not estimable: 9 events and 55 non-events") and "auc" not in refused
    assert judged["n"] == 78 and (judged["events"], judged["without"]) == (12, 38)
    assert 0 < judged["auc_lower"] < judged["auc"] < judged["auc_upper"] < 1


def test_no_patient_is_predicted_by_a_model_that_saw_the_patient(realdata):
    """Turning one patient's outcome around changes predictions of the other folds only."""
    asked, _ = net_lung_models.patients(realdata, net_lung.FREE, 60)
    fold, everybody = np.arange(len(asked.time)) % 5, np.arange(len(asked.time))
    before = net_lung_models.predict(asked, MKI67, everybody, fold)
    who = int(np.flatnonzero(asked.outcome["label"] == 1)[0])
    turned = asked.take(everybody)
    turned.time[who] = 200.0
    after = net_lung_models.predict(turned, MKI67, everybody, fold)
    own = fold == fold[who]
    np.testing.assert_array_equal(before[own], after[own])
    assert (before[~own] != after[~own]).all()
