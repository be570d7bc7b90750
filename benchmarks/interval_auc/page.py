"""The tables of the interval-AUC benchmark and the page that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.interval_auc.methods import METHODS

ALLOWED, ERRORS = 0.01, 2.0
# A cell in which ours refuses more than half of the cohorts counts as refused.
MOSTLY = 0.5


@dataclass(frozen=True)
class Cell:
    """Bias and Monte Carlo error of every method in one world, schedule and size."""

    world: str
    schedule: str
    n: int
    auc: float
    bias: np.ndarray
    error: np.ndarray
    drift: float
    cases: float
    ambiguous: float
    refused: float
    replications: int

    @classmethod
    def of(cls, world: str, schedule: str, n: int, auc: float, found: Sequence[Any]) -> Cell:
        bias = np.array([one.bias for one in found])
        fitted = np.isfinite(bias).sum(axis=0)
        whole = np.array([one.whole for one in found])
        return cls(
            world,
            schedule,
            n,
            auc,
            np.nanmean(bias, axis=0),
            np.nanstd(bias, axis=0, ddof=1) / np.sqrt(fitted),
            float((whole.mean() - auc) / (whole.std(ddof=1) / np.sqrt(len(whole)))),
            float(np.mean([one.cases for one in found])),
            float(np.mean([one.ambiguous for one in found])),
            float(np.mean([one.refused for one in found])),
            len(found),
        )

    @property
    def is_refused(self) -> bool:
        return self.refused > MOSTLY

    def passes(self, method: str) -> bool:
        """Bias within .01, or within two Monte Carlo errors of nothing."""
        k = list(METHODS).index(method)
        return bool(abs(self.bias[k]) <= max(ALLOWED, ERRORS * self.error[k]))

    def line(self) -> str:
        values = " ".join(
            f"{name} {1000 * self.bias[k]:+.1f} ({1000 * self.error[k]:.1f})" for k, name in enumerate(METHODS)
        )
        return f"{self.schedule}, {self.world}, n = {self.n}, true times {self.drift:+.1f} errors off: {values}"


@dataclass(frozen=True)
class Covered:
    """Coverage of the 95% interval with its Monte Carlo error, and the mean width."""

    world: str
    schedule: str
    n: int
    resamples: int
    replications: int
    refused: int
    coverage: float
    error: float
    width: float

    @classmethod
    def of(cls, world: str, schedule: str, n: int, resamples: int, answers: Sequence[Any]) -> Covered:
        given = [answer for answer in answers if answer is not None]
        share = float(np.mean([held for held, _ in given])) if given else float("nan")
        return cls(
            world,
            schedule,
            n,
            resamples,
            len(answers),
            len(answers) - len(given),
            share,
            float(np.sqrt(share * (1 - share) / max(len(given), 1))),
            float(np.mean([width for _, width in given])) if given else float("nan"),
        )


def _table(head: list[str], words: int, lines: list[list[str]]) -> str:
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *lines])


def table(cells: list[Cell]) -> str:
    """Bias in thousandths with the Monte Carlo error; bold where a method fails."""
    head = ["n", "schedule", "world", "AUC", "cases", "ambiguous", "refused", *METHODS]
    lines = []
    for cell in cells:
        values = []
        for k, name in enumerate(METHODS):
            text = f"{1000 * cell.bias[k]:+.0f} ({1000 * cell.error[k]:.0f})"
            values.append(text if cell.passes(name) else f"**{text}**")
        facts = [f"{cell.auc:.3f}", f"{cell.cases:.0%}", f"{cell.ambiguous:.0%}", f"{cell.refused:.0%}"]
        lines.append([str(cell.n), cell.schedule, cell.world, *facts, *values])
    return _table(head, 3, lines)


def summary(cells: list[Cell]) -> str:
    """For each method its largest bias and the cells it fails, refused cells left out."""
    judged = [cell for cell in cells if not cell.is_refused]
    lines = []
    for k, name in enumerate(METHODS):
        worst = max(judged, key=lambda cell: abs(cell.bias[k]))
        failed = sum(not cell.passes(name) for cell in judged)
        where = f"{worst.schedule}, {worst.world}, n = {worst.n}"
        lines.append([name, where, f"{worst.bias[k]:+.3f}", f"{failed} of {len(judged)}"])
    return _table(["method", "worst cell", "bias there", "cells failed"], 2, lines)


def coverage_table(covered: list[Covered]) -> str:
    """One row per cell of the coverage campaign."""
    lines = [
        [
            one.schedule,
            one.world,
            str(one.n),
            f"{one.replications} x {one.resamples}",
            str(one.refused),
            f"{one.coverage:.1%} ({one.error:.1%})",
            f"{one.width:.3f}",
        ]
        for one in covered
    ]
    head = ["schedule", "world", "n", "cohorts x resamples", "refused", "coverage of the 95% interval", "mean width"]
    return _table(head, 2, lines)
