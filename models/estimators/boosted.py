"""M5: gradient-boosted trees with censoring weights, at a preset small enough for a trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xgboost

from models.estimators.base import RiskModel, State, labelled_rows, recalibrated, recalibration
from models.estimators.newton import CannotFit
from models.estimators.penalty import inner_masks


class BoostedTrees(RiskModel):
    """XGBoost on every coded column of the landmark table, censoring weights, monotone in the score.

    Missing values are handled by the trees. The preset is fixed in advance (statistics.md section 3); nothing is
    tuned. One thread per fit: many fits run beside each other, and nested threads collapse under load.

    Parameters
    ----------
    terms : tuple of str
    landmark : float
    increasing : tuple of str
        Terms whose effect may only rise.
    rounds, depth : int
    rate, ridge, column_share : float
    events_per_leaf : float
        Smallest leaf, in weighted events: the Hessian of a leaf with this many events at the training prevalence.
    slope_from : int
        From this number of labelled events the probability is recalibrated (intercept and slope, cross-fitted).
    seed : int

    Notes
    -----
    Bootstrap refits are not kept: a hundred boosters would outweigh everything else in the registry.
    """

    drawable = False

    def __init__(
        self,
        terms: tuple[str, ...],
        landmark: float,
        increasing: tuple[str, ...] = (),
        rounds: int = 60,
        depth: int = 2,
        rate: float = 0.05,
        ridge: float = 5.0,
        column_share: float = 0.5,
        events_per_leaf: float = 2.0,
        slope_from: int = 100,
        seed: int = 0,
    ) -> None:
        self.terms = terms
        self.landmark = landmark
        self.increasing = increasing
        self.rounds = rounds
        self.depth = depth
        self.rate = rate
        self.ridge = ridge
        self.column_share = column_share
        self.events_per_leaf = events_per_leaf
        self.slope_from = slope_from
        self.seed = seed

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        used = labelled_rows(X, y, self.landmark)
        label, matrix = y["label"][used], self._matrix(X)[used]
        if not 0 < label.sum() < len(label):
            raise CannotFit("boosted trees need events and non-events among the labelled training rows")
        weight = y["weight"][used] / y["weight"][used].mean()
        self._booster = self._grow(matrix, label, weight)
        line = np.array([0.0, 1.0])
        if self.slope_from <= label.sum() <= len(label) - self.slope_from:
            line = self._cross_fitted_line(matrix, label, weight, groups[used])
        return {"line": line}

    def _grow(self, matrix: np.ndarray, label: np.ndarray, weight: np.ndarray) -> xgboost.Booster:
        prevalence = float(weight @ label / weight.sum())
        parameters = {
            "objective": "binary:logistic",
            "max_depth": self.depth,
            "eta": self.rate,
            "reg_lambda": self.ridge,
            "colsample_bytree": self.column_share,
            "min_child_weight": self.events_per_leaf * (1 - prevalence),
            "monotone_constraints": tuple(int(term in self.increasing) for term in self.terms),
            "base_score": prevalence,
            "nthread": 1,
            "seed": self.seed,
            "verbosity": 0,
        }
        table = xgboost.DMatrix(matrix, label, weight=weight, nthread=1)
        booster = xgboost.Booster(parameters, [table])
        for iteration in range(self.rounds):
            booster.update(table, iteration)
        return booster

    def _cross_fitted_line(
        self, matrix: np.ndarray, label: np.ndarray, weight: np.ndarray, groups: np.ndarray
    ) -> np.ndarray:
        """Recalibration from predictions of trees that did not see the patient: the preset shrinks too much."""
        probability = np.empty(len(label))
        for held in inner_masks(groups, label == 1, 5, 1, self.seed):
            booster = self._grow(matrix[~held], label[~held], weight[~held])
            probability[held] = booster.inplace_predict(matrix[held])
        return recalibration(probability, label, weight, self.slope_from)

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        return recalibrated(np.clip(self._booster.inplace_predict(matrix).astype(float), 0.0, 1.0), state["line"])

    def __getstate__(self) -> dict[str, Any]:
        """The booster travels as bytes (``booster_``): a plain array that every serialiser knows."""
        state = dict(super().__getstate__())
        if "_booster" in state:
            state["booster_"] = np.frombuffer(bytes(state.pop("_booster").save_raw("ubj")), dtype=np.uint8)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        raw = state.pop("booster_", None)
        super().__setstate__(state)
        if raw is not None:
            self._booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(np.asarray(raw).tobytes()))

    def describe(self) -> dict[str, Any]:
        return {"rounds": self.rounds, "depth": self.depth, "rate": self.rate}
