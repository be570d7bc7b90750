"""The page of a plan: verdict, pictures, tables, and every value it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from flows.plan_text import MEASURES
from flows.reports import page
from flows.reports.blocks import Block, Section, figures, lead, note, tables
from flows.reports.page import Figure, Table, Tile, number, percent, whole
from flows.reports.plan.paint import paint_added, paint_available, paint_power, paint_supported, paint_widths
from flows.reports.style import arm_label, draw
from flows.work.plan import Planned
from models.planning.endpoints import EndpointPlan, curves
from models.planning.plan import DesignCheck

SIZES = [int(round(n)) for n in np.geomspace(50, 1600, 61)]
WIDE = (11.0, 3.6)
RECORDS = ("planning.", "trial.dfs", "trial.pfs", "trial.quoted", "trial.n_planned")


def plan_page(planned: Planned) -> str:
    """The page of a plan as text; the same plan gives the same characters."""
    sections = [_design(planned), _available(planned)]
    if planned.request.develop:
        sections.append(_develop(planned))
    if planned.request.validate:
        sections.append(_validate(planned))
    sections += [_added(planned), _assumptions(planned)]
    return page.render(
        "cohort.html",
        title=f"{planned.protocol['trial.name']}: plan",
        subtitle=f"{planned.verdict}.",
        simulated=False,
        facts=page.provenance(None, planned.protocol),
        tiles=_tiles(planned),
        predictions=[],
        sections=[section for section in sections if section is not None],
    )


def _tiles(planned: Planned) -> list[Tile]:
    one, design, inputs = planned.leading, planned.plan.design, planned.plan.inputs
    tiles = []
    if one is not None:
        where = f"of {inputs.patients:,}, {one.endpoint.id}, {one.scenario or 'as given'}"
        tiles += [
            Tile("Labelled", whole(one.labelled), where),
            Tile("Events", whole(one.events), where),
            Tile("Parameters supported", number(one.development.supported, 1), f"shrinkage {inputs.shrinkage:g}"),
            Tile("Width of the AUC interval", number(one.validation.widths["auc"]), f"AUC {inputs.auc:g}"),
        ]
    if design is not None:
        tiles.append(Tile("Hazard ratio of the design", number(design.design.ratio, 3), "from its survivals"))
    return tiles


def _design(planned: Planned) -> Section | None:
    check = planned.plan.design
    if check is None:
        return None
    own = check.design
    control, treated = own.rates
    words = (
        f"Event-free at {own.month:g} months: {own.treated:.0%} ({arm_label(check.arms[1])}) against "
        f"{own.control:.0%} ({arm_label(check.arms[0])}). Under constant hazards these are {treated:.3f} and "
        f"{control:.3f} events per year."
    )
    heading = f"The survivals of the design are a hazard ratio of {own.ratio:.3f}"
    blocks = [lead(words)]
    blocks += [Block("refused" if place == 0 else "note", line) for place, line in enumerate(check.quoted)]
    blocks += [*figures([_power_figure(check, planned.plan.inputs.patients)]), *tables(_power_table(check, planned))]
    return Section("design", "Trial design", heading, tuple(blocks))


def _power_figure(check: DesignCheck, patients: int) -> Figure:
    lines = {
        f"{row['test']} {row['alpha']:g}": np.array(
            [check.design.power(n, float(row["alpha"]), int(row["sided"])) for n in SIZES]
        )
        for row in check.rows.to_dict("records")
    }
    at = ", ".join(
        f"{row['test']} {row['alpha']:g}: {check.design.power(patients, float(row['alpha']), int(row['sided'])):.0%}"
        for row in check.rows.to_dict("records")
    )
    return draw(
        paint_power, SIZES, lines, patients, key="power", size=WIDE, title="Power of the trial",
        caption=f"Log-rank test (Schoenfeld), everybody followed to {check.design.month:g} months. "
        f"Grey line: {patients:,} patients.",
        alt=f"Power with {patients} patients: {at}.",
    )  # fmt: skip


def _power_table(check: DesignCheck, planned: Planned) -> Table:
    power, lost = (float(planned.protocol[f"planning.trial_{name}"]) for name in ("power", "loss"))
    head = ("Log-rank test", f"Events for {power:.0%}", "Patients", f"With {lost:.0%} loss")
    rows = tuple(
        (
            f"{row['test']} {row['alpha']:g}",
            *(number(row[name], 1) for name in ("events", "patients", "with_loss")),
            *(percent(row[f"power_{n}"], 1) for n in check.sizes),
        )
        for row in check.rows.to_dict("records")
    )
    return Table((*head, *(f"Power, n = {n}" for n in check.sizes)), rows)


def _available(planned: Planned) -> Section | None:
    if not planned.plan.endpoints:
        return None
    inputs, one = planned.plan.inputs, planned.leading
    assert one is not None
    heading = f"{inputs.patients:,} randomised give {one.labelled:.0f} labelled patients and {one.events:.0f} events"
    words = (
        f"Labelled: at risk at the landmark, with a blood score and a known outcome at the horizon. The heading is "
        f"{one.endpoint.id} under the scenario {one.scenario or 'as given'}."
    )
    rows = tuple(
        (
            _row_name(plan), whole(plan.available.at_risk if plan.available else None),
            whole(plan.labelled), whole(plan.events), percent(plan.prevalence), plan.refusal or "yes",
        )
        for plan in planned.plan.endpoints
    )  # fmt: skip
    head = ("Endpoint, scenario", "At risk", "Labelled", "Events", "Event rate", "Estimable")
    blocks = [lead(words), *figures([_available_figure(planned)]), *tables(Table(head, rows))]
    blocks += [note(f"{way.name.capitalize()}: {way.words}.") for way in planned.plan.scenarios]
    return Section("available", "Patients available", heading, tuple(blocks))


def _available_figure(planned: Planned) -> Figure:
    nan = float("nan")
    rows: list[tuple[str, str, str, float, float, float]] = []
    for one in planned.plan.endpoints:
        source = f"formula: {one.scenario or 'as given'}"
        rows += [(one.endpoint.id, source, "labelled", one.labelled, nan, nan)]
        rows += [(one.endpoint.id, source, "events", one.events, nan, nan)]
    for row in planned.simulation.counts.to_dict("records"):
        source = f"simulated: {row['world']}"
        rows.append((row["endpoint"], source, row["quantity"], row["mean"], row["low"], row["high"]))
    frame = pd.DataFrame(rows, columns=["endpoint", "source", "quantity", "value", "low", "high"])
    count = frame["endpoint"].nunique()
    simulated = "" if planned.simulation.counts.empty else " Lines: range of 95% of the simulated trials."
    words = "; ".join(
        f"{one.endpoint.id} ({one.scenario or 'as given'}) {one.labelled:.0f} labelled, {one.events:.0f} events"
        for one in planned.plan.endpoints
    )
    return draw(
        paint_available, frame, key="available", size=(11.0, 1.5 + 0.62 * count),
        title="Labelled patients and events by endpoint",
        caption=f"With {planned.plan.inputs.patients:,} randomised.{simulated}", alt=f"{words}.",
    )  # fmt: skip


def _row_name(plan: EndpointPlan) -> str:
    return f"{plan.endpoint.id}, {plan.scenario or 'as given'}"


def _title(words: str) -> str:
    return words[0].upper() + words[1:]


def _curves(planned: Planned) -> dict[str, pd.DataFrame]:
    """What grows with the number randomised at the leading endpoint, by scenario."""
    one = planned.leading
    own = [plan for plan in planned.plan.endpoints if one is not None and plan.endpoint.id == one.endpoint.id]
    return {plan.scenario: curves(plan, planned.plan.inputs, SIZES) for plan in own}


def _develop(planned: Planned) -> Section | None:
    one, inputs = planned.leading, planned.plan.inputs
    if one is None:
        return None
    supported = math.floor(one.development.supported + 1e-9)
    count = f"{supported or 'no'} parameter{'' if supported == 1 else 's'}"
    heading = f"{inputs.patients:,} patients support {count} at {one.endpoint.id}"
    words = (
        f"Riley's criteria for {inputs.parameters} candidate parameters: expected shrinkage {inputs.shrinkage:g}, "
        f"optimism in R2 of Nagelkerke at most {inputs.optimism:g}, overall risk to within {inputs.margin:g}."
    )
    figure = draw(
        paint_supported, _curves(planned), inputs.parameters, inputs.patients, key="supported", size=WIDE,
        title=f"Parameters supported at {one.endpoint.id}",
        caption=f"At shrinkage {inputs.shrinkage:g}. Dashed: {inputs.parameters} parameters. "
        f"Grey line: {inputs.patients:,} patients.",
        alt=f"{one.development.supported:.1f} parameters with {inputs.patients} patients.",
    )  # fmt: skip
    head = ("Endpoint, scenario", "Cox-Snell R2", "Supported", "Shrinkage", "Overall risk", "Labelled needed",
            "Binding", "Time-to-event", "Randomised")  # fmt: skip
    rows = tuple(_development_row(plan) for plan in planned.plan.endpoints)
    blocks = [lead(words), *figures([figure]), *tables(Table(head, rows))]
    return Section("develop", "Developing", heading, tuple(blocks))


def _development_row(plan: EndpointPlan) -> tuple[str, ...]:
    own = plan.development
    time = own.time_to_event
    return (
        _row_name(plan), number(plan.r2, 3), number(own.supported, 1),
        number(own.shrinkage), f"± {own.margin:.2f}", f"{own.logistic.needed:,}",
        own.logistic.binding.replace("_", " "), f"{time.needed:,}" if time else page.EMPTY, f"{own.randomised:,}",
    )  # fmt: skip


def _validate(planned: Planned) -> Section | None:
    one, inputs = planned.leading, planned.plan.inputs
    if one is None:
        return None
    targets, own = inputs.targets, one.validation
    heading = (
        f"An AUC interval {targets.auc:g} wide needs {own.randomised['auc']:,} patients; "
        f"{inputs.patients:,} give {own.widths['auc']:.2f}"
    )
    words = (
        f"Full widths of 95% intervals at AUC {inputs.auc:g}, sensitivity {targets.expected_sensitivity:g}, "
        f"specificity {targets.expected_specificity:g}; the calibration slope under a normal linear predictor in "
        "both classes."
    )
    titles = {"auc": "AUC", "sensitivity": "Sensitivity", "slope": "Calibration slope"}
    panels = [(name, title, float(getattr(targets, name))) for name, title in titles.items()]
    figure = draw(
        paint_widths, _curves(planned), panels, inputs.patients, key="widths", size=WIDE,
        title=f"Precision at {one.endpoint.id}",
        caption=f"Dashed: the width aimed at. Grey line: {inputs.patients:,} patients.",
        alt=f"Widths with {inputs.patients} patients: "
        + ", ".join(f"{MEASURES[name]} {own.widths[name]:.2f}" for name in MEASURES) + ".",
    )  # fmt: skip
    head = ("Endpoint, scenario", *(f"{_title(MEASURES[name])}, for {getattr(targets, name):g}" for name in MEASURES))
    rows = tuple(
        (
            _row_name(plan),
            *(f"{plan.validation.widths[name]:.2f} → {plan.validation.randomised[name]:,}" for name in MEASURES),
        )
        for plan in planned.plan.endpoints
    )
    caption = f"Width with {inputs.patients:,} randomised → patients to randomise for the width aimed at."
    return Section(
        "validate", "Validating", heading, (lead(words), *figures([figure]), *tables(Table(head, rows, caption)))
    )


def _added(planned: Planned) -> Section | None:
    found, inputs = planned.simulation, planned.plan.inputs
    if found.added.empty:
        return None
    alpha = float(planned.protocol["planning.leading_alpha"])
    own = found.added[found.added["size"].eq(inputs.patients)]
    said = "; ".join(
        f"{percent(row['success'])} ({percent(row['success_lower'])} to {percent(row['success_upper'])}) in world "
        f"{row['world']}"
        for row in own.to_dict("records")
    )
    heading = f"With {inputs.patients:,} patients the score is shown to add in {said}"
    words = (
        f"Simulated trials at {found.leading}: cross-validated paired Brier score of the clinical comparator with and "
        f"without the score, censoring weights, one-sided {alpha:g}. A simulated world is no evidence about patients."
    )
    figure = draw(
        paint_added, found.added, alpha, inputs.patients, key="added", size=WIDE,
        title="Trials that show that the score adds",
        caption=f"Vertical lines: 95% Monte Carlo interval. Dashed: {alpha:g}. "
        f"Grey line: {inputs.patients:,} patients.",
        alt=f"With {inputs.patients} patients {said}.",
    )  # fmt: skip
    rows = tuple(
        (
            row["world"], whole(row["size"]), whole(row["trials"]),
            page.percent_interval(row["success"], row["success_lower"], row["success_upper"]),
            number(row["brier"], 3), number(row["brier_error"], 3), number(row["auc"], 3), number(row["auc_error"], 3),
        )
        for row in found.added.to_dict("records")
    )  # fmt: skip
    head = ("World", "Randomised", "Trials", "Success (95%)", "Brier gained", "Its SE", "AUC gained", "Its SE")
    return Section("added", "Added value", heading, (lead(words), *figures([figure]), *tables(Table(head, rows))))


def _assumptions(planned: Planned) -> Section:
    records = [one for key, one in planned.protocol.records.items() if key.startswith(RECORDS)]
    rows = tuple((one.key, _words(one.value), one.status, one.source) for one in records)
    blocks: list[Block] = [lead("What was given on the command line replaces these values for this page only.")]
    blocks += _lines(planned.notes)
    blocks += tables(Table(("Record", "Value", "Status", "Source"), rows, numeric=False, classes="assumptions"))
    return Section("assumed", "What it rests on", "Every number rests on these records of the protocol", tuple(blocks))


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one:g}" for name, one in value.items())
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _lines(words: Iterable[str]) -> list[Block]:
    found = list(words)
    return [Block("list", found)] if found else []
