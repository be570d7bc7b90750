"""Adjusted P values and fixed sequences against tables by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.metrics.multiplicity import FAILED, NOT_TESTED, PASSED, benjamini_hochberg, fixed_sequence, holm
from models.validation.confirmatory import confirmatory_tests, exploratory_tests, verdict_in_words


@pytest.mark.parametrize(
    ("p", "by_holm", "by_bh"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02], [0.02, 0.04, 0.04, 0.02]),
        ([0.5, 0.6], [1.0, 1.0], [0.6, 0.6]),
        ([0.02], [0.02], [0.02]),
        ([np.nan, 0.02, 0.03], [np.nan, 0.04, 0.04], [np.nan, 0.03, 0.03]),
        ([], [], []),
    ],
)
def test_adjusted_p_values_by_hand(p, by_holm, by_bh):
    np.testing.assert_allclose(holm(p), by_holm)
    np.testing.assert_allclose(benjamini_hochberg(p), by_bh)


@pytest.mark.parametrize("seed", range(5))
def test_adjustment_is_between_nothing_and_bonferroni_and_keeps_the_order(seed):
    p = np.random.default_rng(seed).random(12) ** 2
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert np.all(adjusted >= p) and np.all(adjusted <= np.minimum(12 * p, 1) + 1e-12)
        assert np.all(np.diff(adjusted[np.argsort(p)]) >= 0)
    assert np.all(benjamini_hochberg(p) <= holm(p) + 1e-12)


def test_what_is_no_p_value_is_refused():
    with pytest.raises(ValueError, match="outside 0 to 1"):
        holm([0.2, 1.2])


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.01, 0.05, 0.2, 0.001], [PASSED, PASSED, FAILED, NOT_TESTED]),
        ([0.2, 0.001], [FAILED, NOT_TESTED]),
        ([0.01, np.nan, 0.001], [PASSED, NOT_TESTED, NOT_TESTED]),
    ],
)
def test_a_fixed_sequence_stops_at_the_first_that_does_not_pass(p, expected):
    assert fixed_sequence(p, 0.05) == expected


class Trained:
    """As much of a training as the sequence looks at."""

    def __init__(self, difference: float, p: float, reason: str = "") -> None:
        self.reason = reason
        row = {"against": "Mc", "lower": difference - 0.02, "upper": difference + 0.02, "p_holm": p, "p": p}
        rows = [
            {"model": model, "metric": metric, "difference": difference} | row
            for model in ("M3", "M5")
            for metric in ("brier", "auc")
        ]
        self.comparisons = pd.DataFrame() if reason else pd.DataFrame(rows)


def test_the_sequence_over_endpoints_says_why_it_stopped(protocol):
    trainings = {"MRD36@6": Trained(0.03, 0.001), "ER12@12": Trained(0.01, 0.3), "MRD36@12": Trained(0.04, 0.0001)}
    table = confirmatory_tests(trainings, protocol).set_index("endpoint")
    assert table.index.tolist() == ["MRD36@6", "ER12@12", "MRD36@12", "ER12@6"]
    assert table["verdict"].tolist() == [PASSED, FAILED, NOT_TESTED, NOT_TESTED]
    assert table.loc["MRD36@12", "note"] == "not tested because ER12@12 was not passed"
    assert np.isnan(table.loc["MRD36@12", "p"]) and table.loc["MRD36@12", "difference"] == 0.04
    words = verdict_in_words(table.reset_index())
    assert words == "passed: MRD36@6; stopped at ER12@12 (P 0.300), what follows is not tested"


def test_a_significant_loss_and_an_endpoint_without_models_do_not_pass(protocol):
    worse = confirmatory_tests({"MRD36@6": Trained(-0.03, 0.001)}, protocol)
    assert worse["verdict"].tolist()[:2] == [FAILED, NOT_TESTED]
    none = confirmatory_tests({"MRD36@6": Trained(0, 1, reason="not estimable: 3 events")}, protocol)
    assert none["note"].iloc[0] == "not estimable: 3 events" and set(none["verdict"]) == {NOT_TESTED}
    assert verdict_in_words(none) == "no test passed; stopped at MRD36@6: not estimable: 3 events"


def test_what_is_not_in_the_sequence_is_exploratory(protocol):
    found = exploratory_tests({"MRD36@6": Trained(0.03, 0.001), "ER24@0": Trained(0.0, 0.9)}, protocol)
    claimed = found["endpoint"].eq("MRD36@6") & found["model"].eq("M3") & found["metric"].eq("brier")
    assert len(found) == 7 and not claimed.any()
    assert found["found"].tolist() == found["endpoint"].eq("MRD36@6").tolist()
    assert exploratory_tests({}, protocol).empty
