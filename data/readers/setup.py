"""Hold the results of a plate against its sample setup, where the export carries one."""

from __future__ import annotations

import pandas as pd

from data.findings import Finding
from data.readers.grid import Grid
from data.readers.locate import Table
from data.readers.metadata import SECTION
from data.readers.sheets import Sheet
from data.readers.text import label
from data.readers.wells import WELL


def setup_findings(grid: Grid, table: Table, wells: pd.DataFrame, file_name: str) -> list[Finding]:
    """Wells that the setup fills and the results lack, and the reverse: a cut export, or wells left out of
    it.

    Parameters
    ----------
    grid : Grid
        The opened file.
    table : Table
        Its table of wells.
    wells : DataFrame
        Wells as read.
    file_name : str
        Name for messages.

    Returns
    -------
    list of Finding
        P122, severity warn; empty when the file has no setup or both agree.
    """
    setup = _setup_of(grid, table)
    if not setup:
        return []
    measured = dict.fromkeys(well.casefold() for well in wells["well"])
    lacking = [well for well, filled in setup.items() if filled and well.casefold() not in measured]
    planned = {well.casefold() for well in setup}
    extra = [well.upper() for well in measured if well not in planned]
    return [
        Finding("P122", "warn", f"{len(found)} wells {words} ({_listed(found)})", file=file_name, remedy=remedy)
        for found, words, remedy in (
            (lacking, "of the sample setup have no result", "check that the whole plate was exported"),
            (
                extra,
                "with a result are not in the sample setup",
                "trust the results table; the setup section was cut",
            ),
        )
        if found
    ]


def _listed(wells: list[str]) -> str:
    return ", ".join(wells[:6]) + (", ..." if len(wells) > 6 else "")


def _setup_of(grid: Grid, table: Table) -> dict[str, bool]:
    """Well to whether the setup gives it a sample or a target."""
    for sheet in grid.sheets:
        if not sheet.name:
            return _read_setup(sheet, before=table.header_line)
        if label(sheet.name) == "samplesetup":
            return _read_setup(sheet, before=sheet.height + 1)
    return {}


def _read_setup(sheet: Sheet, before: int) -> dict[str, bool]:
    for start, cells in sheet.rows_with("well"):
        if start >= before:
            break
        labels = [label(cell) for cell in cells]
        well = next((labels.index(name) for name in ("wellposition", "well") if name in labels), None)
        content = [labels.index(name) for name in ("samplename", "targetname", "snpassayname") if name in labels]
        if well is not None and content and "cycle" not in labels:
            return _filled_wells(sheet, start + 1, well, content)
    return {}


def _filled_wells(sheet: Sheet, start: int, well: int, content: list[int]) -> dict[str, bool]:
    setup: dict[str, bool] = {}
    for _, row in sheet.rows(start):
        if not any(row) or SECTION.match(row[0]):
            break
        if len(row) > well and WELL.fullmatch(row[well]):
            filled = any(row[column] for column in content if column < len(row))
            setup[row[well]] = setup.get(row[well], False) or filled
    return setup
