"""Dirty deliveries: what is legal loads to the same records, what is not is refused with words that help."""

from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from small_delivery import SMALL, changed, write_delivery

from data.findings import Refused
from data.ingest import ingest
from data.protocol import load_protocol
from data.readers import workbook
from data.readers.delivery import recognise_table
from data.readers.detect import read_content
from data.store import Store

PROTOCOL = load_protocol()
NOW = pd.Timestamp("2022-01-01 10:00")


@pytest.fixture
def take(tmp_path):
    """Ingest the small delivery with changes, and files beside it; returns the report and the trial."""

    def run(beside: dict[str, str] | None = None, **changes: str | None):
        folder = write_delivery(tmp_path / "in", **changes)
        for name, text in (beside or {}).items():
            (folder / name).write_text(text, encoding="utf-8")
        with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
            return ingest(store, [folder], PROTOCOL, tmp_path / "quarantine", now=NOW), store.trial()

    return run


def rejects(report) -> list[str]:
    return [str(finding) for finding in report.findings if finding.severity == "reject"]


def headed(change) -> dict[str, str]:
    """Every table of the small delivery with its header changed."""
    parts = {name: text.partition("\n") for name, text in SMALL.items()}
    return {name.removesuffix(".csv"): change(head) + "\n" + rest for name, (head, _, rest) in parts.items()}


@pytest.mark.parametrize("change", [str.upper, str.title, lambda head: head.replace("_", " "), lambda head: head + " "])
def test_column_names_may_differ_in_case_and_blanks(take, tmp_path, change):
    report, trial = take(**headed(change))
    assert report.counts == {"loaded": 7, "unchanged": 0, "rejected": 0} and report.findings == []
    with Store("sqlite://") as store:
        ingest(store, [write_delivery(tmp_path / "plain")], PROTOCOL, tmp_path / "quarantine", now=NOW)
        assert trial.digest == store.digest()


def test_the_same_column_in_two_spellings_is_refused(take):
    report, _ = take(samples=SMALL["samples.csv"].replace("frozen_on", "Received On"))
    assert rejects(report)[0].startswith("[D105] samples.csv line 1: the header names received_on more than once")


def test_an_instrument_export_with_columns_plate_and_well_is_no_plate_map():
    assert recognise_table("Plate,Well,Sample_ID,Cq") is None
    assert recognise_table("plate,well,sample_id") == "plate_map"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_are_refused_table_by_table_with_advice(take, delimiter):
    report, _ = take(**{name.removesuffix(".csv"): text.replace(",", delimiter) for name, text in SMALL.items()})
    assert report.counts == {"loaded": 0, "unchanged": 0, "rejected": 7}
    assert rejects(report)[0] == (
        "[D122] patients.csv line 1: the columns are not separated by commas -> save it as comma-separated CSV"
    )


@pytest.mark.parametrize(
    ("table", "loaded"),
    [("results", False), ("imaging", False), ("controls", True), ("treatments", True)],
)
def test_a_header_alone_is_a_cut_file_unless_it_says_something(take, table, loaded):
    changes = {table: SMALL[f"{table}.csv"].splitlines(keepends=True)[0]}
    if table == "controls":
        changes["results"] = SMALL["results.csv"].replace("PL1,L1", ",")
    report, trial = take(**changes)
    assert report.ok == loaded
    assert getattr(trial, table).empty
    if not loaded:
        assert rejects(report) == [
            f"[D102] {table}.csv: {table} holds a header but no rows -> send the table with its rows"
        ]


@pytest.mark.parametrize("table", ["quality_of_life", "adverse_events"])
def test_optional_tables_without_rows_load(take, table):
    header = {
        "quality_of_life": "patient_id,assessed_on,instrument,scale,value\n",
        "adverse_events": "patient_id,started_on,term,grade\n",
    }
    report, _ = take(beside={f"{table}.csv": header[table]})
    assert report.counts == {"loaded": 8, "unchanged": 0, "rejected": 0}


def test_a_last_cell_cut_to_nothing_is_refused(take):
    whole = SMALL["results.csv"].replace("S3,creatinine,9.8,mmol/L,=,spot,,,", "S3,creatinine,9.8,mmol/L,=,spot,,,fail")
    report, _ = take(results=whole.removesuffix("fail\n"))
    assert rejects(report) == [
        "[D103] results.csv line 7: the file ends without a line end after an empty cell, so the last value may be "
        "cut off -> export the whole file again, or end the last line"
    ]


