"""The night's decisions, with a training that is only pretended."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from flows.home import Home, read_json, write_json
from flows.work.fingerprint import changed_parts, code_digest, fingerprint
from flows.work.ingest import run_ingest
from flows.work.nightly import current_fingerprint, run_nightly
from flows.work.train import trained_file


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list:
    calls: list = []

    def pretend(home: Home, request: object, **_: object) -> SimpleNamespace:
        calls.append(request)
        now = current_fingerprint(home)
        write_json(trained_file(home), {"fingerprint": now})
        prepared = SimpleNamespace(fingerprint=now)
        return SimpleNamespace(prepared=prepared, sentence="8 endpoints trained", registered=[], experiments={})

    monkeypatch.setattr("flows.work.nightly.run_train", pretend)
    return calls


def test_an_empty_store_is_no_failure(home: Home, trained: list) -> None:
    record = run_nightly(home)
    assert (record["status"], record["message"]) == ("nothing new", "Nothing to train on: the store is empty")
    assert not trained


def test_first_night_trains_second_does_not_third_sees_the_new_file(home: Home, delivery: Path, trained: list) -> None:
    run_ingest(home, [delivery])
    assert run_nightly(home)["changed"] == ["first training"]
    assert run_nightly(home)["status"] == "nothing new"
    assert len(trained) == 1 and trained[0].complete and trained[0].trigger == "schedule"
    file = delivery / "patients.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("1955", "1956"), encoding="utf-8")
    run_ingest(home, [delivery])
    record = run_nightly(home)
    assert record["changed"] == ["data"]
    assert record["message"] == "Retrained because of: data. 8 endpoints trained"
    assert read_json(home.nightly / "last.json")["status"] == "retrained"


def test_the_same_content_under_another_name_is_nothing_new(home: Home, delivery: Path, trained: list) -> None:
    run_ingest(home, [delivery])
    run_nightly(home)
    (delivery / "patients.csv").rename(delivery / "again.csv")
    run_ingest(home, [delivery])
    assert run_nightly(home)["status"] == "nothing new"


def test_force_trains_anyway(home: Home, delivery: Path, trained: list) -> None:
    run_ingest(home, [delivery])
    run_nightly(home)
    assert run_nightly(home, force=True)["message"].startswith("Retrained because of: force")
    assert len(trained) == 2


def test_a_failed_night_is_remembered_without_its_words(
    home: Home, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ingest(home, [delivery])

    def fail(*_: object, **__: object) -> None:
        raise ValueError("patient T001 has two births")

    monkeypatch.setattr("flows.work.nightly.run_train", fail)
    with pytest.raises(ValueError, match="T001"):
        run_nightly(home)
    text = (home.nightly / "last.json").read_text(encoding="utf-8")
    assert read_json(home.nightly / "last.json")["status"] == "failed" and "T001" not in text
    assert not trained_file(home).exists()


def test_fingerprint_moves_with_each_part(home: Home) -> None:
    protocol = home.protocol()
    one = fingerprint("a", protocol)
    assert one == fingerprint("a", protocol)
    other = fingerprint("b", protocol)
    assert other["digest"] != one["digest"]
    assert changed_parts(one, other) == ["data"]
    assert changed_parts({**one, "code": "older"}, one) == ["code"]
    assert changed_parts(None, one) == ["first training"]
    assert one["code"] == code_digest() and len(one["libraries"]) == 64
