"""M3 and Mc: cause-specific Cox models stacked over landmarks, combined to a cumulative incidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from models.estimators.base import (
    DEATH,
    RECURRENCE,
    RiskModel,
    State,
    labelled_rows,
)
from models.estimators.cox import RiskSets, baseline_hazard, fit_ridge_cox, fit_ridge_cox_efron, risk_sets
from models.estimators.penalty import choose_cox_penalty, inner_masks
from models.estimators.preparation import fit_preparation, prepare
from models.estimators.recalibration import UNCHANGED, Stages, in_words, recalibrated, recalibration


class StackedCox(RiskModel):
    """Recurrence and death hazards with common coefficients and one baseline per landmark.

    Person-landmark rows are stacked; the coefficients are shared, the baseline is stratified by landmark.
    Deaths without recurrence have their own Cox model, or no terms while there are few. The hazards between visits
    combine to the cumulative incidence of recurrence at the horizon (Aalen-Johansen, hazards constant between
    visits), which is recalibrated to the weighted event rate of the labelled rows. Ties, which visits make many, are
    treated by Efron's method in coefficients and baseline; the penalty search uses Breslow's for speed.

    Parameters
    ----------
    terms : tuple of str
    landmark : float
        The landmark it predicts at.
    visits : tuple of float
        Visits after the landmark up to and including the horizon (months). Event times between visits count at
        the next one.
    penalties : tuple of float
        Grid for inner cross-validation, ascending; one value switches the search off.
    flagged : tuple of str
        Terms that get a missingness flag.
    penalty : float, optional
        A penalty chosen before (bootstrap refits); no search then.
    fewest_deaths : int
        Below this number of deaths their hazard has no terms.
    ties : {"efron", "breslow"}
        Treatment of tied events in coefficients and baseline.
    recalibrate : bool
        Whether the intercept is moved to the weighted event rate.
    stages : tuple of int
        Events from which the slope is recalibrated too, and from which by two slopes
        (:func:`models.estimators.recalibration.recalibration`).
    folds, repeats, seed : int
        Inner cross-validation, by patient.

    References
    ----------
    van Houwelingen, Putter, Dynamic Prediction in Clinical Survival Analysis, 2012, chapters 7 and 9.
    """

    def __init__(
        self,
        terms: tuple[str, ...],
        landmark: float,
        visits: tuple[float, ...],
        penalties: tuple[float, ...],
        flagged: tuple[str, ...] = (),
        penalty: float | None = None,
        fewest_deaths: int = 20,
        ties: str = "efron",
        recalibrate: bool = True,
        stages: Stages = (100, 500),
        folds: int = 5,
        repeats: int = 5,
        seed: int = 0,
    ) -> None:
        self.terms = terms
        self.landmark = landmark
        self.visits = visits
        self.penalties = penalties
        self.flagged = flagged
        self.penalty = penalty
        self.fewest_deaths = fewest_deaths
        self.ties = ties
        self.recalibrate = recalibrate
        self.stages = stages
        self.folds = folds
        self.repeats = repeats
        self.seed = seed

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        matrix, stratum = self._matrix(X), X["landmark"].to_numpy()
        preparation = fit_preparation(matrix, np.array([self.terms.index(t) for t in self.flagged], dtype=int))
        design = prepare(preparation, matrix)
        recurrence = risk_sets(y["time"], y["event"] == RECURRENCE, stratum)
        death = risk_sets(y["time"], y["event"] == DEATH, stratum)
        self.penalty_ = self._choose(design, recurrence, y["event"] == RECURRENCE, groups)
        self.chosen_ = {"penalty": self.penalty_}
        few = int((y["event"] == DEATH).sum()) < self.fewest_deaths
        state = preparation | {
            "recurrence": self._coefficients(design, recurrence),
            "death": np.zeros(design.shape[1]) if few else self._coefficients(design, death),
        }
        state |= {
            "recurrence_hazard": self._baseline(design, recurrence, state["recurrence"]),
            "death_hazard": self._baseline(design, death, state["death"]),
            "line": np.array(UNCHANGED),
        }
        used = labelled_rows(X, y, self.landmark)
        if self.recalibrate and used.any():
            incidence = self._probability(state, matrix[used])
            state["line"] = recalibration(incidence, y["label"][used], y["weight"][used], self.stages)
        return state

    def _choose(self, design: np.ndarray, sets: RiskSets, event: np.ndarray, groups: np.ndarray) -> float:
        if self.penalty is not None:
            return float(self.penalty)
        if len(self.penalties) == 1:
            return float(self.penalties[0])
        held = inner_masks(groups, event, self.folds, self.repeats, self.seed)
        return choose_cox_penalty(design, sets, held, np.asarray(self.penalties))

    def _coefficients(self, design: np.ndarray, sets: RiskSets) -> np.ndarray:
        if self.ties == "breslow":
            return fit_ridge_cox(design, sets, np.ones((1, len(design))), np.array([self.penalty_]))[0]
        return fit_ridge_cox_efron(design, sets, self.penalty_)

    def _baseline(self, design: np.ndarray, sets: RiskSets, beta: np.ndarray) -> np.ndarray:
        """Hazard increments of the predicted landmark, one per visit."""
        own = (sets.stratum == self.landmark) & (sets.time <= self.visits[-1])
        increments = baseline_hazard(design, sets, beta, self.ties)[own]
        return np.bincount(np.searchsorted(self.visits, sets.time[own]), weights=increments, minlength=len(self.visits))

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        design = prepare(state, matrix)
        recurrence = np.exp(np.clip(design @ state["recurrence"], -50, 50))[:, None] * state["recurrence_hazard"]
        death = np.exp(np.clip(design @ state["death"], -50, 50))[:, None] * state["death_hazard"]
        return recalibrated(cumulative_incidence(recurrence, death), state["line"])

    def describe(self) -> dict[str, Any]:
        names = dict(zip(self.terms, self.state_["recurrence"], strict=False))
        return {"penalty": self.penalty_} | in_words(self.state_["line"]) | names


def cumulative_incidence(recurrence: np.ndarray, death: np.ndarray) -> np.ndarray:
    """Probability of recurrence before death by the last visit.

    Parameters
    ----------
    recurrence, death : ndarray, shape (n, n_visits)
        Cumulative-hazard increments between consecutive visits.

    Returns
    -------
    ndarray, shape (n,)
        With hazards constant between visits an increment pair (a, b) ends the interval with recurrence with
        probability a / (a + b) x (1 - exp(-(a + b))). Without deaths this is 1 - exp(-sum of a).
    """
    total = recurrence + death
    share = np.divide(recurrence, total, out=np.zeros_like(total), where=total > 0)
    free = np.exp(-(np.cumsum(total, axis=1) - total))
    return np.clip((free * share * -np.expm1(-total)).sum(axis=1), 0.0, 1.0)
