"""The night: nothing when nothing changed, else a training whose new versions stand beside the champion."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flows.home import Home, read_json, write_json
from flows.work import Progress, Runner, direct
from flows.work.fingerprint import changed_parts, fingerprint
from flows.work.selection import TrainRequest
from flows.work.state import LAST_NIGHT
from flows.work.train import run_train, trained_file

VERDICT = "keep"
NOTE = (
    "Verdict: keep. This release has no promotion gate yet, so a night never moves a champion; new versions are "
    "challengers to look at, and no promotion is not evidence that they are equal."
)


def run_nightly(
    home: Home,
    *,
    force: bool = False,
    trigger: str = "schedule",
    flow_run: str = "",
    run: Runner = direct,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare the fingerprint with that of the last complete training; retrain when it differs.

    Parameters
    ----------
    home : Home
    force : bool
        Retrain in any case.
    trigger, flow_run : str
        For the record and the tags of runs.
    run : callable
        Runner of steps.
    progress : callable, optional

    Returns
    -------
    dict
        status (``nothing new`` or ``retrained``), message, changed, fingerprint, verdict, registered, started, ended.
        It is also kept under ``nightly/``, as is the record of a night that failed.
    """
    started = _now()
    record: dict[str, Any] = {"started": started, "trigger": trigger, "verdict": VERDICT, "fingerprint": {}}
    try:
        record.update(_night(home, force, TrainRequest(trigger=trigger, flow_run=flow_run), run, progress))
    except Exception as error:
        _keep(home, {**record, "status": "failed", "message": f"{type(error).__name__}; the registry is as it was"})
        raise
    return _keep(home, record)


def _night(home: Home, force: bool, request: TrainRequest, run: Runner, progress: Progress | None) -> dict[str, Any]:
    now = run("compare with the last training", current_fingerprint, home)
    if not now:
        return {"status": "nothing new", "message": "Nothing to train on: the store is empty", "changed": []}
    changed = changed_parts((read_json(trained_file(home)) or {}).get("fingerprint"), now)
    if not changed and not force:
        return {"status": "nothing new", "message": "Nothing new", "changed": [], "fingerprint": now}
    trained = run_train(home, request, run=run, progress=progress)
    return {
        "status": "retrained",
        "message": f"Retrained because of: {', '.join(changed or ['force'])}. {trained.sentence}",
        "note": NOTE,
        "changed": changed,
        "fingerprint": trained.prepared.fingerprint,
        "registered": trained.registered,
        "experiments": trained.experiments,
    }


def current_fingerprint(home: Home) -> dict[str, str]:
    """Fingerprint of what a training would rest on now, without building anything; empty for an empty store."""
    protocol = home.protocol()
    with home.store() as store:
        if not store.known_patients():
            return {}
        return fingerprint(store.digest(), protocol)


def _keep(home: Home, record: dict[str, Any]) -> dict[str, Any]:
    record = {**record, "ended": _now()}
    stamp = record["started"].replace(":", "").replace("-", "")[:15]
    write_json(home.nightly / f"{stamp}.json", record)
    write_json(home.nightly / LAST_NIGHT, record)
    return record


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
