"""What an ingestion leaves behind for the person who started it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from data.findings import Finding
from data.trial import typed

FILE_COLUMNS = ("file", "kind", "status", "rows", "reason")
STATUSES = ("loaded", "unchanged", "rejected")


@dataclass(frozen=True)
class IngestReport:
    """The outcome of one call of :func:`data.ingest.ingest`.

    Parameters
    ----------
    files : DataFrame
        One row per file in the order of judging: file, kind (table name, ``plate``, ``manifest``, ``folder``
        or
        ``unknown``), status (loaded, unchanged, rejected), rows, reason (empty unless there is something to
        say).
    findings : list of Finding
        Everything that was said, also about accepted files.
    plates : mapping of str to PlateVerdict
        Judgement of each qPCR plate, also of rejected ones.
    samples : DataFrame
        One row per plate and sample, as ``verdicts`` of the trial, also of rejected plates.
    dry_run : bool
        Whether ``loaded`` means "would be loaded".
    """

    files: pd.DataFrame
    findings: list[Finding] = field(default_factory=list)
    plates: Mapping[str, Any] = field(default_factory=dict)
    samples: pd.DataFrame = field(default_factory=lambda: typed("verdicts", pd.DataFrame()))
    dry_run: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Number of files by status."""
        found = self.files["status"].value_counts()
        return {status: int(found.get(status, 0)) for status in STATUSES}

    @property
    def ok(self) -> bool:
        """Whether nothing was rejected."""
        return self.counts["rejected"] == 0

    @property
    def exit_code(self) -> int:
        """0 when everything was loaded or known already, 1 when something was rejected."""
        return 0 if self.ok else 1
