"""Pictures of one patient: marker trajectory above scans and treatment on one time axis."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from flows.reports.page import records
from flows.reports.style import ACCENT, FAINT, INK, SCAN_MARKS, SOFT

BAND_SHADES = ("#ffffff", "#eef4f6", "#dde9ed", "#cbdde3")


@dataclass(frozen=True)
class Track:
    """One analyte of one patient over time.

    Parameters
    ----------
    title, unit : str
        Heading and unit.
    points : DataFrame
        month, value, version, failed (bool), comparator (=, <, >), lower, upper (analytical limits or NaN).
    cutoffs : tuple of float
        Lines and bands.
    upper : float or None
        Fixed top of the scale.
    expected : tuple of float
        Months at which a sample was due and none was drawn.
    """

    title: str
    unit: str
    points: pd.DataFrame
    cutoffs: tuple[float, ...] = ()
    upper: float | None = None
    expected: tuple[float, ...] = ()


@dataclass(frozen=True)
class Course:
    """Events of a patient, months from the origin of the clock.

    Parameters
    ----------
    scans : DataFrame
        month, modality, state.
    cycles : DataFrame
        month of each PRRT cycle.
    death, last_seen, entry : float
        NaN when absent.
    landmarks : tuple of float
        Months at which predictions are made.
    """

    scans: pd.DataFrame
    cycles: pd.DataFrame
    death: float = float("nan")
    last_seen: float = float("nan")
    entry: float = float("nan")
    landmarks: tuple[float, ...] = field(default=())


def paint_trajectory(canvas: Canvas, track: Track, course: Course, first: float, last: float, since: str) -> None:
    """The marker with cut-off and analytical bands, above one lane per kind of event."""
    lanes = [name for name in ("mri", "ct", "petct") if course.scans["modality"].eq(name).any()] or ["mri"]
    names = {"mri": "MRI", "ct": "CT", "petct": "PET/CT"}
    rows = [names[name] for name in lanes] + ["PRRT"]
    axes, under = canvas.subplots(2, 1, height_ratios=[4.6, 0.34 * (len(rows) + 1)], sharex=True)
    for each in (axes, under):
        each.axvline(0, color=INK, linewidth=1.1)
        for landmark in course.landmarks:
            each.axvline(landmark, color=FAINT, linewidth=1.0, zorder=0)
    paint_track(axes, track, last)
    axes.annotate(since, (0, 1), xycoords=("data", "axes fraction"), xytext=(4, -3), textcoords="offset points",
                  fontsize=8.5, va="top")  # fmt: skip
    for row, name in enumerate(lanes):
        own = course.scans[course.scans["modality"].eq(name)]
        for state, (marker, colour, _) in SCAN_MARKS.items():
            spots = own.loc[own["state"].eq(state), "month"]
            size = 9 if state in ("recurrence", "clear") else 7
            under.plot(spots, [row] * len(spots), linestyle="none", marker=marker, color=colour, markersize=size,
                       markeredgewidth=1.8 if marker in "|x" else 1.0)  # fmt: skip
    under.plot(course.cycles["month"], [len(lanes)] * len(course.cycles), "s", color="#0072b2", markersize=7)
    if np.isfinite(course.death):
        for each in (axes, under):
            each.axvline(course.death, color=INK, linewidth=1.4, linestyle=(0, (1, 1.5)))
        axes.annotate("death", (course.death, 1), xycoords=("data", "axes fraction"), xytext=(-4, -3),
                      textcoords="offset points", ha="right", va="top", fontsize=9, fontweight="bold")  # fmt: skip
    under.set_yticks(range(len(rows)), rows)
    under.tick_params(axis="y", length=0, labelcolor=INK)
    under.set_ylim(len(rows) - 0.4, -0.6)
    for row in range(len(rows)):
        under.axhline(row, color="#eef1f4", linewidth=5, zorder=0)
    under.spines["left"].set_visible(False)
    under.set_xlim(first, last)
    under.set_xticks(np.arange(0, last + 0.01, 6))
    under.set_xlabel(f"Months since {since} (light lines: landmarks)")
    _legend(canvas)


def joined_runs(points: pd.DataFrame) -> list[pd.DataFrame]:
    """Runs of valid points that a line may join: in order of time, one run per assay version."""
    good = points[~points["failed"]].sort_values("month")
    return [own for _, own in good.groupby("version", sort=False)]


def paint_track(axes: Axes, track: Track, last: float) -> None:
    """Points, interval bars and cut-off bands of one analyte; lines never join two assay versions."""
    points = track.points.sort_values("month")
    good = points[~points["failed"]]
    highest = float(np.nanmax(points[["value", "upper"]].to_numpy(dtype=float), initial=0.0))
    top = track.upper or max(highest * 1.2, max(track.cutoffs, default=0.0) * 1.15, 1.0)
    edges = [0.0, *track.cutoffs, top]
    for shade, low, high in zip(BAND_SHADES, edges[:-1], edges[1:], strict=False):
        axes.axhspan(low, min(high, top), color=shade, linewidth=0, zorder=0)
    for cut in track.cutoffs:
        axes.axhline(cut, color="#9aa5b1", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(f"{cut:g}", (1, cut), xycoords=("axes fraction", "data"), xytext=(4, 0), fontsize=9,
                      textcoords="offset points", va="center", color=SOFT)  # fmt: skip
    for own in joined_runs(points):
        after = own[own["month"] > 0]
        axes.plot(own["month"], own["value"], color=ACCENT, linewidth=1.0, linestyle=(0, (3, 3)), alpha=0.6)
        axes.plot(after["month"], after["value"], color=ACCENT, linewidth=1.8)
        banded = own.dropna(subset=["lower", "upper"])
        axes.vlines(banded["month"], banded["lower"], banded["upper"], color=ACCENT, linewidth=5, alpha=0.22)
    axes.plot(good["month"], good["value"], "o", color=ACCENT, markersize=8, zorder=4)
    for point in records(good):
        sign = "" if point.comparator in ("=", "", None) else f"{point.comparator} "
        digits = 0 if abs(point.value) >= 10 else 1
        axes.annotate(f"{sign}{point.value:.{digits}f}", (point.month, point.value), xytext=(0, 9), fontsize=9.5,
                      textcoords="offset points", ha="right" if point.month < 0 else "center", fontweight="bold",
                      zorder=5)  # fmt: skip
    bad = points[points["failed"]]
    axes.plot(bad["month"], bad["value"], "X", color="#9b1d5a", markersize=9, zorder=4)
    for month in track.expected:
        axes.annotate("no sample", (month, 0), xytext=(0, 4), textcoords="offset points", rotation=90, ha="center",
                      va="bottom", fontsize=8.5, color="#c0392b")  # fmt: skip
    axes.set_ylim(0, top)
    axes.set_ylabel(track.unit)
    axes.set_title(track.title)


def _legend(canvas: Canvas) -> None:
    handles = [
        Line2D([], [], marker="o", color=ACCENT, markersize=7, linewidth=1.8, label="score"),
        Line2D([], [], color=ACCENT, linewidth=6, alpha=0.22, label="analytical 95% band"),
        Line2D([], [], linestyle="none", marker="X", color="#9b1d5a", markersize=8, label="failed quality control"),
        *(
            Line2D([], [], linestyle="none", marker=marker, color=colour, markersize=7, label=label)
            for marker, colour, label in SCAN_MARKS.values()
        ),
        Line2D([], [], linestyle="none", marker="s", color="#0072b2", markersize=6, label="PRRT cycle"),
    ]
    canvas.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8.5, columnspacing=1.4)
