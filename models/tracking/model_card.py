"""Model card and run descriptions in Markdown: the verdict first, then numbers with intervals, then limits."""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.protocol import Protocol
from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY, RULE
from models.result import FITTED, ModelResult, TrainingResult

ESTIMANDS = (
    "The primary estimand is the cumulative incidence of recurrence: a death before the horizon is no recurrence. "
    "The same out-of-fold predictions are judged here against recurrence or death too; a model of the first is not "
    "expected to be calibrated for the second."
)
BANNER = "**SIMULATED DATA. No patient is described here.**"
ROWS = (
    ("AUC (pairs within folds)", "auc", 2),
    ("AUC (pooled)", "auc_pooled", 2),
    ("Brier score", "brier", 3),
    ("IPA", "ipa", 2),
    ("Average precision", "ap", 2),
    ("Calibration in the large (logit)", "citl", 2),
    ("Calibration slope", "slope", 2),
    ("Observed / expected", "oe", 2),
    ("ICI", "ici", 3),
    ("E50", "e50", 3),
    ("E90", "e90", 3),
)


def table(frame: pd.DataFrame, digits: int = 3) -> str:
    """A frame as a Markdown table; missing values as a dash."""
    if frame.empty:
        return "(none)"

    def cell(value: Any) -> str:
        if isinstance(value, str):
            return value
        if value is None or value != value:
            return "-"
        return f"{value:.{digits}f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(str(column) for column in frame.columns) + " |", "|" + " --- |" * frame.shape[1]]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in frame.itertuples(index=False)]
    return "\n".join(lines)


def models_table(result: TrainingResult) -> pd.DataFrame:
    """One row per model: AUC, Brier score, slope, and the paired AUC difference to the clinical comparator."""
    rows = []
    for name, model in result.models.items():
        rows.append(
            {
                "model": f"{name}, {model.title}" + (" **(champion)**" if name == result.champion else ""),
                "AUC (95% interval)": model.cell("auc", 2),
                "Brier": model.cell("brier") if REGISTRY[name].calibrated else "rule",
                "slope": model.cell("slope", 2) if REGISTRY[name].calibrated else "rule",
                "AUC minus Mc": difference(result, name, CLINICAL_COMPARATOR),
                "AUC minus M0": difference(result, name, RULE),
            }
        )
    return pd.DataFrame(rows)


def difference(result: TrainingResult, name: str, against: str, metric: str = "auc") -> str:
    """A paired difference with its interval as text, "-" where there is none."""
    row = difference_row(result, name, against, metric)
    return "-" if row is None else f"{row.difference:+.3f} ({row.lower:+.3f} to {row.upper:+.3f})"


def difference_row(result: TrainingResult, name: str, against: str, metric: str = "auc") -> pd.Series | None:
    """Row of the comparisons (difference, lower, upper), None where there is none."""
    frame = result.comparisons
    if frame.empty:
        return None
    found = frame[(frame.model == name) & (frame.against == against) & (frame.metric == metric)]
    return None if found.empty else found.iloc[0]


def endpoint_note(result: TrainingResult, simulated: bool) -> str:
    """Description of a training: the verdict, the models side by side, patients by arm, warnings."""
    lines = [f"## {result.headline()}", "", *([BANNER, ""] if simulated else [])]
    lines += [f"{result.endpoint.title}. {result.policy_reason or result.reason}.", ""]
    if result.status == FITTED:
        lines += [table(models_table(result)), ""]
    lines += ["### Patients", "", table(result.by_arm, 2), "", _flow(result), ""]
    if result.warnings:
        lines += ["### Warnings", "", *(f"- {warning}" for warning in result.warnings), ""]
    return "\n".join(lines)


