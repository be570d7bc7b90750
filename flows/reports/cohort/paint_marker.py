"""Pictures of the marker: distribution and individual trajectories by visit and arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from flows.reports.page import records
from flows.reports.style import FAINT, INK, MANY, SOFT, arm_colour, arm_label


def paint_marker(
    canvas: Canvas,
    values: pd.DataFrame,
    visits: Sequence[tuple[str, str]],
    cutoffs: Sequence[float],
    upper: float | None,
    label: str,
) -> None:
    """One panel per arm: every patient a thin line, every visit its median and quartiles.

    Parameters
    ----------
    values : DataFrame
        patient_id, arm, visit, value, recurred (bool: recurrence seen later or at the last visit drawn).
    visits : sequence of (code, label)
        In order of time.
    cutoffs : sequence of float
        Published cut-offs, drawn as lines.
    upper : float or None
        Upper end of the scale.
    """
    arms = [arm for arm in ("control", "prrt", "") if values["arm"].fillna("").eq(arm).any()] or [""]
    panels = canvas.subplots(1, len(arms), sharey=True, squeeze=False)[0]
    codes = [code for code, _ in visits]
    top = float(upper if upper is not None else np.nanmax(values["value"].to_numpy(), initial=1.0) * 1.05)
    for axes, arm in zip(panels, arms, strict=True):
        own = values[values["arm"].fillna("").eq(arm)]
        wide = own.pivot_table(index="patient_id", columns="visit", values="value", aggfunc="last")
        wide = wide.reindex(columns=codes)
        later = own.groupby("patient_id")["recurred"].any().reindex(wide.index).to_numpy(dtype=bool)
        _cutoff_lines(axes, cutoffs)
        _trajectories(axes, wide.to_numpy(), later, arm_colour(arm))
        _boxes(axes, wide.to_numpy(), arm_colour(arm))
        axes.set_title(arm_label(arm), color=arm_colour(arm))
        counts = wide.notna().sum().to_numpy()
        ticks = [f"{name}\nn = {count}" for (_, name), count in zip(visits, counts, strict=True)]
        axes.set_xticks(range(len(codes)), ticks)
        axes.set_xlim(-0.5, len(codes) - 0.45)
        axes.set_ylim(-0.02 * top, top * 1.02)
        axes.tick_params(axis="x", length=0)
    panels[0].set_ylabel(label)
    _legend(panels[-1])


def _cutoff_lines(axes: Axes, cutoffs: Sequence[float]) -> None:
    for cut in cutoffs:
        axes.axhline(cut, color="#9aa5b1", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.text(-0.48, cut, f"{cut:g}", ha="left", va="bottom", fontsize=8.5, color=SOFT)


def _trajectories(axes: Axes, wide: np.ndarray, recurred: np.ndarray, colour: str) -> None:
    # A fixed fan of offsets instead of random jitter: the same patients give the same picture.
    offsets = np.linspace(-0.16, 0.16, max(len(wide), 2))[np.argsort(np.arange(len(wide)) * 7 % max(len(wide), 1))]
    columns = np.arange(wide.shape[1])
    if len(wide) > MANY:
        axes.set_rasterization_zorder(3.5)
    for row, offset, later in zip(wide, offsets, recurred, strict=False):
        seen = np.isfinite(row)
        axes.plot(columns[seen] + offset, row[seen], color=colour, alpha=0.16, linewidth=0.8, zorder=2)
        axes.plot(
            columns[seen] + offset,
            row[seen],
            linestyle="none",
            marker="o",
            markersize=3.4,
            color=colour,
            markerfacecolor=colour if later else "white",
            markeredgewidth=0.8,
            alpha=0.75,
            zorder=3,
        )


def _boxes(axes: Axes, wide: np.ndarray, colour: str) -> None:
    for column, values in enumerate(wide.T):
        values = values[np.isfinite(values)]
        if len(values) == 0:
            continue
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        x = column + 0.30
        axes.plot([x, x], [low, high], color=INK, linewidth=3, alpha=0.85, zorder=4)
        axes.plot(x, middle, "o", color="white", markeredgecolor=INK, markersize=7, markeredgewidth=1.6, zorder=5)
        axes.text(x + 0.08, middle, f"{middle:.0f}", fontsize=9, fontweight="bold", va="center", color=INK, zorder=6)


def _legend(axes: Axes) -> None:
    handles = [
        Line2D([], [], linestyle="none", marker="o", color=SOFT, markersize=5, label="recurrence seen"),
        Line2D(
            [], [], linestyle="none", marker="o", color=SOFT, markerfacecolor="white", markersize=5,
            label="none seen so far",
        ),
        Line2D([], [], color=INK, linewidth=3, label="quartiles, median"),
    ]  # fmt: skip
    axes.legend(handles=handles, loc="upper right", fontsize=8.5)


def paint_missing(canvas: Canvas, table: pd.DataFrame, since: str) -> None:
    """Completeness map: rows are what was due, columns visits; each cell "got / due" coloured by the share.

    Parameters
    ----------
    table : DataFrame
        what, visit, due, got; one row per cell.
    """
    axes = canvas.subplots()
    rows, columns = list(dict.fromkeys(table["what"])), sorted(table["month"].unique())
    for cell in records(table):
        row, column = rows.index(cell.what), columns.index(cell.month)
        share = cell.got / cell.due if cell.due else np.nan
        shade = FAINT if not cell.due else _shade(share)
        axes.add_patch(_tile(column, row, shade))
        words = f"{cell.got:.0f} / {cell.due:.0f}" if cell.due else "none due"
        dark = cell.due and share > 0.55
        axes.text(column, row, words, ha="center", va="center", fontsize=9, color="white" if dark else INK)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), [f"{month:g}" for month in columns])
    axes.xaxis.tick_top()
    axes.set_xlabel(f"Visit, months since {since}")
    axes.xaxis.set_label_position("top")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", labelcolor=INK)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _shade(share: float) -> tuple[float, float, float]:
    low, high = np.array([246, 233, 214]) / 255, np.array([15, 92, 110]) / 255
    mixed = low + (high - low) * float(np.clip((share - 0.3) / 0.7, 0, 1))
    return float(mixed[0]), float(mixed[1]), float(mixed[2])


def _tile(column: int, row: int, colour: Any) -> Rectangle:
    return Rectangle((column - 0.48, row - 0.45), 0.96, 0.9, facecolor=colour, linewidth=0)
