"""Dictionary of imaging history and treatment."""

from __future__ import annotations

from features.registry.feature import DESIGN, SCANS, Feature

PRRT = "PRRT up to the landmark sample"
SSA = "somatostatin-analogue courses that began up to the landmark sample, and samples.ssa"
EXPOSURE = f"{DESIGN}; domain 1.3 (SSA exposure per sample, L3; PRRT and the score, L15)"


def imaging() -> list[Feature]:
    """Protocol scans up to the landmark."""
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
    ]


def treatments() -> list[Feature]:
    """Treatment before the landmark sample."""

    def own(name: str, unit: str, formula: str, look_back: str, stamp: str, kind: str = "number") -> Feature:
        return Feature(name, unit, formula, "treatments", look_back, kind=kind, stamp=stamp, reference=EXPOSURE)

    months = (
        "days of somatostatin-analogue courses (overlaps once) / clock.month_days; missing when ssa_reason says why"
    )
    since = "landmark sample - last day of an analogue course before it; 0 when in use at the sample"
    reasons = "no_landmark_sample, pre_operative_sample, no_ssa_record, records_disagree"
    return [
        own("days_since_prrt", "day", "landmark sample - last start of a PRRT cycle before it", PRRT, "prrt"),
        own("prrt_cycles", "count", "PRRT cycles started; none recorded: by cohort.absent_treatment", PRRT, "prrt"),
        own("ssa_months", "month", months, "courses from surgery to the landmark sample", "ssa"),
        own("days_since_ssa", "day", since, SSA, "ssa"),
        own("ssa_reason", "", f"why the months on analogues are not known: {reasons}", SSA, "ssa", "reason"),
    ]
