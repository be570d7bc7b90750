"""What a C statistic and an event rate say about the linear predictor of a calibrated model, by quadrature.

Normal linear predictors with one variance among events and non-events, a distance of d = sqrt(2) PHI^-1(C) standard
deviations apart, are calibrated (Bayes) when LP | y=0 ~ N(logit(phi) - d^2/2, d^2) and
LP | y=1 ~ N(logit(phi) + d^2/2, d^2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from models.planning.checks import c_statistic, positive, share

NODES = 120


@dataclass(frozen=True)
class LinearPredictor:
    """Distribution of a calibrated linear predictor as nodes with weights.

    Attributes
    ----------
    value : ndarray, shape (k,)
        Linear predictor, log odds of the event.
    weight : ndarray, shape (k,)
        Sums to 1.
    """

    value: np.ndarray
    weight: np.ndarray

    @classmethod
    def from_auc(cls, auc: float, prevalence: float) -> LinearPredictor:
        """Equal-variance normal classes with this AUC and event rate.

        Raises
        ------
        ValueError
            AUC not in (0.5, 1), prevalence not in (0, 1).

        References
        ----------
        Riley, Van Calster, Collins, Stat Med 2021; 40: 859-864 (there by a simulated data set, here its limit).
        """
        prevalence = share(prevalence, "prevalence")
        distance = float(np.sqrt(2) * norm.ppf(c_statistic(auc)))
        z, weight = _nodes()
        centre = logit(prevalence)
        value = np.concatenate([centre + sign * distance**2 / 2 + distance * z for sign in (1, -1)])
        return cls(value, np.concatenate([prevalence * weight, (1 - prevalence) * weight]))

    @classmethod
    def normal(cls, mean: float, deviation: float) -> LinearPredictor:
        """One normal distribution, as validation studies report it.

        Raises
        ------
        ValueError
            Deviation not above 0.
        """
        z, weight = _nodes()
        return cls(mean + positive(deviation, "standard deviation of the linear predictor") * z, weight)

    @cached_property
    def prevalence(self) -> float:
        """Event rate of a calibrated model."""
        return float(self.weight @ expit(self.value))

    def information(self) -> np.ndarray:
        """Fisher information of one patient for intercept and slope of y on LP at (0, 1), shape (2, 2)."""
        spread = self.weight * expit(self.value) * expit(-self.value)
        powers = [float(spread @ self.value**k) for k in range(3)]
        return np.array([[powers[0], powers[1]], [powers[1], powers[2]]])

    def log_likelihood(self) -> float:
        """Expected log likelihood of one patient when the probabilities are right."""
        probability = expit(self.value)
        event, none = -np.logaddexp(0, -self.value), -np.logaddexp(0, self.value)
        return float(self.weight @ (probability * event + (1 - probability) * none))


def _nodes() -> tuple[np.ndarray, np.ndarray]:
    z, weight = np.polynomial.hermite_e.hermegauss(NODES)
    return z, weight / weight.sum()
