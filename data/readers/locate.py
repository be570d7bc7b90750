"""Find the table of wells in an opened file, and tell a whole table from a cut one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from data.findings import Refused
from data.readers.dialects import DIALECTS, Dialect, dialect_of
from data.readers.grid import Grid, refusal
from data.readers.metadata import SECTION
from data.readers.sheets import Row, Sheet
from data.readers.text import label
from data.readers.wells import WELL

RESULT_SHEETS = ("results", "primaryresult")
EXPECTED = "QuantStudio, ViiA 7 or Bio-Rad CFX results with a column of wells and a Cq (Ct) column"


@dataclass(frozen=True)
class Table:
    """The table of wells of a file.

    Parameters
    ----------
    sheet : Sheet
        Where it stands.
    dialect : Dialect
        How it is written.
    header_line : int
        Physical line of its header.
    labels : list of str
        Reduced labels of the header.
    rows : list of (line, cells)
        Rows of wells.
    around : list of list of str
        Rows above and below that may hold run information.
    """

    sheet: Sheet
    dialect: Dialect
    header_line: int
    labels: list[str]
    rows: list[Row]
    around: list[list[str]]


def locate(grid: Grid, file_name: str) -> Table:
    """Find the table of wells: results sheets first, after the results marker where a text has one.

    Raises
    ------
    Refused
        P110 no such table, P112 a known export without its results, P113 no wells under the header, P114 a
        last row that breaks off, P115 a row that is no well.
    """
    sheets = sorted(grid.sheets, key=lambda sheet: label(sheet.name) not in RESULT_SHEETS)
    for sheet in sheets:
        start = _results_line(sheet)
        for line, cells in sheet.rows_with("well"):
            if line <= start:
                continue
            labels = [label(cell) for cell in cells]
            dialect = dialect_of(frozenset(labels))
            if dialect is not None:
                return _cut_out(sheet, dialect, line, labels, file_name)
    raise _nothing_found(grid, file_name)


def _results_line(sheet: Sheet) -> int:
    lines = [line for line, cells in sheet.rows_with("[results]") if cells and label(cells[0]) == "results"]
    return lines[-1] if lines else 0


def _nothing_found(grid: Grid, file_name: str) -> Refused:
    keys = {label(cell) for sheet in grid.sheets[:1] for _, cells in islice(sheet.rows(), 80) for cell in _keys(cells)}
    speaker = next((dialect for dialect in reversed(DIALECTS) if len(dialect.metadata_keys & keys) >= 2), None)
    if speaker:
        return refusal(
            "P112",
            f"is a {speaker.name} export without its results table: cut, or exported without Results",
            file_name,
            "export the run again with the Results section and copy the whole file",
        )
    first = next((cells for _, cells in islice(grid.sheets[0].rows(), 20) if any(cells)), []) if grid.sheets else []
    found = ", ".join(cell for cell in first[:6] if cell)[:120]
    return refusal("P110", f"is not a qPCR export: it begins with {found!r}", file_name, f"expected {EXPECTED}", line=1)


def _keys(cells: list[str]) -> list[str]:
    first = next((cell for cell in cells if cell), "")
    return [first.lstrip("* ").split("=")[0]]


def _cut_out(sheet: Sheet, dialect: Dialect, header: int, labels: list[str], file_name: str) -> Table:
    """Rows of wells under a header, up to the footer, the next section or the end; the rest is metadata."""
    column = next(labels.index(name) for name in dialect.columns["well"] if name in labels)
    rows: list[Row] = []
    after: list[list[str]] = []
    gap = False
    for line, cells in sheet.rows(header + 1):
        if not any(cells):
            gap = True
        elif SECTION.match(cells[0]):
            break
        elif not after and len(cells) > column and WELL.fullmatch(cells[column]):
            rows.append((line, cells))
        elif gap:
            after.append(cells)
        elif line < sheet.height or not sheet.cut:
            raise refusal(
                "P115",
                f"found {_shown(cells, column)} where a well such as A1 should be",
                file_name,
                "export the run again without editing it",
                line=line,
                column="well",
            )
        else:
            raise _cut_row(line, cells, labels, file_name)
    if not rows:
        raise refusal(
            "P113",
            "has the header of a results table and no wells",
            file_name,
            "export the run again",
            line=header,
        )
    _refuse_cut_last_row(sheet, rows, labels, dialect, file_name)
    return Table(sheet, dialect, header, labels, rows, [*_before(sheet, header), *after])


def _shown(cells: list[str], column: int) -> str:
    return repr(cells[column] if len(cells) > column else "\t".join(cells)[:40])


def _before(sheet: Sheet, header: int) -> list[list[str]]:
    block = []
    for line, cells in sheet.rows():
        if line >= header or (cells and SECTION.match(cells[0])):
            break
        block.append(cells)
    return block


def _refuse_cut_last_row(sheet: Sheet, rows: list[Row], labels: list[str], dialect: Dialect, file_name: str) -> None:
    """An interrupted copy shows in the last row: shorter than all others, or ending at its Cq."""
    line, cells = rows[-1]
    if line < sheet.height:
        return
    others = [len(row) for _, row in rows[:-1]] or [len(labels)]
    needed = max(labels.index(name) for name in (*dialect.columns["cq"], *dict(dialect.alleles)) if name in labels)
    inside = len(cells) < min(others) or len(cells) == needed + 1
    if (sheet.cut and inside) or len(cells) <= needed < min(others):
        raise _cut_row(line, cells, labels, file_name)


def _cut_row(line: int, cells: list[str], labels: list[str], file_name: str) -> Refused:
    return refusal(
        "P114",
        f"ends inside a row: {len(cells)} of {len(labels)} cells",
        file_name,
        "the copy is incomplete: copy or export the file again",
        line=line,
    )
