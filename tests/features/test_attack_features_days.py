"""A date is a day: the hour of a record decides nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.landmark import table_at

SURGERY = pd.Timestamp("2020-01-01")


def moment(days: float, zone: str | None = None) -> pd.Timestamp:
    return (SURGERY + pd.Timedelta(days=days)).tz_localize(zone)


def table(rows, protocol, *moments):
    """Month 6 of a patient whose blood samples A, B, ... were drawn then; A scores 30, B 80."""
    names = "AB"[: len(moments)]
    drawn = [rows.sample(name, 0) | {"collected_on": when} for name, when in zip(names, moments, strict=True)]
    scores = [rows.result(name, value) for name, value in zip(names, (30, 80), strict=False)]
    found = table_at(rows.trial(imaging=[rows.scan(3), rows.scan(6)], samples=drawn, results=scores), protocol, 6)
    return found.rows.loc["P1"], found.latest("netest_last")["P1"]


@pytest.mark.parametrize(
    ("days", "last"),
    [
        (152.9, np.nan),  # the window opens on day 153 (182.625 - 30)
        (153.0, 30.0),
        (213.0, 30.0),  # the last whole day of L(6) = 213.06
        (213.6, 30.0),
        (214.0, np.nan),
    ],
)
def test_the_hour_of_a_sample_decides_nothing(rows, protocol, days, last):
    row, stamp = table(rows, protocol, moment(days))
    assert row["netest_last"] == pytest.approx(last, nan_ok=True)
    assert row["has_landmark_blood"] == (not np.isnan(last))
    if row["has_landmark_blood"]:
        assert stamp == moment(np.floor(days)) and row["sample_month"] == np.floor(days) / protocol.month_days


def test_two_samples_of_one_day_are_no_slope(rows, protocol):
    """Seven hours apart they would be a change of hundreds of logits a month."""
    row, _ = table(rows, protocol, moment(182.3), moment(182.6))
    assert (row["netest_last"], row["netest_n_samples"]) == (80, 1)
    assert np.isnan(row["netest_slope"]) and row["netest_kinetics_reason"] == "one_post_operative_sample"


def test_a_time_zone_is_the_clock_on_the_spot(rows, protocol):
    """One in the evening of the last day, west of Greenwich: already the next day there."""
    row, stamp = table(rows, protocol, moment(213.95, "America/New_York"))
    assert row["netest_last"] == 30 and stamp == moment(213)
