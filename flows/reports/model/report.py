"""The model card of one endpoint: purpose, data, performance with intervals, limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from data.protocol import Protocol
from flows.reports import page
from flows.reports.cohort.endpoints import counts_sentence, endpoint_section, shown_model
from flows.reports.model.added_value import differences_table, estimands_table, groups_figure
from flows.reports.model.endpoint_figures import figure_cell, model_label, rests_on
from flows.reports.model.validation import folds_in_words, validation_section
from flows.reports.page import EMPTY, Table, interval, number, percent, records
from models.estimators.specification import REGISTRY
from models.result import TrainingResult

AVERAGE_PRECISION = "Average precision"
FIGURES = (
    ("AUC, pairs within folds", "auc", 2),
    ("AUC, pooled", "auc_pooled", 2),
    ("Brier score", "brier", 3),
    ("IPA (0 useless, 1 perfect)", "ipa", 2),
    (AVERAGE_PRECISION, "ap", 2),
    ("Calibration in the large, logit", "citl", 2),
    ("Calibration slope", "slope", 2),
    ("Observed / expected", "oe", 2),
)
# Only where there are enough events for a flexible curve.
FLEXIBLE = (
    ("ICI, mean distance from the flexible curve", "ici", 3),
    ("E50, its median", "e50", 3),
    ("E90, its 90th percentile", "e90", 3),
)


def write_model_report(
    training: TrainingResult,
    protocol: Protocol,
    out: Path,
    *,
    simulated: bool = False,
    data_cut: str = "",
    data_digest: str = "",
    links: Mapping[str, str] | None = None,
) -> Path:
    """Write the model card of one endpoint as one self-contained HTML file.

    Parameters
    ----------
    training : TrainingResult
        Its champion is described; where there is none, the model that the policy would name.
    protocol : Protocol
    out : Path
    simulated : bool
        Whether the banner "SIMULATED DATA" is shown.
    data_cut, data_digest : str
        Provenance of the footer.
    links : mapping of str to str, optional
        Names and addresses for the footer.

    Returns
    -------
    Path
        ``out``.
    """
    return page.write(
        model_page(training, protocol, simulated=simulated, data_cut=data_cut, data_digest=data_digest, links=links),
        out,
    )


def model_page(
    training: TrainingResult,
    protocol: Protocol,
    *,
    simulated: bool = False,
    data_cut: str = "",
    data_digest: str = "",
    links: Mapping[str, str] | None = None,
) -> str:
    """The page of :func:`write_model_report` as text."""
    name = shown_model(training)
    facts = [("Data cut", data_cut or "not recorded"), ("Data digest", data_digest or "not recorded")]
    return page.render(
        "model.html",
        title=f"{training.endpoint.id}: model card",
        subtitle=training.endpoint.title + ".",
        simulated=simulated,
        facts=[*facts, *page.provenance(None, protocol), *_table_digests(training)],
        links=page.safe_links(links),
        card=card_facts(training, name),
        item=endpoint_section(training, protocol),
        purpose=purpose(training),
        people=counts_sentence(training),
        figures=figures_table(training, name),
        fitted=fitted_table(training, name),
        delta=delta_table(training, name),
        differences=differences_table(training, name),
        estimands=estimands_table(training, name),
        groups=groups_figure(training, name),
        validation=validation_section(training, name),
        predictors=list(REGISTRY[name].terms) if name in REGISTRY else [],
        method=method(training),
        limits=limits(training, protocol),
    )


def card_facts(training: TrainingResult, name: str) -> list[tuple[str, str]]:
    """The card's head: what it is, for whom, since when."""
    endpoint = training.endpoint
    role = "champion" if name and name == training.champion else "prespecified, not promoted" if name else EMPTY
    return [
        ("Registered name", endpoint.slug),
        ("Model", model_label(name) if name else "none fitted"),
        ("Standing", role),
        ("Landmark", f"{endpoint.landmark:g} months after surgery"),
        ("Horizon", f"{endpoint.horizon:g} months after surgery"),
        ("NETest version", str(training.facts.get("assay_version") or EMPTY)),
        ("Labelled, events", f"{training.counts['labelled']}, {training.counts['events']}"),
        ("Prevalence", percent(training.prevalence)),
    ]


def purpose(training: TrainingResult) -> str:
    """What the prediction is, in words."""
    endpoint = training.endpoint
    return (
        f"Probability that recurrence becomes evident on imaging by the closed {endpoint.horizon:g}-month "
        f"visit, in patients "
        f"free of recurrence when the {endpoint.landmark:g}-month visit closes. For research on this "
        f"question only. Death "
        "without recurrence competes; patients not followed to the horizon are weighted for."
    )


def figures_table(training: TrainingResult, name: str) -> Table | None:
    """Every figure of the shown model with its interval."""
    if not name:
        return None
    model = training.models[name]
    shown = [*FIGURES, *(figure for figure in FLEXIBLE if figure[1] in model.metrics)]
    rows = [(label, figure_cell(model, metric, digits)) for label, metric, digits in shown]
    beside = [label for label, _ in rows].index(AVERAGE_PRECISION) + 1
    rows.insert(beside, ("Event rate (average precision by chance)", percent(training.prevalence)))
    return Table(("Figure", "Estimate (95% interval)"), tuple(rows), f"{name}: {rests_on(training)}", classes="compact")


def fitted_table(training: TrainingResult, name: str) -> Table | None:
    """Fitted figures (penalty, coefficients) of the final model."""
    facts = training.models[name].facts if name else {}
    rows = tuple(
        (str(key), number(value, 3) if isinstance(value, (int, float, np.floating)) else str(value))
        for key, value in facts.items()
    )
    return Table(("Fitted on all labelled patients", "Value"), rows, classes="compact") if rows else None


def delta_table(training: TrainingResult, name: str) -> Table | None:
    """What if the censored differ."""
    frame = training.models[name].curves.get("delta", pd.DataFrame()) if name else pd.DataFrame()
    if frame.empty:
        return None
    rows = tuple((f"x {row[0]:g}", percent(row[1]), interval(row[2], row[3], row[4])) for row in records(frame))
    heads = ("Odds of an event among the censored", "Event rate", "AUC (95% interval)")
    return Table(heads, rows, f"All judged patients; {rests_on(training)}", classes="compact")


def method(training: TrainingResult) -> str:
    """How it was validated, from what the training recorded."""
    facts = training.facts
    return (
        f"{folds_in_words(training)}, everything fitted inside the fold; intervals from "
        f"{facts.get('resamples', EMPTY)} resamples of the judged "
        f"patients and as many refits of the whole pipeline (for a rule: logit-DeLong). "
        f"Seed {facts.get('seed', EMPTY)}."
    )


def limits(training: TrainingResult, protocol: Protocol) -> list[str]:
    """What the card does not support."""
    return [
        "Internal validation only: no patient of another hospital has been seen.",
        "The risk holds under the treatment that patients like these received; it is not the risk if untreated.",
        "Weights assume that follow-up ends independently of recurrence, given arm and visit.",
        "No call without a blood score of the landmark; scores of another NETest version are refused.",
        "With few events, the absence of a difference between models is not evidence that they are equal.",
        f"{len(protocol.assumptions())} protocol values are derived, inferred or assumed rather than stated.",
        *training.warnings,
    ]


def _table_digests(training: TrainingResult) -> list[tuple[str, str]]:
    digests = training.facts.get("table_digests")
    if not isinstance(digests, Mapping):
        return []
    return [(f"Landmark table, month {landmark}", str(digest)) for landmark, digest in digests.items()]
