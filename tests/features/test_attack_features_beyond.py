"""Results above the limit of their assay: kept as levels; nothing is read off a change to or from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kinetics_cases import MONTH, RATIO

from features.kinetics import kinetics
from features.landmark import table_at
from features.registry import FEATURES

CHANGES = "change_previous lnratio_previous slope trend doubling_rate sd rcv_rise rcv_fall rise_from_nadir".split()


def of(points, above, preop=np.nan, preop_above=False, at=12):
    """Kinetics of a patient with results {month: umol/mmol}; those at the months in ``above`` are limits."""
    series = pd.DataFrame(
        {
            "patient_id": "P1",
            "day": [month * MONTH for month in points],
            "value": [float(value) for value in points.values()],
            "above": [month in above for month in points],
        }
    )
    anchor = {"day": at * MONTH, "value": float(points[at]), "above": at in above, "preop": preop}
    anchor = pd.DataFrame([anchor | {"preop_above": preop_above}], index=["P1"])
    return kinetics(series, anchor, RATIO, MONTH).loc["P1"]


def test_a_landmark_result_above_the_limit():
    """4, then more than 9: the rise is at least ln(9 / 4), and how large is not known."""
    found = of({6: 4, 12: 9}, above=[12], preop=3)
    assert (found["last"], found["max"], found["mean"]) == (9, 9, 6.5)
    assert found[[*CHANGES, "change_preop", "lnratio_preop"]].isna().all()
    assert (found["conversion"], found["reversion"], found["n_positive"], found["below_limit"]) == (1, 0, 1, 0)
    assert found["kinetics_reason"] == "above_limit"
    assert (found["post_n"], found["post_sum_scaled"]) == (1, pytest.approx(np.log(4)))


def test_two_results_above_the_limit_are_not_a_change_of_zero():
    found = of({6: 9, 12: 9}, above=[6, 12])
    assert found[CHANGES].isna().all() and (found["n_positive"], found["conversion"]) == (2, 0)


def test_an_early_result_above_the_limit_leaves_the_last_step_alone():
    found = of({1: 9, 6: 4, 12: 8}, above=[1])
    assert found["slope"] == pytest.approx(np.log(2) / 6) and found["kinetics_reason"] == ""
    assert found[["trend", "sd", "curvature"]].isna().all() and found["post_n"] == 2
    assert found["rise_from_nadir"] == pytest.approx(np.log(2))


@pytest.mark.parametrize(("limit", "positive"), [(5.0, np.nan), (5.3, np.nan), (5.4, 2)])
def test_above_a_limit_is_positive_when_that_limit_is(limit, positive):
    """More than 5.0 may lie below the cut-off 5.3 or above it."""
    found = of({6: 8, 12: limit}, above=[12])
    assert found["n_positive"] == pytest.approx(positive, nan_ok=True)
    assert np.isnan(found["reversion"]) == np.isnan(found["months_above"]) == np.isnan(positive)


def test_a_pre_operative_result_above_the_limit():
    found = of({12: 4}, above=[], preop=9, preop_above=True)
    assert found["preop"] == 9 and found[["change_preop", "lnratio_preop"]].isna().all()


def test_blood_urine_and_kinetics_call_a_result_alike(rows, protocol):
    """CgA 900, then more than 1000; 5-HIAA per creatinine 2.0, then more than 5.0 with the cut-off 5.3."""
    urine = {"specimen": "urine"}
    trial = rows.trial(
        imaging=[rows.scan(3), rows.scan(6)],
        samples=[rows.sample("A", 1), rows.sample("B", 6), rows.sample("U", 1, **urine), rows.sample("V", 6, **urine)],
        results=[
            rows.result("A", 900, "cga"),
            rows.result("B", 1000, "cga", comparator=">"),
            rows.result("B", 30),
            rows.result("U", 20, "5hiaa"),
            rows.result("U", 10, "creatinine"),
            rows.result("V", 100, "5hiaa", comparator=">"),
            rows.result("V", 20, "creatinine"),
        ],
    )
    row = table_at(trial, protocol, 6).rows.loc["P1"]
    assert (row["cga_last"], row["cga_kinetics_reason"], row["hiaa_creatinine_last"]) == (1000, "above_limit", 5)
    unknown = ["cga_slope", "cga_rcv_rise", "hiaa_creatinine_slope", "hiaa_creatinine_conversion"]
    assert row[[*unknown, "hiaa_creatinine_n_positive"]].isna().all() and row["blood_urine_state"] is None


@pytest.mark.parametrize(
    ("value", "facts", "expected"),
    [
        (101, {}, 1.0),
        (100, {}, 0.0),
        (99, {}, 0.0),
        (140, {"version": "kit-z"}, np.nan),
        (140, {"version": None}, np.nan),
        (100, {"comparator": "<"}, 0.0),
        (150, {"comparator": "<"}, np.nan),
        (150, {"comparator": ">"}, 1.0),
        (90, {"comparator": ">"}, np.nan),
    ],
)
def test_cga_is_held_against_the_limit_of_its_own_kit(rows, protocol, value, facts, expected):
    """kit-a ends at 100 ng/mL; no other kit has a limit, and a result beyond the assay may lie on either side."""
    trial = rows.trial(
        imaging=[rows.scan(3), rows.scan(6)],
        samples=[rows.sample("B", 6)],
        results=[rows.result("B", 30), rows.result("B", value, "cga", **facts)],
    )
    found = table_at(trial, protocol, 6).rows.loc["P1", "cga_above_limit"]
    assert found == pytest.approx(expected, nan_ok=True)


def test_the_dictionary_names_every_reason(rows, protocol):
    """A collection whose 5-HIAA was measured as in a spot sample: the reason is in the dictionary."""
    trial = rows.trial(
        imaging=[rows.scan(3), rows.scan(6)],
        samples=[rows.sample("U", 6, specimen="urine")],
        results=[rows.result("U", 50, "5hiaa"), rows.result("U", 10, "creatinine", version="24h")],
    )
    row = table_at(trial, protocol, 6).rows.loc["P1"]
    assert row["missing_hiaa_24h"] == "not_timed"
    for name in ("missing_hiaa_24h", "missing_5hiaa", "netest_kinetics_reason", "cga_kinetics_reason"):
        assert row[name] in FEATURES[name].formula