def model_note(result: TrainingResult, name: str, protocol: Protocol, simulated: bool) -> str:
    """Description of a model's run: the verdict in the line that is seen before anything is opened, then the card."""
    model, counts = result.models[name], result.counts
    role = "Champion" if name == result.champion else "Challenger" if name == result.challenger else "Comparator"
    added = difference(result, name, CLINICAL_COMPARATOR)
    words = f"{role} of {result.endpoint.id}: AUC {model.cell('auc', 2)}, {counts['events']} events among "
    words += f"{counts['labelled']} labelled, {result.event_rate()}"
    words += "" if added == "-" else f"; AUC minus {CLINICAL_COMPARATOR} {added}"
    mark = " (SIMULATED)" if simulated else ""
    return f"**{words}**{mark}\n\n{model_card(result, name, protocol, simulated)}"


def _flow(result: TrainingResult) -> str:
    counts = result.counts
    return (
        f"{counts['at_risk']} at risk, {counts['no_call']} without a landmark blood score (no call), "
        f"{counts['judged']} judged: {counts['events']} events, {counts['non_events']} without event by the horizon "
        f"({counts['deaths']} deaths without recurrence), {counts['censored']} censored "
        f"({counts['straddlers']} missed the horizon visit)."
    )


def metrics_table(model: ModelResult) -> pd.DataFrame:
    """Figures of a model with intervals."""
    rows = [
        {"figure": label, "estimate (95% interval)": model.cell(name, digits)}
        for label, name, digits in ROWS
        if name in model.metrics
    ]
    if not REGISTRY[model.name].calibrated:
        rows = [{"figure": "AUC (fixed score, all pairs)", "estimate (95% interval)": model.cell("auc", 2)}]
    return pd.DataFrame(rows)


def model_card(result: TrainingResult, name: str, protocol: Protocol, simulated: bool) -> str:
    """Model card of one model, in the order of TRIPOD+AI: purpose, data, outcome, predictors, method, results."""
    model, endpoint, spec = result.models[name], result.endpoint, REGISTRY[name]
    role = "champion" if name == result.champion else "challenger" if name == result.challenger else "comparator"
    sections = {
        "Purpose": (
            f"{endpoint.title}. Landmark {endpoint.landmark:g} months, horizon {endpoint.horizon:g} months from "
            f"surgery. Role: {role}. {result.policy_reason}. For research; not a medical device."
        ),
        "Data": f"{_flow(result)} Assay version {result.facts.get('assay_version', '')}.\n\n{table(result.by_arm, 2)}",
        "Outcome": (
            "Imaging-confirmed recurrence by the closed horizon visit; death without recurrence is a competing event; "
            "patients whose outcome is not known by then are censored and weighted for. "
            f"Labels of version {result.facts.get('label_version', '')}: only runs of equal version compare."
        ),
        "Predictors": terms_in_words(spec.terms),
        "Method": _method(result, model),
        "Results": table(metrics_table(model)),
        "Results by arm": table(model.by_arm),
        "Recurrence alone, and recurrence or death": f"{ESTIMANDS}\n\n{table(model.composite)}",
        "Results in groups of patients": _groups(model),
        "Results at cut-offs": table(model.cutoffs),
        "Against the comparators": (
            f"AUC minus {CLINICAL_COMPARATOR}: {difference(result, name, CLINICAL_COMPARATOR)}; "
            f"AUC minus {RULE}: {difference(result, name, RULE)}; "
            f"Brier score, {CLINICAL_COMPARATOR} minus model (positive favours the model): "
            f"{difference(result, name, CLINICAL_COMPARATOR, 'brier')}. Paired on the same resamples; every figure "
            "with P values is in comparisons.csv of the endpoint's run."
        ),
        "If the censored differ": (
            "Every censored patient enters with this model's own probability, its odds multiplied; the AUC therefore "
            f"takes the model at its word for them.\n\n{table(model.curves.get('delta', pd.DataFrame()))}"
        ),
        "Limits": _limits(result, model, protocol),
    }
    lines = [f"# {endpoint.id}: {name}, {model.title}", ""] + ([BANNER, ""] if simulated else [])
    for heading, text in sections.items():
        lines += [f"## {heading}", "", text, ""]
    return "\n".join(lines)


