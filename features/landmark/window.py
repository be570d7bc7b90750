"""Where a landmark looks for its sample: the window, and the visits that belong to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.clock import closing_day


@dataclass(frozen=True)
class Window:
    """Days, limits included, in which a landmark sample must lie, on its own side of the operation.

    Before the operation they count from surgery, after it from time zero of the clock.
    """

    first: float
    last: float
    before_surgery: bool = False

    def holds(self, samples: pd.DataFrame) -> pd.Series:
        """Whether samples (``day, since_surgery``) lie in the window."""
        if self.before_surgery:
            return samples["since_surgery"].between(self.first, self.last)
        return samples["day"].between(self.first, self.last) & (samples["since_surgery"] > 0)


@dataclass(frozen=True)
class Place:
    """Where a landmark looks for its sample: the window, and the names of the visits that belong to it."""

    window: Window
    visits: tuple[str, ...]


def sample_place(protocol: Protocol, landmark: float) -> Place:
    """Window and visit names of a landmark (``calendar.sample_month`` names the visits)."""
    visits = tuple(name for name, month in protocol["calendar.sample_month"].items() if month == landmark)
    return Place(sample_window(protocol, landmark), visits)


def sample_window(protocol: Protocol, landmark: float) -> Window:
    """Window of the landmark sample: nominal day less ``samples.window_days`` to L(s), after surgery.

    At landmark 0 the window ends with the day of surgery, whatever the clock starts from. A landmark without an
    entry in ``samples.window_days`` takes any sample of its side of the operation.
    """
    nominal = float(landmark) * protocol.month_days
    before = float(protocol["samples.window_days"].get(f"{landmark:g}", np.inf))
    if landmark == 0:
        return Window(nominal - before, 0.0, before_surgery=True)
    return Window(nominal - before, closing_day(protocol, landmark))


def latest_in(rows: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Latest row of each patient inside a window, indexed by patient; rows sorted by patient and day."""
    inside = rows[window.holds(rows)]
    return inside.drop_duplicates("patient_id", keep="last").set_index("patient_id")


def valid_results(measured: pd.DataFrame, analyte: str) -> pd.DataFrame:
    """Valid results of one analyte, at most one a day (the last sample of the day counts)."""
    rows = measured[(measured["analyte"] == analyte) & measured["valid"]]
    return rows.drop_duplicates(["patient_id", "day"], keep="last")
