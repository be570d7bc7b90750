"""Pictures of models: ROC, calibration, decision curve, forest plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from flows.reports.page import records
from flows.reports.style import ACCENT, INK, SERIES, SOFT


def series_colours(names: Sequence[str], champion: str) -> dict[str, str]:
    """Accent for the champion, muted colours for the rest, by order of name."""
    others = [name for name in names if name != champion]
    colours = {name: SERIES[1:][i % (len(SERIES) - 1)] for i, name in enumerate(others)}
    return {**colours, champion: ACCENT}


def paint_roc(canvas: Canvas, curves: Mapping[str, pd.DataFrame], points: Sequence[tuple[str, float, float]],
              champion: str) -> None:  # fmt: skip
    """ROC curves (columns fpr, tpr), the champion strong; ``points`` are fixed cut-offs (label, fpr, tpr)."""
    axes = canvas.subplots()
    axes.plot([0, 1], [0, 1], color="#b8c1ca", linewidth=0.9, linestyle=(0, (4, 3)))
    colours = series_colours(list(curves), champion)
    for name, curve in sorted(curves.items(), key=lambda item: item[0] == champion):
        strong = name == champion
        axes.plot(
            curve["fpr"], curve["tpr"], color=colours[name], linewidth=2.6 if strong else 1.3,
            alpha=1 if strong else 0.8, label=name,
        )  # fmt: skip
    for marker, (label, fpr, tpr) in zip("DsP^", points, strict=False):
        axes.plot(fpr, tpr, marker, color=INK, markersize=6.5, label=label, linestyle="none")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("Sensitivity")
    axes.grid(True)
    axes.legend(loc="lower right", fontsize=8.5)


def paint_calibration(
    canvas: Canvas, groups: pd.DataFrame, predictions: np.ndarray, smooth: pd.DataFrame | None = None
) -> None:
    """Predicted against observed risk.

    Parameters
    ----------
    groups : DataFrame
        predicted, observed, lower, upper, n: weighted groups of the champion.
    predictions : array
        All predicted risks, drawn as a histogram under the plot.
    smooth : DataFrame, optional
        Flexible curve with its band: predicted, observed, lower, upper.
    """
    axes, under = canvas.subplots(2, 1, height_ratios=[5, 1], sharex=True)
    axes.plot([0, 1], [0, 1], color="#b8c1ca", linewidth=0.9, linestyle=(0, (4, 3)))
    if smooth is not None:
        axes.fill_between(smooth["predicted"], smooth["lower"], smooth["upper"], color=ACCENT, alpha=0.15, linewidth=0)
        axes.plot(smooth["predicted"], smooth["observed"], color=ACCENT, linewidth=2)
    axes.vlines(groups["predicted"], groups["lower"], groups["upper"], color=ACCENT, linewidth=1.6)
    axes.plot(groups["predicted"], groups["observed"], "o", color=ACCENT, markersize=7)
    for row in records(groups):
        axes.annotate(f"{row.n:.0f}", (row.predicted, row.observed), xytext=(6, -10), textcoords="offset points",
                      fontsize=8, color=SOFT)  # fmt: skip
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("Observed risk")
    axes.grid(True)
    under.hist(predictions, bins=np.linspace(0, 1, 26), color=ACCENT, alpha=0.55)
    under.set_xlim(-0.02, 1.02)
    under.set_xlabel("Predicted risk")
    under.set_yticks([])
    under.spines["left"].set_visible(False)


def paint_decision(
    canvas: Canvas, curves: Mapping[str, pd.DataFrame], champion: str, thresholds: Sequence[float]
) -> None:
    """Net benefit (columns threshold, net_benefit) by model, with "all" and "none"; call thresholds are marked."""
    axes = canvas.subplots()
    names = [name for name in curves if name not in ("all", "none")]
    colours = series_colours(names, champion)
    for threshold in thresholds:
        axes.axvline(threshold, color="#c8d0d8", linewidth=0.8, linestyle=(0, (2, 3)))
    for name, curve in curves.items():
        if name in ("all", "none"):
            look: dict[str, Any] = {
                "color": SOFT,
                "linewidth": 1.0,
                "linestyle": "-" if name == "none" else (0, (4, 3)),
            }
            label = "treat all" if name == "all" else "treat none"
        else:
            look = {"color": colours[name], "linewidth": 2.6 if name == champion else 1.3}
            label = name
        axes.plot(curve["threshold"], curve["net_benefit"], label=label, **look)
        if name == champion and "lower" in curve:
            axes.fill_between(
                curve["threshold"], curve["lower"], curve["upper"], color=colours[name], alpha=0.15, linewidth=0
            )
    highest = [curve[name].max() for curve in curves.values() for name in ("net_benefit", "upper") if name in curve]
    top = max([float(value) for value in highest if np.isfinite(value)] + [0.05])
    axes.set_ylim(-0.12 * top, top * 1.08)
    axes.set_xlabel("Risk threshold")
    axes.set_ylabel("Net benefit")
    axes.grid(axis="y")
    axes.legend(loc="upper right", fontsize=8.5)


def paint_forest(canvas: Canvas, rows: pd.DataFrame, alarm: float | None) -> None:
    """AUC with interval per model.

    Parameters
    ----------
    rows : DataFrame
        label, value, lower, upper, champion (bool), in drawing order.
    alarm : float or None
        AUC above which leakage is suspected.
    """
    axes = canvas.subplots()
    for position, row in enumerate(records(rows)):
        colour = ACCENT if row.champion else SOFT
        if np.isfinite(row.lower) and np.isfinite(row.upper):
            axes.plot([row.lower, row.upper], [position, position], color=colour, linewidth=3 if row.champion else 1.8)
        axes.plot(
            row.value, position, "D" if row.champion else "o", color=colour, markersize=8 if row.champion else 6.5
        )
        words = (
            f"{row.value:.2f} ({row.lower:.2f} to {row.upper:.2f})" if np.isfinite(row.lower) else f"{row.value:.2f}"
        )
        axes.text(1.02, position, words, transform=axes.get_yaxis_transform(), va="center", fontsize=9.5,
                  color=INK, fontweight="bold" if row.champion else "normal")  # fmt: skip
    axes.axvline(0.5, color="#9aa5b1", linewidth=0.9)
    if alarm is not None:
        axes.axvline(alarm, color="#9b1d5a", linewidth=0.9, linestyle=(0, (4, 3)))
        axes.annotate("leakage alarm", (alarm, 1), xycoords=("data", "axes fraction"), fontsize=8, color="#9b1d5a",
                      ha="center", va="bottom")  # fmt: skip
    axes.set_yticks(range(len(rows)), rows["label"])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    low = float(np.nanmin([rows["lower"].min(), rows["value"].min(), 0.5])) - 0.03
    axes.set_xlim(max(0.0, low), 1.0)
    axes.set_xlabel("Area under the ROC curve")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
