"""Baseline facts of the patients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.landmark.view import Block, View

YES_NO = {"yes": 1.0, "no": 0.0}


def patient_block(view: View) -> Block:
    """Baseline facts."""
    patients, protocol = view.trial.patients, view.protocol
    place = pd.Index(patients["patient_id"], dtype=object).get_indexer(view.index)
    rows = patients.iloc[place].set_axis(view.index)
    operated = rows["surgery_on"].fillna(view.zero.reindex(view.index))
    ki67, egfr = rows["ki67_pct"].to_numpy(), rows["egfr"].to_numpy()
    columns = rows[["sex", "site", "primary_site", "grade", "margin", "n_liver_metastases", "nodal_status"]].assign(
        arm=rows["arm"].fillna("none"),
        age=operated.dt.year - rows["birth_year"],
        ln_ki67=np.log(np.maximum(ki67, float(protocol["clinical.ki67_floor"]))),
        functional=rows["functional"].map(YES_NO).astype("float64"),
        ppi=rows["ppi"].map(YES_NO).astype("float64"),
        egfr_low=np.where(np.isnan(egfr), np.nan, egfr < protocol["clinical.egfr_low"]),
    )
    return Block(columns, pd.DataFrame({"patients": pd.Series(pd.NaT, index=view.index, dtype="datetime64[ns]")}))
