"""Urine columns of a landmark table."""

from __future__ import annotations

import pandas as pd

from features.clock import date_of_day
from features.landmark.missing import failed_samples, missing_reason
from features.landmark.view import Block, View
from features.landmark.window import latest_in, valid_results
from features.urine import hiaa_per_creatinine


def urine_block(view: View) -> Block:
    """Spot 5-HIAA per creatinine and the exploratory urine score."""
    index, measured, place = view.index, view.measured, view.place
    window = place.window
    samples = view.samples[view.samples["specimen"] == "urine"]
    ratios = hiaa_per_creatinine(measured, view.protocol)
    valid = latest_in(ratios[ratios["valid"]], window).reindex(index)
    newest = latest_in(ratios, window).reindex(index)
    urine = measured[measured["specimen"] == "urine"]
    score = latest_in(valid_results(urine, "urine_score"), window).reindex(index)
    found = valid["day"].notna()
    absent = missing_reason(found, samples, pd.Series(dtype=object), place)
    columns = pd.DataFrame(
        {
            "hiaa_creatinine_ln": valid["ln_ratio"],
            "hiaa_valid": found.astype("float64").where(newest["day"].notna()),
            "urine_score_last": score["value"],
            "missing_5hiaa": newest["reason"].where(~found & newest["reason"].notna(), absent),
            "missing_urine_score": missing_reason(
                score["day"].notna(), samples, failed_samples(urine, "urine_score"), place
            ),
        }
    )
    day = pd.concat([valid["day"], newest["day"], score["day"]], axis=1).max(axis=1)
    return Block(columns, pd.DataFrame({"urine": date_of_day(day, view.zero)}))
