"""Dictionary of the urine markers."""

from __future__ import annotations

from features.registry.feature import DESIGN, SAMPLE, WINDOW, Feature
from features.registry.markers import marker_features

RATIO = f"{DESIGN}; domain 2.6 (spot 5-HIAA per creatinine, L36)"
CENSORED = "Hornung and Reed 1990 (limit / sqrt 2)"
COLLECTION = "domain 2.6 (24-hour 5-HIAA L36, L37; incomplete collections told by creatinine L41)"
BOTH = "landmark samples of blood and urine"
PAIRS = "valid results of blood and urine up to L(s), at most urine.pair_days apart"
AGREEMENT = "ours: the same call by assay.<version>.primary_cutoff and urine.hiaa_cutoff (L36)"


def urine() -> list[Feature]:
    """5-HIAA per creatinine and the exploratory score with their kinetics, timed collections, agreement with blood."""
    return [*_ratio(), *_score(), *_timed(), *_agreement()]


def _ratio() -> list[Feature]:
    """v is 5-HIAA (umol/L) / creatinine (mmol/L) of one spot sample, or the ratio the laboratory formed."""
    found = marker_features("hiaa_creatinine_", "umol/mmol", "ln", "urine", "hiaa", "hiaa_preop")
    level = Feature(
        "hiaa_creatinine_ln",
        "ln umol/mmol",
        "ln[5-HIAA (umol/L) / creatinine (mmol/L)] in one spot sample",
        "urine",
        SAMPLE,
        "urine",
        stamp="hiaa",
        reference=RATIO,
    )
    return [
        level,
        Feature(
            "hiaa_valid",
            "",
            "1 when a urine sample in the window gives the ratio, 0 when none of them does",
            "urine",
            WINDOW,
            "urine",
            "flag",
            stamp="hiaa_valid",
            reference=RATIO,
        ),
        *(feature for feature in found if feature.name != level.name),
        Feature(
            "hiaa_creatinine_limit_ln",
            "ln umol/mmol",
            "ln[limit of the 5-HIAA assay / creatinine] of a landmark sample below that limit; missing when measured",
            "urine",
            SAMPLE,
            "urine",
            "material",
            stamp="hiaa",
            reference=CENSORED,
        ),
    ]


def _score() -> list[Feature]:
    """Its cut-off is unknown, so there is no column of positive results; never merged with the blood score."""
    return marker_features("urine_score_", "score", "logit", "urine", "urine_score", "urine_score_preop", cutoff=False)


def _timed() -> list[Feature]:
    """Collections with the version urine.timed_version; never one number with a spot sample."""
    formula = "ln[5-HIAA (umol/L) x volume (mL) / 1000 x 24 / hours], or of the daily amount; complete collections only"

    def of_day(name: str, unit: str, formula: str, look_back: str, kind: str, stamp: str) -> Feature:
        return Feature(name, unit, formula, "urine", look_back, "urine", kind, stamp=stamp, reference=COLLECTION)

    below = "1 when 5-HIAA of that collection is below the limit of its assay (it enters as limit / sqrt 2)"
    incomplete = "1 when creatinine per 24 h is below the range of the sex and the window holds no complete collection"
    reasons = "not_collected, outside_window, not_measured, not_timed, failed_qc, no_volume, hours_out_of_range, "
    missing = f"why there is no excretion: {reasons}incomplete_collection, excess_collection"
    return [
        of_day("hiaa_24h_ln", "ln umol/24h", formula, SAMPLE, "number", "hiaa_24h"),
        of_day("hiaa_24h_below_limit", "", below, SAMPLE, "flag", "hiaa_24h"),
        of_day("hiaa_24h_incomplete", "", incomplete, WINDOW, "flag", "hiaa_24h_collection"),
        of_day("missing_hiaa_24h", "", missing, WINDOW, "reason", "urine"),
    ]


def _agreement() -> list[Feature]:
    """Blood score and 5-HIAA per creatinine, each by its cut-off."""

    def joint(name: str, unit: str, formula: str, look_back: str, kind: str, stamp: str) -> Feature:
        return Feature(name, unit, formula, "urine", look_back, "", kind, stamp=stamp, reference=AGREEMENT)

    state = "both_negative, blood_only, urine_only, both_positive; missing while one of the calls is unknown"
    days = "day of the urine sample - day of the blood sample"
    share = "pairs with the same call / pairs; a pair is the nearest of both specimens, once each"
    return [
        joint("blood_urine_state", "", state, BOTH, "category", "blood_urine"),
        joint("blood_urine_days", "day", days, BOTH, "number", "blood_urine"),
        joint("blood_urine_pairs", "count", "pairs with two known calls", PAIRS, "number", "blood_urine_pairs"),
        joint("blood_urine_agreement", "", share, PAIRS, "number", "blood_urine_pairs"),
    ]
