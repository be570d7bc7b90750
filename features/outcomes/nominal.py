"""Times on the visit-closed clock: what a scan shows counts at its visit, so that a curve is read at a visit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.clock import closing_visit
from features.outcomes.facts import CENSORED, Facts

RECURRENCE = "recurrence"


def _floor_visit(month: pd.Series, protocol: Protocol) -> pd.Series:
    """Last visit of the grid that is not after a month."""
    grid = np.asarray(protocol.visit_grid, dtype="float64")
    place = np.searchsorted(grid, month.to_numpy(dtype="float64"), side="right") - 1
    return pd.Series(np.where(month.isna(), np.nan, grid[np.maximum(place, 0)]), index=month.index)


def clear_visit(facts: Facts, month: pd.Series, protocol: Protocol) -> pd.Series:
    """Visit through which an adequate scan at a month vouches for a patient.

    A scheduled scan vouches for its visit, also when it is done some days before; an unscheduled one for the last
    visit before it, never for the next.
    """
    scans = facts.outcome.scans
    scheduled = scans[scans["scheduled"]].drop_duplicates(["patient_id", "month"])
    visits = scheduled.set_index(["patient_id", "month"])["visit"].astype("float64")
    keys = pd.MultiIndex.from_arrays([month.index, month.to_numpy(dtype="float64")])
    own = pd.Series(visits.reindex(keys).to_numpy(), index=month.index)
    return own.fillna(_floor_visit(month, protocol))


def at_visits(decided: pd.DataFrame, facts: Facts, protocol: Protocol) -> pd.DataFrame:
    """Move decided times from actual days to nominal visits.

    A recurrence counts at the visit that shows it (an unscheduled one at the closing visit of its interval), a patient
    without event leaves at the visit of the last scan that counts, a death or a treatment keeps its day. On actual
    days somebody scanned clear early in a window would leave the risk set before somebody scanned late, and the curve
    would fall too far at the last visit of the study (statistical design, section 1: never cut at the day).

    Parameters
    ----------
    decided : DataFrame
        From :mod:`features.outcomes.families`, *as_observed* or *fda*.

    Returns
    -------
    DataFrame
        The same with other ``at``, ``lower`` and ``upper``; nobody leaves before entry, and a recurrence whose visit
        has its nominal day on or before entry keeps its own day, so that no event falls on entry and out of the curve.
    """
    rows = facts.patients
    seen = clear_visit(facts, rows["last_adequate"].where(rows["last_adequate"] <= decided["at"]), protocol)
    own_day = pd.concat([decided["at"], seen], axis=1).max(axis=1)
    recurred = (decided["event"] != CENSORED) & (rows["cause"] == RECURRENCE) & (decided["at"] == rows["event_at"])
    censored = decided["event"] == CENSORED
    at = own_day.where(~censored, clear_visit(facts, decided["at"], protocol))
    visit = closing_visit(decided["at"], protocol)
    # A late entry may fall behind the nominal day of the visit that shows the recurrence: its own day is after entry.
    at = at.where(~recurred, visit.where(visit > rows["entry"], decided["at"]))
    at = pd.concat([at, rows["entry"]], axis=1).max(axis=1)
    return decided.assign(at=at, lower=at, upper=at)
