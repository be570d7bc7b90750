"""Landmark tables: one row per patient at risk, every column stamped, nothing dated after L(s)."""

from features.landmark.guards import AFTER_LANDMARK, MIXED_VERSIONS, LeakageError, assert_closed, score_version
from features.landmark.last_values import last_values
from features.landmark.table import LandmarkTable, frame_digest, landmark_table, table_at

__all__ = [
    "AFTER_LANDMARK",
    "MIXED_VERSIONS",
    "LandmarkTable",
    "LeakageError",
    "assert_closed",
    "frame_digest",
    "landmark_table",
    "last_values",
    "score_version",
    "table_at",
]
