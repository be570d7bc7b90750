"""What status and commands say where something of the installation is damaged, locked, busy or missing."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from flows import services
from flows.errors import PublicError
from flows.home import Home, HomeError
from flows.processes import Service
from flows.services import REPOSITORY, read_services
from flows.work.maintenance import run_backup
from flows.work.prepared import load_trial
from flows.work.registry import champions
from flows.work.runs_file import aliased
from flows.work.score import run_score
from flows.work.state import look, next_steps

DAMAGED = b"not a database at all" * 99


def test_a_second_worker_says_that_it_waits(home: Home) -> None:
    code = f"from flows.home import Home\nwith Home.at({str(home.root)!r}).lock('registry'): pass"
    with home.lock("registry"):
        assert home.locked("registry")
        command = [sys.executable, "-c", code]
        waiting = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        assert "holds the registry" in waiting.stderr.readline()
    assert waiting.wait(10) == 0
    waiting.stderr.close()
    assert not home.locked("registry")


def test_services_of_another_version_are_said(home: Home) -> None:
    home.services_file.write_text('{"services": {"prefect": {"x": 1}}}')
    with pytest.raises(HomeError, match="not written by this version"):
        read_services(home)


def test_a_service_is_written_down_as_soon_as_it_runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """`netest up` may be killed any time; `netest down` must find what it started."""
    found: list[set[str]] = []
    monkeypatch.setattr(services, "start", lambda name, *_: Service(name, 1, "", ""))
    monkeypatch.setattr(services, "_await", lambda *_: found.append(set(read_services(home))))
    services._start_servers(home, {}, (14300, 15300), lambda _: None)
    assert found[0] == {"mlflow", "prefect"}


def test_a_damaged_run_store_is_named_with_a_remedy(home: Home) -> None:
    assert champions(home) == {}
    home.runs_file.write_bytes(DAMAGED)
    with pytest.raises(HomeError, match=r"mlflow\.db: the runs and models cannot be read .* `netest restore`"):
        champions(home)
    state = look(home)
    assert state["champions"] == {} and "mlflow.db" in state["problems"][0]["what"]
    with pytest.raises(HomeError, match="cannot be read"):
        run_score(home)


def test_a_locked_run_store_asks_for_patience(home: Home) -> None:
    with closing(sqlite3.connect(home.runs_file)) as runs, runs:
        runs.execute("CREATE TABLE t (x)")
    with closing(sqlite3.connect(home.runs_file)) as runs:
        runs.execute("BEGIN EXCLUSIVE")
        with pytest.raises(HomeError, match="try again"):
            aliased(home.runs_file, "champion", patience=0.1)


def test_a_damaged_store_leads_to_a_backup_not_to_an_ingest(home: Home) -> None:
    (home.root / "store.sqlite").write_bytes(DAMAGED)
    state = look(home)
    assert state["store"]["state"] == "unusable"
    assert "netest restore FILE --replace" in state["problems"][0]["remedy"]
    assert not any("netest ingest" in line for line in next_steps(state))
    with pytest.raises(HomeError, match=r"store\.sqlite: cannot be copied"):
        run_backup(home)


def test_a_store_that_is_gone_while_models_are_there_is_a_problem(home: Home, monkeypatch) -> None:
    monkeypatch.setattr("flows.work.state.champions", lambda _: {"MRD36@6": "M3 (version 1)"})
    assert "the store they came from is gone" in look(home)["problems"][0]["what"]


def test_scores_before_any_training_are_refused_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.work.score.prepare", lambda *_: pytest.fail("prepared"))
    with pytest.raises(PublicError, match="no champion yet; `netest train`"):
        run_score(home)


def test_a_day_that_has_not_come_is_no_data_cut(home: Home) -> None:
    ahead = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    with pytest.raises(PublicError, match="lies ahead"):
        load_trial(home, ahead)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(HomeError, match="a file, not a folder"):
        look(Home.at(tmp_path / "x"))
