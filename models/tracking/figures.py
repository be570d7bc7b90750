"""Figures of a training: ROC, calibration, net benefit and a forest of all models, with intervals and numbers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY, RULE
from models.result import TrainingResult

# Okabe-Ito: told apart by colour-blind readers and in print.
COLOURS = {
    "M0": "#000000",
    "M0b": "#7f7f7f",
    "M0c": "#b8b8b8",
    "M1": "#56B4E9",
    "M2": "#009E73",
    "M3": "#0072B2",
    "Mc": "#E69F00",
    "M4": "#F0E442",
    "M5": "#CC79A7",
    "M6": "#D55E00",
}
QUIET, INK = "#b8b8b8", "#333333"
SIMULATED = "SIMULATED DATA"


def canvas(
    title: str, caption: str, simulated: bool, size: tuple[float, float] = (5.8, 5.9), aside: float = 0.0
) -> tuple[Figure, Axes]:
    """An empty figure with title and caption; ``aside`` inches on the right stay free for text."""
    # Fixed margins: constrained layout triples the time of a figure.
    figure = Figure(figsize=size, dpi=100)
    width, height = size
    axes = figure.add_axes((0.75 / width, 1.25 / height, 1 - (0.95 + aside) / width, 1 - 1.6 / height))
    figure.text(0.12 / width, 1 - 0.2 / height, title, fontsize=10, va="center", color=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=9, colors=INK)
    text = caption + (f"\n{SIMULATED}" if simulated else "")
    figure.text(0.12 / width, 0.08 / height, text, fontsize=7.5, va="bottom", color=INK)
    return figure, axes


def caption(result: TrainingResult) -> str:
    """Numbers that belong under every figure: patients, events, rate, no-calls, arms."""
    counts = result.counts
    arms = ", ".join(f"{row.arm} {row.events}/{row.labelled}" for row in result.by_arm.itertuples())
    return (
        f"{counts['labelled']} labelled patients, {counts['events']} events (event rate {result.prevalence:.0%}); "
        f"{counts['censored']} censored, {counts['no_call']} without a call.\nEvents/labelled by arm: {arms}. "
        "Out-of-fold: curves of mean predictions, figures are means over the repeats with 95% intervals."
    )


def _title(result: TrainingResult, name: str, what: str) -> str:
    return f"{what}: {result.endpoint.id}, {name}, {REGISTRY[name].title}"


def roc_figure(result: TrainingResult, name: str, simulated: bool = False) -> Figure:
    """ROC curve of a model beside the clinical comparator and the cut-off rule."""
    figure, axes = canvas(_title(result, name, "ROC"), caption(result), simulated)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=":")
    shown = [other for other in (CLINICAL_COMPARATOR, name) if other in result.models]
    for other in dict.fromkeys(shown):
        curve = result.models[other].curves["roc"]
        label = f"{other}  AUC {result.models[other].cell('auc', 2)}"
        axes.plot(curve.false_positive, curve.true_positive, color=COLOURS[other], linewidth=2, label=label)
    if RULE in result.models and name != RULE:
        row = result.models[RULE].cutoffs.iloc[0]
        axes.errorbar(
            1 - row.spec,
            row.sens,
            xerr=np.maximum([[row.spec_hi - row.spec], [row.spec - row.spec_lo]], 0),
            yerr=np.maximum([[row.sens - row.sens_lo], [row.sens_hi - row.sens]], 0),
            fmt="D",
            color=COLOURS[RULE],
            markersize=6,
            linewidth=1,
            label=f"{RULE}  {row['cut-off']}",
        )
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    return figure


def calibration_figure(result: TrainingResult, name: str, simulated: bool = False) -> Figure:
    """Observed against predicted risk in groups, with the predictions of all patients along the axis."""
    model = result.models[name]
    figure, axes = canvas(_title(result, name, "Calibration"), caption(result), simulated)
    groups = model.curves["calibration"]
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=":")
    smooth = model.curves.get("flexible")
    if smooth is not None:
        axes.plot(smooth.predicted, smooth.observed, color=COLOURS[name], linewidth=2)
        axes.fill_between(smooth.predicted, smooth.lower, smooth.upper, color=COLOURS[name], alpha=0.15, linewidth=0)
    axes.errorbar(
        groups.predicted,
        groups.observed,
        yerr=np.maximum([groups.observed - groups.lower, groups.upper - groups.observed], 0),
        fmt="o",
        color=COLOURS[name],
        markersize=6,
        linewidth=1.2,
    )
    axes.plot(model.oof.probability, np.zeros(len(model.oof)), "|", color=INK, markersize=8, alpha=0.5)
    words = "\n".join(
        f"{label} {model.cell(metric, 2)}"
        for label, metric in (("slope", "slope"), ("observed/expected", "oe"), ("Brier", "brier"), ("IPA", "ipa"))
    )
    axes.text(0.03, 0.97, words, transform=axes.transAxes, va="top", fontsize=8, color=INK)
    axes.set(xlabel="Predicted risk", ylabel="Observed risk", xlim=(-0.01, 1.01), ylim=(-0.03, 1.01), aspect="equal")
    return figure


def net_benefit_figure(result: TrainingResult, name: str, simulated: bool = False) -> Figure:
    """Decision curve of a model against the clinical comparator, everybody and nobody."""
    figure, axes = canvas(_title(result, name, "Net benefit"), caption(result), simulated)
    for other in dict.fromkeys(other for other in (CLINICAL_COMPARATOR, name) if other in result.models):
        curve = result.models[other].curves["net_benefit"]
        axes.plot(curve.threshold, curve.model, color=COLOURS[other], linewidth=2, label=other)
        if other == name:
            axes.fill_between(
                curve.threshold, curve.lower, curve.upper, color=COLOURS[name], alpha=0.15, linewidth=0,
                label="pointwise 95% band",
            )  # fmt: skip
    curve = result.models[name].curves["net_benefit"]
    axes.plot(curve.threshold, curve["all"], color=QUIET, linewidth=1.2, label="act on everybody")
    axes.axhline(0, color=QUIET, linewidth=1.2, linestyle=":", label="act on nobody")
    axes.set(xlabel="Threshold probability", ylabel="Net benefit per patient", ylim=(-0.08, None))
    axes.legend(fontsize=8, frameon=False)
    return figure


def forest_figure(result: TrainingResult, simulated: bool = False) -> Figure:
    """AUC of every model with its interval, the champion marked; the difference to the clinical comparator beside."""
    names = list(result.models)[::-1]
    size = (8.4, 1.9 + 0.42 * len(names))
    title = f"AUC: {result.endpoint.id}, {result.endpoint.title} (diamond: champion)"
    figure, axes = canvas(title, caption(result), simulated, size, aside=3.2)
    for row, name in enumerate(names):
        model = result.models[name]
        lower, upper = model.intervals["auc"]
        axes.plot([lower, upper], [row, row], color=COLOURS[name], linewidth=2)
        axes.plot(model.metrics["auc"], row, "D" if name == result.champion else "o", color=COLOURS[name], markersize=7)
        axes.annotate(
            f"{model.cell('auc', 2)}   {_against(result, name)}",
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.axvline(0.5, color=QUIET, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set(xlabel="AUC; beside it the AUC and its difference to the clinical comparator Mc", xlim=(0.3, 1.0))
    return figure


def _against(result: TrainingResult, name: str, against: str = CLINICAL_COMPARATOR, metric: str = "auc") -> str:
    table = result.comparisons
    row = table[(table.model == name) & (table.against == against) & (table.metric == metric)]
    if row.empty:
        return ""
    one = row.iloc[0]
    return f"{one.difference:+.2f} ({one.lower:+.2f} to {one.upper:+.2f})"


FIGURES = {"roc": roc_figure, "calibration": calibration_figure, "net_benefit": net_benefit_figure}


def figures_of(result: TrainingResult, name: str, simulated: bool = False) -> dict[str, Figure]:
    """The figures that a model has: a rule has no calibration and no decision curve."""
    kinds = FIGURES if REGISTRY[name].calibrated else {"roc": roc_figure}
    return {kind: draw(result, name, simulated) for kind, draw in kinds.items()}


def alt_text(kind: str, result: TrainingResult, name: str = "") -> str:
    """What a figure shows, in a sentence, for readers who cannot see it."""
    size = f"{result.counts['labelled']} labelled patients, {result.counts['events']} events, {result.event_rate()}"
    if kind == "forest":
        parts = ", ".join(f"{other} {model.cell('auc', 2)}" for other, model in result.models.items())
        return f"AUC of every model for {result.endpoint.id} with 95% intervals ({size}): {parts}."
    model = result.models[name]
    if kind == "roc":
        return f"ROC curve of {name} for {result.endpoint.id}: AUC {model.cell('auc', 2)} ({size})."
    if kind == "calibration":
        return (
            f"Observed against predicted risk of {name} for {result.endpoint.id}: slope {model.cell('slope', 2)}, "
            f"observed over expected {model.cell('oe', 2)} ({size})."
        )
    better = model.curves["net_benefit"]
    ahead = better.threshold[better.model > np.maximum(better["all"], 0)]
    span = f"between {ahead.min():.0%} and {ahead.max():.0%}" if len(ahead) else "at no threshold"
    return (
        f"Decision curve of {name} for {result.endpoint.id}: better than acting on everybody or nobody {span} ({size})."
    )
