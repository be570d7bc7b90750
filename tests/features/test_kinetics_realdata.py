"""Real, very irregular courses against a slow oracle: bilirubin of the Mayo PBC study, white cells in CML."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kinetics_cases import MONTH

from features.kinetics import MarkerRules, kinetics

REALDATA = Path(os.environ.get("NETEST_REALDATA", Path(__file__).resolve().parents[2] / "../shared/realdata"))
FOLDER = REALDATA / "longitudinal_marker"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="real courses are not on this machine (NETEST_REALDATA)")


def bilirubin():
    """Serum bilirubin (mg/dL) of 312 patients, 1945 visits; day 0 is the baseline."""
    rows = pd.read_csv(FOLDER / "pbcseq.csv").rename(columns={"id": "patient_id", "bili": "value"})
    return rows[["patient_id", "day", "value"]], 1.1


def white_cells():
    """White cell count of 190 patients, 5600 visits days to months apart; published as its logarithm."""
    rows = pd.read_csv(FOLDER / "cml_wbc_visits.csv").rename(columns={"patnr": "patient_id"})
    rows = rows.assign(day=rows["tyears"] * 365.25, value=np.exp(rows["lwbc"]))
    return rows[["patient_id", "day", "value"]], 1.0


def slow(own, cutoff):
    """One patient with NumPy's own polynomial fit and trapezoid."""
    t, v = own["day"].to_numpy() / MONTH, own["value"].to_numpy()
    level = np.log(v)
    fine = np.linspace(t[0], t[-1], 20001)
    out = {
        "trend": np.polyfit(t - t[0], level, 1)[0],
        "slope": np.polyfit(t[-2:] - t[0], level[-2:], 1)[0],
        "area": np.trapezoid(v, t),
        "exposure": np.trapezoid(v, t) / np.ptp(t),
        "sd": level.std(ddof=1),
        "max": v.max(),
        "nadir": v.min(),
        "fraction_above": (np.interp(fine, t, v) > cutoff).mean(),
        "n_positive": (v > cutoff).sum(),
        "months_since_peak": t[-1] - t[v == v.max()][-1],
        "rise_from_nadir": level[-1] - level.min(),
    }
    if len(t) > 2:
        out["curvature"] = 2 * np.polyfit(t[-3:] - t[-3], level[-3:], 2)[0]
    return out


@pytest.mark.parametrize("landmark", [12, 36, 60])
@pytest.mark.parametrize("source", [bilirubin, white_cells])
def test_equal_to_the_slow_oracle(source, landmark):
    series, cutoff = source()
    rules = MarkerRules(scale="ln", cutoff=cutoff)
    seen = series[series["day"] <= landmark * MONTH]
    last = seen.drop_duplicates("patient_id", keep="last").set_index("patient_id")
    preop = series[series["day"] <= 0].drop_duplicates("patient_id", keep="last").set_index("patient_id")["value"]
    anchor = last.assign(preop=preop.reindex(last.index))
    found = kinetics(series, anchor, rules, MONTH)
    post = seen[seen["day"] > 0]
    expected = pd.DataFrame({name: slow(own, cutoff) for name, own in post.groupby("patient_id") if len(own) > 1}).T
    assert len(expected) > 90
    numbers = found.loc[expected.index, list(expected.columns)]
    share = numbers.pop("fraction_above") - expected.pop("fraction_above")
    assert share.abs().max() < 1e-3
    pd.testing.assert_frame_equal(numbers, expected, rtol=1e-6, atol=1e-9, check_names=False)
    others = found.drop(index=expected.index)
    assert set(others["kinetics_reason"]) <= {"one_post_operative_sample", "pre_operative_sample"}
