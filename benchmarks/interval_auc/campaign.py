"""Bias of the AUC at a horizon off the visits, by method, and coverage of the interval of the one that is shipped.

    python -m benchmarks.interval_auc.campaign [--workers N] [--replications SHARE] [--write]

Every cell (world, schedule, size) draws cohorts from seeds of its own. The bias is the mean difference to the AUC of
the true times of the same patients, which is unbiased, so that most of the sampling error cancels; the AUC itself is
known by numerical integration and the mean of the true times is held against it. A method passes a cell when its bias
is within .01 or within two Monte Carlo errors. ``--write`` puts the tables into docs/interval_auc.md. Exits 1 when the
shipped method fails a cell that it does not refuse.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from benchmarks.interval_auc.methods import METHODS, whole
from benchmarks.interval_auc.page import Cell, Covered, coverage_table, summary, table
from benchmarks.interval_auc.worlds import SCHEDULES, WORLDS, draw
from benchmarks.page import write
from data.protocol import load_protocol
from models.estimators.newton import CannotFit
from models.metrics.interval_auc import Limits, interval_auc

COMMAND = "python -m benchmarks.interval_auc.campaign --write"
REPLICATIONS = {106: 80, 1000: 20}
COVERED = (("Weibull", "dense"), ("crossing hazards", "sparse"))
COVERAGE_N, COVERAGE_REPLICATIONS, RESAMPLES = 106, 200, 60


@dataclass(frozen=True)
class Found:
    """One cohort: difference of every method to the true times, error of those, shares, whether ours refuses."""

    bias: list[float]
    whole: float
    cases: float
    ambiguous: float
    refused: bool


def seed_of(*words: object) -> int:
    """The same number for the same cell, whatever else runs."""
    return zlib.crc32("/".join(map(str, words)).encode())


def one(world: str, schedule: str, n: int, number: int, limits: Limits) -> Found:
    """Every method on one cohort; NaN where it cannot be fitted."""
    plan = SCHEDULES[schedule]
    seen = draw(WORLDS[world], plan, n, np.random.default_rng([seed_of(world, schedule, n), number]))
    truth, bias = whole(seen, plan.horizon), []
    for method in METHODS.values():
        try:
            bias.append(method(seen, plan.horizon) - truth)
        except CannotFit:
            bias.append(np.nan)
    cases, controls = (seen.upper <= plan.horizon).sum(), (seen.lower >= plan.horizon).sum()
    ambiguous = 1 - (cases + controls) / n
    refused = ambiguous > limits.ambiguous_share or min(cases, controls) < limits.minimum_events
    return Found(bias, truth, float(cases / n), float(ambiguous), bool(refused))


def covers(world: str, schedule: str, number: int, limits: Limits) -> tuple[bool, float] | None:
    """Whether the interval of one cohort holds the AUC, and its width; None when refused."""
    plan = SCHEDULES[schedule]
    rng = np.random.default_rng([seed_of("coverage", world, schedule), number])
    seen = draw(WORLDS[world], plan, COVERAGE_N, rng)
    try:
        found = interval_auc(
            seen.lower, seen.upper, seen.marker, plan.horizon, limits=limits, resamples=RESAMPLES, seed=number
        )
    except CannotFit:
        return None
    return found.lower <= WORLDS[world].auc(plan.horizon) <= found.upper, found.upper - found.lower


def main() -> int:
    """Simulate, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--replications", type=float, default=1.0, help="share of the replications, for a quick look")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/interval_auc.md")
    arguments = parser.parse_args()
    limits = Limits.of(load_protocol())
    cells: list[Cell] = []
    with Parallel(n_jobs=arguments.workers) as pool:
        for n, planned in REPLICATIONS.items():
            for schedule in SCHEDULES:
                for world in WORLDS:
                    jobs = range(max(2, round(planned * arguments.replications)))
                    found = pool(delayed(one)(world, schedule, n, number, limits) for number in jobs)
                    cells.append(Cell.of(world, schedule, n, WORLDS[world].auc(SCHEDULES[schedule].horizon), found))
                    print(cells[-1].line(), flush=True)
        covered = []
        for world, schedule in COVERED:
            jobs = range(max(2, round(COVERAGE_REPLICATIONS * arguments.replications)))
            answers = pool(delayed(covers)(world, schedule, number, limits) for number in jobs)
            covered.append(Covered.of(world, schedule, COVERAGE_N, RESAMPLES, answers))
            print(covered[-1], flush=True)
    print("", table(cells), "", summary(cells), "", coverage_table(covered), sep="\n")
    if arguments.write:
        write("interval_auc.md", COMMAND, "\n\n".join([summary(cells), table(cells), coverage_table(covered)]))
    return 1 if any(not cell.passes("piecewise") and not cell.is_refused for cell in cells) else 0


if __name__ == "__main__":
    sys.exit(main())
