"""Interval widths of a validation: AUC, sensitivity, specificity, calibration; as n for a width and as width for n.

All intervals are 95% and full widths (upper less lower limit). n are patients with a known outcome.

References
----------
Riley et al., Stat Med 2021; 40: 4230-4251 (binary outcomes: O/E, calibration slope, C statistic). Archer et al.,
Stat Med 2021; 40: 133-146 (continuous outcomes, the same criteria). Snell et al., J Clin Epidemiol 2021; 135: 79-89
(simulation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import beta

from models.metrics.intervals import LEVEL, logit_interval, normal_quantile, wilson_interval
from models.planning.checks import c_statistic, positive, share, smallest
from models.planning.linear_predictor import LinearPredictor

FEWEST = 2


def auc_error(auc: float, prevalence: float, n: float, method: str = "newcombe") -> float:
    """Standard error of an AUC that is expected before the data are there.

    Parameters
    ----------
    auc : float
        In (0.5, 1).
    prevalence : float
        Event rate among the labelled.
    n : float
        Labelled patients.
    method : {"newcombe", "hanley_mcneil"}
        Newcombe's method 4, which Riley 2021 recommends, or Hanley and McNeil under exponential scores; they differ in
        that Newcombe puts n/2 - 1 for both class sizes less one.

    Raises
    ------
    ValueError
        On impossible inputs or an unknown method.

    References
    ----------
    Hanley, McNeil, Radiology 1982; 143: 29-36. Newcombe, Stat Med 2006; 25: 559-573.
    """
    auc, prevalence, n = c_statistic(auc), share(prevalence, "prevalence"), positive(n, "number of patients")
    above, below = (1 - auc) / (2 - auc), auc / (1 + auc)
    if method == "newcombe":
        spread = auc * (1 - auc) * (1 + max(n / 2 - 1, 0.0) * (above + below))
        return math.sqrt(spread / (n**2 * prevalence * (1 - prevalence)))
    if method != "hanley_mcneil":
        raise ValueError(f"method {method!r}: use newcombe or hanley_mcneil")
    events, others = n * prevalence, n * (1 - prevalence)
    spread = auc * (1 - auc)
    spread += max(events - 1, 0.0) * (auc / (2 - auc) - auc**2) + max(others - 1, 0.0) * (
        2 * auc**2 / (1 + auc) - auc**2
    )
    return math.sqrt(spread / (events * others))


def auc_width(auc: float, prevalence: float, n: float, scale: str = "logit", method: str = "newcombe") -> float:
    """Width of the interval of an AUC.

    Parameters
    ----------
    scale : {"logit", "wald"}
        As the reports print it, or as published sample-size tables take it (2 x 1.96 standard errors).

    Raises
    ------
    ValueError
        As :func:`auc_error`, and on an unknown scale.
    """
    error = auc_error(auc, prevalence, n, method)
    if scale == "wald":
        return 2 * normal_quantile() * error
    if scale != "logit":
        raise ValueError(f"scale {scale!r}: use logit or wald")
    lower, upper = logit_interval(auc, error)
    return upper - lower


def n_for_auc(auc: float, prevalence: float, width: float, scale: str = "logit", method: str = "newcombe") -> int:
    """Labelled patients for an AUC interval no wider than ``width``."""
    share(width, "width of the AUC interval")
    return smallest(lambda n: n >= FEWEST and auc_width(auc, prevalence, n, scale, method) <= width)


def proportion_width(proportion: float, n: float, method: str = "exact") -> float:
    """Width of the interval of a proportion when exactly the expected share is found among n patients.

    Parameters
    ----------
    proportion : float
        Expected sensitivity or specificity, in (0, 1).
    n : float
        Patients it is a share of: events for a sensitivity, non-events for a specificity; need not be whole.
    method : {"exact", "wilson"}
        Clopper-Pearson or Wilson's score interval.

    Raises
    ------
    ValueError
        On impossible inputs or an unknown method.
    """
    proportion, n = share(proportion, "expected proportion"), positive(n, "number of patients")
    if method == "wilson":
        lower, upper = wilson_interval(proportion, n)
        return upper - lower
    if method != "exact":
        raise ValueError(f"method {method!r}: use exact or wilson")
    found, tail = proportion * n, (1 - LEVEL) / 2
    return float(beta.ppf(1 - tail, found + 1, n - found) - beta.ppf(tail, found, n - found + 1))


def n_for_proportion(proportion: float, width: float, of: float, method: str = "exact") -> int:
    """Labelled patients for a proportion among the share ``of`` them (the event rate for a sensitivity)."""
    share(width, "width of the interval")
    own = smallest(lambda n: proportion_width(proportion, n, method) <= width)
    return math.ceil(own / share(of, "prevalence") - 1e-9)


def oe_error(prevalence: float, n: float) -> float:
    """Standard error of ln(observed / expected): sqrt((1 - phi) / (n phi))."""
    prevalence = share(prevalence, "prevalence")
    return math.sqrt((1 - prevalence) / (positive(n, "number of patients") * prevalence))


def oe_width(prevalence: float, n: float) -> float:
    """Width of the interval of observed over expected around 1, symmetric on the log scale."""
    return 2 * math.sinh(normal_quantile() * oe_error(prevalence, n))


def n_for_oe(prevalence: float, width: float) -> int:
    """Labelled patients for an interval of observed over expected no wider than ``width``."""
    positive(width, "width of the O/E interval")
    return smallest(lambda n: oe_width(prevalence, n) <= width)


def slope_error(predictor: LinearPredictor, n: float) -> float:
    """Standard error of the calibration slope of a model whose predictions are right.

    From the Fisher information of the logistic regression of y on the linear predictor at intercept 0 and slope 1:
    var = I_aa / (n (I_aa I_bb - I_ab^2)).
    """
    (a, ab), (_, b) = predictor.information()
    return math.sqrt(a / (positive(n, "number of patients") * (a * b - ab**2)))


def slope_width(predictor: LinearPredictor, n: float) -> float:
    """Width of the Wald interval of the calibration slope."""
    return 2 * normal_quantile() * slope_error(predictor, n)


def n_for_slope(predictor: LinearPredictor, width: float) -> int:
    """Labelled patients for a calibration slope interval no wider than ``width``."""
    one = slope_width(predictor, 1)
    return math.ceil((one / positive(width, "width of the slope interval")) ** 2 - 1e-9)


@dataclass(frozen=True)
class Targets:
    """Largest widths of the 95% intervals that a validation is to give, and what is expected of the marker.

    Attributes
    ----------
    auc, sensitivity, specificity, slope, oe : float
        Full widths.
    expected_sensitivity, expected_specificity : float
    """

    auc: float = 0.1
    sensitivity: float = 0.2
    specificity: float = 0.2
    slope: float = 0.4
    oe: float = 0.4
    expected_sensitivity: float = 0.8
    expected_specificity: float = 0.7


MEASURES = ("auc", "sensitivity", "specificity", "slope", "oe")


def widths(auc: float, prevalence: float, n: float, targets: Targets) -> dict[str, float]:
    """Width of every interval with n labelled patients (names as :data:`MEASURES`)."""
    return {
        "auc": auc_width(auc, prevalence, n),
        "sensitivity": proportion_width(targets.expected_sensitivity, n * prevalence),
        "specificity": proportion_width(targets.expected_specificity, n * (1 - prevalence)),
        "slope": slope_width(LinearPredictor.from_auc(auc, prevalence), n),
        "oe": oe_width(prevalence, n),
    }


def sizes(auc: float, prevalence: float, targets: Targets) -> dict[str, int]:
    """Labelled patients that meet each target (names as :data:`MEASURES`)."""
    return {
        "auc": n_for_auc(auc, prevalence, targets.auc),
        "sensitivity": n_for_proportion(targets.expected_sensitivity, targets.sensitivity, prevalence),
        "specificity": n_for_proportion(targets.expected_specificity, targets.specificity, 1 - prevalence),
        "slope": n_for_slope(LinearPredictor.from_auc(auc, prevalence), targets.slope),
        "oe": n_for_oe(prevalence, targets.oe),
    }
