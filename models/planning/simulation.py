"""Trials with known truth, judged as the product judges them: what has no formula.

One large simulated population of a world is cut into disjoint trials of each size, so that trials are independent. The
question "does the score add to the clinical comparator" is asked with logistic models of fixed penalty in place of the
stacked Cox models: they cost a hundredth and differ by about .01 in AUC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from data.protocol import Endpoint, Protocol
from data.simulate import generate
from features.landmark import table_at
from features.outcomes import build_outcome, label
from models.censoring import VisitCensoring, VisitStates
from models.estimators.encoding import encode, has_blood
from models.estimators.logistic import fit_ridge_logistic
from models.estimators.preparation import fit_preparation, prepare
from models.estimators.specification import CLINICAL_COMPARATOR, LOGISTIC_PENALTIES, specification
from models.metrics.discrimination import delong_covariance, placements
from models.metrics.intervals import normal_quantile, wilson_interval

Progress = Callable[[int, int, str], None]
SCORE = "netest_logit"
CHUNK = 5000
COUNTED = ("at_risk", "labelled", "events")
PENALTY = LOGISTIC_PENALTIES[len(LOGISTIC_PENALTIES) // 2]
SCANTY = 20


@dataclass(frozen=True)
class Population:
    """A simulated world, patient by patient, in an order that carries nothing.

    Attributes
    ----------
    world : str
    labels : dict of endpoint id to DataFrame
        ``at_risk``, ``status``, ``y``, ``resolved``, ``arm``, ``called`` (has the landmark blood score).
    terms : dict of landmark to ndarray, shape (n, p)
        Clinical terms, then the score; NaN for patients not at risk and for missing values.
    """

    world: str
    labels: dict[str, pd.DataFrame]
    terms: dict[float, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.labels.values())))


def term_names() -> tuple[str, ...]:
    """Terms of the clinical comparator, then the score."""
    return (*specification(CLINICAL_COMPARATOR).terms, SCORE)


def populate(
    world: str,
    endpoints: Sequence[Endpoint],
    protocol: Protocol,
    patients: int,
    seed: int,
    progress: Progress | None = None,
) -> Population:
    """Simulate patients of one world and pass them through outcomes and landmark tables.

    Parameters
    ----------
    world : str
        ``data/simulate/worlds.toml``.
    endpoints : sequence of Endpoint
    protocol : Protocol
        Clock from surgery, because the simulator follows patients from there.
    patients : int
    seed : int
        Same seed, same population.
    progress : callable, optional
        Told (done, total, what).

    Raises
    ------
    ValueError
        When the world is unknown.
    """
    parts: list[tuple[dict[str, pd.DataFrame], dict[float, np.ndarray]]] = []
    starts = range(0, patients, CHUNK)
    for number, start in enumerate(starts):
        if progress:
            progress(number, len(starts), f"world {world}: patient {start + 1:,} of {patients:,}")
        parts.append(_chunk(world, endpoints, protocol, min(CHUNK, patients - start), seed + 7919 * number))
    return Population(
        world,
        {one.id: pd.concat([part[0][one.id] for part in parts], ignore_index=True) for one in endpoints},
        {landmark: np.concatenate([part[1][landmark] for part in parts]) for landmark in parts[0][1]},
    )


def _chunk(
    world: str, endpoints: Sequence[Endpoint], protocol: Protocol, patients: int, seed: int
) -> tuple[dict[str, pd.DataFrame], dict[float, np.ndarray]]:
    trial = generate(patients, seed=seed, world=world, protocol=protocol).trial()
    outcome = build_outcome(trial, protocol)
    labels: dict[str, pd.DataFrame] = {}
    terms: dict[float, np.ndarray] = {}
    called: dict[float, pd.Series] = {}
    for endpoint in endpoints:
        found = label(outcome, endpoint, protocol)
        if endpoint.landmark not in terms:
            rows = table_at(trial, protocol, endpoint.landmark).rows
            encoded = encode(rows, endpoint.landmark)
            called[endpoint.landmark] = has_blood(encoded, rows, endpoint.landmark).reindex(
                found.index, fill_value=False
            )
            terms[endpoint.landmark] = encoded[list(term_names())].reindex(found.index).to_numpy()
        labels[endpoint.id] = found.assign(called=called[endpoint.landmark].to_numpy())
    return labels, terms


def trials(population: int, size: int) -> list[np.ndarray]:
    """Disjoint trials of one size, as positions in the population."""
    return [np.arange(start, start + size) for start in range(0, population - size + 1, size)]


def count_labels(population: Population, endpoint: Endpoint, size: int) -> pd.DataFrame:
    """Patients at risk, labelled (with a blood score) and with the event in trials of one size.

    Returns
    -------
    DataFrame
        One row per quantity: ``mean`` with its Monte Carlo interval (``lower``, ``upper``), the range that holds 95% of
        the trials (``low``, ``high``), ``trials``.
    """
    labels = population.labels[endpoint.id]
    judged = (labels["at_risk"] & labels["called"]).to_numpy()
    known = judged & labels["y"].notna().to_numpy()
    marks = np.column_stack([labels["at_risk"], known, known & (labels["y"] == 1).to_numpy()]).astype(float)
    counts = np.array([marks[rows].sum(axis=0) for rows in trials(len(population), size)])
    centre = counts.mean(axis=0)
    many = len(counts)
    error = counts.std(axis=0, ddof=1) / np.sqrt(many) if many > 1 else np.full(len(COUNTED), np.nan)
    low, high = np.quantile(counts, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "endpoint": endpoint.id,
            "world": population.world,
            "quantity": COUNTED,
            "mean": centre,
            "lower": centre - normal_quantile() * error,
            "upper": centre + normal_quantile() * error,
            "low": low,
            "high": high,
            "trials": many,
        }
    )


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
        if progress and number % SCANTY == 0:
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
