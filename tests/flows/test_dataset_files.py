"""The analysis set is written whole or not at all."""

from __future__ import annotations

import json
import os
import time
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from report_cases import one_patient, protocol

from features.landmark.sampling import STATES
from features.outcomes import build_outcome
from features.registry import FEATURES, LEARNT
from flows.work import dataset
from flows.work.dataset import run_dataset

FILES = {"features.csv", "labels.csv", "samples.csv", "dictionary.csv", "manifest.json"}


@pytest.fixture
def prepared(monkeypatch):
    trial = SimpleNamespace(study="S", simulated=True)
    facts = SimpleNamespace(trial=trial, data_cut="2026-11-21T00:00:00", fingerprint="f")
    monkeypatch.setattr(dataset, "prepare", lambda home, data_cut: facts)
    monkeypatch.setattr(dataset, "feature_rows", lambda prepared: pd.DataFrame({"patient_id": ["P1"]}))
    monkeypatch.setattr(dataset, "label_rows", lambda prepared: pd.DataFrame({"patient_id": ["P1", "P1"]}))
    monkeypatch.setattr(dataset, "sample_rows", lambda prepared: pd.DataFrame({"patient_id": ["P1"] * 3}))


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_nothing_but_the_files_is_left(prepared, tmp_path):
    folder, files = run_dataset(None, tmp_path / "set", "csv")
    assert names(folder) == set(files) == FILES
    assert json.loads((folder / "manifest.json").read_text())["rows"] == {"features": 1, "labels": 2, "samples": 3}


def fits(folder):
    told = json.loads((folder / "manifest.json").read_text())["sha256"]
    rest = names(folder) - {"manifest.json"}
    return told == {name: sha256((folder / name).read_bytes()).hexdigest() for name in rest}


def test_the_other_form_leaves_nothing_of_an_earlier_export(prepared, tmp_path):
    folder, _ = run_dataset(None, tmp_path / "set", "csv")
    assert fits(folder)
    _, files = run_dataset(None, folder, "parquet")
    assert names(folder) == set(files) and fits(folder)


@pytest.mark.parametrize("moves", range(5))
def test_a_run_cut_off_between_two_files_never_leaves_a_manifest_beside_other_files(
    prepared, tmp_path, monkeypatch, moves
):
    folder, _ = run_dataset(None, tmp_path / "set", "csv")
    left, move = iter(range(moves)), os.replace

    def cut_off(source, target):
        if Path(source).parent.name.startswith(".dataset-") and next(left, None) is None:
            raise KeyboardInterrupt
        move(source, target)

    monkeypatch.setattr(dataset.os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run_dataset(None, folder, "csv")
    assert not (folder / "manifest.json").exists() or fits(folder)
    assert (folder / "manifest.json").exists() == (moves == 0), "the first move is that of the manifest set aside"


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


def test_every_scheduled_sample_has_a_row_and_every_column_a_meaning():
    prepared = SimpleNamespace(trial=one_patient(), protocol=protocol())
    prepared.outcome = build_outcome(prepared.trial, prepared.protocol)
    rows = dataset.sample_rows(prepared)
    assert rows.set_index(["specimen", "visit"])["status"].to_dict() == {
        ("blood", "baseline"): "not_collected",
        ("blood", "month_6"): "collected",
        ("blood", "month_12"): "withdrawn",
        ("blood", "month_36"): "withdrawn",
        ("urine", "baseline"): "not_collected",
        ("urine", "month_6"): "collected",
        ("urine", "month_12"): "withdrawn",
        ("urine", "month_36"): "withdrawn",
    }
    told = dataset.dictionary()
    assert set(rows.columns) == set(told.loc[told["table"].eq("samples"), "name"])
    words = told.loc[told["table"].eq("samples") & told["name"].eq("status"), "formula"].iloc[0]
    assert all(state in words for state in STATES)


def test_columns_that_stand_in_no_file_are_told_apart():
    told = dataset.dictionary().set_index("table")["name"]
    assert set(told.loc["features"]) == {"patient_id", "landmark_month", *FEATURES}
    assert set(told.loc["model"]) == set(LEARNT)


def test_what_a_killed_export_left_is_removed_when_it_is_old(prepared, tmp_path):
    folder, _ = run_dataset(None, tmp_path / "set", "csv")
    for name, age in ((".dataset-old", 7200), (".dataset-now", 0)):
        (folder / name).mkdir()
        os.utime(folder / name, (time.time() - age,) * 2)
    run_dataset(None, tmp_path / "set", "csv")
    assert names(folder) == FILES | {".dataset-now"}
