"""The main job on the bundled example with a light validation plan: train, score, export, report, night, backup."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from light_rules import KEPT, light_protocol

from flows.demo import EXAMPLE, ten_lines
from flows.errors import PublicError
from flows.home import FOREIGN, Home, HomeError, read_json
from flows.work.dataset import run_dataset
from flows.work.ingest import run_ingest
from flows.work.kept import kept_trainings
from flows.work.maintenance import run_backup, run_restore
from flows.work.nightly import run_nightly
from flows.work.prepared import load_trial
from flows.work.registry import champions, open_tracker
from flows.work.report import run_report
from flows.work.score import run_score
from flows.work.selection import TrainRequest
from flows.work.state import look
from flows.work.train import Trained, run_train, trained_file
from flows.work.undo import all_or_nothing, cut_off

pytestmark = pytest.mark.xdist_group("main_job")

COLUMNS = [
    "patient_id", "endpoint", "endpoint_id", "landmark_month", "horizon_month", "probability", "lower", "upper", "call",
    "reason", "model_name", "model_version", "data_cut",
]  # fmt: skip


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Trained]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NETEST_HOME", "NETEST_STORE_URL", "NETEST_MLFLOW_URI", "NETEST_ARTIFACT_URI", *FOREIGN):
            patch.delenv(name, raising=False)
        home = Home.at(tmp_path_factory.mktemp("job") / "home").create()
        home.protocol_file.write_text(light_protocol(), encoding="utf-8")
        tables = [path for path in EXAMPLE.iterdir() if path.is_file()]
        assert run_ingest(home, tables).rejected == 0
        yield home, run_train(home, TrainRequest(trigger="test"))


def test_every_endpoint_is_trained_or_says_why_not(job: tuple[Home, Trained]) -> None:
    home, trained = job
    assert tuple(trained.results) == tuple(home.protocol().endpoints) == KEPT
    for result in trained.results.values():
        assert (result.status == "fitted") == (not result.reason)
    assert trained.results["MRD36@6"].champion
    assert {row["alias"] for row in trained.registered} == {"champion", "challenger"}
    json.dumps(trained.record())


def test_no_area_is_printed_without_interval_events_and_rate_by_arm(job: tuple[Home, Trained]) -> None:
    trained = job[1]
    for row in trained.table():
        assert re.fullmatch(r"\d+ / \d+", row[5]) and re.search(r"\d+% \(.*control.*prrt", row[6])
        assert row[1] == "-" or re.match(r"[01]\.\d\d \(", row[2])
    assert any("fixed sequence): " in note and "MRD36@6" in note for note in trained.notes())


def test_the_runs_carry_trigger_and_digest_and_no_patient(job: tuple[Home, Trained]) -> None:
    home, trained = job
    run = open_tracker(home).client.get_run(trained.runs["MRD36@6"])
    assert run.data.tags["trigger"] == "test"
    with home.store() as store:
        patients = store.known_patients()
    for path in (home.root / "mlflow" / "artifacts").rglob("*"):
        if path.suffix in (".csv", ".json", ".md", ".html", ".txt"):
            words = set(re.findall(r"\bEX\d+\b", path.read_text(encoding="utf-8", errors="replace")))
            assert not words & patients, path


def test_scores(job: tuple[Home, Trained], tmp_path: Path) -> None:
    home, _ = job
    scored = run_score(home, tmp_path / "scores.csv")
    frame = pd.read_csv(tmp_path / "scores.csv")
    assert list(frame.columns) == COLUMNS
    assert not frame.duplicated(["patient_id", "endpoint_id"]).any()
    assert set(frame["endpoint"]) == {"mrd", "early_recurrence"}
    known = frame.dropna(subset="probability")
    assert known["probability"].between(0, 1).all() and len(known) == scored.called > 0
    assert (known["lower"] <= known["probability"]).all() and (known["probability"] <= known["upper"]).all()
    silent = frame[frame["probability"].isna()]
    assert (silent["call"] == "no call").all() and silent["reason"].notna().all()
    assert silent.loc[silent["endpoint_id"] == "ER12@36", "reason"].str.startswith("not estimable: ").all()


def test_the_data_cut_of_the_scores_gives_the_same_scores(job: tuple[Home, Trained], tmp_path: Path) -> None:
    home, _ = job
    first = run_score(home, tmp_path / "a.parquet").frame
    with home.store() as store:
        assert store.trial(first["data_cut"].iloc[0]).digest == store.digest()


def test_scores_are_csv_or_parquet(job: tuple[Home, Trained], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"written as \.csv or \.parquet"):
        run_score(job[0], tmp_path / "scores.xlsx")


def test_the_analysis_set_explains_itself(job: tuple[Home, Trained], tmp_path: Path) -> None:
    folder, files = run_dataset(job[0], tmp_path / "set", "csv")
    assert files == ["features.csv", "labels.csv", "samples.csv", "dictionary.csv", "manifest.json"]
    dictionary = pd.read_csv(folder / "dictionary.csv")
    for table in ("features", "labels", "samples"):
        frame = pd.read_csv(folder / f"{table}.csv", low_memory=False)
        assert set(frame.columns) == set(dictionary.loc[dictionary["table"] == table, "name"])
    labels = pd.read_csv(folder / "labels.csv")
    assert (labels["weight"].notna() <= labels["y"].notna()).all()
    assert (labels["weight"].dropna() >= 1).all()
    assert read_json(folder / "manifest.json")["simulated"] is True


def test_the_demo_ends_with_ten_lines(job: tuple[Home, Trained], tmp_path: Path) -> None:
    home, trained = job
    ingested = run_ingest(home, [EXAMPLE / "patients.csv"])
    lines = ten_lines(home, ingested, trained, run_score(home, tmp_path / "s.csv"), [tmp_path / "c.html"], seconds=1.0)
    assert len(lines) == 10 and not any("\n" in line for line in lines)
    words = [line.split()[0] for line in lines]
    assert words == ["Loaded", "Labels", "MRD36@6", "ER12@12", "Others", "Calls", "Mind", "Report", "Look", "Took"]
    for line in lines[2:4]:
        assert re.search(r"champion M\d AUC 0\.\d\d \(0\.\d\d to 0\.\d\d\)", line)
        assert "(M0) 0." in line and "(Mc) 0." in line
    assert "ER12@36 not estimable" in lines[4] and "simulated" in lines[6] and "netest up --home" in lines[8]


def test_cohort_report_is_one_file_and_lists_what_was_kept_out(job: tuple[Home, Trained], tmp_path: Path) -> None:
    (tmp_path / "late.csv").write_text("", encoding="utf-8")
    assert run_ingest(job[0], [tmp_path / "late.csv"]).rejected == 1
    (path,) = run_report(job[0], "cohort")
    text = path.read_text(encoding="utf-8")
    assert path == job[0].reports / "cohort.html" and "MRD36@6" in text and "late.csv" in text
    assert not re.search(r"(?:src|href)=[\"']https?://", text)


def test_names_are_refused_before_any_work(job: tuple[Home, Trained], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.work.train.prepare", lambda *_: pytest.fail("prepared"))
    monkeypatch.setattr("flows.work.report.prepare", lambda *_: pytest.fail("prepared"))
    with pytest.raises(PublicError, match="no model M99; registered are M0"):
        run_train(job[0], TrainRequest(models=("M99",)))
    with pytest.raises(PublicError, match="no mrd endpoint at landmark 36"):
        run_train(job[0], TrainRequest("mrd", "36"))
    with pytest.raises(ValueError, match="no patient 'NOPE'"):
        run_report(job[0], "patient", "NOPE")
    with pytest.raises(PublicError, match="needs its name"):
        run_report(job[0], "plate")


def test_a_plate_leaves_its_page_and_those_of_its_patients(job: tuple[Home, Trained]) -> None:
    result = run_ingest(job[0], [EXAMPLE / "qpcr" / "PLQ0031.csv"])
    assert result.rejected == 1, "a plate without clean controls"
    assert [path.parent.name for path in result.pages] == ["plates", "patients", "patients"]
    assert all(path.stat().st_size > 10_000 for path in result.pages)


def test_reports_of_something_unknown_are_refused(job: tuple[Home, Trained]) -> None:
    with pytest.raises(ValueError, match="trained are mrd36-at-6"):
        run_report(job[0], "model", "nonsense")


def test_a_second_night_finds_nothing_new(job: tuple[Home, Trained]) -> None:
    home, trained = job
    before = registry(open_tracker(home))
    record = run_nightly(home)
    assert (record["status"], record["changed"], record["verdict"]) == ("nothing new", [], "keep")
    assert record["fingerprint"] == trained.prepared.fingerprint
    assert registry(open_tracker(home)) == before
    assert read_json(home.nightly / "last.json")["message"] == "Nothing new"


def test_a_restored_home_elsewhere_scores_alike(job: tuple[Home, Trained], tmp_path: Path) -> None:
    home, _ = job
    backup = run_backup(home, tmp_path / "b.tar.gz")
    other = Home.at(tmp_path / "other")
    assert run_restore(other, backup) == [
        "store.sqlite",
        "mlflow",
        "subject.key",
        "protocol.toml",
        "nightly",
        "trainings",
    ]
    with closing(sqlite3.connect(other.root / "mlflow" / "mlflow.db")) as runs:
        places = [
            row[0] for row in runs.execute("SELECT artifact_location FROM experiments WHERE name LIKE 'netest/%'")
        ]
    assert places and all(str(other.root) in place for place in places)
    assert champions(other) == champions(home)
    pd.testing.assert_frame_equal(
        run_score(other, tmp_path / "other.csv").frame, run_score(home, tmp_path / "own.csv").frame
    )
    with pytest.raises(HomeError, match="add --replace"):
        run_restore(other, backup)
    assert run_restore(other, backup, replace=True)
    assert list(other.backups.glob("before-restore-*/store.sqlite"))


def test_state(job: tuple[Home, Trained]) -> None:
    state = look(job[0])
    assert state["store"]["state"] == "ready" and state["store"]["patients"] == 106
    assert state["champions"]["MRD36@6"] == f"{job[1].results['MRD36@6'].champion} (version 1)"


def test_trainings_of_another_hand_are_refused(job: tuple[Home, Trained]) -> None:
    home, trained = job
    assert list(kept_trainings(home)) == list(trained.results)
    path = home.trainings / "mrd36-at-6.pickle"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(HomeError, match="not sealed by this home"):
            kept_trainings(home)
    finally:
        path.write_bytes(whole)


def test_trainings_of_another_version_are_refused_in_words(job: tuple[Home, Trained], monkeypatch) -> None:
    monkeypatch.setattr("flows.work.kept.pickle.loads", lambda _: [].moved)
    with pytest.raises(HomeError, match="another version of this software; run `netest train`"):
        kept_trainings(job[0])


def test_what_a_killed_training_registered_is_taken_back(job: tuple[Home, Trained]) -> None:
    home, trained = job
    tracker = open_tracker(home)
    before, endpoint = registry(tracker), trained.results["MRD36@6"].endpoint
    killed = all_or_nothing(home, tracker, [endpoint])
    killed.__enter__()
    run = tracker.client.create_run(next(iter(trained.experiments.values()))).info.run_id
    version = tracker.client.create_model_version(endpoint.slug, "x", run_id=run).version
    tracker.client.set_registered_model_alias(endpoint.slug, "champion", version)
    assert "cut off half-way" in look(home)["problems"][-1]["what"]
    with home.lock("registry"):
        assert not cut_off(home), "a training that runs is not cut off"
    with all_or_nothing(home, tracker, [endpoint]):
        assert registry(tracker) == before
    assert not cut_off(home) and tracker.client.get_run(run).info.status == "KILLED"


# Those below change the registry or the store and run last.
def test_a_failed_night_leaves_the_registry_as_it_was(
    job: tuple[Home, Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = job
    tracker = open_tracker(home)
    before = registry(tracker)

    def keep_fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("flows.work.registry.keep_training", keep_fails)
    with pytest.raises(OSError, match="disk full"):
        run_train(home, TrainRequest("mrd", "6"))
    assert registry(tracker) == before


def test_new_data_brings_challengers_and_the_champion_stays(job: tuple[Home, Trained], monkeypatch) -> None:
    home, _ = job
    before = champions(home)
    with home.protocol_file.open("a", encoding="utf-8") as protocol:
        protocol.write("\n# reviewed\n")
    monkeypatch.setattr("flows.work.nightly.run_train", only_two)
    record = run_nightly(home)
    assert record["status"] == "retrained" and record["changed"] == ["protocol"]
    assert {row["alias"] for row in record["registered"]} == {"challenger"}
    assert "no promotion gate yet" in record["note"]
    assert champions(home) == before
    assert set(kept_trainings(home)["MRD36@6"].models) > {"M0", "M2", "M3", "Mc"}, "reports keep the full training"
    assert read_json(trained_file(home))["fingerprint"] != record["fingerprint"], "a part is not the whole"


def test_a_model_card_tells_the_data_that_the_model_saw(job: tuple[Home, Trained], tmp_path: Path) -> None:
    home, trained = job
    seen = "patient_id,last_seen_on,status,died_on,death_cause\nEX001,2020-12-01,alive,,\n"
    (tmp_path / "followup.csv").write_text(seen, encoding="utf-8")
    assert run_ingest(home, [tmp_path / "followup.csv"]).loaded == 1
    assert load_trial(home)[0].digest != trained.prepared.trial.digest
    (path,) = run_report(home, "model", "mrd36-at-6")
    text = path.read_text(encoding="utf-8")
    assert trained.prepared.trial.digest in text and trained.prepared.data_cut in text


def only_two(home: Home, request: TrainRequest, **options: object) -> Trained:
    return run_train(home, TrainRequest("mrd", "6", ("M2", "M3"), trigger=request.trigger), **options)


def registry(tracker) -> list:
    return sorted(
        (model.name, sorted(model.aliases.items()), versions(tracker, model.name))
        for model in tracker.client.search_registered_models()
    )


def versions(tracker, name: str) -> list[str]:
    return sorted(str(found.version) for found in tracker.client.search_model_versions(f"name = '{name}'"))
