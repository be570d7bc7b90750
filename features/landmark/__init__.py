"""Landmark tables: one row per patient at risk, every column stamped, nothing dated after L(s)."""

from features.landmark.batches import batches_at
from features.landmark.guards import (
    AFTER_LANDMARK,
    MIXED_VERSIONS,
    NO_STAMP,
    LeakageError,
    assert_closed,
    score_version,
    without_stamp,
)
from features.landmark.last_values import last_values
from features.landmark.sampling import sample_accounting
from features.landmark.table import LandmarkTable, frame_digest, landmark_table, table_at

__all__ = [
    "AFTER_LANDMARK",
    "MIXED_VERSIONS",
    "NO_STAMP",
    "LandmarkTable",
    "LeakageError",
    "assert_closed",
    "batches_at",
    "frame_digest",
    "landmark_table",
    "last_values",
    "sample_accounting",
    "score_version",
    "table_at",
    "without_stamp",
]
