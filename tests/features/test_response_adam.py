"""ADaM records of three literal subjects: whole input, whole output."""

from __future__ import annotations

import pandas as pd

from data.protocol import load_protocol
from features.response.adam import response_records, time_records

PROTOCOL = load_protocol()
SUBJECTS = pd.DataFrame(
    {
        "patient_id": ["A", "B", "C"],
        "randomised_on": pd.to_datetime(["2020-01-01", "2020-01-01", None]),
        "died_on": pd.to_datetime([None, "2020-06-01", None]),
        "last_alive_on": pd.to_datetime(["2020-05-31", "2020-06-01", None]),
    }
)
RESPONSES = pd.DataFrame(
    [
        ("A", "2020-01-20", "PR"),
        ("A", "2020-02-20", "CR"),
        ("A", "2020-03-20", "CHECK"),
        ("A", "2020-04-20", "CR"),
        ("A", "2020-05-20", "NE"),
    ],
    columns=["patient_id", "scan_on", "recorded"],
).assign(
    scan_on=lambda t: pd.to_datetime(t["scan_on"]),
    overall=lambda t: t["recorded"].mask(t["recorded"].eq("CHECK"), None),
    date_flag="",
    visit=[f"V{n}" for n in range(1, 6)],
    visit_number=range(1, 6),
    sequence=range(1, 6),
)


def records() -> pd.DataFrame:
    return response_records(SUBJECTS, RESPONSES, pd.Series(["A"]), PROTOCOL)


def said(code: str) -> list[tuple[str, str]]:
    rows = records().query("PARAMCD == @code")
    return list(zip(rows["AVALC"].fillna(""), rows["ADT"].dt.strftime("%m-%d").fillna(""), strict=True))


def test_one_record_for_each_parameter_and_subject() -> None:
    nobody = [("N", ""), ("N", "")]
    missing = [("MISSING", ""), ("MISSING", "")]
    assert {code: said(code) for code in ("RSP", "CRSP", "CB", "CCB", "BCP", "CBCP", "PD", "MDIS")} == {
        "RSP": [("Y", "01-20"), *nobody],
        "CRSP": [("Y", "01-20"), *nobody],
        "CB": [("Y", "01-20"), *nobody],
        "CCB": [("Y", "01-20"), *nobody],
        "BCP": [("Y", "02-20"), *nobody],
        "CBCP": [("Y", "02-20"), *nobody],
        "PD": [("N", ""), *nobody],
        "MDIS": [("Y", ""), *nobody],
    }
    assert said("BOR") == [("CR", "02-20"), *missing] and said("CBOR") == [("CR", "02-20"), *missing]
    assert said("LSTA") == [("NE", "05-20"), ("", ""), ("", "")]
    assert said("DEATH") == [("N", ""), ("Y", "06-01"), ("N", "")]


def test_a_word_that_is_no_response_is_a_record_that_does_not_count() -> None:
    rows = records().query("PARAMCD == 'OVR'")
    assert rows["AVALC"].tolist() == ["PR", "CR", "CHECK", "CR", "NE"]
    assert rows["ANL01FL"].tolist() == ["Y", "Y", "", "Y", "Y"]
    assert rows["AVAL"].fillna(0).tolist() == [2, 1, 0, 1, 6]


def test_times_of_those_randomised() -> None:
    table = time_records(SUBJECTS, records())
    columns = ["USUBJID", "PARAMCD", "AVAL", "CNSR", "EVNTDESC", "SRCDOM", "SRCVAR"]
    assert table[columns].values.tolist() == [
        ["A", "OS", 152, 1, "Alive", "ADSL", "LSTALVDT"],
        ["A", "PFS", 141, 1, "Last Tumor Assessment", "ADRS", "ADT"],
        ["A", "RSD", 122, 1, "Last Tumor Assessment", "ADRS", "ADT"],
        ["B", "OS", 153, 0, "Death", "ADRS", "ADT"],
        ["B", "PFS", 153, 0, "Death", "ADRS", "ADT"],
    ]
