"""M6: boosted accelerated failure time on interval-censored recurrence, death as its own cause."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xgboost
from scipy.optimize import minimize_scalar
from scipy.special import log_ndtr

from models.estimators.base import DEATH, State, labelled_rows
from models.estimators.boosting import BoostedRisk, Boosters, Table, boost
from models.estimators.newton import CannotFit
from models.estimators.stacked_cox import cumulative_incidence
from models.estimators.tuning import Configuration

LONGEST = 1200.0


class BoostedAFT(BoostedRisk):
    """Boosted log-time model of the months from the landmark to recurrence, known up to an interval between scans.

    Every patient at risk at the landmark is learned from: recurrence lies between the last clear and the first positive
    scan, or beyond the last clear one. The likelihood takes care of censoring, so the rows carry no censoring weight;
    labels and weights enter the recalibration (and the choice of a configuration) only. Predicted log time T and error
    scale sigma give the cause-specific cumulative hazard -ln[1 - F((ln t - ln T) / sigma)]; with the hazard of death
    without recurrence it combines to the cumulative incidence at the horizon, which without deaths is
    F((ln(tau - s) - ln T) / sigma). It is always recalibrated: a horizon probability depends on the assumed error.

    Parameters
    ----------
    terms, landmark, configurations, increasing, tries, configuration, stages, folds, tuning_folds, seed :
        See :class:`models.estimators.boosting.BoostedRisk`; configurations also hold ``scale`` (sigma).
    visits : tuple of float
        Visits after the landmark up to and including the horizon (months).
    error : {"normal", "logistic"}
        Distribution of the error of ln T.
    shortest : float
        Floor of both bounds in months: a time of zero has no logarithm.
    death_terms : tuple of str
        Terms of the log-time model of death; without them, or with few deaths, its hazard is constant.
    fewest_deaths : int
        Deaths from which death has terms.

    References
    ----------
    Barnwal, Cho, Hocking, J Comput Graph Stat 2022; 31: 1292-1302 (boosting of interval-censored times).
    """

    def __init__(
        self,
        terms: tuple[str, ...],
        landmark: float,
        configurations: tuple[Configuration, ...],
        increasing: tuple[str, ...] = (),
        tries: Any = ((0, 1),),
        configuration: Configuration | None = None,
        stages: Any = (100, 500),
        folds: int = 5,
        tuning_folds: int = 3,
        seed: int = 0,
        visits: tuple[float, ...] = (),
        error: str = "normal",
        shortest: float = 0.5,
        death_terms: tuple[str, ...] = ("age", "arm"),
        fewest_deaths: int = 20,
    ) -> None:
        super().__init__(
            terms, landmark, configurations, increasing, tries, configuration, stages, folds, tuning_folds, seed
        )
        self.visits = visits
        self.error = error
        self.shortest = shortest
        self.death_terms = death_terms
        self.fewest_deaths = fewest_deaths

    def _used(self, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
        used = X["landmark"].to_numpy() == self.landmark
        label = y["label"][labelled_rows(X, y, self.landmark)]
        if not 0 < label.sum() < len(label):
            raise CannotFit("boosted times need events and non-events among the labelled training rows")
        return used

    def _grow(
        self, matrix: np.ndarray, y: np.ndarray, configuration: Configuration
    ) -> tuple[Boosters, dict[str, np.ndarray]]:
        scale = float(configuration["scale"])
        lower, upper = self._bounds(y)
        falling = tuple(-int(term in self.increasing) for term in self.terms)
        boosters = {"event": self._times(matrix, lower, upper, configuration, falling)}
        died = y["event"] == DEATH
        months = np.maximum(y["time"] - self.landmark, self.shortest)
        state = {"scale": np.array(scale), "death_rate": np.array(died.sum() / months.sum())}
        columns = self._death_columns()
        if died.sum() >= self.fewest_deaths and len(columns):
            boosters["death"] = self._times(
                matrix[:, columns], months, np.where(died, months, np.inf), configuration, (0,) * len(columns)
            )
        return boosters, state

    def _bounds(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Months from the landmark between which recurrence came; infinite where none was seen."""
        lower, upper = y["lower"] - self.landmark, y["upper"] - self.landmark
        wrong = ~(upper >= lower)
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"recurrence cannot come before it was last excluded: lower bound {y['lower'][first]:g}, "
                f"upper bound {y['upper'][first]:g} months (row {first}); lower must not exceed upper"
            )
        return np.maximum(lower, self.shortest), np.maximum(upper, self.shortest)

    def _times(
        self,
        matrix: np.ndarray,
        lower: np.ndarray,
        upper: np.ndarray,
        configuration: Configuration,
        monotone: tuple[int, ...],
    ) -> xgboost.Booster:
        scale = float(configuration["scale"])
        table = Table(matrix, nthread=1)
        table.set_float_info("label_lower_bound", lower)
        table.set_float_info("label_upper_bound", upper)
        parameters = {
            "objective": "survival:aft",
            "aft_loss_distribution": self.error,
            "aft_loss_distribution_scale": scale,
            # An event that is known exactly has the Hessian 1 / sigma^2 (normal) at any time.
            "min_child_weight": configuration["events_per_leaf"] / scale**2,
            "monotone_constraints": monotone,
            "base_score": common_time(lower, upper, scale, self.error),
        }
        return boost(table, parameters, configuration, self.seed)

    def _death_columns(self) -> list[int]:
        return [self.terms.index(term) for term in self.death_terms if term in self.terms]

    def _raw(self, boosters: Boosters, state: State, matrix: np.ndarray) -> np.ndarray:
        months = np.asarray(self.visits) - self.landmark
        scale = float(state["scale"])

        def hazard(name: str, columns: np.ndarray) -> np.ndarray:
            time = np.maximum(boosters[name].inplace_predict(columns).astype(float), 1e-6)
            return -log_survival((np.log(months) - np.log(time)[:, None]) / scale, self.error)

        recurrence = hazard("event", matrix)
        if "death" in boosters:
            death = hazard("death", matrix[:, self._death_columns()])
        else:
            death = np.broadcast_to(float(state["death_rate"]) * months, recurrence.shape)
        return cumulative_incidence(*(np.diff(total, axis=1, prepend=0.0) for total in (recurrence, death)))


