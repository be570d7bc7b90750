"""The calendar of every patient: samples, scans, treatment and end of observation on one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from flows.reports.page import records
from flows.reports.style import ACCENT, INK, SCAN_MARKS, SOFT, arm_colour, arm_label, arm_text, month_axis

UPRIGHT_LINES = 16
Look = dict[str, Any]
BLOOD: Look = {"marker": "o", "markersize": 4.6, "color": ACCENT, "linestyle": "none"}
URINE: Look = {"marker": "o", "markersize": 2.6, "color": ACCENT, "markerfacecolor": "white", "linestyle": "none"}
ABSENT: Look = {"marker": "x", "markersize": 4.4, "color": "#c0392b", "markeredgewidth": 1.1, "linestyle": "none"}
CYCLE: Look = {"marker": "s", "markersize": 3.4, "color": "#0072b2", "linestyle": "none"}
DEATH: Look = {"marker": "P", "markersize": 6.0, "color": INK, "linestyle": "none"}


@dataclass(frozen=True)
class Calendar:
    """Everything on the time axis, months from the origin; every frame has ``row`` (line of the patient) and ``month``.

    Parameters
    ----------
    lines : DataFrame
        row, patient_id, arm, first, last: one line per patient, in drawing order.
    blood, urine, absent, cycles, deaths : DataFrame
        Samples drawn, samples due and not drawn, PRRT cycles, deaths.
    scans : DataFrame
        With ``state`` clear, equivocal, recurrence or inadequate.
    """

    lines: pd.DataFrame
    blood: pd.DataFrame
    urine: pd.DataFrame
    absent: pd.DataFrame
    scans: pd.DataFrame
    cycles: pd.DataFrame
    deaths: pd.DataFrame


def paint_swimmer(
    canvas: Canvas, calendar: Calendar, last: float, names: bool, since: str, event: str = "recurrence"
) -> None:
    """One line per patient, sorted by arm and length of observation.

    Parameters
    ----------
    names : bool
        Whether pseudonyms are written at the lines.
    since : str
        What months are counted from.
    event : str
        What a positive scan shows, in the legend.
    """
    axes = canvas.subplots()
    for line in records(calendar.lines):
        axes.plot([line.first, line.last], [line.row, line.row], color=arm_colour(line.arm), alpha=0.28, linewidth=2.6)
    for state in ("inadequate", "clear", "equivocal", "recurrence"):
        marker, colour, _ = SCAN_MARKS[state]
        scans = calendar.scans[calendar.scans["state"].eq(state)]
        size = {"clear": 4.0, "inadequate": 3.4, "equivocal": 3.8, "recurrence": 6.0}[state]
        axes.plot(scans["month"], scans["row"], linestyle="none", marker=marker, color=colour, markersize=size)
    for frame, look in (
        (calendar.cycles, CYCLE),
        (calendar.urine.assign(row=calendar.urine["row"] + 0.28), URINE),
        (calendar.blood, BLOOD),
        (calendar.absent, ABSENT),
        (calendar.deaths, DEATH),
    ):
        axes.plot(frame["month"], frame["row"], **look)
    _arm_words(axes, calendar.lines, names)
    lowest = float(calendar.lines["row"].max()) if len(calendar.lines) else 0.0
    axes.set_ylim(lowest + 1.0, -1.0)
    month_axis(axes, last, 6, since)
    low = float(min(calendar.blood["month"].min(), -0.5)) if len(calendar.blood) else -0.5
    axes.set_xlim(max(low, -3.0) - 0.4, last + 0.5)
    axes.tick_params(axis="x", top=True, labeltop=True)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    _legend(canvas, calendar, event)


def _arm_words(axes: Axes, lines: pd.DataFrame, names: bool) -> None:
    if names:
        axes.set_yticks(lines["row"], lines["patient_id"], fontsize=7)
        axes.tick_params(axis="y", length=0, pad=2)
    else:
        axes.set_yticks([])
    groups = lines.groupby(lines["arm"].fillna(""), sort=False)
    # names stand upright only where every arm has lines enough to carry them
    upright = len(lines) > 0 and groups.size().min() >= UPRIGHT_LINES
    for arm, own in groups:
        axes.annotate(
            f"{arm_label(str(arm))} (n = {len(own)})",
            (1.005, float(own["row"].mean())),
            xycoords=("axes fraction", "data"),
            rotation=270 if upright else 0,
            va="center",
            ha="left",
            color=arm_text(str(arm)),
            fontweight="bold",
        )


def _legend(canvas: Canvas, calendar: Calendar, event: str) -> None:
    """Every kind of mark that is drawn."""
    scans = [
        Line2D([], [], linestyle="none", marker=marker, color=colour, markersize=5.5,
               label=label.replace("recurrence", event))
        for state, (marker, colour, label) in SCAN_MARKS.items()
        if calendar.scans["state"].eq(state).any()
    ]  # fmt: skip
    others = [
        Line2D([], [], **look, label=label)
        for frame, look, label in (
            (calendar.blood, BLOOD, "blood"),
            (calendar.urine, URINE, "urine"),
            (calendar.absent, ABSENT, "sample due, not drawn"),
            (calendar.cycles, CYCLE, "PRRT cycle"),
            (calendar.deaths, DEATH, "death"),
        )
        if len(frame)
    ]
    if not scans + others:
        return
    canvas.legend(
        handles=others + scans, loc="outside upper center", ncols=9, fontsize=8.5, columnspacing=1.1, handletextpad=0.2
    )


def paint_controls(canvas: Canvas, controls: pd.DataFrame, limits: dict[str, tuple[float, float]]) -> None:
    """Levey-Jennings chart: one panel per control material, plates in order of name.

    Parameters
    ----------
    controls : DataFrame
        control, plate, value, position (plate number from 0), flag ("" or the rule broken).
    limits : dict
        Control to (centre, standard deviation).
    """
    panels = canvas.subplots(len(limits), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, (centre, spread)) in zip(panels, limits.items(), strict=True):
        own = controls[controls["control"].eq(name)]
        for width, shade in ((3, "#f3f6f8"), (2, "#e8eef2"), (1, "#dbe5ea")):
            axes.axhspan(centre - width * spread, centre + width * spread, color=shade, linewidth=0)
        axes.axhline(centre, color=SOFT, linewidth=0.9)
        means = own.groupby("position")["value"].mean()
        axes.plot(means.index, means, color=ACCENT, linewidth=0.9, alpha=0.6)
        axes.plot(own["position"], own["value"], "o", color=ACCENT, markersize=4.2, alpha=0.9)
        bad = own[own["flag"].ne("")]
        axes.plot(
            bad["position"], bad["value"], "o", color="#9b1d5a", markersize=8, fillstyle="none", markeredgewidth=1.8
        )
        for spot in records(bad.drop_duplicates("position")):
            axes.annotate(
                f"{spot.plate} {spot.flag}", (spot.position, spot.value), xytext=(6, 5), textcoords="offset points",
                fontsize=8.5, color="#9b1d5a",
            )  # fmt: skip
        axes.set_title(f"{name} control")
        axes.set_ylabel("Score")
        span = max(3.6 * spread, float(np.abs(own["value"] - centre).max()) * 1.15 if len(own) else 1.0, 0.5)
        axes.set_ylim(centre - span, centre + span)
        for width in (-3, -2, 2, 3):
            axes.text(1.003, centre + width * spread, f"{width:+d} SD", transform=axes.get_yaxis_transform(),
                      fontsize=8, color=SOFT, va="center")  # fmt: skip
    plates = controls.drop_duplicates("position").sort_values("position")
    step = max(1, len(plates) // 20)
    shown = plates.iloc[::step]
    panels[-1].set_xticks(
        shown["position"],
        shown["plate"],
        rotation=45 if len(plates) > 8 else 0,
        ha="right" if len(plates) > 8 else "center",
    )
    panels[-1].set_xlim(-0.6, float(plates["position"].max()) + 0.6)
