"""Lesions by assessment, and patients under a protocol that does not count from surgery: literal rows."""

from dataclasses import replace

import pandas as pd
import pytest
from small_delivery import SMALL

from data.protocol import Record, load_protocol
from data.readers.delivery import read_delivery_table
from data.trial import typed
from data.validate import validate_table
from data.validate.context import Context
from data.validate.rules import check_rules

NOW = pd.Timestamp("2022-01-01 10:00")
SURGERY = load_protocol()
HEADER = "patient_id,scan_on,lesion,role,organ,node,diameter_mm,state\n"
GOOD = """\
P1,2020-01-05,T1,target,liver,no,32,measured
P1,2020-01-05,T2,target,lymph node,yes,18,measured
P1,2020-01-05,N1,non_target,bone,no,,present
P1,2020-04-02,T1,target,liver,no,,too_small
P1,2020-04-02,T2,target,lymph node,yes,8,measured
P1,2020-04-02,N1,non_target,bone,no,,absent
P1,2020-07-02,T1,target,liver,no,0,absent
P1,2020-07-02,T2,target,lymph node,yes,,not_evaluable
P1,2020-07-02,N1,non_target,bone,no,,progressed
P1,2020-07-02,X1,new,lung,no,7,measured
"""


def protocol_from(origin: str):
    record = Record("clock.origin", origin, "", "test", "assumed")
    return replace(SURGERY, records={**SURGERY.records, "clock.origin": record})


def read(name: str, text: str, origin: str = "surgery"):
    return validate_table(read_delivery_table(text, name), origin)


def world(origin: str = "surgery", **known: pd.DataFrame) -> Context:
    small = {
        name.removesuffix(".csv"): read(name, SMALL[name])[0].frame
        for name in ("patients.csv", "treatments.csv", "followup.csv")
    }
    return Context({**small, **known}, protocol_from(origin), NOW)


def judge(rows: str, context: Context | None = None) -> list[str]:
    table, findings = read("lesions.csv", HEADER + rows)
    rejected = [finding for finding in findings if finding.severity == "reject"]
    return [f"{f.severity} {f}" for f in rejected or check_rules(table, context or world())]


def test_a_clean_follow_up_of_lesions_is_typed_without_a_word():
    table, findings = read("lesions.csv", HEADER + GOOD)
    assert findings == [] and judge(GOOD) == []
    assert table.frame.loc[0].tolist() == [
        "P1",
        pd.Timestamp("2020-01-05"),
        "T1",
        "target",
        "liver",
        "no",
        32.0,
        "measured",
    ]


