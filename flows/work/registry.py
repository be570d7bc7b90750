"""The home's runs and registered models: everything of one training is registered, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flows.home import Home
from flows.work.fingerprint import git_commit
from flows.work.kept import keep_training
from flows.work.runs_file import aliased

if TYPE_CHECKING:
    from data.protocol import Protocol
    from flows.work.prepared import Prepared
    from flows.work.selection import TrainRequest
    from models.result import TrainingResult
    from models.scoring import Champion
    from models.tracking.tracker import Logged, Tracker


def open_tracker(home: Home) -> Tracker:
    """Runs and registry of a home."""
    from models.tracking.tracker import Tracker

    return Tracker(home.mlflow_uri, home.artifact_uri, home.subject_key())


class Registration:
    """Records the endpoints of one training, one after the other.

    Parameters
    ----------
    home : Home
    prepared : Prepared
    request : TrainRequest
    """

    def __init__(self, home: Home, prepared: Prepared, request: TrainRequest) -> None:
        from models.tracking.run_fields import RunContext

        self.home, self.protocol = home, prepared.protocol
        self.current = not request.models and request.data_cut is None
        self.tracker = open_tracker(home)
        self.results: list[TrainingResult] = []
        self.logged: list[Logged] = []
        self.context = RunContext(
            trigger=request.trigger,
            data_digest=prepared.trial.digest,
            data_cut=prepared.data_cut,
            study=prepared.trial.study,
            simulated=prepared.trial.simulated,
            git_commit=git_commit(),
            flow_run=request.flow_run,
            fingerprint=prepared.fingerprint,
        )

    def record(self, result: TrainingResult) -> None:
        """Log an endpoint's runs and register its versions."""
        self.logged.append(self.tracker.log_training(result, self.protocol, self.context))
        self.results.append(result)

    def keep(self) -> None:
        """Keep the results whole for reports and scores, once everything is recorded.

        A trial of single models, or of an earlier data cut, does not replace the training that reports describe.
        """
        rests_on = {"data_cut": self.context.data_cut, "data_digest": self.context.data_digest}
        for result in self.results if self.current else []:
            keep_training(self.home, replace(result, facts={**result.facts, **rests_on}))

    @property
    def versions(self) -> list[dict[str, str]]:
        """Registered versions: model, version, alias, reason."""
        return [
            {"model": result.endpoint.slug, "version": version, "alias": alias, "reason": _reason(result, alias)}
            for result, one in zip(self.results, self.logged, strict=True)
            for alias, version in one.versions.items()
        ]

    @property
    def experiments(self) -> dict[str, str]:
        """Experiments written to, name to id."""
        return {one.experiment: one.experiment_id for one in self.logged}

    @property
    def runs(self) -> dict[str, str]:
        """Parent run of each endpoint."""
        return {one.endpoint_id: one.parent_run for one in self.logged}


def _reason(result: TrainingResult, alias: str) -> str:
    return result.policy_reason if alias == "champion" else "stands beside the champion; it is not in use"


def has_champion(home: Home) -> bool:
    """Whether any endpoint has a champion."""
    return bool(champions(home))


def champions(home: Home) -> dict[str, str]:
    """Champion by endpoint id as words: ``M3 (version 1)``; empty before the first training."""
    endpoints = home.protocol().endpoints.values()
    if home.owns_runs:
        found = aliased(home.runs_file, "champion")
        return {
            endpoint.id: f"{found[endpoint.slug][1]} (version {found[endpoint.slug][0]})"
            for endpoint in endpoints
            if endpoint.slug in found
        }
    tracker = open_tracker(home)
    versions = {endpoint.id: tracker.version(endpoint) for endpoint in endpoints}
    return {name: f"{made.tags.get('model', '')} (version {made.version})" for name, made in versions.items() if made}


def load_champions(home: Home, protocol: Protocol) -> dict[str, Champion]:
    """Champions ready to score, by endpoint id."""
    tracker = open_tracker(home)
    loaded = {endpoint.id: tracker.load_champion(endpoint) for endpoint in protocol.endpoints.values()}
    return {name: champion for name, champion in loaded.items() if champion is not None}
