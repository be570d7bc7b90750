"""Dictionary of the urine markers."""

from __future__ import annotations

from features.registry.feature import SAMPLE, WINDOW, Feature


def urine() -> list[Feature]:
    """Spot 5-HIAA per creatinine and the exploratory urine score."""
    ratio = "ln[5-HIAA (umol/L) / creatinine (mmol/L)] in one spot sample"
    return [
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
