"""What a row says, apart from when and whence it came: its unit, its digest, and laying rows over rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import pandas as pd

from data.contracts import TABLES
from data.trial import TRIAL_TABLES, table_columns, typed

SEPARATOR = "\x1f"
STUDY_COLUMNS = {"name": "text", "simulated": "flag", "note": "text"}
PLATE_MAP_KINDS = {"plate": "text", "well": "text", "sample_id": "id"}
STORED_TABLES = (*TRIAL_TABLES, "plate_map", "study")

REPLACED_TOGETHER = {
    "controls": ("plate",),
    "adverse_events": ("patient_id",),
    "wells": ("plate",),
    "verdicts": ("plate",),
    "plate_map": ("plate", "well"),
    "study": (),
}
"""Tables without a row key: a later file's rows of a plate (patient) replace all earlier rows of it."""


def stored_columns(name: str) -> dict[str, str]:
    """Columns and kinds of a stored table: the trial's tables, the plate map and the study record."""
    extra = {"plate_map": PLATE_MAP_KINDS, "study": STUDY_COLUMNS}
    return extra[name] if name in extra else table_columns(name)


def unit_columns(name: str) -> tuple[str, ...]:
    """Columns that name the unit which a later file replaces as a whole: the key, or the plate or patient."""
    return REPLACED_TOGETHER[name] if name in REPLACED_TOGETHER else TABLES[name].key


DTYPES = {"date": "datetime64[ns]", "number": "float64", "flag": "bool"}


def _is_stored(name: str, frame: pd.DataFrame) -> bool:
    columns = stored_columns(name)
    if list(frame.columns) != list(columns) or not isinstance(frame.index, pd.RangeIndex) or frame.index.start != 0:
        return False
    return all(str(frame[column].dtype) == DTYPES[kind] for column, kind in columns.items() if kind in DTYPES)


def as_stored(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Bring a frame to the stored columns and types of its table; as it is when it has them already."""
    if name in TRIAL_TABLES and _is_stored(name, frame):
        return frame
    if name in TRIAL_TABLES:
        return typed(name, frame)
    out = frame.reset_index(drop=True).reindex(columns=list(stored_columns(name))).astype(object)
    return out.where(out.notna(), None)


def cells(values: pd.Series, kind: str) -> list:
    """Cells of a column as Python values: float, ``datetime.date``, bool or str; None for missing."""
    if kind == "date":
        return values.to_numpy("datetime64[D]").tolist()
    # A missing number or text is NaN (unequal to itself) or None.
    return [None if value is None or value != value else value for value in values.tolist()]


def _texts(values: pd.Series, kind: str) -> list[str]:
    found = cells(values, kind)
    if kind == "number":
        return ["" if value is None else repr(value) for value in found]
    if kind == "flag":
        return ["" if value is None else str(int(value)) for value in found]
    return ["" if value is None else str(value) for value in found]


def unit_keys(name: str, frame: pd.DataFrame) -> pd.Series:
    """The replacement unit of each row as one string."""
    columns, kinds = unit_columns(name), stored_columns(name)
    if not columns:
        return pd.Series(name, index=frame.index, dtype=object)
    texts = [_texts(frame[column], kinds[column]) for column in columns]
    return pd.Series(map(SEPARATOR.join, zip(*texts, strict=True)), index=frame.index, dtype=object)


def _later_columns(name: str) -> list[str]:
    """Columns that a later edition of the contract brought into a table that existed before."""
    if name not in TABLES or TABLES[name].since > 1:
        return []
    return [column for column, rule in TABLES[name].columns.items() if rule.since > 1]


def row_digests(name: str, frame: pd.DataFrame) -> pd.Series:
    """A 128-bit digest of the content of each row.

    Parameters
    ----------
    name : str
        Stored table.
    frame : DataFrame
        Typed rows (:func:`as_stored`).

    Returns
    -------
    Series of str
        32 hexadecimal digits; equal for equal content, whatever file, order or instant the row came with. A column
        of a later edition of the contract counts only where it is filled: rows that were stored before it came
        keep their digest.
    """
    kinds, later = stored_columns(name), _later_columns(name)
    texts = [_texts(frame[column], kind) for column, kind in kinds.items() if column not in later]
    joined = list(map(SEPARATOR.join, zip(*texts, strict=True)))
    for column in later:
        filled = _texts(frame[column], kinds[column])
        marks = (f"{SEPARATOR}{column}={text}" if text else "" for text in filled)
        joined = list(map("".join, zip(joined, marks, strict=True)))
    digests = [hashlib.sha256(row.encode()).hexdigest()[:32] for row in joined]
    return pd.Series(digests, index=frame.index, dtype=object)


def content_digest(digests: Mapping[str, Iterable[str]]) -> str:
    """SHA-256 over the sorted row digests of every table.

    Parameters
    ----------
    digests : mapping of str to iterable of str
        Row digests by table name.

    Returns
    -------
    str
        Hexadecimal; independent of the order of rows, tables and loads. A table of a later edition of the contract
        counts only when it holds rows.
    """
    total = hashlib.sha256()
    for name in sorted(digests):
        rows = sorted(digests[name])
        if not rows and name in TABLES and TABLES[name].since > 1:
            continue
        total.update(f"{name}\n".encode())
        total.update("\n".join(rows).encode())
        total.update(b"\n\n")
    return total.hexdigest()


def overlay(name: str, earlier: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """The table after a later file: its units replace the earlier rows of the same units.

    Parameters
    ----------
    name : str
        Stored table.
    earlier, later : DataFrame
        Typed rows.

    Returns
    -------
    DataFrame
        Earlier rows of other units, then the later rows.
    """
    if earlier.empty or later.empty:
        return (later if earlier.empty else earlier).reset_index(drop=True)
    kept = earlier[~unit_keys(name, earlier).isin(unit_keys(name, later))]
    return pd.concat([kept, later], ignore_index=True) if len(kept) else later.reset_index(drop=True)
