"""Time, peak memory and growth of the features against what a user would otherwise write.

    python -m benchmarks.size.race [--largest N] [--patience SECONDS] [--write]

Every number comes from this one run: the data are drawn, equal numbers are asserted, then each cell (task, program,
size) runs in a process of its own on one thread. Programs that are not installed are skipped with a line
(``pip install .[bench]``). A cell that would outlast the patience, judged by the size before, is not run, and the line
says so. ``--write`` puts the table into docs/size.md. Exits 1 when numbers differ.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.page import write
from benchmarks.size.page import Cell, goals, table

COMMAND = "python -m benchmarks.size.race --write"
LARGEST = {"kinetics": 100_000, "landmark": 100_000, "genes": 10_000, "dcq": 10_000}
SMALLEST, CHECKED_AT = 100, 1000
TOLERANCE = 1e-9
ENOUGH_RUNS, ENOUGH_SECONDS = 7, 15.0
TENFOLD = 10.0
KIB_PER_GIB = 2**20
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")}


def place_of(folder: Path, task: str, n: int) -> Path:
    """Where the data of one task and size lie."""
    return folder / f"{task}-{n}"


def make(folder: Path, task: str, n: int) -> dict:
    """Draw the data of one size and write them where every program finds them."""
    import pandas as pd

    from benchmarks.size.data import kinetics_input, make_expression, make_trial, with_wells
    from data.protocol import load_protocol

    place, protocol = place_of(folder, task, n), load_protocol()
    place.mkdir(parents=True, exist_ok=True)
    if task == "dcq":
        # Read from files, so that text lies where each program likes it best.
        trial = make_expression(n, protocol)
        frames = {"wells": trial.wells.astype({"plate": str, "sample_id": str}), "verdicts": trial.verdicts}
    elif task == "kinetics":
        series, anchor = kinetics_input(make_trial(n), protocol)
        frames = {"series": series, "anchor": anchor.reset_index()}
    else:
        trial = make_trial(n)
        pd.to_pickle(with_wells(trial, protocol) if task == "genes" else trial, place / "trial.pkl")
        frames = {}
    for name, frame in frames.items():
        frame.to_parquet(place / f"{name}.parquet", index=False)
    return {}


def check(folder: Path, task: str, n: int) -> dict:
    """Largest difference between ours and every installed rival of a task."""
    from benchmarks.size.rivals import RIVALS, Facts, largest_difference
    from data.protocol import load_protocol

    facts, place = Facts.of(load_protocol()), place_of(folder, task, n)

    def answer(name: str):
        rival = RIVALS[task, name]
        return rival.frame(rival.run(rival.load(place, facts), facts))

    ours = answer("ours")
    found = {}
    for (of, name), rival in RIVALS.items():
        if of == task and name != "ours":
            # A rival that is not installed has no answer; everything else has to agree.
            found[name] = largest_difference(ours, answer(name)) if rival.installed() else None
    return found


def measure(folder: Path, task: str, name: str, n: int) -> dict:
    """Least processor time of several runs (one for slow cells) after a small one to warm up, and the peak memory.

    One thread works, so processor time is what the clock shows on a machine that does nothing else.
    """
    from benchmarks.size.rivals import RIVALS, Facts
    from data.protocol import load_protocol

    facts, rival = Facts.of(load_protocol()), RIVALS[task, name]
    rival.run(rival.load(place_of(folder, task, SMALLEST), facts), facts)
    loaded = rival.load(place_of(folder, task, n), facts)
    seconds: list[float] = []
    while len(seconds) < ENOUGH_RUNS and sum(seconds) < ENOUGH_SECONDS:
        start = time.process_time()
        rival.run(loaded, facts)
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return {"seconds": min(seconds), "gib": peak / KIB_PER_GIB}


def apart(*job: object) -> dict:
    """Run one job in a process of its own and read its answer.

    Raises
    ------
    RuntimeError
        When the process fails; the message is the end of what it said.
    """
    command = [sys.executable, "-m", "benchmarks.size.race", "--job", *map(str, job)]
    environment = {**os.environ, **ONE_THREAD, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, job))}: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def sizes(task: str, largest: int) -> list[int]:
    """100, 1000, ... up to the largest of the task."""
    top = min(LARGEST[task], largest)
    return [SMALLEST * 10**step for step in range(5) if SMALLEST * 10**step <= top]


def compare(folder: Path, task: str) -> list[str]:
    """Assert equal numbers; names of the rivals that are installed.

    Raises
    ------
    AssertionError
        When a rival differs by more than the tolerance.
    """
    installed = []
    for name, difference in apart("check", folder, task, CHECKED_AT).items():
        if difference is None:
            print(f"{task}: {name} is not installed, skipped", flush=True)
            continue
        print(f"{task}: {name} at {CHECKED_AT} patients, largest difference {difference:.1e}", flush=True)
        assert difference <= TOLERANCE, f"{task}: {name} differs by {difference}"
        installed.append(name)
    return installed


def race(folder: Path, task: str, largest: int, patience: float) -> list[Cell]:
    """Every program of a task at every size that it can reach."""
    steps = sizes(task, largest)
    for n in sorted({*steps, CHECKED_AT}):
        apart("make", folder, task, n)
    cells: list[Cell] = []
    for name in ["ours", *compare(folder, task)]:
        before = 0.0
        for n in steps:
            if before * TENFOLD > patience:
                print(f"{task}: {name} at {n} patients not run (about {before * TENFOLD:.0f} s)", flush=True)
                cells.append(Cell(task, name, n))
                break
            cells.append(Cell(task, name, n, **apart("measure", folder, task, name, n)))
            before = cells[-1].seconds
            print(f"{task}: {name} at {n} patients {before:.4f} s {cells[-1].gib:.2f} GiB", flush=True)
    return cells


def main() -> int:
    """Draw, compare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=max(LARGEST.values()), help="patients of the largest size")
    parser.add_argument("--patience", type=float, default=60.0, help="longest cell in seconds")
    parser.add_argument("--write", action="store_true", help="write the table into docs/size.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            cells = [
                cell for task in LARGEST for cell in race(Path(folder), task, arguments.largest, arguments.patience)
            ]
        except AssertionError as error:
            print(error, file=sys.stderr)
            return 1
    print("", table(cells), "", goals(cells), sep="\n")
    if arguments.write:
        write("size.md", COMMAND, f"{table(cells)}\n\n{goals(cells)}")
    return 0


def job(name: str, folder: str, *rest: str) -> int:
    """One job of :func:`apart`: its answer is the last line."""
    *words, n = rest
    print(json.dumps({"make": make, "check": check, "measure": measure}[name](Path(folder), *words, int(n))))
    return 0


if __name__ == "__main__":
    sys.exit(job(*sys.argv[2:]) if sys.argv[1:2] == ["--job"] else main())
