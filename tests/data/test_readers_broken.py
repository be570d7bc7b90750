"""Empty, cut, binary and strangely encoded files: refused with one line, or read exactly."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
from test_readers_dialects import CFX_COMMA, CFX_MAESTRO, DESIGN_ANALYSIS, QUANTSTUDIO, TEXTS, workbook

from data.findings import Refused
from data.readers.grid import read_grid
from data.readers.plate import read_plate


def refusal_of(data: bytes, name: str = "x.txt") -> str:
    with pytest.raises(Refused) as caught:
        read_plate(data, name)
    text = str(caught.value)
    assert "\n" not in text and name in text
    return text


@pytest.mark.parametrize("data", [b"", b"\n\n  \r\n", b"\x00" * 500, b"\xef\xbb\xbf"])
def test_empty_files(data: bytes) -> None:
    assert refusal_of(data).startswith("[P101]")


@pytest.mark.parametrize(
    "data",
    [bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"%PDF-1.7\n" + bytes(range(32)) * 99],
)
def test_binary_files(data: bytes) -> None:
    assert refusal_of(data).startswith("[P102]")


def test_damaged_workbook_and_gzip() -> None:
    book = workbook(DESIGN_ANALYSIS)
    assert "[P104] x.xlsx: is a damaged workbook" in refusal_of(book[: len(book) // 2], "x.xlsx")
    assert "[P104] x.xls: is a damaged workbook" in refusal_of(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "x.xls"
    )
    packed = gzip.compress(QUANTSTUDIO.encode())
    assert "[P104] x.txt.gz: is a damaged gzip" in refusal_of(packed[:-20], "x.txt.gz")


def test_gzip_is_opened_and_its_own_digest_kept() -> None:
    packed = gzip.compress(QUANTSTUDIO.encode(), mtime=0)
    export, plain = read_plate(packed, "x.txt.gz"), read_plate(QUANTSTUDIO.encode(), "x.txt")
    pd.testing.assert_frame_equal(export.wells, plain.wells)
    assert export.sha256 != plain.sha256


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("text", [QUANTSTUDIO, CFX_COMMA], ids=["quantstudio", "cfx"])
def test_encodings_and_line_ends_change_nothing(text: str, encoding: str, ending: str) -> None:
    written = text.replace("\r\n", "\n").replace("\n", ending).encode(encoding)
    expected = read_plate(text.encode(), "x.txt")
    export = read_plate(written, "x.txt")
    pd.testing.assert_frame_equal(export.wells, expected.wells)
    assert export.metadata == expected.metadata


def test_latin_1_sample_names_survive() -> None:
    text = CFX_MAESTRO.replace("S001", "Probe µ-Ä1")
    assert read_plate(text.encode("latin-1"), "x.csv").wells["sample"][0] == "Probe µ-Ä1"


def test_an_export_cut_before_its_results() -> None:
    data = QUANTSTUDIO[: QUANTSTUDIO.index("[Results]")].encode()
    assert refusal_of(data) == (
        "[P112] x.txt: is a QuantStudio export without its results table: cut, or exported without Results"
        " -> export the run again with the Results section and copy the whole file"
    )


def test_a_header_without_wells() -> None:
    assert refusal_of(CFX_COMMA.splitlines(keepends=True)[0].encode()).startswith("[P113] x.txt line 1:")


def test_an_unclosed_quotation_mark() -> None:
    text = CFX_MAESTRO.replace("A01,FAM,CD59", 'A01,FAM,"CD59')
    assert refusal_of(text.encode()).startswith("[P114] x.txt line 9: a quotation mark opens here")


def test_a_quoted_line_end_inside_a_cell_keeps_later_line_numbers() -> None:
    text = CFX_MAESTRO.replace("24.5,\n", '24.5,"note\nof two lines"\n')
    assert list(read_plate(text.encode(), "x.csv").wells["line"]) == [9, 11]


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_no_cut_of_a_file_ever_yields_a_wrong_well(name: str) -> None:
    """Every prefix of every export is refused or gives the first wells of the whole, unchanged."""
    data = TEXTS[name].encode()
    whole = read_plate(data, "x").wells
    columns = ["well", "sample", "target", "task", "cq", "state", "omit"]
    refused = 0
    for end in range(1, len(data)):
        try:
            wells = read_plate(data[:end], "x").wells
        except Refused:
            refused += 1
            continue
        pd.testing.assert_frame_equal(wells[columns], whole.loc[: len(wells) - 1, columns])
    assert refused > 0


def test_a_last_row_cut_inside_a_cell_is_refused_at_its_line() -> None:
    end = CFX_COMMA.index("\t38,2") + 4
    assert refusal_of(CFX_COMMA[:end].encode()) == (
        "[P114] x.txt line 5: ends inside a row: 8 of 11 cells -> the copy is incomplete: copy or export the file again"
    )


def test_a_last_row_that_ends_before_its_cq_is_refused_even_with_a_line_end() -> None:
    end = CFX_COMMA.index("\tStd-3")
    assert refusal_of(CFX_COMMA[:end].encode() + b"\n").startswith("[P114] x.txt line 6: ends inside a row: 4 of 11")


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.readers.grid.MAX_BYTES", 100)
    assert refusal_of(QUANTSTUDIO.encode()).startswith("[P103]")
    with pytest.raises(Refused, match="P103"):
        read_grid(workbook(DESIGN_ANALYSIS)[:99] + b"x" * 9, "x.xlsx")


def test_an_archive_that_is_no_workbook() -> None:
    import io
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "x")
    assert refusal_of(stream.getvalue(), "x.zip").startswith("[P104] x.zip: is an archive without a workbook (a.txt)")
