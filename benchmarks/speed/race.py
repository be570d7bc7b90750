"""Speed of bootstraps, DeLong's interval and concordance against scikit-learn, scikit-survival, lifelines and R.

    python -m benchmarks.speed.race [--largest N] [--patience SECONDS] [--write]

One run: equal numbers are asserted first, then every program is timed on the same arrays, ours and the others in turn,
on one thread, the least of up to five runs in processor seconds. What repeats one call for each resample is timed on a
few resamples and scaled. Programs that are not installed are skipped with a line (``pip install .[bench]``; R with
survival, pROC and riskRegression when ``Rscript`` is there, in a process that times itself). A cell that would outlast
the patience is not run. ``--write`` puts the tables into docs/speed.md. Exits 1 when numbers differ.
"""

from __future__ import annotations

import os

# Before numpy loads its threads.
os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})

import argparse
import resource
import subprocess
import sys
import time

import numpy as np

from benchmarks.page import write
from benchmarks.speed.data import HORIZONS, Data, draw
from benchmarks.speed.page import Cell, goals, table
from benchmarks.speed.rivals import R_TASKS, RESAMPLES, RIVALS, r_installed, run_r
from models.metrics.discrimination import dynamic_auc, dynamic_brier

COMMAND = "python -m benchmarks.speed.race --write"
SIZES = (106, 1000, 10_000, 100_000)
TASKS = tuple(dict.fromkeys(task for task, _ in RIVALS))
CHECKED = {106: 40, 1000: 10}
TOLERANCE = 1e-9
RUNS, ENOUGH_SECONDS = 5, 20.0
# Calls between two readings of the clock, so that a reading is no part of what is read.
SHORTEST = 0.02
FEW = {106: 60, 1000: 30, 10_000: 8, 100_000: 2}
KIB_PER_GIB = 2**20


def check(installed: set[str]) -> None:
    """Assert equal numbers on the same resamples, R included.

    Raises
    ------
    AssertionError
        When a program differs by more than the tolerance.
    """
    for n, resamples in CHECKED.items():
        data = draw(n)
        ours = {task: np.asarray(RIVALS[task, "ours"].run(data, resamples)) for task in TASKS}
        for (task, name), rival in RIVALS.items():
            if name != "ours" and name in installed:
                compare(task, name, n, ours[task], np.asarray(rival.run(data, resamples)))
        if "R" in installed:
            check_r(data, ours)


def check_r(data: Data, ours: dict[str, np.ndarray]) -> None:
    """R's own bootstrap draws other resamples, so its numbers on all patients are compared."""
    answers, n = run_r(data, 1.0), len(data.label)
    given = data.time, data.event, data.risk
    ours = ours | {
        "dynamic": np.array([f(*given, at).estimate for f in (dynamic_auc, dynamic_brier) for at in HORIZONS])
    }
    for (task, name), code in R_TASKS.items():
        if code in answers and code != "boot":
            compare(task, name, n, ours[task], np.array(answers[code]["value"]).squeeze())


