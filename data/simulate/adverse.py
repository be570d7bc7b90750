"""Adverse events of both arms, graded, some of them more than once."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.simulate.streams import Floats, Streams

EVENTS_FILE = Path(__file__).with_name("adverse_events.toml")
PUBLISHED_CYCLES = 4
MODERATE, LIFE_THREATENING, AGAIN = 0.35, 0.10, 0.30
"""Shares, all ours: grade 2 among mild events, grade 4 among severe ones, events that come back."""
OBSERVED_DAYS = 365
AGAIN_AFTER = (40, 110)


@cache
def believed_events() -> dict[str, dict[str, Any]]:
    """Terms with their shares by arm and grade, and the days after a cycle at which they begin."""
    return tomllib.loads(EVENTS_FILE.read_text(encoding="utf-8"))


def _shares(arm: str, position: int) -> Floats:
    return np.array([record[arm][position] for record in believed_events().values()], dtype=float)


def adverse_events(
    streams: Streams, patients: pd.DataFrame, origin: np.ndarray, entry: Floats, cycles: Floats, end: Floats
) -> pd.DataFrame:
    """``adverse_events.csv``: CTCAE grades, more and worse after PRRT, in proportion to the cycles given.

    Parameters
    ----------
    streams : Streams
    patients : DataFrame
        ``patient_id`` of n patients.
    origin : ndarray of datetime64[D]
        Day from which the other arguments count.
    entry : ndarray
        Day of randomisation.
    cycles : ndarray, n x k
        Days of the PRRT cycles, infinite for one that is not given.
    end : ndarray
        Last day of observation.

    Returns
    -------
    DataFrame
        ``patient_id, started_on, term, grade, related``; ``related`` holds for the excess over the other arm.
    """
    terms = np.array(list(believed_events()))
    shape = (len(patients), len(terms))
    given = (cycles <= end[:, None]).sum(axis=1)
    dose = np.minimum(given / PUBLISHED_CYCLES, 1.0)[:, None]
    low, high = _shares("control", 0), _shares("prrt", 0)
    share = low + dose * (high - low)
    severe = _shares("control", 1) + dose * (_shares("prrt", 1) - _shares("control", 1))
    happens = streams.chance("ae.happens", share, shape)
    grade = _grades(streams, severe / share, shape)
    day = _first_days(streams, given, entry, cycles, shape)
    again = happens & streams.chance("ae.again", AGAIN, shape)
    later = day + streams.whole("ae.again.day", *AGAIN_AFTER, shape)
    related = (given > 0)[:, None] & streams.chance("ae.related", 1 - low / share, shape)
    rows = [
        _rows(patients["patient_id"].to_numpy(), origin, terms, kept & (when <= end[:, None]), when, graded, related)
        for kept, when, graded in ((happens, day, grade), (again, later, np.minimum(grade, 2)))
    ]
    order = ["patient_id", "started_on", "term"]
    table = pd.concat(rows, ignore_index=True)
    return table.sort_values(order, kind="stable", ignore_index=True)


def _grades(streams: Streams, severe: Floats, shape: tuple[int, int]) -> np.ndarray:
    mild = np.where(streams.chance("ae.moderate", MODERATE, shape), 2, 1)
    bad = np.where(streams.chance("ae.life", LIFE_THREATENING, shape), 4, 3)
    return np.where(streams.chance("ae.severe", severe, shape), bad, mild)


def _first_days(
    streams: Streams, given: np.ndarray, entry: Floats, cycles: Floats, shape: tuple[int, int]
) -> np.ndarray:
    """Some days after one of the cycles given; any day of the first year where none was."""
    which = np.floor(streams.uniform("ae.cycle", shape) * np.maximum(given, 1)[:, None]).astype(int)
    of_cycle = np.take_along_axis(cycles, which, axis=1)
    first, last = np.array([record["days"] for record in believed_events().values()]).T
    chance = streams.uniform("ae.day", shape)
    treated = (given > 0)[:, None]
    start = np.where(treated, np.where(np.isfinite(of_cycle), of_cycle, 0.0), entry[:, None] + 1)
    return start + np.floor(np.where(treated, first + chance * (last - first + 1), chance * OBSERVED_DAYS))


def _rows(
    names: np.ndarray,
    origin: np.ndarray,
    terms: np.ndarray,
    kept: np.ndarray,
    day: np.ndarray,
    grade: np.ndarray,
    related: np.ndarray,
) -> pd.DataFrame:
    patient, term = np.nonzero(kept)
    return pd.DataFrame(
        {
            "patient_id": names[patient],
            "started_on": origin[patient] + day[kept].astype("timedelta64[D]"),
            "term": terms[term],
            "grade": grade[kept].astype(str),
            "related": np.where(related[kept], "yes", "no"),
        }
    )
