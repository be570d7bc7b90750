"""The installation for real: server, worker, deployments, MLflow and inbox started once, used, and taken down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows import services
from flows.home import FOREIGN, Home
from flows.inbox import request_run
from flows.processes import Service, call, wait_for
from flows.services import REPOSITORY

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("servers")]

PATIENTS = (
    "patient_id,site,sex,birth_year,surgery_on,arm,primary_site,grade,margin\n"
    "SECRET01,A,F,1960,2024-01-10,control,ileum,G1,R0\n"
)
SCANS = "patient_id,scan_on,modality,adequate,finding\nSECRET99,2024-05-01,mri,yes,clear\n"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, dict[str, Service], float]]:
    home = Home.at(tmp_path_factory.mktemp("installation") / "home")
    saved = {name: os.environ.pop(name) for name in (*FOREIGN, "NETEST_HOME") if name in os.environ}
    started = services.up(home, prefect_port=14200, mlflow_port=15000, say=lambda _: None)
    try:
        yield home, started, time.monotonic()
    finally:
        services.down(home, say=lambda _: None)
        os.environ.update(saved)


def api_of(installation: tuple) -> str:
    return f"{installation[1]['prefect'].url}/api"


def runs(api: str, deployment: str) -> list[dict[str, Any]]:
    found = call(f"{api}/deployments/name/{deployment}")
    return call(f"{api}/flow_runs/filter", {"deployments": {"id": {"any_": [found["id"]]}}})


def ended(api: str, run: str, seconds: float = 60.0) -> dict[str, Any]:
    states = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
    assert wait_for(lambda: call(f"{api}/flow_runs/{run}")["state"]["type"] in states, seconds, 0.5)
    return call(f"{api}/flow_runs/{run}")


def netest(home: Home, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "flows.cli", *words, "--home", str(home.root)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_a_scheduled_deployment_gets_runs(installation: tuple) -> None:
    """Breaks without an error anywhere when SQLAlchemy or FastAPI are too new for Prefect."""
    api, since = api_of(installation), installation[2]

    def scheduled() -> list:
        return [run for run in runs(api, "nightly/retrain") if run["state"]["type"] == "SCHEDULED"]

    assert wait_for(scheduled, max(20.0 - (time.monotonic() - since), 1.0))
    assert all(run["expected_start_time"][11:16] in ("03:00", "04:00") for run in scheduled())


def test_all_deployments_are_there_with_their_forms(installation: tuple) -> None:
    found = {row["name"]: row for row in call(f"{api_of(installation)}/deployments/filter", {})}
    assert len(call(f"{api_of(installation)}/deployments/filter", {})) == 6
    schema = found["lab"]["parameter_openapi_schema"]["properties"]
    assert schema["paths"]["title"] == "Files or folders"
    assert found["lab"]["pull_steps"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": str(REPOSITORY)}}
    ]


def test_the_worker_ingests_what_the_form_names(installation: tuple, tmp_path: Path) -> None:
    home, api = installation[0], api_of(installation)
    (tmp_path / "patients.csv").write_text(PATIENTS, encoding="utf-8")
    asked = request_run(api, "ingest/lab", {"paths": [str(tmp_path)]})
    assert asked
    run = ended(api, asked)
    assert (run["state"]["type"], run["state"]["message"]) == ("COMPLETED", "1 files loaded, 0 unchanged, 0 rejected")
    with home.store() as store:
        assert store.known_patients() == {"SECRET01"}


def test_the_command_line_is_recorded_on_the_running_server(installation: tuple, tmp_path: Path) -> None:
    home, api = installation[0], api_of(installation)
    (tmp_path / "patients.csv").write_text(PATIENTS, encoding="utf-8")
    (tmp_path / "imaging.csv").write_text(SCANS, encoding="utf-8")
    before = call(f"{api}/flow_runs/count", {})
    answer = netest(home, "ingest", str(tmp_path), "--json")
    assert answer.returncode == 1, answer.stderr
    record = json.loads(answer.stdout)
    assert (record["loaded"], record["unchanged"], record["rejected"]) == (0, 1, 1)
    assert "SECRET99" in record["findings"][0], "the person at the terminal reads who"
    assert call(f"{api}/flow_runs/count", {}) == before + 1
    newest = call(f"{api}/flow_runs/filter", {"sort": "START_TIME_DESC"})
    assert "Partly loaded" in {run["state_name"] for run in newest}


def test_a_failed_run_says_where_to_read_and_the_person_reads_why(installation: tuple) -> None:
    home, api = installation[0], api_of(installation)
    broken = home.protocol_file
    broken.write_text("[secret.SECRET01]\nvalue = 1\n", encoding="utf-8")
    try:
        answer = netest(home, "ingest", str(REPOSITORY / "prefect.yaml"))
    finally:
        broken.unlink()
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ") and answer.stderr.count("\n") == 1
    assert "SECRET01" in answer.stderr
    failed = [run for run in call(f"{api}/flow_runs/filter", {}) if run["state"]["type"] == "FAILED"]
    assert any("logs/failures/" in run["state"]["message"] for run in failed)


def test_no_identifier_reaches_the_server(installation: tuple) -> None:
    """Runs after the others of this module: nothing they did may have left a name."""
    api = api_of(installation)
    for kind in ("flow_runs", "task_runs", "artifacts", "logs"):
        rows = call(f"{api}/{kind}/filter", {})
        assert rows, kind
        assert "SECRET" not in json.dumps(rows), kind


def test_status_and_a_second_up(installation: tuple) -> None:
    home, started, _ = installation
    state = json.loads(netest(home, "status", "--json").stdout)
    assert {row["name"]: row["state"] for row in state["services"]} == dict.fromkeys(started, "running")
    assert state["store"]["state"] == "ready"
    again = services.up(home, say=lambda line: pytest.fail(f"did something: {line}"))
    assert {name: service.pid for name, service in again.items()} == {
        name: service.pid for name, service in started.items()
    }


def test_down_leaves_no_process(installation: tuple) -> None:
    home, started, _ = installation
    assert services.down(home, say=lambda _: None) == list(services.STOP_ORDER)
    assert not home.services_file.exists()
    sessions = {service.pid for service in started.values()}
    left = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _session(path) in sessions]
    assert not left


def _session(path: Path) -> int:
    try:
        fields = (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[3])
