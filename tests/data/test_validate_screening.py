"""Values at screening: another unit is asked about, a day before birth is refused."""

import pandas as pd
import pytest
from small_delivery import SMALL

from data.protocol import load_protocol
from data.readers.delivery import read_delivery_table
from data.validate import validate_table
from data.validate.context import Context
from data.validate.rules import check_rules

NOW = pd.Timestamp("2022-01-01 10:00")


def screened(**cells: str) -> list[str]:
    head, *rows = SMALL["patients.csv"].splitlines()
    wide = [",".join([head, *cells]), *(",".join([row, *cells.values()]) for row in rows[:1])]
    table, findings = validate_table(read_delivery_table("\n".join(wide) + "\n", "patients.csv"))
    assert findings == []
    return [f"{f.severity} {f}" for f in check_rules(table, Context({}, load_protocol(), NOW))]


@pytest.mark.parametrize(
    ("column", "value", "shown", "usual"),
    [
        ("creatinine_umol_l", "0.9", "0.9", "15 to 1500"),
        ("bilirubin_uln", "17", "17", "0.05 to 8"),
        ("platelets_e9_l", "0.15", "0.15", "5 to 1500"),
        ("leucocytes_e9_l", "450", "450", "0.5 to 100"),
        ("haemoglobin_g_dl", "25.0", "25", "3 to 20"),
    ],
)
def test_a_screening_value_that_looks_like_another_unit_is_asked_about(column, value, shown, usual):
    assert screened(**{column: value}) == [
        f"warn [D237] patients.csv line 2 column {column}: {column} {shown} of patient P1 lies outside {usual} "
        "-> check the unit"
    ]


def test_usual_screening_values_pass_without_a_word():
    usual = {"creatinine_umol_l": "80", "bilirubin_uln": "0.5", "platelets_e9_l": "250", "haemoglobin_g_dl": "13.5"}
    assert screened(**usual) == []


def test_a_scan_before_birth_is_refused():
    (line, *_) = screened(petct_on="1800-01-01")
    place = "reject [D205] patients.csv line 2 column petct_on"
    assert line == f"{place}: petct_on 1800-01-01 of patient P1 lies before birth in 1950 -> correct the date"
