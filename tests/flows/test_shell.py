"""The Prefect shell: how a flow ends in the UI when a step failed, and what the server is told of it."""

from __future__ import annotations

import pickle
import sqlite3
from pathlib import Path

import pytest
from prefect import Flow
from prefect.states import Failed, State

from data.findings import Finding, Refused
from flows.errors import PublicError
from flows.home import Home
from flows.ingest import ingest_state, places
from flows.shell import FlowFailed, _may_pass, concluded, failures_without_names, play
from flows.work.ingest import Ingested


@pytest.fixture
def here(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("NETEST_HOME", str(home.root))
    return home


def ends(error: BaseException) -> State:
    @concluded
    def night() -> State:
        raise error

    return night()


def test_words_that_name_nobody_are_the_state_message(here: Home) -> None:
    state = ends(PublicError("no plate 'PL9';\n the store has PL1"))
    assert state.is_failed() and state.message == "night: no plate 'PL9'; the store has PL1"
    assert not list(here.logs.glob("failures/*"))


def test_a_store_that_cannot_be_used_is_told(here: Home) -> None:
    state = ends(Refused([Finding("S101", "reject", "not a store", remedy="netest restore")]))
    assert "not a store" in state.message and "netest restore" in state.message


@pytest.mark.parametrize("error", [ValueError("patient PX1"), Refused([Finding("D201", "reject", "patient PX1")])])
def test_other_words_stay_on_the_machine(here: Home, error: Exception) -> None:
    state = ends(error)
    (file,) = here.logs.glob("failures/*")
    assert "PX1" not in state.message and file.name in state.message
    assert "PX1" in file.read_text(encoding="utf-8")


def test_what_a_step_said_is_not_wrapped_again(here: Home) -> None:
    assert ends(FlowFailed("score: no champion yet", ValueError())).message == "score: no champion yet"


def test_a_pickled_failure_holds_the_message_only() -> None:
    failure = pickle.loads(pickle.dumps(FlowFailed("score failed", ValueError("patient PX1"), result="PX1")))
    assert (str(failure), failure.original, failure.result) == ("score failed", None, None)


def test_only_what_may_pass_by_itself_is_tried_again() -> None:
    def failed(original: Exception) -> State:
        return Failed(data=FlowFailed("step failed", original))

    assert _may_pass(None, None, failed(sqlite3.OperationalError("database is locked")))
    assert _may_pass(None, None, failed(BlockingIOError()))
    assert not _may_pass(None, None, failed(PublicError("no such plate")))


def test_a_failure_in_a_step_is_named_by_the_step(here: Home) -> None:
    with pytest.raises(FlowFailed, match=r"^score: no champion yet$"), failures_without_names(here, "score"):
        raise PublicError("no champion yet")


def test_blank_lines_of_the_form_are_no_paths() -> None:
    assert places(["", "  ", " /data/x.csv\n"]) == [Path("/data/x.csv")]
    for text in ("plate.csv", ".", "../x"):
        with pytest.raises(PublicError, match="write the whole path"):
            places([text])


def test_everything_rejected_is_a_failed_run_that_prefect_can_resolve(rejected: Ingested) -> None:
    state = ingest_state(rejected)
    assert state.is_failed() and state.message == "0 files loaded, 0 unchanged, 1 rejected"
    with pytest.raises(FlowFailed):
        state.result()


def test_the_command_gets_the_result_of_a_failed_run(rejected: Ingested) -> None:
    class Played(Flow):
        def __call__(self, *_: object, **__: object) -> State:
            return ingest_state(rejected)

    state, result = play(Played(lambda: None, name="ingest"))
    assert state.is_failed() and result is rejected


@pytest.fixture
def rejected() -> Ingested:
    import pandas as pd

    from data.ingest.report import FILE_COLUMNS, IngestReport

    rows = [("x.csv", "unknown", "rejected", 0, "is empty")]
    return Ingested(IngestReport(pd.DataFrame(rows, columns=list(FILE_COLUMNS))), dry_run=False, explanation=None)
