"""The trial store (SQLite by default, PostgreSQL by URL)."""

from data.store.store import FileRecord, Store
from data.store.writing import LoadResult

__all__ = ["FileRecord", "LoadResult", "Store"]
