"""One ingestion under way: what is known so far, and the judgement of one file after another."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from data.findings import Finding, Refused
from data.ingest import quarantine
from data.ingest.calendar import assign_scheduled_month
from data.ingest.delivered import Delivered, unexpected
from data.ingest.plates import map_plate
from data.ingest.report import FILE_COLUMNS, IngestReport
from data.protocol import Protocol
from data.readers.delivery import DeliveryTable
from data.readers.plate import PlateExport
from data.store import FileRecord, Store
from data.store.content import STORED_TABLES, overlay
from data.trial import typed
from data.validate.context import Context
from data.validate.rules import check_rules
from data.validate.table import CheckedTable, validate_table

Judge = Callable[[pd.DataFrame, Protocol], Any]
KNOWN = tuple(name for name in STORED_TABLES if name != "wells")


class Session:
    """State of one call of :func:`data.ingest.ingest`.

    Parameters
    ----------
    store, protocol, quarantine_folder, judge, dry_run
        As given to ``ingest``.
    now : Timestamp or None
        Fixed instant of ingestion (naive UTC); the clock when None.
    """

    def __init__(
        self,
        store: Store,
        protocol: Protocol,
        quarantine_folder: Path,
        judge: Judge,
        *,
        dry_run: bool,
        now: pd.Timestamp | None,
    ) -> None:
        self.store, self.protocol, self.judge = store, protocol, judge
        self.folder, self.dry_run, self.instant = quarantine_folder, dry_run, now
        self.loaded = store.loaded_kinds() if store.ready else {}
        self.checked: dict[str, tuple[CheckedTable, list[Finding]]] = {}
        self.judged: set[str] = set()
        self.rejected: dict[str, str] = {}
        self.refused_roots: dict[Path, str] = {}
        self.rows: list[tuple[str, str, str, int, str]] = []
        self.findings: list[Finding] = []
        self.plates: dict[str, Any] = {}
        self.samples: list[pd.DataFrame] = []

    @cached_property
    def known(self) -> dict[str, pd.DataFrame]:
        """Current tables of the store, with the accepted files of this call laid over them."""
        if not self.store.ready:
            return {}
        return self.store.frames(KNOWN)

    def prepare(self, delivered: list[Delivered]) -> None:
        """Check every table against its contract, so that rules may look ahead at tables judged later."""
        for file in delivered:
            if isinstance(file.content, DeliveryTable) and file.sha256 not in self.checked:
                self.checked[file.sha256] = self._check(file, file.content)

    def _check(self, file: Delivered, content: DeliveryTable) -> tuple[CheckedTable, list[Finding]]:
        try:
            return validate_table(content, self.protocol["clock.origin"])
        except Exception as error:
            nothing = CheckedTable(content.name, pd.DataFrame(), content.lines[:0], file.label)
            return nothing, [unexpected(error, file.label)]

    def _context(self) -> Context:
        now = pd.Timestamp.now("UTC").tz_localize(None) if self.instant is None else self.instant
        later: dict[str, list[pd.DataFrame]] = {}
        for sha256, (table, _) in self.checked.items():
            if sha256 not in self.judged and len(table.frame):
                later.setdefault(table.name, []).append(table.frame)
        pending = {name: pd.concat(frames, ignore_index=True) for name, frames in later.items()}
        return Context(self.known, self.protocol, now, pending, self.rejected)

    def take(self, file: Delivered) -> None:
        """Judge one file, then load it or keep it out; an error that no check foresaw keeps out this file only.

        Raises
        ------
        Refused
            When the store itself cannot be used.
        """
        try:
            self._take(file)
        except Refused:
            raise
        except Exception as error:
            if file.sha256 in self.loaded:
                raise
            self._reject(file, [unexpected(error, file.label)])

    def _take(self, file: Delivered) -> None:
        if file.sha256 in self.loaded:
            self.rows.append((file.label, self.loaded[file.sha256], "unchanged", 0, "these bytes are loaded already"))
        elif file.root in self.refused_roots:
            source = self.refused_roots[file.root]
            pointer = f"the whole delivery waits because its {source} was rejected"
            self._reject(file, [Finding("D203", "reject", pointer, file=file.label, remedy=f"mend {source}")])
        elif file.rejects:
            self._reject(file, list(file.findings))
        elif isinstance(file.content, DeliveryTable):
            self._take_table(file)
        elif isinstance(file.content, PlateExport):
            self._take_plate(file, file.content)
        elif isinstance(file.content, dict):
            self._take_manifest(file, file.content)
        else:
            self.findings += file.findings

    def _take_table(self, file: Delivered) -> None:
        self.judged.add(file.sha256)
        table, findings = self.checked[file.sha256]
        if not _rejecting(findings):
            findings = findings + check_rules(table, self._context())
        if _rejecting(findings):
            self._reject(file, findings)
            return
        frame = table.frame
        if table.name == "imaging" and "scheduled_month" not in table.delivered:
            frame = assign_scheduled_month(frame, self._context().origins(), self.protocol)
            words = "scheduled_month is not delivered; it was assigned from the protocol's calendar"
            findings = [*findings, Finding("D119", "note", words, file=file.label)]
        self._load(file, {table.name: frame}, findings)

    def _take_plate(self, file: Delivered, export: PlateExport) -> None:
        wells, findings = map_plate(export, self._context())
        findings = [*export.findings, *findings]
        if not _rejecting(findings):
            verdict = self.judge(wells, self.protocol)
            samples = typed("verdicts", verdict.samples)
            self.plates[export.plate] = verdict
            self.samples.append(samples)
            findings += verdict.findings
            if verdict.verdict != "reject":
                self._load(file, {"wells": wells, "verdicts": samples}, findings)
                return
        self._reject(file, findings)

    def _take_manifest(self, file: Delivered, manifest: dict) -> None:
        study = self.known.get("study", pd.DataFrame())
        delivered = {"name": manifest["study"], "simulated": manifest["simulated"]}
        held = study.iloc[-1][["name", "simulated"]].to_dict() if len(study) else delivered
        if held != delivered:
            message = f"the store holds {_study(held)}, this delivery is of {_study(delivered)}"
            self._reject(file, [Finding("S103", "reject", message, file=file.label, remedy="use a home of its own")])
            return
        frame = pd.DataFrame([{"name": manifest["study"], **{key: manifest[key] for key in ("simulated", "note")}}])
        self._load(file, {"study": frame}, [])

    def _load(self, file: Delivered, frames: dict[str, pd.DataFrame], findings: list[Finding]) -> None:
        rows, status = sum(len(frame) for frame in frames.values()), "loaded"
        if not self.dry_run:
            at = None if self.instant is None else self.instant.to_pydatetime()
            result = self.store.load(FileRecord(file.label, file.sha256, file.kind), frames, at)
            status = result.status
            if result.superseded:
                words = f"replaces {result.superseded} earlier rows, which stay in the history"
                findings = [*findings, Finding("S102", "note", words, file=file.label)]
        self.loaded[file.sha256] = file.kind
        if not self.dry_run:
            quarantine.release(self.folder, file.name, file.sha256)
        for name, frame in frames.items():
            if name in KNOWN:
                self.known[name] = overlay(name, self.known.get(name, pd.DataFrame()), frame)
        self.rows.append((file.label, file.kind, status, rows, ""))
        self.findings += findings

    def _reject(self, file: Delivered, findings: list[Finding]) -> None:
        reasons = [finding for finding in findings if finding.severity in ("reject", "repeat")]
        reason = "\n".join(str(finding) for finding in reasons)
        if file.kind == "manifest":
            self.refused_roots[file.root] = file.label
        self.rejected.setdefault(file.kind, file.label)
        if not self.dry_run:
            quarantine.put(self.folder, file.name, file.sha256, file.data, reasons)
            at = None if self.instant is None else self.instant.to_pydatetime()
            self.store.reject(FileRecord(file.label, file.sha256, file.kind), reason, at)
        self.rows.append((file.label, file.kind, "rejected", 0, reason))
        self.findings += findings

    def refuse_path(self, finding: Finding, kind: str) -> None:
        """Reject a path that is no file of a delivery (nothing to quarantine)."""
        self.rows.append((finding.file, kind, "rejected", 0, str(finding)))
        self.findings.append(finding)

    def report(self) -> IngestReport:
        """What happened."""
        samples = [frame for frame in self.samples if len(frame)]
        return IngestReport(
            files=pd.DataFrame(self.rows, columns=list(FILE_COLUMNS)),
            findings=self.findings,
            plates=self.plates,
            samples=pd.concat(samples, ignore_index=True) if samples else typed("verdicts", pd.DataFrame()),
            dry_run=self.dry_run,
        )


def _rejecting(findings: list[Finding]) -> bool:
    return any(finding.severity == "reject" for finding in findings)


def _study(facts: dict) -> str:
    return f"{facts['name']} ({'simulated' if facts['simulated'] else 'not simulated'})"
