"""The protocol: trial rules, endpoints, assays and the gene panel as data with provenance."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data.eligibility import EligibilityRule, eligibility_rules
from data.panel import PANEL_FILE, Panel, load_panel
from data.protocol_shape import check_shape
from data.protocol_source import TRIAL_FILE, protocol_path, read_source

PROTOCOL_FILE = TRIAL_FILE
STATUSES = ("stated", "derived", "inferred", "assumed", "unverified")
FAMILIES = ("mrd", "early_recurrence")
MICRO_SIGNS = ({0x3BC: "\u00b5"}, {0xB5: "\u03bc"})
"""The micro sign of keyboards and the Greek letter of word processors, each for the other."""


@dataclass(frozen=True)
class Record:
    """One protocol value with where it comes from.

    ``status`` is one of stated, derived, inferred, assumed, unverified.
    """

    key: str
    value: Any
    unit: str
    source: str
    status: str
    note: str = ""


@dataclass(frozen=True)
class Endpoint:
    """A prediction question: who is at risk at ``landmark``, and what counts by ``horizon`` (months from surgery)."""

    id: str
    family: str
    landmark: float
    horizon: float
    role: str
    promote: bool
    title: str

    @property
    def slug(self) -> str:
        """Name safe for files and the model registry, e.g. ``mrd36-at-6``."""
        return re.sub(r"[^a-z0-9-]", "-", self.id.lower().replace("@", "-at-"))

    @property
    def primary(self) -> bool:
        return self.role.startswith("primary")


@dataclass(frozen=True)
class Analyte:
    """A measured quantity: its specimen, canonical unit, and the units that convert to it (value x factor).

    ``per_creatinine``: a concentration in urine that counts per creatinine of the same sample.
    """

    name: str
    specimen: str
    unit: str
    units: dict[str, float]
    lower: float | None = None
    upper: float | None = None
    per_creatinine: bool = False


@dataclass(frozen=True)
class Assay:
    """One NETest version: its scores, reference gene and cut-offs. Versions are never interchangeable."""

    version: str
    analytes: tuple[str, ...]
    reference_gene: str
    cutoffs: dict[str, tuple[float, ...]]
    primary_cutoff: dict[str, float]
    inclusive: bool
    source: str
    status: str
    note: str = ""


class ProtocolError(ValueError):
    """A protocol file that cannot be used; the message names file, key and remedy."""


@dataclass(frozen=True)
class Protocol:
    """Trial rules read from one TOML file.

    ``protocol["clock.closing_months"]`` gives a value, :meth:`record` the value with its provenance.
    """

    path: Path
    records: dict[str, Record]
    endpoints: dict[str, Endpoint]
    assays: dict[str, Assay]
    analytes: dict[str, Analyte]
    panel: Panel
    digest: str
    eligibility: tuple[EligibilityRule, ...] = ()

    def record(self, key: str) -> Record:
        """Value and provenance of one key.

        Raises
        ------
        ProtocolError
            When the protocol file does not hold the key.
        """
        try:
            return self.records[key]
        except KeyError:
            raise ProtocolError(f"{self.path.name}: no record [{key}]; add it with value, source and status") from None

    def __getitem__(self, key: str) -> Any:
        return self.record(key).value

    def assumptions(self) -> list[Record]:
        """Every record and eligibility rule that no founding document or read source states."""
        rules = [
            Record(f"eligibility.{rule.id}", rule.sentence, "", rule.source, rule.status, rule.note)
            for rule in self.eligibility
        ]
        return [record for record in (*self.records.values(), *rules) if record.status != "stated"]

    @property
    def month_days(self) -> float:
        return float(self["clock.month_days"])

    @property
    def closing_months(self) -> float:
        return float(self["clock.closing_months"])

    @property
    def visit_grid(self) -> tuple[float, ...]:
        return tuple(float(month) for month in self["calendar.visit_month"])

    @cached_property
    def landmarks(self) -> tuple[float, ...]:
        """Landmarks at which some endpoint predicts, ascending, in months."""
        return tuple(sorted({endpoint.landmark for endpoint in self.endpoints.values()}))

    def closed(self, month: float) -> float:
        """Month at which the visit nominally at ``month`` belongs wholly to the past (L(s), H(tau))."""
        return month + self.closing_months

    def visits_within(self, endpoint: Endpoint) -> tuple[float, ...]:
        """Visits after the landmark up to the horizon, which is the last of them.

        Raises
        ------
        ProtocolError
            When the horizon is no visit: between two visits nobody knows who had the event.
        """
        if endpoint.horizon not in self.visit_grid:
            raise ProtocolError(
                f"endpoint {endpoint.id}: horizon {endpoint.horizon:g} is no visit of {self.path.name}, so it has no "
                "labels; choose a month of calendar.visit_month, or interval_auc (docs/interval_auc.md)"
            )
        return tuple(visit for visit in self.visit_grid if endpoint.landmark < visit <= endpoint.horizon)

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """One endpoint by id, e.g. ``MRD36@6``."""
        try:
            return self.endpoints[endpoint_id]
        except KeyError:
            known = ", ".join(self.endpoints)
            raise ProtocolError(f"{self.path.name}: no endpoint {endpoint_id!r}; it has {known}") from None


def _walk(node: dict, prefix: str, path: Path) -> Iterator[Record]:
    for name, child in node.items():
        key = f"{prefix}.{name}" if prefix else name
        if not isinstance(child, dict):
            raise ProtocolError(f"{path.name}: [{key}] must be a record with value, source and status")
        if "value" not in child:
            yield from _walk(child, key, path)
            continue
        status = child.get("status")
        texts = all(isinstance(child.get(name, ""), str) for name in ("source", "unit", "note"))
        if status not in STATUSES or not child.get("source") or not texts:
            raise ProtocolError(f"{path.name}: [{key}] needs a source and a status out of {', '.join(STATUSES)}")
        yield Record(key, child["value"], child.get("unit", ""), child["source"], status, child.get("note", ""))


def _endpoints(rows: list[dict], path: Path) -> dict[str, Endpoint]:
    endpoints = {}
    for row in rows:
        endpoint = Endpoint(**{**row, "landmark": float(row["landmark"]), "horizon": float(row["horizon"])})
        if endpoint.family not in FAMILIES or endpoint.horizon <= endpoint.landmark:
            raise ProtocolError(
                f"{path.name}: endpoint {endpoint.id} needs a family out of {', '.join(FAMILIES)} "
                "and a horizon after its landmark"
            )
        endpoints[endpoint.id] = endpoint
    return endpoints


def _eligibility(rows: list[dict], path: Path) -> tuple[EligibilityRule, ...]:
    try:
        return eligibility_rules(rows, STATUSES)
    except ValueError as error:
        raise ProtocolError(f"{path.name}: {error}") from None


def _assays(records: dict[str, dict]) -> dict[str, Assay]:
    return {
        version: Assay(
            version=version,
            **{
                **record,
                "analytes": tuple(record["analytes"]),
                "cutoffs": {name: tuple(cuts) for name, cuts in record["cutoffs"].items()},
            },
        )
        for version, record in records.items()
    }


def _analyte(name: str, record: dict) -> Analyte:
    """An analyte whose units may be written with either of the two signs that look like a Greek mu."""
    units = {unit.translate(sign): factor for sign in MICRO_SIGNS for unit, factor in record["units"].items()}
    return Analyte(**{**record, "name": name, "units": record["units"] | units})


def load_protocol(path: str | Path | None = None) -> Protocol:
    """Read and check a protocol file.

    Parameters
    ----------
    path : str or Path, optional
        Name of a packaged protocol (``nelmas``, ``advanced``), or a file in the form of the packaged
        ``data/protocol.toml``, which is read when omitted. A file may rest on a packaged one
        (:func:`data.protocol_source.read_source`).

    Returns
    -------
    Protocol

    Raises
    ------
    ProtocolError
        When a record lacks its source or status, or an endpoint or eligibility rule makes no sense.
    """
    path = protocol_path(path)
    try:
        raw, text = read_source(path)
        check_shape(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise ProtocolError(f"{path}: not a readable protocol file: {error}") from error
    endpoints = _endpoints(raw.pop("endpoint", []), path)
    rules = _eligibility(raw.pop("eligibility", []), path)
    assays = _assays(raw.pop("assay", {}))
    analytes = {name: _analyte(name, record) for name, record in raw.pop("analyte", {}).items()}
    return Protocol(
        path=path,
        records={record.key: record for record in _walk(raw, "", path)},
        endpoints=endpoints,
        assays=assays,
        analytes=analytes,
        panel=load_panel(),
        digest=hashlib.sha256((text + PANEL_FILE.read_text(encoding="utf-8")).encode()).hexdigest(),
        eligibility=rules,
    )
