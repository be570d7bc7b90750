"""Bytes of unknown origin to sheets of text cells: encoding, compression, workbook, delimiter."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import Any

from data.findings import Finding, Refused
from data.readers.foreign import archive_instrument
from data.readers.sheets import Sheet, TextSheet, WorkbookSheet
from data.readers.text import decode
from data.readers.workbook import Damaged, read_workbook

# Guards of the machine, not rules of the trial: the largest export seen is 1 MB.
MAX_BYTES = 128 * 1024 * 1024
DELIMITERS = "\t;,|"
SNIFFED_LINES = 400


@dataclass(frozen=True)
class Grid:
    """What a file holds: its sheets and how it was packed (``text`` or ``workbook``)."""

    kind: str
    sheets: tuple[Sheet, ...]

    def head(self, rows: int = 80) -> str:
        """The first lines of the first sheet, tab-separated in a workbook: enough to tell who wrote it."""
        for sheet in self.sheets:
            if isinstance(sheet, TextSheet):
                return "\n".join(sheet.lines[:rows])
            return "\n".join("\t".join(cells) for _, cells in islice(sheet.rows(), rows))
        return ""


def sniff_delimiter(lines: list[str]) -> str:
    """The character that stands in most lines; the first of tab, ; , | on a tie.

    Decimal commas and quoted lists put commas into many lines, but never into the header, so the real
    delimiter stands in at least as many.
    """
    sample = [line for line in lines[:SNIFFED_LINES] if line.strip()]
    if sample and sample[0].casefold().startswith("sep=") and len(sample[0].strip()) == 5:
        return sample[0].strip()[-1]
    lines_with = {delimiter: sum(delimiter in line for line in sample) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: lines_with[delimiter]) if any(lines_with.values()) else ","


def read_grid(data: bytes, file_name: str) -> Grid:
    """Open bytes as sheets of text.

    Text may be UTF-8 (with or without byte-order mark), UTF-16 or Latin-1, with any line end; workbooks may
    be xlsx, xlsm or xls; either may be gzipped.

    Parameters
    ----------
    data : bytes
        Content of one file.
    file_name : str
        Name for messages; it never decides anything.

    Returns
    -------
    Grid
        Sheets in the order of the file.

    Raises
    ------
    Refused
        P101 empty, P102 not text and not a workbook, P103 too large, P104 damaged archive or workbook,
        P111 an archive format of another instrument.
    """
    if len(data) > MAX_BYTES:
        raise refusal(
            "P103",
            f"has {len(data):,} bytes, more than any plate export",
            file_name,
            "deliver one plate a file",
        )
    if not data.removeprefix(b"\xef\xbb\xbf").strip(b"\x00 \t\r\n"):
        found = "is empty" if not data else f"holds only {len(data)} blank bytes"
        raise refusal("P101", found, file_name, "export the run again and check that the copy finished")
    if data[:2] == b"\x1f\x8b":
        return read_grid(_gunzip(data, file_name), file_name)
    if data[:2] == b"PK" or data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return Grid("workbook", _workbook(data, file_name))
    text = decode(data)
    if text is None:
        raise refusal(
            "P102",
            "is neither text nor a workbook",
            file_name,
            "deliver the instrument's text, csv or xlsx export",
        )
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ended = lines[-1] == ""
    if ended:
        lines.pop()
    return Grid("text", (TextSheet("", lines, sniff_delimiter(lines), cut=not ended),))


def refusal(code: str, message: str, file_name: str, remedy: str, **place: Any) -> Refused:
    """One finding that keeps a file out."""
    return Refused(Finding(code, "reject", message, file=file_name, remedy=remedy, **place))


def _gunzip(data: bytes, file_name: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise refusal("P104", f"is a damaged gzip file ({error})", file_name, "copy the file again") from error


def _workbook(data: bytes, file_name: str) -> tuple[Sheet, ...]:
    remedy = "the copy is incomplete or the file is no workbook: export or copy it again"
    if data[:2] == b"PK":
        try:
            archive = zipfile.ZipFile(io.BytesIO(data))
        except zipfile.BadZipFile as error:
            raise refusal("P104", f"is a damaged workbook ({error})", file_name, remedy) from error
        names = archive.namelist()
        instrument = archive_instrument(names)
        if instrument:
            raise not_read_yet(instrument, file_name)
        if not any(name.startswith("xl/") for name in names):
            raise refusal("P104", f"is an archive without a workbook ({', '.join(names[:3])})", file_name, remedy)
        if sum(entry.file_size for entry in archive.infolist()) > 4 * MAX_BYTES:
            raise refusal("P103", "unpacks to more than any plate export", file_name, "deliver one plate a file")
    try:
        sheets = read_workbook(data)
    except Damaged as error:
        raise refusal("P104", f"is a damaged workbook ({error})", file_name, remedy) from error
    return tuple(WorkbookSheet(name, cells) for name, cells in sheets)


def not_read_yet(instrument: str, file_name: str) -> Refused:
    """The refusal of an instrument that is recognised but has no reader."""
    return refusal(
        "P111",
        f"looks like {instrument}, which is not read yet; QuantStudio, ViiA 7 and Bio-Rad CFX exports are",
        file_name,
        "keep the file and ask for a reader, or deliver the run's Cq table from one of these programs",
    )
