"""Spot urine 5-HIAA per creatinine."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol

HIAA, CREATININE = "5hiaa", "creatinine"
VALID, MISSING_HIAA, MISSING_CREATININE = "", "not_measured", "no_creatinine"
FAILED, TIMED, DILUTE = "failed_qc", "not_spot", "creatinine_out_of_range"


def _one_per_sample(measured: pd.DataFrame, analyte: str, index: pd.Index) -> pd.DataFrame:
    rows = measured[measured["analyte"] == analyte].drop_duplicates("sample_id", keep="last").set_index("sample_id")
    return rows[["value", "censored", "version", "valid"]].reindex(index)


def hiaa_per_creatinine(measured: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """ln[5-HIAA (umol/L) / creatinine (mmol/L)] of every urine sample.

    Both analytes must come from the same sample and be measured in spot urine (``version`` as in
    ``urine.spot_version``): spot and 24-hour collections are never mixed. A 5-HIAA below its limit enters as
    limit / sqrt(2) and is flagged.

    Parameters
    ----------
    measured : DataFrame
        From :func:`features.measurements.measurements`, canonical units.
    protocol : Protocol
        ``urine.creatinine_range`` (mmol/L, limits included), ``urine.spot_version``.

    Returns
    -------
    DataFrame
        By urine sample, in the order of ``measured``: ``sample_id, patient_id, day, since_surgery, ratio``
        (umol/mmol)``, ln_ratio`` (NaN when ``reason`` is not empty or the ratio is zero)``, censored, valid,
        reason`` (one of "", not_measured, failed_qc, not_spot, no_creatinine, creatinine_out_of_range).
    """
    urine = measured[measured["specimen"] == "urine"].drop_duplicates("sample_id")
    table = urine[["sample_id", "patient_id", "day", "since_surgery"]].reset_index(drop=True)
    index = pd.Index(table["sample_id"])
    hiaa, creatinine = (_one_per_sample(measured, name, index).reset_index(drop=True) for name in (HIAA, CREATININE))
    lower, upper = protocol["urine.creatinine_range"]
    spot = protocol["urine.spot_version"]
    absent, no_creatinine = hiaa["value"].isna(), creatinine["value"].isna()
    timed = hiaa["version"].ne(spot) | (creatinine["version"].ne(spot) & ~no_creatinine)
    failed = hiaa["valid"].ne(True) | (creatinine["valid"].ne(True) & ~no_creatinine)
    reason = np.select(
        [absent, timed, failed, no_creatinine, ~creatinine["value"].between(lower, upper)],
        [MISSING_HIAA, TIMED, FAILED, MISSING_CREATININE, DILUTE],
        VALID,
    )
    usable = reason == VALID
    ratio = (hiaa["value"] / creatinine["value"]).where(usable)
    return table.assign(
        ratio=ratio,
        ln_ratio=np.log(ratio.where(ratio > 0)),
        censored=hiaa["censored"].eq(True).to_numpy() & usable,
        valid=usable,
        reason=reason.astype(object),
    )
