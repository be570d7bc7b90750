"""Kinetics of a blood score: level, change, slope, exposure, conversion, reference change value.

S is the score (0-100), l = ln[(S + 0.5) / (100.5 - S)], t in months from surgery, u the previous
post-operative sample (statistical design, section 2). Slopes and exposures never span the operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from data.protocol import Assay, Protocol

KINETIC_COLUMNS = (
    "last",
    "logit",
    "category",
    "preop",
    "change_preop",
    "lnratio_preop",
    "slope",
    "doubling_rate",
    "exposure",
    "months_above",
    "fraction_above",
    "mean",
    "max",
    "n_positive",
    "conversion",
    "reversion",
    "rcv_rise",
)


@dataclass(frozen=True)
class ScoreRules:
    """How a score is read: cut-off, category edges, and the inputs of the reference change value.

    Parameters
    ----------
    cutoff : float
        A score above it is positive (at or above it when ``inclusive``).
    edges : tuple of float
        Upper ends of all categories but the last; empty when the version has none.
    rcv_z : float
        One-sided normal quantile for two results.
    rcv_sd : float
        Standard deviation of one result on the logit scale, analytical and within-person; NaN when either is
        unknown.
    """

    cutoff: float
    inclusive: bool
    edges: tuple[float, ...]
    rcv_z: float
    rcv_sd: float


def score_rules(assay: Assay, analyte: str, protocol: Protocol) -> ScoreRules:
    """Rules of one score from the protocol; categories only where the version has as many cut-offs."""
    edges = tuple(float(edge) for edge in protocol["kinetics.category_edges"])
    graded = len(assay.cutoffs[analyte]) == len(edges)
    parts = [protocol["kinetics.rcv_sd_analytical"], protocol["kinetics.rcv_sd_biological"]]
    known = all(isinstance(part, int | float) for part in parts)
    return ScoreRules(
        cutoff=float(assay.primary_cutoff[analyte]),
        inclusive=assay.inclusive,
        edges=edges if graded else (),
        rcv_z=float(protocol["kinetics.rcv_z"]),
        rcv_sd=float(np.hypot(*parts)) if known else np.nan,
    )


def logit_score(score: pd.Series) -> pd.Series:
    """l = ln[(S + 0.5) / (100.5 - S)] of a score 0-100; NaN outside that range."""
    inside = score.where(score.between(0, 100))
    odds = (inside + 0.5) / (100.5 - inside)
    return pd.Series(np.log(odds), index=score.index)


def is_positive(score: pd.Series, rules: ScoreRules) -> pd.Series:
    """Whether scores are beyond the cut-off (False for NaN)."""
    return score >= rules.cutoff if rules.inclusive else score > rules.cutoff


def score_category(score: pd.Series, rules: ScoreRules) -> pd.Series:
    """Category number 0, 1, 2, ... (a score equal to an edge belongs below it); NaN without edges."""
    if not rules.edges:
        return pd.Series(np.nan, index=score.index)
    number = np.searchsorted(rules.edges, score.to_numpy(dtype="float64"), side="left").astype("float64")
    return pd.Series(np.where(score.isna(), np.nan, number), index=score.index)


def rcv_quantile(comparisons: pd.Series, z: float) -> pd.Series:
    """One-sided quantile that keeps the overall error of ``z`` over successive comparisons (Sidak)."""
    normal = NormalDist()
    level = normal.cdf(z)
    counts = comparisons.clip(lower=1)
    return counts.map({count: normal.inv_cdf(level ** (1 / count)) for count in counts.dropna().unique()})


def rcv_ratio_limit(cv_analytical: float, cv_within: float, z: float) -> float:
    """Upper reference change limit of a ratio analyte, as a fraction: exp(z sqrt(2) s_ln) - 1.

    s_ln^2 = ln(1 + CV_A^2) + ln(1 + CV_I^2). With z = 1.96, CV_A = .053 and CV_I = .20: 0.765.
    """
    s_ln = np.sqrt(np.log1p(cv_analytical**2) + np.log1p(cv_within**2))
    return float(np.expm1(z * np.sqrt(2) * s_ln))


def time_above(start: pd.Series, end: pd.Series, months: pd.Series, cutoff: float) -> pd.Series:
    """Months of a segment above the cut-off when the score moves along a straight line."""
    low, high = start.where(start < end, end), start.where(start >= end, end)
    flat = (high == low) & high.notna()
    share = ((high - cutoff) / (high - low).where(~flat, 1.0)).clip(0.0, 1.0)
    return months * share.where(~flat, (high > cutoff).astype("float64"))


def _segments(post: pd.DataFrame, rules: ScoreRules, month_days: float) -> pd.DataFrame:
    """Post-operative results with what each adds to the sums and how it differs from the one before."""
    patient = post["patient_id"]
    before = post.groupby("patient_id", sort=False)[["value", "day"]].shift()
    months = (post["day"] - before["day"]) / month_days
    logit = logit_score(post["value"])
    return pd.DataFrame(
        {
            "patient_id": patient,
            "value": post["value"],
            "months": months,
            "area": months * (post["value"] + before["value"]) / 2,
            "above": time_above(before["value"], post["value"], months, rules.cutoff),
            "rise": logit - logit_score(before["value"]),
            "positive": is_positive(post["value"], rules).astype("float64"),
            "was_positive": is_positive(before["value"], rules).astype("float64").where(before["value"].notna()),
        }
    )


def _at_landmark(segments: pd.DataFrame, rules: ScoreRules) -> pd.DataFrame:
    """One row per patient with post-operative results: the last step and the sums over all steps."""
    grouped = segments.groupby("patient_id", sort=False)
    last = segments.drop_duplicates("patient_id", keep="last").set_index("patient_id")
    sums = grouped[["months", "area", "above", "positive"]].sum(min_count=1)
    several = last["months"].notna()
    slope = last["rise"] / last["months"]
    limit = rcv_quantile(grouped.size() - 1, rules.rcv_z) * np.sqrt(2) * rules.rcv_sd
    return pd.DataFrame(
        {
            "slope": slope,
            "doubling_rate": slope / np.log(2),
            "exposure": sums["area"] / sums["months"],
            "months_above": sums["above"],
            "fraction_above": sums["above"] / sums["months"],
            "mean": grouped["value"].mean(),
            "max": grouped["value"].max(),
            "n_positive": sums["positive"],
            "conversion": (last["positive"].gt(0) & last["was_positive"].eq(0)).astype("float64").where(several),
            "reversion": (last["positive"].eq(0) & last["was_positive"].gt(0)).astype("float64").where(several),
            "rcv_rise": last["rise"].gt(limit).astype("float64").where(several & limit.notna()),
        }
    )


def kinetics(series: pd.DataFrame, anchor: pd.DataFrame, rules: ScoreRules, month_days: float) -> pd.DataFrame:
    """Kinetic features of one score at a landmark.

    Parameters
    ----------
    series : DataFrame
        Valid results ``patient_id, day, value`` sorted by patient and day, at most one a day. Results of day
        0 or earlier are pre-operative; results after the landmark sample are ignored.
    anchor : DataFrame
        Indexed by ``patient_id``: ``day`` and ``value`` of the landmark sample (NaN when there is none: every
        feature but ``preop`` is NaN then) and ``preop``, the pre-operative score.
    rules : ScoreRules
    month_days : float

    Returns
    -------
    DataFrame
        Indexed like ``anchor``, columns :data:`KINETIC_COLUMNS`. Features of change need a post-operative
        landmark sample; slope, doubling rate, exposure, time above, conversion, reversion and the reference
        change flag need a second post-operative sample before it. ``rcv_rise`` is NaN while the variation of
        the score is unknown.
    """
    until = series["patient_id"].map(anchor["day"])
    post = series[(series["day"] > 0) & (series["day"] <= until)]
    rows = _at_landmark(_segments(post, rules, month_days), rules).reindex(anchor.index)
    after = anchor["value"].where(anchor["day"] > 0)
    level = pd.DataFrame(
        {
            "last": anchor["value"],
            "logit": logit_score(anchor["value"]),
            "category": score_category(anchor["value"], rules),
            "preop": anchor["preop"],
            "change_preop": after - anchor["preop"],
            "lnratio_preop": np.log((after + 1) / (anchor["preop"] + 1)),
        }
    )
    return level.join(rows)[list(KINETIC_COLUMNS)].astype("float64")


def doubling_time(slope: pd.Series) -> pd.Series:
    """Doubling time of the odds, ln 2 / slope in months, for display; NaN unless the slope is positive."""
    return np.log(2) / slope.where(slope > 0)
