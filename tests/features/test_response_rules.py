"""Thresholds of RECIST 1.1, each edge by hand, and exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from data.protocol import load_protocol
from features.response.rules import has_progressed, has_shrunk, overall_response, target_response

PROTOCOL = load_protocol()


@pytest.mark.parametrize(
    ("nadir", "now", "progressed", "why"),
    [
        (10, 13, False, "+30%, but 3 mm"),
        (20, 25, True, "+25% and 5 mm"),
        (20, 24.999, False, "a micrometre short of 5 mm"),
        (24, 28.8, False, "exactly +20%, but 4.8 mm"),
        (25, 30, True, "exactly +20% and exactly 5 mm"),
        (100, 105, False, "5 mm, but +5%"),
        (100, 119.999, False, "a micrometre short of +20%"),
        (100, 120, True, "exactly +20%"),
        (0, 0.1, True, "anything above a nadir of 0, without a division"),
        (0, 0, False, "still nothing"),
        (30.1, 36.12, True, "exactly +20% of a decimal sum, where floats would say 19.999999%"),
        (np.nan, 30, False, "no nadir"),
        (20, np.nan, False, "not measured"),
    ],
)
def test_progression_needs_both_the_percentage_and_the_millimetres(nadir, now, progressed, why) -> None:
    found = has_progressed(pd.Series([now], dtype=float), pd.Series([nadir], dtype=float), PROTOCOL)
    assert found.tolist() == [progressed], why


@pytest.mark.parametrize(
    ("baseline", "now", "shrunk"),
    [(50, 35, True), (50, 35.001, False), (100.1, 70.07, True), (0, 0, False), (50, np.nan, False), (30, 0, True)],
)
def test_partial_response_is_30_per_cent_below_the_baseline(baseline, now, shrunk) -> None:
    found = has_shrunk(pd.Series([now], dtype=float), pd.Series([baseline], dtype=float), PROTOCOL)
    assert found.tolist() == [shrunk]


def test_thresholds_agree_with_fractions_whatever_the_lengths() -> None:
    rng = np.random.default_rng(7)
    before = rng.integers(1, 2000, 4000) / 10
    edge = before * 1.2
    now = np.where(rng.random(4000) < 0.5, np.round(edge, 2), np.round(edge + rng.choice([-0.01, 0.01], 4000), 2))
    found = has_progressed(pd.Series(now), pd.Series(before), PROTOCOL)
    exact = [
        (n - b) * 5 >= b and n - b >= 5
        for n, b in ((Fraction(str(n)), Fraction(str(b))) for n, b in zip(now, before, strict=True))
    ]
    assert found.tolist() == exact and 0 < sum(exact) < 4000


SUMS = pd.DataFrame(
    [
        # sum, baseline, nadir, complete, cleared, by the nadir, by the baseline
        (38.0, 77.0, 77.0, True, False, "PR", "PR"),
        (0.0, 77.0, 38.0, True, True, "CR", "CR"),
        (54.0, 77.0, 0.0, True, False, "PD", "SD"),
        (33.0, 74.0, 0.0, True, False, "PD", "PR"),
        (60.0, 50.0, 50.0, True, False, "PD", "PD"),
        (52.0, 50.0, 45.0, True, False, "SD", "SD"),
        (30.0, 50.0, 50.0, False, False, "NE", "NE"),
        (61.0, 50.0, 50.0, False, False, "PD", "PD"),
        (np.nan, 50.0, 50.0, False, False, "NE", "NE"),
        (9.0, 32.0, 3.0, True, True, "CR", "CR"),
        (40.0, np.nan, np.nan, True, False, "NE", "NE"),
    ],
    columns=["sum_mm", "baseline_mm", "nadir_mm", "complete", "cleared", "right", "baseline_rule"],
)


def test_target_response_by_the_nadir_and_by_the_wrong_rule() -> None:
    assert target_response(SUMS, PROTOCOL).tolist() == SUMS["right"].tolist()
    assert target_response(SUMS, PROTOCOL, reference="baseline_mm").tolist() == SUMS["baseline_rule"].tolist()


def test_a_percentage_alone_is_the_trap_that_is_not_copied() -> None:
    """A cohort that called +25% progression without the 5 mm floor would count this patient; RECIST 1.1 does not."""
    row = pd.DataFrame(
        {"sum_mm": [13.0], "baseline_mm": [10.0], "nadir_mm": [10.0], "complete": True, "cleared": False}
    )
    assert target_response(row, PROTOCOL).tolist() == ["SD"]


COMBINED = [
    # target, non-target, new lesion, overall: RECIST 1.1 tables 1 and 2, whole
    ("CR", "CR", False, "CR"),
    ("CR", "", False, "CR"),
    ("CR", "NON-CR/NON-PD", False, "PR"),
    ("CR", "NE", False, "PR"),
    ("PR", "CR", False, "PR"),
    ("PR", "NON-CR/NON-PD", False, "PR"),
    ("PR", "NE", False, "PR"),
    ("PR", "", False, "PR"),
    ("SD", "CR", False, "SD"),
    ("SD", "NON-CR/NON-PD", False, "SD"),
    ("SD", "NE", False, "SD"),
    ("NE", "CR", False, "NE"),
    ("NE", "NON-CR/NON-PD", False, "NE"),
    ("NE", "", False, "NE"),
    ("PD", "CR", False, "PD"),
    ("PD", "NE", False, "PD"),
    ("CR", "PD", False, "PD"),
    ("NE", "PD", False, "PD"),
    ("CR", "CR", True, "PD"),
    ("NE", "NE", True, "PD"),
    ("", "CR", False, "CR"),
    ("", "NON-CR/NON-PD", False, "NON-CR/NON-PD"),
    ("", "NE", False, "NE"),
    ("", "PD", False, "PD"),
    ("", "CR", True, "PD"),
    ("", "", False, "NED"),
    ("", "", True, "PD"),
]


@pytest.mark.parametrize(("target", "non_target", "new", "overall"), COMBINED)
def test_overall_response_is_the_table_of_recist(target, non_target, new, overall) -> None:
    assert overall_response(pd.Series([target]), pd.Series([non_target]), pd.Series([new])).tolist() == [overall]
