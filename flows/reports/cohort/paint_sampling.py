"""Stacked bars: what became of the samples of each visit, specimen and arm."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from flows.reports.page import records
from flows.reports.sampling import LOOKS, visit_label
from flows.reports.style import INK, SOFT, arm_label, arm_text

LEAST_SHARE = 0.035
GAP = 0.55
ONE_LINE = 7
DARK = ("collected", "failed_qc", "dead")
PAPER_EDGE: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.8}


def paint_samples(canvas: Canvas, counts: pd.DataFrame, first: str) -> None:
    """One panel per specimen; a bar per visit and arm, filled by what became of the samples.

    Parameters
    ----------
    counts : DataFrame
        specimen, month, arm, status, n, share.
    first : str
        Name of the visit at or before month 0.
    """
    specimens = sorted(counts["specimen"].unique())
    places = _places(counts)
    panels = canvas.subplots(1, len(specimens), sharey=True, squeeze=False)[0]
    for axes, specimen in zip(panels, specimens, strict=True):
        own = counts[counts["specimen"].eq(specimen)]
        _bars(axes, own, places)
        axes.set_title(str(specimen).capitalize())
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    _names(panels[0], places, first)
    there = set(counts["status"])
    handles = [
        Patch(facecolor=colour, hatch=hatch, label=words, **PAPER_EDGE)
        for state, words, colour, hatch in LOOKS
        if state in there
    ]
    columns = len(handles) if len(handles) <= ONE_LINE else (len(handles) + 1) // 2
    canvas.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=9, columnspacing=1.4)


def _places(counts: pd.DataFrame) -> dict[tuple[float, str], float]:
    """Height of each bar: visits downwards, the arms of a visit together."""
    pairs = sorted(set(zip(counts["month"], counts["arm"], strict=True)), key=lambda pair: (pair[0], pair[1] or "~"))
    places, height, before = {}, 0.0, None
    for month, arm in pairs:
        height += GAP if before not in (None, month) else 0.0
        places[month, arm] = height
        height, before = height + 1.0, month
    return places


def _bars(axes: Axes, own: pd.DataFrame, places: dict[tuple[float, str], float]) -> None:
    looks = {state: (colour, hatch) for state, _, colour, hatch in LOOKS}
    filled = dict.fromkeys(places, 0.0)
    for row in records(own):
        bar = (row.month, row.arm)
        colour, hatch = looks[row.status]
        axes.barh(places[bar], row.share, left=filled[bar], height=0.8, color=colour, hatch=hatch, **PAPER_EDGE)
        if row.share >= LEAST_SHARE:
            axes.text(
                filled[bar] + row.share / 2, places[bar], f"{row.n}", ha="center", va="center", fontsize=9,
                color="white" if row.status in DARK else INK, fontweight="bold",
                bbox={"boxstyle": "round,pad=0.12", "facecolor": colour, "linewidth": 0} if hatch else None,
            )  # fmt: skip
        filled[bar] += row.share
    axes.set_ylim(max(places.values(), default=0.0) + 0.7, -0.7)


def _names(axes: Axes, places: dict[tuple[float, str], float], first: str) -> None:
    """Arm at each bar, visit once beside its bars."""
    axes.set_yticks(list(places.values()), [arm_label(arm) for _, arm in places])
    for tick, (_, arm) in zip(axes.get_yticklabels(), places, strict=True):
        tick.set_color(arm_text(arm))
    for month in dict.fromkeys(month for month, _ in places):
        own = [height for (other, _), height in places.items() if other == month]
        name = visit_label(month, first).replace("before ", "before\n").capitalize()
        axes.annotate(
            name, (0, sum(own) / len(own)), xycoords=("axes fraction", "data"),
            xytext=(-74, 0), textcoords="offset points", ha="right", va="center", fontsize=9.5, color=SOFT,
            annotation_clip=False,
        )  # fmt: skip
