"""Days and dates around surgery."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from features.clock import date_of_day


def test_dates_of_days_with_gaps():
    surgery = pd.Series(pd.to_datetime(["2020-01-01", "2020-03-01", None]), index=["A", "B", "C"])
    day = pd.Series([31.0, np.nan, 5.0, 212.99999999], index=["A", "B", "C", "A"])
    found = date_of_day(day, surgery)
    assert found.tolist()[:1] == [pd.Timestamp("2020-02-01")] and found.iloc[[1, 2]].isna().all()
    assert found.iloc[3] == pd.Timestamp("2020-08-01")


def test_many_gaps_never_warn():
    # Float days beside NaN went through uninitialised memory: about one call in fifty warned of an overflow.
    surgery = pd.Series(pd.Timestamp("2020-01-01"), index=range(80))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(300):
            rng = np.random.default_rng(seed)
            rng.normal(size=200) * 1e300
            day = pd.Series(np.where(rng.random(80) < 0.4, np.nan, 183.0), index=range(80))
            assert date_of_day(day, surgery).notna().sum() == day.notna().sum()
