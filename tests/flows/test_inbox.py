"""The inbox: what counts as waiting, and when it is ripe."""

from __future__ import annotations

from flows.home import Home
from flows.inbox import Watch, signature, waiting
from flows.work.ingest import _clear_inbox


def test_what_waits(home: Home) -> None:
    (home.inbox / "plate.csv").write_text("x")
    (home.inbox / "site").mkdir()
    (home.inbox / "site" / "patients.csv").write_text("x")
    (home.inbox / "empty").mkdir()
    (home.inbox / ".hidden").write_text("x")
    (home.inbox / "copying.csv.part").write_text("x")
    (home.done / "old.csv").write_text("x")
    assert [path.name for path in waiting(home)] == ["plate.csv", "site"]


def test_no_home_no_inbox(tmp_path) -> None:
    assert waiting(Home.at(tmp_path / "none")) == []


def test_ripe_only_after_rest_and_once(home: Home) -> None:
    watch = Watch(home, quiet=10.0, retry=100.0)
    assert not watch.ripe(0.0), "empty"
    file = home.inbox / "plate.csv"
    file.write_text("half")
    assert not watch.ripe(1.0), "new"
    assert not watch.ripe(10.9), "still resting"
    file.write_text("the whole")
    assert not watch.ripe(12.0), "grew meanwhile"
    assert not watch.ripe(21.9)
    assert watch.ripe(22.0)
    assert not watch.ripe(30.0), "offered already"
    assert not watch.ripe(121.9)
    assert watch.ripe(122.0), "still there long after: offered again"


def test_a_second_file_is_offered_at_once(home: Home) -> None:
    watch = Watch(home, quiet=1.0, retry=100.0)
    (home.inbox / "a.csv").write_text("x")
    assert [watch.ripe(float(now)) for now in range(3)] == [False, True, False]
    (home.inbox / "b.csv").write_text("x")
    assert [watch.ripe(float(now)) for now in range(3, 6)] == [False, True, False]


def test_signature_sees_inside_folders(home: Home) -> None:
    folder = home.inbox / "site"
    folder.mkdir()
    (folder / "a.csv").write_text("x")
    before = signature(waiting(home))
    (folder / "a.csv").write_text("xy")
    assert signature(waiting(home)) != before


def test_what_is_still_being_copied_stays_in_the_inbox(home: Home) -> None:
    whole, half = home.inbox / "whole.csv", home.inbox / "half.csv"
    for file in (whole, half):
        file.write_text("patient_id")
    seen = {file: signature([file]) for file in (whole, half)}
    half.write_text("patient_id,site")
    _clear_inbox(home, seen)
    assert [path.name for path in waiting(home)] == ["half.csv"]
    assert [path.name for path in home.done.rglob("*.csv")] == ["whole.csv"]
