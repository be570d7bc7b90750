"""Dictionary of the reasons why a value is missing, and of the samples that are."""

from __future__ import annotations

from data.contracts import TABLES
from features.registry.feature import WINDOW, Feature

SCHEDULED = "samples of the calendar's visits up to L(s)"
RULE = "statistical design, section 2 (missingness) and 1 (missing is never silent)"


def reasons() -> list[Feature]:
    """One column per marker: why its value is missing."""
    specimen = {"netest": "blood", "cga": "blood", "5hiaa": "urine", "urine_score": "urine"}
    text = "why the value is missing: not_collected, outside_window, not_measured, failed_qc"
    urine = f"{text}, not_spot, no_creatinine, creatinine_out_of_range"
    return [
        Feature(
            f"missing_{name}",
            "",
            urine if name == "5hiaa" else text,
            where,
            WINDOW,
            where,
            "reason",
            stamp=name if name in ("netest", "cga") else "urine",
        )
        for name, where in specimen.items()
    ]


def sampling() -> list[Feature]:
    """Every sample of the calendar: whether it is there, and why not."""
    text = "why there is no valid sample: not_collected, outside_window, not_measured, failed_qc, not_due"
    visits = [name for name in TABLES["samples"].columns["visit"].codes if name != "unscheduled"]
    features = []
    for specimen in ("blood", "urine"):
        stamp = f"{specimen}_samples"
        features += [
            Feature(
                f"sample_{visit}_{specimen}",
                "",
                f"{visit}: {text}",
                "samples",
                SCHEDULED,
                specimen,
                "reason",
                stamp=stamp,
                reference=RULE,
            )
            for visit in visits
        ]
        count = "visits of calendar.sample_month up to s without a valid sample"
        features.append(
            Feature(f"{specimen}_missed", "count", count, "samples", SCHEDULED, specimen, stamp=stamp, reference=RULE)
        )
    return features