def log_survival(z: np.ndarray, error: str) -> np.ndarray:
    """ln[1 - F(z)] of the standard normal or logistic distribution."""
    if error == "normal":
        return log_ndtr(-z)
    if error == "logistic":
        return -np.logaddexp(0.0, z)
    raise ValueError(f"error {error!r} of a log-time model: use normal or logistic")


def common_time(lower: np.ndarray, upper: np.ndarray, scale: float, error: str) -> float:
    """The one time T that all patients would share: maximum likelihood without terms, in the unit of the bounds.

    XGBoost does not estimate where a survival:aft model starts (its base score of 0.5 would be half a month), and few
    shrunk trees would not get from there.

    Parameters
    ----------
    lower, upper : ndarray, shape (n,)
        Positive; ``upper`` infinite where no event was seen. Equal bounds are an exact time.
    """
    low, high = np.log(lower), np.log(upper)
    exact = low == high

    def loss(centre: float) -> float:
        one, two = (low - centre) / scale, (high - centre) / scale
        first, second = log_survival(one, error), log_survival(two, error)
        with np.errstate(divide="ignore"):
            between = first + np.log(-np.expm1(np.where(exact, -1.0, second - first)))
        if error == "normal":
            density = -0.5 * one**2
        else:
            density = -one - 2 * np.logaddexp(0.0, -one)
        return float(-np.where(exact, density, between).sum())

    bounds = (float(np.log(lower.min())) - 3 * scale, float(np.log(LONGEST)))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
