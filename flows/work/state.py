"""Where an installation stands: services, store, champions, last night; what is wrong and how to mend it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flows.home import Home, HomeError, read_json
from flows.inbox import waiting
from flows.services import service_status
from flows.work.registry import champions
from flows.work.undo import cut_off

LAST_NIGHT = "last.json"
# A night is missed when none completed for this long: a day and two hours of slack.
NIGHT_HOURS = 26.0
MISSING = "not there yet"
LABELS = {"prefect": "Prefect", "mlflow": "MLflow", "worker": "Worker", "inbox": "Watcher"}


def look(home: Home) -> dict[str, Any]:
    """Everything ``netest status`` says, as plain values.

    Parameters
    ----------
    home : Home

    Returns
    -------
    dict
        ``home``, ``services``, ``store``, ``champions``, ``inbox``, ``quarantine``, ``last_night`` and ``problems``, a
        list of ``{"what", "remedy"}``.
    """
    state: dict[str, Any] = {"home": str(home.root), "kind": home.kind, "problems": []}
    if home.root.exists() and not home.root.is_dir():
        raise HomeError(f"{home.root}: a file, not a folder; choose another --home")
    state["services"] = service_status(home)
    state["store"] = _store(home)
    state["champions"], state["runs"] = _champions(home)
    state["inbox"] = len(waiting(home))
    state["quarantine"] = _quarantined(home)
    state["last_night"] = read_json(home.nightly / LAST_NIGHT)
    state["cut_off"] = cut_off(home)
    for check in (_service_problems, _store_problems, _work_problems):
        state["problems"].extend(check(state))
    return state


def _champions(home: Home) -> tuple[dict[str, str], str]:
    """Champions, and why they cannot be read."""
    try:
        return champions(home), ""
    except HomeError as error:
        return {}, str(error)


def _store(home: Home) -> dict[str, Any]:
    from data.findings import Refused
    from data.store import Store

    place = home.store_url.rpartition("@")[2]
    try:
        with Store(home.store_url) as store:
            if not store.ready:
                return {"url": place, "state": MISSING}
            store.initialise()
            files = store.files()
            loaded = files[files["status"] == "loaded"]
            return {
                "url": place,
                "state": "ready",
                "patients": len(store.known_patients()),
                "files_loaded": len(loaded),
                "last_loaded": str(loaded["loaded_at"].max()) if len(loaded) else "",
            }
    except Refused as error:
        return {"url": place, "state": "unusable", "reason": str(error)}


def _quarantined(home: Home) -> int:
    """Rejected files; the reason beside each is not counted."""
    if not home.quarantine.is_dir():
        return 0
    return sum(
        not path.name.endswith(".reason.txt") and not path.name.startswith(".") for path in home.quarantine.iterdir()
    )


def _service_problems(state: dict[str, Any]) -> list[dict[str, str]]:
    place = state["home"]
    words = {
        "stopped": ("ended by itself", f"netest up --home {place}"),
        "silent": ("runs but does not answer", f"netest down --home {place} && netest up --home {place}"),
    }
    return [
        {"what": f"{row['name']} {words[row['state']][0]} (log: {row['log']})", "remedy": words[row["state"]][1]}
        for row in state["services"]
        if row["state"] in words
    ]


def _store_problems(state: dict[str, Any]) -> list[dict[str, str]]:
    store, problems = state["store"], []
    restore = f"netest restore FILE --replace --home {state['home']}   (files in {state['home']}/backups)"
    if store["state"] == "unusable":
        problems.append({"what": f"the store cannot be used: {store['reason']}", "remedy": restore})
    if store["state"] == MISSING and state["champions"]:
        problems.append({"what": "models are registered, but the store they came from is gone", "remedy": restore})
    if state["runs"]:
        problems.append({"what": state["runs"], "remedy": restore})
    return problems


def _work_problems(state: dict[str, Any]) -> list[dict[str, str]]:
    problems = []
    if state["inbox"] and not _runs(state, "inbox"):
        problems.append(
            {"what": f"{state['inbox']} waiting in the inbox and nobody watches", "remedy": "netest ingest"}
        )
    if state["cut_off"]:
        what = "a training was cut off half-way: what it registered is not to be used"
        problems.append({"what": what, "remedy": f"netest train --home {state['home']}"})
    night = state["last_night"]
    if night and night["status"] == "failed":
        problems.append({"what": f"the last night failed: {night['message']}", "remedy": "netest nightly --debug"})
    if night and _runs(state, "worker") and _hours_since(night["ended"]) > NIGHT_HOURS:
        problems.append({"what": f"no night since {night['ended']}", "remedy": "netest nightly; see logs/worker.log"})
    return problems


def _runs(state: dict[str, Any], name: str) -> bool:
    return any(row["name"] == name and row["state"] == "running" for row in state["services"])


def _hours_since(moment: str) -> float:
    then = dt.datetime.fromisoformat(moment)
    return (dt.datetime.now(then.tzinfo) - then).total_seconds() / 3600.0


def state_lines(state: dict[str, Any]) -> list[str]:
    """The state as a person reads it."""
    store = state["store"]
    content = ""
    if store["state"] == "ready":
        loaded = f"{store['files_loaded']} files, last loaded {store['last_loaded'][:16]}"
        content = f": {store['patients']} patients from {loaded}"
    lines = [f"Home        {state['home']}{' (demo)' if state['kind'] == 'demo' else ''}"]
    for row in state["services"]:
        lines.append(f"{LABELS[row['name']]:<11} {row['state']}{'  ' + row['url'] if row['url'] else ''}")
    lines.append(f"Store       {store['state']}{content}")
    champions = ", ".join(f"{name} {version}" for name, version in state["champions"].items())
    lines.append(f"Champions   {champions or 'none yet'}")
    lines.append(f"Inbox       {state['inbox']} waiting, {state['quarantine']} in quarantine")
    night = state["last_night"]
    lines.append(f"Last night  {night['ended'][:16] + ' ' + night['message'] if night else 'none yet'}")
    lines += [f"Problem     {problem['what']}\n            mend: {problem['remedy']}" for problem in state["problems"]]
    return lines


def next_steps(state: dict[str, Any]) -> list[str]:
    """What to do next, most urgent first."""
    steps = [problem["remedy"] for problem in state["problems"]]
    if state["store"]["state"] == "unusable":
        return steps
    if state["store"]["state"] != "ready":
        return [*steps, "netest ingest FOLDER   load a delivery"]
    if not state["champions"]:
        steps.append("netest train           fit the first models")
    if not _runs(state, "prefect"):
        steps.append("netest up              start server, worker and MLflow UI")
    return [*steps, "netest score           score every patient", "netest report cohort   write the report"]
