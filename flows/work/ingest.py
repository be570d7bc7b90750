"""Ingest: delivered files into the store, the inbox emptied, what was rejected explained."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.failures import write_failure
from flows.home import Home
from flows.inbox import Signature, signature, waiting
from flows.work import Progress
from flows.work.pages import Witness, write_pages

if TYPE_CHECKING:
    from data.ingest import IngestReport


@dataclass(frozen=True, eq=False)
class Ingested:
    """What an ingest did.

    Parameters
    ----------
    report : IngestReport
        Files, findings, plates and samples as the core judged them.
    dry_run : bool
        Whether nothing was loaded on purpose.
    explanation : Path or None
        Local file with every finding in full words; None when there was none.
    pages : list of Path
        Pages of plates and of the patients whose blood was on them.
    """

    report: IngestReport
    dry_run: bool
    explanation: Path | None
    pages: list[Path] = field(default_factory=list)

    def count(self, status: str) -> int:
        """Number of files with this status."""
        return int((self.report.files["status"] == status).sum())

    @property
    def loaded(self) -> int:
        return self.count("loaded")

    @property
    def unchanged(self) -> int:
        return self.count("unchanged")

    @property
    def rejected(self) -> int:
        return self.count("rejected")

    @property
    def sentence(self) -> str:
        """One sentence without names of patients or samples."""
        if not len(self.report.files):
            return "Nothing to ingest: the inbox is empty"
        verb = "would be loaded" if self.dry_run else "loaded"
        return f"{self.loaded} files {verb}, {self.unchanged} unchanged, {self.rejected} rejected"

    def record(self) -> dict[str, Any]:
        """The result for a script."""
        return {
            "dry_run": self.dry_run,
            "loaded": self.loaded,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "files": self.report.files.to_dict("records"),
            "findings": [str(finding) for finding in self.report.findings],
            "plates": {name: plate.verdict for name, plate in self.report.plates.items()},
            "pages": [str(path) for path in self.pages],
        }


def run_ingest(
    home: Home, paths: Sequence[str | Path] = (), dry_run: bool = False, progress: Progress | None = None
) -> Ingested:
    """Judge and load files.

    Parameters
    ----------
    home : Home
    paths : sequence of path
        Files or folders; the inbox when empty. Files of the inbox move to ``inbox/done``, rejected ones stay in
        ``quarantine`` only.
    dry_run : bool
        Judge without loading or moving anything.
    progress : callable, optional
        Called with files done, files in all, and a name.

    Returns
    -------
    Ingested
    """
    from data.ingest import ingest

    witness = Witness()
    home.create()
    with home.lock("ingest"), home.store(initialise=not dry_run) as store:
        chosen = [Path(path) for path in paths] or waiting(home)
        seen = {path: signature([path]) for path in chosen}
        report = ingest(
            store, chosen, home.protocol(), home.quarantine, dry_run=dry_run, progress=progress, judge=witness
        )
        if not dry_run:
            _clear_inbox(home, seen)
    pages = [] if dry_run else _pages(home, report, witness)
    return Ingested(report, dry_run, _explain(home, report), pages)


def _pages(home: Home, report: IngestReport, witness: Witness) -> list[Path]:
    try:
        return write_pages(home, report, witness.wells)
    except Exception as error:
        # The files are loaded by now: a page that cannot be drawn must not say otherwise.
        write_failure(home, "pages of an ingest", error)
        return []


def _clear_inbox(home: Home, seen: dict[Path, Signature]) -> None:
    """Move what was taken from the inbox to ``inbox/done``; the quarantine holds its own copy of what was rejected.

    What changed since it was seen is still being copied: it stays, and is taken when it has come to rest.
    """
    taken = [path for path in seen if path.resolve().parent == home.inbox and path.exists()]
    taken = [path for path in taken if signature([path]) == seen[path]]
    if not taken:
        return
    folder = home.done / time.strftime("%Y%m%dT%H%M%S")
    folder.mkdir(parents=True, exist_ok=True)
    for path in taken:
        shutil.move(path, folder / path.name)


def _explain(home: Home, report: IngestReport) -> Path | None:
    lines = [str(finding) for finding in report.findings]
    if not lines:
        return None
    folder = home.logs / "ingest"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%dT%H%M%S')}.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
