"""One prediction question in pictures: ROC, calibration, decision curve, and all models side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from flows.reports.model.paint import paint_calibration, paint_decision, paint_forest, paint_roc
from flows.reports.page import Figure, interval, percent
from flows.reports.style import draw
from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY, RULE
from models.result import ModelResult, TrainingResult

RULES = (RULE, "M0b")


def model_label(name: str) -> str:
    """Name of a model for people."""
    return f"{name} · {REGISTRY[name].title}" if name in REGISTRY else name


def figure_cell(model: ModelResult, metric: str, digits: int = 2) -> str:
    """A figure of a model with its interval, "not estimable" when there is none."""
    value = model.metrics.get(metric, float("nan"))
    if pd.isna(value):
        return "not estimable"
    lower, upper = model.intervals.get(metric, (None, None))
    return interval(value, lower, upper, digits)


def model_figures(training: TrainingResult, name: str, protocol: Protocol) -> tuple[Figure, ...]:
    """ROC, calibration and decision curve of one model beside the clinical comparator and the cut-offs.

    A rule has a ROC curve only.
    """
    shown = list(dict.fromkeys(other for other in (CLINICAL_COMPARATOR, name) if other in training.models))
    if "calibration" not in training.models[name].curves:
        return (roc_figure(training, name, shown),)
    return (
        roc_figure(training, name, shown),
        calibration_figure(training, name, protocol),
        decision_figure(training, name, shown, [float(value) for value in protocol["calls.probability_thresholds"]]),
    )


def rests_on(training: TrainingResult) -> str:
    """What every AUC is printed with: labelled patients, events, event rate overall and by arm."""
    counts = training.counts
    return f"{counts['labelled']} labelled patients, {counts['events']} events, {training.event_rate()}"


def cutoff_points(training: TrainingResult) -> list[tuple[str, float, float]]:
    """The fixed cut-offs as points of the ROC plane: label, 1 - specificity, sensitivity."""
    return [
        (f"{rule}: {row['cut-off']}", 1 - row["spec"], row["sens"])
        for rule in RULES
        if rule in training.models
        for row in training.models[rule].cutoffs.to_dict("records")
        if np.isfinite(row["spec"]) and np.isfinite(row["sens"])
    ]


def roc_figure(training: TrainingResult, name: str, shown: list[str]) -> Figure:
    """ROC curves of the shown models, cut-offs as points."""
    columns = {"false_positive": "fpr", "true_positive": "tpr"}
    curves = {other: training.models[other].curves["roc"].rename(columns=columns) for other in shown}
    auc = figure_cell(training.models[name], "auc")
    return draw(
        paint_roc, curves, cutoff_points(training), name,
        key=f"roc-{training.endpoint.slug}", size=(4.3, 4.3), title="ROC",
        caption=f"{name} {auc}; {rests_on(training)}. Black marks: published cut-offs.",
        alt=f"ROC curve of {name} for {training.endpoint.id}: AUC {auc} ({rests_on(training)}).",
    )  # fmt: skip


def calibration_figure(training: TrainingResult, name: str, protocol: Protocol) -> Figure:
    """Predicted against observed risk in groups, with the flexible curve where there are enough events."""
    model = training.models[name]
    slope = figure_cell(model, "slope")
    needed = int(protocol["validation.flexible_calibration_events"])
    smooth = model.curves.get("flexible")
    why = f"No smooth curve: {training.counts['events']} events, {needed} are needed."
    curve = f"Line: flexible curve with pointwise 95% band, ICI {figure_cell(model, 'ici', 3)}."
    return draw(
        paint_calibration, model.curves["calibration"], model.oof["probability"].to_numpy(dtype=float), smooth,
        key=f"calibration-{training.endpoint.slug}", size=(4.3, 4.3), title="Calibration",
        caption=f"Groups of equal size with their n; slope {slope}. {why if smooth is None else curve} Below: all "
        "predictions.",
        alt=f"Predicted against observed risk of {name} for {training.endpoint.id}: slope {slope}, "
        f"observed over expected {figure_cell(model, 'oe')} ({rests_on(training)}).",
    )  # fmt: skip


def decision_figure(training: TrainingResult, name: str, shown: list[str], thresholds: list[float]) -> Figure:
    """Net benefit of the shown models, of acting on everybody and on nobody."""
    benefit = {other: training.models[other].curves["net_benefit"] for other in shown}
    curves = {other: frame.rename(columns={"model": "net_benefit"}) for other, frame in benefit.items()}
    for other in ("all", "none"):
        curves[other] = benefit[name][["threshold", other]].rename(columns={other: "net_benefit"})
    return draw(
        paint_decision, curves, name, thresholds, key=f"decision-{training.endpoint.slug}", size=(4.3, 4.3),
        title="Decision curve",
        caption=f"Net benefit of acting at a risk threshold; shaded: pointwise 95% band of {name}; dotted: thresholds "
        f"of the calls.{_gain_words(benefit[name])}",
        alt=f"Decision curve of {name} for {training.endpoint.id}: {_benefit_words(benefit[name])} "
        f"({rests_on(training)}).",
    )  # fmt: skip


def _gain_words(curve: pd.DataFrame) -> str:
    """Where the gain over the clinical comparator is beyond chance, at one threshold at a time."""
    if "minus_mc_lower" not in curve or not curve["minus_mc"].abs().gt(0).any():
        return ""
    ahead = curve["threshold"][curve["minus_mc_lower"] > 0]
    where = f"at thresholds between {percent(ahead.min())} and {percent(ahead.max())}" if len(ahead) else "nowhere"
    return f" The interval of the gain over {CLINICAL_COMPARATOR} lies above zero {where}."


def _benefit_words(curve: pd.DataFrame) -> str:
    ahead = curve["threshold"][curve["model"] > np.maximum(curve["all"], 0)]
    if ahead.empty:
        return "at no threshold better than acting on everybody or nobody"
    return (
        f"better than acting on everybody or nobody at thresholds from {percent(ahead.min())} to {percent(ahead.max())}"
    )


def forest_figure(training: TrainingResult, protocol: Protocol) -> Figure:
    """AUC of every model with its interval."""
    names = list(training.models)
    limits = [training.models[name].intervals.get("auc", (float("nan"),) * 2) for name in names]
    rows = pd.DataFrame(
        {
            "label": [model_label(name) for name in names],
            "value": [training.models[name].metrics.get("auc", float("nan")) for name in names],
            "lower": [low for low, _ in limits],
            "upper": [high for _, high in limits],
            "champion": [name == training.champion for name in names],
        }
    )
    words = "; ".join(f"{name} {figure_cell(training.models[name], 'auc')}" for name in names)
    return draw(
        paint_forest, rows, float(protocol["validation.leakage_alarm_auc"]), key=f"forest-{training.endpoint.slug}",
        size=(11.2, 0.9 + 0.42 * len(rows)), title="Models side by side",
        caption=f"Area under the ROC curve with 95% interval; {rests_on(training)}. The champion is the model that the "
        "policy names for this number of patients, not the one with the best number.",
        alt=f"AUC of every model for {training.endpoint.id}: {words} ({rests_on(training)}).",
    )  # fmt: skip
