"""Say what a delivered file is from its content, and read it."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path

from data.findings import Refused
from data.readers.delivery import LOADABLE, DeliveryTable, decode, read_delivery_table, recognise_table
from data.readers.grid import Grid, read_grid, refusal
from data.readers.locate import EXPECTED
from data.readers.plate import PlateExport, plate_of_grid


def read_file(path: str | Path) -> PlateExport | DeliveryTable:
    """Read one delivered file, whatever it is called.

    Parameters
    ----------
    path : str or Path
        A table of the delivery, a plate map, or an instrument export.

    Returns
    -------
    PlateExport or DeliveryTable

    Raises
    ------
    Refused
        When the file is unreadable, truncated, of an instrument without a reader (P1xx), a delivery table
        with a broken shape (D1xx), or nothing that is known (P110, which says what was found and what was
        expected).
    """
    path = Path(path)
    return read_content(path.read_bytes(), path.name)


def read_content(data: bytes, file_name: str) -> PlateExport | DeliveryTable:
    """The same for bytes that are already in memory."""
    sha256 = hashlib.sha256(data).hexdigest()
    grid = read_grid(data, file_name)
    table = _delivery_table(grid)
    if table and grid.kind == "text":
        return read_delivery_table(decode(data, file_name), file_name, sha256)
    if table:
        raise refusal("P110", f"holds the delivery table {table} as a workbook", file_name, "save it as CSV in UTF-8")
    try:
        return plate_of_grid(grid, file_name, sha256)
    except Refused as refused:
        if [finding.code for finding in refused.findings] != ["P110"]:
            raise
        finding = refused.findings[0]
        tables = ", ".join(LOADABLE)
        raise refusal(
            "P110",
            finding.message.replace("is not a qPCR export", "is neither a delivery table nor a qPCR export"),
            file_name,
            f"expected a CSV table ({tables}) or {EXPECTED}",
            line=finding.line,
        ) from None


def _delivery_table(grid: Grid) -> str | None:
    """Delivery table whose columns the first row of the first sheet names, if any."""
    for sheet in grid.sheets[:1]:
        for _, cells in islice(sheet.rows(), 20):
            if any(cells):
                return recognise_table(cells)
    return None
