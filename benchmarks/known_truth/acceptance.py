"""The acceptance checks of the statistical design, each with its figure and Monte Carlo standard error.

    python -m benchmarks.known_truth.acceptance [--only N ...] [--keep DIR] [--jobs N] [--write]

Finished checks, and the runs that they share with the table of models by size, are kept in DIR (default
var/known_truth) and not repeated; another DIR starts afresh. Checks 11 and 12 (the promotion gate) come from
``benchmarks.gate.campaign``, check 15 (refusals) from ``benchmarks.known_truth.refusals``. ``--write`` puts the table
into docs/acceptance.md, where lines of checks that were not asked for stay. Exits 1 when a check is not met.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from benchmarks.known_truth import checks_conduct, checks_models, checks_records
from benchmarks.known_truth.by_size import KEEP
from benchmarks.known_truth.check import Check
from benchmarks.page import read, rows, table, write

COMMAND = "python -m benchmarks.known_truth.acceptance --write"
CHECKS = {
    "1": checks_records.gold_labels,
    "2": checks_records.time_travel,
    "3": checks_records.leaks,
    "4": checks_models.never_above_the_ceiling,
    "5": checks_models.gap_to_the_ceiling,
    "6": checks_models.champion_at_small_n,
    "7": checks_models.calibration,
    "8": checks_conduct.censoring,
    "9": checks_conduct.coverage,
    "10": checks_models.honest_validation,
    "13": checks_models.nulls,
    "14": checks_conduct.batches,
}


def kept(number: str, folder: Path, jobs: int) -> list[Check]:
    """Lines of a check, from what is kept or by running it."""
    place = folder / f"check-{number}.json"
    if not place.exists() and not jobs:
        return []
    if not place.exists():
        found = [dataclasses.asdict(check) for check in CHECKS[number](folder, jobs)]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(found, default=lambda value: value.item()), encoding="utf-8")
    return [Check(**row) for row in json.loads(place.read_text(encoding="utf-8"))]


def main() -> int:
    """Run the checks, print the table, and write the page when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CHECKS, help="numbers of checks [default: all]")
    parser.add_argument("--keep", type=Path, default=KEEP, help="where finished runs are kept [default: %(default)s]")
    parser.add_argument("--jobs", type=int, default=2, help="processes; 0 shows what is kept and runs nothing")
    parser.add_argument("--write", action="store_true", help="put the table into docs/acceptance.md")
    asked = parser.parse_args()
    found = []
    for number in asked.only or CHECKS:
        for check in kept(number, asked.keep, asked.jobs):
            found.append(check)
            print(" | ".join(check.cells()), flush=True)
    if asked.write:
        lines = rows(read("acceptance.md", COMMAND), [check.cells() for check in found], list(CHECKS))
        write("acceptance.md", COMMAND, table(["check", "figure", "value", "bound", "met"], lines, 2))
    return int(any(check.met is False for check in found))


if __name__ == "__main__":
    sys.exit(main())
