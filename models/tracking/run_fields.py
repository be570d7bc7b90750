"""What a run shows in tables and filters: tags, parameters and metrics under stable names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data.protocol import Protocol
from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY
from models.result import TrainingResult
from models.tracking.model_card import difference_row, endpoint_note, model_note, terms_in_words

INTERVALS = ("auc", "brier", "slope", "oe", "ipa")
PLAIN = ("auc_pooled", "ap", "citl")


@dataclass(frozen=True)
class RunContext:
    """What surrounded a training; becomes tags.

    Attributes
    ----------
    trigger : str
        Who or what asked for it.
    data_digest, data_cut, study : str
    simulated : bool
    git_commit, flow_run : str
    specimen_set : str
        Specimens that the models may use.
    fingerprint : dict
        Digests of data, protocol, code and libraries.
    """

    trigger: str = "by hand"
    data_digest: str = ""
    data_cut: str = ""
    study: str = ""
    simulated: bool = False
    git_commit: str = ""
    flow_run: str = ""
    specimen_set: str = "blood and urine"
    fingerprint: Mapping[str, Any] = field(default_factory=dict)


def now() -> str:
    """This instant, UTC, to the second."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def today() -> str:
    """This day, UTC."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")


def with_interval(result: TrainingResult, name: str, metrics: Iterable[str]) -> dict[str, float]:
    """Metrics of a model with ``_lo`` and ``_hi`` beside them."""
    model = result.models[name]
    out: dict[str, float] = {}
    for metric in metrics:
        if metric in model.metrics:
            lower, upper = model.intervals.get(metric, (float("nan"), float("nan")))
            out |= {metric: model.metrics[metric], f"{metric}_lo": lower, f"{metric}_hi": upper}
    return out


def metrics_of(result: TrainingResult, name: str) -> dict[str, float]:
    """At most 24 metrics of a model's run; NaN where not estimable."""
    model = result.models[name]
    out = with_interval(result, name, INTERVALS)
    out |= {metric: model.metrics[metric] for metric in PLAIN if metric in model.metrics}
    row = difference_row(result, name, CLINICAL_COMPARATOR)
    if row is not None:
        out |= {"auc_minus_mc": row.difference, "auc_minus_mc_lo": row.lower, "auc_minus_mc_hi": row.upper}
    return out | {
        "prevalence": result.prevalence,
        "n_labelled": float(result.counts["labelled"]),
        "n_events": float(result.counts["events"]),
    }


def permutation_metrics(result: TrainingResult) -> dict[str, float]:
    """P values of the permutations for the run of the endpoint (those of the models have no room left for them)."""
    if result.permutation is None:
        return {}
    null = result.permutation.summary
    names = null["model"] + "_" + null["statistic"] + "_p"
    return {str(name): float(p) for name, p in zip(names, null["p"], strict=True)}


def params_of(result: TrainingResult, name: str = "") -> dict[str, str]:
    """Fewer than 20 parameters: the question, the validation and, for a model, what was fitted."""
    endpoint, facts = result.endpoint, result.facts
    out = {
        "endpoint_id": endpoint.id,
        "landmark": f"{endpoint.landmark:g}",
        "horizon": f"{endpoint.horizon:g}",
        **{key: str(facts[key]) for key in ("folds", "repeats", "blocks", "resamples", "seed", "rows_in_stack")},
    }
    if name:
        spec = REGISTRY[name]
        out |= {
            "model": name,
            "terms": terms_in_words(spec.terms),
            "df": "" if spec.df is None else str(spec.df),
            "penalty": str(result.models[name].facts.get("penalty", "")),
        }
    return out


def tags_of(result: TrainingResult, protocol: Protocol, context: RunContext, name: str = "") -> dict[str, str]:
    """Tags to filter by, and the description: the verdict first."""
    endpoint, simulated = result.endpoint, context.simulated
    role = {result.champion: "champion", result.challenger: "challenger"}.get(name, "") if name else ""
    note = model_note(result, name, protocol, simulated) if name else endpoint_note(result, simulated)
    return {
        "mlflow.note.content": note,
        "endpoint": endpoint.family,
        "endpoint_id": endpoint.id,
        "landmark": f"{endpoint.landmark:g}",
        "horizon": f"{endpoint.horizon:g}",
        "model": name or "all",
        "role": role,
        "status": result.status,
        "specimen_set": context.specimen_set,
        "assay_version": str(result.facts.get("assay_version", "")),
        "label_version": str(result.facts.get("label_version", "")),
        "trigger": context.trigger,
        "git_commit": context.git_commit,
        "flow_run": context.flow_run,
        "study": context.study,
        "data_digest": context.data_digest,
        "data_cut": context.data_cut,
        "protocol_digest": protocol.digest,
        "simulated": "yes" if simulated else "no",
    }
