"""Baseline facts of the patients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.landmark.view import Block, View

YES_NO = {"yes": 1.0, "no": 0.0}


def patient_block(view: View) -> Block:
    """Baseline facts."""
    rows = view.trial.patients.set_index("patient_id").reindex(view.index)
    operated = rows["surgery_on"].fillna(view.zero.reindex(view.index))
    columns = rows[["sex", "site", "primary_site", "grade", "margin", "n_liver_metastases", "nodal_status"]].assign(
        arm=rows["arm"].fillna("none"),
        age=operated.dt.year - rows["birth_year"],
        ln_ki67=np.log(rows["ki67_pct"].clip(lower=float(view.protocol["clinical.ki67_floor"]))),
        functional=rows["functional"].map(YES_NO).astype("float64"),
        ppi=rows["ppi"].map(YES_NO).astype("float64"),
        egfr_low=rows["egfr"].lt(view.protocol["clinical.egfr_low"]).astype("float64").where(rows["egfr"].notna()),
    )
    return Block(columns, pd.DataFrame({"patients": pd.Series(pd.NaT, index=view.index, dtype="datetime64[ns]")}))
