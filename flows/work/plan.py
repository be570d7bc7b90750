"""What ``netest plan`` answers: everything by formula, then what simulated trials say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.commands.common import Progress
from flows.errors import PublicError
from flows.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from data.protocol import Protocol
    from models.planning.endpoints import EndpointPlan
    from models.planning.plan import Plan
    from models.planning.worlds import Simulation


@dataclass(frozen=True)
class PlanRequest:
    """What is asked for.

    Parameters
    ----------
    endpoints : tuple of str
        Ids; empty for all that may be promoted.
    develop, validate : bool
        Which questions to answer.
    simulate : int or None
        Trials of the planned size in each world; the protocol's number when None.
    worlds : tuple of str
        Empty for the two usual ones.
    seed : int
    given : dict
        Numbers in place of the protocol's, see :meth:`models.planning.inputs.Inputs.from_protocol`.
    """

    endpoints: tuple[str, ...] = ()
    develop: bool = True
    validate: bool = True
    simulate: int | None = None
    worlds: tuple[str, ...] = ()
    seed: int = 1
    given: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """The answer."""

    request: PlanRequest
    protocol: Protocol
    plan: Plan
    simulation: Simulation

    @property
    def leading(self) -> EndpointPlan | None:
        """The endpoint that the first line is about: the protocol's leading one where it was asked for."""
        wanted = str(self.protocol["planning.leading_endpoint"])
        own = [one for one in self.plan.endpoints if one.endpoint.id == wanted]
        return next(iter(own or self.plan.endpoints), None)

    @property
    def verdict(self) -> str:
        """The answer in one line."""
        one, inputs = self.leading, self.plan.inputs
        if one is None:
            return "; ".join(self.plan.not_applicable) or "nothing to plan"
        words = f"{inputs.patients:,} patients give {one.labelled:,.0f} labelled, {one.events:,.0f} events at "
        words += one.endpoint.id
        if one.refusal:
            return f"{words}: {one.refusal}"
        parts = []
        if self.request.develop:
            parts.append(_enough(one.development.supported, inputs.shrinkage))
        if self.request.validate:
            parts.append(
                f"a validation with an AUC interval {inputs.targets.auc:g} wide needs "
                f"{one.validation.randomised['auc']:,} patients"
            )
        return f"{words}: {'; '.join(parts)}"

    @property
    def notes(self) -> list[str]:
        """What does not apply, in sentences."""
        return [*self.plan.not_applicable, *self.simulation.notes]

    def record(self) -> dict[str, Any]:
        """The answer for a script."""
        rows = self.table().to_dict("records")
        clean = [{name: _plain(value) for name, value in row.items()} for row in rows]
        return {"verdict": self.verdict, "trial": self.protocol["trial.name"], "rows": clean, "notes": self.notes}

    def table(self) -> pd.DataFrame:
        """One row per number: question, endpoint, scenario, n (randomised), quantity, value, lower, upper."""
        import pandas as pd

        columns = ["question", "endpoint", "scenario", "n", "quantity", "value", "lower", "upper"]
        rows = [*_design_rows(self.plan), *_formula_rows(self), *_simulated_rows(self)]
        return pd.DataFrame(rows, columns=columns)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _enough(supported: float, shrinkage: float) -> str:
    whole = math.floor(supported + 1e-9)
    count = "no parameter" if whole == 0 else "1 parameter" if whole == 1 else f"{whole} parameters"
    return f"enough for {count} (shrinkage {shrinkage:g})"


Row = tuple[str, str, str, float, str, float, float, float]
NAN = float("nan")


def _design_rows(plan: Plan) -> Iterator[Row]:
    if plan.design is None:
        return
    for name, value in zip(("control", "treated"), plan.design.design.rates, strict=True):
        yield "trial", "", "", NAN, f"hazard per year, {name}", value, NAN, NAN
    yield "trial", "", "", NAN, "hazard ratio", plan.design.design.ratio, NAN, NAN
    for row in plan.design.rows.to_dict("records"):
        test = f"{row['test']} {row['alpha']:g}"
        for name in ("events", "patients", "with_loss"):
            yield "trial", "", test, NAN, name, row[name], NAN, NAN
        for n in plan.design.sizes:
            yield "trial", "", test, float(n), "power", row[f"power_{n}"], NAN, NAN


