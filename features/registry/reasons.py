"""Dictionary of the reasons why a value is missing."""

from __future__ import annotations

from features.registry.feature import WINDOW, Feature


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
