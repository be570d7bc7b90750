"""Kinetics of a marker: level, change, rates, course, calls, reference change value."""

from features.kinetics.columns import KINETIC_COLUMNS, MATERIAL, marker_columns, table_names
from features.kinetics.engine import KINETIC_REASONS, kinetics
from features.kinetics.rates import doubling_time, half_life, time_above
from features.kinetics.reference_change import ln_sd, rcv_quantile, rcv_ratio_limit, rcv_ratio_limits, rcv_symmetric
from features.kinetics.rules import (
    MarkerRules,
    is_positive,
    logit_score,
    marker_rules,
    score_category,
    score_rules,
)

__all__ = [
    "KINETIC_COLUMNS",
    "KINETIC_REASONS",
    "MATERIAL",
    "MarkerRules",
    "doubling_time",
    "half_life",
    "is_positive",
    "kinetics",
    "ln_sd",
    "logit_score",
    "marker_columns",
    "marker_rules",
    "rcv_quantile",
    "rcv_ratio_limit",
    "rcv_ratio_limits",
    "rcv_symmetric",
    "score_category",
    "score_rules",
    "table_names",
    "time_above",
]
