"""Registration of predictions: frozen at the landmark with a digest and a time, refused when they come too late."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.findings import Finding, Refused
from features.landmark import frame_digest

TOO_LATE, TWICE, NO_PROBABILITY, ALTERED, NO_LABEL = "M201", "M202", "M203", "M204", "M205"
KEY = ["specification", "patient_id"]
CONTENT = [*KEY, "arm", "probability", "frozen_at", "landmark_closes_on", "horizon_closes_on"]
TIMES = ("frozen_at", "landmark_closes_on", "horizon_closes_on")
ONE_DAY = pd.Timedelta(days=1)


def prediction_digest(predictions: pd.DataFrame) -> str:
    """SHA-256 of predictions and of the time at which each was frozen.

    Parameters
    ----------
    predictions : DataFrame
        Columns ``CONTENT``; the order of rows does not count.

    Returns
    -------
    str
        64 hexadecimal digits. Any other probability, time, patient or specification gives another.
    """
    rows = predictions[CONTENT].sort_values(KEY, kind="stable").reset_index(drop=True)
    times = {name: rows[name].astype("datetime64[ns]") for name in TIMES}
    words = {name: rows[name].astype(object) for name in (*KEY, "arm")}
    return frame_digest(rows.assign(probability=rows["probability"].astype("float64"), **times, **words))


def freeze(predictions: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Predictions fit to be judged later, and the digest that proves them.

    Parameters
    ----------
    predictions : DataFrame
        One row per specification and patient: ``specification`` (model and refit policy), ``patient_id``, ``arm``,
        ``probability`` of the event by the horizon, ``frozen_at`` (time), ``landmark_closes_on`` (day of L(s)) and
        ``horizon_closes_on`` (day of H(tau), from surgery for everyone).

    Returns
    -------
    DataFrame, str
        The rows sorted by specification and patient, and :func:`prediction_digest` of them.

    Raises
    ------
    Refused
        M201 frozen after the day on which L(s) closed, or a time is missing; M202 a patient twice for one
        specification; M203 a probability that is missing or outside [0, 1].
    """
    check_frozen(predictions)
    rows = predictions[CONTENT].sort_values(KEY, kind="stable").reset_index(drop=True)
    return rows, prediction_digest(rows)


def check_frozen(predictions: pd.DataFrame) -> None:
    """Refuse what :func:`freeze` refuses."""
    frozen, closes = predictions["frozen_at"], predictions["landmark_closes_on"]
    # Not "after": a missing time is refused with the late ones.
    late = ~(frozen < closes + ONE_DAY) | ~(predictions["horizon_closes_on"] > closes)
    if late.any():
        row = predictions[late.to_numpy()].iloc[0]
        raise refused(
            TOO_LATE,
            f"the prediction of {row.specification} for patient {row.patient_id} was frozen {_day(row.frozen_at)}, "
            f"its landmark closed {_day(row.landmark_closes_on)} and its horizon {_day(row.horizon_closes_on)}",
            "freeze every prediction on or before the day its landmark closes; a late one never counts",
        )
    twice = predictions.duplicated(KEY)
    if twice.any():
        row = predictions[twice.to_numpy()].iloc[0]
        raise refused(
            TWICE,
            f"{row.specification} has more than one prediction for patient {row.patient_id}",
            "keep the one that was frozen first; a patient counts once",
        )
    chance = predictions["probability"].to_numpy(dtype=float)
    wrong = ~((chance >= 0) & (chance <= 1))
    if wrong.any():
        row = predictions[wrong].iloc[0]
        raise refused(
            NO_PROBABILITY,
            f"{row.specification} gives patient {row.patient_id} the probability {row.probability}",
            "leave patients without a call out, for every specification alike",
        )


def check_unaltered(predictions: pd.DataFrame, digest: str) -> None:
    """Refuse predictions that are not those that were frozen.

    Raises
    ------
    Refused
        M204.
    """
    found = prediction_digest(predictions)
    if found != digest:
        raise refused(
            ALTERED,
            f"the frozen predictions have the digest {found[:12]}, registered was {digest[:12]}",
            "judge the predictions that were registered; changed ones are a new specification",
        )


def refused(code: str, message: str, remedy: str) -> Refused:
    return Refused(Finding(code, "reject", message, remedy=remedy))


def _day(value: object) -> str:
    day = pd.Timestamp(value)  # type: ignore[arg-type]
    return "at no known time" if day is pd.NaT or np.isnat(day.to_datetime64()) else f"on {day.date()}"
