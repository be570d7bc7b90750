"""The shape of a protocol file: which keys endpoints, assays and analytes need, each of its kind."""

from __future__ import annotations

import math
from typing import Any

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
SPARE = {"assay": {"note": TEXT}, "analyte": {"lower": NUMBER, "upper": NUMBER, "per_creatinine": FLAG}}
CREATININE = "creatinine"


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
    _check_per_creatinine(raw.get("analyte", {}))


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


def _check_per_creatinine(analytes: dict[str, dict[str, Any]]) -> None:
    """Only a concentration in urine is divided by creatinine, and creatinine is then an analyte of urine itself."""
    marked = {name: row for name, row in analytes.items() if row.get("per_creatinine")}
    for name, row in marked.items():
        if row["specimen"] != "urine" or not row["unit"].endswith("/L") or name == CREATININE:
            raise ValueError(
                f"analyte {name}: per_creatinine goes with a urine concentration such as umol/L, not with "
                f"{row['specimen']} {name} in {row['unit']}; leave it out"
            )
    if marked and analytes.get(CREATININE, {}).get("specimen") != "urine":
        raise ValueError(
            f"analyte {next(iter(marked))}: per_creatinine needs [analyte.{CREATININE}] of specimen urine; add it"
        )
