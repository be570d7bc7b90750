"""The course of measured disease in time: last assessment, progression-free survival, duration of response."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.response.best import objective_response
from features.response.confirmation import countable
from features.response.rules import NOT_DONE, NOT_EVALUABLE, PROGRESSION

PROGRESSED, DIED, LAST, START = "progression", "death", "last assessment", "no assessment"


def first_progression(assessments: pd.DataFrame, origin: pd.Series | None = None) -> pd.DataFrame:
    """First progression of each patient that has one: ``patient_id, on, row``."""
    rows = countable(assessments.assign(row=assessments.index), origin)
    rows = rows[rows["overall"].eq(PROGRESSION)].drop_duplicates("patient_id")
    return rows[["patient_id", "scan_on", "row"]].rename(columns={"scan_on": "on"}).reset_index(drop=True)


def last_assessment(
    assessments: pd.DataFrame,
    *,
    origin: pd.Series | None = None,
    evaluable: bool = True,
    new_therapy: pd.Series | None = None,
) -> pd.DataFrame:
    """Last assessment that counts: ``patient_id, on, overall, row``.

    Parameters
    ----------
    assessments : DataFrame
        As in :func:`~features.response.best.best_response`.
    evaluable : bool
        Whether NE and ND are passed over. They say nothing of the disease, so they may not end follow-up (FDA, L55:
        censoring at the last adequate assessment).
    new_therapy : Series of datetime, optional
        Later assessments are passed over.
    """
    rows = countable(assessments.assign(row=assessments.index), origin)
    if evaluable:
        rows = rows[~rows["overall"].isin([NOT_EVALUABLE, NOT_DONE])]
    if new_therapy is not None:
        rows = rows[~(rows["scan_on"] > pd.to_datetime(rows["patient_id"].map(new_therapy)))]
    rows = rows.drop_duplicates("patient_id", keep="last")
    return rows[["patient_id", "scan_on", "overall", "row"]].rename(columns={"scan_on": "on"}).reset_index(drop=True)


def progression_free_survival(
    assessments: pd.DataFrame,
    *,
    origin: pd.Series,
    died_on: pd.Series | None = None,
    new_therapy: pd.Series | None = None,
    evaluable: bool = True,
) -> pd.DataFrame:
    """Progression-free survival: progression or death, else censored at the last assessment that counts.

    Parameters
    ----------
    assessments : DataFrame
        ``patient_id, scan_on, overall``.
    origin : Series of datetime
        Time zero of every patient to report on.
    died_on : Series of datetime, optional
        Day of death by patient.
    new_therapy : Series of datetime, optional
        A patient who starts a new anticancer therapy before the event is censored at the last assessment before it.
    evaluable : bool
        See :func:`last_assessment`.

    Returns
    -------
    DataFrame
        ``patient_id, start_on, on, days, event, reason``, one row for each patient of ``origin``; ``days`` = ``on`` -
        ``start_on`` + 1. Without any assessment the patient is censored on day 1 (FDA, L55).
    """
    start = origin.rename_axis("patient_id").rename("start_on").dropna()
    progressed = _days(first_progression(assessments, origin), start)
    last = _days(last_assessment(assessments, origin=origin, evaluable=evaluable, new_therapy=new_therapy), start)
    return event_or_last(start, progressed, died_on, last, new_therapy)


def _days(table: pd.DataFrame, start: pd.Series) -> pd.Series:
    return table.set_index("patient_id")["on"].reindex(start.index)


def event_or_last(
    start: pd.Series,
    progressed: pd.Series,
    died_on: pd.Series | None,
    last: pd.Series,
    new_therapy: pd.Series | None = None,
) -> pd.DataFrame:
    """The earlier of progression and death, else the later of the last assessment and the start.

    All Series hold days by ``patient_id``; those after ``start`` are reindexed to it. Progression wins a tie.
    """
    died = pd.Series(pd.NaT, index=start.index) if died_on is None else died_on.reindex(start.index)
    died = pd.to_datetime(died)
    if new_therapy is not None:
        cut = pd.to_datetime(new_therapy.reindex(start.index))
        progressed, died = progressed.mask(progressed > cut), died.mask(died > cut)
    event_on = pd.concat([progressed, died], axis=1).min(axis=1)
    event = event_on.notna()
    seen = last.notna() & (last > start)
    on = event_on.where(event, last.where(seen, start))
    reason = np.select(
        [event & progressed.eq(event_on), event, last.notna() & (last >= start)], [PROGRESSED, DIED, LAST], START
    )
    table = pd.DataFrame({"start_on": start, "on": on, "days": (on - start).dt.days + 1})
    return table.assign(event=event.astype("int64"), reason=reason).reset_index()


def duration_of_response(
    assessments: pd.DataFrame,
    protocol: Protocol,
    *,
    origin: pd.Series | None = None,
    died_on: pd.Series | None = None,
    new_therapy: pd.Series | None = None,
    confirmed: bool = False,
    evaluable: bool = True,
) -> pd.DataFrame:
    """Duration of response of the responders: from the first CR or PR to progression or death, else censored.

    Returns
    -------
    DataFrame
        As :func:`progression_free_survival`, from the response on; patients without a response have no row. Source:
        RECIST 1.1.
    """
    response = objective_response(assessments, protocol, confirmed=confirmed, new_therapy=new_therapy, origin=origin)
    start = response[response["response"]].set_index("patient_id")["on"].rename("start_on")
    progressed = _days(first_progression(assessments, origin), start)
    last = _days(last_assessment(assessments, origin=origin, evaluable=evaluable, new_therapy=new_therapy), start)
    return event_or_last(start, progressed, died_on, last, new_therapy)
