"""Expression from qPCR wells."""

from features.expression.cycles import (
    DCQ_COLUMNS,
    accepted_wells,
    delta_cq,
    omic_scores,
    reference_distribution,
    relative_quantity,
    sample_quality,
)

__all__ = [
    "DCQ_COLUMNS",
    "accepted_wells",
    "delta_cq",
    "omic_scores",
    "reference_distribution",
    "relative_quantity",
    "sample_quality",
]
