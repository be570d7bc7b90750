"""Connections to the store: SQLite safe for several processes, PostgreSQL by URL, the schema's revision."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from data.findings import Finding, Refused
from data.store.schema import REVISION

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_MILLISECONDS = 30_000
PAUSE_SECONDS = 0.02
WRITER_LOCK = 0x4E45542D4D5244
"""Key of the PostgreSQL advisory lock that lets one writer in at a time ("NET-MRD" in ASCII)."""


REMEDIES = {
    "no such table": "initialise the store first",
    "no such column": "initialise the store first, which brings it to this release",
    "does not exist": "initialise the store first",
    "disk is full": "free space on the disk, then retry; what was loaded before stays loaded",
    "readonly database": "make the store and its folder writable, then retry",
    "not a database": "restore the store from a backup (netest restore)",
    "malformed": "restore the store from a backup (netest restore)",
    "": "check that the store is reachable and not locked, then retry",
}
"""What to do, by the words of the database."""


def make_engine(url: str) -> sa.Engine:
    """Create the engine of a store.

    Parameters
    ----------
    url : str
        SQLAlchemy URL. SQLite gets a busy time-out, foreign keys and transactions that include schema
        changes.

    Raises
    ------
    Refused
        When the URL is none, or its driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return sa.create_engine(parsed, pool_pre_ping=True)
        in_memory = parsed.database in (None, "", ":memory:")
        engine = sa.create_engine(parsed, poolclass=StaticPool if in_memory else None)
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        message = f"the store URL cannot be used: {error}"
        remedy = "give sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE (with psycopg installed)"
        raise Refused(Finding("S104", "reject", message, remedy=remedy)) from None
    sa.event.listen(engine, "connect", _sqlite_connect)
    sa.event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _sqlite_begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("store_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _unusable(error: sa.exc.DBAPIError) -> Refused:
    text = str(error.orig).strip().splitlines()[0]
    remedy = next((words for found, words in REMEDIES.items() if found in text), REMEDIES[""])
    return Refused(Finding("S104", "reject", f"the store cannot be used: {text}", remedy=remedy))


@contextmanager
def transaction(engine: sa.Engine, *, writes: bool = False) -> Iterator[sa.Connection]:
    """One transaction: committed at the end of the block, rolled back on any exception.

    Writers queue up (SQLite ``BEGIN IMMEDIATE``, PostgreSQL advisory lock), so what a writer has read stays
    true until it commits.

    Raises
    ------
    Refused
        When the database cannot be reached, is locked, or lacks its tables.
    """
    try:
        with engine.connect().execution_options(store_writes=writes) as connection, connection.begin():
            if writes and engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
            yield connection
    except sa.exc.DatabaseError as error:
        if isinstance(error, sa.exc.IntegrityError | sa.exc.DataError):
            raise
        raise _unusable(error) from error


def revision(connection: sa.Connection) -> str | None:
    """Revision of the schema in the database; None when it holds no store."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def upgrade(engine: sa.Engine) -> None:
    """Bring the schema to this software's revision under the writer lock; nothing happens when it is there.

    Raises
    ------
    Refused
        When the store was written by a newer release.
    """
    with transaction(engine, writes=True) as connection:
        current = revision(connection)
        if current == REVISION:
            return
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if current is not None and current not in known:
            message = f"the store has schema {current}, this software knows up to {REVISION}"
            raise Refused(Finding("S105", "reject", message, remedy="use the newer release that wrote it"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def write_ahead(engine: sa.Engine) -> None:
    """Switch a SQLite file to write-ahead logging, so that readers never wait for a writer.

    The switch needs the file for itself and SQLite does not queue for it, so it is tried again while another process
    works; whoever comes first does it for all.
    """
    if engine.dialect.name != "sqlite":
        return
    deadline = time.monotonic() + BUSY_MILLISECONDS / 1000
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        while cursor.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_SECONDS)
        cursor.close()
    finally:
        raw.close()
