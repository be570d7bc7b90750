"""A plan for the terminal: the verdict first, then short tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.summary import columns

if TYPE_CHECKING:
    from flows.work.plan import Planned

MEASURES = {"auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity", "slope": "slope", "oe": "O/E"}


def plan_lines(planned: Planned) -> list[str]:
    """The plan, line by line."""
    parts = [[f"{planned.verdict}."], _design(planned), _available(planned)]
    if planned.request.develop:
        parts.append(_develop(planned))
    if planned.request.validate:
        parts.append(_validate(planned))
    parts += [_counts(planned), _added(planned), _notes(planned)]
    return [line for part in parts if part for line in (*part, "")][:-1]


def _titled(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [title, *(f"  {line}" for line in columns([header, *rows]))] if rows else []


def _design(planned: Planned) -> list[str]:
    check = planned.plan.design
    if check is None:
        return []
    design, names = check.design, [f"power_{n}" for n in check.sizes]
    control, treated = design.rates
    title = (
        f"Trial design: {design.treated:.0%} ({check.arms[1]}) against {design.control:.0%} ({check.arms[0]}) at "
        f"{design.month:g} months: hazard ratio {design.ratio:.3f}, hazards {control:.3f} and {treated:.3f} per year"
    )
    power, lost = (float(planned.protocol[f"planning.trial_{name}"]) for name in ("power", "loss"))
    head = ["log-rank test", f"events for {power:.0%}", "patients", f"with {lost:.0%} loss"]
    head += [f"power at {name.removeprefix('power_')}" for name in names]
    rows = [
        [f"{row['test']} {row['alpha']:g}", *(f"{row[name]:.1f}" for name in ("events", "patients", "with_loss"))]
        + [f"{row[name]:.3f}" for name in names]
        for row in check.rows.to_dict("records")
    ]
    return [*_titled(title, head, rows), *(f"  ! {words}" for words in check.quoted)]


def _available(planned: Planned) -> list[str]:
    rows = [
        [one.endpoint.id, one.scenario or "as given", f"{one.available.at_risk:.0f}" if one.available else "-",
         f"{one.labelled:.0f}", f"{one.events:.0f}", f"{one.prevalence:.0%}", one.refusal]
        for one in planned.plan.endpoints
    ]  # fmt: skip
    head = ["endpoint", "scenario", "at risk", "labelled", "events", "rate", ""]
    return _titled(f"Available of {planned.plan.inputs.patients:,} randomised, by formula", head, rows)


def _develop(planned: Planned) -> list[str]:
    inputs, rows = planned.plan.inputs, []
    for one in planned.plan.endpoints:
        own = one.development
        time = own.time_to_event
        rows.append([
            one.endpoint.id, one.scenario or "as given", f"{one.r2:.3f}", f"{own.supported:.1f}",
            f"{own.shrinkage:.2f}", f"+-{own.margin:.2f}",
            f"{own.logistic.needed:,} ({own.logistic.binding.replace('_', ' ')})",
            f"{time.needed:,}" if time else "-", f"{own.randomised:,}",
        ])  # fmt: skip
    source = f"AUC {inputs.auc:g}" if inputs.r2 is None else "R2 as given"
    title = f"Develop {inputs.parameters} parameters ({source}, shrinkage {inputs.shrinkage:g}; Riley's criteria)"
    head = ["endpoint", "scenario", "R2", "supports", f"shrinkage with {inputs.parameters}", "overall risk",
            "labelled needed", "time-to-event", "randomised"]  # fmt: skip
    return _titled(title, head, rows)


def _validate(planned: Planned) -> list[str]:
    inputs = planned.plan.inputs
    head = ["endpoint", "scenario", *(f"{MEASURES[name]} ({getattr(inputs.targets, name):g})" for name in MEASURES)]
    rows = [
        [one.endpoint.id, one.scenario or "as given"]
        + [f"{one.validation.widths[name]:.2f} -> {one.validation.randomised[name]:,}" for name in MEASURES]
        for one in planned.plan.endpoints
    ]
    title = f"Validate: width of the 95% interval with {inputs.patients:,} randomised -> randomised for the width in ()"
    return _titled(title, head, rows)


def _counts(planned: Planned) -> list[str]:
    counts = planned.simulation.counts
    if counts.empty:
        return []
    rows = []
    for (world, endpoint), own in counts.groupby(["world", "endpoint"], sort=False):
        cells = [f"{r['mean']:.1f} ({r['low']:.0f} to {r['high']:.0f})" for r in own.to_dict("records")]
        rows.append([world, endpoint, *cells])
    trials = int(counts["trials"].iloc[0])
    title = (
        f"Simulated, {trials} trials of {planned.plan.inputs.patients:,} a world (seed {planned.simulation.seed}): "
        "mean (95% of trials)"
    )
    return _titled(title, ["world", "endpoint", "at risk", "labelled", "events"], rows)


def _added(planned: Planned) -> list[str]:
    added = planned.simulation.added
    rows = [
        [row["world"], f"{row['size']:.0f}", f"{row['trials']:.0f}",
         f"{row['success']:.2f} ({row['success_lower']:.2f} to {row['success_upper']:.2f})",
         f"{row['brier']:+.3f} (SE {row['brier_error']:.3f})", f"{row['auc']:+.3f} (SE {row['auc_error']:.3f})"]
        for row in added.to_dict("records")
    ]  # fmt: skip
    alpha = float(planned.protocol["planning.leading_alpha"])
    title = (
        f"Does the score add to the clinical comparator at {planned.simulation.leading}? Share of simulated trials "
        f"that show it (paired Brier score, one-sided {alpha:g})"
    )
    return _titled(title, ["world", "n", "trials", "success (95%)", "Brier gained", "AUC gained"], rows)


def _notes(planned: Planned) -> list[str]:
    inputs = planned.plan.inputs
    words = [f"scenario {one.name}: {one.words}" for one in planned.plan.scenarios]
    words.append(
        f"assumed: dropout {inputs.losses.dropout:g} a year, {inputs.losses.missing_blood:.0%} of landmark samples "
        f"missing, {inputs.losses.missed_scan:.0%} of scans missed or inadequate, death without recurrence "
        f"{inputs.losses.death:g} a year"
    )
    return [f"note: {line}" for line in (*words, *planned.notes)]
