"""The whole plan of a protocol: design check, patients available, development and validation of every endpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from data.protocol import Endpoint, Protocol
from models.planning.availability import Scenario, exponential, mixture_cure
from models.planning.endpoints import EndpointPlan, plan_endpoint
from models.planning.inputs import Inputs
from models.planning.trial_design import Design, quoted_ratio_words

SURVIVAL_RECORD = re.compile(r"trial\.(?:dfs|pfs|rfs)(\d+)")
CONTROL = "control"


@dataclass(frozen=True)
class DesignCheck:
    """The design of the trial: hazard ratio, and events, patients and power under each alpha of the protocol.

    Attributes
    ----------
    rows : DataFrame
        test, alpha, sided, events, patients, with_loss, then ``power_<n>`` for each of ``sizes``.
    sizes : tuple of int
    quoted : list of str
        What a quoted hazard ratio is that does not agree with the survivals; empty when there is none.
    """

    design: Design
    arms: tuple[str, str]
    rows: pd.DataFrame
    sizes: tuple[int, ...]
    quoted: list[str]


@dataclass(frozen=True)
class Plan:
    """Everything by formula.

    Attributes
    ----------
    not_applicable : list of str
        What could not be answered from this protocol, and why.
    """

    inputs: Inputs
    design: DesignCheck | None
    scenarios: tuple[Scenario, ...]
    endpoints: tuple[EndpointPlan, ...]
    not_applicable: list[str] = field(default_factory=list)


def find_design(protocol: Protocol) -> tuple[Design, tuple[str, str]] | None:
    """The survivals of the design: a record ``trial.dfsMM`` or ``trial.pfsMM`` with control and one other arm."""
    for key, record in protocol.records.items():
        found = SURVIVAL_RECORD.fullmatch(key)
        if found and isinstance(record.value, dict) and CONTROL in record.value and len(record.value) == 2:
            treated = next(arm for arm in record.value if arm != CONTROL)
            values = record.value
            return Design(float(values[CONTROL]), float(values[treated]), float(found.group(1))), (CONTROL, treated)
    return None


def check_design(protocol: Protocol, patients: Sequence[int]) -> DesignCheck | None:
    """Hazard ratio, events and power of the trial; None when the protocol gives no survivals of two arms."""
    found = find_design(protocol)
    if found is None:
        return None
    design, arms = found
    power, lost = float(protocol["planning.trial_power"]), float(protocol["planning.trial_loss"])
    rows = []
    for words, alpha in protocol["planning.trial_alpha"].items():
        sided = 1 if words.startswith("one") else 2
        events, kept, more = design.patients(float(alpha), power, sided, lost)
        row: dict[str, Any] = {"test": words, "alpha": float(alpha), "sided": sided}
        row |= {"events": events, "patients": kept, "with_loss": more}
        rows.append(row | {f"power_{n}": design.power(n, float(alpha), sided) for n in patients})
    quoted = protocol.records.get("trial.quoted_hazard_ratio")
    said = quoted_ratio_words(design, float(quoted.value)) if quoted else []
    return DesignCheck(design, arms, pd.DataFrame(rows), tuple(patients), said)


def find_scenarios(protocol: Protocol) -> tuple[Scenario, ...]:
    """Event-free survival to plan with: the design's, and after resection what contemporary series found."""
    found = find_design(protocol)
    if found is None:
        return ()
    design, arms = found
    scenarios = [exponential(design, arms)]
    if protocol["clock.origin"] == "surgery":
        scenarios.append(mixture_cure(**protocol["planning.contemporary"], ratio=design.ratio, arms=arms))
    return tuple(scenarios)


def choose_endpoints(protocol: Protocol, names: Sequence[str] = ()) -> list[Endpoint]:
    """Endpoints by id; all that may be promoted when none is named, all there are when none may be.

    Raises
    ------
    data.protocol.ProtocolError
        When an endpoint is unknown, naming those there are.
    """
    if names:
        return [protocol.endpoint(name) for name in dict.fromkeys(names)]
    everything = list(protocol.endpoints.values())
    return [one for one in everything if one.promote] or everything


def make_plan(protocol: Protocol, inputs: Inputs, names: Sequence[str] = ()) -> Plan:
    """Answer everything that has a formula.

    Parameters
    ----------
    protocol : Protocol
    inputs : Inputs
    names : sequence of str
        Endpoint ids; :func:`choose_endpoints` when empty.

    Raises
    ------
    ValueError
        On inputs that contradict each other, or an endpoint that is not there.
    """
    endpoints = choose_endpoints(protocol, names)
    scenarios = find_scenarios(protocol)
    not_applicable = _not_applicable(protocol, endpoints, scenarios, inputs)
    chosen: tuple[Scenario | None, ...] = scenarios or ((None,) if inputs.prevalence is not None else ())
    sizes = {*map(int, protocol["planning.sizes"]), int(protocol["trial.n_planned"]), inputs.patients}
    return Plan(
        inputs=inputs,
        design=check_design(protocol, sorted(sizes)),
        scenarios=scenarios,
        endpoints=tuple(plan_endpoint(one, protocol, way, inputs) for one in endpoints for way in chosen),
        not_applicable=not_applicable,
    )


def _not_applicable(
    protocol: Protocol, endpoints: Sequence[Endpoint], scenarios: Sequence[Scenario], inputs: Inputs
) -> list[str]:
    words = []
    if not endpoints:
        words.append("the protocol has no endpoint: nothing to develop or validate")
    if not scenarios:
        words.append(
            "the protocol has no survivals of a control and a treated arm (record trial.dfsMM or trial.pfsMM): "
            "no design check, and no numbers of labelled patients"
        )
        if inputs.prevalence is None and endpoints:
            words.append("without them give --prevalence, and with --patients the labelled patients")
    elif protocol["clock.origin"] != "surgery":
        words.append("the contemporary natural history is one after resection: left out, the clock starts elsewhere")
    if endpoints and not any(one.promote for one in protocol.endpoints.values()):
        words.append("no endpoint of this protocol may be promoted: all are shown")
    return words