def compare(task: str, name: str, n: int, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Print the largest difference and assert that it is rounding."""
    difference = float(np.abs(ours - theirs).max())
    print(f"{task}: {name} at {n} patients, largest difference {difference:.1e}", flush=True)
    assert difference <= TOLERANCE, f"{task}: {name} differs by {difference}"


def timed(task: str, name: str, data: Data, calls: int) -> float:
    """Processor seconds of one call of a task, the mean of ``calls`` in a row."""
    rival, few = RIVALS[task, name], FEW[len(data.label)]
    start = time.process_time()
    for _ in range(calls):
        rival.run(data, few if rival.repeats else RESAMPLES)
    return (time.process_time() - start) / calls * (RESAMPLES / few if rival.repeats else 1)


def in_turn(task: str, names: list[str], data: Data) -> dict[str, float]:
    """Least seconds of each program, all of them once in each round."""
    best = {name: timed(task, name, data, 1) for name in names}
    rounds, spent = 1, sum(best.values())
    while rounds < RUNS and spent < ENOUGH_SECONDS:
        for name in names:
            calls = max(1, min(50, int(SHORTEST / max(best[name], 1e-6))))
            found = timed(task, name, data, calls)
            best[name] = min(best[name], found)
            spent += found
        rounds += 1
    return best


def race(task: str, sizes: list[int], installed: set[str], patience: float) -> list[Cell]:
    """Every installed program of a task at every size that it reaches within the patience."""
    cells: list[Cell] = []
    last: dict[str, list[float]] = {}
    names = [name for of, name in RIVALS if of == task and (name == "ours" or name in installed)]
    for n in sizes:
        able = [name for name in names if name == "ours" or expected(last.get(name, []), name, task) <= patience]
        for name in names:
            if name not in able:
                cells.append(Cell(task, name, n))
                print(f"{task}: {name} at {n} patients not run", flush=True)
        for name, seconds in in_turn(task, able, draw(n)).items():
            last.setdefault(name, []).append(seconds)
            cells.append(Cell(task, name, n, seconds, RIVALS[task, name].repeats))
            print(f"{task}: {name} at {n} patients {seconds:.5f} s", flush=True)
    return cells


def expected(before: list[float], name: str, task: str) -> float:
    """Seconds that the next tenfold size will really take, growing as the last one did but at least tenfold."""
    if not before:
        return 0.0
    growth = max(10.0, before[-1] / before[-2]) if len(before) > 1 else 10.0
    share = min(FEW.values()) / RESAMPLES if RIVALS[task, name].repeats else 1.0
    return before[-1] * growth * share


def race_r(sizes: list[int], patience: float) -> list[Cell]:
    """What R found about itself; calls of riskRegression count once for each resample."""
    cells = []
    for n in sizes:
        answers = run_r(draw(n), patience)
        for (task, name), code in R_TASKS.items():
            seconds = answers.get(code, {}).get("seconds", float("nan")) * (RESAMPLES if code == "score" else 1)
            cells.append(Cell(task, name, n, seconds, code in ("score", "boot")))
            print(f"{task}: {name} at {n} patients {seconds:.5f} s", flush=True)
    return cells


def peak(n: int) -> float:
    """GiB of a process that does nothing but our bootstraps at one size."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.race", "--job", str(n)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def job(n: int) -> int:
    """The process of :func:`peak`; a tenth of the resamples, because memory does not depend on their number."""
    data = draw(n)
    for task in ("auc", "dynamic"):
        RIVALS[task, "ours"].run(data, RESAMPLES // 10)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1) / KIB_PER_GIB)
    return 0


def main() -> int:
    """Compare, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=max(SIZES), help="patients of the largest size")
    parser.add_argument("--patience", type=float, default=120.0, help="longest cell in seconds")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/speed.md")
    arguments = parser.parse_args()
    sizes = [n for n in SIZES if n <= arguments.largest]
    installed = {name for (_, name), rival in RIVALS.items() if rival.installed()} | ({"R"} if r_installed() else set())
    for name in sorted({name for _, name in RIVALS} - installed) + ([] if "R" in installed else ["R"]):
        print(f"{name} is not installed, skipped")
    try:
        check(installed)
    except AssertionError as error:
        print(error, file=sys.stderr)
        return 1
    cells = [cell for task in TASKS for cell in race(task, sizes, installed, arguments.patience)]
    cells += race_r(sizes, arguments.patience) if "R" in installed else []
    gib = peak(max(sizes))
    print("", table(cells), "", goals(cells, gib, max(sizes)), sep="\n")
    if arguments.write:
        write("speed.md", COMMAND, f"{table(cells)}\n\n{goals(cells, gib, max(sizes))}")
    return 0


if __name__ == "__main__":
    sys.exit(job(int(sys.argv[2])) if sys.argv[1:2] == ["--job"] else main())
