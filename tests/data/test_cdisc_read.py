"""SDTM domains from files: what is read, what is left out, what is refused and how it is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data.cdisc import read_domain, read_study, subjects
from data.cdisc.domains import DOMAINS, PERSONAL
from data.findings import Refused

REPOSITORY = Path(__file__).resolve().parents[2]
REALDATA = Path(os.environ.get("NETEST_REALDATA", REPOSITORY / "../shared/realdata"))
real = pytest.mark.skipif(not REALDATA.is_dir(), reason="real SDTM is not on this machine (NETEST_REALDATA)")

RS = "DOMAIN,USUBJID,RSTESTCD,RSSTRESC,RSEVAL,VISITNUM,RSDTC,RSSEQ\n"
DM = "DOMAIN,USUBJID,SUBJID,SITEID,AGE,SEX,BRTHDTC,RACE,ETHNIC,WHATEVER\n"


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def refusal(path: Path, domain: str) -> str:
    with pytest.raises(Refused) as refused:
        read_domain(path, domain)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_known_columns_are_typed_unknown_ignored_and_personal_ones_never_carried(tmp_path) -> None:
    text = DM + "DM,S1,1,701,63,F,1950-12-26,WHITE,HISPANIC,x\nDM,S2,2,701,,M,1948,,,\n"
    frame = read_domain(write(tmp_path, "dm.csv", text), "dm")
    assert tuple(frame) == DOMAINS["dm"].columns
    assert frame[["USUBJID", "SITEID", "SEX", "ARM"]].values.tolist() == [
        ["S1", "701", "F", ""],
        ["S2", "701", "M", ""],
    ]
    assert frame["AGE"].tolist()[0] == 63.0 and frame["AGE"].isna().tolist() == [False, True]
    assert frame.index.tolist() == [2, 3]


def test_no_domain_asks_for_a_personal_column() -> None:
    assert not {name for domain in DOMAINS.values() for name in domain.columns} & set(PERSONAL)


def test_every_refusal_is_one_line(tmp_path) -> None:
    good = "RS,S1,OVRLRESP,PR,INVESTIGATOR,4,2014-03-06,1\n"
    cases = {
        RS.replace("RSDTC", "DATE") + good: "[C202] rs.csv: not the domain RS: no column RSDTC -> add RSDTC",
        RS + good.replace("RS,", "TR,", 1): "[C202] rs.csv line 2 column DOMAIN: 'TR' is not RS "
        "-> give the file of that domain",
        RS + good.replace(",4,", ",four,"): "[C204] rs.csv line 2 column VISITNUM: 'four' is not a number "
        "-> write a number",
        RS + good + good.replace("S1", ""): "[C205] rs.csv line 3 column USUBJID: a row without a subject -> fill it",
        RS + good + "RS,S1\n": "[C202] rs.csv line 3: 2 cells under 8 columns -> export the whole file again",
        "": "[C201] rs.csv: not a text table -> export the domain as CSV or XPT",
    }
    for text, line in cases.items():
        assert refusal(write(tmp_path, "rs.csv", text), "rs") == line
    assert refusal(tmp_path / "none.csv", "rs").startswith("[C201] none.csv: can not be opened")
    assert refusal(write(tmp_path, "rs.xpt", "no"), "rs").startswith("[C201] rs.xpt: not a SAS transport file")
    twice = DM + 2 * "DM,S1,1,701,63,F,,,,\n"
    assert "[C205] dm.csv line 3 column USUBJID: subject S1 twice" in refusal(write(tmp_path, "dm.csv", twice), "dm")


def test_files_that_broke_on_their_way_are_refused_in_one_line(tmp_path) -> None:
    good = "RS,S1,OVRLRESP,PR,INVESTIGATOR,4,2014-03-06,1\n"
    cases = {
        RS.replace("RSSEQ", "RSDTC") + good: "[C202] rs.csv line 1: column RSDTC is there twice -> keep one",
        RS + good + "x" * 200_000: "[C201] rs.csv: not a text table (field larger than field limit (131072)) "
        "-> export the domain as CSV or XPT",
        "\n\n\n": "[C202] rs.csv: not the domain RS: no column USUBJID, RSTESTCD",
        RS + '"' + good: "[C202] rs.csv line 2: 1 cells under 8 columns -> export the whole file again",
    }
    for text, line in cases.items():
        assert refusal(write(tmp_path, "rs.csv", text), "rs").startswith(line)
    assert "no domain 'zz' is read -> choose of dm" in refusal(write(tmp_path, "rs.csv", RS), "zz")


def test_blank_lines_before_the_header_and_old_mac_line_ends_are_read(tmp_path) -> None:
    row = "RS,S1,OVRLRESP,PR,INVESTIGATOR,4,2014-03-06,1"
    frame = read_domain(write(tmp_path, "rs.csv", f"\n\n{RS}{row}\n"), "rs")
    assert frame.index.tolist() == [4] and frame["USUBJID"].tolist() == ["S1"]
    assert read_domain(write(tmp_path, "rs.csv", RS.strip() + "\r" + row + "\r"), "rs")["RSSEQ"].tolist() == [1.0]


@real
@pytest.mark.parametrize("length", [0, 80, 400, 900, 2000, 39_640, 79_200, 79_277])
def test_a_transport_file_that_was_cut_off_is_never_read_in_part(tmp_path, length) -> None:
    whole = (REALDATA / "sdtm_xpt" / "tdf_dm.xpt").read_bytes()
    path = tmp_path / "dm.xpt"
    path.write_bytes(whole[:length])
    assert refusal(path, "dm").startswith("[C201] dm.xpt: ")


@real
def test_a_transport_file_with_damaged_headers_is_refused_in_one_line(tmp_path) -> None:
    whole = bytearray((REALDATA / "sdtm_xpt" / "tdf_dm.xpt").read_bytes())
    path = tmp_path / "dm.xpt"
    for place in range(700, 3000, 30):
        broken = whole.copy()
        broken[place : place + 2] = b"\xff\x9a"
        path.write_bytes(broken)
        try:
            read_domain(path, "dm")
        except Refused as refused:
            assert "\n" not in str(refused)


def test_a_quoted_line_break_keeps_the_physical_lines(tmp_path) -> None:
    text = 'TSPARMCD,TSVAL\nA,"two\nlines"\nB,one\n'
    assert read_domain(write(tmp_path, "ts.csv", text), "ts").index.tolist() == [2, 4]


def test_a_study_needs_exactly_one_file_for_each_domain(tmp_path) -> None:
    row = "RS,S1,OVRLRESP,PR,INVESTIGATOR,4,2014-03-06,1\n"
    write(tmp_path, "rs_onco.csv", RS + row)
    assert len(read_study(tmp_path, ("rs",))["rs"]) == 1
    write(tmp_path, "rs_onco_irecist.csv", RS + row)
    with pytest.raises(
        Refused, match="several files for the domain RS: rs_onco.csv, rs_onco_irecist.csv -> choose one"
    ):
        read_study(tmp_path, ("rs",))
    assert len(read_study(tmp_path, ("rs",), {"rs": "rs_onco.csv"})["rs"]) == 1
    write(tmp_path, "rs.csv", RS + row + row)
    assert len(read_study(tmp_path, ("rs",))["rs"]) == 2
    with pytest.raises(Refused, match=r"no file for TU -> add tu.csv or tu.xpt"):
        read_study(tmp_path, ("rs", "tu"))


def test_subjects_need_disposition(tmp_path) -> None:
    dm = read_domain(write(tmp_path, "dm.csv", DM + "DM,S1,1,701,63,F,,,,\n"), "dm")
    with pytest.raises(Refused, match="no domain DS"):
        subjects({"dm": dm})
    text = "USUBJID,DSDECOD,DSSTDTC\nS1,RANDOMIZED,2014-01-02T08:00\nS9,RANDOMIZED,2014-01-02\n"
    ds = read_domain(write(tmp_path, "ds.csv", text), "ds")
    table = subjects({"dm": dm, "ds": ds})
    assert table["patient_id"].tolist() == ["S1"] and str(table["randomised_on"][0].date()) == "2014-01-02"
    assert table[["died_on", "last_alive_on", "first_dose_on"]].isna().all(axis=None)


@real
def test_the_trial_summary_in_windows_latin_keeps_its_apostrophes() -> None:
    path = REALDATA / "sdtm_oncology" / "ts_cp1252.csv"
    with pytest.raises(UnicodeDecodeError):
        path.read_text(encoding="utf-8")
    frame = read_domain(path, "ts")
    assert len(frame) == 33 and frame["TSVAL"].str.count("\u2019").sum() == 3


@real
def test_transport_files_give_the_same_frames_as_csv() -> None:
    folder = REALDATA / "sdtm_xpt"
    study = read_study(folder, ("dm", "ds"))
    assert {name: frame.shape for name, frame in study.items()} == {
        "dm": (306, len(DOMAINS["dm"].columns)),
        "ds": (596, len(DOMAINS["ds"].columns)),
    }
    csv = read_domain(REALDATA / "sdtm_oncology" / "dm.csv", "dm").set_index("USUBJID")
    both = study["dm"].set_index("USUBJID").reindex(csv.index)
    assert (both[["SEX", "SITEID", "RFSTDTC", "AGE"]] == csv[["SEX", "SITEID", "RFSTDTC", "AGE"]]).all(axis=None)


@real
def test_every_domain_of_the_study_is_read() -> None:
    files = {"tu": "tu_onco.csv", "tr": "tr_onco.csv", "rs": "rs_onco.csv", "lb": "lb.csv"}
    study = read_study(REALDATA / "sdtm_oncology", ("dm", "ds", "ex", "ae", "lb", "sv", "tu", "tr", "rs"), files)
    assert {name: len(frame) for name, frame in study.items()} == {
        "dm": 172, "ds": 485, "ex": 331, "ae": 653, "lb": 11434, "sv": 1979, "tu": 4383, "tr": 30870, "rs": 3168
    }  # fmt: skip
