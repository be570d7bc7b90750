"""One engine of kinetics for every marker.

v is the result in its unit, l the result on the scale of change (logit of a score, ln of a quantity), t months from
surgery, u the previous post-operative result (statistical design, section 2). Nothing here spans the operation but the
columns that compare with the pre-operative result.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.kinetics.columns import KINETIC_COLUMNS
from features.kinetics.course import Course, course_of
from features.kinetics.parts import burden, extremes, level, material, rates
from features.kinetics.rules import MarkerRules, on_scale

KINETIC_REASONS = (
    "",
    "no_landmark_sample",
    "pre_operative_sample",
    "one_post_operative_sample",
    "below_limit",
    "above_limit",
    "outside_scale",
)

NUMBERS = {
    name: place for place, name in enumerate(column for column in KINETIC_COLUMNS if column != "kinetics_reason")
}


def kinetics(
    series: pd.DataFrame,
    anchor: pd.DataFrame,
    rules: MarkerRules,
    month_days: float,
    closing: pd.Series | None = None,
) -> pd.DataFrame:
    """Kinetic features of one marker at a landmark.

    Parameters
    ----------
    series : DataFrame
        Valid results ``patient_id, day`` (since surgery)``, value`` and optionally ``censored`` (below the limit of the
        assay, value = limit / sqrt(2)) and ``above`` (above it, value = limit), sorted by patient and day, at most one
        a day. Results of day 0 or earlier are pre-operative; results after the landmark sample are ignored.
    anchor : DataFrame
        Indexed by ``patient_id``: ``day`` (since surgery) and ``value`` of the landmark sample (NaN when there is none:
        every number but ``preop`` is NaN then), ``preop``, the pre-operative result, and optionally ``censored, above,
        preop_censored, preop_above``.
    rules : MarkerRules
    month_days : float
    closing : Series, optional
        Day (since surgery) on which the landmark closes, by patient; ``days_to_landmark`` is NaN without it.

    Returns
    -------
    DataFrame
        Indexed like ``anchor``, columns :data:`features.kinetics.KINETIC_COLUMNS`; all float but ``kinetics_reason``,
        which says why there is no change to the previous sample ("" when there is one).

        A result beyond a limit of its assay is kept as a level, and flagged when it is below (``below_limit``). A
        change, slope, curvature, reference change or rise from nadir needs both its ends measured, ``trend`` and ``sd``
        need all results measured, else they are NaN; the material sums run over the measured results only. Whether a
        result below is negative is known when its limit does not exceed the cut-off, whether one above is positive when
        its limit is; with any unknown call ``n_positive``, ``months_above`` and ``fraction_above`` are NaN, and
        conversion and reversion need both calls.

    Raises
    ------
    ValueError
        When the series is not sorted; the message names the patient.
    """
    course = course_of(series, anchor)
    scaled = np.where(course.beyond, np.nan, on_scale(course.value, rules.scale))
    whole = (
        rates(course, scaled, rules, month_days)
        | burden(course, scaled, rules, month_days)
        | extremes(course, scaled, rules, month_days)
    )
    measured = ~np.isnan(scaled)
    own = course.only(measured)
    table = np.full((len(NUMBERS), len(anchor)), np.nan)
    for name, values in (level(anchor, rules) | {"days_to_landmark": _days_left(anchor, closing)}).items():
        table[NUMBERS[name]] = values
    for parts, runs in ((whole, course), (material(own, scaled[measured], month_days), own)):
        for name, values in parts.items():
            table[NUMBERS[name], runs.patient] = values
    columns = pd.DataFrame(table.T, index=anchor.index, columns=list(NUMBERS), copy=False)
    columns.insert(KINETIC_COLUMNS.index("kinetics_reason"), "kinetics_reason", _reason(anchor, course, scaled))
    return columns


def _days_left(anchor: pd.DataFrame, closing: pd.Series | None) -> np.ndarray:
    """Days from the landmark sample to the day on which the landmark closes."""
    if closing is None:
        return np.full(len(anchor), np.nan)
    return closing.reindex(anchor.index).to_numpy(dtype="float64") - anchor["day"].to_numpy(dtype="float64")


def _reason(anchor: pd.DataFrame, course: Course, scaled: np.ndarray) -> np.ndarray:
    """Why there is no change to the previous post-operative result; "" when there is one."""
    day = anchor["day"].to_numpy(dtype="float64")
    either = {
        name: np.nan_to_num(course.last(sided)) + np.nan_to_num(course.last(sided, 1)) > 0
        for name, sided in (("below_limit", course.below), ("above_limit", course.above))
    } | {
        "outside_scale": np.isnan(course.last(scaled) + course.last(scaled, 1)),
    }
    found = np.select(
        [course.count < 2, *either.values()],
        [KINETIC_REASONS.index(name) for name in ("one_post_operative_sample", *either)],
        0,
    )
    code = np.where(np.isnan(day), 1, np.where(day > 0, 3, 2))
    code[course.patient] = found
    return np.array(KINETIC_REASONS, dtype=object)[code]
