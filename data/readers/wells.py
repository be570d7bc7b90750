"""Rows of a results table to typed wells: Cq numbers, states, tasks, and what is odd about them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from data.findings import Finding, Refused
from data.readers.dialects import NTC_NAME, Dialect
from data.readers.sheets import Row

# A1 to P24, AA1 to AF48 of a 1536-well plate, and A1a1 to D12h8 of an OpenArray.
WELL = re.compile(r"[A-Za-z]{1,2}\d{1,2}([a-h][1-8])?")
POINT = re.compile(r"[+-]?\d+\.\d+([eE][+-]?\d+)?")
COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
WHOLE = re.compile(r"[+-]?\d+")
TRUE_WORDS = frozenset({"true", "1", "yes"})
FIELDS = ("well", "sample", "target", "task", "omit", "dye")
WELL_COLUMNS = (
    "row",
    "line",
    "well",
    "sample",
    "target",
    "task",
    "cq_raw",
    "cq",
    "state",
    "omit",
    "dye",
    "task_raw",
)


def canonical_well(well: str) -> str:
    """One name per position: ``A01``, ``a1`` and ``A1`` are all ``A1``."""
    return re.sub(r"^([A-Za-z]+)0*(\d)", lambda part: part[1].upper() + part[2], well.strip())


def build_wells(
    rows: Sequence[Row], labels: list[str], dialect: Dialect, file_name: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Typed wells of a results table.

    Parameters
    ----------
    rows : sequence of (line, cells)
        Rows of wells, short rows being filled with empty cells.
    labels : list of str
        Reduced labels of the header row.
    dialect : Dialect
        Dialect of the table.
    file_name : str
        Name for messages.

    Returns
    -------
    wells : DataFrame
        Columns as in :class:`data.readers.plate.PlateExport`.
    missing : tuple of str
        Fields among sample, target and task that have no column.

    Raises
    ------
    Refused
        P116 when a well, target and dye is listed twice; P117 when Cq has decimal points and decimal commas.
    """
    where = {
        name: next((labels.index(alias) for alias in dialect.columns.get(name, ()) if alias in labels), None)
        for name in FIELDS
    }
    missing = tuple(name for name in ("sample", "target", "task") if where[name] is None)
    text = {name: _column(rows, index) for name, index in where.items()}
    lines = [line for line, _ in rows]
    parts = [(_column(rows, index), suffix) for index, suffix in _cq_columns(labels, dialect)]
    raw = [value for values in zip(*(values for values, _ in parts), strict=True) for value in values]
    repeat = len(parts)
    text = {name: [value for value in values for _ in range(repeat)] for name, values in text.items()}
    text["target"] = [
        f"{name}-{suffix}" if suffix else name
        for name, suffix in zip(text["target"], [suffix for _, suffix in parts] * len(rows), strict=True)
    ]
    lines = [line for line in lines for _ in range(repeat)]
    cq, state = read_cycles(raw, dialect, lines, file_name)
    wells = pd.DataFrame(
        {
            "row": np.arange(1, len(raw) + 1),
            "line": lines,
            "well": text["well"],
            "sample": _or_none(text["sample"]),
            "target": _or_none(text["target"]),
            "task": _tasks(text, missing, dialect),
            "cq_raw": raw,
            "cq": cq,
            "state": state,
            "omit": [word.casefold() in TRUE_WORDS for word in text["omit"]],
            "dye": _or_none(text["dye"]),
            "task_raw": text["task"],
        },
        columns=list(WELL_COLUMNS),
    )
    _refuse_twice(wells, file_name)
    return wells, missing


def read_cycles(
    raw: Sequence[str], dialect: Dialect, lines: Sequence[int], file_name: str
) -> tuple[np.ndarray, list[str]]:
    """Cq numbers and states of cells; whether the comma or the point is decimal is decided from these cells
    alone.

    Returns
    -------
    cq : ndarray of float
        Cycles; NaN unless the state is ``value``.
    state : list of str
        value (a positive number), undetermined (a word of the dialect), blank (empty) or other.

    Raises
    ------
    Refused
        P117 when both signs occur.
    """
    points = [line for line, cell in zip(lines, raw, strict=True) if POINT.fullmatch(cell)]
    commas = [line for line, cell in zip(lines, raw, strict=True) if COMMA.fullmatch(cell)]
    if points and commas:
        raise Refused(
            Finding(
                "P117",
                "reject",
                f"Cq has decimal points (line {points[0]}) and decimal commas (line {commas[0]})",
                file=file_name,
                line=min(points[0], commas[0]),
                column="Cq",
                remedy="export the run again instead of editing the file in a spreadsheet",
            )
        )
    number = COMMA if commas else POINT
    cq, state = np.full(len(raw), np.nan), []
    for index, cell in enumerate(raw):
        if number.fullmatch(cell) or WHOLE.fullmatch(cell):
            value = float(cell.replace(",", "."))
            good = math.isfinite(value) and value > 0
            cq[index] = value if good else np.nan
            state.append("value" if good else "other")
        elif not cell:
            state.append("blank")
        else:
            state.append("undetermined" if cell.casefold() in dialect.undetermined else "other")
    return cq, state


def _column(rows: Sequence[Row], index: int | None) -> list[str]:
    if index is None:
        return [""] * len(rows)
    return [cells[index] if len(cells) > index else "" for _, cells in rows]


def _cq_columns(labels: list[str], dialect: Dialect) -> list[tuple[int, str]]:
    if dialect.alleles:
        return [(labels.index(name), suffix) for name, suffix in dialect.alleles]
    return [(next(labels.index(name) for name in dialect.columns["cq"] if name in labels), "")]


def _or_none(values: list[str]) -> list[str | None]:
    return [value or None for value in values]


def _tasks(text: dict[str, list[str]], missing: tuple[str, ...], dialect: Dialect) -> list[str]:
    """Task words normalised; a well without one is a control by its sample's name, a sample, or unused."""
    task_of = {word: dialect.task(word) for word in set(text["task"])}
    unused = "unknown" if {"sample", "target"} & set(missing) else "other"

    def without_word(sample: str, target: str) -> str:
        if not sample or not target:
            return unused
        return "ntc" if NTC_NAME.fullmatch(sample) else "unknown"

    return [
        task_of[word] or without_word(sample, target)
        for word, sample, target in zip(text["task"], text["sample"], text["target"], strict=True)
    ]


def _refuse_twice(wells: pd.DataFrame, file_name: str) -> None:
    key = wells[["target", "dye"]].fillna("").assign(well=wells["well"].map(canonical_well))
    twice = key.duplicated(keep="first").to_numpy()
    if not twice.any():
        return
    second = int(np.flatnonzero(twice)[0])
    first = int(np.flatnonzero((key == key.iloc[second]).all(axis=1).to_numpy())[0])
    row = wells.iloc[second]
    raise Refused(
        Finding(
            "P116",
            "reject",
            f"the well is already on line {wells['line'].iloc[first]} with the same target and dye",
            file=file_name,
            line=int(row["line"]),
            well=row["well"],
            gene=row["target"] or "",
            remedy="deliver each run once: the file was pasted together or exported twice",
        )
    )
