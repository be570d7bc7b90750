"""The installation on one machine: Prefect server, worker and deployments, MLflow UI, inbox watcher. Loopback only."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flows.home import Home, HomeError, read_json, write_json
from flows.processes import HOST, Service, call, free_port, last_line, start, stop, wait_for

POOL = "netest"
PREFECT_PORT = 4200
MLFLOW_PORT = 5000
# The worker is stopped before the server it asks for work, else it logs an error a poll.
STOP_ORDER = ("inbox", "worker", "mlflow", "prefect")
REPOSITORY = Path(__file__).resolve().parent.parent
DEPLOYMENTS_FILE = "prefect.yaml"

Say = Callable[[str], None]


class ServiceError(RuntimeError):
    """A service that did not come up; the message names its log and the remedy."""


def read_services(home: Home) -> dict[str, Service]:
    """Services as written by the last ``netest up``, running or not.

    Raises
    ------
    HomeError
        When the file is none that this version writes.
    """
    record = read_json(home.services_file) or {}
    try:
        return {name: Service(**values) for name, values in record.get("services", {}).items()}
    except (TypeError, AttributeError) as error:
        words = "not written by this version; end what still runs of it (`ps x`), then delete the file"
        raise HomeError(f"{home.services_file}: {words}") from error


def api_url(home: Home) -> str:
    """Address of this home's Prefect API when it runs and answers, else an empty string."""
    server = read_services(home).get("prefect")
    if server is None or not server.running or not _healthy("prefect", server):
        return ""
    return f"{server.url}/api"


def mlflow_url(home: Home) -> str:
    """Address of this home's MLflow UI when its process runs, else an empty string."""
    server = read_services(home).get("mlflow")
    return server.url if server is not None and server.running else ""


def up(
    home: Home, prefect_port: int = PREFECT_PORT, mlflow_port: int = MLFLOW_PORT, say: Say = print
) -> dict[str, Service]:
    """Start what does not run yet, deploy the flows, and wait until everything answers.

    Parameters
    ----------
    home : Home
    prefect_port, mlflow_port : int
        Preferred ports; the next free one is taken.
    say : callable
        Receives one line per step.

    Returns
    -------
    dict of str to Service

    Raises
    ------
    ServiceError
        When a service does not answer in time; what this call started is stopped again.
    """
    home.create()
    home.subject_key()
    with home.lock("services"):
        services = {name: service for name, service in read_services(home).items() if service.running}
        if "prefect" not in services:
            _stop_some(services, ("inbox", "worker"))
        began = set(services)
        try:
            _start_servers(home, services, (prefect_port, mlflow_port), say)
            deployed = _deploy(home, services["prefect"], say)
            _start_helpers(home, services, say)
        except BaseException:
            _stop_some(services, tuple(name for name in STOP_ORDER if name not in began))
            _write(home, services)
            raise
        _write(home, services, deployed)
    return services


