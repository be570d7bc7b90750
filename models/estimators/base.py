"""What every model of this house is: terms in, probability of recurrence by the horizon out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin

from models.metrics.intervals import LEVEL, normal_quantile

OUTCOME = np.dtype(
    [
        ("label", "f8"),
        ("weight", "f8"),
        ("time", "f8"),
        ("event", "i1"),
        ("lower", "f8"),
        ("upper", "f8"),
    ]
)
CENSORED, RECURRENCE, DEATH = 0, 1, 2
SMALLEST = 1e-6
State = Mapping[str, np.ndarray]


class RiskModel(ClassifierMixin, BaseEstimator, ABC):
    """Base of the models: matrix extraction, probability checks and per-patient intervals.

    A subclass sets ``terms`` and implements ``_fit_state`` and ``_probability``. What was fitted lives in
    ``state_``, a mapping of arrays, so that bootstrap refits can be kept as stacked arrays (``draws_``) where the
    model is small enough (``drawable``). A model that chooses settings by inner cross-validation names them in
    ``chosen_`` (parameter to value).

    Fitting takes ``X`` (person-landmark rows, float columns with ``landmark`` and the terms), ``y`` (structured array
    of dtype ``OUTCOME``) and ``groups`` (patient of each row; every row its own patient when omitted).
    """

    terms: tuple[str, ...]
    drawable = True

    def fit(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray | None = None) -> RiskModel:
        """Fit on person-landmark rows.

        Raises
        ------
        ValueError
            When ``y`` is not of dtype ``OUTCOME``, a term is missing from ``X``, or a patient of ``X`` has rows that
            ``y`` does not.
        """
        if getattr(y, "dtype", None) != OUTCOME or len(y) != len(X):
            raise ValueError("y must be a structured array of models.estimators.base.OUTCOME, one element per row of X")
        groups = np.arange(len(X)) if groups is None else np.asarray(groups)
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = X.shape[1]
        self.state_ = self._fit_state(X, y, groups)
        self.draws_: dict[str, np.ndarray] = {}
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probability of no recurrence and of recurrence by the horizon, shape (n, 2)."""
        return as_two_columns(self._probability(self.state_, self._matrix(X)))

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """1 where recurrence by the horizon is at least as likely as not."""
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(int)

    def predict_interval(self, X: pd.DataFrame, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """Interval of each patient's probability from the bootstrap refits.

        The spread of the refits on the logit scale around the model's own probability: what the model does not know
        about its coefficients, not how patients with equal terms differ.

        Returns
        -------
        tuple of ndarray
            Lower and upper, NaN when the model carries no refits.
        """
        probability = self.predict_proba(X)[:, 1]
        if not self.draws_:
            return np.full(len(X), np.nan), np.full(len(X), np.nan)
        matrix = self._matrix(X)
        count = len(next(iter(self.draws_.values())))
        drawn = np.array(
            [self._probability({name: stack[b] for name, stack in self.draws_.items()}, matrix) for b in range(count)]
        )
        spread = normal_quantile(level) * np.std(bounded_logit(drawn), axis=0, ddof=1)
        centre = bounded_logit(probability)
        return np.minimum(expit(centre - spread), probability), np.maximum(expit(centre + spread), probability)

    def keep_draws(self, refits: list[RiskModel]) -> None:
        """Keep the states of bootstrap refits of this model for :meth:`predict_interval`."""
        if refits:
            self.draws_ = {name: np.stack([refit.state_[name] for refit in refits]) for name in self.state_}

    def keeping(self, fitted: RiskModel) -> RiskModel:
        """An unfitted copy with what a fit of this model chose (``chosen_``): nothing is searched for again."""
        chosen = getattr(fitted, "chosen_", {})
        return copy(self).set_params(**chosen) if chosen else self

    def _matrix(self, X: pd.DataFrame) -> np.ndarray:
        place = positions(tuple(X.columns.tolist()), tuple(self.terms))
        if (place < 0).any():
            missing = self.terms[int(np.argmin(place))]
            raise ValueError(f"{type(self).__name__} needs the column {missing!r}; the table does not have it")
        return X.to_numpy(dtype=float)[:, place]

    @abstractmethod
    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        """What the rows teach, as arrays."""

    @abstractmethod
    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        """Probability of recurrence by the horizon, shape (n,), from a state and the terms of n rows."""

    def settings(self) -> dict[str, Any]:
        """Settings that it was built with, as plain values for a configuration file."""
        return self.get_params()

    def describe(self) -> dict[str, Any]:
        """Fitted figures worth a row in a model card: penalty, coefficients per standard deviation."""
        return {}


@lru_cache(maxsize=256)
def positions(columns: tuple[str, ...], terms: tuple[str, ...]) -> np.ndarray:
    """Where the terms stand among the columns; -1 for one that does not."""
    place = {name: i for i, name in enumerate(columns)}
    return np.array([place.get(term, -1) for term in terms], dtype=int)


def bounded_logit(probability: np.ndarray) -> np.ndarray:
    """Logit of probabilities kept a millionth away from 0 and 1."""
    return logit(np.clip(probability, SMALLEST, 1 - SMALLEST))


def as_two_columns(probability: np.ndarray) -> np.ndarray:
    """Columns 1 - p and p, after checking that p is a probability."""
    if not np.all((probability >= 0) & (probability <= 1)):
        raise AssertionError("a model returned something that is not a probability in [0, 1]")
    return np.column_stack([1 - probability, probability])


def labelled_rows(X: pd.DataFrame, y: np.ndarray, landmark: float) -> np.ndarray:
    """Rows at the landmark whose label is known and weighted, as a boolean mask."""
    return (X["landmark"].to_numpy() == landmark) & ~np.isnan(y["label"]) & (y["weight"] > 0)


def intercept_shift(probability: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """Logit shift that makes the weighted mean prediction equal the weighted event rate.

    Returns 0 when only one class was observed, since no finite shift would do.
    """
    target = float(weight @ label)
    if target <= 0 or target >= weight.sum():
        return 0.0
    base, shift = bounded_logit(probability), 0.0
    for _ in range(100):
        current = expit(base + shift)
        step = (target - weight @ current) / (weight @ (current * (1 - current)))
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-12:
            break
    return shift
