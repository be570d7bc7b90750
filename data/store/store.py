"""The trial store: files in, trials out, nothing half-loaded, nothing forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType

import pandas as pd
import sqlalchemy as sa

from data.store import engine as database
from data.store.content import STORED_TABLES, as_stored, content_digest, stored_columns, unit_columns
from data.store.schema import files, tables
from data.store.writing import LoadResult, replace_units, write_file
from data.trial import TRIAL_TABLES, Trial

DataCut = str | date | datetime | pd.Timestamp | None


@dataclass(frozen=True)
class FileRecord:
    """A delivered file as the store remembers it: name, SHA-256 of its bytes, kind."""

    name: str
    sha256: str
    kind: str


def utc_now() -> datetime:
    """The present instant, naive, in UTC, as the store keeps instants."""
    return datetime.now(UTC).replace(tzinfo=None)


def as_instant(data_cut: DataCut) -> datetime | None:
    """Read a data cut: an instant in UTC; a bare day (``2026-11-21``) counts to its end.

    Raises
    ------
    ValueError
        When it is neither.
    """
    if data_cut is None:
        return None
    instant = pd.Timestamp(data_cut)
    written_day = isinstance(data_cut, str) and len(data_cut.strip()) == len("2026-11-21")
    if written_day or (isinstance(data_cut, date) and not isinstance(data_cut, datetime)):
        instant += pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
    if instant.tzinfo is not None:
        instant = instant.tz_convert("UTC").tz_localize(None)
    return instant.to_pydatetime(warn=False)


class Store:
    """The records of one trial in a database.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, e.g. ``sqlite:///var/store.sqlite`` or ``postgresql+psycopg://...``.
    """

    def __init__(self, url: str) -> None:
        self.engine = database.make_engine(url)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release every connection."""
        self.engine.dispose()

    @property
    def _file(self) -> Path | None:
        name = self.engine.url.database
        return Path(name) if self.engine.dialect.name == "sqlite" and name not in (None, "", ":memory:") else None

    @property
    def ready(self) -> bool:
        """Whether the database exists and holds a store. Creates nothing."""
        if self._file is not None and not self._file.exists():
            return False
        with database.transaction(self.engine) as connection:
            return database.revision(connection) is not None

    def initialise(self) -> None:
        """Create the store or bring its schema up to date; safe to repeat, also by several processes."""
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        database.upgrade(self.engine)
        database.write_ahead(self.engine)

    def load(self, record: FileRecord, frames: Mapping[str, pd.DataFrame], now: datetime | None = None) -> LoadResult:
        """Load the frames of one file in one transaction.

        Parameters
        ----------
        record : FileRecord
            The file they came from.
        frames : mapping of str to DataFrame
            Judged rows by stored table (a qPCR plate brings ``wells`` and ``verdicts``).
        now : datetime, optional
            Instant in UTC under which the rows become known; the present by default.

        Returns
        -------
        LoadResult
            ``unchanged`` when these bytes were loaded before; otherwise counts of rows inserted, superseded
            (kept in the history) and skipped because an identical row is current.

        Raises
        ------
        Refused
            When the database cannot be used. Nothing of the file is then loaded.
        """
        instant = utc_now() if now is None else now
        rows = sum(len(frame) for frame in frames.values())
        with database.transaction(self.engine, writes=True) as connection:
            if self._status(connection, record.sha256) == "loaded":
                return LoadResult("unchanged", 0, 0, 0)
            file_id = write_file(connection, record, "loaded", instant, rows, "")
            inserted = superseded = skipped = 0
            for name, frame in frames.items():
                counts = replace_units(connection, name, as_stored(name, frame), file_id, instant)
                inserted, superseded, skipped = (
                    total + part for total, part in zip((inserted, superseded, skipped), counts, strict=True)
                )
        return LoadResult("loaded", inserted, superseded, skipped)

    def reject(self, record: FileRecord, reason: str, now: datetime | None = None) -> None:
        """Remember that a file was kept out, and why. A file that was loaded before stays loaded."""
        with database.transaction(self.engine, writes=True) as connection:
            if self._status(connection, record.sha256) != "loaded":
                write_file(connection, record, "rejected", utc_now() if now is None else now, 0, reason)

    @staticmethod
    def _status(connection: sa.Connection, sha256: str) -> str | None:
        return connection.scalar(sa.select(files.c.status).where(files.c.sha256 == sha256))

    def loaded_kinds(self) -> dict[str, str]:
        """Kind of every loaded file by the SHA-256 of its bytes."""
        with database.transaction(self.engine) as connection:
            rows = connection.execute(sa.select(files.c.sha256, files.c.kind).where(files.c.status == "loaded"))
            return {row.sha256: row.kind for row in rows}

    def known_patients(self) -> set[str]:
        """Pseudonyms of all current patients."""
        patients = tables["patients"]
        with database.transaction(self.engine) as connection:
            return set(connection.scalars(sa.select(patients.c.patient_id).where(patients.c.superseded_at.is_(None))))

    def frames(self, names: Iterable[str] = STORED_TABLES, data_cut: DataCut = None) -> dict[str, pd.DataFrame]:
        """Typed rows of some tables as known at a data cut, in the order of their keys."""
        cut = as_instant(data_cut)
        with database.transaction(self.engine) as connection:
            return {name: _read(connection, name, cut)[0] for name in names}

    def trial(self, data_cut: DataCut = None) -> Trial:
        """The trial as the store knew it at an instant.

        Parameters
        ----------
        data_cut : str, date, datetime or Timestamp, optional
            Instant in UTC (a bare day counts to its end); all that is known now when omitted. It is the
            instant of
            loading that counts, not the date inside a record, so a data cut can be reproduced for ever.

        Returns
        -------
        Trial
            Rows in the order of their keys, whatever the order of loading.
        """
        cut = as_instant(data_cut)
        with database.transaction(self.engine) as connection:
            read = {name: _read(connection, name, cut) for name in TRIAL_TABLES}
            study, _ = _read(connection, "study", cut)
        facts = study.iloc[-1].to_dict() if len(study) else {"name": "", "simulated": False}
        return Trial(
            **{name: frame for name, (frame, _) in read.items()},
            data_cut=None if cut is None else pd.Timestamp(cut),
            digest=content_digest({name: digests for name, (_, digests) in read.items()}),
            simulated=bool(facts["simulated"]),
            study=str(facts["name"] or ""),
        )

    def digest(self, data_cut: DataCut = None) -> str:
        """SHA-256 of the trial's content at a data cut, independent of the order and instants of loading."""
        cut = as_instant(data_cut)
        with database.transaction(self.engine) as connection:
            digests = {
                name: connection.scalars(sa.select(tables[name].c.row_digest).where(*_known(tables[name], cut))).all()
                for name in TRIAL_TABLES
            }
        return content_digest(digests)

    def files(self) -> pd.DataFrame:
        """Every file the store has met, in order of arrival; ``superseded`` counts rows replaced since."""
        with database.transaction(self.engine) as connection:
            rows = connection.execute(sa.select(files).order_by(files.c.id)).all()
            superseded = pd.Series(0, index=[row.id for row in rows], dtype="int64", name="superseded")
            for table in tables.values():
                counted = sa.select(table.c.file_id, sa.func.count()).where(table.c.superseded_at.is_not(None))
                for file_id, count in connection.execute(counted.group_by(table.c.file_id)):
                    superseded[file_id] += count
        out = pd.DataFrame(rows, columns=[column.name for column in files.c])
        out["loaded_at"] = pd.to_datetime(out["loaded_at"])
        return out.assign(superseded=superseded.to_numpy())

    def history(self, name: str) -> pd.DataFrame:
        """Every row a table ever held, with file_id, loaded_at, superseded_at and superseded_by."""
        table = tables[name]
        with database.transaction(self.engine) as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.id)).all()
        return pd.DataFrame(rows, columns=[column.name for column in table.c]).drop(columns=["row_key", "row_digest"])


def _known(table: sa.Table, cut: datetime | None) -> list[sa.ColumnElement[bool]]:
    if cut is None:
        return [table.c.superseded_at.is_(None)]
    return [table.c.loaded_at <= cut, sa.or_(table.c.superseded_at.is_(None), table.c.superseded_at > cut)]


def _order(name: str) -> list[str]:
    columns = list(stored_columns(name))
    if name == "wells":
        return ["plate", "row", "well", "target"]
    key = list(unit_columns(name))
    return key + [column for column in columns if column not in key]


def _read(connection: sa.Connection, name: str, cut: datetime | None) -> tuple[pd.DataFrame, list[str]]:
    table = tables[name]
    columns = list(stored_columns(name))
    query = sa.select(*(table.c[column] for column in columns), table.c.row_digest).where(*_known(table, cut))
    cells = connection.execute(query).all()
    values = list(zip(*cells, strict=True)) if cells else [()] * (len(columns) + 1)
    frame = as_stored(name, pd.DataFrame(dict(zip(columns, map(list, values[:-1]), strict=True)), dtype=object))
    order = frame.sort_values(_order(name), kind="stable", na_position="first").index if len(frame) else frame.index
    return frame.loc[order].reset_index(drop=True), [str(digest) for digest in values[-1]]
