"""Dictionary of the baseline facts."""

from __future__ import annotations

from features.registry.feature import BASELINE, Feature


def patients() -> list[Feature]:
    """Baseline facts, as delivered."""

    def known(name: str, unit: str, formula: str, kind: str = "number") -> Feature:
        return Feature(name, unit, formula, "patients", BASELINE, kind=kind, reference="delivery contract")

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
