"""Each dialect on a tiny export written out here, with the whole table expected of it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from data.findings import Refused
from data.readers.dialects import DIALECTS, dialect_of
from data.readers.metadata import read_metadata
from data.readers.plate import PlateExport, read_plate
from data.readers.text import label
from data.readers.wells import canonical_well

QUANTSTUDIO = (
    "* Block Type = 384-Well Block\n"
    "* Experiment Barcode = NA\n"
    "* Experiment File Name = D:\\Users\\J. Doe\\plate 7.eds\n"
    "* Experiment Name = NETPLATE 7\n"
    "* Experiment Type = Comparative Cт (ΔΔCт)\n"
    "* Experiment User Name = Jane Doe\n"
    "* Instrument Type = QuantStudio(TM) 7 Flex System\n"
    "* Quantification Cycle Method = Ct\n"
    "\n"
    "[Sample Setup]\n"
    "Well\tWell Position\tSample Name\tTarget Name\tTask\n"
    "1\tA1\tS001\tALG9\tUNKNOWN\n"
    "2\tA2\tS001\tCD59\tUNKNOWN\n"
    "3\tA3\n"
    "\n"
    "[Raw Data]\n"
    "Well\tWell Position\tCycle\tx1-m1\n"
    "1\tA1\t1\t36,431.130\n"
    "\n"
    "[Results]\n"
    "Well\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tCT\tCt Mean\tROX Signal\n"
    "1\tA1\tfalse\tS001\tALG9\tUNKNOWN\tFAM\t22.512\t22.512\t6,367.559\n"
    "2\tA2\ttrue\tS001\tCD59\tUNKNOWN\tFAM\tUndetermined\t30.182\t5,822.176\n"
    "3\tA3\tfalse\t\tCD59\tNTC\tFAM\tUndetermined\t\t5,751.853\n"
    "4\tA4\tfalse\t\t\t\t\t\t\t\n"
    "5\tA5\tfalse\tNTC\tCD59\t\tFAM\t39.1\t\t5,751.853\n"
    "6\tA6\tfalse\tpool\tCD59\tSTANDARD\tFAM\t25\t\t5,751.853\n"
    "\n"
    "Analysis Type = Singleplex\n"
    "Endogenous Control = ALG9\n"
)
CFX_COMMA = (
    "\tWell\tFluor\tTarget\tContent\tSample\tBiological Set Name\tCq\tCq Mean\t"
    "Starting Quantity (SQ)\tWell Note\r\n"
    "\tA01\tSYBR\tALG9\tUnkn-1\tS001\t\t22,5123\t22,51\t1,000E+03\t\r\n"
    "\tA02\tSYBR\tALG9\tUnkn-1\tS001\t\tNaN\t0\tNaN\t\r\n"
    "\tB01\tSYBR\tALG9\tNTC\t\t\tN/A\t0\tNaN\t\r\n"
    "\tB02\tSYBR\tALG9\tNRT-2\tS001\t\t38,2\t0\tNaN\t\r\n"
    "\tB03\tSYBR\tALG9\tStd-3\t\t\t20\t0\t1,00E+03\t\r\n"
    "\tB04\tSYBR\tALG9\tPos Ctrl\tpool\t\t21,0\t0\tNaN\t\r\n"
    "\tB05\tSYBR\tALG9\tNeg Ctrl\t\t\t\t0\tNaN\t\r\n"
    "\tB06\tSYBR\tALG9\t\tNTC\t\tNaN\t0\tNaN\t\r\n"
)
CFX_MAESTRO = (
    "File Name,plate 3.pcrd\nCreated By User,jdoe\nNotes,\nID,PL-0003\nRun Started,11/20/2025 08:00:00 UTC\n"
    "Base Serial Number,CT01\n\n"
    "Well,Fluor,Target,Content,Sample,Cq,SQ\nA01,FAM,CD59,Unkn,S001,24.5,\nA02,FAM,CD59,Unkn,S002,25.5,\n"
)
C1000 = (
    "\tWell\tFluor\tContent\tTarget\tSample\tThreshold Cycle ( C(t) )\tC(t) Mean\tStarting Quantity (SQ)\n"
    "\tA01\tSYBR\tStd\tGAPDH\tno\t25,79\t25,79\t1,000E+03\n"
    "\tA02\tSYBR\tNTC\t\t\tN/A\t0,00\tN/A\n"
)
MYIQ = (
    ",Well,Fluor,Type,Identifier,Replicate #,Threshold Cycle (Ct),Ct Mean,Log Starting Quantity,Set Point\r\n"
    f",A01,SYBR,Unkn,CT-Cont,1,25.59,26.13,{'#' * 200},N/A\r\n"
    f",A08,SYBR,Unkn,CT-Cont(N),15,N/A,00.00,{'#' * 200},N/A\r\n"
)
OPTICON = (
    ",,,,,\n,,,,,\nWell /Set,Dye,Content,Description,Efficiency,C(t)\n"
    "A1,FAM,Blank,,3.81%,36.11\nA1,TMR,Blank,,N/A,N/A\n"
    "A3,FAM,Standard,,51.98%,21.71\nA4,FAM,Sample,V8SN,50.90%,29.57\n"
)
GENOTYPING = (
    "* Instrument Type = QuantStudio(TM) 7 Flex System\n* Experiment Type = Genotyping\n\n"
    "[Sample Setup]\nWell\tWell Position\tSample Name\tSNP Assay Name\tTask\n"
    "1\tA1\tNTC\tCYP19_2\tNTC\n2\tA2\tS2\tCYP19_2\tUNKNOWN\n\n"
    "[Results]\nWell\tWell Position\tOmit\tSample Name\tSNP Assay Name\tTask\tAllele1 Ct\tAllele2 Ct\n"
    "1\tA1\tfalse\tNTC\tCYP19_2\tNTC\tUndetermined\t31.5\n"
)
OPENARRAY = (
    "* Barcode = SLB93\r\n* Block Type = OpenArray Block\r\n* Instrument Type = QuantStudio 12K Flex\r\n\r\n"
    "[Results]\r\n"
    "Well\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tCt\tCt Mean\tROX Signal\r\n"
    "1\tA1a1\tfalse\tS1\tHs1\tUNKNOWN\tFAM\t29.099\t29.5\t6,367.559\r\n"
    "2\tA1a2\tfalse\tS1\tHs2\tUNKNOWN\tFAM\tUndetermined\t30.182\t6,367.559\r\n"
    "3\tD12h8\tfalse\tNTC\tHs1\tUNKNOWN\tFAM\tUndetermined\t\t3,002.177\r\n"
    "4\tD12h7\tfalse\tNTC\t\t\t\tUndetermined\t\t\r\n\r\n"
    "Analysis Type = Singleplex\r\nEndogenous Control = \r\n\r\n"
)
TEXTS = {
    "quantstudio": QUANTSTUDIO,
    "cfx_comma": CFX_COMMA,
    "cfx_maestro": CFX_MAESTRO,
    "c1000": C1000,
    "myiq": MYIQ,
    "opticon": OPTICON,
    "genotyping": GENOTYPING,
    "openarray": OPENARRAY,
}


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


DESIGN_ANALYSIS = {
    "Replicate Group Result": [["Sample", "Cq Mean"], ["S1", 24.0]],
    "Target Call": [
        ["Well", "Omit", "Sample", "Target", "Reporter", "Call", "Cq"],
        ["A01", "FALSE", "S1", "CD59", "FAM", "NEGATIVE", 1.0],
    ],
    "Primary_result": [
        ["File Name", "C:\\runs\\RUN-01.eds"],
        ["Operator", "jdoe"],
        ["Barcode", "PL-9"],
        ["Instrument Type", "QuantStudio™ 7 Pro System"],
        ["Exported By", "jdoe"],
        [],
        ["Well", "Omit", "Sample", "Target", "Task", "Reporter", "Cq", "Cq Mean"],
        ["A01", "FALSE", "S1", "CD59", "UNKNOWN", "FAM", 24.25, None],
        ["A02", True, "S1", "CD59", "UNKNOWN", "FAM", "UNDETERMINED", None],
        ["C03", "FALSE", "Negative Control", "CD59", "NTC", "FAM", None, None],
        ["O23", "FALSE", "Positive Control", "CD59", "POSITIVE_CONTROL", "FAM", 30, None],
    ],
}


def table(export: PlateExport, *columns: str) -> list[tuple]:
    wells = export.wells[list(columns)].astype(object)
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in wells.itertuples(index=False)]


def codes(export: PlateExport) -> list[str]:
    return [finding.code for finding in export.findings]


def test_quantstudio_text() -> None:
    export = read_plate(QUANTSTUDIO.encode(), "p.txt")
    assert (export.instrument, export.plate, export.dialect) == (
        "QuantStudio 7 Flex",
        "NETPLATE 7",
        "QuantStudio",
    )
    assert export.source_line == 21
    assert table(export, "row", "line", "well", "sample", "target", "task", "cq_raw", "cq", "state", "omit") == [
        (1, 22, "A1", "S001", "ALG9", "unknown", "22.512", 22.512, "value", False),
        (2, 23, "A2", "S001", "CD59", "unknown", "Undetermined", None, "undetermined", True),
        (3, 24, "A3", None, "CD59", "ntc", "Undetermined", None, "undetermined", False),
        (4, 25, "A4", None, None, "other", "", None, "blank", False),
        (5, 26, "A5", "NTC", "CD59", "ntc", "39.1", 39.1, "value", False),
        (6, 27, "A6", "pool", "CD59", "standard", "25", 25.0, "value", False),
    ]


def test_information_block_has_no_person_and_no_path_in_it() -> None:
    metadata = read_plate(QUANTSTUDIO.encode(), "p.txt").metadata
    assert metadata == {
        "Block Type": "384-Well Block",
        "Experiment Name": "NETPLATE 7",
        "Experiment Type": "Comparative Cт (ΔΔCт)",
        "Instrument Type": "QuantStudio(TM) 7 Flex System",
        "Quantification Cycle Method": "Ct",
        "Analysis Type": "Singleplex",
        "Endogenous Control": "ALG9",
    }


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        (["* Stage/ Cycle = Stage 2", "Step 2"], {"Stage/ Cycle": "Stage 2, Step 2"}),
        (["Passive Reference", "ROX", "", ""], {"Passive Reference": "ROX"}),
        (["User Name", "jdoe"], {}),
        (["Comment", "sample of Mrs Doe"], {}),
        (["Results file", "\\\\server\\share\\x.eds"], {}),
        (["Contact", "jane@example.org"], {}),
        (["Barcode", "NA"], {}),
        (["[Results]"], {}),
        (["", "A", "B", "C"], {}),
    ],
)
def test_what_is_kept_of_an_information_block(row: list[str], kept: dict[str, str]) -> None:
    assert read_metadata([row]) == kept


def test_cfx_with_decimal_comma_and_every_content_word() -> None:
    export = read_plate(CFX_COMMA.encode(), "plate 4.txt")
    assert (export.instrument, export.plate) == ("Bio-Rad CFX", "plate 4")
    assert table(export, "well", "sample", "task", "cq", "state") == [
        ("A01", "S001", "unknown", 22.5123, "value"),
        ("A02", "S001", "unknown", None, "undetermined"),
        ("B01", None, "ntc", None, "undetermined"),
        ("B02", "S001", "nrt", 38.2, "value"),
        ("B03", None, "standard", 20.0, "value"),
        ("B04", "pool", "positive_control", 21.0, "value"),
        ("B05", None, "other", None, "blank"),
        ("B06", "NTC", "ntc", None, "undetermined"),
    ]
    assert codes(export) == ["P124"]


def test_cfx_maestro_information_block() -> None:
    export = read_plate(CFX_MAESTRO.encode(), "x.csv")
    assert export.plate == "PL-0003"
    assert export.metadata == {
        "ID": "PL-0003",
        "Run Started": "11/20/2025 08:00:00 UTC",
        "Base Serial Number": "CT01",
    }
    assert table(export, "line", "well", "cq") == [(9, "A01", 24.5), (10, "A02", 25.5)]


def test_c1000() -> None:
    export = read_plate(C1000.encode(), "x.txt")
    assert export.instrument == "Bio-Rad C1000"
    assert table(export, "well", "sample", "target", "task", "cq") == [
        ("A01", "no", "GAPDH", "standard", 25.79),
        ("A02", None, None, "ntc", None),
    ]


def test_myiq_has_no_target_and_says_so() -> None:
    export = read_plate(MYIQ.encode(), "x.csv")
    assert export.missing == ("target",)
    assert table(export, "well", "sample", "target", "cq") == [
        ("A01", "CT-Cont", None, 25.59),
        ("A08", "CT-Cont(N)", None, None),
    ]
    assert (
        str(export.findings[0])
        == "[P121] x.csv column target: has no target column -> export the run with its target column"
    )


def test_opticon_lists_a_well_once_per_dye() -> None:
    export = read_plate(OPTICON.encode(), "x.csv")
    assert table(export, "line", "well", "dye", "task", "cq", "state") == [
        (4, "A1", "FAM", "other", 36.11, "value"),
        (5, "A1", "TMR", "other", None, "undetermined"),
        (6, "A3", "FAM", "standard", 21.71, "value"),
        (7, "A4", "FAM", "unknown", 29.57, "value"),
    ]


def test_genotyping_reads_both_alleles_and_misses_a_planned_well() -> None:
    export = read_plate(GENOTYPING.encode(), "x.txt")
    assert table(export, "row", "line", "well", "target", "task", "cq") == [
        (1, 11, "A1", "CYP19_2-Allele 1", "ntc", None),
        (2, 11, "A1", "CYP19_2-Allele 2", "ntc", 31.5),
    ]
    assert codes(export) == ["P122"] and "(A2)" in export.findings[0].message


def test_an_empty_well_of_the_setup_needs_no_result() -> None:
    planned = GENOTYPING.replace("2\tA2\tS2\tCYP19_2\tUNKNOWN", "2\tA2\t\t\t")
    assert codes(read_plate(planned.encode(), "x.txt")) == []


def test_openarray_positions_and_controls_by_name() -> None:
    export = read_plate(OPENARRAY.encode(), "x.txt")
    assert (export.plate, export.instrument) == ("SLB93", "QuantStudio 12K Flex")
    assert table(export, "well", "sample", "target", "task", "cq", "state") == [
        ("A1a1", "S1", "Hs1", "unknown", 29.099, "value"),
        ("A1a2", "S1", "Hs2", "unknown", None, "undetermined"),
        ("D12h8", "NTC", "Hs1", "unknown", None, "undetermined"),
        ("D12h7", "NTC", None, "other", None, "undetermined"),
    ]
    assert codes(export) == ["P123"] and export.findings[0].well == "D12h8"


def test_design_and_analysis_workbook_reads_the_results_sheet() -> None:
    export = read_plate(workbook(DESIGN_ANALYSIS), "x.xlsx")
    assert (export.sheet, export.plate, export.instrument) == ("Primary_result", "PL-9", "QuantStudio 7 Pro")
    assert export.metadata == {"Barcode": "PL-9", "Instrument Type": "QuantStudio™ 7 Pro System"}
    assert table(export, "line", "well", "sample", "task", "cq_raw", "cq", "state", "omit") == [
        (8, "A01", "S1", "unknown", "24.25", 24.25, "value", False),
        (9, "A02", "S1", "unknown", "UNDETERMINED", None, "undetermined", True),
        (10, "C03", "Negative Control", "ntc", "", None, "blank", False),
        (11, "O23", "Positive Control", "positive_control", "30", 30.0, "value", False),
    ]


def test_cfx_workbook() -> None:
    rows = [line.split(",") for line in CFX_MAESTRO.splitlines()]
    rows = [[float(cell) if cell in ("24.5", "25.5") else cell for cell in row] for row in rows]
    assert table(read_plate(workbook({"0": rows}), "x.xlsx"), "well", "cq") == [("A01", 24.5), ("A02", 25.5)]


def test_relative_threshold_column_is_a_cq() -> None:
    text = "Well\tWell Position\tTask\tReporter\tCRT\tCrt Mean\n1\tA1\tUNKNOWN\tFAM\t11.25\t11.3\n"
    export = read_plate(text.encode(), "x.txt")
    assert table(export, "well", "cq") == [("A1", 11.25)]
    assert export.missing == ("sample", "target")


@pytest.mark.parametrize(
    ("cell", "cq", "state"),
    [
        ("22.5", 22.5, "value"),
        ("22", 22.0, "value"),
        ("0.00", np.nan, "other"),
        ("-1.5", np.nan, "other"),
        ("Inconclusive", np.nan, "other"),
        ("1,234.5", np.nan, "other"),
        ("UNDETERMINED", np.nan, "undetermined"),
        ("undetermined", np.nan, "undetermined"),
        ("", np.nan, "blank"),
    ],
)
def test_state_of_a_cq_cell(cell: str, cq: float, state: str) -> None:
    header = "Well Position\tTask\tSample\tTarget\tCq\tNote\n"
    export = read_plate(f"{header}A1\tUNKNOWN\tS\tT\t{cell}\tx\nA2\tUNKNOWN\tS\tT\t20.1\tx\n".encode(), "x.txt")
    first = export.wells.iloc[0]
    assert first["state"] == state
    np.testing.assert_equal(first["cq"], cq)
    assert ("P118" in codes(export)) == (state == "other")


def test_mixed_decimal_signs_are_refused_with_both_lines() -> None:
    text = CFX_COMMA.replace("38,2", "38.2")
    with pytest.raises(Refused, match=r"\[P117\] x.txt line 2 column Cq: .*points \(line 5\).*commas \(line 2\)"):
        read_plate(text.encode(), "x.txt")


def test_a_well_listed_twice_is_refused() -> None:
    twice = CFX_MAESTRO + "A1,FAM,CD59,Unkn,S001,24.5,\n"
    with pytest.raises(Refused, match=r"\[P116\] x.csv line 11 well A1 gene CD59: the well is already on line 9"):
        read_plate(twice.encode(), "x.csv")


def test_a_row_that_is_no_well_is_refused() -> None:
    broken = CFX_MAESTRO.replace("A01,FAM", "A,FAM")
    with pytest.raises(Refused, match=r"\[P115\] x.csv line 9 column well: found 'A' where a well"):
        read_plate(broken.encode(), "x.csv")


@pytest.mark.parametrize("name", sorted(TEXTS))
@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_the_delimiter_does_not_matter(name: str, delimiter: str) -> None:
    text = TEXTS[name]
    comma = name in ("cfx_maestro", "myiq", "opticon")
    changed = text.replace("," if comma else "\t", delimiter)
    pd.testing.assert_frame_equal(read_plate(changed.encode(), "x").wells, read_plate(text.encode(), "x").wells)


def test_columns_in_any_order_and_with_blanks_around() -> None:
    header, *rows = C1000.splitlines()
    turned = "\n".join("\t".join(f" {cell} " for cell in reversed(line.split("\t"))) for line in (header, *rows)) + "\n"
    expected = read_plate(C1000.encode(), "x").wells
    pd.testing.assert_frame_equal(read_plate(turned.encode(), "x").wells, expected)


@pytest.mark.parametrize(
    ("written", "reduced"),
    [
        ("Cт", "ct"),
        ("C(t)", "ct"),
        ("Threshold Cycle ( C(t) )", "thresholdcyclect"),
        ("ΔΔCт", "δδct"),
        ("Well /Set", "wellset"),
    ],
)
def test_labels_lose_what_does_not_identify_them(written: str, reduced: str) -> None:
    assert label(written) == reduced


@pytest.mark.parametrize(
    ("written", "one"), [("A01", "A1"), ("a1", "A1"), ("P24", "P24"), ("A10", "A10"), ("A1a1", "A1a1")]
)
def test_one_name_per_position(written: str, one: str) -> None:
    assert canonical_well(written) == one


def test_dialects_do_not_hide_each_other() -> None:
    for dialect in DIALECTS:
        header = {min(group) for group in dialect.requires}
        spoken = dialect_of(header)
        assert spoken is not None and spoken.name == dialect.name
