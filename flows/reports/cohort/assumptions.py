"""Every value in use that no founding document states."""

from __future__ import annotations

from typing import Any

from data.protocol import Protocol
from flows.reports.blocks import Section, folded, lead, tables
from flows.reports.page import Table


def assumptions_section(protocol: Protocol) -> Section:
    """The assumptions, by status."""
    table = assumption_table(protocol)
    counts = {status: sum(row[2] == status for row in table.rows) for status in sorted({row[2] for row in table.rows})}
    told = ", ".join(f"{n} {status}" for status, n in counts.items())
    words = "Change a value in the protocol file, not in the code; the digest at the foot of this page changes with it."
    heading = f"{len(table.rows)} values in use that the protocol does not state: {told}"
    blocks = (lead(words), *folded("Every value, with its source", tables(table)))
    return Section("assumptions", "Assumptions", heading if table.rows else "Every value in use is stated", blocks)


def assumption_table(protocol: Protocol) -> Table:
    """Every protocol value in use that no founding document or read source states."""
    rows = tuple(
        (record.key, f"{_plain(record.value)} {record.unit}".strip(), record.status, record.source, record.note)
        for record in protocol.assumptions()
    )
    return Table(("Value", "Set to", "Status", "From", "Note"), rows, numeric=False, classes="assumptions")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return str(value)
