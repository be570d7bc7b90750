"""The tables of the store: the delivery contract's columns plus the bookkeeping of each row."""

from __future__ import annotations

import sqlalchemy as sa

from data.store.content import STORED_TABLES, stored_columns

REVISION = "0002"
"""Alembic revision that this software reads and writes."""

TYPES: dict[str, type[sa.types.TypeEngine]] = {
    "id": sa.Text,
    "code": sa.Text,
    "text": sa.Text,
    "date": sa.Date,
    "number": sa.Double,
    "flag": sa.Boolean,
}

metadata = sa.MetaData()

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("loaded_at", sa.DateTime, nullable=False),
    sa.Column("n_rows", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)


def _table(name: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(column, TYPES[kind]) for column, kind in stored_columns(name).items()),
        sa.Column("row_key", sa.Text, nullable=False),
        sa.Column("row_digest", sa.String(32), nullable=False),
        sa.Column("file_id", sa.Integer, sa.ForeignKey("files.id"), nullable=False),
        sa.Column("loaded_at", sa.DateTime, nullable=False),
        sa.Column("superseded_at", sa.DateTime),
        sa.Column("superseded_by", sa.Integer, sa.ForeignKey("files.id")),
        sa.Index(f"ix_{name}_row_key", "row_key"),
    )


tables: dict[str, sa.Table] = {name: _table(name) for name in STORED_TABLES}
