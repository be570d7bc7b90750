"""Rows of a frame as times, events, strata and clusters, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.estimators.newton import CannotFit


@dataclass(frozen=True)
class Rows:
    """The rows of a fit: at risk in (entry, time], competing within a stratum, summed within a cluster.

    Attributes
    ----------
    time, event, entry : ndarray, shape (n,)
        ``entry`` is None where everybody is seen from time zero.
    stratum : ndarray of int, shape (n,)
        Position in ``strata``.
    strata : tuple
        Value of the strata column (a tuple of values for several columns); ``("all",)`` without strata.
    cluster : ndarray of int, shape (n,), or None
    """

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None
    stratum: np.ndarray
    strata: tuple[object, ...]
    cluster: np.ndarray | None


def complete_rows(frame: pd.DataFrame, needed: Sequence[str], others: Sequence[object]) -> pd.DataFrame:
    """Rows with every needed column filled; all columns must exist, the needed ones may be empty.

    Raises
    ------
    CannotFit
        For a column that the frame does not have.
    """
    for name in [*needed, *(name for name in others if isinstance(name, str))]:
        if name not in frame.columns:
            raise CannotFit(f"column {name!r} is not in the frame; it has {', '.join(map(str, frame.columns))}")
    return frame[frame[list(needed)].notna().all(axis=1)]


def read_rows(
    frame: pd.DataFrame, time: str, event: str, entry: str | None, strata: Sequence[str], cluster: str | None
) -> Rows:
    """Take times and events out of a frame.

    Raises
    ------
    ValueError
        Naming the first row with a time that is missing, infinite or negative, an event that is not 0 or 1, or an
        entry that is not before the time.
    """
    at = frame[time].to_numpy(dtype=float)
    _demand(frame, time, np.isfinite(at) & (at >= 0), "a number of months, 0 or more")
    codes = frame[event].to_numpy(dtype=float, na_value=np.nan)
    _demand(frame, event, (codes == 0) | (codes == 1), "0 or 1 (recode competing events first)")
    begin = None
    if entry is not None:
        begin = frame[entry].to_numpy(dtype=float)
        # As everywhere among these estimates: entry at month 0 or before is observation from the start.
        begin = np.where(begin <= 0, -1.0, begin)
        _demand(frame, entry, begin < at, f"a month before {time}")
    layer, known = np.zeros(len(frame), dtype=int), ("all",)
    if strata:
        key = pd.MultiIndex.from_frame(frame[list(strata)]) if len(strata) > 1 else pd.Index(frame[strata[0]])
        layer, values = key.factorize(sort=True)
        known = tuple(values)
    group = None if cluster is None else _clusters(frame, cluster)
    return Rows(at, codes == 1, begin, layer, known, group)


def _clusters(frame: pd.DataFrame, name: str) -> np.ndarray:
    _demand(frame, name, frame[name].notna().to_numpy(), "the patient of the row")
    return pd.factorize(frame[name])[0]


def _demand(frame: pd.DataFrame, column: str, right: np.ndarray, what: str) -> None:
    if not right.all():
        row = int(np.argmin(right))
        raise ValueError(f"row {frame.index[row]!r}, {column}: found {frame[column].iloc[row]}; expected {what}")
