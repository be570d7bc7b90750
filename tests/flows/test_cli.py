"""The console script: light to load, honest exit codes, one line an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from data.findings import Finding, Refused
from data.ingest.report import FILE_COLUMNS, IngestReport
from flows.cli import main
from flows.errors import PublicError
from flows.home import Home
from flows.work.ingest import Ingested
from flows.work.selection import TrainRequest

HEAVY = (
    "pandas",
    "numpy",
    "sklearn",
    "mlflow",
    "prefect",
    "matplotlib",
    "sqlalchemy",
    "scipy",
    "xgboost",
    "rich",
    "pydantic",
)
COMMANDS = {"protocol", "dictionary",
    "demo", "ingest", "train", "score", "report", "dataset", "nightly", "simulate", "plan", "up", "down", "status",
    "backup", "restore",
}  # fmt: skip


def run(*words: str) -> SimpleNamespace:
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)


def ingested(*rows: tuple) -> Ingested:
    return Ingested(IngestReport(pd.DataFrame(rows, columns=list(FILE_COLUMNS))), dry_run=False, explanation=None)


def test_nothing_heavy_is_imported_for_help() -> None:
    code = f"import sys, flows.cli; print([name for name in {HEAVY} if name in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert answer.stdout.strip() == "[]"


def test_commands() -> None:
    assert set(main.commands) == COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_shows_an_example_and_takes_a_home(name: str) -> None:
    answer = run(name, "--help")
    assert answer.code == 0
    assert f"Example:  netest {name}" in answer.out
    assert "--home FOLDER" in answer.out and "--debug" in answer.out


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([("a.csv", "plate", "loaded", 3, "")], 0),
        ([("a.csv", "plate", "unchanged", 0, "")], 0),
        ([("a.csv", "plate", "loaded", 3, ""), ("b.csv", "unknown", "rejected", 0, "no header")], 1),
    ],
)
def test_ingest_exit_code(rows: list, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def fake(home: Home, paths: list[str], dry_run: bool, progress: object = None) -> Ingested:
        asked.update(root=home.root, paths=paths, dry_run=dry_run)
        return ingested(*rows)

    monkeypatch.setattr("flows.work.ingest.run_ingest", fake)
    answer = run("ingest", str(tmp_path), "--dry-run", "--home", str(tmp_path / "h"))
    assert answer.code == code
    assert asked == {"root": tmp_path / "h", "paths": [str(tmp_path)], "dry_run": True}
    assert ("no header" in answer.out) == bool(code)


def test_ingest_json_is_only_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.work.ingest.run_ingest", lambda *_, **__: ingested(("a.csv", "plate", "loaded", 3, "")))
    record = json.loads(run("ingest", str(tmp_path), "--json", "--home", str(tmp_path / "h")).out)
    assert (record["loaded"], record["rejected"], record["files"][0]["file"]) == (1, 0, "a.csv")


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "no-such-file.csv"),
        ("train", "--landmark", "7"),
        ("train", "--data-cut", "yesterday"),
        ("score", "--out", "scores.xlsx"),
        ("report", "patient"),
        ("report", "weather"),
        ("simulate",),
        ("plan", "--out", "plan.pdf"),
        ("plan", "--patients", "0"),
        ("forecast",),
    ],
)
def test_wrong_usage_is_exit_code_2(words: tuple[str, ...], tmp_path: Path) -> None:
    answer = run(*words)
    assert answer.code == 2
    assert "Error:" in answer.err and "Traceback" not in answer.err


def failing(error: Exception):
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_an_error_is_one_line_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "flows.work.score.run_score", failing(ValueError("no champion yet;\n `netest train` makes one"))
    )
    answer = run("score", "--home", str(tmp_path / "h"))
    assert (answer.code, answer.err) == (1, "error: no champion yet; `netest train` makes one\n")


def test_an_error_without_words_names_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.work.score.run_score", failing(KeyError("arm")))
    answer = run("score", "--home", str(tmp_path / "h"))
    assert answer.code == 1
    assert answer.err.startswith("error: KeyError: 'arm'") and "--debug" in answer.err


def test_findings_keep_a_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding("D201", "reject", f"patient P{n} is unknown", file="x.csv", line=n) for n in (2, 3)]
    monkeypatch.setattr("flows.work.score.run_score", failing(Refused(findings)))
    answer = run("score", "--home", str(tmp_path / "h"))
    assert answer.err.splitlines() == [f"error: {findings[0]}", f"       {findings[1]}"]


def test_debug_shows_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.work.score.run_score", failing(ValueError("no champion yet")))
    with pytest.raises(ValueError, match="no champion yet"):
        run("score", "--debug", "--home", str(tmp_path / "h"))


def test_train_request_in_the_words_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        "flows.work.train.run_train", lambda home, request, progress=None: seen.append(request) or 1 / 0
    )
    words = ("--endpoint", "mrd", "--landmark", "6", "--model", "M0", "--model", "M2", "--data-cut", "2027-01-31")
    assert run("train", *words, "--home", str(tmp_path / "h")).code == 1
    (request,) = seen
    assert (request.family, request.landmark, request.models) == ("mrd", "6", ("M0", "M2"))
    assert str(request.data_cut) == "2027-01-31" and not request.complete
    assert request.settings == {"blocks": "patient", "learning_curve": False, "permutations": 0} and request.jobs == 0


def test_validation_in_the_words_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        "flows.work.train.run_train", lambda home, request, progress=None: seen.append(request) or 1 / 0
    )
    words = ("--blocks", "site", "--learning-curve", "--permutations", "19", "--jobs", "2")
    assert run("train", *words, "--home", str(tmp_path / "h")).code == 1
    (request,) = seen
    assert request.settings == {"blocks": "site", "learning_curve": True, "permutations": 19}
    assert request.jobs == 2 and request.complete
    assert run("train", "--permutations", "-1", "--home", str(tmp_path / "h")).code == 2
    with pytest.raises(PublicError, match="numbers from 0 on"):
        TrainRequest(permutations=-1)


def test_bare_command_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run()
    assert answer.code == 0
    assert "netest demo" in answer.out and "netest ingest FOLDER" in answer.out
    assert not (tmp_path / "var").exists(), "looking makes nothing"


def test_bare_command_says_what_to_do_next(home: Home) -> None:
    (home.inbox / "plate.csv").write_text("x")
    answer = run("--home", str(home.root))
    assert answer.code == 0
    assert "Store       not there yet" in answer.out
    assert "1 waiting in the inbox and nobody watches" in answer.out
    assert answer.out.rstrip().endswith("netest ingest FOLDER   load a delivery")


def test_status_is_1_when_something_is_wrong(home: Home) -> None:
    assert run("status", "--home", str(home.root)).code == 0
    (home.inbox / "plate.csv").write_text("x")
    answer = run("status", "--json", "--home", str(home.root))
    state = json.loads(answer.out)
    assert answer.code == 1
    assert state["inbox"] == 1 and state["problems"][0]["remedy"] == "netest ingest"
    assert {row["name"]: row["state"] for row in state["services"]} == dict.fromkeys(
        ("prefect", "mlflow", "worker", "inbox"), "off"
    )


def test_down_where_nothing_runs(home: Home) -> None:
    answer = run("down", "--home", str(home.root))
    assert (answer.code, answer.out) == (0, "nothing was running\n")


def test_help_texts_begin_with_a_short_sentence() -> None:
    for name, command in main.commands.items():
        assert isinstance(command, click.Command)
        sentence = command.get_short_help_str(limit=200)
        assert len(sentence) < 95, f"{name}: {sentence}"
