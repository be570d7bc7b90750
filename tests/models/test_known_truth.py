"""The campaigns of known truth: they run on today's estimators, and their checks can fail."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.known_truth import checks_models, naive_labels, naive_leaks, naive_nulls
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
