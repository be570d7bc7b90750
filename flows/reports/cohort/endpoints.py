"""One prediction question in the cohort report: models side by side, and the champion in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data.protocol import Protocol
from flows.reports.blocks import Block, Section, lead, tables
from flows.reports.blocks import heading as head
from flows.reports.model.added_value import confirmatory_table, p_value
from flows.reports.model.endpoint_figures import (
    RULES,
    figure_cell,
    forest_figure,
    model_figures,
    rests_on,
)
from flows.reports.page import Figure, Table, Tile, interval, number, percent, percent_interval, records
from flows.reports.style import arm_label
from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY, RULE
from models.result import FITTED, TrainingResult

MARK = "champion"


@dataclass(frozen=True)
class EndpointSection:
    """What a template needs of one endpoint."""

    slug: str
    heading: str
    title: str
    lead: str
    refusal: str
    policy: str
    models: Table | None
    arms: Table
    cutoffs: Table | None
    figures: tuple[Figure, ...]
    forest: Figure | None
    warnings: tuple[str, ...]


def models_section(trainings: Sequence[TrainingResult], protocol: Protocol) -> Section:
    """What can be predicted: one article for each question."""
    fitted = [training for training in trainings if training.status == FITTED and training.models]
    best = next((training for training in fitted if training.endpoint.primary), None)
    heading = f"{len(fitted)} of {len(trainings)} prediction questions could be answered"
    if best is not None and shown_model(best):
        name = shown_model(best)
        heading = f"{best.endpoint.id}: AUC {best.models[name].cell('auc', 2)} with {name}, {rests_on(best)}"
    words = (
        "Each question is asked at a landmark of those still free of recurrence, from records dated up to it. Every "
        "figure comes from patients left out of the fit, weighted for those lost before the horizon, with 95% "
        "intervals."
    )
    blocks = [lead(words), *(Block("endpoint", endpoint_section(training, protocol)) for training in trainings)]
    if not trainings:
        heading = "Nothing has been predicted yet"
        blocks.append(Block("refused", "No model has been trained on this data cut. Run netest train."))
    if fitted:
        tests = confirmatory_table({training.endpoint.id: training for training in trainings}, protocol)
        blocks += [head("What the score adds, confirmatory"), *tables(tests)]
    return Section("models", "Prediction", heading, tuple(blocks))


def shown_model(training: TrainingResult) -> str:
    """The model whose pictures are shown, as the policy prespecifies it; "" when nothing was fitted."""
    return next((name for name in (training.champion, training.shown) if name in training.models), "")


def endpoint_section(training: TrainingResult, protocol: Protocol) -> EndpointSection:
    """Tables and pictures of one training.

    Parameters
    ----------
    training : TrainingResult
        Fitted or not estimable; the latter gives counts and the reason, no AUC.
    protocol : Protocol
    """
    fitted = training.status == FITTED and bool(training.models)
    name = shown_model(training)
    endpoint = training.endpoint
    return EndpointSection(
        slug=endpoint.slug,
        heading=f"{endpoint.id} · {endpoint.role}",
        title=endpoint.title,
        lead=counts_sentence(training),
        refusal="" if fitted else _sentence(training.reason or "no model was fitted"),
        policy=_policy(training) if fitted else "",
        models=models_table(training) if fitted else None,
        arms=arms_table(training),
        cutoffs=cutoffs_table(training, name) if fitted else None,
        figures=model_figures(training, name, protocol) if fitted and name else (),
        forest=forest_figure(training, protocol) if fitted else None,
        warnings=training.warnings,
    )


def champion_tile(training: TrainingResult) -> Tile | None:
    """Headline number of a question: the champion's AUC, never without prevalence and events."""
    if training.champion not in training.models:
        return None
    model = training.models[training.champion]
    lower, upper = model.intervals.get("auc", (float("nan"), float("nan")))
    note = (
        f"{training.champion}, 95% interval {number(lower)} to {number(upper)}; {rests_on(training)}. Beside it: the "
        f"fixed cut-off {_auc(training, RULE)}, clinical comparator {_auc(training, CLINICAL_COMPARATOR)}."
    )
    return Tile(
        f"{training.endpoint.title} ({training.endpoint.id}): AUC", number(model.metrics.get("auc")), note, "accent"
    )


def _auc(training: TrainingResult, name: str) -> str:
    return figure_cell(training.models[name], "auc") if name in training.models else "not fitted"


