"""What the slope chart of a marker shows: a point per landmark, its neighbours, and reference change bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.kinetics import rcv_quantile
from features.kinetics.rules import on_scale
from features.measurements import BELOW_LIMIT
from flows.reports.patient import words
from flows.reports.patient.landmarks import Landmarks, Marker


@dataclass(frozen=True)
class Point:
    """One result at one place of the chart.

    Parameters
    ----------
    place : int
        0 before surgery, then the landmarks in order.
    height : float
        On the scale of change.
    label : str
        The value in its unit.
    below : bool
        Below the limit of the assay, drawn at the limit.
    beyond : bool
        Outside the reference change interval of the previous result.
    joined : bool
        Whether a line comes from the point before it: the table compares them.
    """

    place: int
    height: float
    label: str
    below: bool = False
    beyond: bool = False
    joined: bool = False


@dataclass(frozen=True)
class Panel:
    """The chart of one marker.

    Parameters
    ----------
    marker : Marker
    places : tuple of str
        Names below the chart.
    points : tuple of Point
        By place.
    gaps : dict of int to (str, bool)
        Why a place has no point, and whether the patient was still at risk there.
    bars : tuple of (int, float, float)
        Place, lower and upper end of a reference change interval, on the scale of change.
    """

    marker: Marker
    places: tuple[str, ...]
    points: tuple[Point, ...]
    gaps: dict[int, tuple[str, bool]]
    bars: tuple[tuple[int, float, float], ...] = ()


def panels_of(found: Landmarks) -> list[Panel]:
    """One chart per marker."""
    return [_panel(found, marker) for marker in found.markers]


def _panel(found: Landmarks, marker: Marker) -> Panel:
    months = found.months
    points, gaps, bars = [], {}, []
    first = _before(found, marker)
    if isinstance(first, Point):
        points.append(first)
    elif first:
        gaps[0] = (first, True)
    for place, month in enumerate(months, start=1):
        if month in found.absent:
            gaps[place] = (found.absent[month][0], False)
            continue
        row = found.reached[month]
        point = _point(row, marker, place)
        if point is None:
            gaps[place] = (words.missing_words(row, marker), True)
            continue
        points.append(point)
        bars += _bar(row, marker, place)
    names = ("before\nsurgery", *(f"month\n{month:g}" for month in months))
    return Panel(marker, names, tuple(points), gaps, tuple(bars))


def _height(value: float, marker: Marker) -> float:
    return float(on_scale(np.array([value], dtype="float64"), marker.rules.scale)[0])


def _point(row: pd.Series, marker: Marker, place: int) -> Point | None:
    value = row[f"{marker.prefix}last"]
    if not words.known(value) or not np.isfinite(_height(value, marker)):
        return None
    below = row[f"{marker.prefix}below_limit"] == 1
    beyond = 1 in (row[f"{marker.prefix}rcv_rise"], row[f"{marker.prefix}rcv_fall"])
    alone = str(row[f"{marker.prefix}kinetics_reason"]) == "one_post_operative_sample"
    joined = words.known(row[f"{marker.prefix}preop"]) if alone else place > 0
    height = _height(value / BELOW_LIMIT if below else value, marker)
    return Point(place, height, words.level(row, marker), below, beyond, joined)


def _before(found: Landmarks, marker: Marker) -> Point | str:
    """The pre-operative result, as the first later landmark with a result compares with it; else why there is none."""
    zero = found.reached.get(0.0)
    own = None if zero is None else _point(zero, marker, 0)
    later = [row for row in found.after.values() if words.known(row[f"{marker.prefix}last"])]
    if own is not None and (not later or words.known(later[0][f"{marker.prefix}preop"])):
        return own
    value = later[0][f"{marker.prefix}preop"] if later else np.nan
    if words.known(value) and np.isfinite(_height(value, marker)):
        return Point(0, _height(value, marker), words.level(later[0], marker, "preop"))
    if own is not None:
        return "another kit"
    return words.missing_words(zero, marker) if zero is not None else "no result"


def _bar(row: pd.Series, marker: Marker, place: int) -> list[tuple[int, float, float]]:
    """Reference change interval around the previous result, where the table judges the change."""
    if not words.known(row[f"{marker.prefix}rcv_rise"]):
        return []
    previous = _height(row[f"{marker.prefix}last"] - row[f"{marker.prefix}change_previous"], marker)
    comparisons = pd.Series([row[f"{marker.prefix}n_samples"] - 1])
    width = float(rcv_quantile(comparisons, marker.rules.rcv_z).iloc[0]) * np.sqrt(2) * marker.rules.rcv_sd
    return [(place, previous - width, previous + width)]


def spoken(panel: Panel) -> str:
    """The chart of a marker in words."""
    names = [name.replace("\n", " ") for name in panel.places]
    parts = {point.place: point.label + (" (beyond variation)" if point.beyond else "") for point in panel.points}
    parts |= {place: why for place, (why, _) in panel.gaps.items()}
    told = "; ".join(f"{names[place]} {parts[place]}" for place in sorted(parts))
    return f"{panel.marker.name}, {panel.marker.unit}: {told or 'no result'}."
