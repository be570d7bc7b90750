"""Slope charts of the markers of one patient, side by side, on the scale of change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from features.kinetics.rules import on_scale
from flows.reports.patient.slopes import Panel, Point
from flows.reports.style import ACCENT, INK, SOFT

SCORE_TICKS = (0, 1, 2, 5, 10, 20, 40, 60, 80, 90, 95, 98, 99, 100)
MOST_TICKS = 6
LEAST_HEIGHT = 1.4
ALARM = "#9b1d5a"
BAR = "#d3dbe1"
LACKING = "#b23a2d"
HALO = {"boxstyle": "square,pad=0.05", "facecolor": "white", "linewidth": 0}


def paint_kinetics(canvas: Canvas, panels: Sequence[Panel]) -> None:
    """One small chart per marker: results at the landmarks, lines between those that are compared."""
    for axes, panel in zip(canvas.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _paint(axes, panel)


def _paint(axes: Axes, panel: Panel) -> None:
    low, high = _limits(axes, panel)
    axes.axvline(0.5, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
    cut = _scaled([panel.marker.rules.cutoff], panel)[0]
    if low < cut < high:
        axes.axhline(cut, color="#9aa5b1", linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    for place, lower, upper in panel.bars:
        axes.vlines(place, lower, upper, color=BAR, linewidth=13, zorder=1)
    for before, after in zip(panel.points[:-1], panel.points[1:], strict=True):
        if after.joined:
            dashed = before.place == 0
            axes.plot([before.place, after.place], [before.height, after.height], color=ACCENT, zorder=2,
                      linewidth=1.2 if dashed else 1.9, linestyle=(0, (3, 3)) if dashed else "-")  # fmt: skip
    barred = {place for place, *_ in panel.bars}
    for point in panel.points:
        _mark(axes, point, _in_a_valley(point, panel.points), point.place in barred)
    for place, (why, awaited) in panel.gaps.items():
        axes.text(place, 0.03, why, transform=axes.get_xaxis_transform(), rotation=90, ha="center", va="bottom",
                  fontsize=9, color=LACKING if awaited else SOFT, zorder=5, bbox=HALO)  # fmt: skip
    axes.set_xticks(range(len(panel.places)), panel.places)
    axes.set_xlim(-0.5, len(panel.places) - 0.5)
    axes.tick_params(axis="x", length=0)
    words = f", cut-off {panel.marker.rules.cutoff:g}" if panel.marker.has_cutoff else ""
    axes.set_title(f"{panel.marker.name}\n{panel.marker.unit}{words}", fontsize=9.5)


def _in_a_valley(point: Point, points: Sequence[Point]) -> bool:
    """Whether lines leave a point upwards only: then its label stands below."""
    place = points.index(point)
    before = points[place - 1].height if place and point.joined else -np.inf
    after = points[place + 1].height if place + 1 < len(points) and points[place + 1].joined else -np.inf
    steep = LEAST_HEIGHT / 8
    lower = min(height for height in (before, after, np.inf) if height != -np.inf)
    return max(before, after) > point.height + steep and lower >= point.height


def _mark(axes: Axes, point: Point, valley: bool, barred: bool) -> None:
    if point.beyond:
        axes.plot(point.place, point.height, "o", markersize=15, fillstyle="none", color=ALARM, markeredgewidth=1.8)
    if point.below:
        axes.plot(point.place, point.height, "v", markersize=9, color=ACCENT, markerfacecolor="white", zorder=4,
                  markeredgewidth=1.6)  # fmt: skip
    else:
        axes.plot(point.place, point.height, "o", markersize=7, color=ACCENT, zorder=4)
    away = 11 if point.beyond else 8
    axes.annotate(point.label, (point.place, point.height), xytext=(0, -away if valley else away), fontsize=9.5,
                  textcoords="offset points", ha="center", va="top" if valley else "bottom", fontweight="bold",
                  zorder=5, bbox=None if barred else HALO)  # fmt: skip


def _scaled(values: Sequence[float], panel: Panel) -> np.ndarray:
    return on_scale(np.asarray(values, dtype="float64"), panel.marker.rules.scale)


def _limits(axes: Axes, panel: Panel) -> tuple[float, float]:
    """Limits around the points and bars, and ticks in the unit of the marker."""
    heights = [point.height for point in panel.points] + [end for _, *ends in panel.bars for end in ends]
    low, high = (min(heights), max(heights)) if heights else (-LEAST_HEIGHT / 2, LEAST_HEIGHT / 2)
    spare = max(LEAST_HEIGHT - (high - low), 0.0) / 2
    span = high - low + 2 * spare
    low, high = low - spare - 0.14 * span, high + spare + 0.2 * span
    axes.set_ylim(low, high)
    if not heights:
        axes.set_yticks([])
        return low, high
    values = _ticks(panel, low, high)
    axes.set_yticks(_scaled(values, panel), [f"{value:g}" for value in values])
    return low, high


def _ticks(panel: Panel, low: float, high: float) -> list[float]:
    """Round values inside the limits, few enough to read."""
    if panel.marker.is_score:
        candidates = [float(value) for value in SCORE_TICKS]
    else:
        powers = range(int(np.floor(low / np.log(10))) - 1, int(np.ceil(high / np.log(10))) + 1)
        candidates = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    inside = [value for value, place in zip(candidates, _scaled(candidates, panel), strict=True) if low < place < high]
    return inside[:: len(inside) // MOST_TICKS + 1]
