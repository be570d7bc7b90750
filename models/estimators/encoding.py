"""Landmark-table rows as numbers: fixed codes, nothing fitted, so it may be done once before any fold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.contracts import TABLES
from features.registry import FEATURES

BINARY = {
    "arm": {"control": 0.0, "prrt": 1.0},
    "sex": {"F": 0.0, "M": 1.0},
    "grade": {"G1": 1.0, "G2": 2.0},
    "margin": {"R0": 0.0, "R1": 1.0},
    "nodal_status": {"N0": 0.0, "N1": 1.0},
}
FLAG = {"no": 0.0, "yes": 1.0, "False": 0.0, "True": 1.0}
NUMERIC = (
    "age ln_ki67 n_liver_metastases functional ppi egfr_low netest_logit netest_preop netest_change_preop "
    "netest_lnratio_preop netest_slope netest_exposure netest_months_above netest_fraction_above netest_mean "
    "netest_max netest_n_positive netest_conversion netest_reversion netest_rcv_rise cga_ln cga_lnratio_preop "
    "hiaa_creatinine_ln hiaa_valid urine_score_last equivocal_scans last_scan_equivocal months_since_adequate "
    "days_since_prrt ssa_at_sample reference_cq replicate_sd undetermined_fraction sample_month"
).split()
SITES = tuple(f"primary_{site}" for site in TABLES["patients"].columns["primary_site"].codes)
SCORE = "netest_last"
TERMS = (*BINARY, *NUMERIC, *SITES)
ENCODED_KINDS = ("number", "flag", "material")
OTHERS = tuple(
    name
    for name, feature in FEATURES.items()
    if feature.kind in ENCODED_KINDS and name not in (SCORE, *BINARY, *NUMERIC)
)
COLUMNS = ("landmark", SCORE, *TERMS, *OTHERS)


def score_logit(score: pd.Series, upper: float = 100.0) -> pd.Series:
    """Logit of a score on 0..upper with half a point at both ends: ln[(S + 0.5) / (upper + 0.5 - S)]."""
    return pd.Series(np.log((score + 0.5) / (upper + 0.5 - score)), index=score.index)


def _number(rows: pd.DataFrame, name: str) -> np.ndarray:
    """One column as float; codes by their fixed table, anything unknown is missing."""
    if name not in rows:
        return np.full(len(rows), np.nan)
    values = rows[name]
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return values.astype("float64").to_numpy()
    codes = values.map(str, na_action="ignore").map(BINARY.get(name, FLAG))
    return codes.astype("float64").fillna(pd.to_numeric(values, errors="coerce").astype("float64")).to_numpy()


def encode(rows: pd.DataFrame, landmark: float) -> pd.DataFrame:
    """Rows of a landmark table as float columns in a fixed order.

    First the terms that models name, then every other number, flag and material of the data dictionary, which is
    where what is learnt inside the fold comes from. Two-valued codes become 0/1, the primary site one column per code
    of the delivery contract. A value that the contract does not know, and a column that is not there, is missing
    (NaN); estimators decide what to do with it. At landmark 0 the score of the pre-operative sample is the landmark
    score; at later landmarks it never is.

    Parameters
    ----------
    rows : DataFrame
        Indexed by ``patient_id``; columns of the landmark table.
    landmark : float
        Months from surgery.

    Returns
    -------
    DataFrame of float64
        Columns ``COLUMNS``, index of ``rows``.
    """
    out = {"landmark": np.full(len(rows), float(landmark)), SCORE: _number(rows, SCORE)}
    out |= {name: _number(rows, name) for name in (*BINARY, *NUMERIC)}
    site = rows["primary_site"].astype(object) if "primary_site" in rows else pd.Series(None, index=rows.index)
    known = site.notna().to_numpy()
    for column in SITES:
        out[column] = np.where(known, (site == column.removeprefix("primary_")).to_numpy(dtype=float), np.nan)
    out |= {name: _number(rows, name) for name in OTHERS}
    if landmark == 0:
        out[SCORE] = np.where(np.isnan(out[SCORE]), out["netest_preop"], out[SCORE])
    missing = np.isnan(out["netest_logit"])
    out["netest_logit"] = np.where(missing, score_logit(pd.Series(out[SCORE])), out["netest_logit"])
    values = np.column_stack([out[name] for name in COLUMNS])
    return pd.DataFrame(np.where(np.isinf(values), np.nan, values), index=rows.index, columns=list(COLUMNS))


def has_blood(encoded: pd.DataFrame, rows: pd.DataFrame, landmark: float) -> pd.Series:
    """Whether a patient has the blood score that the landmark asks for (bool, index of ``rows``)."""
    present = encoded[SCORE].notna()
    if landmark > 0 and "has_landmark_blood" in rows:
        present &= rows["has_landmark_blood"].astype(bool)
    return present
