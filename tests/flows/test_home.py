"""The home: where things lie, what its processes are told, and what stays secret."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from flows.home import SETTINGS, Home, HomeError, read_json, write_json


def test_layout(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "x").create()
    made = sorted(str(path.relative_to(home.root)) for path in home.root.rglob("*"))
    assert made == [
        "backups", "inbox", "inbox/done", "logs", "mlflow", "mlflow/artifacts", "netest-home.json", "nightly",
        "prefect", "quarantine", "reports",
    ]  # fmt: skip
    assert home.store_url == f"sqlite:///{tmp_path}/x/store.sqlite"
    assert home.mlflow_uri == f"sqlite:///{tmp_path}/x/mlflow/mlflow.db"
    assert home.artifact_uri == f"{tmp_path}/x/mlflow/artifacts"


def test_place_is_named_by_argument_then_variable_then_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.find().root == tmp_path / "var"
    monkeypatch.setenv("NETEST_HOME", "elsewhere")
    assert Home.find().root == tmp_path / "elsewhere"
    assert Home.find("here").root == tmp_path / "here"


def test_a_home_keeps_its_kind(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "x")
    assert home.kind == ""
    assert home.create("demo").create().kind == "demo"


def test_stores_by_url(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETEST_STORE_URL", "postgresql+psycopg://db/trial")
    monkeypatch.setenv("NETEST_ARTIFACT_URI", "s3://bucket/runs")
    assert (home.store_url, home.artifact_uri) == ("postgresql+psycopg://db/trial", "s3://bucket/runs")


def test_environment_of_children_is_quiet_and_belongs_to_this_home(home: Home) -> None:
    foreign = {"PREFECT_API_URL": "http://elsewhere/api", "PREFECT_PROFILE": "cloud", "PATH": "/bin"}
    env = home.environment(foreign)
    assert env == {
        "PATH": "/bin", "NETEST_HOME": str(home.root), "PREFECT_HOME": str(home.root / "prefect"), **SETTINGS,
    }  # fmt: skip
    assert env["DO_NOT_TRACK"] == "true", "MLflow accepts only the word true"
    assert env["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert home.environment(foreign, api_url="http://own/api")["PREFECT_API_URL"] == "http://own/api"


def test_entering_drops_the_address_of_another_installation(home: Home) -> None:
    os.environ["PREFECT_API_URL"] = "http://elsewhere/api"
    home.enter()
    assert "PREFECT_API_URL" not in os.environ
    assert os.environ["NETEST_HOME"] == str(home.root)


def test_subject_key_is_made_once_for_its_owner_only(home: Home) -> None:
    key = home.subject_key()
    assert len(key) == 64 and home.subject_key() == key
    assert stat.S_IMODE(home.secret_file.stat().st_mode) == 0o600
    assert Home.at(home.root.parent / "other").subject_key() != key


def test_own_protocol_file_replaces_the_packaged_one(home: Home) -> None:
    from data.protocol import PROTOCOL_FILE

    packaged = home.protocol()
    home.protocol_file.write_text(PROTOCOL_FILE.read_text(encoding="utf-8") + "\n# ours\n", encoding="utf-8")
    assert home.protocol().path == home.protocol_file
    assert home.protocol().digest != packaged.digest


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HomeError, match="choose --home FOLDER"):
        Home.at(tmp_path / "file" / "home").create()


def test_json_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "x.json"
    assert read_json(path) is None
    write_json(path, {"b": 1})
    assert read_json(path) == {"b": 1}
    assert [file.name for file in path.parent.iterdir()] == ["x.json"]
    path.write_text("{half")
    assert read_json(path) is None
