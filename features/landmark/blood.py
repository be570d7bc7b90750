"""Blood columns of a landmark table: the score, CgA and the quality of the landmark sample."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.expression import sample_quality
from features.kinetics import kinetics, score_rules
from features.landmark.missing import failed_samples, missing_reason
from features.landmark.patients import YES_NO
from features.landmark.view import Block, View
from features.landmark.window import latest_in, valid_results


def _post_operative(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows with days counted from surgery: kinetics never span the operation, whatever the clock says."""
    return rows.assign(day=rows["since_surgery"])


def blood_block(view: View) -> Block:
    """Blood score, CgA and the quality of the landmark blood sample."""
    index, protocol, samples = view.index, view.protocol, view.samples
    blood = view.measured[view.measured["specimen"] == "blood"]
    anchor, place = view.anchor, view.place
    preop = latest_in(view.scores, view.before).reindex(index)
    rules = score_rules(view.assay, view.analyte, protocol)
    own = _post_operative(anchor.assign(preop=preop["value"]))
    columns = kinetics(_post_operative(view.scores), own, rules, protocol.month_days).add_prefix("netest_")
    cga_rows = valid_results(blood, "cga")
    cga, cga_before = (latest_in(cga_rows, side).reindex(index) for side in (place.window, view.before))
    same_kit = (cga["version"] == cga_before["version"]) & (cga["since_surgery"] > 0)
    ln_cga = np.log(cga["value"].where(cga["value"] > 0))
    ln_cga_before = np.log(cga_before["value"].where(cga_before["value"] > 0))
    samples = samples[samples["specimen"] == "blood"]
    found = anchor["day"].notna()
    columns = columns.assign(
        cga_ln=ln_cga,
        cga_lnratio_preop=(ln_cga - ln_cga_before).where(same_kit),
        sample_month=anchor["day"] / protocol.month_days,
        ssa_at_sample=anchor["sample_id"].map(samples.set_index("sample_id")["ssa"].map(YES_NO)).astype("float64"),
        has_landmark_blood=found,
        missing_netest=missing_reason(found, samples, failed_samples(blood, view.analyte), place),
        missing_cga=missing_reason(cga["day"].notna(), samples, failed_samples(blood, "cga"), place),
    )
    quality = sample_quality(view.trial.verdicts).reindex(anchor["sample_id"].to_numpy()).set_axis(index)
    stamps = pd.DataFrame(
        {
            "netest": anchor["collected_on"],
            "netest_preop": preop["collected_on"],
            "cga": cga["collected_on"].fillna(cga_before["collected_on"]),
        }
    )
    return Block(columns.join(quality), stamps)
