"""Added value: paired differences of every figure between models that were judged on the same patients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY, RULE
from models.metrics.decision import CALL_FIGURES, key
from models.metrics.intervals import resampled_interval, resampled_p
from models.metrics.multiplicity import holm
from models.result import ModelResult
from models.validation.bootstrap import kind_of

COLUMNS = ["model", "against", "metric", "difference", "lower", "upper", "p", "p_holm"]
COMPARED = ("auc", "brier", "ipa", "ap", "citl", "slope")
SMALLER_IS_BETTER = ("brier",)
NO_DIRECTION = ("citl", "slope")
Resampled = dict[str, dict[str, np.ndarray]]


def compare(models: dict[str, ModelResult], resampled: Resampled) -> pd.DataFrame:
    """Paired differences of every model against the clinical comparator (all figures) and the rule (AUC).

    Both models are judged on the same patients and folds, and interval and P value come from the same resamples: the
    difference over its bootstrap standard deviation, held against a normal distribution. A rule is compared with the
    comparator by AUC and net benefit only: its 0/1 has no Brier score worth the name, and its cut-off is another
    operating point than a threshold of risk.

    Returns
    -------
    DataFrame
        model, against, metric, difference (positive favours the model; ``citl`` and ``slope`` have no direction: model
        minus reference), lower, upper, p (two-sided), p_holm (over models and thresholds, per reference and kind of
        figure). Figures at a threshold are named ``nb@0.3``.
    """
    rows = [
        (name, against, metric, *_paired(models[name], models[against], metric, resampled))
        for against in (CLINICAL_COMPARATOR, RULE)
        if against in models
        for name in models
        if name != against
        for metric in _metrics(models[name], models[against])
    ]
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    family = [table["against"], table["metric"].map(kind_of)]
    return table.assign(p_holm=table.groupby(family)["p"].transform(lambda p: holm(p.to_numpy())).astype(float))


def _metrics(model: ModelResult, reference: ModelResult) -> Iterator[str]:
    """Figures that both have and that are compared with this reference."""
    if reference.name == RULE:
        yield "auc"
        return
    yield from (metric for metric in COMPARED if {metric} <= model.metrics.keys() & reference.metrics.keys())
    calls = [name for name in reference.decisions if name.startswith(f"{CALL_FIGURES[0]}@")]
    figures = ("nb", *CALL_FIGURES) if REGISTRY[model.name].calibrated else ("nb",)
    for figure in figures:
        yield from (figure + name.removeprefix(CALL_FIGURES[0]) for name in calls)


def _paired(
    model: ModelResult, reference: ModelResult, metric: str, resampled: Resampled
) -> tuple[float, float, float, float]:
    sign = -1.0 if metric in SMALLER_IS_BETTER else 1.0
    difference = sign * (_value(model, metric) - _value(reference, metric))
    moved = sign * _moved(resampled, model.name, reference.name, metric)
    return difference, *resampled_interval(difference, moved), resampled_p(difference, moved)


def _value(model: ModelResult, metric: str) -> float:
    return model.decisions[metric] if "@" in metric else model.metrics[metric]


def _moved(resampled: Resampled, name: str, against: str, metric: str) -> np.ndarray:
    one, other = resampled[name].get(metric), resampled[against].get(metric)
    return np.array([]) if one is None or other is None else one - other


def with_decision_bands(models: dict[str, ModelResult], resampled: Resampled) -> dict[str, ModelResult]:
    """The models, their decision curves with pointwise bands from the resamples.

    Adds ``lower`` and ``upper`` of the net benefit, ``gain`` (over acting on everybody) and ``minus_mc`` (over the
    clinical comparator), each with ``_lower`` and ``_upper``. Pointwise: the bands hold at one threshold, not at all at
    once.
    """
    return {name: _with_band(model, models.get(CLINICAL_COMPARATOR), resampled) for name, model in models.items()}


def _with_band(model: ModelResult, comparator: ModelResult | None, resampled: Resampled) -> ModelResult:
    curve = model.curves.get("net_benefit")
    if curve is None:
        return model
    own = resampled[model.name]
    columns: dict[str, list[float]] = {
        name: []
        for name in ("lower", "upper", "gain", "gain_lower", "gain_upper")
        + (("minus_mc", "minus_mc_lower", "minus_mc_upper") if comparator is not None else ())
    }

    def put(name: str, value: float, moved: np.ndarray) -> None:
        lower, upper = resampled_interval(value, moved)
        for end, number in (("", value), ("_lower", lower), ("_upper", upper)):
            column = f"{name}{end}".lstrip("_")
            if column in columns:
                columns[column].append(number)

    for threshold in curve["threshold"]:
        for name, figure in (("", "nb"), ("gain", "gain")):
            at = key(figure, threshold)
            put(name, model.decisions[at], own.get(at, np.array([])))
        if comparator is not None:
            at = key("nb", threshold)
            difference = model.decisions[at] - comparator.decisions[at]
            put("minus_mc", difference, _moved(resampled, model.name, comparator.name, at))
    return replace(model, curves=model.curves | {"net_benefit": curve.assign(**columns)})
