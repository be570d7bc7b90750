"""Ingestion: detect, parse, validate, judge, commit one transaction a file, quarantine the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from data.contracts import TABLES
from data.findings import Finding
from data.ingest.delivered import Delivered, Reader, read_delivered
from data.ingest.report import IngestReport
from data.ingest.session import Judge, Session
from data.ingest.sorting import dependency_order, find_files
from data.protocol import Protocol
from data.quality import judge_plate
from data.readers.detect import read_content
from data.store import Store

Progress = Callable[[int, int, str], None]


def ingest(
    store: Store,
    paths: Iterable[str | Path],
    protocol: Protocol,
    quarantine: Path,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    now: pd.Timestamp | None = None,
    read: Reader = read_content,
    judge: Judge = judge_plate,
) -> IngestReport:
    """Take delivered files into the store, each whole or not at all and in its own transaction.

    Parameters
    ----------
    store : Store
        Initialised here when needed (not by a dry run).
    paths : iterable of path
        Files and folders of any kind; what a file is is told from its content.
    protocol : Protocol
        Rules, panel and limits.
    quarantine : Path
        Folder for rejected files and their reasons; never read as a delivery.
    dry_run : bool
        Judge everything, write nothing.
    progress : callable, optional
        Called as ``progress(done, total, name)``; a file makes two steps, read and judged.
    now : Timestamp, optional
        Instant of ingestion, naive UTC; the clock when omitted.
    read, judge : callable, optional
        Reader of one file's bytes, and judge of one plate's wells.

    Returns
    -------
    IngestReport
        Broken input never raises: it is rejected with findings.

    Raises
    ------
    Refused
        When the store itself cannot be used. Files that were taken before stay loaded.
    """
    given, quarantine = [Path(path) for path in paths], Path(quarantine)
    if not dry_run:
        store.initialise()
    session = Session(store, protocol, quarantine, judge, dry_run=dry_run, now=now)
    found, notes = find_files(given, quarantine)
    for finding in notes:
        if finding.severity == "reject":
            session.refuse_path(finding, "unknown")
        else:
            session.findings.append(finding)
    step = _steps(progress, 2 * len(found))
    delivered = []
    for path, root in found:
        delivered.append(read_delivered(path, root, session.loaded, read))
        step(path.name)
    for folder in [root for root in given if root.is_dir()]:
        delivered = _check_folder(folder, delivered, session)
    session.prepare(delivered)
    for file in dependency_order(delivered):
        session.take(file)
        step(file.name)
    return session.report()


def _steps(progress: Progress | None, total: int) -> Callable[[str], None]:
    done = 0

    def step(name: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, name)

    return step


def _check_folder(folder: Path, delivered: list[Delivered], session: Session) -> list[Delivered]:
    """Refuse a folder in which nothing belongs to a delivery; say which tables a first delivery lacks."""
    inside = [file for file in delivered if file.root == folder]
    kinds = {file.kind for file in inside}
    if not any(file.recognised for file in inside):
        message = "not a delivery: the folder holds no delivery table and no readable instrument export"
        remedy = f"give a folder with {', '.join(f'{name}.csv' for name in TABLES if TABLES[name].required_file)}"
        session.refuse_path(Finding("D120", "reject", message, file=str(folder), remedy=remedy), "folder")
        return [file for file in delivered if file.root != folder]
    lacking = [name for name, table in TABLES.items() if table.required_file and name not in kinds]
    if kinds.intersection(TABLES) and not any(file.sha256 in session.loaded for file in inside):
        for name in lacking:
            if session.known.get(name, pd.DataFrame()).empty:
                message = f"the delivery holds no {name}.csv and the store knows none"
                session.findings.append(Finding("D118", "warn", message, file=str(folder), remedy="send it"))
    return delivered