def _formula_rows(planned: Planned) -> Iterator[Row]:
    n = float(planned.plan.inputs.patients)
    for one in planned.plan.endpoints:
        key = one.endpoint.id, one.scenario, n
        if one.available is not None:
            yield "available", *key, "at risk", one.available.at_risk, NAN, NAN
        yield "available", *key, "labelled", one.labelled, NAN, NAN
        yield "available", *key, "events", one.events, NAN, NAN
        if planned.request.develop:
            for name, value in _development_values(one).items():
                yield "develop", *key, name, value, NAN, NAN
        if planned.request.validate:
            for name, width in one.validation.widths.items():
                yield "validate", *key, f"width {name}", width, NAN, NAN
                yield "validate", *key, f"labelled for {name}", float(one.validation.labelled[name]), NAN, NAN
                yield "validate", *key, f"randomised for {name}", float(one.validation.randomised[name]), NAN, NAN


def _development_values(one: EndpointPlan) -> dict[str, float]:
    own = one.development
    values = {
        "Cox-Snell R2": one.r2,
        "parameters supported": own.supported,
        "shrinkage to expect": own.shrinkage,
        "margin of the overall risk": own.margin,
        "labelled for shrinkage": own.logistic.shrinkage,
        "labelled for optimism": own.logistic.optimism,
        "labelled for overall risk": own.logistic.overall_risk,
        "randomised for all": float(own.randomised),
    }
    if own.time_to_event is not None:
        values["labelled for a time-to-event model"] = float(own.time_to_event.needed)
    return values


def _simulated_rows(planned: Planned) -> Iterator[Row]:
    found, n = planned.simulation, float(planned.plan.inputs.patients)
    for row in found.counts.to_dict("records"):
        key = "simulated", row["endpoint"], f"world {row['world']}", n
        yield *key, row["quantity"].replace("_", " "), row["mean"], row["lower"], row["upper"]
    for row in found.added.to_dict("records"):
        key = "simulated", found.leading, f"world {row['world']}", row["size"]
        yield *key, "score adds: share of trials", row["success"], row["success_lower"], row["success_upper"]
        for name in ("brier", "brier_error", "auc", "auc_error"):
            yield *key, f"score adds: {name.replace('_', ' ')}", row[name], NAN, NAN


def run_plan(home: Home, request: PlanRequest, progress: Progress | None = None) -> Planned:
    """Answer a request from the protocol of a home; no store, no data are needed.

    Raises
    ------
    PublicError
        On impossible input, in one line.
    """
    from data.protocol import ProtocolError
    from models.planning.inputs import Inputs
    from models.planning.plan import choose_endpoints, make_plan
    from models.planning.worlds import DEFAULT_WORLDS, simulate_plan

    protocol = home.protocol()
    try:
        inputs = Inputs.from_protocol(protocol, **request.given)
        plan = make_plan(protocol, inputs, request.endpoints)
        trials = int(protocol["planning.simulated_trials"]) if request.simulate is None else request.simulate
        chosen = choose_endpoints(protocol, request.endpoints)
        worlds = request.worlds or DEFAULT_WORLDS
        simulation = simulate_plan(protocol, chosen, inputs.patients, trials, worlds, request.seed, progress)
    except ProtocolError:
        raise
    except ValueError as error:
        raise PublicError(str(error)) from error
    return Planned(request, protocol, plan, simulation)


def write_plan(planned: Planned, out: Path) -> Path:
    """Write the answer as a page (``.html``) or as a table (``.csv``).

    Raises
    ------
    PublicError
        For another ending.
    """
    from flows.reports import page

    kind = out.suffix.lower()
    if kind == ".html":
        from flows.reports.plan.report import plan_page

        return page.write(plan_page(planned), out)
    if kind == ".csv":
        return page.write(planned.table().to_csv(index=False, float_format="%.6g"), out)
    raise PublicError(f"{out.name}: a plan is written as FILE.html or FILE.csv")
