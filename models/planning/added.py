"""Does the score add to the clinical comparator: how often, and how precisely, simulated trials of a size show it.

Asked with logistic models of fixed penalty in place of the stacked Cox models: far cheaper, and about .01 apart in AUC
at this size (statistics.md, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from data.protocol import Endpoint, Protocol
from models.censoring import VisitCensoring, VisitStates
from models.estimators.logistic import fit_ridge_logistic
from models.estimators.preparation import fit_preparation, prepare
from models.estimators.specification import LOGISTIC_PENALTIES
from models.metrics.discrimination import delong_covariance, placements
from models.metrics.intervals import wilson_interval
from models.planning.simulation import Population, Progress, trials

PENALTY = LOGISTIC_PENALTIES[len(LOGISTIC_PENALTIES) // 2]
TOLD_EVERY = 20


@dataclass(frozen=True)
class Added:
    """What the score added in one trial: paired differences, positive in favour of the score, NaN if not estimable."""

    brier: float
    brier_error: float
    auc: float
    auc_error: float
    auc_score: float

    @property
    def statistic(self) -> float:
        return self.brier / self.brier_error if self.brier_error > 0 else np.nan


NOT_ESTIMABLE = Added(*(5 * [np.nan]))


def compare_in_trial(
    labels: pd.DataFrame,
    terms: np.ndarray,
    states: VisitStates,
    censoring: VisitCensoring,
    minimum: int,
    folds: int,
    rng: np.random.Generator,
) -> Added:
    """Clinical comparator against comparator and score, cross-validated, under censoring weights of the trial.

    Parameters
    ----------
    labels, terms, states
        Patients of the trial who are at risk and have the blood score.
    censoring : VisitCensoring
        Of the endpoint; refitted here.
    minimum : int
        Fewest events and non-events.
    folds : int
    rng : Generator
        Assigns the folds, stratified by outcome.
    """
    y = labels["y"].to_numpy(dtype=float)
    known = ~np.isnan(y)
    if min((y == 1).sum(), (y == 0).sum()) < minimum:
        return NOT_ESTIMABLE
    weight = censoring.fit(states).state_weights(states)[known]
    y, matrix = y[known], terms[known]
    fold = _folds(y, folds, rng)
    clinical = _cross_validated(matrix[:, :-1], y, weight, fold)
    marked = _cross_validated(matrix, y, weight, fold)
    return _difference(y, weight, clinical, marked)


def _folds(y: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    fold = np.empty(len(y), dtype=int)
    for value in (0, 1):
        own = rng.permutation(np.flatnonzero(y == value))
        fold[own] = np.arange(len(own)) % folds
    return fold


def _cross_validated(matrix: np.ndarray, y: np.ndarray, weight: np.ndarray, fold: np.ndarray) -> np.ndarray:
    probability = np.empty(len(y))
    for held in np.unique(fold):
        train, test = fold != held, fold == held
        fitted = fit_preparation(matrix[train], np.array([], dtype=int))
        scaled = weight[train] / weight[train].mean()
        design = prepare(fitted, matrix[train])
        coefficients = fit_ridge_logistic(design, y[train], scaled[None], np.array([PENALTY]))[0]
        probability[test] = expit(coefficients[0] + prepare(fitted, matrix[test]) @ coefficients[1:])
    return probability


def _difference(y: np.ndarray, weight: np.ndarray, clinical: np.ndarray, marked: np.ndarray) -> Added:
    """Weighted mean of the differences of squared errors (ratio estimator), and DeLong's difference of AUCs."""
    gain = weight * ((clinical - y) ** 2 - (marked - y) ** 2)
    mean = gain.sum() / weight.sum()
    error = np.sqrt(((gain - weight * mean) ** 2).sum()) / weight.sum()
    one, other = placements(y, marked, weight), placements(y, clinical, weight)
    variance = delong_covariance(one, one) + delong_covariance(other, other) - 2 * delong_covariance(one, other)
    return Added(float(mean), float(error), one.auc - other.auc, float(np.sqrt(max(variance, 0.0))), one.auc)


def added_value(
    population: Population,
    endpoint: Endpoint,
    protocol: Protocol,
    size: int,
    alpha: float,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, float]:
    """How often, and how precisely, trials of one size show that the score adds to the clinical comparator.

    Returns
    -------
    dict of str to float
        ``size``, ``trials``; ``success`` (share of trials whose one-sided paired test of the weighted Brier score is
        below ``alpha``; a trial that is not estimable is no success) with its Monte Carlo interval ``success_lower``,
        ``success_upper`` (Wilson); ``estimable`` (share); means over the estimable trials of ``brier`` and ``auc``
        (differences), of their standard errors ``brier_error``, ``auc_error``, and of ``auc_score``.
    """
    labels, terms = population.labels[endpoint.id], population.terms[endpoint.landmark]
    censoring = VisitCensoring.for_endpoint(endpoint, protocol)
    judged = (labels["at_risk"] & labels["called"]).to_numpy()
    settings = int(protocol["validation.minimum_events"]), int(protocol["validation.folds"])
    found = []
    places = trials(len(population), size)
    rng = np.random.default_rng([seed, size])
    for number, rows in enumerate(places):
        if progress and number % TOLD_EVERY == 0:
            progress(number, len(places), f"world {population.world}: trials of {size}")
        own = rows[judged[rows]]
        here = labels.iloc[own]
        found.append(compare_in_trial(here, terms[own], censoring.states(here), censoring, *settings, rng))
    return {"size": float(size), "trials": float(len(found))} | _summary(found, float(norm.isf(alpha)))


def _summary(found: Sequence[Added], critical: float) -> dict[str, float]:
    frame = pd.DataFrame(
        [(one.brier, one.brier_error, one.auc, one.auc_error, one.auc_score, one.statistic) for one in found],
        columns=["brier", "brier_error", "auc", "auc_error", "auc_score", "statistic"],
    )
    success = float((frame["statistic"] > critical).mean()) if len(frame) else np.nan
    lower, upper = wilson_interval(success, len(frame))
    means = {name: float(frame[name].mean()) for name in frame.columns[:-1]}
    return {
        "success": success,
        "success_lower": lower,
        "success_upper": upper,
        "estimable": float(frame["statistic"].notna().mean()) if len(frame) else np.nan,
    } | means
