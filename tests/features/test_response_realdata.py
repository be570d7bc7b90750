"""A whole SDTM oncology study: target responses against the reference, ADaM records against the published ones."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from data.cdisc import ACCEPTED, lesions, of_reader, read_study, responses, subjects
from data.protocol import load_protocol
from features.response import assess, overall_response, target_response
from features.response.adam import ADRS_COLUMNS, ADTTE_COLUMNS, response_records, time_records
from features.response.assess import nadirs

REPOSITORY = Path(__file__).resolve().parents[2]
REALDATA = Path(os.environ.get("NETEST_REALDATA", REPOSITORY / "../shared/realdata"))
STUDY, ADAM = REALDATA / "sdtm_oncology", REALDATA / "adam_expected"
REFERENCE = Path(__file__).with_name("fixtures") / "response" / "target_response.csv"
PROTOCOL = load_protocol()
READERS = {"": "INVESTIGATOR", "RADIOLOGIST 1": "RADIOLOGIST 1", "RADIOLOGIST 2": "RADIOLOGIST 2"}
KEY = ["USUBJID", "EVALID", "VISITNUM"]

pytestmark = pytest.mark.skipif(not STUDY.is_dir(), reason="real SDTM is not on this machine (NETEST_REALDATA)")


@cache
def full_set() -> dict[str, pd.DataFrame]:
    return read_study(STUDY, ("tu", "tr", "rs"), {name: f"{name}_onco.csv" for name in ("tu", "tr", "rs")})


@cache
def reference() -> pd.DataFrame:
    return pd.read_csv(REFERENCE).fillna({"EVALID": ""})


@cache
def recorded_sums() -> pd.DataFrame:
    """SUMDIAM as the readers recorded it, with baseline and nadir by our own rule."""
    tr = full_set()["tr"]
    sums = tr[tr["TRTESTCD"].eq("SUMDIAM")].rename(columns={"TREVALID": "EVALID", "TRSTRESN": "sum_mm"})
    sums = sums.sort_values(KEY)
    first = sums[sums["VISIT"].eq("BASELINE")].set_index(["USUBJID", "EVALID"])["sum_mm"].rename("baseline_mm")
    sums = sums[sums["VISIT"].ne("BASELINE")].join(first, on=["USUBJID", "EVALID"])
    sums = sums.assign(complete=True, cleared=sums["sum_mm"].eq(0))
    return sums.assign(nadir_mm=nadirs(sums, ["USUBJID", "EVALID"]))


@cache
def read_anew() -> pd.DataFrame:
    """Every assessment of every reader from the lesions, beside what was recorded there."""
    parts = []
    for name, reader in READERS.items():
        table = assess(lesions(full_set()["tu"], full_set()["tr"], reader=reader)[0], PROTOCOL)
        for test in ("TRGRESP", "NTRGRESP", "OVRLRESP"):
            said = responses(full_set()["rs"], reader=reader, test=test)[0]
            said = said[["patient_id", "scan_on", "visit_number", "recorded"]]
            said = said.rename(columns={"recorded": test, "visit_number": "VISITNUM"})
            table = table.merge(said, on=[name for name in said if name in table], how="outer", validate="1:1")
        parts.append(table.assign(EVALID=name, USUBJID=table["patient_id"]))
    return pd.concat(parts, ignore_index=True).merge(
        reference().drop(columns=["sum_mm", "baseline_mm", "nadir_mm"]), on=KEY, validate="1:1"
    )


def test_all_1035_target_responses_by_the_nadir_by_the_baseline_and_as_recorded() -> None:
    got = recorded_sums().assign(right=target_response(recorded_sums(), PROTOCOL))
    got["wrong"] = target_response(got, PROTOCOL, reference="baseline_mm")
    both = reference().merge(got, on=KEY, suffixes=("", "_got"), validate="1:1")
    assert len(both) == 1035
    for name in ("sum_mm", "baseline_mm", "nadir_mm"):
        assert (both[name] == both[f"{name}_got"]).all()
    assert (both["right"] == both["response_nadir_rule"]).sum() == 1035
    assert (both["wrong"] == both["response_baseline_rule"]).sum() == 1035
    assert (both["wrong"] == both["recorded"]).sum() == 1035
    differ = both[both["right"] != both["recorded"]]
    assert differ.groupby(["right", "recorded"]).size().to_dict() == {("PD", "PR"): 35, ("PD", "SD"): 63}


def test_from_the_lesions_28_differ_from_the_reference_each_by_a_rule() -> None:
    """The reference reads recorded sums in the order of visit numbers: two things that RECIST 1.1 does not do.

    Unread: a target lesion was NOT DONE, which the recorded sum counts as 0 mm. Nadir: an earlier such sum was the
    reference's nadir. Order: the visit numbered 9.3 lies nine days before the visit numbered 9.2.
    """
    table = read_anew().sort_values(["USUBJID", "EVALID", "scan_on"])
    unread = table["target"].eq("NE")
    after_unread = unread.groupby([table["USUBJID"], table["EVALID"]]).cummax() & ~unread
    numbers = table.groupby(["USUBJID", "EVALID"])["VISITNUM"]
    disordered = table["VISITNUM"] > numbers.transform(lambda seen: seen[::-1].cummin()[::-1])
    rules = {"unread": unread, "nadir": after_unread, "order": disordered & ~unread & ~after_unread}
    differ = table["target"] != table["response_nadir_rule"]
    assert {name: int((differ & rule).sum()) for name, rule in rules.items()} == {"unread": 22, "nadir": 5, "order": 1}
    assert (len(table), differ.sum()) == (1035, 28)


def test_recorded_parts_combine_to_the_recorded_overall_response_1035_times() -> None:
    table = read_anew()
    combined = overall_response(table["TRGRESP"], table["NTRGRESP"], table["new_lesion"])
    assert (combined == table["OVRLRESP"]).sum() == 1035
    assert (table["non_target"] == table["NTRGRESP"]).sum() == 1035


def test_the_overall_response_differs_only_where_the_target_response_does() -> None:
    table = read_anew()
    differ = table["overall"] != table["OVRLRESP"]
    targets = table["target"] != table["TRGRESP"]
    assert (differ & ~targets).sum() == 0
    assert table.loc[targets, "target"].value_counts().to_dict() == {"PD": 92, "NE": 22}
    assert table.loc[differ, "overall"].value_counts().to_dict() == {"PD": 47, "NE": 10}
    assert table.loc[targets & ~differ, "overall"].value_counts().to_dict() == {"PD": 57}


def test_the_accepted_reader_is_radiologist_1() -> None:
    accepted = lesions(full_set()["tu"], full_set()["tr"], reader=ACCEPTED)[0]
    pd.testing.assert_frame_equal(accepted, lesions(full_set()["tu"], full_set()["tr"], reader="RADIOLOGIST 1")[0])


@cache
def mini_set() -> dict[str, pd.DataFrame]:
    files = {name: f"{name}_onco_recist.csv" for name in ("tu", "tr", "rs")} | {"lb": "lb.csv"}
    return read_study(STUDY, ("dm", "ds", "ex", "ae", "lb", "tu", "tr", "rs"), files)


@pytest.mark.parametrize("reader", READERS.values())
def test_the_lesions_of_the_mini_set_give_what_each_reader_recorded(reader) -> None:
    derived = assess(lesions(mini_set()["tu"], mini_set()["tr"], reader=reader)[0], PROTOCOL)
    said = responses(mini_set()["rs"], reader=reader)[0]
    both = derived.merge(said, on=["patient_id", "scan_on"], suffixes=("", "_said"), how="outer", validate="1:1")
    assert (both["overall"] == both["recorded"]).tolist() == [True] * 11


@cache
def derived_records() -> tuple[pd.DataFrame, pd.DataFrame]:
    people, said = subjects(mini_set()), responses(mini_set()["rs"], reader="INVESTIGATOR")[0]
    tu = of_reader(mini_set()["tu"], "TU", "INVESTIGATOR")
    measurable = tu.loc[tu["TUSTRESC"].eq("TARGET") & tu["VISIT"].eq("SCREENING"), "USUBJID"]
    adrs = response_records(people, said, measurable, PROTOCOL)
    return adrs, time_records(people, adrs)


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells as the published CSV writes them."""

    def write(column: pd.Series) -> pd.Series:
        if pd.api.types.is_datetime64_any_dtype(column):
            return column.dt.strftime("%Y-%m-%d").fillna("")
        if pd.api.types.is_numeric_dtype(column):
            return column.map("{:g}".format, na_action="ignore").fillna("")
        return column.fillna("").astype(str)

    return frame.apply(write)


