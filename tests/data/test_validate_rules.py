"""Rules between tables, on literal rows."""

import pandas as pd
import pytest
from small_delivery import SMALL, changed

from data.protocol import load_protocol
from data.readers.delivery import read_delivery_table
from data.validate import validate_table
from data.validate.context import Context
from data.validate.rules import RULES, check_rules

NOW = pd.Timestamp("2022-01-01 10:00")


def checked(name: str, text: str):
    table, findings = validate_table(read_delivery_table(text, name))
    assert not [finding for finding in findings if finding.severity == "reject"]
    return table


def world(without: tuple[str, ...] = (), **changes) -> Context:
    known = {
        name.removesuffix(".csv"): checked(name, text).frame for name, text in SMALL.items() if name not in without
    }
    return Context(known, load_protocol(), NOW, **changes)


def judge(name: str, text: str, context: Context) -> list[str]:
    return [f"{f.severity} {f}" for f in check_rules(checked(name, text), context)]


def test_every_table_of_the_contract_has_its_rules():
    assert set(RULES) == {
        *(name.removesuffix(".csv") for name in SMALL),
        "lesions",
        "quality_of_life",
        "adverse_events",
        "plate_map",
    }


@pytest.mark.parametrize("name", SMALL)
def test_the_small_delivery_is_consistent(name):
    assert judge(name, SMALL[name], world()) == []


BROKEN = [
    (
        "patients.csv",
        "2020-02-20,prrt",
        "2020-01-02,prrt",
        "reject [D210] patients.csv line 2 column randomised_on",
        "patient P1 was randomised on 2020-01-02, before surgery on 2020-01-10",
    ),
    (
        "patients.csv",
        "2020-02-20,prrt",
        ",prrt",
        "reject [D211] patients.csv line 2 column randomised_on",
        "patient P1 has arm prrt but no day of randomisation",
    ),
    (
        "patients.csv",
        "2020-02-20,prrt",
        "2020-02-20,",
        "warn [D211]",
        "",
    ),
    (
        "patients.csv",
        "1950",
        "2021",
        "reject [D205] patients.csv line 2 column surgery_on",
        "patient P1 was operated on 2020-01-10, before birth in 2021",
    ),
    (
        "patients.csv",
        "2020-04-10",
        "2022-01-03",
        "reject [D207] patients.csv line 3 column randomised_on",
        "randomised_on 2022-01-03 lies in the future (today is 2022-01-01)",
    ),
    (
        "samples.csv",
        "S4,P2",
        "S4,P9",
        "reject [D201] samples.csv line 5 column patient_id sample S4",
        "patient P9 is unknown",
    ),
    (
        "samples.csv",
        "2020-01-08,2020-01-09",
        "2020-01-10,2020-01-09",
        "reject [D208] samples.csv line 2 column collected_on sample S1",
        "collected on 2020-01-10, after it was received on 2020-01-09",
    ),
    (
        "samples.csv",
        "2020-01-09,2020-01-10",
        "2020-01-11,2020-01-10",
        "warn [D209]",
        "",
    ),
    (
        "samples.csv",
        "blood,baseline,2020-03-01,2020-03-01,,yes",
        "blood,baseline,1960-03-01,2020-03-01,,yes",
        "reject [D205] samples.csv line 5 column collected_on sample S4",
        "collected_on 1960-03-01 of patient P2 lies before birth in 1961",
    ),
    (
        "samples.csv",
        "2020-03-01,2020-03-01,,yes",
        "2021-02-04,2021-02-04,,yes",
        "reject [D206] samples.csv line 5 column collected_on sample S4",
        "collected_on 2021-02-04 of patient P2 lies after death on 2021-02-03",
    ),
    (
        "samples.csv",
        "S4,P2",
        "S4,P1",
        "warn [D204] samples.csv line 5 column patient_id sample S4",
        "sample S4 moves from patient P2 to P1",
    ),
    (
        "results.csv",
        "S4,netest",
        "S9,netest",
        "reject [D202] results.csv line 4 column sample_id sample S9",
        "sample S9 is unknown",
    ),
    (
        "results.csv",
        "S2,netest_activity,24,score,=,1.0,PL1",
        "S2,netest_activity,24,score,=,1.0,PL7",
        "reject [D223] results.csv line 3 column plate sample S2",
        "plate PL7 has no control wells",
    ),
    (
        "results.csv",
        "S3,5hiaa",
        "S2,5hiaa",
        "reject [D219] results.csv line 6 column analyte sample S2",
        "5hiaa is measured in urine, but sample S2 is blood",
    ),
    (
        "results.csv",
        "274.3,ng/mL",
        "274.3,U/L",
        "reject [D220] results.csv line 5 column unit sample S1",
        "unit U/L of cga cannot be converted",
    ),
    (
        "results.csv",
        "activity,57",
        "activity,157",
        "reject [D225] results.csv line 2 column value sample S1",
        "netest_activity of 157 score is out of its limits (0 to 100)",
    ),
    (
        "results.csv",
        "24,score,=,1.0",
        "24,score,=,2.0",
        "reject [D221] results.csv line 2 column version sample S1",
        "patient P1 has NETest versions 1.0 and 2.0 in one trajectory",
    ),
    (
        "results.csv",
        "33,score,=,1.0",
        "33,score,=,1",
        "reject [D222] results.csv line 4 column version sample S4",
        "version 1 is none that reports netest_activity; the protocol has 1.0",
    ),
    (
        "results.csv",
        "S1,cga",
        "S1,troponin",
        "warn [D218] results.csv line 5 column analyte sample S1",
        "analyte troponin is not listed in the protocol",
    ),
    (
        "imaging.csv",
        "yes,clear,6",
        "yes,,6",
        "reject [D216] imaging.csv line 2 column finding",
        "the scan of patient P1 is adequate but has no finding",
    ),
    (
        "imaging.csv",
        "petct,no,,12",
        "petct,no,clear,12",
        "reject [D216] imaging.csv line 3 column finding",
        "the scan of patient P1 is not adequate but has the finding clear",
    ),
    (
        "imaging.csv",
        "P2,2020-09-01",
        "P2,2021-09-01",
        "reject [D206] imaging.csv line 4 column scan_on",
        "scan_on 2021-09-01 of patient P2 lies after death on 2021-02-03",
    ),
    (
        "imaging.csv",
        "P2,2020-09-01",
        "P2,1920-09-01",
        "reject [D205]",
        "",
    ),
    (
        "treatments.csv",
        "2020-03-01,2020-03-01",
        "2020-03-01,2020-02-01",
        "reject [D212]",
        "",
    ),
    (
        "treatments.csv",
        "P1,prrt,2020-03-01,2020-03-01",
        "P2,prrt,2021-03-01,",
        "warn [D206]",
        "",
    ),
    (
        "followup.csv",
        "dead,2021-02-03",
        "dead,",
        "reject [D213] followup.csv line 3 column died_on",
        "patient P2 is dead without a day of death",
    ),
    (
        "followup.csv",
        "alive,,",
        "alive,2021-06-01,",
        "reject [D213] followup.csv line 2 column status",
        "patient P1 is alive with a day of death, 2021-06-01",
    ),
    (
        "followup.csv",
        "P2,2021-02-03,dead,2021-02-03",
        "P2,2020-03-01,dead,2020-03-01",
        "reject [D214] followup.csv line 3 column died_on",
        "patient P2 died on 2020-03-01, before surgery on 2020-03-02",
    ),
    (
        "followup.csv",
        "P2,2021-02-03,dead,2021-02-03",
        "P2,2020-08-03,dead,2020-08-03",
        "reject [D206] followup.csv line 3 column died_on",
        "patient P2 died on 2020-08-03, before a record of imaging on 2020-09-01",
    ),
    (
        "followup.csv",
        "P2,2021-02-03,dead",
        "P2,2021-02-04,dead",
        "reject [D206] followup.csv line 3 column last_seen_on",
        "patient P2 was last seen on 2021-02-04, after death on 2021-02-03",
    ),
    (
        "followup.csv",
        "P1,2021-06-01",
        "P1,2020-01-01",
        "warn [D215]",
        "",
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "place", "words"), BROKEN)
def test_a_broken_rule_names_line_value_and_what_is_wrong(name, old, new, place, words):
    found = judge(name, changed(name, old, new), world())
    assert found[0].startswith(place)
    assert words in found[0]
    if place.startswith("reject"):
        assert [line for line in found if line.startswith("reject")] == found[:1] or name == "followup.csv"


