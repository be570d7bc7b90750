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
        since, day = samples["since_surgery"].to_numpy(), samples["day"].to_numpy()
        counted = since if self.before_surgery else np.where(since > 0, day, np.nan)
        return pd.Series((counted >= self.first) & (counted <= self.last), index=samples.index)


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
    inside = np.flatnonzero(window.holds(rows).to_numpy())
    return rows.iloc[inside[_last_of(rows["patient_id"].to_numpy()[inside])]].set_index("patient_id")


def _last_of(*keys: np.ndarray) -> np.ndarray:
    """Last row of each run of rows with the same keys."""
    if not len(keys[0]):
        return np.zeros(0, dtype=bool)
    return np.append(np.logical_or.reduce([key[1:] != key[:-1] for key in keys]), True)


def valid_results(measured: pd.DataFrame, analyte: str) -> pd.DataFrame:
    """Valid results of one analyte, at most one a day (the last sample of the day counts); rows by patient and day."""
    rows = np.flatnonzero((measured["analyte"] == analyte).to_numpy() & measured["valid"].to_numpy())
    return measured.iloc[rows[_last_of(*(measured[key].to_numpy()[rows] for key in ("patient_id", "day")))]]
