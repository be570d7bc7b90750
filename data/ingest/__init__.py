"""Taking delivered files into the store."""

from data.ingest.core import ingest
from data.ingest.report import IngestReport

__all__ = ["IngestReport", "ingest"]
