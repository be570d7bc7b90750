"""SDTM domains from CSV files and SAS transport files to frames of known columns and kinds."""

from __future__ import annotations

import csv
import io
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
        ``C201`` no such file or not readable, ``C202`` a required column is missing or the rows are of another
        domain, ``C204`` text where a number must be, ``C205`` an empty subject or a key twice.
    """
    path, rules = Path(path), DOMAINS[domain]
    raw = _transport(path) if path.suffix.lower() == ".xpt" else _csv(path)
    raw.columns = [str(name).strip().upper() for name in raw.columns]
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
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header, rows, numbers, before = next(lines), [], [], lines.line_num
    for row in lines:
        if row and len(row) != len(header):
            _refuse(
                "C202", f"{len(row)} cells under {len(header)} columns", path, "export the whole file again", before + 1
            )
        if row:
            rows.append(row)
            numbers.append(before + 1)
        before = lines.line_num
    return pd.DataFrame(rows, columns=header, index=pd.Index(numbers, dtype="int64"), dtype="str")


def _transport(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_sas(path, format="xport", encoding="cp1252")
    except (OSError, ValueError) as error:
        _refuse("C201", f"not a SAS transport file ({error})", path, "export it as version 5 (.xpt)")
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
