"""How much may be tuned: by the number of labelled patients, from lists that are fixed before any label is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.protocol import Protocol

Configuration = Mapping[str, Any]
# (labelled patients from which, configurations that may be tried), ascending.
Tries = tuple[tuple[int, int], ...]


def allowed(labelled: int, tries: Tries) -> int:
    """Configurations that so many labelled patients may try."""
    return max(count for least, count in tries if labelled >= least)


def draw_configurations(space: Mapping[str, Sequence[Any]], count: int, seed: int) -> tuple[dict[str, Any], ...]:
    """Different random points of a space of settings.

    Parameters
    ----------
    space : mapping of setting to its values
    count : int
        Every point when the space holds fewer.
    seed : int
        The list is a function of space and seed: it is registered with the protocol, before any label.

    Returns
    -------
    tuple of dict
        A shorter list is the beginning of a longer one.

    References
    ----------
    Bergstra, Bengio, J Mach Learn Res 2012; 13: 281-305 (random search).
    """
    shape = tuple(len(values) for values in space.values())
    points = np.random.default_rng(seed).permutation(int(np.prod(shape)))[:count]
    places = np.unravel_index(points, shape)
    return tuple(
        {name: values[int(at[i])] for (name, values), at in zip(space.items(), places, strict=True)}
        for i in range(len(points))
    )


def boosting_plan(
    protocol: Protocol, extra: Mapping[str, Sequence[Any]] | None = None, labelled: int | None = None
) -> dict[str, Any]:
    """Configurations of boosted trees and how many of them may be tried, as settings of the estimators.

    Below ``policy.small_n`` labelled patients the preset alone, with each value of ``extra``; then as many random
    configurations as ``models.tuning_configurations`` allows, the preset being the first.

    Parameters
    ----------
    protocol : Protocol
        ``models.boosting_preset``, ``models.boosting_space``, ``models.tuning_*``, ``policy.small_n``.
    extra : mapping of setting to its values, optional
        What even a small sample chooses (the scale of a survival model); at most a few values.
    labelled : int, optional
        Labelled patients of the trial, which then decide for all its fits; the rows of each fit otherwise.
    """
    extra = dict(extra or {})
    seed, most = int(protocol["models.tuning_seed"]), dict(protocol["models.tuning_configurations"])
    preset = dict(protocol["models.boosting_preset"])
    few = tuple(preset | point for point in draw_configurations(extra, int(1e9), seed)) if extra else (preset,)
    drawn = draw_configurations(dict(protocol["models.boosting_space"]) | extra, int(most["large"]) - len(few), seed)
    return {
        "configurations": (*few, *drawn),
        "tries": _tries(protocol, (len(few), int(most["middle"]), int(most["large"])), labelled),
        "tuning_folds": int(protocol["models.tuning_folds"]),
    }


def elastic_net_plan(protocol: Protocol, labelled: int | None = None) -> dict[str, Any]:
    """Grid of the elastic net: a ridge penalty for small samples, mixtures with the lasso for larger ones."""
    penalties = tuple(float(penalty) for penalty in protocol["models.elastic_net_penalties"])
    ratios = tuple(float(ratio) for ratio in protocol["models.elastic_net_ratios"])
    tried = _tries(protocol, (1, len(ratios), len(ratios)), labelled)
    return {"penalties": penalties, "ratios": ratios, "ratios_tried": tried}


def _tries(protocol: Protocol, counts: tuple[int, int, int], labelled: int | None) -> Tries:
    """Counts of small, middle and large samples; one for all fits where the size of the trial is given.

    Folds of a trial just above a limit lie below it: they would be fitted by another rule than the final model.
    """
    limits = (0, int(protocol["policy.small_n"]), int(protocol["models.free_tuning_n"]))
    tries = tuple(zip(limits, counts, strict=True))
    return tries if labelled is None else ((0, allowed(labelled, tries)),)
