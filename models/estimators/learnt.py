"""A model on columns that are learnt from its own training rows: bridged score, BLUPs, clusters, signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from features.learnt import Bridge, BridgedChange, CensoredNormal, Clusters, MixedModel, Signature, StableVariation
from features.learnt.clusters import CLUSTER, GENE
from features.learnt.marker import NETEST, SCALES
from features.learnt.rows import Rows, take
from features.learnt.signature import SIGNATURE
from models.estimators.base import DEATH, RiskModel, State
from models.estimators.penalty import inner_masks

SIGNATURE_FOLDS = 5
Recipe = Mapping[str, Mapping[str, Any]]
Learnt = Bridge | CensoredNormal | Clusters | MixedModel | Signature | StableVariation


@dataclass(frozen=True)
class Training:
    """Training rows, their outcomes and patients; ``own`` are rows at the landmark that is predicted."""

    rows: Rows
    y: np.ndarray
    groups: np.ndarray
    own: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """Rows at the landmark whose label is known and weighted."""
        return self.own & ~np.isnan(self.y["label"]) & (self.y["weight"] > 0)


Learner = Callable[..., tuple[Learnt, dict[str, np.ndarray]]]
Shelf = dict[tuple[str, float, str], tuple[Learnt, dict[str, np.ndarray]]]


def _bridge(training: Training, use: bool) -> tuple[Learnt, dict[str, np.ndarray]]:
    bridge = Bridge.fit(training.rows) if use else Bridge.none()
    return bridge, bridge.apply(training.rows)


def _bridged_change(training: Training, use: bool) -> tuple[Learnt, dict[str, np.ndarray]]:
    bridge = BridgedChange.fit(training.rows) if use else BridgedChange.none()
    return bridge, bridge.apply(training.rows)


def _mixed_model(training: Training, marker: str, minimum: int, closing: float) -> tuple[Learnt, dict[str, np.ndarray]]:
    model = MixedModel.fit(take(training.rows, training.own, MixedModel.needs(marker)), minimum, closing, marker)
    return model, model.apply(training.rows)


def _stable(training: Training, marker: str, minimum: int, z: float) -> tuple[Learnt, dict[str, np.ndarray]]:
    stable = training.labelled & (training.y["label"] == 0) & (training.y["event"] != DEATH)
    variation = StableVariation.fit(training.rows, stable, minimum, z, marker)
    return variation, variation.apply(training.rows)


def _clusters(training: Training, membership: Mapping[str, tuple[str, ...]]) -> tuple[Learnt, dict[str, np.ndarray]]:
    names = tuple(GENE + gene for members in membership.values() for gene in members)
    clusters = Clusters.fit(take(training.rows, training.own, names), membership)
    return clusters, clusters.apply(training.rows)


def _censored(training: Training) -> tuple[Learnt, dict[str, np.ndarray]]:
    normal = CensoredNormal.fit(take(training.rows, training.own, CensoredNormal.NEEDS))
    return normal, normal.apply(training.rows)


def _signature(
    training: Training, genes: tuple[str, ...], minimum: int, seed: int
) -> tuple[Learnt, dict[str, np.ndarray]]:
    used = training.labelled
    if used.sum() < minimum:
        return Signature.none(genes), {SIGNATURE: np.full(len(used), np.nan)}
    label, weight = training.y["label"][used], training.y["weight"][used]
    held = inner_masks(training.groups[used], label == 1, SIGNATURE_FOLDS, 1, seed)
    rows = take(training.rows, used, tuple(GENE + gene for gene in genes))
    signature, own = Signature.fit(rows, genes, label, weight, held, minimum)
    columns = signature.apply(training.rows)
    columns[SIGNATURE][used] = own
    return signature, columns


LEARNERS: dict[str, tuple[type[Learnt], Learner]] = {
    "bridge": (Bridge, _bridge),
    "bridged_change": (BridgedChange, _bridged_change),
    "mixed_model": (MixedModel, _mixed_model),
    "stable": (StableVariation, _stable),
    "clusters": (Clusters, _clusters),
    "censored": (CensoredNormal, _censored),
    "signature": (Signature, _signature),
}
# The blood score keeps the bare names; every other marker has a learner of its own beside it.
OF_MARKERS = {
    (name, marker): name if marker == NETEST else f"{name}_{marker}"
    for name in ("mixed_model", "stable")
    for marker in SCALES
}
LEARNERS |= {own: LEARNERS[name] for (name, _), own in OF_MARKERS.items()}


def needs(name: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns of the encoded table that a learner looks at."""
    if name == "clusters":
        return tuple(dict.fromkeys(GENE + gene for members in settings["membership"].values() for gene in members))
    if name == "signature":
        return tuple(GENE + gene for gene in settings["genes"])
    learner: Any = LEARNERS[name][0]
    return learner.needs(settings["marker"]) if "marker" in settings else learner.NEEDS