BROKEN = [
    (
        "P1,2020-01-05,T1,target,liver,no,,measured\n",
        "reject [D230] lesions.csv line 2 column diameter_mm: lesion T1 of patient P1 is measured on 2020-01-05 but "
        "has no diameter -> give diameter_mm, or another state",
    ),
    (
        "P1,2020-01-05,T1,target,liver,no,-3,measured\n",
        "reject [D113] lesions.csv line 2 column diameter_mm: -3 is out of limits -> the value must be at least 0 and "
        "at most 500",
    ),
    (
        "P1,2020-01-05,T1,target,liver,no,12,absent\n",
        "reject [D230] lesions.csv line 2 column diameter_mm: lesion T1 of patient P1 is absent on 2020-01-05 but has "
        "a diameter of 12 mm -> correct the wrong one",
    ),
    (
        "P1,2020-01-05,T1,target,liver,no,,present\n",
        "warn [D233] lesions.csv line 2 column state: target lesion T1 of patient P1 is present on 2020-01-05, so no "
        "sum of targets is known -> measure it, or use too_small, absent or not_evaluable",
    ),
    (
        "P1,2020-01-05,X1,new,liver,no,12,measured\n",
        "reject [D232] lesions.csv line 2 column role: lesion X1 of patient P1 is new on 2020-01-05, not later than "
        "the baseline of 2020-01-05 -> it is a target or non_target lesion, or the assessment at baseline is missing",
    ),
    (
        GOOD + "P1,2020-10-02,T1,non_target,liver,no,,present\n",
        "reject [D231] lesions.csv line 2 column role: lesion T1 of patient P1 has role non_target and target at "
        "different assessments -> one lesion keeps one label and role; give another lesion a label of its own",
    ),
    (
        GOOD + "P1,2020-10-02,T2,target,lymph node,no,12,measured\n",
        "reject [D231] lesions.csv line 3 column node: lesion T2 of patient P1 has node no and yes at different "
        "assessments -> one lesion keeps one label and role; give another lesion a label of its own",
    ),
    (
        "P9,2020-01-05,T1,target,liver,no,12,measured\n",
        "reject [D201] lesions.csv line 2 column patient_id: patient P9 is unknown -> send the patient in patients.csv"
        ", or correct the pseudonym",
    ),
    (
        GOOD + "P1,2020-04-02,T1,target,liver,no,9,measured\n",
        "reject [D114] lesions.csv line 12 column patient_id: duplicate key: patient_id P1, scan_on 2020-04-02, lesion "
        "T1 is already in line 5 -> keep one line of each key",
    ),
    (
        "P2,2021-03-05,T1,target,liver,no,12,measured\n",
        "reject [D206] lesions.csv line 2 column scan_on: scan_on 2021-03-05 of patient P2 lies after death on "
        "2021-02-03 -> correct the date, or the patient's record",
    ),
    (
        "P1,2022-03-05,T1,target,liver,no,12,measured\n",
        "reject [D207] lesions.csv line 2 column scan_on: scan_on 2022-03-05 lies in the future (today is 2022-01-01) "
        "-> correct the date",
    ),
]


@pytest.mark.parametrize(("rows", "expected"), BROKEN)
def test_each_broken_rule_says_what_where_and_what_would_be_right(rows, expected):
    assert judge(rows) == [expected]


def test_the_baseline_is_the_last_assessment_up_to_the_origin_or_else_the_first():
    # Surgery on 10 January, randomisation on 20 February, the first treatment on 1 March.
    rows = """\
P1,2020-01-05,T1,target,liver,no,32,measured
P1,2020-02-15,X1,new,liver,no,9,measured
"""
    assert judge(rows) == []
    assert [line.split(":")[0] for line in judge(rows, world("randomisation"))] == [
        "reject [D232] lesions.csv line 3 column role"
    ]
    late = "P1,2020-03-05,T1,target,liver,no,32,measured\nP1,2020-06-15,X1,new,liver,no,9,measured\n"
    assert judge(late, world("first_treatment")) == []


def test_assessments_that_the_store_holds_are_judged_with_those_of_the_file():
    known = read("lesions.csv", HEADER + GOOD)[0].frame
    later = "P1,2020-10-02,X1,new,lung,no,9,measured\n"
    assert judge(later) != []
    assert judge(later, world(lesions=known)) == []
    assert "[D231]" in judge("P1,2020-10-02,X1,target,lung,no,9,measured\n", world(lesions=known))[0]


PATIENTS = """\
patient_id,site,sex,birth_year,randomised_on,arm,primary_site,grade
P1,C1,F,1950,2020-02-20,prrt,ileum,G1
P2,C1,M,1961,2020-03-02,control,ileum,G2
"""


def test_surgery_and_margin_are_needed_only_where_the_protocol_counts_from_surgery():
    table, findings = read("patients.csv", PATIENTS, "randomisation")
    assert findings == [] and table.frame["surgery_on"].isna().all() and table.frame["margin"].isna().all()
    assert check_rules(table, Context({}, protocol_from("randomisation"), NOW)) == []
    lacking = [f"{f.code} {f.column}" for f in read("patients.csv", PATIENTS)[1]]
    assert lacking == ["D106 surgery_on", "D106 margin"]


def test_a_patient_without_the_day_from_which_the_protocol_counts_is_rejected():
    undated = PATIENTS.replace("2020-02-20,prrt", ",")
    findings = [str(finding) for finding in read("patients.csv", undated, "randomisation")[1]]
    assert findings == [
        "[D109] patients.csv line 2 column randomised_on: the cell is empty -> fill it: Day of randomisation; empty "
        "when not randomised. Required where the protocol counts from it."
    ]
    assert read("patients.csv", undated, "first_treatment")[1] == []


