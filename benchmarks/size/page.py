"""The table of the size benchmark, its goals, and the page that shows both."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, nan
from statistics import linear_regression

TITLES = {
    "kinetics": "kinetics of the score",
    "landmark": "landmark table",
    "genes": "landmark table with 51 genes x 3 wells",
    "dcq": "dCq, 51 genes x 3 wells",
}
COMPARED_AT, FITTED_FROM = 10_000, 1000
TIMES_FASTER, TIMES_BEST, EXPONENT = 100.0, 1.5, 1.05
MOST_SECONDS, MOST_GIB = 20.0, 4.0


@dataclass(frozen=True)
class Cell:
    """What one program took for one task at one size; NaN when it was not run."""

    task: str
    name: str
    n: int
    seconds: float = nan
    gib: float = nan


def _seconds(cells: list[Cell], task: str, name: str) -> dict[int, float]:
    return {c.n: c.seconds for c in cells if (c.task, c.name) == (task, name) and c.seconds == c.seconds}


def exponent(seconds: dict[int, float]) -> float:
    """Growth over the last decade: log10 of the time at the largest size over the one at a tenth of it."""
    largest = max(seconds, default=0)
    return log10(seconds[largest] / seconds[largest // 10]) if largest // 10 in seconds else nan


def fitted(seconds: dict[int, float]) -> float:
    """Growth as the slope of log time over log size, by least squares from 1,000 patients on."""
    points = [(log10(n), log10(value)) for n, value in seconds.items() if n >= FITTED_FROM]
    return linear_regression(*zip(*points, strict=True)).slope if len(points) > 1 else nan


def _show(value: float, digits: int = 2) -> str:
    return "–" if value != value else f"{value:.{digits}g}" if value < 1 else f"{value:.{digits}f}"


def table(cells: list[Cell]) -> str:
    """One Markdown table: a row per task and program, seconds by size, peak at its largest size, exponent."""
    steps = sorted({cell.n for cell in cells})
    head = ["task", "program", *(f"s at {n:,}" for n in steps), "peak GiB", "last tenfold", "fit"]
    lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for task, name in dict.fromkeys((cell.task, cell.name) for cell in cells):
        seconds = _seconds(cells, task, name)
        tried = {cell.n for cell in cells if (cell.task, cell.name) == (task, name)}
        times = [_show(seconds[n]) if n in seconds else "not run" if n in tried else "" for n in steps]
        peak = max(c.gib for c in cells if (c.task, c.name) == (task, name) and c.n == max(seconds))
        lines.append([TITLES[task], name, *times, _show(peak), _show(exponent(seconds)), _show(fitted(seconds))])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(goal: str, found: str, met: bool) -> str:
    return f"| {goal} | {found} | {'met' if met else '**not met**'} |"


def _absolute(cells: list[Cell]) -> list[str]:
    lines = []
    for task in ("kinetics", "landmark", "genes", "dcq"):
        own = max((c for c in cells if (c.task, c.name) == (task, "ours")), key=lambda c: c.n)
        met = own.seconds < MOST_SECONDS and own.gib < MOST_GIB
        lines.append(
            _line(
                f"{TITLES[task]} at {own.n:,} patients under {MOST_SECONDS:.0f} s and {MOST_GIB:.0f} GiB",
                f"{_show(own.seconds)} s, {_show(own.gib)} GiB",
                met,
            )
        )
    return lines


def _slower(cells: list[Cell]) -> list[str]:
    lines = []
    for task, name in (("kinetics", "groupby-apply"), ("kinetics", "tsfresh"), ("dcq", "groupby-apply")):
        ours, other = _seconds(cells, task, "ours"), _seconds(cells, task, name)
        shared = [n for n in ours if n in other and n <= COMPARED_AT]
        if not shared:
            continue
        n = max(shared)
        ratio = other[n] / ours[n]
        goal = f"{TITLES[task]} at {n:,}: at least {TIMES_FASTER:.0f} times faster than {name}"
        lines.append(_line(goal, f"{ratio:.0f} times", ratio >= TIMES_FASTER))
    return lines


def _engines(cells: list[Cell]) -> list[str]:
    lines = []
    for task in ("kinetics", "dcq"):
        ours = _seconds(cells, task, "ours")
        for n in [n for n in ours if n >= COMPARED_AT] or [max(ours)]:
            found = {name: _seconds(cells, task, name).get(n) for name in ("polars", "duckdb")}
            best = min(((value, name) for name, value in found.items() if value), default=None)
            if best:
                ratio = ours[n] / best[0]
                goal = f"{TITLES[task]} at {n:,}: at most {TIMES_BEST} times the best of polars and DuckDB"
                lines.append(_line(goal, f"{ratio:.2f} times {best[1]}", ratio <= TIMES_BEST))
    return lines


def goals(cells: list[Cell]) -> str:
    """One Markdown table: every goal, what was found, whether it is met."""
    growth = [
        _line(
            f"{title}: exponent of growth at most {EXPONENT}",
            f"{last:.3f} over the last tenfold step, {whole:.3f} fitted",
            max(last, whole) <= EXPONENT,
        )
        for task, title in TITLES.items()
        if (last := exponent(_seconds(cells, task, "ours"))) == last
        and (whole := fitted(_seconds(cells, task, "ours"))) == whole
    ]
    lines = ["| goal | found | |", "| --- | --- | --- |"]
    return "\n".join([*lines, *_absolute(cells), *_slower(cells), *_engines(cells), *growth])
