"""Results below the limit of their assay: kept as levels, flagged, and no change is read off them."""

from __future__ import annotations

import numpy as np
import pytest
from kinetics_cases import RATIO, of

LOW = 1 / np.sqrt(2)
CHANGES = ["change_previous", "lnratio_previous", "slope", "trend", "doubling_rate", "sd", "rcv_rise", "rcv_fall"]


def test_a_landmark_result_below_the_limit():
    """8, then below 2: the level is kept, the change is not known, the fall below the cut-off 5.3 is."""
    found = of({6: 8, 12: 2}, preop=16, rules=RATIO, limits=[12])
    assert found["last"] == found["nadir"] == 2 * LOW and found["below_limit"] == 1
    assert found["scaled"] == pytest.approx(np.log(2 * LOW))
    assert found[[*CHANGES, "change_preop", "lnratio_preop", "rise_from_nadir"]].isna().all()
    assert (found["reversion"], found["conversion"], found["n_positive"], found["n_samples"]) == (1, 0, 1, 2)
    assert found["exposure"] == pytest.approx((8 + 2 * LOW) / 2)
    assert found["kinetics_reason"] == "below_limit"
    assert (found["post_n"], found["post_sum_month"], found["post_sum_scaled"]) == (1, 6, pytest.approx(np.log(8)))


def test_a_previous_result_below_the_limit():
    found = of({6: 2, 12: 8}, preop=16, rules=RATIO, limits=[6])
    assert found["below_limit"] == 0 and found["lnratio_preop"] == pytest.approx(np.log(0.5))
    assert found[[*CHANGES, "rise_from_nadir"]].isna().all() and found["conversion"] == 1
    assert found["kinetics_reason"] == "below_limit"


def test_an_early_result_below_the_limit_leaves_the_last_step_alone():
    found = of({1: 2, 6: 4, 12: 8}, rules=RATIO, limits=[1])
    assert found["slope"] == pytest.approx(np.log(2) / 6) and found["kinetics_reason"] == ""
    assert found[["trend", "sd", "curvature", "rise_from_nadir"]].isna().all()
    assert (found["post_n"], found["n_samples"]) == (2, 3)
    assert found["post_sum_step2"] == pytest.approx(np.log(2) ** 2)


def test_steps_of_the_material_run_from_one_measured_result_to_the_next():
    found = of({1: 2, 6: 1, 12: 8}, rules=RATIO, limits=[6])
    assert found["post_n"] == 2 and found["post_sum_step2"] == pytest.approx(np.log(4) ** 2)


def test_a_pre_operative_result_below_the_limit():
    found = of({6: 4, 12: 8}, preop=1, rules=RATIO, preop_censored=True)
    assert found["preop"] == 1 and found[["change_preop", "lnratio_preop"]].isna().all()
    assert found["slope"] == pytest.approx(np.log(2) / 6)


@pytest.mark.parametrize(
    ("limit", "inclusive", "conversion"),
    [
        (5.3, False, 1),  # below 5.3 is not above 5.3
        (5.3, True, 1),  # nor at it
        (5.4, False, np.nan),  # may lie between cut-off and limit
        (20.0, False, np.nan),  # limit / sqrt(2) is beyond the cut-off, the result need not be
    ],
)
def test_a_result_below_its_limit_is_negative_when_the_limit_does_not_exceed_the_cutoff(limit, inclusive, conversion):
    rules = type(RATIO)(scale="ln", cutoff=5.3, inclusive=inclusive)
    found = of({6: limit, 12: 30}, rules=rules, limits=[6])
    np.testing.assert_array_equal(found["conversion"], conversion)
    known = not np.isnan(conversion)
    assert found[["n_positive", "months_above", "fraction_above"]].notna().all() == known
    if known:
        assert (found["n_positive"], found["reversion"]) == (1, 0)


def test_all_results_below_the_limit():
    found = of({6: 2, 12: 2}, rules=RATIO, limits=[6, 12])
    assert found[[*CHANGES, "post_n", "post_sum_scaled"]].isna().all()
    assert (found["n_positive"], found["conversion"], found["reversion"], found["months_above"]) == (0, 0, 0, 0)
