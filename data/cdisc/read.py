"""SDTM domains from CSV files and SAS transport files to frames of known columns and kinds."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path
from typing import NoReturn

import pandas as pd

from data.cdisc.domains import DOMAINS, Domain
from data.findings import Finding, Refused
from data.readers.text import decode

SUFFIXES = (".csv", ".xpt")


def read_domain(path: Path, domain: str) -> pd.DataFrame:
    """One SDTM domain out of one file.

    Parameters
    ----------
    path : Path
        CSV (UTF-8, or Windows Latin-1 where it is not valid UTF-8) or SAS transport version 5 (``.xpt``).
    domain : str
        ``dm``, ``ds``, ``ex``, ``ae``, ``lb``, ``sv``, ``tu``, ``tr``, ``rs`` or ``ts``.

    Returns
    -------
    DataFrame
        The columns that :mod:`data.cdisc.domains` lists, absent ones empty: text and dates as str (empty = missing),
        numbers as float64. The index is the physical line (record number in a transport file). Unknown columns are
        ignored, personal ones never carried.

    Raises
    ------
    Refused
        ``C201`` no such file, not readable or cut short, ``C202`` a required column is missing or there twice, or the
        rows are of another domain, ``C204`` text where a number must be, ``C205`` an empty subject or a key twice.
    """
    path = Path(path)
    if domain not in DOMAINS:
        _refuse("C202", f"no domain {domain!r} is read", path, f"choose of {', '.join(DOMAINS)}")
    rules = DOMAINS[domain]
    raw = _transport(path) if path.suffix.lower() == ".xpt" else _csv(path)
    raw.columns = [str(name).strip().upper() for name in raw.columns]
    if not raw.columns.is_unique:
        _refuse("C202", f"column {raw.columns[raw.columns.duplicated()][0]} is there twice", path, "keep one", 1)
    missing = [name for name in rules.required if name not in raw]
    if missing:
        _refuse("C202", f"not the domain {domain.upper()}: no column {', '.join(missing)}", path, f"add {missing[0]}")
    if "DOMAIN" in raw and raw["DOMAIN"].ne(domain.upper()).any():
        line = int(raw.index[raw["DOMAIN"].ne(domain.upper())][0])
        found = raw.loc[line, "DOMAIN"]
        _refuse("C202", f"{found!r} is not {domain.upper()}", path, "give the file of that domain", line, "DOMAIN")
    out = {name: _cells(raw, name, name in rules.numbers, path) for name in rules.columns}
    frame = pd.DataFrame(out, index=raw.index)
    _check_subjects(frame, rules, path)
    return frame


def read_study(folder: Path, domains: tuple[str, ...], files: dict[str, str] | None = None) -> dict[str, pd.DataFrame]:
    """The domains of a study out of one folder.

    Parameters
    ----------
    folder : Path
        Files named by their domain: ``tr.csv``, ``tr_onco.csv``, ``tdf_dm.xpt`` (upper or lower case).
    domains : tuple of str
        The domains that are needed.
    files : dict of str to str, optional
        File by domain where the folder holds several for one domain.

    Raises
    ------
    Refused
        A domain without a file, or with several and none chosen (``C201``); and what :func:`read_domain` refuses.
    """
    folder, chosen = Path(folder), files or {}
    return {name: read_domain(_file_of(folder, name, chosen.get(name)), name) for name in domains}


def _file_of(folder: Path, domain: str, chosen: str | None) -> Path:
    if chosen:
        return folder / chosen
    found = sorted(
        path
        for path in (folder.iterdir() if folder.is_dir() else [])
        if path.suffix.lower() in SUFFIXES and domain in path.stem.lower().split("_")
    )
    exact = [path for path in found if path.stem.lower() == domain]
    found = exact or found
    if len(found) != 1:
        names = ", ".join(path.name for path in found)
        what = f"several files for the domain {domain.upper()}: {names}" if found else f"no file for {domain.upper()}"
        _refuse("C201", what, folder, "choose one" if found else f"add {domain}.csv or {domain}.xpt")
    return found[0]


def _csv(path: Path) -> pd.DataFrame:
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        _refuse("C201", f"can not be opened ({error.strerror})", path, "check the path")
    if not text:
        _refuse("C201", "not a text table", path, "export the domain as CSV or XPT")
    try:
        header, rows, numbers = _rows(text.removeprefix("\ufeff"), path)
    except csv.Error as error:
        _refuse("C201", f"not a text table ({error})", path, "export the domain as CSV or XPT")
    return pd.DataFrame(rows, columns=header, index=pd.Index(numbers, dtype="int64"), dtype="str")


def _rows(text: str, path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the physical line that each begins on; blank lines do not count, old Mac line ends do."""
    lines = csv.reader(io.StringIO(text, newline=None))
    header: list[str] = []
    rows, numbers, before = [], [], 0
    for row in lines:
        if row and not header:
            header = row
        elif row and len(row) != len(header):
            what = f"{len(row)} cells under {len(header)} columns"
            _refuse("C202", what, path, "export the whole file again", before + 1)
        elif row:
            rows.append(row)
            numbers.append(before + 1)
        before = lines.line_num
    return header, rows, numbers


BROKEN = (ValueError, LookupError, TypeError, OverflowError, MemoryError, UserWarning)
"""What pandas answers to a transport file whose headers are damaged or whose end is missing."""


def _transport(path: Path) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pd.read_sas(path, format="xport", encoding="cp1252", iterator=True) as reader:
                start, length = int(reader.record_start), int(reader.record_length)  # type: ignore[attr-defined]
                frame = reader.read()
    except OSError as error:
        _refuse("C201", f"can not be opened ({error.strerror})", path, "check the path")
    except BROKEN as error:
        words = str(error) if isinstance(error, (ValueError, UserWarning)) else "its headers are damaged"
        _refuse("C201", f"not a SAS transport file ({words})", path, "export it as version 5 (.xpt)")
    rest = path.read_bytes()[start + len(frame) * length :]
    if rest.strip(b" "):
        _refuse("C201", "the last record is cut off", path, "export or copy the whole file again")
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _cells(raw: pd.DataFrame, name: str, number: bool, path: Path) -> pd.Series:
    if name not in raw:
        return pd.Series(float("nan") if number else "", index=raw.index)
    cells = raw[name]
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype("float64") if number else cells.map("{:g}".format, na_action="ignore").fillna("")
    text = cells.fillna("").astype("str").str.strip()
    if not number:
        return text
    numbers = pd.to_numeric(text.replace("", None), errors="coerce").astype("float64")
    wrong = text[numbers.isna() & text.ne("")]
    if len(wrong):
        _refuse("C204", f"{wrong.iloc[0]!r} is not a number", path, "write a number", int(wrong.index[0]), name)
    return numbers


def _check_subjects(frame: pd.DataFrame, rules: Domain, path: Path) -> None:
    if "USUBJID" not in frame:
        return
    empty = frame.index[frame["USUBJID"].eq("")]
    if len(empty):
        _refuse("C205", "a row without a subject", path, "fill it", int(empty[0]), "USUBJID")
    again = frame[frame.duplicated(list(rules.key))] if rules.key else frame.iloc[:0]
    if len(again):
        who = again["USUBJID"].iloc[0]
        _refuse("C205", f"subject {who} twice", path, "keep one row", int(again.index[0]), "USUBJID")


def _refuse(code: str, message: str, path: Path, remedy: str, line: int | None = None, column: str = "") -> NoReturn:
    raise Refused(Finding(code, "reject", message, file=path.name, line=line, column=column, remedy=remedy))
