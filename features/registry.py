"""The data dictionary: every column of a landmark table, what it is and where it comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd

KINDS = ("number", "flag", "category", "reason")
SOURCES = ("patients", "blood", "urine", "imaging", "treatments")


@dataclass(frozen=True)
class Feature:
    """One column of a landmark table.

    Parameters
    ----------
    name, unit, formula : str
    source : {"patients", "blood", "urine", "imaging", "treatments"}
        Table that the value rests on; ``LandmarkTable.latest_used`` dates it.
    look_back : str
        Which records up to L(s) can enter.
    specimen : {"blood", "urine", ""}
    kind : {"number", "flag", "category", "reason"}
        ``flag`` is 1, 0 or NaN as a number; ``category`` a code as text; ``reason`` why a value is missing
        ("" when it is there): for people, never a predictor.
    monotone : int
        +1 when risk can only rise with the value, else 0.
    """

    name: str
    unit: str
    formula: str
    source: str
    look_back: str
    specimen: str = ""
    kind: str = "number"
    monotone: int = 0


BASELINE = "baseline record"
SAMPLE = "landmark sample: the latest valid one in the window that closes at L(s); pre-operative at s = 0"
POSTOP = "valid post-operative samples up to the landmark sample"
PREOP = "latest valid pre-operative sample in its window"
PAIR = "landmark sample and pre-operative sample"
PREVIOUS = "landmark sample and the post-operative sample before it"
SCANS = "adequate protocol scans after surgery up to L(s)"
WINDOW = "samples in the window that closes at L(s)"


def _patients() -> list[Feature]:
    def known(name: str, unit: str, formula: str, kind: str = "number") -> Feature:
        return Feature(name, unit, formula, "patients", BASELINE, kind=kind)

    return [
        known("arm", "", "allocated arm; none when not allocated", "category"),
        known("sex", "", "sex recorded at birth", "category"),
        known("age", "year", "year of surgery - year of birth", "number"),
        known("site", "", "centre", "category"),
        known("primary_site", "", "site of the primary tumour", "category"),
        known("grade", "", "WHO grade", "category"),
        known("margin", "", "resection margin", "category"),
        known("ln_ki67", "ln %", "ln max(Ki-67, clinical.ki67_floor)"),
        known("n_liver_metastases", "count", "number of liver metastases resected"),
        known("nodal_status", "", "nodal status", "category"),
        known("functional", "", "1 hormone-secreting tumour", "flag"),
        known("ppi", "", "1 proton-pump inhibitor in use", "flag"),
        known("egfr_low", "", "1 eGFR below clinical.egfr_low", "flag"),
    ]


def _score() -> list[Feature]:
    def blood(name: str, unit: str, formula: str, look_back: str, kind: str = "number", monotone: int = 0) -> Feature:
        return Feature(f"netest_{name}", unit, formula, "blood", look_back, "blood", kind, monotone)

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


def _analytes() -> list[Feature]:
    ratio = "ln[5-HIAA (umol/L) / creatinine (mmol/L)] in one spot sample"
    return [
        Feature("cga_ln", "ln ng/mL", "ln CgA", "blood", SAMPLE, "blood"),
        Feature("cga_lnratio_preop", "ln", "ln(CgA_s / CgA_pre), same kit only", "blood", PAIR, "blood"),
        Feature("hiaa_creatinine_ln", "ln umol/mmol", ratio, "urine", SAMPLE, "urine"),
        Feature(
            "hiaa_valid",
            "",
            "1 when a urine sample in the window gives the ratio, 0 when none of them does",
            "urine",
            WINDOW,
            "urine",
            "flag",
        ),
        Feature(
            "urine_score_last",
            "score",
            "exploratory urine score; never merged with the blood score",
            "urine",
            SAMPLE,
            "urine",
        ),
    ]


def _history() -> list[Feature]:
    return [
        Feature("equivocal_scans", "count", "number of equivocal scans", "imaging", SCANS, monotone=1),
        Feature(
            "last_scan_equivocal",
            "",
            "1 when a scan on the last day of scanning was equivocal",
            "imaging",
            SCANS,
            kind="flag",
        ),
        Feature("months_since_adequate", "month", "L(s) - month of the last adequate scan", "imaging", SCANS),
        Feature(
            "days_since_prrt",
            "day",
            "landmark sample - last start of a PRRT cycle before it",
            "treatments",
            "PRRT up to the landmark sample",
        ),
        Feature(
            "ssa_at_sample",
            "",
            "1 somatostatin analogue in use at the landmark sample",
            "blood",
            SAMPLE,
            "blood",
            "flag",
        ),
        Feature(
            "reference_cq",
            "cycle",
            "Cq of the reference gene, latest accepted plate",
            "blood",
            SAMPLE,
            "blood",
        ),
        Feature(
            "replicate_sd",
            "cycle",
            "standard deviation of replicates, latest accepted plate",
            "blood",
            SAMPLE,
            "blood",
        ),
        Feature(
            "undetermined_fraction",
            "",
            "share of undetermined wells, latest accepted plate",
            "blood",
            SAMPLE,
            "blood",
        ),
        Feature("sample_month", "month", "actual month of the landmark blood sample", "blood", SAMPLE, "blood"),
        Feature(
            "has_landmark_blood",
            "",
            "True when a valid blood score lies in the window",
            "blood",
            WINDOW,
            "blood",
            "flag",
        ),
    ]


def _reasons() -> list[Feature]:
    specimen = {"netest": "blood", "cga": "blood", "5hiaa": "urine", "urine_score": "urine"}
    text = "why the value is missing: not_collected, outside_window, not_measured, failed_qc"
    urine = f"{text}, not_spot, no_creatinine, creatinine_out_of_range"
    return [
        Feature(f"missing_{name}", "", urine if name == "5hiaa" else text, where, WINDOW, where, "reason")
        for name, where in specimen.items()
    ]


FEATURES: dict[str, Feature] = {
    feature.name: feature for feature in [*_patients(), *_score(), *_analytes(), *_history(), *_reasons()]
}


def dictionary() -> pd.DataFrame:
    """The data dictionary as a table.

    Returns
    -------
    DataFrame
        One row per landmark-table column, in table order: ``name, unit, formula, source, look_back, specimen,
        kind, monotone``.
    """
    return pd.DataFrame([asdict(feature) for feature in FEATURES.values()])


def names(kind: str | None = None, source: str | None = None) -> list[str]:
    """Column names, all or of one kind or source, in table order."""
    return [
        feature.name
        for feature in FEATURES.values()
        if kind in (None, feature.kind) and source in (None, feature.source)
    ]
