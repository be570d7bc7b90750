"""Whether blood and urine say the same: calls of urine, and pairs of one visit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.kinetics.rules import MarkerRules, calls, marker_rules

STATES = ("both_negative", "blood_only", "urine_only", "both_positive")


def urine_rules(protocol: Protocol) -> MarkerRules:
    """Rules of 5-HIAA per creatinine with its cut-off ``urine.hiaa_cutoff``; above it is positive (domain 2.6)."""
    return marker_rules("hiaa_creatinine", protocol, cutoff=float(protocol["urine.hiaa_cutoff"]))


def urine_calls(ratios: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Each valid ratio as 1 positive, 0 negative or NaN unknown.

    A ratio below the limit of the assay is negative when that limit does not exceed the cut-off, else unknown; one
    above the limit is positive when that limit exceeds the cut-off, else unknown.

    Parameters
    ----------
    ratios : DataFrame
        From :func:`features.urine.hiaa_per_creatinine`, or rows of it by another index.
    """
    value = ratios["ratio"].to_numpy(dtype="float64")
    below, above = (ratios[name].eq(True).to_numpy(dtype=bool) for name in ("censored", "above"))
    return pd.Series(calls(value, below, urine_rules(protocol), above), index=ratios.index)


def agreement_state(blood: np.ndarray, urine: np.ndarray) -> np.ndarray:
    """Both calls as one of :data:`STATES`; None where one of them is unknown.

    Parameters
    ----------
    blood, urine : ndarray of float
        1 positive, 0 negative, NaN unknown; aligned.
    """
    known = ~np.isnan(blood) & ~np.isnan(urine)
    number = np.where(known, (blood == 1) + 2 * (urine == 1), len(STATES))
    return np.array([*STATES, None], dtype=object)[number]


def blood_urine_pairs(blood: pd.DataFrame, urine: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Blood and urine results of one visit.

    A blood and a urine result of a patient are a pair when each is the nearest of the other specimen to the other, at
    most ``tolerance`` days apart, on the same side of the operation; of two equally near the earlier counts. Nothing
    is paired twice, and no later record changes a pair that is not later itself.

    Parameters
    ----------
    blood, urine : DataFrame
        ``patient_id, since_surgery`` (whole days)``, collected_on, call`` (1, 0; rows with an unknown call are left
        out), sorted by patient and day, at most one a day.
    tolerance : float
        Days.

    Returns
    -------
    DataFrame
        One row per pair, by patient and day: ``patient_id, same`` (1 when the calls agree, else 0)``, days`` (urine
        after blood)``, collected_on`` (the later of the two).
    """
    blood, urine = (rows[rows["call"].notna().to_numpy()] for rows in (blood, urine))
    one, two = _places(blood, urine, tolerance)
    to_urine, to_blood = _nearest(one, two, tolerance), _nearest(two, one, tolerance)
    own = np.flatnonzero(to_urine >= 0)
    own = own[to_blood[to_urine[own]] == own]

    def pair(name: str) -> tuple[np.ndarray, np.ndarray]:
        return blood[name].to_numpy()[own], urine[name].to_numpy()[to_urine[own]]

    (first, second), day, date = pair("call"), pair("since_surgery"), pair("collected_on")
    return pd.DataFrame(
        {
            "patient_id": blood["patient_id"].to_numpy()[own],
            "same": (first == second).astype("float64"),
            "days": day[1] - day[0],
            "collected_on": np.maximum(*date),
        }
    )


def _places(blood: pd.DataFrame, urine: pd.DataFrame, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Both specimens on one line of days, where patients, and the two sides of an operation, lie far apart."""
    names = np.concatenate([blood["patient_id"].to_numpy(), urine["patient_id"].to_numpy()])
    day = np.concatenate([rows["since_surgery"].to_numpy(dtype="float64") for rows in (blood, urine)])
    code = pd.factorize(names)[0] * 2 + (day > 0)
    reach = np.ptp(day) + 2 * tolerance + 1 if len(day) else 0.0
    place = code * reach + day
    return place[: len(blood)], place[len(blood) :]


def _nearest(place: np.ndarray, others: np.ndarray, tolerance: float) -> np.ndarray:
    """Position in ``others`` of the nearest one within the tolerance, -1 for none; neither need be sorted."""
    order = np.argsort(others, kind="stable")
    line = np.concatenate([[-np.inf], others[order], [np.inf]])
    after = np.searchsorted(line, place, side="left")
    left, right = place - line[after - 1], line[after] - place
    chosen = np.where(left <= right, after - 1, after)
    position = np.append(order, -1)[np.clip(chosen - 1, 0, len(order))] if len(order) else np.full(len(place), -1)
    return np.where(np.minimum(left, right) <= tolerance, position, -1)
