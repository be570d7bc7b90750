"""Read one qPCR export into a table of wells."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from data.findings import Finding, Refused
from data.readers.foreign import foreign_instrument
from data.readers.grid import Grid, not_read_yet, read_grid
from data.readers.locate import locate
from data.readers.metadata import instrument_name, plate_name, read_metadata
from data.readers.oddities import well_findings
from data.readers.setup import setup_findings
from data.readers.wells import build_wells


@dataclass(frozen=True)
class PlateExport:
    """One instrument export as read, before any judgement.

    Parameters
    ----------
    instrument : str
        Instrument type that the file names, else the dialect.
    file_name, sha256 : str
        Name and digest of the delivered bytes.
    plate : str
        Barcode, plate or experiment name, else the file name without its ending.
    wells : DataFrame
        One row per well and target: row (from 1), line (physical line or sheet row), well, sample, target,
        task (unknown, ntc, nrt, standard, positive_control, other), cq_raw (text as written), cq (cycles,
        NaN unless state is ``value``), state (value, undetermined, blank, other), omit, dye, task_raw (word
        as written). Missing text is None.
    metadata : dict of str to str
        Information block without personal data.
    dialect : str
        Dialect in which the table is written.
    sheet : str
        Sheet of the workbook; empty for text.
    source_line : int
        Physical line of the header row.
    missing : tuple of str
        Fields among sample, target and task for which the file has no column.
    findings : tuple of Finding
        What a reader should know although the file is accepted (severity warn or note).
    """

    instrument: str
    file_name: str
    sha256: str
    plate: str
    wells: pd.DataFrame
    metadata: dict[str, str]
    dialect: str
    sheet: str = ""
    source_line: int = 1
    missing: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default_factory=tuple)


def read_plate(source: str | Path | bytes, file_name: str | None = None) -> PlateExport:
    """Read a qPCR export, recognised by its content alone.

    Parameters
    ----------
    source : path or bytes
        The file or its content.
    file_name : str, optional
        Name for messages and, last of all, for the plate; the path's own name when omitted.

    Returns
    -------
    PlateExport

    Raises
    ------
    Refused
        P101-P104 unreadable files, P110 no table of wells, P111 an instrument without a reader, P112-P114
        truncated, P115 a row that is no well, P116 a well listed twice, P117 mixed decimal signs.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    name = file_name or ("export" if isinstance(source, bytes) else Path(source).name)
    return plate_of_grid(read_grid(data, name), name, hashlib.sha256(data).hexdigest())


def plate_of_grid(grid: Grid, file_name: str, sha256: str) -> PlateExport:
    """The same for a file that is already open; ``sha256`` is the digest of its bytes."""
    instrument = foreign_instrument(grid.head())
    if instrument:
        raise not_read_yet(instrument, file_name)
    try:
        table = locate(grid, file_name)
        wells, missing = build_wells(table.rows, table.labels, table.dialect, file_name)
    except Refused as refused:
        raise Refused([_named(finding, file_name) for finding in refused.findings]) from None
    metadata = read_metadata(table.around)
    findings = well_findings(wells, missing, table.dialect, file_name)
    findings += setup_findings(grid, table, wells, file_name)
    return PlateExport(
        instrument=instrument_name(metadata, table.dialect.name),
        file_name=file_name,
        sha256=sha256,
        plate=plate_name(metadata, file_name),
        wells=wells,
        metadata=metadata,
        dialect=table.dialect.name,
        sheet=table.sheet.name,
        source_line=table.header_line,
        missing=missing,
        findings=tuple(findings),
    )


def _named(finding: Finding, file_name: str) -> Finding:
    return finding if finding.file else replace(finding, file=file_name)
