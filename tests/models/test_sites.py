"""The site reaches the judging of a model and never the model; a flexible curve comes with enough events."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from features.landmark import frame_digest
from models.estimators.encoding import COLUMNS
from models.training import Plan, train_endpoint
from models.validation.cohort import build_cohort

SITES = ("C1", "C2", "C3")


@pytest.fixture(scope="module")
def sited(make):
    """Five hundred patients of three sites."""
    world = make(n=500, seed=3)
    tables = {}
    for landmark, table in world.tables.items():
        rows = table.rows.assign(site=np.random.default_rng(1).choice(SITES, len(table.rows)))
        tables[landmark] = dataclasses.replace(table, rows=rows, digest=frame_digest(rows, landmark))
    return dataclasses.replace(world, tables=tables)


@pytest.fixture(scope="module")
def judged_by_site(sited, protocol):
    few = {"validation.flexible_calibration_events": 60}
    records = {
        name: dataclasses.replace(record, value=few.get(name, record.value))
        for name, record in protocol.records.items()
    }
    easier = dataclasses.replace(protocol, records=records)
    return train_endpoint(
        sited.tables, sited.outcome, easier.endpoint("MRD36@6"), easier, origin=sited.surgery, models=["M1"],
        plan=Plan(folds=5, repeats=2, resamples=10, draws=0, seed=3, jobs=1),
    )  # fmt: skip


def test_the_site_is_no_term_of_any_model(sited, protocol):
    cohort = build_cohort(sited.tables, sited.outcome, protocol.endpoint("MRD36@6"), protocol, sited.surgery)
    assert "site" not in COLUMNS and "site" not in cohort.rows.columns
    assert list(cohort.baseline.index) == list(cohort.judged.index)
    assert set(cohort.baseline["site"]) == set(SITES)


def test_three_sites_are_pooled(judged_by_site):
    model = judged_by_site.models["M1"]
    sites = model.subgroups[model.subgroups["variable"].eq("site")]
    assert sites["level"].tolist() == list(SITES) and sites["auc"].notna().all()
    assert model.sites["sites"] == 3 and model.sites["predicted_lo"] < model.sites["auc"] < model.sites["predicted_hi"]
    assert sites["auc"].min() <= model.sites["auc"] <= sites["auc"].max()


def test_with_enough_events_the_flexible_curve_and_its_distance_are_there(judged_by_site):
    model = judged_by_site.models["M1"]
    lower, upper = model.intervals["ici"]
    assert 0 < lower < model.metrics["ici"] < upper < 0.3
    assert model.metrics["e50"] <= model.metrics["e90"]
    curve = model.curves["flexible"]
    assert ((curve["lower"] < curve["observed"]) & (curve["observed"] < curve["upper"])).all()
    assert "ici" not in judged_by_site.models["M0"].metrics
