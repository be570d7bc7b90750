"""Values of a protocol that have the right kind and yet no training could work with."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from data.protocol import Protocol

# Whole numbers with the least that makes sense, and the most where more would leave nothing to judge.
COUNTS = {
    "validation.folds": (2, 20),
    "validation.repeats": (1, 1000),
    "validation.bootstrap": (0, 10_000),
    "validation.learner_refits": (1, 10_000),
    "validation.minimum_folds": (2, 20),
    "validation.minimum_repeats": (1, 1000),
    "validation.minimum_events": (2, 100_000),
    "models.tuning_folds": (2, 20),
    "models.coefficient_draws": (1, 100_000),
    "mixed_model.minimum_patients": (1, inf),
    "stable.minimum_patients": (1, inf),
    "signature.minimum_patients": (1, inf),
}
SHARES = ("validation.alpha", "validation.false_discovery_rate", "censoring.weight_floor")
# Lists of numbers, and what each of them must be.
GRIDS = {
    "models.elastic_net_penalties": ("above 0", lambda value: value > 0),
    "models.elastic_net_ratios": ("from 0 to 1", lambda value: 0 <= value <= 1),
    "models.aft_scales": ("above 0", lambda value: value > 0),
    "calls.probability_thresholds": ("between 0 and 1", lambda value: 0 < value < 1),
    "policy.net_benefit_thresholds": ("between 0 and 1", lambda value: 0 < value < 1),
}
ASCENDING = ("calls.probability_thresholds", "policy.net_benefit_thresholds")
BRIDGES = ("controls", "none")
CHOICES: dict[str, tuple[Any, ...]] = {
    "validation.strata": (["label", "arm"], ["label"]),
    "models.aft_error": ("normal", "logistic"),
    "batch.bridge": BRIDGES,
}
BOOSTING = ("depth", "rate", "rounds", "ridge", "column_share", "events_per_leaf")
TABLES = {
    "models.boosting_preset": BOOSTING,
    "models.boosting_space": BOOSTING,
    "models.tuning_configurations": ("middle", "large"),
}


def check_values(protocol: Protocol) -> None:
    """Counts, shares, grids, choices and tables hold what the models and their validation can work with.

    Parameters
    ----------
    protocol : Protocol
        Its records have the right kind (:func:`data.protocol_check.check_complete`); those it lacks are passed over.

    Raises
    ------
    ValueError
        Naming the file, the record, its value and what would be right.
    """
    values = {key: record.value for key, record in protocol.records.items()}
    for find in (_numbers, _grids, _words, _calls):
        for key, wanted in find(values):
            raise ValueError(f"{protocol.path.name}: [{key}] holds {protocol[key]!r}; give {wanted}")


def _numbers(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in filter(values.__contains__, COUNTS):
        least, most = COUNTS[key]
        if not (least <= values[key] <= most and float(values[key]).is_integer()):
            yield key, f"a whole number from {least} " + ("on" if most == inf else f"to {most:,}")
    for key in filter(values.__contains__, SHARES):
        if not 0 < values[key] < 1:
            yield key, "a number between 0 and 1"


def _grids(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in filter(values.__contains__, GRIDS):
        words, fits = GRIDS[key]
        numbers = [value for value in values[key] if isinstance(value, int | float) and fits(value)]
        if not numbers or len(numbers) < len(values[key]):
            yield key, f"a list of numbers {words}"
        elif key in ASCENDING and numbers != sorted(set(numbers)):
            yield key, "them from low to high"


def _words(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in filter(values.__contains__, CHOICES):
        if values[key] not in CHOICES[key]:
            yield key, " or ".join(str(choice).replace("'", '"') for choice in CHOICES[key])
    for key in filter(values.__contains__, TABLES):
        if set(values[key]) != set(TABLES[key]):
            yield key, f"a table of {', '.join(TABLES[key])}"


def _calls(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    labels, limits = values.get("calls.labels"), values.get("calls.probability_thresholds")
    if labels is not None and limits is not None and len(labels) != len(limits) + 1:
        yield "calls.labels", f"{len(limits) + 1} words, one more than calls.probability_thresholds"
