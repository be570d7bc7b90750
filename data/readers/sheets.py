"""Sheets of text cells: lines of a text file, or a sheet of a workbook, behind one face."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from data.findings import Finding, Refused

Row = tuple[int, list[str]]


class Sheet(Protocol):
    """A rectangle of text: rows are (physical line number from 1, cells stripped of blanks)."""

    @property
    def name(self) -> str: ...

    @property
    def cut(self) -> bool: ...

    @property
    def height(self) -> int: ...

    def rows(self, start: int = 1) -> Iterator[Row]: ...

    def rows_with(self, word: str) -> Iterator[Row]: ...


@dataclass(frozen=True)
class TextSheet:
    """Lines of a text file; they are split into cells only where somebody looks.

    ``cut`` says that the last line has no end, as in a file whose copy was interrupted.
    """

    name: str
    lines: list[str]
    delimiter: str
    cut: bool

    @property
    def height(self) -> int:
        return len(self.lines)

    def rows(self, start: int = 1) -> Iterator[Row]:
        """Rows from a line on; a quoted field may span lines, its row then counts as the first of them."""
        reader = csv.reader(self.lines[start - 1 :], delimiter=self.delimiter, skipinitialspace=True)
        line = start
        try:
            for cells in reader:
                after = start + reader.line_num
                if after - line > 1 and after > self.height and "".join(self.lines[line - 1 :]).count('"') % 2:
                    raise Refused(
                        Finding("P114", "reject", "a quotation mark opens here and is never closed", line=line)
                    )
                yield line, [cell.strip() for cell in cells]
                line = after
        except csv.Error as error:
            raise Refused(Finding("P102", "reject", f"is not a table of text: {error}", line=line)) from error

    def rows_with(self, word: str) -> Iterator[Row]:
        """Rows whose text holds a word, in any case."""
        for number, folded in enumerate(self.folded, start=1):
            if word in folded:
                line = self.lines[number - 1]
                yield number, [cell.strip() for cell in next(csv.reader([line], delimiter=self.delimiter))]

    @cached_property
    def folded(self) -> list[str]:
        """The lines in lower case, kept because an export is searched several times."""
        return [line.casefold() for line in self.lines]


@dataclass(frozen=True)
class WorkbookSheet:
    """One sheet of a workbook; lines are the row numbers that the spreadsheet shows."""

    name: str
    cells: list[list[Any]]
    cut: bool = False

    @property
    def height(self) -> int:
        return len(self.cells)

    def rows(self, start: int = 1) -> Iterator[Row]:
        """Rows from a line on, each cell as text."""
        for number, row in enumerate(self.cells[start - 1 :], start=start):
            yield number, [cell_text(cell) for cell in row]

    def rows_with(self, word: str) -> Iterator[Row]:
        """Rows whose text holds a word, in any case."""
        for number, row in enumerate(self.cells, start=1):
            if any(isinstance(cell, str) and word in cell.casefold() for cell in row):
                yield number, [cell_text(cell) for cell in row]


def cell_text(cell: Any) -> str:
    """A workbook cell as a person would type it: 12.0 is ``12``, booleans are ``true`` or ``false``."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell)
