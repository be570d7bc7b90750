"""Picture of a qPCR plate: quantification cycles where the wells are, with what is wrong written on them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from flows.reports.page import records
from flows.reports.style import INK

FORMATS = ((8, 12), (16, 24), (32, 48))
# Early cycles (much RNA) dark, late ones light: prints in grey and reads for every colour vision.
CYCLES = LinearSegmentedColormap.from_list("cycles", ["#0b3c49", "#2c7a8c", "#8fbcc6", "#e3eef1"])
FLAG_LOOK = {
    "undetermined": ("x", "#6b7681", "undetermined"),
    "ntc": ("D", "#9b1d5a", "no-template control amplified"),
    "replicate": ("^", "#e0a100", "replicates disagree"),
    "finding": ("o", "#d55e00", "other finding"),
    "omitted": ("_", "#6b7681", "omitted by the instrument user"),
}


def well_position(well: str) -> tuple[int, int] | None:
    """Row and column from 0 of a well name (``A1``, ``P24``, ``AF48``); None when it is not one."""
    match = re.fullmatch(r"\s*([A-Za-z]{1,2})\s*0*(\d{1,2})\s*", str(well))
    if match is None:
        return None
    row = 0
    for letter in match.group(1).upper():
        row = 26 * row + ord(letter) - ord("A") + 1
    return row - 1, int(match.group(2)) - 1


def plate_format(rows: np.ndarray, columns: np.ndarray) -> tuple[int, int]:
    """Smallest of the usual plates (96, 384, 1536) that holds the wells."""
    for height, width in FORMATS:
        if (len(rows) == 0) or (rows.max() < height and columns.max() < width):
            return height, width
    return int(rows.max()) + 1, int(columns.max()) + 1


def paint_plate(canvas: Canvas, wells: pd.DataFrame) -> None:
    """Heat map of the plate.

    Parameters
    ----------
    wells : DataFrame
        plate_row, plate_column (from 0), cq (cycles or NaN), flag (key of ``FLAG_LOOK`` or ""), label (short text).
    """
    axes = canvas.subplots()
    height, width = plate_format(wells["plate_row"].to_numpy(), wells["plate_column"].to_numpy())
    grid = np.full((height, width), np.nan)
    known = wells.dropna(subset=["cq"])
    grid[known["plate_row"].astype(int), known["plate_column"].astype(int)] = known["cq"]
    axes.set_facecolor("#f6f7f8")
    finite = grid[np.isfinite(grid)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (15.0, 40.0)
    mesh = axes.pcolormesh(
        np.arange(width + 1) - 0.5, np.arange(height + 1) - 0.5, np.ma.masked_invalid(grid),
        cmap=CYCLES, vmin=low, vmax=max(high, low + 1), edgecolors="white", linewidth=1.2,
    )  # fmt: skip
    dense = height > FORMATS[0][0]
    if not dense:
        for well in records(known):
            dark = (well.cq - low) / max(high - low, 1) < 0.45
            axes.text(well.plate_column, well.plate_row + 0.20, f"{well.cq:.1f}", ha="center", va="center",
                      fontsize=7.5, color="white" if dark else INK)  # fmt: skip
            axes.text(well.plate_column, well.plate_row - 0.22, well.label, ha="center", va="center", fontsize=6.2,
                      color="white" if dark else INK)  # fmt: skip
    handles = _flags(axes, wells, 5.0 if dense else 8.0, 0.0 if dense else 0.32)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(range(width), [str(i + 1) for i in range(width)], fontsize=7.5 if dense else 9)
    axes.set_yticks(range(height), [row_name(i) for i in range(height)], fontsize=7.5 if dense else 9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    canvas.colorbar(mesh, ax=axes, shrink=0.55, pad=0.02, label="Cq (cycles)")
    if handles:
        canvas.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8.5)


def row_name(row: int) -> str:
    """Letters of a plate row: 0 is A, 26 is AA."""
    letters = ""
    row += 1
    while row:
        row, rest = divmod(row - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _flags(axes, wells: pd.DataFrame, size: float, shift: float) -> list[Line2D]:
    handles = []
    for flag, (marker, colour, label) in FLAG_LOOK.items():
        own = wells[wells["flag"].eq(flag)]
        if own.empty:
            continue
        look: dict[str, Any] = {
            "linestyle": "none",
            "marker": marker,
            "color": colour,
            "markersize": size,
            "markeredgewidth": 1.4,
        }
        blank = own["cq"].isna()
        axes.plot(own["plate_column"] + np.where(blank, 0, shift), own["plate_row"] - np.where(blank, 0, shift), **look)
        handles.append(Line2D([], [], **look, label=f"{label} ({len(own)})"))
    return handles
