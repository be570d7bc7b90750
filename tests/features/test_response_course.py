"""Times of measured disease: progression-free survival, duration of response, last assessment."""

from __future__ import annotations

import pandas as pd
import pytest

from data.protocol import load_protocol
from features.response import duration_of_response, first_progression, last_assessment, progression_free_survival

PROTOCOL = load_protocol()
ORIGIN = pd.Timestamp("2020-01-01")


def course(text: str) -> pd.DataFrame:
    parts = [part.split("@") for part in text.split()]
    days = [ORIGIN + pd.Timedelta(days=int(day)) for _, day in parts]
    return pd.DataFrame({"patient_id": "P", "scan_on": pd.to_datetime(days), "overall": [word for word, _ in parts]})


def on(day: int | None) -> pd.Series | None:
    return None if day is None else pd.Series({"P": ORIGIN + pd.Timedelta(days=day)})


@pytest.mark.parametrize(
    ("course_", "died", "therapy", "days", "event", "reason"),
    [
        ("SD@60 PD@90 PD@120", None, None, 91, 1, "progression"),
        ("SD@60", 100, None, 101, 1, "death"),
        ("SD@60 PD@90", 90, None, 91, 1, "progression"),
        ("SD@60 SD@120", None, None, 121, 0, "last assessment"),
        ("SD@60 NE@120", None, None, 61, 0, "last assessment"),
        ("", None, None, 1, 0, "no assessment"),
        ("NE@60", None, None, 1, 0, "no assessment"),
        ("", 30, None, 31, 1, "death"),
        ("PD@-10 SD@60", None, None, 61, 0, "last assessment"),
        ("SD@60 PD@120", None, 90, 61, 0, "last assessment"),
        ("SD@60 PD@90", None, 90, 91, 1, "progression"),
        ("SD@60", 120, 90, 61, 0, "last assessment"),
        ("SD@60 CHECK@90", None, None, 61, 0, "last assessment"),
    ],
)
def test_progression_free_survival(course_, died, therapy, days, event, reason) -> None:
    table = progression_free_survival(course(course_), origin=on(0), died_on=on(died), new_therapy=on(therapy))
    assert table[["days", "event", "reason"]].values.tolist() == [[days, event, reason]]
    assert (table["on"] - table["start_on"]).dt.days.tolist() == [days - 1]


def test_an_assessment_that_is_not_evaluable_ends_follow_up_only_when_asked() -> None:
    table = progression_free_survival(course("SD@60 NE@120"), origin=on(0), evaluable=False)
    assert table["days"].tolist() == [121]
    assert last_assessment(course("SD@60 NE@120"))["overall"].tolist() == ["SD"]
    assert last_assessment(course("SD@60 NE@120"), evaluable=False)["overall"].tolist() == ["NE"]
    assert last_assessment(course("SD@60 SD@120"), new_therapy=on(60))["on"].tolist() == [on(60)["P"]]


@pytest.mark.parametrize(
    ("course_", "died", "confirmed", "expected"),
    [
        ("PR@60 PR@90 PD@120", None, False, [[61, 1, "progression"]]),
        ("PR@60 CR@90", None, False, [[31, 0, "last assessment"]]),
        ("PR@60", None, False, [[1, 0, "last assessment"]]),
        ("PR@60", None, True, []),
        ("SD@60", None, False, []),
        ("SD@60 PD@90 CR@120", None, False, []),
        ("CR@60", 200, False, [[141, 1, "death"]]),
    ],
)
def test_duration_of_response_starts_with_the_response(course_, died, confirmed, expected) -> None:
    table = duration_of_response(course(course_), PROTOCOL, origin=on(0), died_on=on(died), confirmed=confirmed)
    assert table[["days", "event", "reason"]].values.tolist() == expected


def test_the_first_progression_names_its_row() -> None:
    table = first_progression(course("PD@-5 SD@60 PD@120 PD@90"), on(0))
    assert table[["on", "row"]].values.tolist() == [[on(90)["P"], 3]]
