"""Work on the installation that needs no server: ingest with an inbox, backup, demo folder, selection."""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from data.protocol import load_protocol
from flows.demo import fresh
from flows.home import Home, HomeError, write_json
from flows.processes import start_mark
from flows.work.ingest import run_ingest
from flows.work.maintenance import run_backup, run_restore
from flows.work.prepared import load_trial
from flows.work.selection import select_endpoints
from flows.work.state import look, state_lines


def test_ingest_takes_the_inbox_and_empties_it(home: Home, delivery: Path) -> None:
    delivery.rename(home.inbox / "site")
    (home.inbox / "noise.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    result = run_ingest(home)
    assert (result.loaded, result.rejected) == (1, 1)
    assert [path.name for path in home.inbox.iterdir()] == ["done"]
    assert sorted(path.name for path in home.done.glob("*/*")) == ["noise.csv", "site"]
    assert {path.name for path in home.quarantine.iterdir()} == {"noise.csv", "noise.csv.reason.txt"}
    assert result.explanation is not None and result.explanation.is_file()
    assert look(home)["quarantine"] == 1


def test_a_dry_run_moves_and_makes_nothing(home: Home, delivery: Path) -> None:
    delivery.rename(home.inbox / "site")
    result = run_ingest(home, dry_run=True)
    assert result.sentence == "1 files would be loaded, 0 unchanged, 0 rejected"
    assert (home.inbox / "site").exists() and not (home.root / "store.sqlite").exists()


def test_files_elsewhere_stay_where_they_are(home: Home, delivery: Path) -> None:
    run_ingest(home, [delivery])
    assert (delivery / "patients.csv").exists()
    assert run_ingest(home, [delivery]).unchanged == 1


def test_a_page_that_cannot_be_drawn_does_not_undo_the_ingest(
    home: Home, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.work.ingest.write_pages", lambda *_: 1 / 0)
    assert run_ingest(home, [delivery]).loaded == 1
    (failure,) = (home.logs / "failures").iterdir()
    assert "ZeroDivisionError" in failure.read_text(encoding="utf-8")


def test_an_empty_inbox(home: Home) -> None:
    assert run_ingest(home).sentence == "Nothing to ingest: the inbox is empty"


def test_an_empty_store_says_how_to_fill_it(home: Home) -> None:
    with pytest.raises(ValueError, match="netest ingest FOLDER"):
        load_trial(home)


def test_a_data_cut_before_everything(home: Home, delivery: Path) -> None:
    import datetime as dt

    run_ingest(home, [delivery])
    with pytest.raises(ValueError, match="no patient at the data cut 2020-01-01"):
        load_trial(home, dt.date(2020, 1, 1))


@pytest.mark.parametrize(
    ("family", "landmark", "ids"),
    [
        ("mrd", "6", ["MRD36@6", "MRD24@6"]),
        ("early-recurrence", "12", ["ER12@12"]),
        ("all", "36", ["ER12@36"]),
    ],
)
def test_selection(family: str, landmark: str, ids: list[str]) -> None:
    assert [endpoint.id for endpoint in select_endpoints(load_protocol(), family, landmark)] == ids


def test_selection_of_nothing_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no mrd endpoint at landmark 36; the protocol has MRD36@6 \(mrd\)"):
        select_endpoints(load_protocol(), "mrd", "36")


def test_backup_is_whole_although_somebody_writes(home: Home, delivery: Path) -> None:
    run_ingest(home, [delivery])
    with closing(sqlite3.connect(home.root / "store.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM patients")
        path = run_backup(home)
        writer.execute("ROLLBACK")
    assert path.parent == home.backups and path.stat().st_mode & 0o777 == 0o600
    other = Home.at(home.root.parent / "other")
    run_restore(other, path)
    with other.store() as store:
        assert store.known_patients() == {"T001", "T002"}


def test_old_backups_go(home: Home, delivery: Path) -> None:
    run_ingest(home, [delivery])
    for name in ("netest-20200101T000000.tar.gz", "netest-20200102T000000.tar.gz", "mine.tar.gz"):
        (home.backups / name).write_bytes(b"")
    newest = run_backup(home, keep=2)
    assert {path.name for path in home.backups.iterdir()} == {
        "netest-20200102T000000.tar.gz",
        "mine.tar.gz",
        newest.name,
    }


def test_a_damaged_backup_touches_nothing(home: Home, delivery: Path, tmp_path: Path) -> None:
    run_ingest(home, [delivery])
    path = run_backup(home, tmp_path / "b.tar.gz")
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], b"no archive"):
        path.write_bytes(broken)
        with pytest.raises(HomeError, match="not a readable backup"):
            run_restore(home, path, replace=True)
    with tarfile.open(path, "w:gz") as archive:
        write_json(tmp_path / "backup.json", {"home": "/x", "files": {"store.sqlite": "0" * 64}})
        archive.add(tmp_path / "backup.json", "backup.json")
    with pytest.raises(HomeError, match="damaged"):
        run_restore(home, path, replace=True)
    with home.store() as store:
        assert store.known_patients() == {"T001", "T002"}


def test_nothing_to_back_up(home: Home) -> None:
    with pytest.raises(HomeError, match="nothing to back up"):
        run_backup(home)


def test_a_store_by_url_has_its_own_backup(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETEST_STORE_URL", "postgresql+psycopg://db/trial")
    with pytest.raises(HomeError, match="database's own backup"):
        run_backup(home)


def running_service(home: Home) -> None:
    import os

    record = {"name": "worker", "pid": os.getpid(), "started": start_mark(os.getpid()), "log": "x.log"}
    write_json(home.services_file, {"services": {"worker": record}})


def test_restore_waits_for_the_services_to_stop(home: Home, delivery: Path, tmp_path: Path) -> None:
    run_ingest(home, [delivery])
    path = run_backup(home, tmp_path / "b.tar.gz")
    running_service(home)
    with pytest.raises(HomeError, match="`netest down` first"):
        run_restore(home, path, replace=True)


def test_the_demo_replaces_only_what_a_demo_made(tmp_path: Path) -> None:
    demo = Home.at(tmp_path / "demo")
    fresh(demo)
    (demo.root / "store.sqlite").write_text("old")
    fresh(demo)
    assert demo.kind == "demo" and not (demo.root / "store.sqlite").exists()
    own = Home.at(tmp_path / "own").create()
    with pytest.raises(HomeError, match="left alone"):
        fresh(own)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("x")
    with pytest.raises(HomeError, match="left alone"):
        fresh(Home.at(tmp_path / "papers"))
    assert (tmp_path / "papers" / "thesis.txt").exists() and own.kind == "home"


def test_the_demo_does_not_pull_the_floor_from_under_its_services(tmp_path: Path) -> None:
    demo = Home.at(tmp_path / "demo").create("demo")
    running_service(demo)
    with pytest.raises(HomeError, match="netest down --home"):
        fresh(demo)


def test_status_says_what_is_wrong_and_how_to_mend_it(home: Home) -> None:
    record = {"name": "worker", "pid": 2**22 + 1, "started": "1", "log": "logs/worker.log"}
    write_json(home.services_file, {"services": {"worker": record}})
    write_json(
        home.nightly / "last.json", {"status": "failed", "message": "ValueError", "ended": "2026-01-01T04:00:00+00:00"}
    )
    state = look(home)
    assert [problem["what"] for problem in state["problems"]] == [
        "worker ended by itself (log: logs/worker.log)",
        "the last night failed: ValueError",
    ]
    assert f"            mend: netest up --home {home.root}" in "\n".join(state_lines(state))


def test_status_of_a_store_of_a_newer_release(home: Home, delivery: Path) -> None:
    run_ingest(home, [delivery])
    with closing(sqlite3.connect(home.root / "store.sqlite")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    (problem,) = look(home)["problems"]
    assert "S105" in problem["what"]
