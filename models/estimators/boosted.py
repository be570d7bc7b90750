"""M5: gradient-boosted trees with censoring weights, at a preset small enough for a trial."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.estimators.base import State, labelled_rows
from models.estimators.boosting import BoostedRisk, Boosters, Table, boost
from models.estimators.newton import CannotFit
from models.estimators.tuning import Configuration


class BoostedTrees(BoostedRisk):
    """Boosted classifier of the labelled rows, each with its censoring weight (mean 1).

    See :class:`models.estimators.boosting.BoostedRisk` for parameters. The smallest leaf holds the Hessian of
    ``events_per_leaf`` events at the training prevalence.
    """

    def _used(self, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
        used = labelled_rows(X, y, self.landmark)
        label = y["label"][used]
        if not 0 < label.sum() < len(label):
            raise CannotFit("boosted trees need events and non-events among the labelled training rows")
        return used

    def _grow(
        self, matrix: np.ndarray, y: np.ndarray, configuration: Configuration
    ) -> tuple[Boosters, dict[str, np.ndarray]]:
        label, weight = y["label"], y["weight"] / y["weight"].mean()
        prevalence = float(weight @ label / weight.sum())
        parameters = {
            "objective": "binary:logistic",
            "min_child_weight": configuration["events_per_leaf"] * (1 - prevalence),
            "monotone_constraints": tuple(int(term in self.increasing) for term in self.terms),
            "base_score": min(max(prevalence, 0.01), 0.99),
        }
        table = Table(matrix, label, weight=weight, nthread=1)
        return {"event": boost(table, parameters, configuration, self.seed)}, {}

    def _raw(self, boosters: Boosters, state: State, matrix: np.ndarray) -> np.ndarray:
        return np.clip(boosters["event"].inplace_predict(matrix).astype(float), 0.0, 1.0)
