"""Dictionary of the blood markers and of the quality of their sample."""

from __future__ import annotations

from features.registry.feature import PAIR, POSTOP, PREOP, PREVIOUS, SAMPLE, WINDOW, Feature


def score() -> list[Feature]:
    """Kinetics of the blood score."""

    def blood(name: str, unit: str, formula: str, look_back: str, kind: str = "number", monotone: int = 0) -> Feature:
        stamp = "netest_preop" if name == "preop" else "netest"
        return Feature(f"netest_{name}", unit, formula, "blood", look_back, "blood", kind, monotone, stamp)

    return [
        blood("last", "score", "S_s", SAMPLE, monotone=1),
        blood("logit", "logit", "l_s = ln[(S_s + 0.5) / (100.5 - S_s)]", SAMPLE, monotone=1),
        blood("category", "", "0, 1, 2, 3 by kinetics.category_edges; version 1.0 only", SAMPLE, monotone=1),
        blood("preop", "score", "S_pre", PREOP),
        blood("change_preop", "score", "S_s - S_pre; spans the operation, not a growth slope", PAIR),
        blood("lnratio_preop", "ln", "ln[(S_s + 1) / (S_pre + 1)]", PAIR),
        blood("slope", "logit/month", "(l_s - l_u) / (t_s - t_u)", PREVIOUS),
        blood("doubling_rate", "doublings of the odds/month", "slope / ln 2", PREVIOUS),
        blood("exposure", "score", "trapezoid of S over time / (t_s - t_1)", POSTOP),
        blood("months_above", "month", "months with interpolated S above the cut-off", POSTOP),
        blood("fraction_above", "", "months above the cut-off / (t_s - t_1)", POSTOP),
        blood("mean", "score", "mean S", POSTOP, monotone=1),
        blood("max", "score", "largest S", POSTOP, monotone=1),
        blood("n_positive", "count", "samples with S above the cut-off", POSTOP),
        blood("conversion", "", "1 when S_u negative and S_s positive", PREVIOUS, "flag"),
        blood("reversion", "", "1 when S_u positive and S_s negative", PREVIOUS, "flag"),
        blood(
            "rcv_rise",
            "",
            "1 when l_s - l_u > z sqrt(2) sqrt(sA^2 + sI^2), z for the number of results",
            PREVIOUS,
            "flag",
        ),
    ]


def cga() -> list[Feature]:
    """Chromogranin A."""
    return [
        Feature("cga_ln", "ln ng/mL", "ln CgA", "blood", SAMPLE, "blood", stamp="cga"),
        Feature("cga_lnratio_preop", "ln", "ln(CgA_s / CgA_pre), same kit only", "blood", PAIR, "blood", stamp="cga"),
    ]


def blood_sample() -> list[Feature]:
    """The landmark blood sample itself."""
    return [
        Feature(
            "ssa_at_sample",
            "",
            "1 somatostatin analogue in use at the landmark sample",
            "blood",
            SAMPLE,
            "blood",
            "flag",
            stamp="netest",
        ),
        Feature(
            "reference_cq",
            "cycle",
            "Cq of the reference gene, latest accepted plate",
            "blood",
            SAMPLE,
            "blood",
            stamp="netest",
        ),
        Feature(
            "replicate_sd",
            "cycle",
            "standard deviation of replicates, latest accepted plate",
            "blood",
            SAMPLE,
            "blood",
            stamp="netest",
        ),
        Feature(
            "undetermined_fraction",
            "",
            "share of undetermined wells, latest accepted plate",
            "blood",
            SAMPLE,
            "blood",
            stamp="netest",
        ),
        Feature(
            "sample_month",
            "month",
            "actual month of the landmark blood sample",
            "blood",
            SAMPLE,
            "blood",
            stamp="netest",
        ),
        Feature(
            "has_landmark_blood",
            "",
            "True when a valid blood score lies in the window",
            "blood",
            WINDOW,
            "blood",
            "flag",
            stamp="netest",
        ),
    ]