def gives(name: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns that a learner adds."""
    if name == "clusters":
        return tuple(CLUSTER + cluster for cluster in settings["membership"])
    if name == "signature":
        return (SIGNATURE,)
    learner: Any = LEARNERS[name][0]
    return learner.gives(settings["marker"]) if "marker" in settings else learner.GIVES


class LearntRisk(RiskModel):
    """Learns columns from its training rows, then fits a model on them; both together are the model.

    A fold, a bootstrap refit and a draw thus each have their own bridge, BLUPs and clusters, and a patient who is
    predicted meets what was learnt from others. Learnt columns that no training row has are left out of the model, so
    that patients without plates and wells get the model they would have had without learning.

    Parameters
    ----------
    inner : RiskModel
        Unfitted; its terms are columns of the encoded table or learnt ones.
    recipe : mapping of learner to settings
        Learners of :data:`LEARNERS` with the arguments of their ``fit``, see
        :func:`models.estimators.specification.recipe`.
    landmark : float
        The landmark that is predicted at.

    Attributes
    ----------
    terms : tuple of str
        Columns of the encoded table that model and learners look at.
    inner_ : RiskModel
        The fitted model. Its state is part of ``state_``, beside what was learnt (``<learner>.<field>``).
    """

    def __init__(self, inner: RiskModel, recipe: Recipe, landmark: float) -> None:
        self.inner = inner
        self.recipe = recipe
        self.landmark = landmark
        given = {name for learner, settings in recipe.items() for name in gives(learner, settings)}
        looked_at = [name for learner, settings in recipe.items() for name in needs(learner, settings)]
        self.terms = tuple(dict.fromkeys([*(term for term in inner.terms if term not in given), *looked_at]))
        self.drawable = inner.drawable

    def keeping(self, fitted: RiskModel) -> LearntRisk:
        """An unfitted copy whose model keeps what the model of a fit chose."""
        inner = self.inner.keeping(fitted.inner_) if isinstance(fitted, LearntRisk) else self.inner
        return LearntRisk(inner, self.recipe, self.landmark)

    def fit(
        self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray | None = None, shelf: Shelf | None = None
    ) -> LearntRisk:
        """Fit on person-landmark rows, see :meth:`RiskModel.fit`.

        ``shelf`` holds what other models learnt from these very rows: models of one fold learn the same columns once.
        """
        self._shelf = {} if shelf is None else shelf
        try:
            super().fit(X, y, groups)
        finally:
            del self._shelf
        return self

    def _learn(self, name: str, training: Training) -> tuple[Learnt, dict[str, np.ndarray]]:
        key = (name, self.landmark, repr(self.recipe[name]))
        if key not in self._shelf:
            self._shelf[key] = LEARNERS[name][1](training, **self.recipe[name])
        return self._shelf[key]

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        landmark = X["landmark"].to_numpy()
        rows = dict(zip(self.terms, self._matrix(X).T, strict=True))
        training = Training(rows, y, groups, landmark == self.landmark)
        state: dict[str, np.ndarray] = {}
        columns: dict[str, np.ndarray] = {}
        for name in self.recipe:
            learnt, own = self._learn(name, training)
            columns |= own
            state |= {f"{name}.{field.name}": getattr(learnt, field.name) for field in fields(learnt)}
        absent = {name for name, values in columns.items() if np.isnan(values[training.own]).all()}
        kept = tuple(term for term in self.inner.terms if term not in absent)
        names = ("landmark", *kept)
        frame = pd.DataFrame(_stacked(rows | columns | {"landmark": landmark}, names), columns=list(names))
        inner = copy(self.inner)
        inner.terms = kept
        self.inner_ = inner.fit(frame, y, groups)
        if hasattr(self.inner_, "penalty_"):
            self.penalty_ = self.inner_.penalty_
        return state | self.inner_.state_

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        rows = dict(zip(self.terms, matrix.T, strict=True))
        for learnt in self.learnt(state).values():
            rows |= learnt.apply(rows)
        return self.inner_._probability(state, _stacked(rows, self.inner_.terms))

    def learnt(self, state: State | None = None) -> dict[str, Learnt]:
        """What was learnt, by learner, from the fitted state or that of a draw."""
        known = self.state_ if state is None else state
        return {
            name: LEARNERS[name][0](*(known[f"{name}.{field.name}"] for field in fields(LEARNERS[name][0])))
            for name in self.recipe
        }

    def columns(self, X: pd.DataFrame) -> pd.DataFrame:
        """Learnt columns of rows that were not fitted on (index of ``X``)."""
        rows = dict(zip(self.terms, self._matrix(X).T, strict=True))
        found: dict[str, np.ndarray] = {}
        for learnt in self.learnt().values():
            found |= learnt.apply(rows)
        return pd.DataFrame(found, index=X.index)

    def settings(self) -> dict[str, Any]:
        """Settings of the model, and of what is learnt beside it under ``learnt``."""
        return self.inner.settings() | {"learnt": {name: dict(values) for name, values in self.recipe.items()}}

    def describe(self) -> dict[str, Any]:
        out = self.inner_.describe()
        for learnt in self.learnt().values():
            out |= {name: value for name, value in learnt.describe().items() if np.isfinite(value)}
        return out


def _stacked(rows: Mapping[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """Columns side by side, laid out in memory as a data frame does: sums then round as they do without learning."""
    return np.array([rows[name] for name in names]).T
