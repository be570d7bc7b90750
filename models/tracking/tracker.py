"""Runs and registry in MLflow: the only module that knows it, imported when first used."""

from __future__ import annotations

import datetime as dt
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from data.protocol import Endpoint, Protocol
from models.estimators.encoding import COLUMNS
from models.estimators.specification import REGISTRY
from models.result import TrainingResult
from models.scoring import Champion
from models.tracking.artifacts import write_endpoint_files, write_model_files
from models.tracking.run_fields import (
    RunContext,
    metrics_of,
    now,
    params_of,
    permutation_metrics,
    tags_of,
    today,
    with_interval,
)
from models.tracking.trust import check_listed, check_trusted

EXPERIMENTS = {"mrd": "netest/mrd", "early_recurrence": "netest/early_recurrence"}
REQUIRED = ("numpy", "scipy", "pandas", "scikit-learn", "skops", "xgboost-cpu")
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


@dataclass(frozen=True)
class Logged:
    """Where a training went: experiment, run ids, registered versions by alias (empty when none was registered)."""

    endpoint_id: str
    experiment: str
    experiment_id: str
    parent_run: str
    runs: dict[str, str]
    versions: dict[str, str]


def mlflow_module() -> Any:
    """MLflow with telemetry off and its chatter silenced."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.sklearn
    for name in ("mlflow", "mlflow.store.db.utils", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


class Tracker:
    """Runs and registered models of one installation.

    Parameters
    ----------
    uri : str
        MLflow store, e.g. ``sqlite:////absolute/path/mlflow.db``.
    artifacts : str or Path
        Folder (or URI) that the artifacts of new experiments go to; MLflow remembers it per experiment.
    subject_key : str
        Secret behind the opaque patient keys in artifacts.
    """

    def __init__(self, uri: str, artifacts: str | Path, subject_key: str) -> None:
        self.uri = uri
        self.artifacts = str(artifacts) if "://" in str(artifacts) else Path(artifacts).absolute().as_uri()
        self._key = subject_key
        self._mlflow = mlflow_module()
        self.client = self._mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)

    def experiment(self, family: str) -> str:
        """Id of the experiment of an endpoint family, created when missing."""
        name = EXPERIMENTS[family]
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return found.experiment_id
        return self.client.create_experiment(name, artifact_location=f"{self.artifacts}/{name.replace('/', '-')}")

    def log_training(self, result: TrainingResult, protocol: Protocol, context: RunContext) -> Logged:
        """Record a training: a parent run, a child run per model, then the registry.

        Nothing is registered before every run is complete; an error marks the open runs FAILED and leaves the
        registry as it was. The first version of an endpoint becomes champion; later ones stand beside it as challenger
        until :meth:`promote` moves the alias.

        Parameters
        ----------
        result : TrainingResult
        protocol : Protocol
        context : RunContext

        Returns
        -------
        Logged
        """
        with self._here():
            return self._log_training(result, protocol, context)

    def _log_training(self, result: TrainingResult, protocol: Protocol, context: RunContext) -> Logged:
        experiment = self.experiment(result.endpoint.family)
        opened: list[str] = []
        try:
            tags = tags_of(result, protocol, context)
            parent = self._open(experiment, f"{result.endpoint.id} {today()}", tags, opened)
            self._log_parent(parent, result, protocol, context)
            runs, models = {}, {}
            for name in result.models:
                tags = tags_of(result, protocol, context, name) | {"mlflow.parentRunId": parent}
                runs[name] = self._open(experiment, f"{result.endpoint.id} {name} {today()}", tags, opened)
                self._log_model_run(runs[name], result, name, protocol, context.simulated)
                if REGISTRY[name].calibrated:
                    models[name] = self._log_estimator(runs[name], result, name)
            for run in reversed(opened):
                self.client.set_terminated(run, "FINISHED")
        except BaseException:
            for run in opened:
                self.client.set_terminated(run, "FAILED")
            raise
        versions = self._register(result, runs, models)
        return Logged(result.endpoint.id, EXPERIMENTS[result.endpoint.family], experiment, parent, runs, versions)

    def _open(self, experiment: str, name: str, tags: dict[str, str], opened: list[str]) -> str:
        run = self.client.create_run(experiment, run_name=name, tags=tags).info.run_id
        opened.append(run)
        return run

    def _log_parent(self, run: str, result: TrainingResult, protocol: Protocol, context: RunContext) -> None:
        numbers = {**result.counts, "prevalence": result.prevalence}
        if result.champion:
            numbers |= with_interval(result, result.champion, ("auc", "brier"))
        self._batch(run, numbers | permutation_metrics(result), params_of(result))
        with tempfile.TemporaryDirectory() as folder:
            write_endpoint_files(
                result,
                protocol,
                Path(folder),
                key=self._key,
                simulated=context.simulated,
                fingerprint=dict(context.fingerprint),
            )
            self.client.log_artifacts(run, folder)

    def _log_model_run(self, run: str, result: TrainingResult, name: str, protocol: Protocol, simulated: bool) -> None:
        self._batch(run, metrics_of(result, name), params_of(result, name))
        with tempfile.TemporaryDirectory() as folder:
            write_model_files(result, name, protocol, Path(folder), key=self._key, simulated=simulated)
            self.client.log_artifacts(run, folder)

    def _batch(self, run: str, metrics: dict[str, float], params: dict[str, str]) -> None:
        from mlflow.entities import Metric, Param

        now = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
        finite = {name: float(value) for name, value in metrics.items() if value == value}
        self.client.log_batch(
            run,
            metrics=[Metric(name, value, now, 0) for name, value in finite.items()],
            params=[Param(name, value) for name, value in params.items()],
        )

    def _log_estimator(self, run: str, result: TrainingResult, name: str) -> str:
        """Log the fitted estimator under the run; returns its model URI."""
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        estimator = result.models[name].estimator
        columns = [column for column in COLUMNS if column in estimator.terms]
        signature = ModelSignature(
            inputs=Schema([ColSpec("double", column) for column in columns]),
            outputs=Schema([ColSpec("double", "no recurrence"), ColSpec("double", "recurrence")]),
        )
        with self._active(run):
            info = self._mlflow.sklearn.log_model(
                estimator,
                name="model",
                serialization_format="skops",
                skops_trusted_types=list(check_trusted(estimator)),
                pip_requirements=[f"{package}=={metadata.version(package)}" for package in REQUIRED],
                signature=signature,
                pyfunc_predict_fn="predict_proba",
            )
        return info.model_uri

    @contextmanager
    def _active(self, run: str) -> Iterator[None]:
        """Make a run the active one of the fluent interface, without finishing it."""
        self._mlflow.start_run(run_id=run)
        try:
            yield
        finally:
            self._mlflow.end_run("RUNNING")

    @contextmanager
    def _here(self) -> Iterator[None]:
        """Point the fluent interface to this store for a while, without its deprecation chatter."""
        before = self._mlflow.get_tracking_uri(), self._mlflow.get_registry_uri()
        self._mlflow.set_tracking_uri(self.uri)
        self._mlflow.set_registry_uri(self.uri)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            self._mlflow.set_tracking_uri(before[0])
            self._mlflow.set_registry_uri(before[1])

    def _register(self, result: TrainingResult, runs: dict[str, str], models: dict[str, str]) -> dict[str, str]:
        """Register champion and challenger versions; aliases move last."""
        if not result.champion:
            return {}
        name = result.endpoint.slug
        incumbent = self.version(result.endpoint, CHAMPION)
        candidates = {CHALLENGER: result.champion} if incumbent else {CHAMPION: result.champion}
        if not incumbent and result.challenger:
            candidates[CHALLENGER] = result.challenger
        new = not self.client.search_registered_models(f"name = '{name}'")
        if new:
            self.client.create_registered_model(
                name, tags={"endpoint_id": result.endpoint.id, "family": result.endpoint.family}
            )
        versions: dict[str, str] = {}
        try:
            for alias, model in candidates.items():
                beside = f"{model} stands beside {result.champion}"
                reason = result.policy_reason if model == result.champion else beside
                tags = {"model": model, "date": now(), "run": runs[model], "reason": reason}
                made = self.client.create_model_version(name, models[model], run_id=runs[model], tags=tags)
                versions[alias] = str(made.version)
        except BaseException:
            for version in versions.values():
                self.client.delete_model_version(name, version)
            if new:
                self.client.delete_registered_model(name)
            raise
        for alias, version in versions.items():
            self.client.set_registered_model_alias(name, alias, version)
        return versions

    def version(self, endpoint: Endpoint, alias: str = CHAMPION) -> Any:
        """Registered version that an alias points to, None when there is none."""
        found = self.client.search_registered_models(f"name = '{endpoint.slug}'")
        if not found or alias not in found[0].aliases:
            return None
        return self.client.get_model_version(endpoint.slug, found[0].aliases[alias])

    def promote(self, endpoint: Endpoint, version: str, reason: str) -> None:
        """Make a version the champion; the old one stays reachable as ``previous``.

        Parameters
        ----------
        endpoint : Endpoint
        version : str
            Registered version.
        reason : str
            Written with date and run on both versions.
        """
        name, old = endpoint.slug, self.version(endpoint, CHAMPION)
        if old is not None and str(old.version) == str(version):
            return
        self.client.set_model_version_tag(name, version, "promoted", f"{now()}: {reason}")
        if old is not None:
            self.client.set_model_version_tag(name, old.version, "replaced", f"{now()}: by version {version}: {reason}")
            self.client.set_registered_model_alias(name, PREVIOUS, old.version)
        challenger = self.version(endpoint, CHALLENGER)
        self.client.set_registered_model_alias(name, CHAMPION, version)
        if challenger is not None and str(challenger.version) == str(version):
            self.client.delete_registered_model_alias(name, CHALLENGER)

    def load_champion(self, endpoint: Endpoint, alias: str = CHAMPION) -> Champion | None:
        """The champion of an endpoint, ready to score; None when there is none.

        Raises
        ------
        Refused
            M103 when the stored model holds types that are not on the reviewed list.
        """
        found = self.version(endpoint, alias)
        if found is None:
            return None
        uri = f"models:/{endpoint.slug}/{found.version}"
        with self._here():
            flavour = self._mlflow.models.get_model_info(uri).flavors["sklearn"]
            check_listed(flavour.get("skops_trusted_types") or [])
            estimator = self._mlflow.sklearn.load_model(uri)
        return Champion(estimator, endpoint.slug, str(found.version), found.tags.get("model", ""))
