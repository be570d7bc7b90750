"""One table against its contract: every kind of bad cell, keys, columns."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_delivery import SMALL, changed

from data.contracts import TABLES
from data.readers.delivery import read_delivery_table
from data.validate import validate_table


def judge(name: str, text: str):
    return validate_table(read_delivery_table(text, name))


def lines(name: str, text: str) -> list[str]:
    return [str(finding) for finding in judge(name, text)[1]]


@pytest.mark.parametrize("name", SMALL)
def test_a_clean_table_is_typed_without_a_word(name):
    table, findings = judge(name, SMALL[name])
    contract = TABLES[name.removesuffix(".csv")]
    assert findings == []
    assert list(table.frame.columns) == list(contract.columns)
    assert (table.frame.dtypes[contract.of_kind("date")] == "datetime64[ns]").all()
    assert (table.frame.dtypes[contract.of_kind("number")] == "float64").all()
    assert table.lines.tolist() == list(range(2, 2 + len(table.frame)))


def test_typed_cells_are_python_values():
    frame = judge("patients.csv", SMALL["patients.csv"])[0].frame
    assert frame.loc[0, ["patient_id", "birth_year", "surgery_on", "ki67_pct", "ecog"]].tolist() == [
        "P1",
        1950.0,
        pd.Timestamp("2020-01-10"),
        6.5,
        None,
    ]
    assert pd.isna(frame.loc[1, "ki67_pct"])


@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        (
            "patients.csv",
            "C1,M,1961",
            "C1,X,1961",
            "[D110] patients.csv line 3 column sex: unknown code 'X' -> use one of F, M",
        ),
        (
            "patients.csv",
            "2020-02-20,prrt",
            "2020-02-20,PRRT",
            "[D110] patients.csv line 2 column arm: unknown code 'PRRT' -> write prrt or leave it empty",
        ),
        (
            "patients.csv",
            "2020-01-10",
            "2020-02-30",
            "[D111] patients.csv line 2 column surgery_on: 2020-02-30 is not a day of the calendar -> correct the date",
        ),
        (
            "patients.csv",
            "2020-01-10",
            "10/01/2020",
            "[D111] patients.csv line 2 column surgery_on: '10/01/2020' is not an ISO date -> write it as YYYY-MM-DD",
        ),
        (
            "patients.csv",
            "R0,6.5",
            'R0,"6,5"',
            "[D112] patients.csv line 2 column ki67_pct: '6,5' is not a number -> write a decimal point, not a comma",
        ),
        (
            "results.csv",
            "S1,netest_activity,57",
            "S1,netest_activity,<20",
            "[D112] results.csv line 2 column value: '<20' is not a number"
            " -> put the sign into the column comparator and the number here",
        ),
        (
            "results.csv",
            "S1,netest_activity,57",
            "S1,netest_activity,nan",
            "[D112] results.csv line 2 column value: 'nan' is not a number"
            " -> write a number, or leave the cell empty if it was not measured",
        ),
        (
            "patients.csv",
            "R0,6.5",
            "R0,650",
            "[D113] patients.csv line 2 column ki67_pct: 650 is out of limits"
            " -> the value must be at least 0 and at most 100",
        ),
        (
            "samples.csv",
            "S4,P2,blood",
            "S4,,blood",
            "[D109] samples.csv line 5 column patient_id: the cell is empty"
            " -> fill it: Patient the sample was drawn from.",
        ),
        (
            "patients.csv",
            "P2,C1",
            "ann@clinic.org,C1",
            "[D117] patients.csv line 3 column patient_id: an e-mail address"
            " -> never send direct identifiers; use the pseudonym",
        ),
        (
            "samples.csv",
            "S2,P1,blood",
            "S1,P1,blood",
            "[D114] samples.csv line 3 column sample_id: duplicate key: sample_id S1 is already in line 2"
            " -> keep one line of each key",
        ),
        (
            "results.csv",
            "S2,netest_activity,24",
            "S1,netest_activity,24",
            "[D116] results.csv line 3 column value sample S1: two results for sample_id S1, analyte"
            " netest_activity: 57 in line 2 and 24 here -> keep the valid one",
        ),
    ],
)
def test_a_bad_cell_is_named_with_place_value_and_remedy(name, old, new, line):
    table, findings = judge(name, changed(name, old, new))
    assert [str(finding) for finding in findings] == [line]
    assert findings[0].severity == "reject"
    assert table.frame.empty


@pytest.mark.parametrize("name", SMALL)
def test_each_missing_required_column_is_named(name):
    contract = TABLES[name.removesuffix(".csv")]
    frame = read_delivery_table(SMALL[name], name).raw
    for column in contract.required_columns:
        if len(contract.required_columns) <= 3:
            continue
        found = lines(name, frame.drop(columns=column).to_csv(index=False))
        assert len(found) == 1
        assert found[0].startswith(f"[D106] {name} line 1 column {column}: {contract.name} lacks the column {column}")


def test_unknown_columns_are_said_and_not_loaded():
    text = "".join(
        f"{row},{extra}\n"
        for row, extra in zip(
            SMALL["followup.csv"].splitlines(),
            ["shoe_size,date_of_birth,NHS number,Surname", "40,1950-01-01,1,X", "41,1961-01-01,2,Y"],
            strict=True,
        )
    )
    table, findings = judge("f.csv", text)
    assert [(f.code, f.column, f.severity) for f in findings] == [
        ("D107", "shoe_size", "warn"),
        ("D108", "date_of_birth", "warn"),
        ("D108", "NHS number", "warn"),
        ("D108", "Surname", "warn"),
    ]
    assert list(table.frame.columns) == list(TABLES["followup"].columns)
    assert not any("1950" in str(finding) for finding in findings)


def test_identical_rows_count_once_with_a_note_but_control_wells_may_repeat():
    table, findings = judge("samples.csv", SMALL["samples.csv"] + SMALL["samples.csv"].splitlines()[1] + "\n")
    assert [(f.code, f.severity, f.line) for f in findings] == [("D115", "note", 6)]
    assert table.frame["sample_id"].tolist() == ["S1", "S2", "S3", "S4"]
    assert len(judge("controls.csv", SMALL["controls.csv"])[0].frame) == 3


def test_many_faults_of_one_kind_are_counted():
    rows = "".join(f"Q{i},2020-13-01,alive,,\n" for i in range(40))
    found = lines("f.csv", SMALL["followup.csv"] + rows)
    assert len(found) == 6
    assert found[-1] == "[D111] f.csv column last_seen_on: 35 more lines are like this, the last is line 43"


def test_one_cell_gives_one_finding_and_other_cells_are_still_judged():
    text = changed("patients.csv", "C1,M,1961,2020-03-02", "C1,X,19x1,2020-99-02")
    assert [(f.code, f.column) for f in judge("p.csv", text)[1]] == [
        ("D112", "birth_year"),
        ("D110", "sex"),
        ("D111", "surgery_on"),
    ]


@given(
    st.lists(st.dates(min_value=pd.Timestamp("1950-01-01").date()), min_size=1, max_size=20),
    st.floats(0, 100, allow_nan=False),
)
def test_whatever_is_valid_comes_back_equal(days, value):
    header = "patient_id,assessed_on,instrument,scale,value\n"
    rows = "".join(f"P{i},{day:%Y-%m-%d},Q,s,{value!r}\n" for i, day in enumerate(days) if day.year < 2262)
    table, findings = judge("q.csv", header + rows)
    assert findings == []
    assert table.frame["assessed_on"].dt.date.tolist() == [day for day in days if day.year < 2262]
    assert (table.frame["value"] == value).all()
