"""One endpoint of a plan: patients available, development and validation of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from data.protocol import Endpoint, Protocol
from models.planning import development, validation
from models.planning.availability import Available, Scenario, available
from models.planning.inputs import Inputs


@dataclass(frozen=True)
class Development:
    """Development of a model at an endpoint.

    Attributes
    ----------
    logistic : development.Criteria
        Labelled patients for ``Inputs.parameters``.
    time_to_event : development.Criteria or None
        The same for a time-to-event model with the same share of the largest R2; None when R2 was given, for an
        endpoint without expected rate, or where it does not exist.
    supported : float
        Parameters that the labelled patients support at the shrinkage asked for.
    shrinkage : float
        To expect with ``Inputs.parameters``.
    margin : float
        Half width of the interval of the overall risk.
    randomised : int
        Patients to randomise so that all criteria of the logistic model are met.
    """

    logistic: development.Criteria
    time_to_event: development.Criteria | None
    supported: float
    shrinkage: float
    margin: float
    randomised: int


@dataclass(frozen=True)
class Validation:
    """Validation of a model at an endpoint: widths now, labelled and randomised patients for the target widths."""

    widths: Mapping[str, float]
    labelled: Mapping[str, int]
    randomised: Mapping[str, int]


@dataclass(frozen=True)
class EndpointPlan:
    """One endpoint under one scenario.

    Attributes
    ----------
    labelled, events : float
        Expected numbers with a blood score and a known outcome.
    r2 : float
        Cox-Snell R2 to expect.
    refusal : str
        Why nothing can be fitted or validated here; empty otherwise.
    """

    endpoint: Endpoint
    scenario: str
    available: Available | None
    labelled: float
    events: float
    prevalence: float
    r2: float
    refusal: str
    development: Development
    validation: Validation


def plan_endpoint(endpoint: Endpoint, protocol: Protocol, scenario: Scenario | None, inputs: Inputs) -> EndpointPlan:
    """Development and validation at one endpoint under one scenario.

    Without a scenario the patients are taken as labelled and ``inputs.prevalence`` as their event rate.

    Raises
    ------
    ValueError
        When the inputs contradict each other (an R2 that the event rate does not allow).
    """
    found = None
    if scenario is not None:
        found = available(endpoint, protocol, scenario, inputs.patients, inputs.losses)
    labelled = found.labelled if found else float(inputs.patients)
    prevalence = float(inputs.prevalence if inputs.prevalence is not None else found.prevalence if found else math.nan)
    r2 = inputs.r2 if inputs.r2 is not None else development.r2_from_auc(inputs.auc, prevalence)
    minimum = int(protocol["validation.minimum_events"])
    events = labelled * prevalence
    few = min(events, labelled - events) < minimum
    refusal = (
        f"not estimable: {events:.0f} events and {labelled - events:.0f} non-events expected; {minimum} of each needed"
        if few
        else ""
    )
    return EndpointPlan(
        endpoint=endpoint,
        scenario=scenario.name if scenario else "",
        available=found,
        labelled=labelled,
        events=events,
        prevalence=prevalence,
        r2=float(r2),
        refusal=refusal,
        development=_develop(endpoint, found, labelled, prevalence, float(r2), inputs),
        validation=_validate(labelled, prevalence, inputs),
    )


def _develop(
    endpoint: Endpoint, found: Available | None, labelled: float, prevalence: float, r2: float, inputs: Inputs
) -> Development:
    targets = {"shrinkage": inputs.shrinkage, "optimism": inputs.optimism, "margin": inputs.margin}
    logistic = development.binary_criteria(inputs.parameters, prevalence, r2, **targets)
    return Development(
        logistic=logistic,
        time_to_event=_time_to_event(endpoint, found, r2 / logistic.largest, inputs, targets),
        supported=development.parameters_supported(labelled, r2, inputs.shrinkage),
        shrinkage=development.expected_shrinkage(labelled, inputs.parameters, r2),
        margin=development.risk_margin(prevalence, labelled),
        randomised=_randomised(logistic.needed, labelled, inputs.patients),
    )


def _time_to_event(
    endpoint: Endpoint, found: Available | None, explained: float, inputs: Inputs, targets: Mapping[str, float]
) -> development.Criteria | None:
    """Criteria of a time-to-event model that explains the same share of the largest R2."""
    if found is None or inputs.r2 is not None or inputs.prevalence is not None:
        return None
    largest = development.largest_r2_survival(found.rate, found.follow_up)
    years = (endpoint.horizon - endpoint.landmark) / 12
    return development.survival_criteria(
        inputs.parameters, found.rate, found.follow_up, years, explained * largest, **targets
    )


def _validate(labelled: float, prevalence: float, inputs: Inputs) -> Validation:
    needed = validation.sizes(inputs.auc, prevalence, inputs.targets)
    return Validation(
        widths=validation.widths(inputs.auc, prevalence, labelled, inputs.targets),
        labelled=needed,
        randomised={name: _randomised(n, labelled, inputs.patients) for name, n in needed.items()},
    )


def _randomised(needed: int, labelled: float, patients: int) -> int:
    """Patients to randomise so that ``needed`` are labelled, by the share that is labelled of ``patients``."""
    return math.ceil(needed * patients / labelled - 1e-9)


def curves(plan: EndpointPlan, inputs: Inputs, sizes: Sequence[int]) -> pd.DataFrame:
    """What grows with the number randomised, other things equal.

    Returns
    -------
    DataFrame
        ``n`` (randomised), ``labelled``, ``supported`` (parameters), and the width of every interval.
    """
    ratio = plan.labelled / inputs.patients
    rows = []
    for n in sizes:
        labelled = n * ratio
        row = {"n": n, "labelled": labelled}
        row["supported"] = development.parameters_supported(labelled, plan.r2, inputs.shrinkage)
        rows.append(row | validation.widths(inputs.auc, plan.prevalence, labelled, inputs.targets))
    return pd.DataFrame(rows)
