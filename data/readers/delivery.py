"""Reader of delivered tables: which table a header belongs to, and its cells as text with line numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data.contracts import TABLES
from data.findings import Finding, Refused

PLATE_MAP_COLUMNS = ("plate", "well", "sample_id")
LOADABLE = (*TABLES, "plate_map")
NEARLY = 0.6
"""Share of a table's required columns that makes a header that table with columns missing."""
BETWEEN_WORDS = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class DeliveryTable:
    """A delivered table as it was written.

    Parameters
    ----------
    name : str
        Table of the delivery contract, or ``plate_map``.
    raw : DataFrame of str
        Stripped cells; the empty string means missing.
    lines : Series of int
        Physical line (from 1) at which each row starts, on the index of ``raw``.
    file_name, sha256 : str
        Where it came from and the digest of its bytes.
    """

    name: str
    raw: pd.DataFrame
    lines: pd.Series
    file_name: str = ""
    sha256: str = ""


def required_columns(name: str) -> tuple[str, ...]:
    """Columns that the header of a table must name under any protocol."""
    return PLATE_MAP_COLUMNS if name == "plate_map" else TABLES[name].characteristic_columns


def _header(header: str | Sequence[str]) -> list[str]:
    """Column names of a header; a line of text is cut at commas, so that no content can break it."""
    cells = (header.splitlines() or [""])[0].split(",") if isinstance(header, str) else header
    return [cell.strip().lstrip("\ufeff").strip().strip('"') for cell in cells]


def _contract_names(header: list[str], name: str) -> list[str]:
    """The columns of a header by their names in the contract where they differ only in case, blanks or hyphens.

    Not those of a plate map: exports of instruments have columns Plate and Well, too.
    """
    columns = TABLES[name].columns if name in TABLES else {}
    folded = [BETWEEN_WORDS.sub("_", cell.casefold()) for cell in header]
    return [plain if plain in columns else cell for cell, plain in zip(header, folded, strict=True)]


def recognise_table(header: str | Sequence[str]) -> str | None:
    """Name the delivery table that a header belongs to, whatever the file is called.

    Parameters
    ----------
    header : str or sequence of str
        First line of the file, or its cells.

    Returns
    -------
    str or None
        The table all of whose required columns are present (the one with most of them); otherwise the one
        table of
        which at least six columns in ten are present, so that the missing ones can be named; otherwise None.
    """
    cells = _header(header)
    complete = [name for name in LOADABLE if set(_contract_names(cells, name)).issuperset(required_columns(name))]
    if complete:
        return max(complete, key=lambda name: len(required_columns(name)))
    present = set(cells)
    share = {name: len(present.intersection(required_columns(name))) / len(required_columns(name)) for name in LOADABLE}
    best = max(share.values())
    nearest = [name for name in LOADABLE if share[name] == best]
    return nearest[0] if best >= NEARLY and len(nearest) == 1 else None


def meant_table(line: str) -> str | None:
    """The table that a first line was meant to begin, also when its columns are not separated by commas."""
    return recognise_table(line) or recognise_table(line.replace(";", ",").replace("\t", ","))


def _refuse(code: str, message: str, file_name: str, line: int | None = None, remedy: str = "") -> Refused:
    return Refused(Finding(code, "reject", message, file=file_name, line=line, remedy=remedy))


def _records(text: str, file_name: str) -> list[tuple[int, list[str]]]:
    """All non-blank rows with the physical line at which each starts."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records, start = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        message = f"the file breaks off inside a quoted cell or has a stray quote ({error})"
        raise _refuse("D103", message, file_name, start, "export the whole file again") from None
    return records


def _check_shape(header: list[str], records: list[tuple[int, list[str]]], file_name: str) -> None:
    repeated = sorted({column for column in header if column and header.count(column) > 1})
    if repeated:
        message = f"the header names {', '.join(repeated)} more than once"
        raise _refuse("D105", message, file_name, records[0][0], "keep one column of each name")
    ragged = [(line, len(cells)) for line, cells in records[1:] if len(cells) != len(header)]
    if ragged:
        line, found = ragged[0]
        more = f"; {len(ragged) - 1} more lines are like it" if len(ragged) > 1 else ""
        message = f"{found} cells where the header names {len(header)}{more}: cut off, or a stray comma"
        raise _refuse("D103", message, file_name, line, "export the whole file again; quote cells that hold a comma")


def _check_last_value(name: str, column: str, records: list[tuple[int, list[str]]], file_name: str) -> None:
    """Without a line end, a last number, label or text may be cut short; a whole date or code can not."""
    line, cells = records[-1]
    value = cells[-1].strip()
    rule = TABLES[name].columns.get(column) if name in TABLES else None
    whole = rule is not None and (value in rule.codes or (rule.kind == "date" and len(value) == len("2000-01-01")))
    if len(records) > 1 and not whole:
        after = repr(value) if value else "an empty cell"
        message = f"the file ends without a line end after {after}, so the last value may be cut off"
        raise _refuse("D103", message, file_name, line, "export the whole file again, or end the last line")


def read_delivery_table(text: str, file_name: str, sha256: str = "") -> DeliveryTable:
    """Read one delivered CSV table as text.

    Parameters
    ----------
    text : str
        Content of the file, decoded; a byte-order mark, CRLF line ends and quoted cells are fine.
    file_name : str
        Name for messages; it does not decide which table this is.
    sha256 : str
        Digest of the bytes, handed through.

    Returns
    -------
    DeliveryTable

    Raises
    ------
    Refused
        When the file is empty, holds only a header where rows are required, belongs to no delivery table,
        repeats a column, or has a ragged or truncated line (named).
    """
    if not text.strip().lstrip("\ufeff").strip():
        raise _refuse("D101", "the file is empty", file_name, remedy="export it again")
    if "\0" in text:
        raise _refuse("D104", "not a text file", file_name, remedy="save it as CSV in UTF-8")
    records = _records(text.lstrip("\ufeff"), file_name)
    header = _header(records[0][1])
    name = recognise_table(header)
    if name is None:
        raise _refuse("D122", *_unrecognised(header, file_name))
    header = _contract_names(header, name)
    _check_shape(header, records, file_name)
    if not text.endswith(("\n", "\r", '"')):
        _check_last_value(name, header[-1], records, file_name)
    if len(records) == 1 and not (name in TABLES and TABLES[name].may_be_empty):
        raise _refuse("D102", f"{name} holds a header but no rows", file_name, remedy="send the table with its rows")
    rows = [[cell.strip() for cell in cells] for _, cells in records[1:]]
    named = [position for position, column in enumerate(header) if column]
    raw = pd.DataFrame([[row[position] for position in named] for row in rows], columns=[header[p] for p in named])
    lines = pd.Series([line for line, _ in records[1:]], dtype="int64")
    return DeliveryTable(name, raw.astype(object), lines, file_name, sha256)


def _unrecognised(header: list[str], file_name: str) -> tuple[str, str, int, str]:
    if len(header) == 1 and meant_table(header[0]):
        return "the columns are not separated by commas", file_name, 1, "save it as comma-separated CSV"
    shown = ", ".join(header[:6]) + (", ..." if len(header) > 6 else "")
    return (
        f"no delivery table has this header ({shown})",
        file_name,
        1,
        "see the columns of each table in docs/delivery.md",
    )


def decode(data: bytes, file_name: str) -> str:
    """Decode the bytes of a delivered table as UTF-8, with or without a byte-order mark.

    Raises
    ------
    Refused
        When a byte is not UTF-8; the message names the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _refuse("D104", message, file_name, line, "save the file as CSV in UTF-8") from None