def _start_servers(home: Home, services: dict[str, Service], ports: tuple[int, int], say: Say) -> None:
    if "prefect" not in services:
        port = free_port(ports[0])
        say(f"Prefect server on port {port} (about 15 s the first time)")
        command = ["-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
        _start(home, services, "prefect", command, port)
    if "mlflow" not in services:
        port = free_port(ports[1])
        say(f"MLflow on port {port}")
        _start(home, services, "mlflow", _mlflow_command(home, port), port)
    for name in ("prefect", "mlflow"):
        _await(services[name], partial(_healthy, name, services[name]), 120.0)


def _mlflow_command(home: Home, port: int) -> list[str]:
    return [
        "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1",
        "--backend-store-uri", home.mlflow_uri, "--artifacts-destination", home.artifact_uri,
    ]  # fmt: skip


def _start_helpers(home: Home, services: dict[str, Service], say: Say) -> None:
    api = f"{services['prefect'].url}/api"
    if "worker" not in services:
        say(f"Worker of pool {POOL}")
        command = ["-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--limit", "2"]
        _start(home, services, "worker", [*command, "--name", POOL], api=api)
    if "inbox" not in services:
        say(f"Watching {home.inbox}")
        _start(home, services, "inbox", ["-m", "flows.inbox", str(home.root), api], api=api)
    _await(services["worker"], lambda: worker_online(api), 60.0)


def _start(
    home: Home, services: dict[str, Service], name: str, command: list[str], port: int = 0, api: str = ""
) -> None:
    env = home.environment(api_url=api)
    env.setdefault("PREFECT_WORKER_QUERY_SECONDS", "3")
    services[name] = start(name, command, env, REPOSITORY, home.logs / f"{name}.log", port)
    # Written at once: `netest down` must find it when this very process is killed before the end.
    _write(home, services)


def _await(service: Service, ready: Callable[[], object], seconds: float) -> None:
    if wait_for(lambda: not service.running or ready(), seconds, 0.2) and service.running:
        return
    raise ServiceError(
        f"{service.name} did not come up: {last_line(service.log)!r}; see {service.log}, then `netest up` again"
    )


def _healthy(name: str, service: Service) -> bool:
    if name == "prefect":
        return call(f"{service.url}/api/health", timeout=2.0) is True
    if name == "mlflow":
        return call(f"{service.url}/health", timeout=2.0) is not None
    return service.running


def worker_online(api: str) -> bool:
    """Whether a worker of the pool reported to the server."""
    workers = call(f"{api}/work_pools/{POOL}/workers/filter", {}) or []
    return any(worker.get("status") == "ONLINE" for worker in workers)


def deployments_digest() -> str:
    """SHA-256 over everything a deployment copies into the server: its file, the flows, the place of the checkout."""
    digest = hashlib.sha256(str(REPOSITORY).encode())
    for path in [REPOSITORY / DEPLOYMENTS_FILE, *sorted((REPOSITORY / "flows").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _deploy(home: Home, server: Service, say: Say) -> str:
    digest = deployments_digest()
    record = read_json(home.services_file) or {}
    if record.get("deployed") == f"{server.started}-{digest}":
        return str(record["deployed"])
    say("Work pool and deployments")
    api = f"{server.url}/api"
    if call(f"{api}/work_pools/{POOL}") is None:
        _prefect(home, api, "work-pool", "create", POOL, "--type", "process")
    _prefect(home, api, "deploy", "--all", "--prefect-file", DEPLOYMENTS_FILE)
    return f"{server.started}-{digest}"


def _prefect(home: Home, api: str, *words: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *words],
        cwd=REPOSITORY, env=home.environment(api_url=api), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    with (home.logs / "deploy.log").open("a", encoding="utf-8") as log:
        log.write(answer.stdout + answer.stderr)
    if answer.returncode:
        raise ServiceError(f"`prefect {' '.join(words)}` failed; see {home.logs / 'deploy.log'}")


def down(home: Home, say: Say = print) -> list[str]:
    """Stop the services that ``up`` started, worker first; returns the names of those that were running."""
    with home.lock("services"):
        services = read_services(home)
        stopped = _stop_some(services, STOP_ORDER)
        home.services_file.unlink(missing_ok=True)
    for name in stopped:
        say(f"{name} stopped")
    return stopped


def _stop_some(services: dict[str, Service], names: tuple[str, ...]) -> list[str]:
    stopped = []
    for name in names:
        service = services.pop(name, None)
        if service is not None and stop(service):
            stopped.append(name)
    return stopped


def _write(home: Home, services: dict[str, Service], deployed: str | None = None) -> None:
    """Write the services down; what is deployed stays as it was where nothing is said of it."""
    known = (read_json(home.services_file) or {}).get("deployed", "") if deployed is None else deployed
    write_json(
        home.services_file,
        {"services": {name: service.record() for name, service in services.items()}, "deployed": known},
    )


def service_status(home: Home) -> list[dict[str, Any]]:
    """One row per service: name, state (running, silent, stopped, off), url, log."""
    rows: list[dict[str, Any]] = []
    known = read_services(home)
    for name in reversed(STOP_ORDER):
        service = known.get(name)
        if service is None:
            rows.append({"name": name, "state": "off", "url": "", "log": ""})
            continue
        state = "stopped" if not service.running else "running" if _healthy(name, service) else "silent"
        rows.append({"name": name, "state": state, "url": service.url, "log": service.log, "pid": service.pid})
    return rows
