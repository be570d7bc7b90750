"""Curves by arm with numbers at risk: Kaplan-Meier, cumulative incidence, and curves of interval-censored times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from flows.reports.style import INK, SOFT, arm_colour, arm_label, arm_text, percent_axis
from models.estimates.values import Curve


@dataclass(frozen=True)
class ArmCurve:
    """A curve of one arm with the numbers at risk under it."""

    arm: str
    curve: Curve
    at_risk: np.ndarray


@dataclass(frozen=True)
class IntervalArm:
    """Two curves of one arm from interval-censored times.

    Parameters
    ----------
    left, right, value : array, shape (k,)
        Nonparametric estimate: the share still free after ``right``; between ``left`` and ``right`` it is not
        determined.
    band : array, shape (3, m)
        Months, lower and upper limit of the nonparametric estimate; no columns without a band.
    smooth : array, shape (2, m)
        Months and Weibull curve; no columns when it could not be fitted.
    known : float
        Last month at which anybody was known to be free or to have had the event.
    """

    arm: str
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    band: np.ndarray
    smooth: np.ndarray
    known: float


def paint_steps(
    canvas: Canvas,
    arms: Sequence[ArmCurve],
    months: np.ndarray,
    label: str,
    last: float,
    local_from: float | None,
    since: str,
    ticks: bool = True,
) -> None:
    """Step curves by arm with interval bands and a table of numbers at risk.

    Parameters
    ----------
    months : array
        Months at which numbers at risk are printed.
    local_from : float or None
        Month from which imaging is local; shaded.
    since : str
        What months are counted from.
    ticks : bool
        Whether censored patients are marked on the curve.
    """
    axes, table = canvas.subplots(2, 1, height_ratios=[5, 0.35 + 0.36 * max(len(arms), 1)], sharex=True)
    if local_from is not None and last > local_from:
        axes.axvspan(local_from, last * 1.015, color="#eef1f4", zorder=0, linewidth=0)
        axes.text((local_from + last) / 2, 1.025, "local imaging", ha="center", va="bottom", fontsize=8.5, color=SOFT)
    ends = []
    for item in arms:
        curve, colour = item.curve, arm_colour(item.arm)
        seen = curve.time <= last
        x = np.append(curve.time[seen], min(last * 1.015, float(curve.time[-1])))
        y, low, high = (np.append(part[seen], part[seen][-1]) for part in (curve.value, curve.lower, curve.upper))
        axes.fill_between(x, low, high, step="post", color=colour, alpha=0.14, linewidth=0)
        axes.step(x, y, where="post", color=colour)
        if ticks:
            lost = seen & (curve.n_censor > 0)
            axes.plot(curve.time[lost], curve.value[lost], "|", color=colour, markersize=6, markeredgewidth=1.0)
        ends.append((float(y[-1]), item.arm))
    _end_words(axes, ends, last)
    percent_axis(axes, label)
    axes.set_xlim(0, last * 1.015)
    axes.set_xticks(months)
    axes.tick_params(labelbottom=True)
    axes.set_xlabel(f"Months since {since}")
    _risk_table(table, arms, months)


def _end_words(axes: Axes, ends: list[tuple[float, str]], last: float) -> None:
    """Names of the arms at the ends of their curves, moved apart where they would touch."""
    floor = -np.inf
    for height, arm in sorted(ends):
        place = max(height, floor)
        floor = place + 0.075
        axes.text(last * 1.03, place, arm_label(arm), color=arm_text(arm), va="center", fontweight="bold",
                  clip_on=False)  # fmt: skip


def _risk_table(axes: Axes, arms: Sequence[ArmCurve], months: np.ndarray) -> None:
    axes.set_ylim(len(arms) - 0.4, -1.1)
    axes.text(0, -0.85, "At risk", color=SOFT, fontsize=8.5, ha="left", va="center")
    for row, item in enumerate(arms):
        for month, count in zip(months, item.at_risk, strict=True):
            axes.text(month, row, str(int(count)), ha="center", va="center", color=arm_text(item.arm), fontsize=9)
    axes.axis("off")


def paint_intervals(
    canvas: Canvas, arms: Sequence[IntervalArm], label: str, last: float, months: np.ndarray, since: str
) -> None:
    """One panel per arm: the nonparametric curve with its band beside the Weibull curve."""
    panels = canvas.subplots(1, len(arms), sharey=True, squeeze=False)[0]
    for axes, item in zip(panels, arms, strict=True):
        colour = arm_colour(item.arm)
        if item.band.size:
            shown = item.band[:, item.band[0] <= last]
            axes.fill_between(*shown, color=colour, alpha=0.14, linewidth=0)
        _undetermined(axes, item, last)
        if item.smooth.size:
            axes.plot(*item.smooth, color=INK, linewidth=1.4, linestyle=(0, (5, 2)))
        percent_axis(axes, label if axes is panels[0] else "")
        axes.set_title(arm_label(item.arm), color=arm_text(item.arm))
        axes.set_xlim(0, last * 1.015)
        axes.set_xticks(months)
        axes.set_xlabel(f"Months since {since}")
    handles = [
        Line2D([], [], color=SOFT, linewidth=2, label="nonparametric (Turnbull)"),
        Patch(facecolor=SOFT, alpha=0.45, label="not determined between two scans"),
        Patch(facecolor=SOFT, alpha=0.16, label="95% bootstrap band"),
        Line2D([], [], color=INK, linewidth=1.4, linestyle=(0, (5, 2)), label="Weibull"),
    ]
    canvas.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8.5)


def _undetermined(axes: Axes, item: IntervalArm, last: float) -> None:
    """Level parts as lines, and a box wherever the curve falls somewhere inside an interval."""
    colour, level, start = arm_colour(item.arm), 1.0, 0.0
    for left, right, value in zip(item.left, item.right, item.value, strict=True):
        axes.plot([start, min(left, last)], [level, level], color=colour)
        if left >= last:
            return
        end = min(right, last)
        axes.fill_between([left, end], [value, value], [level, level], color=colour, alpha=0.4, linewidth=0)
        level, start = float(value), end
    axes.plot([start, last], [level, level], color=colour)
