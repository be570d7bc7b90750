"""All of one training is registered, or nothing: also when its process was killed half-way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.home import Home, read_json, write_json

if TYPE_CHECKING:
    from data.protocol import Endpoint
    from models.tracking.tracker import Tracker

RUNNING, KILLED = "RUNNING", "KILLED"


def journal(home: Home) -> Path:
    """What the registry held before the training that runs, or that was cut off."""
    return home.root / "mlflow" / "before-training.json"


def cut_off(home: Home) -> bool:
    """Whether a training ended without a word: its journal is there and nobody holds the registry."""
    return journal(home).exists() and not home.locked("registry")


@contextmanager
def all_or_nothing(home: Home, tracker: Tracker, endpoints: Iterable[Endpoint]) -> Iterator[None]:
    """Bring the registry back to what it was when the block fails; hold the lock ``registry`` meanwhile.

    The state before is written down first, so that the next training can do it for one that was killed.
    """
    take_back(home, tracker)
    before = {endpoint.slug: _registered(tracker, endpoint.slug) for endpoint in endpoints}
    write_json(journal(home), before)
    try:
        yield
    except BaseException:
        take_back(home, tracker)
        raise
    journal(home).unlink(missing_ok=True)


def take_back(home: Home, tracker: Tracker) -> None:
    """Undo what the journal of an unfinished training allows to undo. Runs stay, marked as they ended."""
    before = read_json(journal(home))
    if before is None:
        return
    for name, was in before.items():
        _restore(tracker, name, was["aliases"], set(was["versions"]))
    for run in _unfinished(tracker):
        tracker.client.set_terminated(run, KILLED)
    journal(home).unlink(missing_ok=True)


def _unfinished(tracker: Tracker) -> list[str]:
    """Runs that nobody works on any more: only one training writes at a time, and it holds the lock."""
    experiments = [one.experiment_id for one in tracker.client.search_experiments()]
    found = tracker.client.search_runs(experiments, f"attributes.status = '{RUNNING}'") if experiments else []
    return [run.info.run_id for run in found]


def _registered(tracker: Tracker, name: str) -> dict[str, Any]:
    """Aliases and versions of a registered model."""
    found = tracker.client.search_registered_models(f"name = '{name}'")
    aliases = {alias: str(version) for alias, version in found[0].aliases.items()} if found else {}
    versions = sorted(str(made.version) for made in tracker.client.search_model_versions(f"name = '{name}'"))
    return {"aliases": aliases, "versions": versions}


def _restore(tracker: Tracker, name: str, aliases: dict[str, str], versions: set[str]) -> None:
    now = _registered(tracker, name)
    for alias in now["aliases"].keys() - aliases.keys():
        tracker.client.delete_registered_model_alias(name, alias)
    for alias, version in aliases.items():
        if now["aliases"].get(alias) != version:
            tracker.client.set_registered_model_alias(name, alias, version)
    for version in set(now["versions"]) - versions:
        tracker.client.delete_model_version(name, version)
