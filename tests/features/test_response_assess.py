"""Assessments of measured disease: whole tables of lesions in, whole tables of responses out."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from data.protocol import load_protocol
from features.response import assess, check_targets

PROTOCOL = load_protocol()


def rows(text: str) -> pd.DataFrame:
    """Lesions of one patient as a table for people: ``day lesion role organ node mm state``."""
    table = pd.read_csv(
        io.StringIO(text.strip()),
        sep=r"\s+",
        names=["day", "lesion", "role", "organ", "node", "diameter_mm", "state"],
        na_values=["-"],
    )
    day = pd.to_timedelta(table.pop("day"), unit="D")
    return table.assign(patient_id="P", scan_on=pd.Timestamp("2020-01-01") + day)


def told(lesions: pd.DataFrame, columns: str, **options: object) -> list[tuple]:
    return list(assess(lesions, PROTOCOL, **options)[columns.split()].itertuples(index=False, name=None))


def course(*sums: float | None) -> pd.DataFrame:
    """One liver lesion, followed every 60 days; None is a lesion that was not read."""
    lines = [f"{60 * i} T1 target liver no {mm if mm is not None else '- not_evaluable'}" for i, mm in enumerate(sums)]
    return rows("\n".join(line if line.endswith("evaluable") else line + " measured" for line in lines))


@pytest.mark.parametrize(
    ("sums", "responses"),
    [
        ((10, 13), ["SD"]),
        ((20, 25), ["PD"]),
        ((24, 28.8), ["SD"]),
        ((25, 30), ["PD"]),
        ((50, 35), ["PR"]),
        ((50, 0, 2), ["CR", "PD"]),
        ((60, 30, 36), ["PR", "PD"]),
        ((60, 30, 34), ["PR", "PR"]),
        ((60, 80, 60), ["PD", "SD"]),
        ((60, None, 40), ["NE", "PR"]),
    ],
)
def test_one_lesion_against_baseline_and_nadir(sums, responses) -> None:
    assert assess(course(*sums), PROTOCOL)["overall"].tolist() == responses


def test_a_whole_course_in_numbers() -> None:
    lesions = rows("""
        0   T1 target     liver no 30 measured
        0   T2 target     node  yes 20 measured
        0   N1 non_target lung  no  -  present
        60  T1 target     liver no 18 measured
        60  T2 target     node  yes 12 measured
        60  N1 non_target lung  no  -  present
        120 T1 target     liver no  -  absent
        120 T2 target     node  yes 9  measured
        120 N1 non_target lung  no  -  present
        180 T1 target     liver no  -  absent
        180 T2 target     node  yes 9  measured
        180 N1 non_target lung  no  -  absent
        240 T1 target     liver no  -  absent
        240 T2 target     node  yes 9.5 measured
        240 N1 non_target lung  no  -  present
    """)
    columns = "sum_mm baseline_mm nadir_mm change_from_baseline change_from_nadir target non_target overall reason"
    assert told(lesions, columns) == [
        (30.0, 50.0, 50.0, -40.0, -40.0, "PR", "NON-CR/NON-PD", "PR", ""),
        (9.0, 50.0, 30.0, pytest.approx(-82), pytest.approx(-70), "CR", "NON-CR/NON-PD", "PR", ""),
        (9.0, 50.0, 9.0, pytest.approx(-82), 0.0, "CR", "CR", "CR", ""),
        (9.5, 50.0, 9.0, pytest.approx(-81), pytest.approx(100 / 18), "CR", "NON-CR/NON-PD", "PD", "reappearance"),
    ]


def test_too_small_to_measure_counts_five_millimetres_unless_measured() -> None:
    lesions = rows("""
        0  T1 target liver no 20 measured
        60 T1 target liver no -  too_small
        90 T1 target liver no 3  too_small
        120 T1 target liver no 0 measured
    """)
    assert told(lesions, "sum_mm overall") == [(5.0, "PR"), (3.0, "PR"), (0.0, "CR")]


@pytest.mark.parametrize(("axis", "response"), [(9.999, "CR"), (10, "PR"), (0, "CR")])
def test_a_node_is_normal_below_ten_millimetres_short_axis(axis, response) -> None:
    lesions = rows(f"0 T1 target axilla yes 20 measured\n60 T1 target axilla yes {axis} measured")
    assert told(lesions, "sum_mm overall") == [(axis, response)]


def test_a_node_that_was_complete_progresses_by_the_sum_only() -> None:
    grown = "0 T1 target n yes 20 measured\n60 T1 target n yes 8 measured\n120 T1 target n yes {} measured"
    assert told(rows(grown.format(11)), "overall") == [("CR",), ("PR",)]
    assert told(rows(grown.format(13)), "overall reason") == [("CR", ""), ("PD", "target")]


def test_a_missing_lesion_is_not_evaluable_unless_the_others_progressed_and_never_lowers_the_nadir() -> None:
    lesions = rows("""
        0   T1 target liver no 20 measured
        0   T2 target liver no 20 measured
        60  T1 target liver no 10 measured
        120 T1 target liver no 22 measured
        120 T2 target liver no 22 measured
        180 T1 target liver no 48 measured
        180 T2 target liver no -  not_evaluable
    """)
    columns = "sum_mm nadir_mm target overall"
    assert told(lesions, columns) == [
        (10.0, 40.0, "NE", "NE"),
        (44.0, 40.0, "SD", "SD"),
        (48.0, 40.0, "PD", "PD"),
    ]


def test_new_lesions_unequivocal_equivocal_and_gone() -> None:
    lesions = rows("""
        0   T1 target liver no 20 measured
        60  T1 target liver no 20 measured
        60  X1 new    bone  no -  equivocal
        120 T1 target liver no 20 measured
        120 X1 new    bone  no -  absent
        180 T1 target liver no 10 measured
        180 X1 new    bone  no -  present
        240 X2 new    bone  no 8  measured
    """)
    assert told(lesions, "new_lesion equivocal overall reason") == [
        (False, True, "SD", ""),
        (False, False, "SD", ""),
        (True, False, "PD", "new lesion"),
        (True, False, "PD", "new lesion"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "response"),
    [
        ("absent", "absent", "CR"),
        ("absent", "present", "NON-CR/NON-PD"),
        ("present", "progressed", "PD"),
        ("not_evaluable", "present", "NE"),
        ("not_evaluable", "progressed", "PD"),
        ("equivocal", "absent", "NON-CR/NON-PD"),
    ],
)
def test_non_target_lesions_alone(first, second, response) -> None:
    lesions = rows(f"""
        0  N1 non_target lung no - present
        0  N2 non_target bone no - present
        60 N1 non_target lung no - {first}
        60 N2 non_target bone no - {second}
    """)
    assert told(lesions, "target non_target overall") == [("", response, response)]


def test_a_non_target_node_is_clear_below_ten_millimetres() -> None:
    lesions = rows("0 N1 non_target n yes 12 measured\n60 N1 non_target n yes 9 measured")
    assert told(lesions, "non_target overall") == [("CR", "CR")]


def test_without_any_lesion_a_new_one_is_progression_and_nothing_is_no_disease() -> None:
    lesions = rows("""
        0  X0 new liver no - absent
        60 X0 new liver no - absent
        90 X1 new liver no 12 measured
    """)
    assert told(lesions, "target non_target overall") == [("", "", "NED"), ("", "", "PD")]


def test_the_baseline_is_the_last_assessment_not_after_the_origin() -> None:
    lesions = course(40, 50, 30)
    origin = pd.Series({"P": pd.Timestamp("2020-03-10")})
    assert told(lesions, "baseline_mm sum_mm overall") == [(40.0, 50.0, "PD"), (40.0, 30.0, "SD")]
    assert told(lesions, "baseline_mm sum_mm overall", origin=origin) == [(50.0, 30.0, "PR")]
    on_the_day = pd.Series({"P": pd.Timestamp("2020-03-01")})
    assert told(lesions, "baseline_mm sum_mm overall", origin=on_the_day) == [(50.0, 30.0, "PR")]
    assert assess(lesions, PROTOCOL, origin)["origin_on"].tolist() == [pd.Timestamp("2020-03-10")]


def test_an_unmeasured_baseline_leaves_the_targets_not_evaluable_but_new_lesions_count() -> None:
    lesions = rows("""
        0  T1 target liver no - not_evaluable
        60 T1 target liver no 20 measured
        90 T1 target liver no 20 measured
        90 X1 new    liver no 20 measured
    """)
    assert told(lesions, "overall") == [("NE",), ("PD",)]


def test_patients_do_not_touch_each_other() -> None:
    one, two = course(50, 0), course(50, 30).assign(patient_id="Q")
    both = pd.concat([two, one], ignore_index=True)
    table = assess(both, PROTOCOL)
    assert table[["patient_id", "overall", "nadir_mm"]].values.tolist() == [["P", "CR", 50.0], ["Q", "PR", 50.0]]


def test_the_choice_of_target_lesions_is_checked() -> None:
    lesions = rows("""
        0  T1 target liver no 30 measured
        0  T2 target liver no 30 measured
        0  T3 target liver no 30 measured
        0  T4 target lung  no 9  measured
        0  T5 target neck  yes 15 measured
        0  T6 target groin yes 14.9 measured
        60 T7 target bone  no 30 measured
    """)
    assert [str(finding) for finding in check_targets(lesions, PROTOCOL)] == [
        "[C301] patient P: 6 target lesions at baseline -> follow at most 5",
        "[C302] patient P: 3 target lesions in liver -> follow at most 2 in one organ",
        "[C303] patient P: target lesion T4 measures 9 mm at baseline -> below 10 mm it is a non-target lesion",
        "[C303] patient P: target lesion T6 measures 14.9 mm at baseline -> below 15 mm it is a non-target lesion",
        "[C304] patient P: target lesion T7 on 2020-03-01 is not in the baseline and is not followed "
        "-> add it to the baseline, or send it as a new lesion",
    ]


def test_three_nodes_in_three_places_are_three_in_one_organ() -> None:
    lesions = rows("\n".join(f"0 T{i} target place{i} yes 20 measured" for i in range(3)))
    assert [finding.code for finding in check_targets(lesions, PROTOCOL)] == ["C302"]
    assert "3 target lesions in lymph nodes" in str(check_targets(lesions, PROTOCOL)[0])


def test_a_baseline_alone_and_no_lesions_at_all_give_an_empty_table() -> None:
    assert assess(course(20), PROTOCOL).empty
    table = assess(course(20).iloc[:0], PROTOCOL)
    assert table.empty and list(table)[:2] == ["patient_id", "scan_on"] and check_targets(course(20), PROTOCOL) == []


def test_two_readings_of_a_lesion_on_one_day_are_never_added_up() -> None:
    two_readers = pd.concat([course(20, 10), course(22, 12)], ignore_index=True)
    with pytest.raises(ValueError, match="patient P: lesion T1 is there twice on 2020-01-01; assess one reader"):
        assess(two_readers, PROTOCOL)


def test_a_lesion_without_a_day_belongs_to_no_assessment() -> None:
    undated = course(20, 10).assign(scan_on=lambda table: table["scan_on"].where(table.index < 1))
    with pytest.raises(ValueError, match="patient P: lesion T1 has no day; give scan_on"):
        assess(undated, PROTOCOL)
