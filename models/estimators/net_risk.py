"""M4: ridge or elastic-net logistic regression on every coded column, weighted for censoring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from models.estimators.base import RiskModel, State, labelled_rows
from models.estimators.elastic_net import fit_path
from models.estimators.logistic import deviance
from models.estimators.newton import CannotFit
from models.estimators.penalty import inner_masks, one_standard_error
from models.estimators.preparation import fit_preparation, informative, prepare
from models.estimators.recalibration import UNCHANGED, Stages, in_words, recalibrated, recalibration
from models.estimators.tuning import Tries, allowed

# Inner fits rank penalties only.
ROUGH = 1e-4


class NetRisk(RiskModel):
    """Weighted elastic-net logistic regression of the labelled rows on all terms.

    Terms are filled by the training median (mode for two-valued ones), joined by a flag for every pattern of missing
    values, and standardised. Columns in which hardly anybody differs from the rest are left out: after standardising,
    one odd patient would weigh as much as a real term. Small samples choose one ridge penalty by the
    one-standard-error rule; larger ones the penalty and the share of the lasso with the smallest held-out deviance.
    From ``stages[0]`` events on the probability is recalibrated by held-out predictions; below, the free intercept
    meets the event rate by itself.

    Parameters
    ----------
    terms : tuple of str
    landmark : float
    penalties : tuple of float
        Ascending; on standardised coefficients, see :func:`models.estimators.elastic_net.fit_path`.
    ratios : tuple of float
        Shares of the lasso, the ridge (0) first.
    ratios_tried : tuple of (labelled patients, ratios)
        How many of the ratios may be tried; the one-standard-error rule holds while it is one.
    penalty, ratio : float, optional
        Chosen before (bootstrap refits); no search then.
    least_varied : int
        Fewer training rows than this differ from the rest: the column is left out.
    stages : tuple of int
        See :func:`models.estimators.recalibration.recalibration`.
    folds, repeats, seed : int
        Inner cross-validation, by patient; repeated while one ratio is tried.

    Notes
    -----
    Bootstrap refits are not kept: which columns exist and vary differs from refit to refit.
    """

    drawable = False

    def __init__(
        self,
        terms: tuple[str, ...],
        landmark: float,
        penalties: tuple[float, ...],
        ratios: tuple[float, ...] = (0.0,),
        ratios_tried: Tries = ((0, 1),),
        penalty: float | None = None,
        ratio: float = 0.0,
        least_varied: int = 3,
        stages: Stages = (100, 500),
        folds: int = 5,
        repeats: int = 5,
        seed: int = 0,
    ) -> None:
        self.terms = terms
        self.landmark = landmark
        self.penalties = penalties
        self.ratios = ratios
        self.ratios_tried = ratios_tried
        self.penalty = penalty
        self.ratio = ratio
        self.least_varied = least_varied
        self.stages = stages
        self.folds = folds
        self.repeats = repeats
        self.seed = seed

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        used = labelled_rows(X, y, self.landmark)
        label, weight, groups = y["label"][used], y["weight"][used], groups[used]
        if not 0 < label.sum() < len(label):
            raise CannotFit("a logistic model needs events and non-events among the labelled training rows")
        matrix = self._matrix(X)[used]
        preparation = fit_preparation(matrix, missing_patterns(matrix))
        kept = informative(preparation, matrix, self.least_varied)
        design = prepare(preparation, matrix)[:, kept]
        self.penalty_, ratio = self._choose(design, label, weight, groups)
        self.chosen_ = {"penalty": self.penalty_, "ratio": ratio}
        coefficients = np.zeros(len(kept) + 1)
        coefficients[np.r_[True, kept]] = fit_path(design, label, weight, np.array([self.penalty_]), ratio)[0]
        line = np.array(UNCHANGED)
        if min(label.sum(), len(label) - label.sum()) >= self.stages[0]:
            held_out = self._held_out(design, label, weight, groups)
            line = recalibration(held_out, label, weight, self.stages)
        return preparation | {"coefficients": coefficients, "line": line}

    def _choose(
        self, design: np.ndarray, label: np.ndarray, weight: np.ndarray, groups: np.ndarray
    ) -> tuple[float, float]:
        """Penalty and ratio by held-out deviance per unit of weight."""
        if self.penalty is not None:
            return float(self.penalty), float(self.ratio)
        ratios = self.ratios[: allowed(len(label), self.ratios_tried)]
        single, penalties = len(ratios) == 1, np.asarray(self.penalties)
        held = inner_masks(groups, label == 1, self.folds, self.repeats if single else 1, self.seed)
        loss = np.full((len(ratios), len(held), len(penalties)), np.nan)
        for at, ratio in enumerate(ratios):
            for fold, out in enumerate(held):
                if 0 < label[~out].sum() < (~out).sum() and weight[out].sum() > 0:
                    path = fit_path(design[~out], label[~out], weight[~out], penalties, ratio, ROUGH)
                    loss[at, fold] = deviance(design[out], label[out], path) @ weight[out] / weight[out].sum()
        if single:
            return one_standard_error(loss[0], penalties), float(ratios[0])
        best = np.unravel_index(np.argmin(np.nanmean(loss, axis=1)), (len(ratios), len(penalties)))
        return float(penalties[best[1]]), float(ratios[best[0]])

    def _held_out(self, design: np.ndarray, label: np.ndarray, weight: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Predictions of coefficients that did not see the patient, at the chosen penalty."""
        probability, penalty = np.empty(len(label)), np.array([self.chosen_["penalty"]])
        for out in inner_masks(groups, label == 1, self.folds, 1, self.seed):
            found = fit_path(design[~out], label[~out], weight[~out], penalty, self.chosen_["ratio"], ROUGH)[0]
            probability[out] = expit(found[0] + design[out] @ found[1:])
        return probability

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        coefficients = state["coefficients"]
        return recalibrated(expit(coefficients[0] + prepare(state, matrix) @ coefficients[1:]), state["line"])

    def describe(self) -> dict[str, Any]:
        sizes = dict(zip(self.terms, self.state_["coefficients"][1:], strict=False))
        return dict(self.chosen_) | in_words(self.state_["line"]) | {k: v for k, v in sizes.items() if v != 0}


def missing_patterns(matrix: np.ndarray) -> np.ndarray:
    """First column of every pattern of missing values that some but not all rows have.

    Columns of one sample are missing together; a flag for each would be one flag with thirty times the weight.
    """
    missing = np.isnan(matrix)
    some = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
    _, first = np.unique(missing[:, some], axis=1, return_index=True)
    return some[np.sort(first)]