@pytest.mark.parametrize("value", ["1e999", "-1e400", "٢٧٤", "２７４"])
def test_numbers_that_no_machine_or_person_would_read_alike_are_refused(take, value):
    report, _ = take(results=changed("results.csv", "274.3", value))
    assert rejects(report) == [
        f"[D112] results.csv line 5 column value: {value!r} is not a number -> write a number, or leave the cell empty "
        "if it was not measured"
    ]


def test_dates_in_other_digits_are_refused(take):
    report, _ = take(imaging=changed("imaging.csv", "P1,2020-07-10", "P1,２０２０-07-10"))
    assert rejects(report)[0].endswith("'２０２０-07-10' is not an ISO date -> write it as YYYY-MM-DD")


@pytest.mark.parametrize(("written", "name"), [("CgA", "cga"), ("cg a", "cga"), ("CGA", "cga")])
def test_an_analyte_that_is_only_misspelt_is_refused_not_stored_unused(take, written, name):
    report, _ = take(results=changed("results.csv", "S1,cga", f"S1,{written}"))
    assert rejects(report) == [
        f"[D110] results.csv line 5 column analyte sample S1: unknown analyte '{written}'; it is written {name} "
        "-> correct the name"
    ]


@pytest.mark.parametrize("micro", ["u", "\u00b5", "\u03bc"])
def test_micro_may_be_written_with_either_sign(take, micro):
    report, _ = take(results=changed("results.csv", "umol/L", f"{micro}mol/L"))
    assert report.ok
    assert PROTOCOL.analytes["5hiaa"].units[f"{micro}mol/L"] == 1.0


def test_units_that_look_alike_are_listed_once(take):
    report, _ = take(results=changed("results.csv", "31.5,umol/L", "31.5,nmol/L"))
    assert "it may be umol/L, \u00b5mol/L, mg/L ->" in rejects(report)[0]


def test_two_followup_files_of_one_delivery(take):
    later = changed("followup.csv", "P1,2021-06-01", "P1,2021-07-01")
    report, trial = take(beside={"followup_later.csv": later})
    assert report.counts == {"loaded": 8, "unchanged": 0, "rejected": 0}
    assert trial.followup["last_seen_on"].tolist() == [pd.Timestamp("2021-07-01"), pd.Timestamp("2021-02-03")]


def test_a_patient_can_be_measured_again_in_another_version_once_the_earlier_results_are_withdrawn(tmp_path):
    header, *rows = SMALL["results.csv"].splitlines(keepends=True)
    later = [row.replace("activity", "diagnostic").replace("1.0", "2.0") for row in rows[:2]]
    withdrawn = [row.replace(",PL1,L1,", ",PL1,L1,fail") for row in rows[:2]]
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        ingest(store, [write_delivery(tmp_path / "in")], PROTOCOL, tmp_path / "quarantine", now=NOW)
        for number, (lines, codes) in enumerate(((later, ["D221"]), (withdrawn + later, ["D234", "S102"]))):
            file = tmp_path / f"results_{number}.csv"
            file.write_text(header + "".join(lines))
            report = ingest(store, [file], PROTOCOL, tmp_path / "quarantine", now=NOW + pd.Timedelta(hours=number + 1))
            assert [finding.code for finding in report.findings] == codes


def far(place: Path) -> bytes:
    """A workbook with one forgotten cell in its last corner."""
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "Well", "x"
    book.save(place)
    return place.read_bytes()


def test_a_workbook_that_would_take_all_memory_is_refused(tmp_path):
    with pytest.raises(Refused, match="P104.*far.xlsx: is a damaged workbook"):
        read_content(far(tmp_path / "far.xlsx"), "far.xlsx")


def test_a_workbook_that_takes_for_ever_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "SECONDS", 0.001)
    with pytest.raises(Refused, match="P104.*cannot be read within"):
        read_content(far(tmp_path / "far.xlsx"), "far.xlsx")


def test_a_workbook_with_a_damaged_sheet_is_refused(tmp_path):
    data = bytearray(far(tmp_path / "sheet.xlsx"))
    start = data.index(b"xl/worksheets/sheet1.xml") + len(b"xl/worksheets/sheet1.xml")
    data[start + 20 : start + 60] = b"\xff" * 40
    with pytest.raises(Refused, match="P104.*sheet.xlsx: is a damaged workbook"):
        read_content(bytes(data), "sheet.xlsx")
