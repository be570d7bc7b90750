"""Are the upper bounds on FastAPI and SQLAlchemy still needed? Each is lifted in a throw-away environment.

A failure here is good news: the bound can go from ``pyproject.toml``. Nothing is found without a package index.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tomllib
import venv
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.home import Home
from flows.processes import HOST, Service, call, free_port, start, stop, wait_for
from flows.services import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.xdist_group("bounds")]

FLOW = "from prefect import flow\n\n@flow\ndef night():\n    return None\n"
DEPLOYMENT = """
name: bounds
deployments:
  - name: cron
    entrypoint: night.py:night
    work_pool: {name: pool}
    schedules: [{cron: "0 4 * * *", timezone: Europe/London, slug: nightly}]
"""
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def bounded(name: str) -> str:
    (requirement,) = [row for row in PROJECT if row.startswith(f"{name}>=")]
    assert ",<" in requirement, f"{name} has no upper bound any more: its case can go from this file"
    return requirement


def python_with(folder: Path, free: str) -> str:
    """Interpreter of a new environment with our Prefect, the bound of ``free`` lifted; skips without an index."""
    kept = [bounded(name) for name in ("fastapi", "sqlalchemy") if name != free]
    lifted = [f"{free}>={bounded(free).rpartition('<')[2]}"] if free else []
    venv.create(folder, with_pip=False)
    python = str(folder / "bin" / "python")
    wanted = [f"prefect=={version('prefect')}", "starlette<2", *kept, *lifted]
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    answer = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip(f"cannot install {', '.join(wanted)}: {answer.stderr.strip().splitlines()[-1]}")
    return python


class Trial:
    """One Prefect server of another environment."""

    def __init__(self, python: str, folder: Path) -> None:
        (folder / "night.py").write_text(FLOW, encoding="utf-8")
        (folder / "prefect.yaml").write_text(DEPLOYMENT, encoding="utf-8")
        self.python, self.folder, self.port = python, folder, free_port(16200)
        self.api = f"http://{HOST}:{self.port}/api"
        self.env = Home.at(folder / "home").create().environment(api_url=self.api)
        self.service: Service | None = None

    def words(self, *words: str) -> list[str]:
        launch = "import subprocess,sys; sys.exit(subprocess.call(sys.argv[1:]))"
        return ["-c", launch, self.python, "-m", "prefect", "--no-prompt", *words]

    def works(self) -> bool:
        """Whether the server starts, takes a deployment, and schedules runs within 20 s."""
        command = self.words("server", "start", "--host", HOST, "--port", str(self.port))
        self.service = start("prefect", command, self.env, self.folder, self.folder / "server.log")
        service = self.service
        wait_for(lambda: not service.running or call(f"{self.api}/health", timeout=2.0) is True, 120.0, 0.5)
        if call(f"{self.api}/health") is not True:
            return False
        steps = (("work-pool", "create", "pool", "--type", "process"), ("deploy", "--all"))
        return all(self.run(*step) for step in steps) and wait_for(self.scheduled, 20.0, 1.0)

    def run(self, *words: str) -> bool:
        command = [sys.executable, *self.words(*words)]
        return subprocess.run(command, env=self.env, cwd=self.folder, capture_output=True, check=False).returncode == 0

    def scheduled(self) -> bool:
        return bool(call(f"{self.api}/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}))

    def end(self) -> None:
        if self.service is not None:
            stop(replace(self.service), grace=1.0)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.service.pid, signal.SIGKILL)


def works_without(free: str, folder: Path) -> bool:
    trial = Trial(python_with(folder / "venv", free), folder)
    try:
        return trial.works()
    finally:
        trial.end()


def test_with_both_bounds_prefect_works(tmp_path: Path) -> None:
    assert works_without("", tmp_path)


@pytest.mark.parametrize("free", ["fastapi", "sqlalchemy"])
def test_the_bound_is_still_needed(free: str, tmp_path: Path) -> None:
    assert not works_without(free, tmp_path), (
        f"Prefect {version('prefect')} works without {bounded(free)}: lift the bound"
    )
