"""MLflow's SQLite file as a file: for a quick look (MLflow takes seconds to load), and for a home that has moved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from flows.home import HomeError

# Columns in which MLflow keeps absolute places of files.
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
REGISTRY = {"registered_model_aliases", "model_version_tags"}
RESTORE = "`netest restore` brings a backup back"
ALIASES = """
    SELECT alias.name, alias.version, COALESCE(tag.value, '')
    FROM registered_model_aliases AS alias
    LEFT JOIN model_version_tags AS tag
        ON tag.name = alias.name AND tag.version = alias.version AND tag.key = 'model'
    WHERE alias.alias = ?
"""


def aliased(file: Path, alias: str, patience: float = 5.0) -> dict[str, tuple[str, str]]:
    """Version and model specification by registered model, for one alias; empty where nothing was registered yet.

    A file that is locked is waited for, ``patience`` seconds.

    Raises
    ------
    HomeError
        When the file is damaged or locked.
    """
    if not file.exists():
        return {}
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=patience)) as runs:
            rows = runs.execute(ALIASES, (alias,)).fetchall() if _tables(runs) >= REGISTRY else []
    except sqlite3.Error as error:
        remedy = "try again when the other work has ended" if "locked" in str(error) else RESTORE
        raise HomeError(f"{file}: the runs and models cannot be read ({error}); {remedy}") from error
    return {name: (str(version), model) for name, version, model in rows}


def _tables(runs: sqlite3.Connection) -> set[str]:
    return {row[0] for row in runs.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def move_places(file: Path, old: str, new: str) -> None:
    """Replace the folder of a home by another in every place that MLflow remembers."""
    if old == new or not file.exists():
        return
    with closing(sqlite3.connect(file)) as runs, runs:
        for table, column in PLACES:
            columns = {row[1] for row in runs.execute(f"PRAGMA table_info({table})")}
            if column in columns:
                runs.execute(f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?)", (old, new))
