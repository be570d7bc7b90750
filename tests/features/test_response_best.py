"""Best response, confirmation, objective response and clinical benefit, from literal courses."""

from __future__ import annotations

import pandas as pd
import pytest

from data.protocol import load_protocol
from features.response import best_response, clinical_benefit, objective_response

PROTOCOL = load_protocol()
ORIGIN = pd.Timestamp("2020-01-01")


def course(text: str, patient_id: str = "P") -> pd.DataFrame:
    """``"SD@30 PR@60"``: responses at days after time zero."""
    parts = [part.split("@") for part in text.split()]
    return pd.DataFrame(
        {
            "patient_id": patient_id,
            "scan_on": [ORIGIN + pd.Timedelta(days=int(day)) for _, day in parts],
            "overall": [response for response, _ in parts],
            "origin_on": ORIGIN,
        }
    )


def best(text: str, **options: object) -> str:
    """``"PR@60"``: the best response and its day."""
    row = best_response(course(text), PROTOCOL, **options).iloc[0]
    return f"{row['best']}@{(row['on'] - ORIGIN).days}"


@pytest.mark.parametrize(
    ("course_", "unconfirmed", "confirmed", "why"),
    [
        ("SD@30 SD@60", "SD@60", "SD@60", "SD lasts from time zero"),
        ("SD@41", "NE@41", "NE@41", "SD a day before the minimum"),
        ("SD@42", "SD@42", "SD@42", "SD on the very day"),
        ("SD@41 PD@60", "PD@60", "PD@60", "a short SD is not evaluable, PD is"),
        ("SD@60 PD@90 CR@120", "SD@60", "SD@60", "what follows progression does not count"),
        ("PD@30 CR@60", "PD@30", "PD@30", "not even complete response"),
        ("PR@60 PR@88", "PR@60", "PR@60", "28 days confirm"),
        ("PR@60 PR@87", "PR@60", "SD@60", "27 do not"),
        ("PR@20 PD@90", "PR@20", "PD@90", "not confirmed and too early for SD"),
        ("PR@60 CR@90 CR@120", "CR@90", "CR@90", "the better of two confirmed"),
        ("PR@60 CR@90", "CR@90", "PR@60", "CR confirms PR, nothing confirms CR"),
        ("CR@60 PR@90", "CR@60", "SD@60", "PR does not confirm CR"),
        ("PR@60 NE@74 PR@90", "PR@60", "PR@60", "one assessment not evaluable in between"),
        ("PR@60 NE@70 NE@80 PR@90", "PR@60", "SD@60", "two are too many"),
        ("PR@60 ND@70 NE@80 PR@90", "PR@60", "SD@60", "not done is no better"),
        ("PR@60 SD@74 PR@90", "PR@60", "SD@60", "SD in between"),
        ("PR@60 PR@80 PR@90", "PR@60", "PR@60", "the third confirms the first"),
        ("CR@60 NE@70 CR@90", "CR@60", "CR@60", "NE between two CR"),
        ("CR@60 PR@74 CR@102", "CR@60", "PR@74", "a CR lost in between is not confirmed"),
        ("PR@50 CR@60 PR@80", "CR@60", "SD@50", "a fall back from CR to PR confirms nothing"),
        ("PR@50 CR@78 PR@100", "CR@78", "PR@50", "CR confirms before the fall back"),
        ("NON-CR/NON-PD@41", "NE@41", "NE@41", "the minimum holds without target lesions, too"),
        ("NON-CR/NON-PD@60 CR@90", "CR@90", "SD@90", "an unconfirmed CR ranks as SD, before neither"),
        ("NE@60", "NE@60", "NE@60", ""),
        ("ND@60 NE@70", "NE@70", "NE@70", ""),
        ("ND@60", "ND@60", "ND@60", "nothing was ever done"),
        ("NED@60 PD@90", "NED@60", "NED@60", "no disease until progression"),
        ("CR@-7 SD@60", "SD@60", "SD@60", "before time zero"),
        ("CHECK@30 SD@60 iUPD@70", "SD@60", "SD@60", "words that RECIST 1.1 does not know"),
        ("PR@60 PD@60", "PD@60", "PD@60", "the worse of one day"),
        ("NE@60 SD@60", "SD@60", "SD@60", "evaluable before not evaluable"),
    ],
)
def test_best_overall_response(course_, unconfirmed, confirmed, why) -> None:
    assert (best(course_), best(course_, confirmed=True)) == (unconfirmed, confirmed), why


def test_new_therapy_ends_what_counts_its_own_day_included() -> None:
    start = pd.Series({"P": ORIGIN + pd.Timedelta(days=90)})
    assert best("SD@60 PR@91", new_therapy=start) == "SD@60"
    assert best("SD@60 PR@90", new_therapy=start) == "PR@90"
    assert best("PR@80 PR@120", confirmed=True, new_therapy=start) == "SD@80"


def test_patients_without_an_assessment_that_counts_are_missing() -> None:
    table = best_response(course("SD@60"), PROTOCOL, patients=pd.Index(["A", "P"]))
    assert table["best"].tolist() == ["MISSING", "SD"] and table["on"].isna().tolist() == [True, False]


def test_without_a_time_zero_nothing_lasted_long_enough() -> None:
    rows = course("SD@60 PR@90").drop(columns="origin_on")
    assert best_response(rows, PROTOCOL)["best"].tolist() == ["PR"]
    assert best_response(rows.iloc[:1], PROTOCOL)["best"].tolist() == ["NE"]
    assert best_response(rows.iloc[:1], PROTOCOL, origin=pd.Series({"P": ORIGIN}))["best"].tolist() == ["SD"]


@pytest.mark.parametrize(
    ("course_", "response", "confirmed", "benefit", "confirmed_benefit"),
    [
        ("SD@30 PR@40 PR@70", 40, 40, 40, 40),
        ("SD@30 PR@40 PD@70", 40, None, 40, None),
        ("SD@30 SD@60", None, None, 60, 60),
        ("NON-CR/NON-PD@60", None, None, 60, 60),
        ("NED@60", None, None, None, None),
        ("NE@60 PD@70 CR@80", None, None, None, None),
        ("PR@20 SD@50", 20, None, 20, 50),
    ],
)
def test_objective_response_and_disease_control(course_, response, confirmed, benefit, confirmed_benefit) -> None:
    def day(table: pd.DataFrame) -> int | None:
        row = table.iloc[0]
        assert row.iloc[1] == pd.notna(row["on"])
        return (row["on"] - ORIGIN).days if row.iloc[1] else None

    rows = course(course_)
    assert day(objective_response(rows, PROTOCOL)) == response
    assert day(objective_response(rows, PROTOCOL, confirmed=True)) == confirmed
    assert day(clinical_benefit(rows, PROTOCOL)) == benefit
    assert day(clinical_benefit(rows, PROTOCOL, confirmed=True)) == confirmed_benefit


def test_confirmation_never_reaches_into_another_patient() -> None:
    rows = pd.concat([course("PR@60", "A"), course("PR@100", "B")], ignore_index=True)
    assert best_response(rows, PROTOCOL, confirmed=True)["best"].tolist() == ["SD", "SD"]


def test_every_row_of_a_table_in_any_order() -> None:
    rows = pd.concat([course("SD@60 PR@90 CR@120", "A"), course("NE@50", "B")], ignore_index=True)
    table = best_response(rows.iloc[::-1], PROTOCOL, confirmed=True)
    assert table[["patient_id", "best", "row"]].values.tolist() == [["A", "PR", 1], ["B", "NE", 3]]
