"""What validation on demand leaves with a training: learning curve and permutation null, as tables and pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from models.result import TrainingResult
from models.tracking.figures import COLOURS, INK, QUIET, canvas, caption


def write_validation_files(result: TrainingResult, folder: Path, simulated: bool) -> dict[str, str]:
    """Write what was asked for into a folder; returns the alternative texts of the pictures by file name."""
    texts = {}
    if result.learning_curve is not None:
        result.learning_curve.to_csv(folder / "learning_curve.csv", index=False)
        learning_figure(result, simulated).savefig(folder / "learning_curve.png")
        texts["learning_curve.png"] = learning_words(result)
    if result.permutation is not None:
        result.permutation.summary.to_csv(folder / "permutation.csv", index=False)
        result.permutation.draws.to_csv(folder / "permutation_null.csv", index=False, float_format="%.6g")
    return texts


def learning_figure(result: TrainingResult, simulated: bool = False) -> Figure:
    """Out-of-fold AUC by the number of labelled patients that the models were fitted on."""
    curve = pd.DataFrame(result.learning_curve)
    figure, axes = canvas(f"Learning curve: {result.endpoint.id}", caption(result), simulated)
    for place, (name, rows) in enumerate(curve.groupby("model", sort=False)):
        colour, at = COLOURS.get(str(name), INK), rows["patients"] + 0.6 * place
        axes.plot(at, rows["auc"], "o-", color=colour, linewidth=2, markersize=6, label=name)
        axes.vlines(at, rows["auc_lo"], rows["auc_hi"], color=colour, linewidth=1, alpha=0.7)
    axes.axhline(0.5, color=QUIET, linewidth=1, linestyle=":")
    axes.set(xlabel="Labelled patients fitted on (mean over the folds)", ylabel="AUC, out of fold")
    axes.legend(fontsize=8, frameon=False)
    return figure


def learning_words(result: TrainingResult) -> str:
    """The learning curve in a sentence."""
    curve = pd.DataFrame(result.learning_curve)
    parts = []
    for name, rows in curve.groupby("model", sort=False):
        first, last = rows.iloc[0], rows.iloc[-1]
        start = "not estimable" if np.isnan(first.auc) else f"{first.auc:.2f}"
        parts.append(f"{name} from {start} on {first.patients:.0f} to {last.auc:.2f} on {last.patients:.0f} patients")
    return f"Out-of-fold AUC of {result.endpoint.id} by patients fitted on: {'; '.join(parts)}."
