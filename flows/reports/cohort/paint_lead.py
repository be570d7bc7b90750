"""Pictures of the marker beside imaging: lead time as an interval, and all markers by visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from flows.reports.page import records
from flows.reports.style import FAINT, INK, MANY, SOFT, arm_colour, arm_label


def paint_lead(canvas: Canvas, lines: pd.DataFrame) -> None:
    """One line per patient with a positive marker before recurrence: the lead time lies somewhere on it.

    Parameters
    ----------
    lines : DataFrame
        arm, lower, upper (months): from the last clear scan and from the first positive scan back to the first positive
        sample, in drawing order. A negative lower end: the marker turned after the last clear scan.
    """
    axes = canvas.subplots()
    place = np.arange(len(lines))
    thin = min(1.0, MANY / max(len(lines), 1))
    if thin < 1:
        axes.set_rasterization_zorder(3.5)
    colours = [arm_colour(arm) for arm in lines["arm"]]
    axes.axvline(0, color=SOFT, linewidth=0.9)
    axes.hlines(place, lines["lower"], lines["upper"], colors=colours, linewidth=2.4 * thin, alpha=0.55)
    axes.scatter(lines["upper"], place, c=colours, s=16 * thin**2, zorder=3)
    axes.scatter(lines["lower"], place, s=16 * thin**2, zorder=3, facecolors="white", edgecolors=colours)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(lines) - 0.2, -0.8)
    axes.grid(axis="x")
    axes.set_xlabel("Lead time, months before recurrence")
    handles = [
        Line2D([], [], marker="o", color=SOFT, markerfacecolor="white", linestyle="none", label="to last clear scan"),
        Line2D([], [], marker="o", color=SOFT, linestyle="none", label="to the first positive scan"),
        *(
            Line2D([], [], color=arm_colour(arm), linewidth=2.4, label=arm_label(arm))
            for arm in ("control", "prrt", "")
            if lines["arm"].eq(arm).any()
        ),
    ]
    canvas.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8.5)


def paint_panels(
    canvas: Canvas, panels: Mapping[str, pd.DataFrame], visits: Sequence[tuple[str, str]], logged: Sequence[str]
) -> None:
    """One panel per marker: values by visit and arm with median and quartiles.

    Parameters
    ----------
    panels : mapping of str to DataFrame
        Title with unit to arm, visit, value.
    visits : sequence of (code, label)
    logged : sequence of str
        Titles of the panels on a logarithmic axis.
    """
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    grid = canvas.subplots(rows, columns, squeeze=False)
    for axes, (title, values) in zip(grid.flat, panels.items(), strict=False):
        _panel(axes, values, visits)
        axes.set_title(title)
        if title in logged:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    arms = sorted({arm for values in panels.values() for arm in values["arm"]})
    handles = [
        Line2D([], [], marker="o", color=arm_colour(arm), linestyle="none", label=arm_label(arm)) for arm in arms
    ]
    handles.append(Line2D([], [], color=INK, linewidth=3, label="quartiles, median"))
    canvas.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8.5)


def _panel(axes: Axes, values: pd.DataFrame, visits: Sequence[tuple[str, str]]) -> None:
    shown = [(code, name) for code, name in visits if values["visit"].eq(code).any()]
    arms = sorted(values["arm"].unique())
    shift = dict(zip(arms, np.linspace(-0.2, 0.2, len(arms)) if len(arms) > 1 else [0.0], strict=True))
    for column, (code, _) in enumerate(shown):
        for arm in arms:
            own = values[values["visit"].eq(code) & values["arm"].eq(arm)].sort_values("patient_id")["value"]
            if own.empty:
                continue
            middle = column + shift[arm]
            spread = middle + 0.07 * np.sin(np.arange(len(own)) * 2.4)
            axes.plot(spread, own, "o", markersize=2.8, color=arm_colour(arm), alpha=0.45, markeredgewidth=0,
                      rasterized=len(values) > MANY)  # fmt: skip
            low, half, high = np.quantile(own, [0.25, 0.5, 0.75])
            axes.plot([middle + 0.13] * 2, [low, high], color=INK, linewidth=2.4)
            axes.plot(middle + 0.13, half, "o", color="white", markeredgecolor=INK, markersize=4.6)
    counts = [int(values["visit"].eq(code).sum()) for code, _ in shown]
    names = [f"{name}\nn = {count}" for (_, name), count in zip(shown, counts, strict=True)]
    axes.set_xticks(range(len(shown)), names)
    axes.set_xlim(-0.5, len(shown) - 0.4)
    axes.tick_params(axis="x", length=0, labelsize=8.5)
    axes.grid(axis="y", color=FAINT)


def paint_status(canvas: Canvas, table: pd.DataFrame) -> None:
    """Eligibility: one bar per rule, split into met, not met and not assessable.

    Parameters
    ----------
    table : DataFrame
        label, met, not_met, unknown (patients), from top to bottom.
    """
    axes = canvas.subplots()
    lines = np.arange(len(table))
    left = np.zeros(len(table))
    for name, colour, words in (("met", "#2f7d5b", "white"), ("not_met", "#9b1d5a", "white"), ("unknown", FAINT, INK)):
        share = table[name].to_numpy(dtype=float)
        axes.barh(lines, share, left=left, height=0.72, color=colour, linewidth=0)
        for line, (start, width) in enumerate(zip(left, share, strict=True)):
            if width > 0.035 * table[["met", "not_met", "unknown"]].sum(axis=1).max():
                axes.text(start + width / 2, line, f"{width:.0f}", ha="center", va="center", color=words, fontsize=8.5)
        left += share
    axes.set_yticks(lines, table["label"])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("Patients")
    colours = {"met": "#2f7d5b", "not met": "#9b1d5a", "not assessable": FAINT}
    handles = [Line2D([], [], color=colour, linewidth=7, label=name) for name, colour in colours.items()]
    canvas.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8.5)


def paint_forest(canvas: Canvas, rows: pd.DataFrame, label: str) -> None:
    """Ratios with their intervals on a logarithmic axis; the size of the square follows the events.

    Parameters
    ----------
    rows : DataFrame
        label, value, lower, upper; NaN where not estimable.
    """
    axes = canvas.subplots()
    axes.axvline(1, color=SOFT, linewidth=0.9)
    for at, row in enumerate(records(rows)):
        if np.isfinite(row.value):
            axes.plot([row.lower, row.upper], [at, at], color=INK, linewidth=1.6)
            axes.plot(row.value, at, "s", color=INK, markersize=6)
        else:
            axes.text(1, at, "not estimable", fontsize=8.5, color=SOFT, va="center", backgroundcolor="white")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_yticks(range(len(rows)), rows["label"])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(label)
