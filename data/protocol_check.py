"""What a protocol file must hold before anything is built from it, and before an installation follows it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.protocol import Protocol

NUMBER, TEXT, FLAG, LIST, GROUP = "a number", "text", "true or false", "a list", "a group"
ENDPOINT = {
    "id": TEXT,
    "family": TEXT,
    "landmark": NUMBER,
    "horizon": NUMBER,
    "role": TEXT,
    "promote": FLAG,
    "title": TEXT,
}
ASSAY = {
    "analytes": LIST,
    "reference_gene": TEXT,
    "cutoffs": GROUP,
    "primary_cutoff": GROUP,
    "inclusive": FLAG,
    "source": TEXT,
    "status": TEXT,
}
ANALYTE = {"specimen": TEXT, "unit": TEXT, "units": GROUP}
SPARE = {"assay": {"note": TEXT}, "analyte": {"lower": NUMBER, "upper": NUMBER}}


def kind_of(value: Any) -> str:
    """What a TOML value is, in words; whole and other numbers are one kind."""
    kinds = {bool: FLAG, int: NUMBER, float: NUMBER, str: TEXT, list: LIST, dict: GROUP}
    return kinds.get(type(value), "a date")


def check_shape(raw: dict[str, Any]) -> None:
    """Endpoints, assays and analytes have the keys that they need, each of its kind, and no others.

    Parameters
    ----------
    raw : dict
        As TOML reads a protocol, merged (:func:`data.protocol_source.read_source`).

    Raises
    ------
    ValueError
        Naming the record, the key, what was found and what would be right.
    """
    endpoints = raw.get("endpoint", [])
    for name in ("endpoint", "eligibility"):
        rows = raw.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{name} is no list of records; write each under [[{name}]]")
    for number, row in enumerate(endpoints, start=1):
        _check_keys(f"endpoint {row.get('id') or number}", row, ENDPOINT, {})
    names = [row["id"] for row in endpoints]
    for name in sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"endpoint {name}: the id is there twice; give every endpoint its own")
    for kind, keys in (("assay", ASSAY), ("analyte", ANALYTE)):
        group = raw.get(kind, {})
        if not isinstance(group, dict) or not all(isinstance(row, dict) for row in group.values()):
            raise ValueError(f"{kind} is no group of records; write each under [{kind}.NAME]")
        for name, row in group.items():
            _check_keys(f"{kind} {name}", row, keys, SPARE[kind])


def _check_keys(name: str, row: dict[str, Any], required: dict[str, str], spare: dict[str, str]) -> None:
    missing = [key for key in required if key not in row]
    if missing:
        raise ValueError(f"{name}: no {', '.join(missing)}; it needs {', '.join(required)}")
    for key, value in row.items():
        wanted = required.get(key) or spare.get(key)
        if wanted is None:
            raise ValueError(f"{name}: unknown key {key}; use {', '.join((*required, *spare))}")
        if kind_of(value) != wanted or (wanted == NUMBER and not math.isfinite(value)):
            raise ValueError(f"{name}: {key} {value!r} does not go; give {wanted}")


def check_complete(protocol: Protocol, packaged: list[Protocol]) -> None:
    """A protocol holds every record that all packaged ones hold, each of the kind it has there, and an endpoint.

    Parameters
    ----------
    protocol : Protocol
        That an installation is to follow.
    packaged : list of Protocol
        Those that come with the software; what all of them hold is what the software reads.

    Raises
    ------
    ValueError
        Naming the file, the records and the remedy.
    """
    first = packaged[0]
    common = [key for key in first.records if all(key in other.records for other in packaged)]
    missing = [key for key in common if key not in protocol.records]
    name = protocol.path.name
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f'{name}: no record {", ".join(missing[:3])}{more}; begin the file with extends = "nelmas", or add them'
        )
    for key in common:
        found, wanted = protocol[key], {kind_of(other[key]) for other in packaged}
        if kind_of(found) not in wanted:
            raise ValueError(f"{name}: [{key}] holds {found!r}; give {' or '.join(sorted(wanted))}")
    for what in ("endpoints", "assays", "analytes"):
        if not getattr(protocol, what):
            raise ValueError(f"{name}: no {what}; add at least one, or begin the file with extends = \"nelmas\"")
