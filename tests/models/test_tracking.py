"""MLflow: runs, registry and aliases on a store of its own; nothing half-registered, nobody named."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from data.findings import Refused
from features.outcomes import label_version
from models.estimators.encoding import encode
from models.tracking.run_fields import RunContext
from models.tracking.trust import check_listed, check_trusted

pytestmark = [pytest.mark.xdist_group("mlflow"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def small(trained):
    """The training with three models only: enough for champion, challenger and comparator."""
    result = trained[0]
    return dataclasses.replace(result, models={name: result.models[name] for name in ("M0", "M2", "M3")})


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    from models.tracking.tracker import Tracker

    home = tmp_path_factory.mktemp("mlflow")
    return Tracker(f"sqlite:///{home / 'mlflow.db'}", home / "artifacts", "secret")


@pytest.fixture(scope="module")
def logged(tracker, small, protocol):
    return tracker.log_training(small, protocol, RunContext(trigger="test", simulated=True, data_digest="d1"))


def test_a_parent_and_a_run_per_model(tracker, logged, small, protocol):
    parent = tracker.client.get_run(logged.parent_run)
    assert parent.info.status == "FINISHED" and parent.data.tags["data_digest"] == "d1"
    assert parent.data.tags["label_version"] == label_version(protocol, small.endpoint.id)
    verdict, _, banner = parent.data.tags["mlflow.note.content"].splitlines()[:3]
    assert verdict.startswith("## MRD36@6: M3, AUC 0.") and banner.startswith("**SIMULATED DATA")
    first = tracker.client.get_run(logged.runs["M3"]).data.tags["mlflow.note.content"].splitlines()[0]
    assert first.startswith("**Champion of MRD36@6: AUC 0.") and "AUC minus Mc +0." in first and "(SIMULATED)" in first
    for name, run_id in logged.runs.items():
        run = tracker.client.get_run(run_id)
        assert run.data.tags["mlflow.parentRunId"] == logged.parent_run and run.info.status == "FINISHED"
        assert run.data.metrics["auc"] == pytest.approx(small.models[name].metrics["auc"])
        assert run.data.metrics["auc_lo"] < run.data.metrics["auc"] < run.data.metrics["auc_hi"]
        files = {file.path for file in tracker.client.list_artifacts(run_id)}
        assert {"out_of_fold.csv", "model_card.md", "roc.png", "config.json"} <= files
    assert len(tracker.client.search_runs([logged.experiment_id])) == 1 + len(small.models)


def test_champion_and_challenger_carry_their_reasons(tracker, logged, protocol):
    endpoint = protocol.endpoint("MRD36@6")
    assert set(logged.versions) == {"champion", "challenger"}
    champion = tracker.version(endpoint)
    assert champion.tags["model"] == "M3" and champion.tags["run"] == logged.runs["M3"]
    assert "performance had no part" in champion.tags["reason"]
    assert tracker.version(endpoint, "challenger").tags["model"] == "M2"
    assert tracker.version(protocol.endpoint("ER12@6")) is None
    assert tracker.load_champion(protocol.endpoint("ER12@6")) is None


def test_the_loaded_champion_predicts_what_was_trained(tracker, logged, small, world, protocol):
    champion = tracker.load_champion(protocol.endpoint("MRD36@6"))
    assert (champion.model_name, champion.model_version, champion.specification) == ("mrd36-at-6", "1", "M3")
    rows = encode(world.tables[6.0].rows, 6.0).dropna(subset=["netest_last"])
    ours = small.models["M3"].estimator
    np.testing.assert_array_equal(champion.estimator.predict_proba(rows), ours.predict_proba(rows))
    np.testing.assert_allclose(champion.estimator.predict_interval(rows), ours.predict_interval(rows))
    assert champion.estimator.assay_version_ == "1.0"


def test_a_failure_leaves_the_registry_as_it_was(tracker, logged, small, protocol, monkeypatch):
    endpoint = dataclasses.replace(small.endpoint, id="ER12@6", family="early_recurrence")
    broken = dataclasses.replace(small, endpoint=endpoint)

    def fail(*args, **kwargs):
        raise RuntimeError("disk full")

    monkeypatch.setattr(tracker, "_log_estimator", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        tracker.log_training(broken, protocol, RunContext())
    assert not tracker.client.search_registered_models(f"name = '{endpoint.slug}'")
    runs = tracker.client.search_runs([tracker.experiment("early_recurrence")])
    assert runs and {run.info.status for run in runs} == {"FAILED"}


def test_a_version_that_cannot_be_made_is_undone(tracker, logged, small, protocol, monkeypatch):
    endpoint = dataclasses.replace(small.endpoint, id="ER24@0", family="early_recurrence")
    real, made = tracker.client.create_model_version, []

    def second_fails(*args, **kwargs):
        if made:
            raise RuntimeError("registry is gone")
        made.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(tracker.client, "create_model_version", second_fails)
    with pytest.raises(RuntimeError, match="registry is gone"):
        tracker.log_training(dataclasses.replace(small, endpoint=endpoint), protocol, RunContext())
    assert not tracker.client.search_registered_models(f"name = '{endpoint.slug}'")


def test_a_later_training_stands_beside_until_it_is_promoted(tracker, logged, small, protocol):
    endpoint = protocol.endpoint("MRD36@6")
    later = tracker.log_training(small, protocol, RunContext(trigger="later"))
    assert later.versions == {"challenger": "3"}
    assert tracker.version(endpoint).version in (1, "1")
    tracker.promote(endpoint, "3", "gate passed at look 2")
    assert str(tracker.version(endpoint).version) == "3"
    assert str(tracker.version(endpoint, "previous").version) == "1"
    assert tracker.version(endpoint, "challenger") is None
    assert "gate passed at look 2" in tracker.version(endpoint).tags["promoted"]
    assert "by version 3" in tracker.version(endpoint, "previous").tags["replaced"]


def test_an_endpoint_without_models_is_still_on_record(tracker, small, protocol):
    nothing = {"models": {}, "champion": "", "challenger": "", "status": "not estimable", "reason": "too few events"}
    bare = dataclasses.replace(small, **nothing)
    logged = tracker.log_training(bare, protocol, RunContext())
    assert logged.versions == {} and logged.runs == {}
    assert tracker.client.get_run(logged.parent_run).data.tags["status"] == "not estimable"


def test_only_reviewed_types_are_stored_or_loaded(small):
    types = ("models.estimators.learnt.LearntRisk", "models.estimators.stacked_cox.StackedCox")
    assert tuple(sorted(check_trusted(small.models["M3"].estimator))) == types
    with pytest.raises(Refused, match="M103.*os.system"):
        check_listed(["models.estimators.rule.CutoffRule", "os.system"])


def test_autologging_is_off_and_telemetry_silenced(tracker):
    import os

    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "mlflow" in sys.modules
