"""TU, TR and RS of one reader to lesions and recorded responses."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.cdisc import ACCEPTED, lesions, read_domain, read_study, responses
from data.cdisc.domains import DOMAINS
from data.findings import Refused

REPOSITORY = Path(__file__).resolve().parents[2]
STUDY = Path(os.environ.get("NETEST_REALDATA", REPOSITORY / "../shared/realdata")) / "sdtm_oncology"
real = pytest.mark.skipif(not STUDY.is_dir(), reason="real SDTM is not on this machine (NETEST_REALDATA)")


def domain(name: str, text: str) -> pd.DataFrame:
    """A literal domain as the reader gives it."""
    frame = pd.read_csv(io.StringIO(text.strip()), dtype=str, keep_default_na=False, skipinitialspace=True)
    frame = frame.reindex(columns=DOMAINS[name].columns, fill_value="")
    return frame.assign(**{column: pd.to_numeric(frame[column]).astype(float) for column in DOMAINS[name].numbers})


TU = domain(
    "tu",
    """
USUBJID, TULNKID, TUTESTCD, TUSTRESC,   TULOC,      TUEVAL
S1,      T01,     TUMIDENT, TARGET,     LIVER,      INVESTIGATOR
S1,      T02,     TUMIDENT, TARGET,     LYMPH NODE, INVESTIGATOR
S1,      NT01,    TUMIDENT, NON-TARGET, BONE,       INVESTIGATOR
S1,      NT02,    TUMIDENT, NON-TARGET, LUNG,       INVESTIGATOR
S1,      NEW01,   TUMIDENT, NEW,        ,           INVESTIGATOR
""",
)
TR = domain(
    "tr",
    """
USUBJID, TRGRPID,    TRLNKID, TRTESTCD, TRSTRESC,    TRSTRESN, TRSTAT,   TREVAL,       VISITNUM, TRDTC
S1,      TARGET,     T01,     LDIAM,    21,          21,       ,         INVESTIGATOR, 1,        2014-01
S1,      TARGET,     T01,     LPERP,    18,          18,       ,         INVESTIGATOR, 1,        2014-01
S1,      TARGET,     T02,     LDIAM,    33,          33,       ,         INVESTIGATOR, 1,        2014-01-02
S1,      TARGET,     T02,     LPERP,    32,          32,       ,         INVESTIGATOR, 1,        2014-01-02
S1,      TARGET,     ,        SUMDIAM,  53,          53,       ,         INVESTIGATOR, 1,        2014-01-02
S1,      NON-TARGET, NT01,    TUMSTATE, PRESENT,     ,         ,         INVESTIGATOR, 1,        2014-01-02
S1,      TARGET,     T01,     LDIAM,    ,            ,         NOT DONE, INVESTIGATOR, 2,        2014-02
S1,      TARGET,     T02,     DIAMETER, 30,          30,       ,         INVESTIGATOR, 2,        2014-02
S1,      TARGET,     T02,     LPERP,    28,          28,       ,         INVESTIGATOR, 2,        2014-02
S1,      NON-TARGET, NT01,    TUMSTATE, UNEQUIVOCAL, ,         ,         INVESTIGATOR, 2,        2014-02
S1,      NEW,        NEW01,   TUMSTATE, UNEQUIVOCAL, ,         ,         INVESTIGATOR, 2,        2014-02
S1,      NON-TARGET, NT09,    TUMSTATE, ABSENT,      ,         ,         INVESTIGATOR, 2,        2014-02
""",
)


def test_lesions_in_the_shape_of_the_delivery() -> None:
    table, found = lesions(TU, TR, reader="INVESTIGATOR")
    table["scan_on"] = table["scan_on"].dt.strftime("%Y-%m-%d")
    nan = np.nan
    expected = [
        ["S1", "2014-01-02", "NT01", "non_target", "BONE", "no", nan, "present"],
        ["S1", "2014-01-02", "T01", "target", "LIVER", "no", 21.0, "measured"],
        ["S1", "2014-01-02", "T02", "target", "LYMPH NODE", "yes", 32.0, "measured"],
        ["S1", "2014-02-28", "NEW01", "new", None, "no", nan, "present"],
        ["S1", "2014-02-28", "NT01", "non_target", "BONE", "no", nan, "progressed"],
        ["S1", "2014-02-28", "NT09", "non_target", None, "no", nan, "absent"],
        ["S1", "2014-02-28", "T01", "target", "LIVER", "no", nan, "not_evaluable"],
        ["S1", "2014-02-28", "T02", "target", "LYMPH NODE", "yes", 30.0, "measured"],
    ]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=list(table)), check_dtype=False)
    assert [str(finding) for finding in found] == [
        "[C207] TR: subject S1: results of lesion NT09, which TU does not identify -> ask the reader",
        "[C208] TR: subject S1: lesion NT02 is identified and has no result -> ask the reader",
        "[C209] TR: 1 recorded diameters are not the axis of RECIST 1.1, first subject S1, lesion T02: 30 mm, "
        "axis 28 mm -> ask the reader",
    ]


def test_the_axis_instead_of_the_recorded_diameter_and_the_first_day_instead_of_the_last() -> None:
    table, _ = lesions(TU, TR, reader="INVESTIGATOR", diameter="axis", impute="first")
    node = table[table["lesion"].eq("T02")]
    assert node["diameter_mm"].tolist() == [32.0, 28.0]
    assert node["scan_on"].dt.strftime("%Y-%m-%d").tolist() == ["2014-01-02", "2014-02-01"]


def test_a_result_that_is_there_twice_is_noticed_and_the_first_counts() -> None:
    twice = pd.concat([TR, TR.iloc[[0]].assign(TRSTRESN=99.0)], ignore_index=True)
    table, found = lesions(TU, twice, reader="INVESTIGATOR")
    pd.testing.assert_frame_equal(table, lesions(TU, TR, reader="INVESTIGATOR")[0])
    assert str(found[0]) == (
        "[C214] TR line 12: 1 results repeat lesion, visit and test; the first counts -> ask the reader"
    )


def test_an_unknown_tumour_state_is_refused() -> None:
    wrong = TR.replace({"TRSTRESC": {"ABSENT": "GONE"}})
    with pytest.raises(Refused, match=r"\[C210\] TR column TRSTRESC: tumour state 'GONE' of subject S1, lesion NT09"):
        lesions(TU, wrong, reader="INVESTIGATOR")


RS = domain(
    "rs",
    """