def counts_sentence(training: TrainingResult) -> str:
    """Who was judged, in one sentence."""
    counts = training.counts
    return (
        f"{counts['at_risk']} at risk at month {training.endpoint.landmark:g}, {counts['no_call']} of them "
        f"without a blood "
        f"score (no call). {counts['labelled']} have a known outcome: {counts['events']} recurred by month "
        f"{training.endpoint.horizon:g}, {counts['non_events']} did not ({counts['deaths']} died first). "
        f"{counts['censored']} were lost before ({counts['straddlers']} missed the closing visit) and are "
        f"weighted for. "
        f"Prevalence {percent(training.prevalence)}."
    )


def _policy(training: TrainingResult) -> str:
    if not training.champion:
        name = shown_model(training)
        details = f" Details are of {name}, as the policy prespecifies." if name else ""
        return _sentence(training.policy_reason) + details
    return f"Champion: {training.champion}. {training.policy_reason}."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def models_table(training: TrainingResult) -> Table:
    """One row per model with intervals; the champion marked, the rule and the clinical comparator beside it."""
    rows, marks = [], []
    for name, model in training.models.items():
        calibrated = name not in REGISTRY or REGISTRY[name].calibrated
        rows.append(
            (
                name + (" (champion)" if name == training.champion else ""),
                figure_cell(model, "auc"),
                figure_cell(model, "brier", 3) if calibrated else "rule",
                figure_cell(model, "slope") if calibrated else "rule",
                figure_cell(model, "oe") if calibrated else "rule",
                difference_cell(training, name),
            )
        )
        marks.append(MARK if name == training.champion else "")
    caption = (
        f"{rests_on(training)}; out-of-fold, weighted, 95% intervals; differences paired, with P (two-sided, bootstrap "
        f"normal) and, in brackets, P by Holm over the models. Positive favours the model."
    )
    heads = ("Model", "AUC", "Brier", "Slope", "Observed / expected", f"AUC minus {CLINICAL_COMPARATOR}")
    return Table(heads, tuple(rows), caption, tuple(marks))


def difference_cell(training: TrainingResult, name: str, against: str = CLINICAL_COMPARATOR) -> str:
    """Paired AUC difference against a comparator, with interval and P values."""
    table = training.comparisons
    if name == against or table.empty:
        return "–"
    found = table[table["model"].eq(name) & table["against"].eq(against) & table["metric"].eq("auc")]
    if found.empty:
        return "–"
    row = found.iloc[0]
    words = interval(row["difference"], row["lower"], row["upper"])
    return f"{words}; P {p_value(row['p'])} ({p_value(row['p_holm'])})"


def arms_table(training: TrainingResult) -> Table:
    """Patients by arm, with the champion's AUC in each."""
    name = shown_model(training)
    judged = training.models[name].by_arm.set_index("arm") if name else pd.DataFrame()
    rows = []
    for row in records(training.by_arm):
        if row.arm in judged.index:
            one = judged.loc[row.arm]
            auc = interval(one["auc"], one["auc_lo"], one["auc_hi"]) if not one["note"] else str(one["note"])
        else:
            auc = "–"
        rows.append(
            (
                arm_label("" if row.arm == "none" else str(row.arm)),
                str(row.at_risk),
                str(row.no_call),
                str(row.labelled),
                str(row.events),
                str(row.deaths),
                percent(row.prevalence),
                auc,
            )
        )
    heads = ("Arm", "At risk", "No call", "Labelled", "Events", "Deaths", "Prevalence", f"AUC {name}".strip())
    return Table(heads, tuple(rows))


def cutoffs_table(training: TrainingResult, name: str) -> Table | None:
    """Sensitivity, specificity and predictive values of the fixed cut-offs and of the shown model's thresholds."""
    rows = []
    for source in dict.fromkeys((*RULES, name)):
        if source not in training.models:
            continue
        for row in training.models[source].cutoffs.to_dict("records"):
            label = f"{name} at least {row['cut-off']}" if source == name else f"NETest {row['cut-off']}"
            figures = ((row[key], row[f"{key}_lo"], row[f"{key}_hi"]) for key in ("sens", "spec", "ppv", "npv"))
            rows.append((label, f"{row['positive']} / {row['n']}", *(percent_interval(*figure) for figure in figures)))
    heads = ("Called positive when", "Positive", "Sensitivity", "Specificity", "PPV", "NPV")
    return Table(heads, tuple(rows)) if rows else None
