"""Forest plot of a model in groups of patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from flows.reports.page import interval, percent, records
from flows.reports.style import ACCENT, INK, SOFT


def paint_groups(canvas: Canvas, frame: pd.DataFrame, overall: float) -> None:
    """AUC with interval per group; in words beside it n, events, event rate, AUC and observed over expected.

    Parameters
    ----------
    frame : DataFrame
        variable, level, n, events, prevalence, auc, auc_lo, auc_hi, oe, oe_lo, oe_hi, note, in drawing order.
    overall : float
        AUC of all patients, a vertical line; not drawn when NaN.
    """
    axes = canvas.subplots()
    for position, row in enumerate(records(frame)):
        if np.isfinite(row.auc):
            axes.plot([row.auc_lo, row.auc_hi], [position, position], color=SOFT, linewidth=1.8)
            axes.plot(row.auc, position, "o", color=ACCENT, markersize=6)
        figures = f"{interval(row.auc, row.auc_lo, row.auc_hi)}   O/E {interval(row.oe, row.oe_lo, row.oe_hi)}"
        words = f"{row.events}/{row.n}, {percent(row.prevalence)}   " + ("not estimable" if row.note else figures)
        axes.text(1.02, position, words, transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=INK)
    if np.isfinite(overall):
        axes.axvline(overall, color=ACCENT, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.axvline(0.5, color="#9aa5b1", linewidth=0.9)
    axes.set_yticks(range(len(frame)), [f"{row.variable}: {row.level}" for row in records(frame)])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(frame) - 0.4, -0.6)
    low = frame["auc_lo"].min()
    axes.set_xlim(min(0.45, low - 0.03) if np.isfinite(low) else 0.45, 1.0)
    axes.set_xlabel("Area under the ROC curve; beside it events / labelled, event rate, AUC, observed over expected")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
