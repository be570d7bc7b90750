"""Nothing half-loaded: exceptions in the middle, and the process killed outright."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from data.store import FileRecord, Store
from data.store import store as module
from data.trial import typed

ROOT = Path(__file__).parents[2]
COMMIT = -1

KILLED = """
import os, signal, sys
import pandas as pd, sqlalchemy as sa
from data.store import FileRecord, Store
from data.trial import typed

store, point, seen = Store(sys.argv[1]), int(sys.argv[2]), 0

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def count(*_):
    global seen
    seen += 1
    if seen == point:
        die()

sa.event.listen(store.engine, "before_cursor_execute", count)
if point == COMMIT:
    sa.event.listen(store.engine, "commit", die)
frame = typed("patients", pd.DataFrame({"patient_id": ["P1", "P2"], "site": ["new", "new"]}))
plate = typed("wells", pd.DataFrame({"plate": ["X"] * 5000, "row": range(5000), "omit": False}))
store.load(FileRecord("b", "b" * 64, "plate"), {"patients": frame, "wells": plate})
"""


@pytest.fixture
def loaded(tmp_path):
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    with Store(url) as store:
        store.initialise()
        frame = typed("patients", pd.DataFrame({"patient_id": ["P1"], "site": ["old"]}))
        store.load(FileRecord("a", "a" * 64, "patients"), {"patients": frame})
    return url


def state(url: str) -> tuple:
    with Store(url) as store:
        store.initialise()
        return (
            store.digest(),
            store.files().to_csv(),
            store.history("patients").to_csv(),
            len(store.history("wells")),
        )


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("statement", [4, 7, COMMIT])
def test_a_killed_load_leaves_the_store_as_it_was(loaded, statement):
    before = state(loaded)
    code = KILLED.replace("COMMIT", str(COMMIT))
    run = subprocess.run([sys.executable, "-c", code, loaded, str(statement)], cwd=ROOT, timeout=60, check=False)
    assert run.returncode == -signal.SIGKILL
    assert state(loaded) == before


def test_an_exception_between_two_tables_rolls_back_the_first(loaded, monkeypatch):
    before = state(loaded)
    real = module.replace_units

    def fail(connection, name, *rest):
        if name == "wells":
            raise RuntimeError("disk on fire")
        return real(connection, name, *rest)

    monkeypatch.setattr(module, "replace_units", fail)
    frames = {
        "patients": typed("patients", pd.DataFrame({"patient_id": ["P1", "P2"]})),
        "wells": typed("wells", pd.DataFrame({"plate": ["X"]})),
    }
    with Store(loaded) as store, pytest.raises(RuntimeError, match="disk on fire"):
        store.load(FileRecord("b", "b" * 64, "plate"), frames)
    assert state(loaded) == before
    monkeypatch.undo()
    with Store(loaded) as store:
        assert store.load(FileRecord("b", "b" * 64, "plate"), frames).status == "loaded"