def equal_cells(got: pd.DataFrame, file: str, columns: list[str]) -> tuple[int, dict[str, int]]:
    """Records that both have, and for each column the cells that agree; both must hold the same keys."""
    key = ["USUBJID", "PARAMCD", "ASEQ"]
    expected = pd.read_csv(ADAM / file, dtype=str, keep_default_na=False)[columns]
    both = as_text(got).merge(expected, on=key, how="outer", suffixes=("", "_expected"), indicator=True)
    assert both["_merge"].eq("both").all()
    rest = [name for name in columns if name not in key]
    return len(both), {name: int((both[name] == both[f"{name}_expected"]).sum()) for name in rest}


def test_every_response_record_equals_the_published_one() -> None:
    records, cells = equal_cells(derived_records()[0], "adrs_onco.csv", ADRS_COLUMNS)
    assert records == 2075 and set(cells.values()) == {2075}


def test_every_time_record_equals_the_published_one() -> None:
    records, cells = equal_cells(derived_records()[1], "adtte_onco.csv", ADTTE_COLUMNS)
    assert records == 290 and set(cells.values()) == {290}


def test_the_comparison_can_fail() -> None:
    moved = derived_records()[0].assign(ADT=lambda t: t["ADT"] + pd.Timedelta(days=1))
    _, cells = equal_cells(moved, "adrs_onco.csv", ADRS_COLUMNS)
    assert cells["ADT"] < 2075 and cells["AVALC"] == 2075


def test_the_days_of_the_subjects_equal_the_published_ones() -> None:
    published = pd.read_csv(ADAM / "adsl.csv", dtype=str, keep_default_na=False).set_index("USUBJID")
    people = as_text(subjects(mini_set())).set_index("patient_id")
    pairs = {"randomised_on": "RANDDT", "died_on": "DTHDT", "last_alive_on": "LSTALVDT", "first_dose_on": "TRTSDT"}
    assert {
        name: int((people[name] == published[theirs].reindex(people.index)).sum()) for name, theirs in pairs.items()
    } == dict.fromkeys(pairs, 172)
