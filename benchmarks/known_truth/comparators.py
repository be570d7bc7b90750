"""M7 and M8, comparators in benchmarks only: Coxnet and a random survival forest on the rows of a cohort.

scikit-survival is under the GPL: it is no dependency, nothing at run time imports this file, and it is imported when a
comparator is fitted (``pip install scikit-survival`` in an environment of one's own).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd

from data.protocol import Endpoint, Protocol
from models.estimators.base import RECURRENCE, RiskModel, State
from models.estimators.net_risk import missing_patterns
from models.estimators.newton import CannotFit
from models.estimators.penalty import inner_masks
from models.estimators.preparation import fit_preparation, informative, prepare
from models.estimators.specification import ALL, learning


class SurvivalComparator(RiskModel):
    """Time to recurrence from the landmark, visit by visit, deaths censored; the probability by the horizon.

    Censoring deaths overstates the risk where patients die; with the few deaths of this trial by less than their
    share. Terms are filled, flagged and standardised inside the fold as M4 does it.
    """

    drawable = False

    def __init__(self, terms: tuple[str, ...], landmark: float, horizon: float, seed: int = 0) -> None:
        self.terms = terms
        self.landmark = landmark
        self.horizon = horizon
        self.seed = seed

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        from sksurv.util import Surv

        own = (X["landmark"].to_numpy() == self.landmark) & (y["time"] > self.landmark)
        event = (y["event"] == RECURRENCE)[own] & (y["time"][own] <= self.horizon)
        if not event.any():
            raise CannotFit("a survival model needs events")
        matrix = self._matrix(X)[own]
        preparation = fit_preparation(matrix, missing_patterns(matrix))
        kept = informative(preparation, matrix, 3)
        time = np.minimum(y["time"][own], self.horizon) - self.landmark
        state = preparation | {"kept": np.flatnonzero(kept)}
        design = prepare(preparation, matrix)[:, kept]
        self._fitted = self._fit_survival(design, Surv.from_arrays(event, time), groups[own])
        return state

    @abstractmethod
    def _fit_survival(self, design: np.ndarray, target: np.ndarray, groups: np.ndarray) -> Any:
        """A fitted scikit-survival model that predicts survival functions."""

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        design = prepare(state, matrix)[:, state["kept"]]
        curves = self._fitted.predict_survival_function(design)
        months = self.horizon - self.landmark
        return np.array([1 - curve(min(months, curve.domain[1])) for curve in curves])


class Coxnet(SurvivalComparator):
    """M7: elastic-net Cox model (half lasso), penalty by inner cross-validation of the concordance."""

    def _fit_survival(self, design: np.ndarray, target: np.ndarray, groups: np.ndarray) -> Any:
        from sksurv.linear_model import CoxnetSurvivalAnalysis

        settings: dict[str, Any] = {"l1_ratio": 0.5, "max_iter": 100_000}
        path = CoxnetSurvivalAnalysis(n_alphas=20, alpha_min_ratio=0.02, **settings).fit(design, target)
        event = target[target.dtype.names[0]]
        score = np.zeros(len(path.alphas_))
        for held in inner_masks(groups, event, 5, 1, self.seed):
            inside = CoxnetSurvivalAnalysis(alphas=path.alphas_, **settings).fit(design[~held], target[~held])
            for k, alpha in enumerate(inside.alphas_):
                score[k] += _concordance(target[held], inside.predict(design[held], alpha=alpha))
        best = path.alphas_[int(np.argmax(score))]
        return CoxnetSurvivalAnalysis(alphas=[best], fit_baseline_model=True, **settings).fit(design, target)


class SurvivalForest(SurvivalComparator):
    """M8: random survival forest of 300 trees with at least 15 patients a leaf."""

    def _fit_survival(self, design: np.ndarray, target: np.ndarray, groups: np.ndarray) -> Any:
        from sksurv.ensemble import RandomSurvivalForest

        forest = RandomSurvivalForest(
            n_estimators=300, min_samples_leaf=15, max_features="sqrt", n_jobs=1, random_state=self.seed
        )
        return forest.fit(design, target)


COMPARATORS = {"M7": Coxnet, "M8": SurvivalForest}


def build_comparator(name: str, endpoint: Endpoint, protocol: Protocol, seed: int = 0) -> RiskModel:
    """An unfitted comparator on the terms of M4, columns learnt inside the fold included."""
    return learning(COMPARATORS[name](ALL, endpoint.landmark, endpoint.horizon, seed), endpoint, protocol, seed)


def _concordance(target: np.ndarray, risk: np.ndarray) -> float:
    """Harrell's concordance; 0.5 without comparable pairs."""
    from sksurv.metrics import concordance_index_censored

    event, time = (target[name] for name in target.dtype.names)
    comparable = event.any() and time[event].min() < time.max()
    return float(concordance_index_censored(event, time, risk)[0]) if comparable else 0.5
