"""Dictionary of the expression columns: gene by gene, and the controls of the score plate."""

from __future__ import annotations

from data.protocol import load_panel
from features.registry.feature import PREVIOUS, SAMPLE, Feature

PFAFFL = "Livak and Schmittgen 2001; Pfaffl 2001 (Nucleic Acids Res 29:e45)"
CALIBRATION = "Hellemans et al. 2007 (Genome Biol 8:R19)"
PLATE = "statistical design, section 2 (plate offset)"


def expression() -> list[Feature]:
    """dCq of every panel gene, how many were detected and calibrated, and the control deviation of the score plate."""
    return [*_genes(), *_deviations()]


def _genes() -> list[Feature]:
    formula = "mean Cq of the gene - mean Cq of the reference genes of the version, latest accepted plate"
    beyond = "; not detected: expression.cq_limit - reference; less the calibrator's offset where the plate has one"

    def of_sample(name: str, unit: str, formula: str, kind: str, reference: str) -> Feature:
        return Feature(name, unit, formula, "wells", SAMPLE, "blood", kind, stamp="genes", reference=reference)

    return [
        *(of_sample(f"gene_{gene}", "cycle", formula + beyond, "material", PFAFFL) for gene in load_panel().genes),
        of_sample("genes_detected", "count", "panel genes with a Cq below expression.cq_limit", "number", PFAFFL),
        of_sample("genes_calibrated", "count", "panel genes less a calibrator offset", "material", CALIBRATION),
    ]


def _deviations() -> list[Feature]:
    def of_plate(name: str, unit: str, formula: str, look_back: str = SAMPLE) -> Feature:
        return Feature(
            f"netest_deviation{name}", unit, formula, "blood", look_back, "blood", "material", 0, "netest", PLATE
        )

    return [
        of_plate("", "logit", "mean over the control wells of the score plate of logit(value) - logit(nominal)"),
        of_plate("_n", "count", "control wells of the score plate"),
        of_plate("_ss", "logit^2", "sum of squares of the control wells about the mean of their plate"),
        of_plate("_level_ss", "logit^2", "sum of squares of logit(nominal) of the control wells about its mean"),
        of_plate("_level_sp", "logit^2", "sum of products of logit(nominal) and deviation about their means"),
        of_plate("_change", "logit", "deviation of the plate of S_s - deviation of the plate of S_u", PREVIOUS),
    ]