def _groups(model: ModelResult) -> str:
    """Performance by subgroup, and what the sites say together."""
    words = "Exploratory: no claim rests on a group. p: the AUC is one across the levels (Cochran, logit scale)."
    return f"{words}\n\n{table(model.subgroups)}\n\n{sites_in_words(model.sites)}"


def sites_in_words(sites: dict[str, float]) -> str:
    """AUC across sites by random effects in a sentence, or that there are too few."""
    if not sites:
        return "Too few sites with enough events to say how the AUC differs between sites."
    return (
        f"Across {sites['sites']:.0f} sites AUC {sites['auc']:.2f} ({sites['auc_lo']:.2f} to {sites['auc_hi']:.2f}), "
        f"in another site {sites['predicted_lo']:.2f} to {sites['predicted_hi']:.2f}; tau {sites['tau']:.2f} (logit), "
        f"I2 {sites['i2']:.0%}, P for one AUC everywhere {sites['p']:.2f} (REML, Hartung-Knapp)."
    )


def terms_in_words(terms: tuple[str, ...]) -> str:
    """Names of a few terms, the number of many."""
    return ", ".join(terms) if len(terms) < 10 else f"{len(terms)} columns of the landmark table"


def cross_validation(result: TrainingResult) -> str:
    """How the folds were made, in words."""
    facts = result.facts
    if facts.get("blocks") == "site":
        one = facts["folds"] == facts["sites"]
        return (
            f"Each of {facts['sites']} sites left out once"
            if one
            else f"{facts['repeats']} times repeated {facts['folds']}-fold cross-validation with whole sites "
            f"({facts['sites']}) left out"
        )
    words = f"{facts['repeats']} times repeated {facts['folds']}-fold cross-validation by patient"
    return f"{words}, stratified by label and arm"


def opinion_words(model: ModelResult) -> str:
    """The second opinion in a sentence; empty where there is none."""
    opinion = model.second_opinion
    if opinion is None:
        return ""
    figures = {"auc": ("AUC", 2), "brier": ("Brier score", 3), "slope": ("slope", 2)}
    told = ", ".join(
        f"{label} {opinion.corrected[key]:.{digits}f} (on the patients fitted on {opinion.apparent[key]:.{digits}f})"
        for key, (label, digits) in figures.items()
        if opinion.corrected[key] == opinion.corrected[key]
    )
    name = "optimism-corrected bootstrap (Harrell)" if opinion.method == "Harrell" else "bootstrap .632+"
    return f" Second opinion, {name}, {opinion.resamples} resamples: {told}."


def _method(result: TrainingResult, model: ModelResult) -> str:
    facts = result.facts
    fitted = ", ".join(f"{key} {value:.3g}" for key, value in model.facts.items()) or "nothing fitted"
    return (
        f"{cross_validation(result)}, everything fitted inside the fold; "
        "figures are means over the repeats, curves and cut-offs use each "
        f"patient's mean prediction. Intervals from {facts['resamples']} resamples of the judged patients and as many "
        "refits of the whole pipeline on resampled patients (logit-DeLong for rules). "
        f"Seed {facts['seed']}. Final fit: {fitted}.{opinion_words(model)}"
    )


def _limits(result: TrainingResult, model: ModelResult, protocol: Protocol) -> str:
    lines = [
        "Internal validation only: no other hospital's patients were seen.",
        "A predicted risk holds under the treatment that such patients received; it is not the risk if untreated.",
        "Weights assume that follow-up ends independently of recurrence given arm and visit.",
        f"{len(protocol.assumptions())} protocol values are derived, inferred or assumed rather than stated.",
        *result.warnings,
    ]
    if pd.isna(model.metrics.get("slope", 0.0)):
        lines.append("The calibration slope is not estimable: the predictions hardly vary between patients.")
    return "\n".join(f"- {line}" for line in lines)
