"""What M5 and M6 share: boosted trees that choose a configuration inside the fold, are recalibrated, and travel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from models.estimators.base import RiskModel, State, labelled_rows
from models.estimators.penalty import inner_masks
from models.estimators.recalibration import Stages, in_words, log_loss, recalibrated, recalibration
from models.estimators.tuning import Configuration, Tries, allowed

Boosters = dict[str, xgboost.Booster]


class BoostedRisk(RiskModel):
    """XGBoost on every coded column of the landmark table, monotone in the score.

    Missing values are handled by the trees. Small samples take the preset; larger ones choose among registered
    configurations by inner cross-validation of the log loss, weighted for censoring, of recalibrated held-out
    predictions. The final probability is recalibrated in stages; slopes come from predictions of trees that did not
    see the patient, an intercept alone from all rows: heavily shrunk trees err in spread, not in level.
    One thread per fit: many fits run beside each other, and nested threads collapse under load.

    Parameters
    ----------
    terms : tuple of str
    landmark : float
    configurations : tuple of mapping
        Depth, rounds, rate, ridge, column_share and events_per_leaf (smallest leaf in weighted events).
    increasing : tuple of str
        Terms with which the risk may only rise.
    tries : tuple of (labelled patients, configurations)
        How many of the configurations may be tried.
    configuration : mapping, optional
        One chosen before (bootstrap refits); no search then.
    stages : tuple of int
        See :func:`models.estimators.recalibration.recalibration`.
    folds, tuning_folds, seed : int
        Inner cross-validation, by patient: of the recalibration, and of the search.

    Notes
    -----
    Bootstrap refits are not kept: a hundred boosters would outweigh everything else in the registry.
    """

    drawable = False

    def __init__(
        self,
        terms: tuple[str, ...],
        landmark: float,
        configurations: tuple[Configuration, ...],
        increasing: tuple[str, ...] = (),
        tries: Tries = ((0, 1),),
        configuration: Configuration | None = None,
        stages: Stages = (100, 500),
        folds: int = 5,
        tuning_folds: int = 3,
        seed: int = 0,
    ) -> None:
        self.terms = terms
        self.landmark = landmark
        self.configurations = configurations
        self.increasing = increasing
        self.tries = tries
        self.configuration = configuration
        self.stages = stages
        self.folds = folds
        self.tuning_folds = tuning_folds
        self.seed = seed

    @abstractmethod
    def _used(self, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
        """Rows that are fitted on, as a boolean mask."""

    @abstractmethod
    def _grow(
        self, matrix: np.ndarray, y: np.ndarray, configuration: Configuration
    ) -> tuple[Boosters, dict[str, np.ndarray]]:
        """Boosters by name, and whatever else the rows teach."""

    @abstractmethod
    def _raw(self, boosters: Boosters, state: State, matrix: np.ndarray) -> np.ndarray:
        """Probability by the horizon before recalibration."""

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        used = self._used(X, y)
        known = labelled_rows(X, y, self.landmark)[used]
        matrix, y, groups = self._matrix(X)[used], y[used], groups[used]
        chosen = self._choose(matrix, y, groups, known)
        self.chosen_ = {"configuration": dict(chosen)}
        self._boosters, state = self._grow(matrix, y, chosen)
        fewest = min(y["label"][known].sum(), (1 - y["label"][known]).sum())
        if fewest < self.stages[0]:
            probability = self._raw(self._boosters, state, matrix)
        else:
            probability = self._held_out(matrix, y, groups, chosen, self.folds)
        return state | {"line": self._line(probability, y, known)}

    def _choose(self, matrix: np.ndarray, y: np.ndarray, groups: np.ndarray, known: np.ndarray) -> Configuration:
        """The configuration with the smallest weighted log loss of held-out, recalibrated predictions."""
        if self.configuration is not None:
            return self.configuration
        open_to = self.configurations[: allowed(int(known.sum()), self.tries)]
        if len(open_to) == 1:
            return open_to[0]
        losses = []
        for configuration in open_to:
            probability = self._held_out(matrix, y, groups, configuration, self.tuning_folds)
            final = recalibrated(probability, self._line(probability, y, known))
            losses.append(log_loss(y["label"][known], final[known], y["weight"][known]))
        return open_to[int(np.argmin(losses))]

    def _line(self, probability: np.ndarray, y: np.ndarray, known: np.ndarray) -> np.ndarray:
        return recalibration(probability[known], y["label"][known], y["weight"][known], self.stages)

    def _held_out(
        self, matrix: np.ndarray, y: np.ndarray, groups: np.ndarray, configuration: Configuration, folds: int
    ) -> np.ndarray:
        """Predictions of trees that did not see the patient, shape (n,)."""
        probability = np.empty(len(y))
        for held in inner_masks(groups, y["label"] == 1, folds, 1, self.seed):
            boosters, state = self._grow(matrix[~held], y[~held], configuration)
            probability[held] = self._raw(boosters, state, matrix[held])
        return probability

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        return recalibrated(self._raw(self._boosters, state, matrix), state["line"])

    def __getstate__(self) -> dict[str, Any]:
        """Boosters travel as bytes (``boosters_``): plain arrays that every serialiser knows."""
        state = dict(super().__getstate__())
        if "_boosters" in state:
            grown = state.pop("_boosters")
            state["boosters_"] = {
                name: np.frombuffer(bytes(one.save_raw("ubj")), dtype=np.uint8) for name, one in grown.items()
            }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        stored = state.pop("boosters_", None)
        super().__setstate__(state)
        if stored is not None:
            self._boosters = {
                name: xgboost.Booster({"nthread": 1}, model_file=bytearray(np.asarray(raw).tobytes()))
                for name, raw in stored.items()
            }

    def describe(self) -> dict[str, Any]:
        return dict(self.chosen_["configuration"]) | in_words(self.state_["line"])


class _Unnamed:
    """Columns without names: :meth:`RiskModel._matrix` has put them in order by then.

    XGBoost asks table and booster for their names in every round, which takes a third of a small fit.
    """

    feature_names = feature_types = property(lambda self: None, lambda self, names: None)


class Table(_Unnamed, xgboost.DMatrix):
    """Training rows of a booster."""


class Trees(_Unnamed, xgboost.Booster):
    """A booster of such a table."""


def boost(table: Table, parameters: Mapping[str, Any], configuration: Configuration, seed: int) -> xgboost.Booster:
    """A booster of one configuration, one thread."""
    common = {
        "max_depth": int(configuration["depth"]),
        "eta": float(configuration["rate"]),
        "reg_lambda": float(configuration["ridge"]),
        "colsample_bytree": float(configuration["column_share"]),
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }
    booster = Trees(common | dict(parameters), [table])
    for iteration in range(int(configuration["rounds"])):
        booster.update(table, iteration)
    return booster