def test_an_operation_may_come_at_any_time_where_the_protocol_does_not_count_from_it():
    header, first, _ = PATIENTS.splitlines()
    text = f"{header},surgery_on\n{first},2021-03-01\n"
    table, findings = read("patients.csv", text, "randomisation")
    assert findings == [] and check_rules(table, Context({}, protocol_from("randomisation"), NOW)) == []


def test_deaths_are_held_against_the_origin_of_the_protocol():
    followup = "patient_id,last_seen_on,status,died_on\nP1,2020-01-20,dead,2020-01-20\n"
    table = read("followup.csv", followup)[0]
    assert check_rules(table, world()) == []
    assert "died on 2020-01-20, before randomisation on 2020-02-20" in str(
        check_rules(table, world("randomisation"))[0]
    )


def test_pre_operative_scans_and_consent_come_first():
    known = typed(
        "patients",
        pd.DataFrame(
            {
                "patient_id": ["P1"],
                "birth_year": [1950.0],
                "surgery_on": ["2020-01-10"],
                "randomised_on": ["2020-02-20"],
                "arm": ["prrt"],
                "consent_on": ["2020-02-21"],
                "mri_on": ["2020-01-01"],
                "petct_on": ["2020-01-11"],
            }
        ),
    )
    table = replace(read("patients.csv", SMALL["patients.csv"])[0], frame=known, lines=pd.Series([2]))
    assert [f"{f.severity} {f.code} {f.column}" for f in check_rules(table, world())] == [
        "warn D217 consent_on",
        "warn D217 petct_on",
    ]


@pytest.mark.parametrize(("year", "right"), [("1950", True), ("1950.0", True), ("1950.5", False)])
def test_a_year_of_birth_is_a_whole_number(year, right):
    findings = [str(f) for f in read("patients.csv", SMALL["patients.csv"].replace("1950", year))[1]]
    assert findings == (
        []
        if right
        else [
            f"[D112] patients.csv line 2 column birth_year: {year} is not a whole number -> write it without decimals: "
            "Year of birth, four digits."
        ]
    )


def test_57_and_57_0_are_one_result():
    row = "S1,netest_activity,57,score,=,1.0,PL1,L1,\n"
    same = SMALL["results.csv"] + row.replace("57", "57.0")
    other = SMALL["results.csv"] + row.replace("57", "57.1")
    table, findings = read("results.csv", same)
    assert [f.code for f in findings] == ["D115"] and len(table.frame) == 6
    assert [f"{f.code} {f.message}" for f in read("results.csv", other)[1]] == [
        "D116 two results for sample_id S1, analyte netest_activity: 57 in line 2 and 57.1 here"
    ]


def test_labels_that_look_like_one_lesion_are_asked_about():
    rows = "P1,2020-01-05,T1,target,liver,no,32,measured\nP1,2020-04-02,t-1,target,liver,no,30,measured\n"
    assert judge(rows) == [
        "warn [D236] lesions.csv line 2 column lesion: patient P1 has lesions T1 and t-1, which look like one "
        "-> one lesion keeps one label, letter for letter"
    ]


def test_a_sign_before_a_diameter_points_to_no_column_that_is_not_there():
    (line,) = judge("P1,2020-01-05,T1,target,liver,no,<5,measured\n")
    assert line.endswith("'<5' is not a number -> write the number alone, or leave the cell empty")


def test_a_hundred_thousand_repeated_keys_are_counted_not_told_one_by_one():
    rows = [f"P1,2020-01-05,L{i},target,liver,no,32,measured" for i in range(400)]
    again = [row.replace(",32,", ",31,") for row in rows]
    table, findings = read("lesions.csv", HEADER + "\n".join(rows + again) + "\n")
    assert table.frame.empty and [finding.code for finding in findings] == ["D114"] * 6
    assert findings[0].message == "duplicate key: patient_id P1, scan_on 2020-01-05, lesion L0 is already in line 2"
    assert findings[-1].message == "395 more lines are like this, the last is line 801"
