"""Pictures of a plan: what grows, and how fast, with the number randomised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from flows.reports.style import ACCENT, INK, SERIES, SOFT

SCENARIO_LOOK = {"design": (ACCENT, "-"), "contemporary": (SERIES[1], (0, (5, 2)))}
DASH = (0, (4, 3))


def _look(scenario: str) -> tuple[str, object]:
    return SCENARIO_LOOK.get(scenario, (ACCENT, "-"))


def size_axis(axes: Axes, sizes: Sequence[int], planned: int) -> None:
    """Number randomised on a logarithmic axis, the planned number marked."""
    axes.set_xscale("log")
    axes.minorticks_off()
    ticks = [n for n in (50, 100, 200, 400, 800, 1600) if sizes[0] <= n <= sizes[-1]]
    axes.set_xticks(ticks, [str(n) for n in ticks])
    axes.set_xlim(sizes[0], sizes[-1])
    axes.set_xlabel("Patients randomised")
    if sizes[0] <= planned <= sizes[-1]:
        axes.axvline(planned, color="#9aa5b1", linewidth=0.9)


def paint_widths(
    canvas: Canvas,
    curves: Mapping[str, pd.DataFrame],
    panels: Sequence[tuple[str, str, float]],
    planned: int,
) -> None:
    """Interval widths by number randomised, one panel a measure.

    Parameters
    ----------
    curves : mapping of scenario to DataFrame
        ``n`` and a column for each measure.
    panels : sequence of (column, title, target)
        The target is drawn as a dashed line.
    planned : int
    """
    for axes, (name, title, target) in zip(canvas.subplots(1, len(panels)), panels, strict=True):
        for scenario, frame in curves.items():
            colour, line = _look(scenario)
            axes.plot(frame["n"], frame[name], color=colour, linestyle=line, label=scenario or "as given")
        axes.axhline(target, color=INK, linewidth=0.9, linestyle=DASH)
        sizes = next(iter(curves.values()))["n"].to_list()
        size_axis(axes, sizes, planned)
        axes.set_title(title)
        axes.set_ylim(0, min(float(max(frame[name].max() for frame in curves.values())), 5 * target) * 1.05)
        axes.grid(axis="y")
        axes.set_ylabel("Width of the 95% interval")
    _legend(canvas)


def paint_supported(canvas: Canvas, curves: Mapping[str, pd.DataFrame], parameters: int, planned: int) -> None:
    """Candidate parameters that the labelled patients support, by number randomised."""
    axes = canvas.subplots()
    for scenario, frame in curves.items():
        colour, line = _look(scenario)
        axes.plot(frame["n"], frame["supported"], color=colour, linestyle=line, label=scenario or "as given")
    axes.axhline(parameters, color=INK, linewidth=0.9, linestyle=DASH)
    sizes = next(iter(curves.values()))["n"].to_list()
    size_axis(axes, sizes, planned)
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axes.set_ylabel("Parameters supported")
    axes.grid(axis="y")
    axes.legend(loc="upper left")


def paint_power(canvas: Canvas, sizes: Sequence[int], power: Mapping[str, np.ndarray], planned: int) -> None:
    """Power of the log-rank test by number randomised, a line for each test."""
    axes = canvas.subplots()
    for (words, values), colour in zip(power.items(), (ACCENT, SERIES[4], SERIES[2]), strict=False):
        axes.plot(sizes, values, color=colour, label=words)
    _share_axis(axes, sizes, planned, "Power of the log-rank test")


def paint_added(canvas: Canvas, added: pd.DataFrame, alpha: float, planned: int) -> None:
    """Share of simulated trials in which the score adds, with Monte Carlo intervals, by world.

    Parameters
    ----------
    added : DataFrame
        world, size, success, success_lower, success_upper.
    alpha : float
        Success under no effect, drawn as a dashed line.
    """
    axes = canvas.subplots()
    sizes = sorted({50, 1600, *added["size"].astype(int)})
    axes.axhline(alpha, color=INK, linewidth=0.9, linestyle=DASH)
    worlds = list(added["world"].unique())
    for place, world in enumerate(worlds):
        own = added[added["world"].eq(world)].sort_values("size")
        # Worlds stand side by side: intervals at one size would hide each other.
        at = own["size"] * 1.035 ** (place - (len(worlds) - 1) / 2)
        colour = SERIES[place % len(SERIES)]
        axes.vlines(at, own["success_lower"], own["success_upper"], color=colour, linewidth=1.6)
        axes.plot(at, own["success"], "o-", color=colour, markersize=6, linewidth=1.0, label=world)
    _share_axis(axes, sizes, planned, "Trials that show it", "center right")


def _share_axis(axes: Axes, sizes: Sequence[int], planned: int, label: str, legend: Any = "lower right") -> None:
    size_axis(axes, sizes, planned)
    axes.set_ylim(-0.01, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_ylabel(label)
    axes.grid(axis="y")
    axes.legend(loc=legend)


def paint_available(canvas: Canvas, rows: pd.DataFrame) -> None:
    """Labelled patients and events by endpoint: formula as marks, simulated trials as ranges.

    Parameters
    ----------
    rows : DataFrame
        endpoint, source ("formula: design" ...), quantity (labelled, events), value, low, high (NaN for a formula).
    """
    endpoints, sources = list(rows["endpoint"].unique()), list(rows["source"].unique())
    step = 0.72 / max(len(sources), 1)
    panels = canvas.subplots(1, 2, sharey=True)
    for axes, quantity in zip(panels, ("labelled", "events"), strict=True):
        for order, source in enumerate(sources):
            own = rows[rows["source"].eq(source) & rows["quantity"].eq(quantity)]
            place = [endpoints.index(name) + step * (order - (len(sources) - 1) / 2) for name in own["endpoint"]]
            formula = source.startswith("formula")
            colour = SERIES[order % len(SERIES)]
            axes.hlines(place, own["low"], own["high"], color=colour, linewidth=2.2)
            axes.plot(own["value"], place, "D" if formula else "o", color=colour, markersize=5.5, label=source)
        axes.set_title(quantity.capitalize())
        axes.set_xlim(0, None)
        axes.set_xlabel("Patients")
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(endpoints)), endpoints)
    panels[0].tick_params(axis="y", length=0, labelcolor=INK)
    panels[0].set_ylim(len(endpoints) - 0.4, -0.6)
    for axes in panels:
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    _legend(canvas)


def _legend(canvas: Canvas) -> None:
    handles, labels = canvas.axes[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), fontsize=9, labelcolor=SOFT)
