"""M1 and M2: ridge logistic regression on few prespecified terms, weighted for censoring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from models.estimators.base import RiskModel, State, labelled_rows
from models.estimators.logistic import fit_ridge_logistic
from models.estimators.newton import CannotFit
from models.estimators.penalty import choose_logistic_penalty, inner_masks
from models.estimators.preparation import fit_preparation, prepare


class LogisticRisk(RiskModel):
    """Weighted ridge logistic regression at one landmark.

    Uses the labelled rows of the landmark; the weights are those of ``y``. Terms are filled by the training median
    and standardised; the intercept is not penalised.

    Parameters
    ----------
    terms : tuple of str
    landmark : float
        Rows of other landmarks are ignored.
    penalties : tuple of float
        Grid for inner cross-validation, ascending; one value switches the search off.
    flagged : tuple of str
        Terms that get a missingness flag.
    penalty : float, optional
        A penalty chosen before (bootstrap refits); no search then.
    folds, repeats, seed : int
        Inner cross-validation.

    Attributes
    ----------
    penalty_ : float
        Ridge penalty on standardised coefficients.
    """

    def __init__(
        self,
        terms: tuple[str, ...],
        landmark: float,
        penalties: tuple[float, ...],
        flagged: tuple[str, ...] = (),
        penalty: float | None = None,
        folds: int = 5,
        repeats: int = 5,
        seed: int = 0,
    ) -> None:
        self.terms = terms
        self.landmark = landmark
        self.penalties = penalties
        self.flagged = flagged
        self.penalty = penalty
        self.folds = folds
        self.repeats = repeats
        self.seed = seed

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        used = labelled_rows(X, y, self.landmark)
        label, weight = y["label"][used], y["weight"][used]
        if not 0 < label.sum() < len(label):
            raise CannotFit("a logistic model needs events and non-events among the labelled training rows")
        matrix = self._matrix(X)[used]
        preparation = fit_preparation(matrix, np.array([self.terms.index(t) for t in self.flagged], dtype=int))
        design = prepare(preparation, matrix)
        self.penalty_ = self._choose(design, label, weight, groups[used])
        self.chosen_ = {"penalty": self.penalty_}
        coefficients = fit_ridge_logistic(design, label, weight[None], np.array([self.penalty_]))[0]
        return preparation | {"coefficients": coefficients}

    def _choose(self, design: np.ndarray, label: np.ndarray, weight: np.ndarray, groups: np.ndarray) -> float:
        if self.penalty is not None:
            return float(self.penalty)
        if len(self.penalties) == 1:
            return float(self.penalties[0])
        held = inner_masks(groups, label == 1, self.folds, self.repeats, self.seed)
        return choose_logistic_penalty(design, label, weight, held, np.asarray(self.penalties))

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        coefficients = state["coefficients"]
        return expit(coefficients[0] + prepare(state, matrix) @ coefficients[1:])

    def describe(self) -> dict[str, Any]:
        return {"penalty": self.penalty_} | dict(zip(self.terms, self.state_["coefficients"][1:], strict=False))
