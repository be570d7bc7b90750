"""Which assessments count, and which responses a later assessment confirms."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from features.response.rules import (
    COMPLETE,
    NEITHER,
    NO_DISEASE,
    NOT_DONE,
    NOT_EVALUABLE,
    PARTIAL,
    PROGRESSION,
    STABLE,
)

WORST_LAST = (NOT_DONE, NOT_EVALUABLE, COMPLETE, NO_DISEASE, PARTIAL, STABLE, NEITHER, PROGRESSION)
"""Of several responses on one day the last in this order counts."""


def countable(assessments: pd.DataFrame, origin: pd.Series | None = None) -> pd.DataFrame:
    """Assessments that count: a known response, not before time zero, one for each patient and day.

    Parameters
    ----------
    assessments : DataFrame
        ``patient_id, scan_on, overall``; other columns are kept. A response that RECIST 1.1 does not know (``CHECK``,
        ``iUPD``) is no response and does not count.
    origin : Series of datetime, optional
        Time zero by patient; else the column ``origin_on`` where there is one, else nothing is too early.

    Returns
    -------
    DataFrame
        In order of patient and day, with ``origin_on``. Of several responses on one day the worst counts, evaluable
        before not evaluable.
    """
    start = pd.Series(pd.NaT, index=assessments.index, dtype="datetime64[ns]")
    if origin is not None:
        start = pd.to_datetime(assessments["patient_id"].map(origin))
    elif "origin_on" in assessments:
        start = assessments["origin_on"]
    rank = assessments["overall"].map({value: rank for rank, value in enumerate(WORST_LAST)})
    rows = assessments.assign(origin_on=start, _rank=rank)
    early = rows["scan_on"] < rows["origin_on"]
    rows = rows[rows["_rank"].notna() & rows["scan_on"].notna() & ~early]
    rows = rows.sort_values(["patient_id", "scan_on", "_rank"], kind="stable")
    return rows.drop_duplicates(["patient_id", "scan_on"], keep="last").drop(columns="_rank").reset_index(drop=True)


def until_progression(rows: pd.DataFrame, new_therapy: pd.Series | None = None) -> pd.DataFrame:
    """Assessments up to the first progression, and up to the start of a new therapy (its day included).

    Parameters
    ----------
    rows : DataFrame
        From :func:`countable`.
    new_therapy : Series of datetime, optional
        First day of a new anticancer therapy by patient.
    """
    progressed = rows["overall"].eq(PROGRESSION).astype("int64")
    before = progressed.groupby(rows["patient_id"], sort=False).cumsum() - progressed
    keep = before.eq(0)
    if new_therapy is not None:
        keep &= ~(rows["scan_on"] > pd.to_datetime(rows["patient_id"].map(new_therapy)))
    return rows[keep].reset_index(drop=True)


def confirmed(rows: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Whether a complete or partial response is confirmed by a later assessment.

    A complete response needs another one, a partial response a partial or complete one, at least
    ``response.confirmation_days`` later. In between nothing but such responses and at most
    ``response.confirmation_not_evaluable_max`` assessments that were not evaluable or not done; and no fall back from
    complete to partial. Source: RECIST 1.1; the rule for what lies between is the one of published ADaM derivations.

    Parameters
    ----------
    rows : DataFrame
        From :func:`until_progression`: ordered by patient and day.

    Returns
    -------
    Series of bool
        Aligned with ``rows``.
    """
    steps = _steps(rows)
    pairs = steps.merge(steps, on="patient_id", suffixes=("", "_later"))
    apart = (pairs["scan_on_later"] - pairs["scan_on"]).dt.days
    pairs = pairs[apart >= int(protocol["response.confirmation_days"])]
    most = int(protocol["response.confirmation_not_evaluable_max"])
    few_unread = pairs["unread_later"] - pairs["unread"] <= most
    complete = (
        pairs["overall"].eq(COMPLETE)
        & pairs["overall_later"].eq(COMPLETE)
        & (pairs["not_complete_later"] == pairs["not_complete"])
    )
    partial = (
        pairs["overall"].eq(PARTIAL)
        & pairs["overall_later"].isin([COMPLETE, PARTIAL])
        & (pairs["not_response_later"] == pairs["not_response"])
        & (pairs["fallen_back_later"] == pairs["fallen_back"])
    )
    rows_confirmed = pairs.loc[few_unread & (complete | partial), "row"]
    return rows.index.to_series().isin(rows_confirmed)


def _steps(rows: pd.DataFrame) -> pd.DataFrame:
    """Running counts along each patient, so that what lies between two assessments is a difference."""
    overall = rows["overall"]
    unread = overall.isin([NOT_EVALUABLE, NOT_DONE])
    response = overall.where(~unread).groupby(rows["patient_id"], sort=False).ffill()
    before = response.groupby(rows["patient_id"], sort=False).shift()
    flags = pd.DataFrame(
        {
            "unread": unread,
            "not_complete": ~(unread | overall.eq(COMPLETE)),
            "not_response": ~(unread | overall.isin([COMPLETE, PARTIAL])),
            "fallen_back": overall.eq(PARTIAL) & before.eq(COMPLETE),
        }
    )
    counts = flags.astype("int64").groupby(rows["patient_id"], sort=False).cumsum()
    return rows[["patient_id", "scan_on", "overall"]].assign(row=rows.index, **counts)


def is_stable(rows: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Whether disease was controlled for long enough: a response, stable or neither, at the minimum or later.

    The minimum, ``response.stable_minimum_days``, counts from ``origin_on``; without a time zero nothing is long
    enough. Source: RECIST 1.1.
    """
    long = (rows["scan_on"] - rows["origin_on"]).dt.days >= int(protocol["response.stable_minimum_days"])
    return long & rows["overall"].isin([COMPLETE, PARTIAL, STABLE, NEITHER])
