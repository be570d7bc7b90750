"""Dictionary of imaging history and treatment."""

from __future__ import annotations

from features.registry.feature import SCANS, Feature


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
    return [
        Feature(
            "days_since_prrt",
            "day",
            "landmark sample - last start of a PRRT cycle before it",
            "treatments",
            "PRRT up to the landmark sample",
            stamp="prrt",
        ),
    ]
