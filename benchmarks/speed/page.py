"""The tables of the speed benchmark, its goals, and the page that shows both."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

TITLES = {
    "auc": "bootstrap of an AUC, 2,000 resamples",
    "delong": "AUC with DeLong's error",
    "dynamic": "bootstrap of AUC(t) and Brier(t) at 4 horizons, 2,000 resamples",
    "harrell": "Harrell's C",
    "uno": "Uno's C",
}
# Task, rival, size, how many times faster.
FASTER = (
    ("auc", "scikit-learn loop", 106, 50.0),
    ("auc", "scikit-learn loop", 1000, 50.0),
    ("auc", "scikit-learn loop", 100_000, 15.0),
    ("dynamic", "scikit-survival loop", 106, 10.0),
    ("dynamic", "scikit-survival loop", 1000, 10.0),
    ("dynamic", "scikit-survival loop", 10_000, 10.0),
    ("dynamic", "scikit-survival loop", 100_000, 10.0),
    ("delong", "R pROC", 106, 1.0),
    ("delong", "R pROC", 1000, 1.0),
    ("harrell", "scikit-survival", 100_000, 10.0),
    ("uno", "scikit-survival", 100_000, 10.0),
)
MOST_GIB, TENFOLD = 1.0, 20.0


@dataclass(frozen=True)
class Cell:
    """Processor seconds of one program for one task at one size; NaN when not run. ``scaled``: from fewer resamples."""

    task: str
    name: str
    n: int
    seconds: float = nan
    scaled: bool = False


def _seconds(cells: list[Cell]) -> dict[tuple[str, str, int], float]:
    return {(c.task, c.name, c.n): c.seconds for c in cells if c.seconds == c.seconds}


def _time(seconds: float) -> str:
    if seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms"
    return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _ratio(seconds: float, ours: float) -> str:
    times = seconds / ours
    return f" ({times:.2g}x)" if times < 99.5 else f" ({times:.0f}x)"


def table(cells: list[Cell]) -> str:
    """A row per task and program: seconds by size, and how many times longer than ours."""
    found, steps = _seconds(cells), sorted({cell.n for cell in cells})
    scaled = {(cell.task, cell.name) for cell in cells if cell.scaled}
    head = ["task", "program", *(f"{n:,}" for n in steps)]
    lines = [head, ["---"] * 2 + ["---:"] * len(steps)]
    for task in TITLES:
        for name in dict.fromkeys(cell.name for cell in cells if cell.task == task):
            texts = []
            for n in steps:
                seconds, ours = found.get((task, name, n)), found.get((task, "ours", n))
                ratio = _ratio(seconds, ours) if seconds and ours and name != "ours" else ""
                texts.append("not run" if seconds is None else _time(seconds) + ratio)
            lines.append([TITLES[task], name + (" *" if (task, name) in scaled else ""), *texts])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def goals(cells: list[Cell], gib: float, largest: int) -> str:
    """One row per goal: what was found, whether it is met."""
    found = _seconds(cells)
    lines = ["| goal | found | |", "| --- | --- | --- |"]
    for task, name, n, times in FASTER:
        ours, theirs = found.get((task, "ours", n)), found.get((task, name, n))
        if ours and theirs:
            goal = f"{TITLES[task]} at {n:,}: at least {times:g} times as fast as {name}"
            lines.append(_line(goal, f"{theirs / ours:.3g} times", theirs / ours >= times))
    for task in ("harrell", "uno"):
        if (task, "ours", 100_000) in found and (task, "ours", 10_000) in found:
            growth = found[task, "ours", 100_000] / found[task, "ours", 10_000]
            goal = (
                f"{TITLES[task]}: at most {TENFOLD:g} times longer at 100,000 than at 10,000 (n log n, not n squared)"
            )
            lines.append(_line(goal, f"{growth:.1f} times", growth <= TENFOLD))
    goal = f"both bootstraps at {largest:,}: the whole process under {MOST_GIB:g} GiB"
    lines.append(_line(goal, f"{gib:.2f} GiB", gib < MOST_GIB))
    return "\n".join(lines)


def _line(goal: str, found: str, met: bool) -> str:
    return f"| {goal} | {found} | {'met' if met else '**not met**'} |"
