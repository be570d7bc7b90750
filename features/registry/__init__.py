"""The data dictionary: every column of a landmark table, what it is and where it comes from."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from features.registry.expression import expression
from features.registry.feature import KINDS, SOURCES, Feature
from features.registry.history import imaging, treatments
from features.registry.learnt import learnt
from features.registry.markers import blood_sample, cga, score
from features.registry.patients import patients
from features.registry.reasons import reasons, sampling
from features.registry.urine import urine

__all__ = ["FEATURES", "KINDS", "LEARNT", "SOURCES", "Feature", "dictionary", "names"]

ROOMS = (patients, score, cga, urine, imaging, treatments, blood_sample, expression, reasons, sampling)
FEATURES: dict[str, Feature] = {feature.name: feature for room in ROOMS for feature in room()}
LEARNT: dict[str, Feature] = {feature.name: feature for feature in learnt()}


def dictionary() -> pd.DataFrame:
    """The data dictionary as a table.

    Returns
    -------
    DataFrame
        One row per column, in table order, those that are learnt inside a fold last: ``name, unit, formula, source,
        look_back, specimen, kind, monotone, stamp, reference``.
    """
    return pd.DataFrame([asdict(feature) for feature in (*FEATURES.values(), *LEARNT.values())])


def names(kind: str | None = None, source: str | None = None) -> list[str]:
    """Column names, all or of one kind or source, in table order."""
    return [
        feature.name
        for feature in FEATURES.values()
        if kind in (None, feature.kind) and source in (None, feature.source)
    ]
