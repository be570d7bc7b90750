"""How a delivered 24-hour urine is judged on its way in."""

from __future__ import annotations

import pandas as pd
import pytest

from data.protocol import load_protocol
from data.readers.delivery import read_delivery_table
from data.validate import validate_table
from data.validate.context import Context
from data.validate.rules import check_rules

HEAD = "sample_id,analyte,value,unit,comparator,version\n"
SAMPLE = "sample_id,patient_id,specimen,visit,collected_on\nU1,P1,urine,month_6,2020-07-01\n"


def judged(lines: str) -> list[str]:
    samples, _ = validate_table(read_delivery_table(SAMPLE, "samples.csv"))
    table, findings = validate_table(read_delivery_table(HEAD + lines, "results.csv"))
    context = Context({"samples": samples.frame, "results": table.frame}, load_protocol(), pd.Timestamp("2022-01-01"))
    return [f"{found.severity} {found}" for found in (*findings, *check_rules(table, context))]


def test_a_whole_collection_passes_without_a_word():
    assert (
        judged(
            "U1,5hiaa,20,umol/L,=,24h\n"
            "U1,creatinine,6,mmol/L,=,24h\n"
            "U1,urine_volume,1500,mL,=,24h\n"
            "U1,collection_hours,24,h,=,24h\n"
        )
        == []
    )


def test_daily_amounts_and_formed_ratios_need_no_creatinine():
    assert judged("U1,5hiaa_24h,7.65,mg/24h,=,24h\n") == []
    assert judged("U1,5hiaa_creatinine,8.96,mg/g,=,spot\n") == []


# What is wrong with one line, and what is said of it.
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("U1,5hiaa,20,umol/L,=,spot\n", ["warn [D224]", "5hiaa of sample U1 has no creatinine result"]),
        ("U1,urine_volume,1500,cups,=,24h\n", ["reject [D220]", "cannot be converted; it may be mL, ml, L"]),
        ("U1,collection_hours,-2,h,=,24h\n", ["reject [D225]", "out of its limits (0 to no upper limit)"]),
        ("U1,Urine_Volume,1500,mL,=,24h\n", ["reject [D110]", "it is written urine_volume"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(line, words):
    (found,) = judged(line)
    assert all(word in found for word in words), found
