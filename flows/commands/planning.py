"""The command that plans a study: sample size and precision under a protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flows.commands.common import command, progress_bar, show
from flows.home import Home

NUMBERS = {
    "--auc": "C statistic to expect.",
    "--r2": "Cox-Snell R2 to expect [default: what the AUC implies].",
    "--prevalence": "Event rate among the labelled [default: from the protocol's survivals].",
    "--dropout": "Dropout, hazard per year.",
    "--missing-blood": "Share of landmark samples without a score.",
    "--missed-scan": "Share of scheduled scans missed or inadequate.",
    "--sensitivity": "Sensitivity to expect.",
    "--specificity": "Specificity to expect.",
    "--shrinkage": "Expected shrinkage factor to aim at.",
    "--width-auc": "Width of the 95% interval to aim at (upper less lower limit).",
    "--width-sensitivity": "The same for the sensitivity.",
    "--width-specificity": "The same for the specificity.",
    "--width-slope": "The same for the calibration slope.",
    "--width-oe": "The same for observed over expected.",
}


def _numbers(function: Any) -> Any:
    for name, words in reversed(NUMBERS.items()):
        function = click.option(name, type=float, default=None, metavar="X", help=words)(function)
    return function


@click.command()
@click.option(
    "--patients", type=click.IntRange(min=1), default=None, metavar="N", help="Randomised [default: the protocol's]."
)
@click.option(
    "--endpoint", "endpoints", multiple=True, metavar="ID", help="MRD36@6, ER12@12 ...; repeatable [default: promoted]."
)
@click.option("--develop", is_flag=True, help="Developing a model only.")
@click.option("--validate", is_flag=True, help="Validating a model only.")
@click.option("--parameters", type=click.IntRange(min=1), default=None, metavar="P", help="Candidate parameters.")
@_numbers
@click.option(
    "--simulate", type=click.IntRange(min=0), default=None, metavar="K", help="Trials a world; 0: formulas only."
)
@click.option("--world", "worlds", multiple=True, help="Simulated world; repeatable [default: protocol, independent].")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed, same answer.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write FILE.html or FILE.csv.")
@command()
def plan(
    home: Home,
    endpoints: tuple[str, ...],
    develop: bool,
    validate: bool,
    simulate: int | None,
    worlds: tuple[str, ...],
    seed: int,
    out: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """How many patients and events a marker model needs to be developed or validated.

    And whether the design of the trial holds. Rests on the protocol alone: no data are needed. What is not given comes
    from its records (planning.*).

    \b
    Example:  netest plan
              netest plan --patients 400 --endpoint MRD36@6 --parameters 2 --auc 0.8
              netest plan --validate --width-auc 0.15 --simulate 0 --out plan.html
    """
    from flows.plan_text import plan_lines
    from flows.work.plan import PlanRequest, run_plan, write_plan

    if out is not None and out.suffix.lower() not in (".html", ".csv"):
        raise click.UsageError(f"{out.name}: a plan is written as FILE.html or FILE.csv")
    both = develop == validate
    request = PlanRequest(endpoints, develop or both, validate or both, simulate, worlds, seed, given)
    with progress_bar("Planning") as progress:
        planned = run_plan(home, request, progress=progress)
    lines = plan_lines(planned)
    if out is not None:
        lines.append(f"\nWritten: {write_plan(planned, out)}")
    show(planned.record() | ({"file": str(out)} if out else {}), "\n".join(lines), as_json)
