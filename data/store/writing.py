"""Writing rows: a unit of rows that says something new replaces the current rows of that unit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import pandas as pd
import sqlalchemy as sa

from data.store.content import cells, row_digests, stored_columns, unit_keys
from data.store.schema import files, tables

LOOKUP = 400
"""Units looked up by name in one query; above it the current rows of the whole table are read instead."""


class Described(Protocol):
    """What the store remembers of a file."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def kind(self) -> str: ...


class Counts(NamedTuple):
    """Rows inserted, superseded and skipped."""

    inserted: int
    superseded: int
    skipped: int


@dataclass(frozen=True)
class LoadResult:
    """What loading a file did: status ``loaded`` or ``unchanged``, and counts of rows."""

    status: str
    inserted: int
    superseded: int
    skipped: int


def write_file(
    connection: sa.Connection, record: Described, status: str, instant: datetime, rows: int, reason: str
) -> int:
    """Insert or update the record of a file; returns its id."""
    values = {
        "name": record.name,
        "kind": record.kind,
        "status": status,
        "loaded_at": instant,
        "n_rows": rows,
        "reason": reason,
    }
    known = connection.scalar(sa.select(files.c.id).where(files.c.sha256 == record.sha256))
    if known is not None:
        connection.execute(files.update().where(files.c.id == known).values(**values))
        return int(known)
    inserted = connection.execute(files.insert().values(sha256=record.sha256, **values))
    key = inserted.inserted_primary_key
    assert key is not None
    return int(key[0])


def _current(connection: sa.Connection, table: sa.Table, units: list[str]) -> dict[str, Counter[str]]:
    query = sa.select(table.c.row_key, table.c.row_digest).where(table.c.superseded_at.is_(None))
    if len(units) <= LOOKUP:
        query = query.where(table.c.row_key.in_(units))
    current: dict[str, Counter[str]] = {}
    for unit, digest in connection.execute(query):
        current.setdefault(unit, Counter())[digest] += 1
    return current


def _supersede(connection: sa.Connection, table: sa.Table, units: list[str], file_id: int, instant: datetime) -> int:
    changed = 0
    for start in range(0, len(units), LOOKUP):
        some = units[start : start + LOOKUP]
        statement = table.update().where(table.c.superseded_at.is_(None), table.c.row_key.in_(some))
        changed += connection.execute(statement.values(superseded_at=instant, superseded_by=file_id)).rowcount
    return changed


def _insert(connection: sa.Connection, name: str, frame: pd.DataFrame, file_id: int, instant: datetime) -> None:
    columns = {column: cells(frame[column], kind) for column, kind in stored_columns(name).items()}
    columns["row_key"] = frame["row_key"].tolist()
    columns["row_digest"] = frame["row_digest"].tolist()
    fixed = {"file_id": file_id, "loaded_at": instant}
    rows = [dict(zip(columns, row, strict=True)) | fixed for row in zip(*columns.values(), strict=True)]
    connection.execute(tables[name].insert(), rows)


def replace_units(connection: sa.Connection, name: str, frame: pd.DataFrame, file_id: int, instant: datetime) -> Counts:
    """Write the rows of one table.

    A unit is a key, or for tables without one a plate or patient
    (:data:`data.store.content.REPLACED_TOGETHER`). A unit
    whose current rows say the same is skipped; otherwise its current rows are closed (``superseded_at``) and
    the new ones inserted.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction.
    name : str
        Stored table.
    frame : DataFrame
        Typed rows.
    file_id : int
        File they came from.
    instant : datetime
        UTC.

    Returns
    -------
    Counts
    """
    if frame.empty:
        return Counts(0, 0, 0)
    rows = frame.assign(row_key=unit_keys(name, frame), row_digest=row_digests(name, frame))
    incoming: dict[str, Counter[str]] = {}
    for unit, digest in zip(rows["row_key"], rows["row_digest"], strict=True):
        incoming.setdefault(unit, Counter())[digest] += 1
    current = _current(connection, tables[name], list(incoming))
    changed = [unit for unit, digests in incoming.items() if digests != current.get(unit)]
    fresh = rows[rows["row_key"].isin(changed)]
    superseded = _supersede(connection, tables[name], [u for u in changed if u in current], file_id, instant)
    if len(fresh):
        _insert(connection, name, fresh, file_id, instant)
    return Counts(len(fresh), superseded, len(rows) - len(fresh))
