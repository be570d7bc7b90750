"""Blood columns of a landmark table: the score, CgA and the quality of the landmark sample."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.clock import closing_day, surgery_dates
from features.expression import sample_quality
from features.kinetics import kinetics, marker_columns, marker_rules, score_rules
from features.kinetics.rules import calls
from features.landmark.missing import failed_samples, missing_reason
from features.landmark.treatments import ssa_at_sample
from features.landmark.view import Block, View
from features.landmark.window import latest_in, valid_results


def since_surgery(rows: pd.DataFrame) -> pd.DataFrame:
    """Results as kinetics take them, days from surgery: they never span the operation, whatever the clock says."""
    return pd.DataFrame(
        {
            "patient_id": rows["patient_id"],
            "day": rows["since_surgery"],
            "value": rows["value"],
            "censored": rows["censored"],
            "above": rows["above"],
        },
        copy=False,
    )


def closing_since_surgery(view: View) -> pd.Series:
    """Day on which the landmark closes, counted from surgery, by patient (from time zero where surgery is unknown)."""
    closes = closing_day(view.protocol, view.landmark)
    if view.protocol["clock.origin"] == "surgery":
        return pd.Series(closes, index=view.index)
    surgery = surgery_dates(view.trial.patients).reindex(view.index)
    return closes + (view.zero.reindex(view.index) - surgery).dt.days.fillna(0.0)


def anchors(landmark: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Landmark and pre-operative results as :func:`features.kinetics.kinetics` takes them.

    Parameters
    ----------
    landmark, before : DataFrame
        Same index (patients at risk); rows of measurements, all NaN where there is none.
    """
    return pd.DataFrame(
        {
            "day": landmark["since_surgery"],
            "value": landmark["value"],
            "censored": landmark["censored"],
            "above": landmark["above"],
            "preop": before["value"],
            "preop_censored": before["censored"],
            "preop_above": before["above"],
        },
        copy=False,
    )


def _score_columns(view: View, preop: pd.DataFrame, closing: pd.Series) -> pd.DataFrame:
    rules = score_rules(view.assay, view.analyte, view.protocol)
    own = anchors(view.anchor, preop)
    columns = kinetics(since_surgery(view.scores), own, rules, view.protocol.month_days, closing)
    return marker_columns(columns, "netest_", rules.scale, graded=True)


def _of_one_kit(rows: pd.DataFrame, landmark: pd.DataFrame) -> pd.DataFrame:
    """Results of the kit of the landmark sample; where that kit is not known, the landmark result alone."""
    kits = rows["version"].unique()
    if len(kits) == 1 and not pd.isna(kits[0]):
        return rows
    kit = rows["patient_id"].map(landmark["version"])
    return rows[(rows["version"] == kit) | rows["sample_id"].isin(landmark["sample_id"])]


def _cga_columns(
    view: View, rows: pd.DataFrame, cga: pd.DataFrame, preop: pd.DataFrame, closing: pd.Series
) -> pd.DataFrame:
    """CgA by the kit of the landmark sample: results of another kit are results of another marker."""
    rules = marker_rules("cga", view.protocol)
    own = anchors(cga, preop)
    own["preop"] = own["preop"].mask(cga["day"].notna() & (preop["version"] != cga["version"]))
    series = since_surgery(_of_one_kit(rows, cga))
    columns = kinetics(series, own, rules, view.protocol.month_days, closing)
    own_columns = marker_columns(columns, "cga_", rules.scale, cutoff=False)
    return own_columns.assign(cga_above_limit=above_limit(cga, view.protocol))


def above_limit(cga: pd.DataFrame, protocol: Protocol) -> np.ndarray:
    """1 where CgA is above the upper limit of its kit, 0 where not, NaN without a result or a limit for the kit."""
    found = np.full(len(cga), np.nan)
    value = cga["value"].to_numpy(dtype="float64")
    below, above = (cga[side].eq(True).to_numpy(dtype=bool) for side in ("censored", "above"))
    for kit, limit in protocol["cga.upper_limits"].items():
        own = cga["version"].eq(kit).to_numpy(dtype=bool)
        rules = marker_rules("cga", protocol, float(limit))
        found[own] = calls(value[own], below[own], rules, above[own])
    return found


def _sample_columns(view: View, blood: pd.DataFrame, cga_found: pd.Series) -> pd.DataFrame:
    """The landmark sample itself, and why a marker is missing."""
    samples = view.samples[view.samples["specimen"] == "blood"]
    anchor, found = view.anchor, view.anchor["day"].notna()
    return pd.DataFrame(
        {
            "ssa_at_sample": ssa_at_sample(view),
            "sample_month": anchor["day"] / view.protocol.month_days,
            "has_landmark_blood": found,
            "missing_netest": missing_reason(found, samples, failed_samples(blood, view.analyte), view.place),
            "missing_cga": missing_reason(cga_found, samples, failed_samples(blood, "cga"), view.place),
        }
    )


def blood_block(view: View) -> Block:
    """Blood score, CgA and the quality of the landmark blood sample."""
    index, anchor = view.index, view.anchor
    blood = view.measured[view.measured["specimen"] == "blood"]
    preop = latest_in(view.scores, view.before).reindex(index)
    cga_rows = valid_results(blood, "cga")
    cga, cga_before = (latest_in(cga_rows, side).reindex(index) for side in (view.place.window, view.before))
    quality = sample_quality(view.trial.verdicts).reindex(anchor["sample_id"].to_numpy()).set_axis(index)
    closing = closing_since_surgery(view)
    parts = [
        _score_columns(view, preop, closing),
        _cga_columns(view, cga_rows, cga, cga_before, closing),
        _sample_columns(view, blood, cga["day"].notna()),
        quality,
    ]
    stamps = pd.DataFrame(
        {
            "netest": anchor["collected_on"],
            "netest_preop": preop["collected_on"],
            "cga": cga["collected_on"].fillna(cga_before["collected_on"]),
        }
    )
    return Block(pd.concat(parts, axis=1), stamps)
