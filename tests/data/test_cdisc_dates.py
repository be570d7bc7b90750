"""Partial ISO dates, completed by a rule that the caller states."""

from __future__ import annotations

import pandas as pd
import pytest

from data.cdisc import complete_dates
from data.findings import Refused


@pytest.mark.parametrize(
    ("text", "rule", "highest", "day", "flag"),
    [
        ("2014-02-03", "last", "day", "2014-02-03", ""),
        ("2014-07-02T11:45", "none", "day", "2014-07-02", ""),
        ("2014-02", "last", "day", "2014-02-28", "D"),
        ("2012-02", "last", "day", "2012-02-29", "D"),
        ("2014-02", "first", "day", "2014-02-01", "D"),
        ("2014-02", "none", "day", None, ""),
        ("2014", "last", "day", None, ""),
        ("2014", "last", "month", "2014-12-31", "M"),
        ("2014", "first", "month", "2014-01-01", "M"),
        ("", "last", "month", None, ""),
        (None, "last", "month", None, ""),
    ],
)
def test_complete_dates(text, rule, highest, day, flag) -> None:
    table = complete_dates(pd.Series([text], dtype=object), impute=rule, highest=highest)
    assert table["on"].tolist() == [pd.NaT if day is None else pd.Timestamp(day)] or pd.isna(table["on"][0])
    assert (table["on"].isna()[0], table["flag"][0]) == (day is None, flag)


@pytest.mark.parametrize("text", ["2014-02-30", "2014-13", "14-02-03", "03/02/2014", "UNKNOWN", "2014-00"])
def test_what_is_no_date_is_refused_with_its_line(text) -> None:
    with pytest.raises(Refused) as refused:
        complete_dates(pd.Series(["2014-01-01", text], index=[2, 3]), impute="last", place="rs.csv column RSDTC")
    assert str(refused.value) == (
        f"[C203] rs.csv column RSDTC line 3: {text!r} is not a date "
        "-> write it as YYYY-MM-DD, or YYYY-MM when the day is unknown"
    )


def test_an_unknown_rule_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="use first, last or none"):
        complete_dates(pd.Series(["2014-01"]), impute="middle")
