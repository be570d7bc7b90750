"""MLflow's SQLite file as a file: for a quick look (MLflow takes seconds to load), and for a home that has moved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# Columns in which MLflow keeps absolute places of files.
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
ALIASES = """
    SELECT alias.name, alias.version, COALESCE(tag.value, '')
    FROM registered_model_aliases AS alias
    LEFT JOIN model_version_tags AS tag
        ON tag.name = alias.name AND tag.version = alias.version AND tag.key = 'model'
    WHERE alias.alias = ?
"""


def aliased(file: Path, alias: str) -> dict[str, tuple[str, str]]:
    """Version and model specification by registered model, for one alias; empty where nothing was registered yet."""
    if not file.exists():
        return {}
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as runs:
        try:
            rows = runs.execute(ALIASES, (alias,)).fetchall()
        except sqlite3.OperationalError:
            return {}
    return {name: (str(version), model) for name, version, model in rows}


def move_places(file: Path, old: str, new: str) -> None:
    """Replace the folder of a home by another in every place that MLflow remembers."""
    if old == new or not file.exists():
        return
    with closing(sqlite3.connect(file)) as runs, runs:
        for table, column in PLACES:
            columns = {row[1] for row in runs.execute(f"PRAGMA table_info({table})")}
            if column in columns:
                runs.execute(f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?)", (old, new))
