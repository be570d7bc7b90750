"""What a file is, from its content: delivery tables, plate maps, instrument exports, and nothing known."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_readers_dialects import CFX_MAESTRO, OPENARRAY, QUANTSTUDIO, TEXTS, workbook

from data.contracts import TABLES
from data.findings import Refused
from data.readers.delivery import DeliveryTable
from data.readers.detect import read_content, read_file
from data.readers.plate import PlateExport


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_delivery_table_is_known_by_its_header(name: str) -> None:
    columns = TABLES[name].required_columns
    text = ",".join(columns) + "\n" + ",".join("x" for _ in columns) + "\n"
    table = read_content(text.encode(), "anything.txt")
    assert isinstance(table, DeliveryTable) and table.name == name
    assert list(table.lines) == [2]


def test_a_plate_map() -> None:
    table = read_content(b"plate,well,sample_id\nPL1,A01,S001\n", "m.csv")
    assert isinstance(table, DeliveryTable) and table.name == "plate_map"


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_exports_are_exports_whatever_the_file_is_called(name: str, tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_bytes(TEXTS[name].encode())
    export = read_file(path)
    assert isinstance(export, PlateExport) and export.file_name == "patients.csv"
    assert len(export.sha256) == 64


def test_same_bytes_same_digest_and_table() -> None:
    first, second = (read_content(OPENARRAY.encode(), name) for name in ("a.txt", "b.txt"))
    assert first.sha256 == second.sha256


@pytest.mark.parametrize(
    "data",
    [
        b"dear all,\nplease find the plate attached\n",
        b"a;b;c\n1;2;3\n",
        b'study = "NELMAS"\nsimulated = true\n',
        b"x\n",
    ],
)
def test_nothing_known_says_what_was_found_and_what_is_expected(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read_content(data, "letter.txt")
    text = str(caught.value)
    assert text.startswith("[P110] letter.txt line 1: is neither a delivery table nor a qPCR export: it begins with ")
    assert "patients" in text and "QuantStudio" in text and "\n" not in text


def test_a_delivery_table_as_workbook_is_sent_back() -> None:
    columns = list(TABLES["patients"].required_columns)
    with pytest.raises(
        Refused, match=r"\[P110\] p.xlsx: holds the delivery table patients as a workbook -> save it as CSV"
    ):
        read_content(workbook({"Sheet1": [columns, ["x"] * len(columns)]}), "p.xlsx")


@pytest.mark.parametrize(
    ("text", "instrument"),
    [
        ("SDS 2.3\tAQ Results\t1.0\nWell\tSample Name\n", "7900HT"),
        ("SDS 2.3 RQ Results\t1.2\nFilename\tx.sdm\n", "SDS 2 relative"),
        (QUANTSTUDIO.replace("QuantStudio(TM) 7 Flex System", "steponeplus"), "StepOne"),
        (QUANTSTUDIO.replace("QuantStudio(TM) 7 Flex System", "sds7500"), "7500"),
        ('"Pos";"Name";"Ct SYBR"\n"A1";"ctrl";18,00\n', "Eppendorf"),
        ("Chip Run Filename,R:\\ChipRun.bml\n", "BioMark"),
        ("Experiment: x  Selected Filter: SYBR\nInclude\tColor\tPos\n", "LightCycler 480"),
        ('<?xml version="1.0"?>\n<rdml version="1.1">\n</rdml>\n', "RDML"),
        ("1\tControl\tA1\tPassed\tS1\tGene1\tTarget\t11.4\n", "TaqMan low-density"),
    ],
)
def test_an_instrument_without_reader_is_named(text: str, instrument: str) -> None:
    with pytest.raises(Refused, match=rf"\[P111\] x.txt: looks like an? .*{instrument}.*not read yet"):
        read_content(text.encode(), "x.txt")


def test_a_quantstudio_7_pro_is_not_mistaken_for_a_7500() -> None:
    text = QUANTSTUDIO.replace("7 Flex System", "7 Pro System")
    export = read_content(text.encode(), "x.txt")
    assert isinstance(export, PlateExport) and export.instrument == "QuantStudio 7 Pro"


def test_a_spreadsheet_separator_line_is_obeyed() -> None:
    export = read_content(("sep=;\n" + CFX_MAESTRO.replace(",", ";")).encode(), "x.csv")
    assert isinstance(export, PlateExport) and list(export.wells["line"]) == [10, 11]
