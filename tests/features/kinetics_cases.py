"""One patient's results as a dictionary, and their kinetics."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.kinetics import MarkerRules, kinetics

MONTH = 30.4375
SCORE = MarkerRules(scale="logit", cutoff=20, inclusive=False, edges=(20, 40, 79), rcv_z=1.645, rcv_sd=0.25)
RATIO = MarkerRules(scale="ln", cutoff=5.3, inclusive=False, rcv_z=1.645, rcv_sd=0.2)


def of(points, at=None, preop=np.nan, rules=SCORE, limits=(), preop_censored=False, closes=None):
    """Kinetics of one patient whose results are {month: value}; landmark sample the last one.

    Values at the months in ``limits`` are limits of the assay: the result lies below.
    """
    value = [float(v) / np.sqrt(2) if month in limits else float(v) for month, v in points.items()]
    series = pd.DataFrame(
        {
            "patient_id": "P1",
            "day": [month * MONTH for month in points],
            "value": value,
            "censored": [month in limits for month in points],
        }
    )
    at = max(points) if at is None else at
    last = list(points).index(at)
    anchor = pd.DataFrame(
        {
            "day": [at * MONTH],
            "value": [value[last]],
            "censored": [at in limits],
            "preop": [float(preop)],
            "preop_censored": [preop_censored],
        },
        index=pd.Index(["P1"]),
    )
    closing = None if closes is None else pd.Series({"P1": closes * MONTH})
    return kinetics(series, anchor, rules, MONTH, closing).loc["P1"]


def logit(score):
    return np.log((score + 0.5) / (100.5 - score))