def test_a_follow_up_that_comes_later_in_the_delivery_is_looked_at_ahead():
    context = world(("followup.csv",), pending={"followup": checked("f.csv", SMALL["followup.csv"]).frame})
    text = changed("samples.csv", "2020-03-01,2020-03-01,,yes", "2021-02-04,2021-02-04,,yes")
    assert judge("samples.csv", text, context)[0].startswith("reject [D206] samples.csv line 5")


def test_children_of_a_rejected_table_get_one_pointer():
    context = world(("patients.csv",), rejected={"patients": "patients.csv"})
    assert judge("samples.csv", SMALL["samples.csv"], context) == [
        "reject [D203] samples.csv column patient_id: 2 values of patient_id are unknown"
        " because patients.csv was rejected -> mend patients.csv, then send both again"
    ]


def test_versions_are_judged_against_the_store_and_a_correction_may_change_them_all():
    whole = SMALL["results.csv"].replace("score,=,1.0", "score,=,2.0").replace("activity", "diagnostic")
    one = "sample_id,analyte,value,unit,version\nS2,netest_diagnostic,44,score,2.0\n"
    assert judge("r.csv", one, world())[0].startswith("reject [D221] r.csv line 2 column version sample S2: patient P1")
    assert judge("results.csv", whole, world(("results.csv",))) == []
    relabelled = SMALL["results.csv"].replace("score,=,1.0", "score,=,1.1")
    assert {line.split("]")[0] for line in judge("results.csv", relabelled, world())} == {"reject [D222"}


def test_units_convert_before_limits_are_judged():
    creatinine = changed("results.csv", "creatinine,9.8,mmol/L", "creatinine,9800,umol/L")
    assert judge("results.csv", creatinine, world()) == []


def test_urine_without_creatinine_is_said_unless_the_store_has_it():
    text = "".join(line + "\n" for line in SMALL["results.csv"].splitlines() if "creatinine" not in line)
    assert judge("results.csv", text, world()) == []
    found = judge("results.csv", text, world(("results.csv",)))
    assert found[0].startswith("warn [D224] results.csv line 6 column analyte sample S3")


def test_an_arm_without_the_randomisation_column_is_no_contradiction():
    frame = read_delivery_table(SMALL["patients.csv"], "p.csv").raw.drop(columns="randomised_on")
    assert judge("p.csv", frame.to_csv(index=False), world()) == []


def test_each_unknown_patient_is_named_once():
    rows = "".join(f"X{i % 7},2020-07-10,ct,yes,clear,,,\n".replace("07-10", f"07-{10 + i // 7}") for i in range(70))
    found = judge("imaging.csv", SMALL["imaging.csv"] + rows, world())
    assert [line.split(": ")[1] for line in found[:5]] == [
        f"patient X{i} is unknown -> send the patient in patients.csv, or correct the pseudonym" for i in range(5)
    ]
    assert "2 more lines are like this" in found[5]
    assert len(found) == 6
