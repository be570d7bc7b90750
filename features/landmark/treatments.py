"""Treatment before the landmark sample."""

from __future__ import annotations

import pandas as pd

from features.clock import date_of_day, days_from
from features.landmark.view import Block, View


def treatment_block(view: View) -> Block:
    """Days from the last PRRT start to the landmark blood sample."""
    anchor, treatments = view.anchor, view.trial.treatments
    prrt = treatments[treatments["kind"] == "prrt"]
    day = days_from(prrt["patient_id"], prrt["started_on"], view.zero)
    before = day.where(day <= prrt["patient_id"].map(anchor["day"]))
    last = before.groupby(prrt["patient_id"]).max().reindex(view.index).astype("float64")
    return Block(
        pd.DataFrame({"days_since_prrt": anchor["day"] - last}),
        pd.DataFrame({"prrt": date_of_day(last, view.zero)}),
    )
