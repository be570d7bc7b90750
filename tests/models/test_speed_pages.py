"""The pages of the speed and interval benchmarks say met and biased only where the numbers do."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from benchmarks.interval_auc import page as interval_page
from benchmarks.interval_auc.methods import METHODS
from benchmarks.speed import page as speed_page


def test_goals_are_met_by_their_ratio():
    cells = [
        speed_page.Cell("auc", "ours", 106, 0.004),
        speed_page.Cell("auc", "scikit-learn loop", 106, 0.196, True),
        speed_page.Cell("harrell", "ours", 10_000, 0.03),
        speed_page.Cell("harrell", "ours", 100_000, 0.3),
        speed_page.Cell("harrell", "scikit-survival", 100_000, 15.0),
        speed_page.Cell("uno", "scikit-survival", 100_000),
    ]
    lines = speed_page.goals(cells, 0.5, 100_000).splitlines()[2:]
    assert [line.split("|")[-2].strip() for line in lines] == ["**not met**", "met", "met", "met"]
    assert "49 times" in lines[0] and "50 times" in lines[1]
    rows = speed_page.table(cells)
    assert "| scikit-learn loop * | 0.2 s (49x) | not run | not run |" in rows
    assert "| scikit-survival | not run | not run | 15 s (50x) |" in rows


def cell(shift: float, refused: bool = False) -> interval_page.Cell:
    spread = np.array([-0.002, 0.0, 0.002])[:, None] + np.zeros(len(METHODS))
    facts = {"whole": 0.8, "cases": 0.4, "ambiguous": 0.2, "refused": refused}
    found = [SimpleNamespace(bias=row + shift, **facts) for row in spread]
    found.append(SimpleNamespace(bias=shift + spread[1], **facts | {"whole": 0.81}))
    return interval_page.Cell.of("Weibull", "dense", 106, 0.8, found)


def test_a_cell_passes_within_a_hundredth_or_two_errors():
    assert cell(0.009).passes("piecewise") and not cell(0.02).passes("drop")
    assert "+9 (1)" in interval_page.table([cell(0.009)]) and "**+20 (1)**" in interval_page.table([cell(0.02)])
    assert cell(0.02, refused=True).is_refused
    judged = interval_page.summary([cell(0.009), cell(0.02), cell(0.5, refused=True)])
    assert "| piecewise | dense, Weibull, n = 106 | +0.020 | 1 of 2 |" in judged


def test_coverage_counts_what_was_not_refused():
    found = interval_page.Covered.of("Weibull", "dense", 106, 60, [(True, 0.2), (False, 0.4), None, (True, 0.3)])
    assert (found.refused, round(found.coverage, 3), round(found.width, 3)) == (1, 0.667, 0.3)
    assert "4 x 60" in interval_page.coverage_table([found])
