"""Who is at risk, has an event or is censored at each time: the counts every estimate of this room rests on.

Conventions (those of R ``survival``): events come before censorings of the same time; a patient is at risk at t when
entry < t <= time; an entry at or before zero means under observation from time zero on, so an event or a censoring at
time 0 counts. Times are in any unit, mostly months.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Times:
    """Checked input: float times, integer events, entry (-inf for under observation from time zero)."""

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray

    def of(self, rows: np.ndarray) -> Times:
        """The patients of a mask."""
        return Times(self.time[rows], self.event[rows], self.entry[rows])


@dataclass(frozen=True)
class Counts:
    """At risk just before, events at and censored at each time of a grid."""

    time: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray
    n_censor: np.ndarray


def checked(
    time: ArrayLike, event: ArrayLike, entry: ArrayLike | None = None, *, codes: tuple[int, ...] = (0, 1)
) -> Times:
    """Arrays of one length without gaps, or an error that says what is wrong and what to do.

    Parameters
    ----------
    time, event : array, shape (n,)
        End of observation and its kind (0 or False censored).
    entry : array, shape (n,), optional
        Start of observation (delayed entry, left truncation).
    codes : tuple of int
        Allowed kinds.

    Raises
    ------
    ValueError
        No patient; unequal lengths; missing, infinite or negative values; an unknown event code; entry not before time.
    """
    ends, kinds = _finite("time", time), _finite("event", event)
    starts = np.zeros(len(ends)) if entry is None else _finite("entry", entry)
    if not len(ends):
        raise ValueError("no patients: an estimate needs at least one, leave empty groups out")
    lengths = [len(ends), len(kinds), len(starts)]
    if len(set(lengths)) > 1:
        raise ValueError(f"time, event and entry have {lengths} values: one per patient is needed")
    _refuse(ends < 0, "time", ends, "is negative", "measure from an origin before every end of observation")
    wrong = ~np.isin(kinds, codes)
    known = ", ".join(map(str, codes))
    _refuse(wrong, "event", kinds, f"is not one of {known}", "choose the cause first, e.g. event == 1")
    starts = np.where(starts <= 0, -np.inf, starts)
    _refuse(starts >= ends, "entry", starts, "is not before time", "keep patients of under_observation(time, entry)")
    return Times(ends, kinds.astype(int), starts)


def under_observation(time: ArrayLike, entry: ArrayLike) -> np.ndarray:
    """Mask of patients with any time at risk: entry at or before zero, or entry before time."""
    starts = np.asarray(entry, dtype=float)
    return (starts <= 0) | (starts < np.asarray(time, dtype=float))


def at_risk(time: ArrayLike, entry: ArrayLike | None, months: ArrayLike) -> np.ndarray:
    """Patients entered before, and neither with event nor censored before, each month (the row under a curve).

    Month 0 counts everybody who enters later: with delayed entry nobody is at risk on the day of the origin itself.

    Parameters
    ----------
    time, entry : array, shape (n,)
        Unit of ``months``; ``entry`` None for everybody from time zero on. Nobody (n = 0) gives zeros.
    months : array, shape (m,)

    Returns
    -------
    ndarray of int, shape (m,)
    """
    ends, wanted = np.asarray(time, dtype=float), np.atleast_1d(np.asarray(months, dtype=float))[:, None]
    starts = np.full(len(ends), -np.inf) if entry is None else np.asarray(entry, dtype=float)
    return (((wanted <= 0) | (starts <= 0) | (starts < wanted)) & (ends >= wanted)).sum(axis=1)


def grid_of(times: Times) -> np.ndarray:
    """Zero and every time of entry and exit, ascending."""
    return np.unique(np.concatenate([[0.0], times.time, times.entry[np.isfinite(times.entry)]]))


def count(times: Times, grid: np.ndarray | None = None) -> Counts:
    """Counts on a grid that holds every exit time (default: all entries and exits).

    Every code but 0 is an event here; a competing-risks caller counts once per cause.
    """
    grid = grid_of(times) if grid is None else grid
    left = len(times.time) - np.searchsorted(np.sort(times.time), grid, side="left")
    not_yet = len(times.entry) - np.searchsorted(np.sort(times.entry), grid, side="left")
    place = np.searchsorted(grid, times.time)
    ended = [np.bincount(place[rows], minlength=len(grid)) for rows in (times.event != 0, times.event == 0)]
    return Counts(grid, left - not_yet, *ended)


def labels_of(group: ArrayLike) -> np.ndarray:
    """Group labels without gaps (ValueError otherwise)."""
    labels = np.asarray(group, dtype=object)
    missing = pd.isna(labels)
    if missing.any():
        raise ValueError(f"group of {int(missing.sum())} of {len(labels)} patients is missing: leave them out")
    return labels


def names_of(labels: np.ndarray) -> list:
    """The different labels in order of their text."""
    return sorted(set(labels.tolist()), key=str)


def _finite(name: str, values: ArrayLike) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions: one value per patient is needed")
    _refuse(~np.isfinite(array), name, array, "is missing or infinite", "complete it or leave the patient out")
    return array


def _refuse(wrong: np.ndarray, name: str, values: np.ndarray, what: str, remedy: str) -> None:
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{name} of {int(wrong.sum())} of {len(wrong)} patients {what} "
            f"(first at position {first}: {values[first]:g}): {remedy}"
        )
