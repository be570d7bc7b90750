"""A store of an earlier release is brought to the present schema in place, with what it holds."""

import sqlite3
from datetime import datetime

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from data.store import FileRecord, Store
from data.store.engine import MIGRATIONS, make_engine, revision
from data.store.schema import REVISION, metadata
from data.trial import typed

NOON = datetime(2026, 1, 1, 12)
INSTANT = "2026-01-01 12:00:00.000000"
LATER = datetime(2026, 6, 1)

# What release 0001 wrote for these two patients; digests are literal, because a data cut stays what it was.
ROWS = [
    ("P1", "C1", "2020-01-10", 6.5, "0", "97d9a09f25d2fa52f3d0b29b8f32426f"),
    ("P2", "C2", "2020-02-10", None, None, "9e16152490e9db4516690ab53c2996bf"),
]
DIGEST = "da1b9d5baed8cd718a01cea24dfaf6787a57fa48ddd767cc2dc286b6fa238808"


def patients(**screening: float) -> pd.DataFrame:
    known = {
        "patient_id": ["P1", "P2"],
        "site": ["C1", "C2"],
        "surgery_on": ["2020-01-10", "2020-02-10"],
        "ki67_pct": [6.5, None],
        "ecog": ["0", None],
    }
    return typed("patients", pd.DataFrame(known | {name: [value, None] for name, value in screening.items()}))


@pytest.fixture
def old(tmp_path):
    """A store file with the first schema and two patients in it."""
    path = tmp_path / "store.sqlite"
    engine = make_engine(f"sqlite:///{path}")
    with engine.connect().execution_options(store_writes=True) as connection, connection.begin():
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO files VALUES (1, ?, 'patients.csv', 'patients', 'loaded', ?, 2, '')",
            ("a" * 64, INSTANT),
        )
        connection.executemany(
            "INSERT INTO patients"
            " (patient_id, site, surgery_on, ki67_pct, ecog, row_digest, row_key, loaded_at, file_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
            [(*row, row[0], INSTANT) for row in ROWS],
        )
    connection.close()
    return path


def test_the_upgrade_keeps_every_row_and_every_digest(old):
    with Store(f"sqlite:///{old}") as store:
        store.initialise()
        with store.engine.connect() as connection:
            assert revision(connection) == REVISION == "0002"
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        trial = store.trial()
        pd.testing.assert_frame_equal(trial.patients, patients())
        assert trial.lesions.empty
        assert trial.digest == store.digest() == store.digest("2026-01-01") == DIGEST


def test_the_same_rows_again_are_no_news_and_a_filled_column_is(old):
    with Store(f"sqlite:///{old}") as store:
        store.initialise()
        again = store.load(FileRecord("b", "b" * 64, "patients"), {"patients": patients()}, LATER)
        assert (again.inserted, again.superseded, again.skipped) == (0, 0, 2)
        more = store.load(FileRecord("c", "c" * 64, "patients"), {"patients": patients(platelets_e9_l=140.0)}, LATER)
        assert (more.inserted, more.superseded, more.skipped) == (1, 1, 1)
        assert store.trial().patients["platelets_e9_l"].tolist()[0] == 140.0
        assert store.digest("2026-01-01") == DIGEST != store.digest()


def test_a_table_that_came_later_counts_from_its_first_row(old):
    lesion = pd.DataFrame(
        {"patient_id": ["P1"], "scan_on": ["2020-05-01"], "lesion": ["L1"], "role": ["target"], "state": ["absent"]}
    )
    with Store(f"sqlite:///{old}") as store:
        store.initialise()
        store.load(FileRecord("d", "d" * 64, "lesions"), {"lesions": typed("lesions", lesion)}, LATER)
        assert store.trial().lesions["lesion"].tolist() == ["L1"]
        assert store.digest() == store.trial().digest != DIGEST
        assert store.digest(NOON) == DIGEST


def test_a_store_goes_back_to_the_first_schema(old):
    with Store(f"sqlite:///{old}") as store:
        store.initialise()
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with store.engine.connect().execution_options(store_writes=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
        with store.engine.connect() as connection:
            assert not sa.inspect(connection).has_table("lesions")
            assert connection.scalar(sa.text("SELECT count(*) FROM patients")) == 2
