"""Training: every endpoint in a process of its own, its runs tracked and its versions registered, all or nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.home import Home, write_json
from flows.processes import end_with_parent
from flows.work import Progress, Runner, direct
from flows.work.prepared import Prepared, prepare
from flows.work.protocol import followed_protocol
from flows.work.selection import TrainRequest, check_models, select_endpoints

if TYPE_CHECKING:
    from data.protocol import Endpoint
    from models.result import TrainingResult
    from models.validation.parallel import Mapper


SIMULATED_NOTE = "These records are simulated; nothing here is evidence about patients."


@dataclass(frozen=True, eq=False)
class Trained:
    """Results by endpoint id, the versions that were registered for them, and where MLflow keeps their runs."""

    prepared: Prepared
    results: dict[str, TrainingResult]
    registered: list[dict[str, Any]] = field(default_factory=list)
    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)

    @property
    def fitted(self) -> list[TrainingResult]:
        return [result for result in self.results.values() if result.status == "fitted"]

    @property
    def sentence(self) -> str:
        """One sentence about the whole."""
        noun = "endpoint" if len(self.fitted) == 1 else "endpoints"
        return f"{len(self.fitted)} {noun} trained, {len(self.results) - len(self.fitted)} not estimable"

    def table(self) -> list[tuple[str, ...]]:
        """One row per endpoint and model: endpoint, model, AUC, Brier score, slope, events, event rate by arm, role."""
        rows: list[tuple[str, ...]] = []
        for result in self.results.values():
            size = f"{result.counts['events']} / {result.counts['labelled']}"
            rate = result.event_rate().removeprefix("event rate ")
            if not result.models:
                rows.append((result.endpoint.id, "-", result.status, "", "", size, rate, ""))
            for name, model in result.models.items():
                role = {result.champion: "champion", result.challenger: "challenger"}.get(name, "")
                rule = "brier" not in model.metrics
                cells = (
                    model.cell("auc", 2),
                    "" if rule else model.cell("brier"),
                    "" if rule else model.cell("slope", 2),
                )
                rows.append((result.endpoint.id, name, *cells, size, rate, role))
        return rows

    def notes(self) -> list[str]:
        """Alarms, and whether the records are simulated."""
        notes = [f"{result.endpoint.id}: {result.reason}" for result in self.results.values() if result.reason]
        notes += [f"{result.endpoint.id} {alarm}" for result in self.fitted for alarm in result.warnings]
        notes += [self.verdict()] if self.fitted else []
        notes += [line for result in self.fitted for line in _on_demand_words(result)]
        return [*notes, SIMULATED_NOTE] if self.prepared.trial.simulated else notes

    def verdict(self) -> str:
        """Whether the blood score adds to the clinical comparator: the fixed sequence of confirmatory tests."""
        from models.validation.confirmatory import confirmatory_tests, verdict_in_words

        tests = confirmatory_tests(self.results, self.prepared.protocol)
        return f"Does NETest add to the clinical comparator (Brier score, fixed sequence): {verdict_in_words(tests)}"

    def record(self) -> dict[str, Any]:
        """The result for a script."""
        return {
            "sentence": self.sentence,
            "fingerprint": self.prepared.fingerprint,
            "endpoints": {
                name: {
                    "status": result.status,
                    "reason": result.reason,
                    "counts": result.counts,
                    "champion": result.champion,
                    "policy": result.policy_reason,
                    "blocks": result.facts.get("blocks"),
                    "learning_curve": _rows(result.learning_curve),
                    "permutation": _rows(None if result.permutation is None else result.permutation.summary),
                    "models": {
                        key: {"metrics": model.metrics, "intervals": model.intervals}
                        for key, model in result.models.items()
                    },
                }
                for name, result in self.results.items()
            },
            "registered": self.registered,
            "runs": self.runs,
        }


def _on_demand_words(result: TrainingResult) -> Iterator[str]:
    """What was asked for beside the usual, where it is read in full: the model report."""
    place, shown = f"{result.endpoint.id} {result.shown}", result.shown
    if result.facts.get("blocks") == "site":
        yield f"{result.endpoint.id}: whole sites were left out of the fits; not the figures of folds by patient"
    if result.learning_curve is not None:
        own = result.learning_curve[result.learning_curve["model"] == shown]
        told = ", ".join(f"{row.auc:.2f} fitted on {row.patients:.0f}" for row in own.itertuples())
        yield f"{place} learning curve: AUC {told or 'not estimable'}"
    if result.permutation is not None:
        null = result.permutation.summary
        for row in null[(null["model"] == shown) & (null["statistic"] == "auc")].itertuples():
            yield (
                f"{place} permutations: AUC {row.observed:.2f}, with exchanged outcomes {row.null_mean:.2f} "
                f"on average; P {row.p:.3f} ({row.permutations} permutations)"
            )


def _rows(frame: Any) -> list[dict[str, Any]] | None:
    """Rows of a table for a script; NaN is null."""
    if frame is None:
        return None
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()} for row in records
    ]


def run_train(home: Home, request: TrainRequest, *, run: Runner = direct, progress: Progress | None = None) -> Trained:
    """Train every endpoint, track its runs and register its versions.

    Endpoints are trained side by side in other processes while finished ones are tracked here. When a step fails, the
    registry is brought back to what it was.

    Parameters
    ----------
    home : Home
    request : TrainRequest
    run : callable
        Runner of steps: one before, two per endpoint.
    progress : callable, optional
        Told (endpoints done, endpoints, name).

    Returns
    -------
    Trained
    """
    from flows.work.registry import Registration, has_champion
    from flows.work.undo import all_or_nothing

    home.create()
    check_models(request.models)
    # A registry that cannot be read is said before the work, not after it.
    has_champion(home)
    endpoints = select_endpoints(followed_protocol(home), request.family, request.landmark)
    prepared = run("prepare features and outcomes", prepare, home, request.data_cut)
    results: dict[str, TrainingResult] = {}
    with home.lock("registry"), training(prepared, endpoints, request) as pending:
        registration = Registration(home, prepared, request)
        with all_or_nothing(home, registration.tracker, endpoints):
            for done, endpoint in enumerate(endpoints):
                if progress is not None:
                    progress(done, len(endpoints), endpoint.id)
                results[endpoint.id] = run(f"train {endpoint.id}", next, pending)
                run(f"track {endpoint.id}", registration.record, results[endpoint.id])
            registration.keep()
    if request.complete:
        write_json(trained_file(home), {"fingerprint": prepared.fingerprint, "trigger": request.trigger})
    return Trained(prepared, results, registration.versions, registration.experiments, registration.runs)


@contextmanager
def training(
    prepared: Prepared, endpoints: Sequence[Endpoint], request: TrainRequest
) -> Iterator[Iterator[TrainingResult]]:
    """Train endpoints and give their results in order.

    Side by side in processes of their own; the cores are shared out among them, and a process that has several uses
    them as threads over its folds and resamples. With the setting ``NETEST_CLUSTER`` one after the other, each spread
    over the cluster.
    """
    import joblib
    from joblib.externals.loky import get_reusable_executor

    from flows.cluster import cluster_setting, passes

    if cluster_setting() is not None:
        with passes() as mapper:
            yield (train_one(prepared, endpoint, request, 1, mapper) for endpoint in endpoints)
        return
    cores = request.jobs or joblib.cpu_count()
    jobs = min(len(endpoints), cores)
    if jobs == 1:
        yield (train_one(prepared, endpoint, request, cores) for endpoint in endpoints)
        return
    with joblib.parallel_config("loky", initializer=end_with_parent):
        pool = joblib.Parallel(n_jobs=jobs, return_as="generator")
    pending = pool(joblib.delayed(train_one)(prepared, endpoint, request, cores // jobs) for endpoint in endpoints)
    try:
        yield pending
    finally:
        with warnings.catch_warnings():
            # Work that is dropped because a step failed needs no advice from joblib.
            warnings.simplefilter("ignore", UserWarning)
            pending.close()
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def train_one(
    prepared: Prepared, endpoint: Endpoint, request: TrainRequest, jobs: int, mapper: Mapper | None = None
) -> TrainingResult:
    """Train one endpoint, in threads of this process or where the mapper sends its passes."""
    from features.clock import origin_dates
    from features.landmark import batches_at
    from models.training import Plan, train_endpoint

    trial, protocol = prepared.trial, prepared.protocol
    return train_endpoint(
        prepared.tables,
        prepared.outcome,
        endpoint,
        protocol,
        origin=origin_dates(trial, protocol),
        models=request.models or None,
        plan=Plan.from_protocol(protocol, jobs=jobs, **request.settings),
        mapper=mapper,
        batches=batches_at(trial, protocol, endpoint.landmark),
    )


def trained_file(home: Home) -> Path:
    """Record of the last training of everything: what the night compares itself with."""
    return home.nightly / "trained.json"
