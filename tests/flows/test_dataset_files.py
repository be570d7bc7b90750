"""The analysis set is written whole or not at all."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from flows.work import dataset
from flows.work.dataset import run_dataset

FILES = {"features.csv", "labels.csv", "dictionary.csv", "manifest.json"}


@pytest.fixture
def prepared(monkeypatch):
    trial = SimpleNamespace(study="S", simulated=True)
    facts = SimpleNamespace(trial=trial, data_cut="2026-11-21T00:00:00", fingerprint="f")
    monkeypatch.setattr(dataset, "prepare", lambda home, data_cut: facts)
    monkeypatch.setattr(dataset, "feature_rows", lambda prepared: pd.DataFrame({"patient_id": ["P1"]}))
    monkeypatch.setattr(dataset, "label_rows", lambda prepared: pd.DataFrame({"patient_id": ["P1", "P1"]}))


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_nothing_but_the_files_is_left(prepared, tmp_path):
    folder, files = run_dataset(None, tmp_path / "set", "csv")
    assert names(folder) == set(files) == FILES
    assert json.loads((folder / "manifest.json").read_text())["rows"] == {"features": 1, "labels": 2}


def test_a_failure_leaves_the_set_that_was_there(prepared, tmp_path, monkeypatch):
    folder, _ = run_dataset(None, tmp_path / "set", "csv")
    before = {name: (folder / name).read_bytes() for name in FILES}

    def fail(*_args, **_more):
        raise OSError("disk full")

    monkeypatch.setattr(dataset, "write_json", fail)
    with pytest.raises(OSError, match="disk full"):
        run_dataset(None, tmp_path / "set", "csv")
    assert names(folder) == FILES
    assert {name: (folder / name).read_bytes() for name in FILES} == before
