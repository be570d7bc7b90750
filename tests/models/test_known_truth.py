"""The campaigns of known truth: they run on today's estimators, and their checks can fail."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import page
from benchmarks.known_truth import acceptance, by_size, checks_models, naive_labels, naive_leaks, naive_nulls
from models.metrics.probability import Judged


def test_trees_of_the_naive_practices_fit():
    found = naive_leaks.split_by_sample(1, 150)
    # The same person on both sides is recognised; by how much is the campaign's business.
    assert found["by sample"] > found["by patient"]
    model = naive_nulls._random_trees(np.random.default_rng(0))
    assert 10 <= model.configurations[0]["rounds"] < 80 and len(model.configurations) == 1


def test_a_model_that_could_not_be_fitted_does_not_pass_the_check_of_calibration(monkeypatch):
    right = {"endpoint": "MRD36@6", "slope": 1.0, "citl": 0.0, "mean minus prevalence": 0.0}
    large = pd.DataFrame([{"model": "M3", **right}, {"model": "M5", **right}])
    small = pd.DataFrame([{"model": name, "slope": 1.0} for name in ("M3", "M5") for _ in range(3)])
    for at, size in (("_large", large), ("_small", small)):
        monkeypatch.setattr(checks_models, at, lambda *_, size=size: size)
    assert all(check.met for check in checks_models.calibration(Path(), 1))
    large.loc[1, ["slope", "citl"]] = np.nan
    small.loc[5, "slope"] = np.nan
    failed = [check.what for check in checks_models.calibration(Path(), 1) if not check.met]
    assert len(failed) == 3 and all("M5" in what for what in failed)


def test_a_part_of_a_campaign_replaces_its_own_part_of_a_page():
    written = page.table(
        ["check", "figure", "met"], [["1", "old", "yes"], ["2", "stays", ""], ["9", "stays", "yes"]], 2
    )
    lines = page.rows(written, [["5", "new", ""], ["1", "new", "**no**"]], list(acceptance.CHECKS))
    assert lines == [["1", "new", "**no**"], ["2", "stays", ""], ["5", "new", ""], ["9", "stays", "yes"]]
    order = ["### World a", "### World b", "### World c"]
    before = "### World c\n\n| old |\n\n### World a\n\n| stays |"
    after = page.sections(before, {"### World c": "| new |", "### World b": "| first |"}, order)
    assert after == "### World a\n\n| stays |\n\n### World b\n\n| first |\n\n### World c\n\n| new |"
    for name, command in (("acceptance.md", acceptance.COMMAND), ("models_by_size.md", by_size.COMMAND)):
        assert page.read(name, command)


def test_the_truth_of_the_lock_does_not_rest_on_labels_of_ours(monkeypatch):
    honest = naive_labels.full_follow_up(3, 120)
    monkeypatch.setattr(naive_labels, "judged", lambda cohort: _all_clear(cohort))
    spoilt = naive_labels.full_follow_up(3, 120)
    assert spoilt["prevalence"] == 0 < honest["prevalence"]
    assert spoilt["prevalence complete"] == honest["prevalence complete"]
    assert spoilt["npv complete"] == honest["npv complete"]


def _all_clear(cohort):
    n = int(cohort.own.sum())
    return Judged(np.zeros(n), np.ones(n), np.full(n, "control"))


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("acceptance.md", "known_truth.acceptance"),
        ("interval_auc.md", "interval_auc.campaign"),
        ("models_by_size.md", "known_truth.by_size"),
        ("naive.md", "known_truth.naive"),
        ("promotion.md", "gate.campaign"),
        ("simulator.md", "known_truth.worlds"),
        ("size.md", "size.race"),
        ("speed.md", "speed.race"),
    ],
)
def test_every_campaign_finds_its_part_of_its_page(name, module):
    command = importlib.import_module(f"benchmarks.{module}").COMMAND
    assert command == f"python -m benchmarks.{module} --write" and "| --- |" in page.read(name, command)
