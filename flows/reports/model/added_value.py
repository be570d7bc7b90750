"""What the marker adds, for whom, and what may be claimed: differences, the other estimand, groups of patients."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from data.protocol import Protocol
from flows.reports.model.paint_groups import paint_groups
from flows.reports.page import EMPTY, Figure, Table, interval, number, percent, percent_interval, records
from flows.reports.style import draw
from models.estimators.specification import CLINICAL_COMPARATOR
from models.result import TrainingResult
from models.tracking.model_card import ESTIMANDS, sites_in_words
from models.validation.confirmatory import confirmatory_tests, exploratory_tests

WORDS = {
    "auc": "AUC",
    "brier": f"Brier score ({CLINICAL_COMPARATOR} minus model)",
    "ipa": "IPA",
    "ap": "Average precision",
    "citl": "Calibration in the large, logit (no direction)",
    "slope": "Calibration slope (no direction)",
    "nb": "Net benefit",
    "sens": "Sensitivity",
    "spec": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
}


def p_value(value: float) -> str:
    """A P value as text, "–" where there is none."""
    return EMPTY if pd.isna(value) else "<0.001" if value < 0.001 else number(value, 3)


def metric_words(metric: str) -> str:
    """A figure of the comparisons in words: ``nb@0.3`` is "Net benefit at 30%"."""
    name, _, threshold = metric.partition("@")
    return WORDS[name] + (f" at {percent(float(threshold))}" if threshold else "")


def differences_table(training: TrainingResult, name: str) -> Table | None:
    """Every paired difference of a model to the clinical comparator."""
    table = training.comparisons
    if not name or table.empty:
        return None
    rows = tuple(
        (metric_words(row.metric), interval(row.difference, row.lower, row.upper, 3), p_value(row.p),
         p_value(row.p_holm))
        for row in records(table[table["model"].eq(name) & table["against"].eq(CLINICAL_COMPARATOR)])
    )  # fmt: skip
    caption = (
        f"{name} against {CLINICAL_COMPARATOR}, same patients, folds and resamples. Positive favours {name} where "
        "there is a direction. P: two-sided, bootstrap normal; Holm: over models and thresholds of that figure."
    )
    return Table(("Difference", "Estimate (95% interval)", "P", "P, Holm"), rows, caption) if rows else None


def estimands_table(training: TrainingResult, name: str) -> Table | None:
    """The same predictions against recurrence, and against recurrence or death."""
    frame = training.models[name].composite if name else pd.DataFrame()
    if frame.empty:
        return None
    rows = tuple(
        (row.estimand, f"{row.events} / {row.n}",
         percent_interval(row.event_rate, row.event_rate_lo, row.event_rate_hi),
         row.note or interval(row.auc, row.auc_lo, row.auc_hi), interval(row.brier, row.brier_lo, row.brier_hi, 3),
         interval(row.oe, row.oe_lo, row.oe_hi))
        for row in records(frame)
    )  # fmt: skip
    heads = ("Estimand", "Events / labelled", "Event rate", "AUC", "Brier", "Observed / expected")
    return Table(heads, rows, ESTIMANDS)


def groups_figure(training: TrainingResult, name: str) -> Figure | None:
    """AUC in groups of patients, each with its events and event rate; the spread between sites."""
    frame = training.models[name].subgroups if name else pd.DataFrame()
    if frame.empty:
        return None
    model = training.models[name]
    overall = model.metrics.get("auc", float("nan"))
    told = "; ".join(
        f"{row.variable} {row.level} " + (row.note or interval(row.auc, row.auc_lo, row.auc_hi))
        for row in records(frame)
    )
    alike = frame.drop_duplicates("variable").dropna(subset="p")
    tests = ", ".join(f"{row.variable} {p_value(row.p)}" for row in records(alike))
    return draw(
        paint_groups, frame, overall, key=f"groups-{training.endpoint.slug}", size=(11.2, 1.1 + 0.34 * len(frame)),
        title="Groups of patients",
        caption="Area under the ROC curve within each group, 95% interval, beside observed over expected; line: all "
        f"patients. Exploratory. P for one AUC in all levels: {tests or 'none'}. {sites_in_words(model.sites)}",
        alt=f"AUC of {name} for {training.endpoint.id} in groups of patients: {told}.",
    )  # fmt: skip


def confirmatory_table(trainings: Mapping[str, TrainingResult], protocol: Protocol) -> Table:
    """The fixed sequence of confirmatory tests."""
    tests = confirmatory_tests(trainings, protocol)
    rows = tuple(
        (f"{row.order}. {row.endpoint}", interval(row.difference, row.lower, row.upper, 3), p_value(row.p), row.verdict,
         row.note or EMPTY)
        for row in records(tests)
    )  # fmt: skip
    rest = exploratory_tests(trainings, protocol)
    rate = percent(float(protocol["validation.false_discovery_rate"]))
    model = protocol["validation.confirmatory_model"]
    caption = (
        f"Does the blood score add to the clinical comparator: Brier score of {CLINICAL_COMPARATOR} minus {model}, in "
        f"this order, each at {protocol['validation.alpha']:g} two-sided, until one does not pass. Everything else is "
        f"exploratory: {int(rest['found'].sum())} of {int(rest['p'].notna().sum())} other comparisons with "
        f"{CLINICAL_COMPARATOR} stay at a false discovery rate of {rate} (Benjamini-Hochberg)."
    )
    return Table(("Endpoint", "Difference (95% interval)", "P", "Test", "Note"), rows, caption)
