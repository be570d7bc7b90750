"""The outcome as times: recurrence intervals for likelihoods, event times for curves."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.clock import closing_visit
from features.outcomes.assessments import Outcome

EventKind = Literal["recurrence", "dfs", "os"]


def recurrence_intervals(outcome: Outcome) -> pd.DataFrame:
    """Recurrence as an interval-censored time.

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``, months from surgery: ``lower`` (last clear scan, 0 when none: the resection
        was complete), ``upper`` (first positive scan, inf when none), ``death``, ``last_adequate`` (0 when
        none), and ``event``: 1 recurrence in (lower, upper], 2 death without recurrence, 0 neither.
    """
    rows = outcome.patients
    recurred = rows["first_positive"].notna()
    return pd.DataFrame(
        {
            "lower": rows["last_clear"].fillna(0.0),
            "upper": rows["first_positive"].fillna(np.inf),
            "death": rows["death"],
            "last_adequate": rows["last_adequate"].fillna(0.0),
            "event": np.select([recurred, rows["death"].notna()], [1, 2], 0).astype("int64"),
        }
    )


def _missed_visits(rows: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Visits that closed between the last adequate scan and death."""
    grid = np.asarray(protocol.visit_grid, dtype="float64")
    closed = np.searchsorted(grid + protocol.closing_months, rows["death"].to_numpy(dtype="float64"), side="right")
    done = closing_visit(rows["last_adequate"].fillna(0.0), protocol).to_numpy()
    return pd.Series(closed - np.searchsorted(grid, done, side="right"), index=rows.index)


def event_times(outcome: Outcome, kind: EventKind = "dfs", protocol: Protocol | None = None) -> pd.DataFrame:
    """Times for Kaplan-Meier or Aalen-Johansen curves.

    Parameters
    ----------
    kind : {"recurrence", "dfs", "os"}
        ``recurrence``: 1 first positive scan, 2 death without recurrence (competing). ``dfs``: 1 either of
        the two. ``os``: 1 death.
    protocol : Protocol, optional
        When given, a death without recurrence after at least ``survival.missed_visits`` visits without an
        adequate scan is censored at the last adequate scan (not for ``os``).

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``: ``time`` (months from surgery; the day of the first positive scan, of
        death, or else of the last adequate scan; for ``os`` of last contact), ``event`` (0, 1, 2) and
        ``entry`` (delayed entry at randomisation, 0 when not randomised). Patients whose time is not after
        their entry were never under observation and are left out.

    Raises
    ------
    ValueError
        When ``kind`` is none of the three.
    """
    if kind not in ("recurrence", "dfs", "os"):
        raise ValueError(f"kind {kind!r}: use recurrence, dfs or os")
    rows = outcome.patients
    died = rows["death"].notna()
    if kind == "os":
        time = rows["death"].where(died, rows["last_seen"])
        event = died.astype("int64")
    else:
        recurred = rows["first_positive"].notna()
        if protocol is not None:
            died &= _missed_visits(rows, protocol) < protocol["survival.missed_visits"]
        time = rows["first_positive"].where(recurred, rows["death"].where(died, rows["last_adequate"].fillna(0.0)))
        death_code = 1 if kind == "dfs" else 2
        event = pd.Series(np.select([recurred, died], [1, death_code], 0), index=rows.index)
    table = pd.DataFrame({"time": time, "event": event.astype("int64"), "entry": rows["entry"].fillna(0.0)})
    return table[table["time"] > table["entry"]]
