"""AUC, Brier score and calibration slope of every model by number of patients and world, against the best achievable.

    python -m benchmarks.known_truth.by_size [--world W ...] [--keep DIR] [--jobs N] [--write]

The best achievable is the posterior probability that the simulator itself gives a patient from everything observed up
to the landmark; nothing that looks at those data can rank better. ``--write`` puts the tables into
docs/models_by_size.md, where tables of worlds that were not asked for stay. Finished runs are kept in DIR (default
var/known_truth) and not repeated.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from benchmarks.known_truth.cohorts import mean_and_error
from benchmarks.known_truth.runs import LATENT, OBSERVED, Question, ceilings, runs
from benchmarks.page import read, sections, table, write
from models.estimators.specification import REGISTRY

COMMAND = "python -m benchmarks.known_truth.by_size --write"
KEEP = Path("var/known_truth")
PRIMARY = ("MRD36@6", "ER12@12")
REPLICATIONS = {106: 20, 1000: 4, 10_000: 1}
# The world of the acceptance checks is run more often, and with cross-validation at the size of the trial.
CHECKED_WORLD, CHECKED = "protocol", {106: 100, 1000: 8, 10_000: 1}
OTHERS = ("contemporary", "developer", "independent", "null")
CELLS = (*((CHECKED_WORLD, endpoint) for endpoint in PRIMARY), *((world, PRIMARY[0]) for world in OTHERS))
WORLDS = (CHECKED_WORLD, *OTHERS)
REPEATS = 2


def question(world: str, endpoint: str, n: int) -> Question:
    """The question of a cell; the checked one is cross-validated at the size of the trial."""
    checked = world == CHECKED_WORLD and n == 106 and endpoint == PRIMARY[0]
    return Question(world, endpoint, n, REPEATS if checked else 0)


def replications(world: str, endpoint: str, n: int) -> int:
    """How often a cell is run."""
    return CHECKED[n] if world == CHECKED_WORLD and endpoint == PRIMARY[0] else REPLICATIONS[n]


def collect(folder: Path, jobs: int, worlds: Collection[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All runs and ceilings of some worlds."""
    found, best = [], []
    for world, endpoint in (cell for cell in CELLS if cell[0] in worlds):
        best.append(ceilings(world, endpoint, folder, jobs))
        for n in REPLICATIONS:
            found.append(runs(question(world, endpoint, n), replications(world, endpoint, n), folder, jobs))
            print(f"{world} {endpoint} {n}", flush=True)
    return pd.concat(found, ignore_index=True), pd.concat(best, ignore_index=True)


def _cell(rows: pd.DataFrame, figure: str, digits: int = 3) -> str:
    if figure not in rows or rows[figure].notna().sum() == 0:
        return "–"
    mean, error = mean_and_error(rows[figure])
    return f"{mean:.{digits}f}" if error != error else f"{mean:.{digits}f} ± {error:.{digits}f}"


def one_table(found: pd.DataFrame, best: pd.DataFrame) -> str:
    """One world and endpoint: models by size."""
    sizes = sorted(found["n"].unique())
    head = ["model", *(f"{figure}, n = {n:,}" for figure in ("AUC", "Brier", "slope") for n in sizes)]
    rows = []
    for name in found["model"].drop_duplicates():
        own = found[found["model"] == name]
        cells = [
            _cell(own[own["n"] == n], figure, 2 if figure == "slope" else 3)
            for figure in ("auc", "brier", "slope")
            for n in sizes
        ]
        rows.append([f"{name} {REGISTRY[name].title}", *cells])
    for name, words in ((OBSERVED, "**best from what is observed**"), (LATENT, "best from the latent state")):
        if best.empty:
            continue
        row = best[best["model"] == name].iloc[0]
        values = [f"{row[figure]:.3f}" for figure in ("auc", "brier")] + [f"{row['slope']:.2f}"]
        rows.append([words, *(value for value in values for _ in sizes)])
    return table(head, rows)


def heading(world: str, endpoint: str) -> str:
    """Heading of the table of a cell."""
    return f"### World {world}, {endpoint}"


def pages(found: pd.DataFrame, best: pd.DataFrame) -> dict[str, str]:
    """Tables of all worlds and endpoints by their heading."""
    parts = {}
    for (world, endpoint), rows in found.groupby(["world", "endpoint"], sort=False):
        own = best[(best["world"] == world) & (best["endpoint"] == endpoint)]
        parts[heading(world, endpoint)] = one_table(rows, own)
    return parts


def main() -> None:
    """Run what is missing, print, and write the page when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", nargs="+", choices=WORLDS, default=WORLDS, help="worlds [default: all]")
    parser.add_argument("--keep", type=Path, default=KEEP, help="where finished runs are kept [default: %(default)s]")
    parser.add_argument("--jobs", type=int, default=2, help="processes; 0 shows what is kept and runs nothing")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/models_by_size.md")
    asked = parser.parse_args()
    parts = pages(*collect(asked.keep, asked.jobs, asked.world))
    order = [heading(*cell) for cell in CELLS]
    print(sections("", parts, order))
    if asked.write:
        write("models_by_size.md", COMMAND, sections(read("models_by_size.md", COMMAND), parts, order))


if __name__ == "__main__":
    main()
