"""Reading delivered tables: recognition by header, shape, line numbers."""

import pytest
from small_delivery import SMALL

from data.contracts import TABLES
from data.findings import Refused
from data.readers.delivery import decode, read_delivery_table, recognise_table


def refusal(text: str, name: str = "table.csv") -> str:
    with pytest.raises(Refused) as caught:
        read_delivery_table(text, name)
    assert len(caught.value.findings) == 1
    return str(caught.value)


@pytest.mark.parametrize("file_name", SMALL)
def test_a_table_is_recognised_by_its_header_in_any_column_order(file_name):
    header = SMALL[file_name].splitlines()[0]
    assert recognise_table(header) == file_name.removesuffix(".csv")
    assert recognise_table(list(reversed(header.split(",")))) == file_name.removesuffix(".csv")


@pytest.mark.parametrize("name", TABLES)
def test_the_required_columns_and_strange_ones_are_enough(name):
    assert recognise_table([*TABLES[name].required_columns, "shoe_size"]) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("sample_id,analyte,value,unit", "results"),
        ("patient_id,scan_on,modality,adequate", "imaging"),
        ("plate,well,sample_id", "plate_map"),
        ("\ufeffpatient_id,last_seen_on,status", "followup"),
        ("patient_id", None),
        ("id,time,status,bili,albumin", None),
        ("Well,Sample Name,Target Name,CT", None),
        ("", None),
        ("a\rb\0c", None),
        ("x" * 200_000, None),
        ('"sample_id","patient_id","specimen","visit","collected_on"\r\n', "samples"),
    ],
)
def test_a_header_that_lacks_little_is_named_and_a_foreign_one_is_not(header, name):
    assert recognise_table(header) == name


def test_cells_are_text_and_lines_are_physical():
    text = '\ufeffplate,well,sample_id\r\n\r\nPL1 ,A1,"S,1"\r\nPL1,A2,"two\r\nlines"\r\nPL1,A3,S3\r\n'
    table = read_delivery_table(text, "map.csv", "abc")
    assert table.raw.to_dict("list") == {
        "plate": ["PL1", "PL1", "PL1"],
        "well": ["A1", "A2", "A3"],
        "sample_id": ["S,1", "two\r\nlines", "S3"],
    }
    assert table.lines.tolist() == [3, 4, 6]
    assert (table.name, table.file_name, table.sha256) == ("plate_map", "map.csv", "abc")


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", "  \r\n"])
def test_an_empty_file_is_refused(text):
    assert refusal(text, "results.csv") == "[D101] results.csv: the file is empty -> export it again"


def test_a_header_without_rows_is_refused_where_rows_are_required():
    header = SMALL["patients.csv"].splitlines()[0] + "\n"
    assert "[D102] p.csv: patients holds a header but no rows" in refusal(header, "p.csv")
    assert len(read_delivery_table(SMALL["treatments.csv"].splitlines()[0] + "\n", "t.csv").raw) == 0


@pytest.mark.parametrize("rows", range(1, 4))
def test_a_file_cut_inside_a_line_names_the_line(rows):
    lines = SMALL["results.csv"].splitlines(keepends=True)
    whole = "".join(lines[: rows + 1]).rstrip("\n")
    for cut in range(1, len(lines[rows]) - 2):
        assert f"results.csv line {rows + 1}: " in refusal(whole[:-cut], "results.csv")


def test_a_value_that_may_be_cut_off_at_the_end_of_the_file_is_refused():
    text = "patient_id,assessed_on,instrument,scale,value\nP1,2020-01-01,QLQ-C30,global,83.3"
    assert "[D103] q.csv line 2: the file ends without a line end after '83.3'" in refusal(text, "q.csv")
    assert len(read_delivery_table(text + "\n", "q.csv").raw) == 1


def test_a_whole_code_or_date_needs_no_line_end():
    header = "sample_id,patient_id,specimen,visit,collected_on,"
    for last, value in (("ssa", "yes"), ("frozen_on", "2020-01-02")):
        table = read_delivery_table(f"{header}{last}\nS1,P1,blood,baseline,2020-01-01,{value}", "s.csv")
        assert table.raw[last].tolist() == [value]
    assert "[D103]" in refusal(f"{header}frozen_on\nS1,P1,blood,baseline,2020-01-01,2020-01-0", "s.csv")


def test_every_ragged_line_is_counted_and_the_first_named():
    text = SMALL["followup.csv"] + "P3,2020-01-01\nP4,2020-01-01,alive,,x,y\n"
    message = refusal(text, "f.csv")
    assert "f.csv line 4: 2 cells where the header names 5; 1 more lines are like it" in message


def test_an_open_quote_is_refused():
    assert "[D103] f.csv line 2: the file breaks off inside a quoted cell" in refusal(
        SMALL["followup.csv"].replace("P1,", '"P1,', 1), "f.csv"
    )


def test_other_refusals_say_what_to_do():
    assert "[D105]" in refusal("plate,well,sample_id,well\nP,A1,S,A1\n")
    assert "[D104]" in refusal("plate,well\0,sample_id\n")
    semicolons = refusal(SMALL["followup.csv"].replace(",", ";"))
    assert "not separated by commas -> save it as comma-separated CSV" in semicolons
    assert "[D122] table.csv line 1: no delivery table has this header (a, b)" in refusal("a,b\n1,2\n")


def test_bytes_that_are_not_utf8_name_their_line():
    assert decode("\ufeffplate\nµ\n".encode(), "x.csv") == "plate\nµ\n"
    with pytest.raises(Refused, match=r"\[D104\] x.csv line 2: byte 0xb5 is not UTF-8"):
        decode(b"plate\n\xb5\n", "x.csv")
