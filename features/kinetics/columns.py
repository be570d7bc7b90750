"""Names of the kinetic columns: what the engine gives, and how a landmark table calls it."""

from __future__ import annotations

import pandas as pd

LEVEL = ("last", "scaled", "category", "below_limit", "preop")
PREOP_CHANGE = ("change_preop", "lnratio_preop")
PREVIOUS_CHANGE = ("change_previous", "lnratio_previous")
RATES = ("slope", "trend", "curvature", "doubling_rate", "doubling_months", "half_life_months")
COURSE = ("exposure", "area", "mean", "sd", "max", "nadir", "months_since_peak", "rise_from_nadir")
CALLS = ("months_above", "fraction_above", "n_positive", "conversion", "reversion")
REFERENCE_CHANGE = ("rcv_rise", "rcv_fall")
BOOKS = ("n_samples", "days_to_landmark", "kinetics_reason")
MATERIAL = (
    "post_n",
    "post_sum_month",
    "post_sum_month2",
    "post_sum_scaled",
    "post_sum_month_scaled",
    "post_sum_scaled2",
    "post_sum_step2",
)
KINETIC_COLUMNS = (
    *LEVEL,
    *PREOP_CHANGE,
    *PREVIOUS_CHANGE,
    *RATES,
    *COURSE,
    *CALLS,
    *REFERENCE_CHANGE,
    *BOOKS,
    *MATERIAL,
)


def table_names(prefix: str, scale: str, cutoff: bool = True, graded: bool = False) -> dict[str, str]:
    """Name in a landmark table of every kinetic column that a marker has.

    Parameters
    ----------
    prefix : str
        Of the marker, with its underscore: ``netest_``.
    scale : {"logit", "ln"}
        Name of the scaled level.
    cutoff : bool
        Whether the marker may have a cut-off: without one there are no columns of positive results.
    graded : bool
        Whether some version of the marker has categories.

    Returns
    -------
    dict
        Column of :data:`KINETIC_COLUMNS` to column of the table, in that order.
    """
    absent = {*(() if cutoff else CALLS), *(() if graded else ("category",))}
    return {name: prefix + (scale if name == "scaled" else name) for name in KINETIC_COLUMNS if name not in absent}


def marker_columns(
    columns: pd.DataFrame, prefix: str, scale: str, cutoff: bool = True, graded: bool = False
) -> pd.DataFrame:
    """Columns of one marker as a landmark table calls them (see :func:`table_names`)."""
    named = table_names(prefix, scale, cutoff, graded)
    own = columns.reindex(columns=list(named))
    own.columns = pd.Index(list(named.values()))
    return own
