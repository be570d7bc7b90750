"""Riley's criteria for developing a prediction model: how many patients, or how many parameters.

``shrinkage``: the expected uniform shrinkage factor is at least S. ``optimism``: apparent and adjusted R2 of Nagelkerke
differ by at most delta. ``overall_risk``: the overall risk is estimated to within a margin. All are about patients with
a known outcome, and about candidate parameters before any selection.

References
----------
Riley et al., Stat Med 2019; 38: 1276-1296 (part II). Riley et al., BMJ 2020; 368: m441.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.metrics.intervals import normal_quantile
from models.planning.checks import positive, share
from models.planning.linear_predictor import LinearPredictor


def largest_r2(prevalence: float) -> float:
    """Largest Cox-Snell R2 that a binary outcome allows: 1 - (phi^phi (1 - phi)^(1 - phi))^2.

    Raises
    ------
    ValueError
        Prevalence not in (0, 1).
    """
    prevalence = share(prevalence, "prevalence")
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    return -math.expm1(2 * null)


def largest_r2_survival(rate: float, follow_up: float) -> float:
    """Largest Cox-Snell R2 of a time-to-event outcome under an exponential null model.

    With E events a patient (rate x mean follow-up) the null log likelihood is E ln E - E.

    Parameters
    ----------
    rate : float
        Events per year at risk.
    follow_up : float
        Mean follow-up in years.

    Raises
    ------
    ValueError
        Rate or follow-up not above 0, or more than e events a patient, where no likelihood is left to gain.
    """
    events = positive(rate, "event rate") * positive(follow_up, "mean follow-up")
    gained = -math.expm1(2 * (events * math.log(events) - events))
    if gained <= 0:
        raise ValueError(f"{events:.2f} events a patient leave no R2 to explain; check event rate and mean follow-up")
    return gained


def r2_from_auc(auc: float, prevalence: float) -> float:
    """Cox-Snell R2 of a calibrated model with this C statistic (normal linear predictor in both classes).

    R2 = 1 - exp(-2 (l_model - l_null)) with expected log likelihoods of one patient, by quadrature.

    Raises
    ------
    ValueError
        AUC not in (0.5, 1), prevalence not in (0, 1).

    References
    ----------
    Riley, Van Calster, Collins, Stat Med 2021; 40: 859-864.
    """
    model = LinearPredictor.from_auc(auc, prevalence).log_likelihood()
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    return -math.expm1(-2 * (model - null))


def per_parameter(r2: float, shrinkage: float) -> float:
    """Patients for each candidate parameter at an expected shrinkage: 1 / ((S - 1) ln(1 - R2 / S)).

    Raises
    ------
    ValueError
        R2 or shrinkage not in (0, 1), or R2 not below the shrinkage.
    """
    r2, shrinkage = share(r2, "Cox-Snell R2"), share(shrinkage, "shrinkage")
    if r2 >= shrinkage:
        raise ValueError(f"Cox-Snell R2 {r2:g} is not below the shrinkage of {shrinkage:g}: no sample size follows")
    return 1 / ((shrinkage - 1) * math.log1p(-r2 / shrinkage))


def shrinkage_for_optimism(r2: float, largest: float, optimism: float) -> float:
    """Shrinkage at which apparent R2 of Nagelkerke is too high by ``optimism``: R2 / (R2 + delta x largest R2).

    Raises
    ------
    ValueError
        When R2 is not below the largest that the outcome allows.
    """
    if not share(r2, "Cox-Snell R2") < largest:
        raise ValueError(f"Cox-Snell R2 {r2:g} is impossible: this event rate allows at most {largest:.3f}")
    return r2 / (r2 + share(optimism, "optimism") * largest)


def for_overall_risk(prevalence: float, margin: float) -> float:
    """Patients that give the overall risk to within +-margin: (z / margin)^2 phi (1 - phi)."""
    prevalence = share(prevalence, "prevalence")
    return (normal_quantile() / share(margin, "margin of the overall risk")) ** 2 * prevalence * (1 - prevalence)


def risk_margin(prevalence: float, n: float) -> float:
    """Half width of the 95% interval of the overall risk among n patients."""
    return normal_quantile() * math.sqrt(prevalence * (1 - prevalence) / n)


@dataclass(frozen=True)
class Criteria:
    """Patients with a known outcome that each criterion asks for (not rounded).

    Attributes
    ----------
    shrinkage, optimism, overall_risk : float
        ``overall_risk`` does not depend on the number of parameters.
    r2, largest : float
        Cox-Snell R2 anticipated, and the largest possible.
    """

    shrinkage: float
    optimism: float
    overall_risk: float
    r2: float
    largest: float

    @property
    def needed(self) -> int:
        """Whole patients that meet all criteria."""
        return math.ceil(max(self.shrinkage, self.optimism, self.overall_risk) - 1e-9)

    @property
    def binding(self) -> str:
        """The criterion that asks for most."""
        return max(("shrinkage", "optimism", "overall_risk"), key=lambda name: getattr(self, name))


def binary_criteria(
    parameters: int,
    prevalence: float,
    r2: float,
    *,
    shrinkage: float = 0.9,
    optimism: float = 0.05,
    margin: float = 0.05,
) -> Criteria:
    """Patients for developing a logistic model.

    Parameters
    ----------
    parameters : int
        Candidate parameters (degrees of freedom), at least 1.
    prevalence : float
        Event rate among the labelled.
    r2 : float
        Anticipated Cox-Snell R2; :func:`r2_from_auc` gives it from a C statistic.
    shrinkage, optimism, margin : float
        Targets of the three criteria.

    Raises
    ------
    ValueError
        On inputs that are impossible, in one line.
    """
    largest = largest_r2(prevalence)
    return _criteria(parameters, r2, largest, shrinkage, optimism, for_overall_risk(prevalence, margin))


def survival_criteria(
    parameters: int,
    rate: float,
    follow_up: float,
    time: float,
    r2: float,
    *,
    shrinkage: float = 0.9,
    optimism: float = 0.05,
    margin: float = 0.05,
) -> Criteria:
    """Patients for developing a time-to-event model.

    Parameters
    ----------
    parameters : int
    rate : float
        Events per year at risk.
    follow_up : float
        Mean follow-up, years.
    time : float
        Horizon of the prediction, years.
    r2 : float
        Anticipated Cox-Snell R2 of the time-to-event model.
    shrinkage, optimism, margin : float
        Targets; ``overall_risk`` here is the larger side of the interval of the cumulative incidence at ``time``.

    Raises
    ------
    ValueError
        On inputs that are impossible, in one line.
    """
    largest = largest_r2_survival(rate, follow_up)
    # The lower limit of the rate is the one further away on the scale of the risk, so it is held to the margin.
    level = math.exp(-rate * positive(time, "horizon"))
    moved = math.log1p(share(margin, "margin of the overall risk") / level) / time
    risk = (normal_quantile() / moved) ** 2 * rate / follow_up
    return _criteria(parameters, r2, largest, shrinkage, optimism, risk)


def _criteria(parameters: int, r2: float, largest: float, shrinkage: float, optimism: float, risk: float) -> Criteria:
    count = positive(parameters, "number of parameters")
    stricter = shrinkage_for_optimism(r2, largest, optimism)
    return Criteria(
        count * per_parameter(r2, shrinkage), count * per_parameter(r2, stricter), risk, float(r2), float(largest)
    )


def parameters_supported(n: float, r2: float, shrinkage: float = 0.9) -> float:
    """Candidate parameters that n patients with a known outcome support at an expected shrinkage (not rounded)."""
    return n / per_parameter(r2, shrinkage)


def expected_shrinkage(n: float, parameters: float, r2: float) -> float:
    """Uniform shrinkage factor to expect when ``parameters`` are fitted to n patients.

    Solves n = p / ((S - 1) ln(1 - R2 / S)) for S by bisection.

    Returns
    -------
    float
        Between R2 and 1.
    """
    wanted = positive(n, "number of patients") / positive(parameters, "number of parameters")
    low, high = share(r2, "Cox-Snell R2"), 1.0
    for _ in range(200):
        middle = (low + high) / 2
        need = 1 / max((middle - 1) * math.log1p(-r2 / middle), 1e-300) if middle > r2 else np.inf
        low, high = (middle, high) if need <= wanted else (low, middle)
    return (low + high) / 2
