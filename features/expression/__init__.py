"""Expression from qPCR wells."""

from features.expression.calibration import (
    calibrated_differences,
    calibrator_cq,
    calibrator_level,
    calibrator_offset,
)
from features.expression.comparative import DDCQ_COLUMNS, delta_delta_cq
from features.expression.controls import DEVIATION_COLUMNS, control_deviation
from features.expression.curve import CURVE_COLUMNS, standard_curve
from features.expression.cycles import (
    DCQ_COLUMNS,
    CqTable,
    delta_cq,
    mean_cq,
    reference_genes,
    sample_cq,
)
from features.expression.omes import omic_scores, reference_distribution
from features.expression.quantity import (
    QUANTITY_COLUMNS,
    gene_efficiency,
    ln_quantity,
    relative_quantities,
    relative_quantity,
)
from features.expression.stability import Stability, reference_stability
from features.expression.wells import accepted_wells, sample_quality, wells_of

__all__ = [
    "CURVE_COLUMNS",
    "DCQ_COLUMNS",
    "DDCQ_COLUMNS",
    "DEVIATION_COLUMNS",
    "QUANTITY_COLUMNS",
    "CqTable",
    "Stability",
    "accepted_wells",
    "calibrated_differences",
    "calibrator_cq",
    "calibrator_level",
    "calibrator_offset",
    "control_deviation",
    "delta_cq",
    "delta_delta_cq",
    "gene_efficiency",
    "ln_quantity",
    "mean_cq",
    "omic_scores",
    "reference_distribution",
    "reference_genes",
    "reference_stability",
    "relative_quantities",
    "relative_quantity",
    "sample_cq",
    "sample_quality",
    "standard_curve",
    "wells_of",
]
