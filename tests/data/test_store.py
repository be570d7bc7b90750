"""The store: round trip, history, idempotence, digest, schema."""

import multiprocessing
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from data.findings import Refused
from data.store import FileRecord, Store
from data.store.content import overlay
from data.store.engine import MIGRATIONS
from data.store.schema import REVISION, metadata
from data.trial import TRIAL_TABLES, Trial, typed

NOON = datetime(2026, 1, 1, 12)
ONE = datetime(2026, 1, 1, 13)
TWO = datetime(2026, 1, 1, 14)


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'home' / 'store.sqlite'}") as store:
        store.initialise()
        yield store


def record(name: str, kind: str = "patients") -> FileRecord:
    return FileRecord(name, name.ljust(64, "0"), kind)


def patients(**surgery: str) -> pd.DataFrame:
    return typed("patients", pd.DataFrame({"patient_id": list(surgery), "surgery_on": list(surgery.values())}))


def controls(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return typed("controls", pd.DataFrame(rows, columns=["plate", "control", "value"]))


def wells(plates: int, each: int) -> pd.DataFrame:
    number = np.arange(plates * each)
    frame = pd.DataFrame({"plate": [f"P{i}" for i in number // each], "row": number % each + 1.0})
    frame["sample_id"] = [None if i % 10 == 0 else f"S{i % 90}" for i in number]
    frame["cq"] = np.where(number % 7 == 0, np.nan, 20 + number / 1e4)
    return typed(
        "wells",
        frame.assign(instrument="QS", file="f.txt", well="A1", target="ALG9", task="unknown", omit=False),
    )


def test_an_empty_store_gives_an_empty_trial(store):
    trial = store.trial()
    for name, frame in trial.tables().items():
        pd.testing.assert_frame_equal(frame, getattr(Trial.empty(), name))
    assert (trial.study, trial.simulated, trial.data_cut) == ("", False, None)
    assert store.files().empty
    assert store.known_patients() == set()


def test_rows_come_back_equal_and_in_the_order_of_their_keys(store):
    frame = patients(P2="2020-03-02", P1="2020-01-10")
    result = store.load(record("a"), {"patients": frame}, NOON)
    assert (result.status, result.inserted, result.superseded, result.skipped) == ("loaded", 2, 0, 0)
    pd.testing.assert_frame_equal(store.trial().patients, frame.iloc[::-1].reset_index(drop=True))
    assert store.known_patients() == {"P1", "P2"}


def test_the_same_bytes_twice_change_nothing(store):
    store.load(record("a"), {"patients": patients(P1="2020-01-10")}, NOON)
    before = store.files(), store.history("patients"), store.digest()
    assert store.load(record("a"), {"patients": patients(P1="1999-01-01")}, ONE).status == "unchanged"
    pd.testing.assert_frame_equal(store.files(), before[0])
    pd.testing.assert_frame_equal(store.history("patients"), before[1])
    assert store.digest() == before[2]


def test_a_corrected_file_replaces_by_key_and_keeps_the_history(store):
    store.load(record("a"), {"patients": patients(P1="2020-01-10", P2="2020-02-10")}, NOON)
    result = store.load(record("b"), {"patients": patients(P1="2020-01-11", P2="2020-02-10")}, ONE)
    assert (result.inserted, result.superseded, result.skipped) == (1, 1, 1)
    history = store.history("patients")
    assert history["patient_id"].tolist() == ["P1", "P2", "P1"]
    assert history["superseded_at"].tolist()[0] == ONE
    assert history["superseded_by"].tolist()[0] == 2
    assert history["superseded_at"].isna().tolist() == [False, True, True]
    assert store.files()["superseded"].tolist() == [1, 0]
    assert store.trial().patients["surgery_on"].dt.day.tolist() == [11, 10]


def test_a_data_cut_shows_what_was_known_then(store):
    store.load(record("a"), {"patients": patients(P1="2020-01-10")}, NOON)
    first = store.digest()
    store.load(record("b"), {"patients": patients(P1="2020-01-11", P2="2020-02-10")}, TWO)
    assert store.trial("2026-01-01 11:59:59").patients.empty
    assert store.trial(ONE).patients["surgery_on"].dt.day.tolist() == [10]
    assert store.digest(ONE) == first == store.trial(ONE).digest
    assert store.trial(pd.Timestamp("2026-01-01 14:30", tz="UTC")).patients["patient_id"].tolist() == [
        "P1",
        "P2",
    ]
    assert store.trial("2026-01-01").digest == store.trial(date(2026, 1, 1)).digest == store.digest()
    assert store.trial("2025-12-31").patients.empty


def test_a_plate_without_row_keys_is_replaced_as_a_whole(store):
    first = controls(("PL1", "LOW", 13), ("PL1", "HIGH", 70), ("PL1", "HIGH", 70), ("PL2", "LOW", 14))
    assert store.load(record("a"), {"controls": first}).inserted == 4
    again = store.load(record("b"), {"controls": first.iloc[[2, 1, 0]]})
    assert (again.inserted, again.superseded, again.skipped) == (0, 0, 3)
    fewer = store.load(record("c"), {"controls": controls(("PL1", "LOW", 13), ("PL1", "HIGH", 70))})
    assert (fewer.inserted, fewer.superseded) == (2, 3)
    assert sorted(store.trial().controls["plate"]) == ["PL1", "PL1", "PL2"]


def test_the_digest_sees_content_and_nothing_else(tmp_path):
    digests = set()
    loads = [("a", {"patients": patients(P1="2020-01-10")}), ("b", {"controls": controls(("X", "LOW", 1.5))})]
    for number, order in enumerate((loads, loads[::-1])):
        with Store(f"sqlite:///{tmp_path / f'{number}.sqlite'}") as store:
            store.initialise()
            for instant, (name, frames) in enumerate(order):
                store.load(record(name + str(number)), frames, datetime(2026, 1 + instant, 1))
            digests.add(store.digest())
            assert store.trial().digest == store.digest()
    assert len(digests) == 1
    with Store(f"sqlite:///{tmp_path / '0.sqlite'}") as store:
        store.load(record("c"), {"controls": controls(("X", "LOW", 1.5000001))})
        assert store.digest() not in digests


@pytest.mark.parametrize("seed", range(8))
def test_what_ingestion_believes_is_what_the_store_holds(seed):
    random = np.random.default_rng(seed)
    believed = {"patients": patients(), "controls": controls()}
    with Store("sqlite://") as store:
        store.initialise()
        for number in range(6):
            chosen = random.choice(5, size=random.integers(1, 5), replace=False)
            days = {f"P{i}": f"2020-01-{random.integers(1, 4):02d}" for i in chosen}
            measured = [(f"X{i}", "LOW", float(random.integers(3))) for i in random.integers(0, 3, size=4)]
            frames = {"patients": patients(**days), "controls": controls(*measured)}
            store.load(record(f"{number}"), frames)
            believed = {name: overlay(name, believed[name], frame) for name, frame in frames.items()}
        for name, frame in store.frames(believed).items():
            columns = list(frame.columns[:2]) + ["surgery_on" if name == "patients" else "value"]
            pd.testing.assert_frame_equal(
                frame.sort_values(columns, ignore_index=True),
                believed[name].sort_values(columns, ignore_index=True),
            )
            current = store.history(name).query("superseded_at.isna()")
            assert len(current) == len(frame)


def test_the_study_record_is_the_latest(store):
    for name, simulated in (("a", True), ("b", False)):
        frame = pd.DataFrame([{"name": f"study {name}", "simulated": simulated, "note": ""}])
        store.load(record(name, "manifest"), {"study": frame})
        assert (store.trial().study, store.trial().simulated) == (f"study {name}", simulated)
    assert len(store.history("study")) == 2


def test_a_rejected_file_is_remembered_until_it_loads(store):
    store.reject(record("a"), "line 2 is wrong", NOON)
    assert store.files()[["status", "reason", "n_rows"]].to_numpy().tolist() == [["rejected", "line 2 is wrong", 0]]
    assert store.loaded_kinds() == {}
    store.load(record("a"), {"patients": patients(P1="2020-01-10")}, ONE)
    store.reject(record("a"), "too late", TWO)
    assert store.files()[["status", "reason", "n_rows"]].to_numpy().tolist() == [["loaded", "", 1]]
    assert list(store.loaded_kinds().values()) == ["patients"]


def test_63000_wells_are_written_and_read_fast(store):
    frame = wells(40, 1575)
    clock = datetime.now()
    assert store.load(record("w", "plate"), {"wells": frame}).inserted == 63_000
    written = (datetime.now() - clock).total_seconds()
    clock = datetime.now()
    trial = store.trial()
    read = (datetime.now() - clock).total_seconds()
    order = frame.sort_values(["plate", "row"], kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(typed("wells", trial.wells), order)
    assert written < 15, f"63,000 wells took {written:.1f} s to write"
    assert read < 8, f"63,000 wells took {read:.1f} s to read"


def test_the_migrations_make_the_schema_that_the_code_uses(store):
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_current_head() == REVISION
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_every_table_of_a_trial_is_stored():
    assert set(TRIAL_TABLES) < set(metadata.tables)


def test_initialising_twice_keeps_the_content(store):
    store.load(record("a"), {"patients": patients(P1="2020-01-10")})
    digest = store.digest()
    store.initialise()
    assert store.digest() == digest
    with store.engine.connect() as connection:
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(sa.text("PRAGMA busy_timeout")) >= 1000


def _initialise(url: str) -> None:
    with Store(url) as store:
        store.initialise()


def test_two_processes_may_start_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_initialise, args=(url,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    with Store(url) as store:
        assert store.trial().patients.empty


def test_asking_creates_nothing(tmp_path):
    path = tmp_path / "store.sqlite"
    with Store(f"sqlite:///{path}") as store:
        assert not store.ready
    assert not path.exists()


def test_a_store_that_cannot_be_used_says_why(tmp_path):
    with (
        Store(f"sqlite:///{tmp_path / 'x.sqlite'}") as store,
        pytest.raises(Refused, match="initialise the store first"),
    ):
        store.trial()
    with pytest.raises(Refused, match=r"\[S104\] the store URL cannot be used"):
        Store("not a url")
    (tmp_path / "text.sqlite").write_text("this is no database, it only looks like a file of some length")
    with Store(f"sqlite:///{tmp_path / 'text.sqlite'}") as store, pytest.raises(Refused, match=r"\[S104\]"):
        store.initialise()


def test_a_store_of_a_newer_release_is_left_alone(store):
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refused, match=r"\[S105\] the store has schema 9999, this software knows up to"):
        store.initialise()


def test_a_reader_does_not_wait_for_a_writer(store):
    store.load(record("a"), {"patients": patients(P1="2020-01-10")})
    with store.engine.connect().execution_options(store_writes=True) as writer, writer.begin() as pending:
        writer.execute(sa.text("UPDATE patients SET site = 'elsewhere'"))
        assert store.trial().patients["site"].tolist() == [None]
        pending.rollback()


@pytest.mark.parametrize("path", [Path("data/store/migrations/env.py"), Path("data/store/migrations/versions")])
def test_the_migrations_are_packaged(path):
    assert (Path(__file__).parents[2] / path).exists()
