"""How far the figures of a model card may be trusted: second opinion, learning curve, permutation null."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from flows.reports.model.paint import series_colours
from flows.reports.page import EMPTY, Figure, Table, interval, number, records
from flows.reports.style import draw
from models.estimators.specification import CLINICAL_COMPARATOR
from models.result import TrainingResult
from models.tracking.validation_files import learning_words

STATISTICS = {"auc": "AUC", "auc_minus_mc": f"AUC minus {CLINICAL_COMPARATOR}"}


@dataclass(frozen=True)
class Validation:
    """What the section shows; None for what was not asked for."""

    opinions: Table | None
    learning: Figure | None
    shares: Table | None
    null: Table | None


def folds_in_words(training: TrainingResult) -> str:
    """How the folds of a training were made."""
    facts = training.facts
    repeated = f"{facts.get('repeats', EMPTY)} times repeated {facts.get('folds', EMPTY)}-fold cross-validation"
    if facts.get("blocks") != "site":
        return f"{repeated} by patient"
    return f"{repeated} with whole sites ({facts.get('sites', EMPTY)}) left out"


def validation_section(training: TrainingResult, name: str) -> Validation | None:
    """The section of a model card, None where nothing was fitted."""
    if not name:
        return None
    learning = training.learning_curve is not None
    return Validation(
        opinions_table(training),
        learning_figure(training, name) if learning else None,
        shares_table(training) if learning else None,
        null_table(training) if training.permutation is not None else None,
    )


def opinions_table(training: TrainingResult) -> Table | None:
    """Cross-validation beside the bootstrap, and the figure on the patients that were fitted on."""
    rows = []
    for name, model in training.models.items():
        opinion = model.second_opinion
        if opinion is None:
            continue
        for metric, label, digits in (("auc", "AUC", 2), ("brier", "Brier", 3), ("slope", "Slope", 2)):
            rows.append(
                (
                    f"{name}: {label}",
                    number(model.metrics.get(metric, np.nan), digits),
                    number(opinion.corrected[metric], digits),
                    number(opinion.apparent[metric], digits),
                    f"{opinion.method}, {opinion.resamples} resamples",
                )
            )
    heads = ("Figure", "Cross-validated", "Bootstrap", "On the patients fitted on", "Method")
    caption = (
        "The bootstrap corrects the figure on the patients fitted on for optimism: Harrell for few parameters, .632+ "
        "for learners (no slope). Both judge the same patients: two views of one sample, not two samples."
    )
    return Table(heads, tuple(rows), caption, classes="compact") if rows else None


def learning_figure(training: TrainingResult, name: str) -> Figure:
    """AUC and Brier score by the number of patients fitted on."""
    return draw(
        paint_learning, pd.DataFrame(training.learning_curve), name, key=f"learning-{training.endpoint.slug}",
        size=(9.2, 3.6), title="Figures by the number of patients fitted on",
        caption="Same folds and judged patients at every point; bars: 95% intervals of judging other patients.",
        alt=learning_words(training),
    )  # fmt: skip


def paint_learning(canvas: Canvas, curve: pd.DataFrame, champion: str) -> None:
    """Two panels, AUC and Brier score, one line per model."""
    panels = canvas.subplots(1, 2)
    colours = series_colours(list(curve["model"].unique()), champion)
    for axes, metric, label in zip(panels, ("auc", "brier"), ("AUC", "Brier score"), strict=True):
        for place, (name, rows) in enumerate(curve.groupby("model", sort=False)):
            at = rows["patients"] + 0.6 * place
            strong = name == champion
            axes.vlines(
                at, rows[f"{metric}_lo"], rows[f"{metric}_hi"], color=colours[str(name)], linewidth=1.2, alpha=0.7
            )
            axes.plot(at, rows[metric], "o-", color=colours[str(name)], linewidth=2.4 if strong else 1.3, label=name)
        axes.set_xlabel("Labelled patients fitted on")
        axes.set_ylabel(label)
        axes.grid(axis="y")
    panels[0].legend(loc="lower right", fontsize=8.5)


def shares_table(training: TrainingResult) -> Table:
    """The points of the learning curve."""
    rows = tuple(
        (
            f"{row.model}, {row.share:.0%}",
            number(row.patients, 0),
            number(row.events, 0),
            interval(row.auc, row.auc_lo, row.auc_hi),
            interval(row.brier, row.brier_lo, row.brier_hi, 3),
        )
        for row in records(pd.DataFrame(training.learning_curve))
    )
    return Table(("Model, share", "Labelled", "Events", "AUC", "Brier"), rows, classes="compact")


def null_table(training: TrainingResult) -> Table | None:
    """Observed figures beside what exchanged outcomes give."""
    if training.permutation is None:
        return None
    rows = tuple(
        (
            f"{row.model}: {STATISTICS[row.statistic]}",
            number(row.observed, 3),
            f"{number(row.null_mean, 3)} ({number(row.null_95, 3)})",
            number(row.p, 3),
            str(row.permutations),
        )
        for row in records(training.permutation.summary)
    )
    heads = ("Figure", "Observed", "Under the null: mean (95th percentile)", "P", "Permutations")
    caption = (
        "Outcomes exchanged among the patients of an arm, the whole pipeline run again. What the arm alone tells "
        "stays, so the mean under the null need not be 0.5. P is never below 1 / (permutations + 1)."
    )
    return Table(heads, rows, caption, classes="compact")