USUBJID, RSTESTCD, RSCAT,      RSSTRESC, RSSTAT,   RSEVAL,               RSEVALID, RSACPTFL, VISITNUM, RSDTC, RSSEQ
S1,      OVRLRESP, RECIST 1.1, PR,       ,         INVESTIGATOR,         , ,         2,        2014-02, 1
S1,      OVRLRESP, RECIST 1.1, CHECK,    ,         INVESTIGATOR,         , ,         3,        2014-03-06, 2
S1,      OVRLRESP, RECIST 1.1, ,         NOT DONE, INVESTIGATOR,         , ,         4,        2014-04-06, 3
S1,      OVRLRESP, iRECIST,    iUPD,     ,         INVESTIGATOR,         , ,         4,        2014-05-06, 4
S1,      TRGRESP,  RECIST 1.1, PD,       ,         INVESTIGATOR,         , ,         5,        2014-06-06, 5
S1,      OVRLRESP, ,           SD,       ,         INDEPENDENT ASSESSOR, RADIOLOGIST 1, Y, 2,        2014-02-03, 6
S1,      OVRLRESP, ,           iCPD,     ,         INDEPENDENT ASSESSOR, RADIOLOGIST 2, Y, 3,        2014-03-03, 7
""",
)


def test_recorded_responses_keep_what_was_written_and_count_what_recist_knows() -> None:
    table, found = responses(RS, reader="INVESTIGATOR")
    table["scan_on"] = table["scan_on"].dt.strftime("%Y-%m-%d")
    assert table[["scan_on", "date_flag", "recorded", "overall"]].values.tolist() == [
        ["2014-02-28", "D", "PR", "PR"],
        ["2014-03-06", "", "CHECK", None],
        ["2014-04-06", "", "", "ND"],
    ]
    assert [str(finding) for finding in found] == [
        "[C211] RS column RSCAT: 1 rows by iRECIST left out -> only RECIST 1.1 is read",
        "[C212] RS line 1 column RSSTRESC: subject S1: 'CHECK' is no response of RECIST 1.1 and does not count "
        "-> one of CR, PR, SD, PD, NE, NON-CR/NON-PD, ND, NED",
    ]


def test_the_reader_is_chosen_by_role_by_name_or_by_acceptance() -> None:
    assert responses(RS, reader="RADIOLOGIST 1")[0]["overall"].tolist() == ["SD"]
    assert responses(RS, reader=ACCEPTED)[0]["recorded"].tolist() == ["SD", "iCPD"]
    assert responses(RS, reader="RADIOLOGIST 2")[0]["overall"].tolist() == [None]
    known = "choose of INDEPENDENT ASSESSOR, INVESTIGATOR, RADIOLOGIST 1, RADIOLOGIST 2, accepted"
    with pytest.raises(Refused) as refused:
        responses(RS, reader="INDEPENDENT ASSESSOR")
    what = "INDEPENDENT ASSESSOR is 2 readers (RADIOLOGIST 1, RADIOLOGIST 2)"
    assert str(refused.value) == f"[C206] RS column RSEVAL: {what} -> {known}"
    with pytest.raises(Refused, match="no rows of ADJUDICATOR"):
        responses(RS, reader="ADJUDICATOR")


@real
def test_no_response_of_irecist_is_read_as_one_of_recist() -> None:
    rs = read_domain(STUDY / "rs_onco_irecist.csv", "rs")
    table, found = responses(rs, reader="INVESTIGATOR")
    assert table.empty and "rows by iRECIST left out" in str(found[0])
    table, found = responses(rs, reader="INVESTIGATOR", criteria="iRECIST")
    assert set(table["overall"].dropna()) == {"NE"}
    assert set(table.loc[table["overall"].isna(), "recorded"]) >= {"iUPD", "iCPD", "iCR"}


@real
def test_three_readers_measure_their_own_lesions_of_the_same_subjects() -> None:
    study = read_study(STUDY, ("tu", "tr"), {"tu": "tu_onco.csv", "tr": "tr_onco.csv"})
    tables = {
        reader: lesions(study["tu"], study["tr"], reader=reader)
        for reader in ("INVESTIGATOR", "RADIOLOGIST 1", "RADIOLOGIST 2")
    }
    assert {name: table["patient_id"].nunique() for name, (table, _) in tables.items()} == dict.fromkeys(tables, 144)
    assert {name: [finding.code for finding in found] for name, (_, found) in tables.items()} == dict.fromkeys(
        tables, ["C209"]
    )
    for table, _ in tables.values():
        assert not table.duplicated(["patient_id", "scan_on", "lesion"]).any() and table["scan_on"].notna().all()
        visits = table.groupby("patient_id")["scan_on"].nunique()
        assert visits.between(1, 7).all()
    states = pd.concat([table for table, _ in tables.values()])["state"].value_counts().to_dict()
    assert states["not_evaluable"] == 71 + 226 and states["equivocal"] == 45


@real
def test_partial_days_of_a_visit_yield_to_the_full_day_of_the_same_visit() -> None:
    study = read_study(STUDY, ("tu", "tr"), {"tu": "tu_onco.csv", "tr": "tr_onco.csv"})
    table, _ = lesions(study["tu"], study["tr"], reader="INVESTIGATOR")
    first = table[table["patient_id"].eq("01-701-1015")]["scan_on"].min()
    assert first == pd.Timestamp("2014-01-02")


def test_results_that_belong_to_no_visit_or_lesion_are_said_and_do_not_count() -> None:
    loose = TR.copy()
    loose.loc[0, "VISITNUM"] = np.nan
    loose.loc[2, "TRLNKID"] = ""
    loose.loc[loose["VISITNUM"].eq(2), "TRDTC"] = ""
    table, found = lesions(TU, loose, reader="INVESTIGATOR")
    assert table["scan_on"].notna().all() and set(table["lesion"]) == {"T01", "T02", "NT01"}
    words = "8 results without a lesion, a visit or a day of the visit do not count"
    assert str(found[0]) == f"[C215] TR line 0: {words} -> ask the reader"


@pytest.mark.parametrize(
    ("tu", "tr", "line"),
    [
        (TU.assign(TUSTRESC="WHAT"), TR, "[C210] TU column TUSTRESC: tumour role 'WHAT' of subject S1"),
        (TU, TR.assign(TRSTRESN=-5.0), "[C204] TR line 0 column TRSTRESN: -5 is no length, subject S1"),
    ],
)
def test_a_role_or_a_length_that_cannot_be_is_refused(tu, tr, line) -> None:
    with pytest.raises(Refused) as refused:
        lesions(tu, tr, reader="INVESTIGATOR")
    assert str(refused.value).startswith(line) and "\n" not in str(refused.value)


def test_nobody_is_not_a_reader() -> None:
    with pytest.raises(Refused, match="C206"):
        lesions(TU, TR, reader="")
