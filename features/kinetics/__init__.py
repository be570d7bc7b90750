"""Kinetics of a marker: level, change, slope, exposure, conversion, reference change value."""

from features.kinetics.score import (
    KINETIC_COLUMNS,
    ScoreRules,
    doubling_time,
    is_positive,
    kinetics,
    logit_score,
    rcv_quantile,
    rcv_ratio_limit,
    score_category,
    score_rules,
    time_above,
)

__all__ = [
    "KINETIC_COLUMNS",
    "ScoreRules",
    "doubling_time",
    "is_positive",
    "kinetics",
    "logit_score",
    "rcv_quantile",
    "rcv_ratio_limit",
    "score_category",
    "score_rules",
    "time_above",
]
