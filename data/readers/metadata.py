"""The information block around a plate table: what is worth keeping, and without what points at a person."""

from __future__ import annotations

import re
from collections.abc import Iterable

from data.readers.text import label

PERSONAL_KEY = re.compile(
    r"operator|user|author|comment|note|description|path|filename|mail|exportedby|createdby|modifiedby"
)
PERSONAL_VALUE = re.compile(r"^[A-Za-z]:[\\/]|^\\\\|^[/~]|\\|@")
STARRED = re.compile(r"^\*\s*(.+?)\s*=\s*(.*)$")
FOOTER = re.compile(r"^([A-Za-z][^=\t,;]*?)\s=\s*(.*)$")
SECTION = re.compile(r"^\[(.+)\]$")

# Which entry names the plate, the surest first. "NA" is what the software writes for an empty field.
PLATE_KEYS = ("barcode", "experimentbarcode", "platebarcode", "plateid", "id", "platename", "experimentname")
EMPTY = frozenset({"", "na", "n/a", "none", "null"})


def read_metadata(rows: Iterable[list[str]]) -> dict[str, str]:
    """Entries of the information block, without operator names, comments and file paths.

    Parameters
    ----------
    rows : iterable of list of str
        Rows above and below the table of wells: ``* Key = Value``, ``Key = Value`` or two cells.

    Returns
    -------
    dict of str to str
        Key as written to value; empty values are left out, the first of two equal keys wins.
    """
    entries: dict[str, str] = {}
    for cells in rows:
        key, value = _entry(cells)
        if key and value.casefold() not in EMPTY and not is_personal(key, value):
            entries.setdefault(key, value)
    return entries


def _entry(cells: list[str]) -> tuple[str, str]:
    filled = [cell for cell in cells if cell]
    if not filled or SECTION.match(filled[0]):
        return "", ""
    # A csv writer splits "* Stage = Stage 2, Step 2" at its comma.
    whole = ", ".join(filled)
    match = STARRED.match(whole) or (FOOTER.match(filled[0]) if len(filled) == 1 else None)
    if match:
        return match[1].strip(), match[2].strip()
    return (filled[0], filled[1]) if len(filled) == 2 and cells[0] else ("", "")


def is_personal(key: str, value: str) -> bool:
    """Whether an entry names a person or a place on somebody's disk."""
    return bool(PERSONAL_KEY.search(label(key)) or PERSONAL_VALUE.search(value))


def plate_name(metadata: dict[str, str], file_name: str) -> str:
    """Barcode, plate or experiment name of the information block, else the file name without its ending."""
    by_label = {label(key): value for key, value in metadata.items()}
    named = next((by_label[key] for key in PLATE_KEYS if key in by_label), "")
    stem = re.sub(r"\.(gz|txt|csv|tsv|xlsx?|xlsm)$", "", re.sub(r"\.gz$", "", file_name, flags=re.I), flags=re.I)
    return named or stem


def instrument_name(metadata: dict[str, str], default: str) -> str:
    """Instrument type of the information block without trade-mark signs, else the dialect's own name."""
    by_label = {label(key): value for key, value in metadata.items()}
    named = re.sub(r"\((TM|R)\)|[™®]", "", by_label.get("instrumenttype", ""))
    return re.sub(r"\s+", " ", named.removesuffix(" System")).strip() or default
