"""Pictures of response and harm: waterfall of best change, adverse events by arm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from flows.reports.page import records
from flows.reports.style import INK, SOFT, arm_colour, arm_label, arm_text

NAMED_BARS = 60


def paint_waterfall(canvas: Canvas, bars: pd.DataFrame, partial: float, progression: float) -> None:
    """Best change of the sum of target diameters, one bar per patient, from growth to shrinkage.

    Parameters
    ----------
    bars : DataFrame
        patient_id, arm, change (per cent of the baseline sum), best (overall response): drawn in this order.
    partial, progression : float
        Per cent at which lines are drawn (-30 and 20 by RECIST 1.1).
    """
    axes = canvas.subplots()
    place = np.arange(len(bars))
    top = 100.0
    height = bars["change"].clip(upper=top).to_numpy()
    axes.bar(place, height, width=0.82, color=[arm_colour(arm) for arm in bars["arm"]], linewidth=0)
    for limit in (partial, progression):
        axes.axhline(limit, color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.text(len(bars) - 0.4, limit, f"{limit:+.0f}%", va="bottom", ha="left", fontsize=8.5, color=SOFT)
    axes.axhline(0, color=INK, linewidth=0.8)
    if len(bars) <= NAMED_BARS:
        for at, (row, tall) in enumerate(zip(records(bars), height, strict=True)):
            axes.text(at, tall + (2 if tall >= 0 else -2), row.best, ha="center", fontsize=8, color=INK,
                      va="bottom" if tall >= 0 else "top", rotation=90 if len(bars) > 24 else 0)  # fmt: skip
    axes.set_xlim(-0.7, len(bars) + 1.2)
    axes.set_ylim(min(-105.0, float(height.min(initial=0)) - 5), max(40.0, float(height.max(initial=0)) + 14))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_ylabel("Best change from baseline, %")
    shown = [arm for arm in ("control", "prrt", "") if bars["arm"].eq(arm).any()]
    axes.legend(handles=[Patch(facecolor=arm_colour(arm), label=arm_label(arm)) for arm in shown], loc="upper right")


def paint_adverse(canvas: Canvas, terms: Sequence[str], table: pd.DataFrame, arms: Sequence[str]) -> None:
    """Share of patients with each term, one panel per arm: any grade pale, grade 3 or worse strong.

    Parameters
    ----------
    terms : sequence of str
        From top to bottom.
    table : DataFrame
        term, arm, any, severe, n: patients.
    """
    panels = canvas.subplots(1, len(arms), sharey=True, squeeze=False)[0]
    lines = np.arange(len(terms))
    highest = 0.0
    for axes, arm in zip(panels, arms, strict=True):
        own = table[table["arm"].eq(arm)].set_index("term").reindex(list(terms))
        size = own["n"].max()
        any_grade, severe = (100 * own[name].fillna(0) / size for name in ("any", "severe"))
        highest = max(highest, float(any_grade.max()))
        axes.barh(lines, any_grade, height=0.68, color=arm_colour(arm), alpha=0.3, linewidth=0)
        axes.barh(lines, severe, height=0.68, color=arm_colour(arm), linewidth=0)
        for line, share, bad in zip(lines, any_grade, severe, strict=True):
            words = f"{share:.0f}% ({bad:.0f}%)" if share else "0%"
            axes.text(share + 1, line, words, va="center", fontsize=8.5, color=INK)
        axes.set_title(f"{arm_label(arm)} (n = {size:.0f})", color=arm_text(arm))
        axes.set_xlabel("Patients, %")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.spines["left"].set_visible(False)
    panels[0].set_yticks(lines, terms)
    panels[0].set_ylim(len(terms) - 0.5, -0.5)
    for axes in panels:
        axes.set_xlim(0, max(highest * 1.32, 5))
