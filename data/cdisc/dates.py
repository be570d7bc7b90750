"""ISO 8601 dates that may be partial, with the rule that completes them in the open."""

from __future__ import annotations

import pandas as pd

from data.findings import Finding, Refused

PARTS = r"^(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})(?:T.*)?)?)?$"
RULES = ("first", "last", "none")


def complete_dates(text: pd.Series, *, impute: str = "none", highest: str = "day", place: str = "") -> pd.DataFrame:
    """Days out of ISO texts, completed by a stated rule where they are partial.

    Parameters
    ----------
    text : Series of str
        ``2014-02-03``, ``2014-02-03T11:45``, ``2014-02``, ``2014`` or empty. The index is the physical line.
    impute : {"first", "last", "none"}
        The day of a partial date: the first or the last that it can mean, or none (the date stays missing).
    highest : {"day", "month"}
        What may be completed: the day of a known month only, or the month as well.
    place : str
        File and column for the message, e.g. ``rs.csv column RSDTC``.

    Returns
    -------
    DataFrame
        ``on`` (datetime64[ns]) and ``flag``: empty for a full date, ``D`` or ``M`` for the highest part that was
        completed (the letters of ADaM date flags).

    Raises
    ------
    Refused
        A text that is no ISO date, or a day that is not in the calendar (``C203``).
    """
    if impute not in RULES or highest not in ("day", "month"):
        raise ValueError(f"impute {impute!r} by {highest!r}: use first, last or none, and day or month")
    parts = text.fillna("").astype("str").str.strip().str.extract(PARTS)
    no_day, no_month = parts["day"].isna(), parts["month"].isna()
    month = parts["month"].fillna("12" if impute == "last" else "01")
    on = pd.to_datetime(
        parts["year"] + "-" + month + "-" + parts["day"].fillna("01"), errors="coerce", format="%Y-%m-%d"
    )
    _refuse_impossible(text, parts["year"].isna() | on.isna(), place)
    if impute == "last":
        on = on.where(~no_day, on + pd.offsets.MonthEnd(0))
    open_parts = no_day if impute == "none" else (no_month if highest == "day" else no_month & False)
    flag = pd.Series("", index=text.index).mask(no_day, "D").mask(no_month, "M")
    return pd.DataFrame(
        {"on": on.mask(open_parts).astype("datetime64[ns]"), "flag": flag.mask(open_parts | on.isna(), "")}
    )


def _refuse_impossible(text: pd.Series, bad: pd.Series, place: str) -> None:
    given = text.fillna("").astype("str").str.strip()
    wrong = given[bad & given.ne("")]
    if len(wrong):
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise Refused(
            Finding(
                "C203",
                "reject",
                f"{wrong.iloc[0]!r} is not a date{more}",
                file=place,
                line=int(str(wrong.index[0])),
                remedy="write it as YYYY-MM-DD, or YYYY-MM when the day is unknown",
            )
        )
