"""Which rules each table must meet, besides its contract."""

from __future__ import annotations

from collections.abc import Callable

from data.findings import Finding
from data.validate import dates, lesions, references, results, screening
from data.validate.context import Context
from data.validate.table import CheckedTable

Rule = Callable[[CheckedTable, Context], list[Finding]]

OF_PATIENT: tuple[Rule, ...] = (
    references.check_patients_known,
    dates.check_not_in_future,
    dates.check_lifetime,
)

RULES: dict[str, tuple[Rule, ...]] = {
    "patients": (dates.check_not_in_future, dates.check_patient_days, screening.check_screening_units),
    "samples": (*OF_PATIENT, dates.check_sample_days, references.check_moved_samples),
    "controls": (references.check_control_levels,),
    "results": (
        references.check_samples_known,
        references.check_plates_controlled,
        dates.check_not_in_future,
        results.check_analytes,
        results.check_specimen,
        results.check_units,
        results.check_limits,
        results.check_versions,
        results.check_one_version,
        results.check_creatinine,
    ),
    "imaging": (*OF_PATIENT, results.check_readings),
    "lesions": (*OF_PATIENT, lesions.check_diameters, lesions.check_roles, lesions.check_new_lesions),
    "treatments": (*OF_PATIENT, dates.check_treatment_days),
    "followup": (references.check_patients_known, dates.check_not_in_future, dates.check_vital_status),
    "quality_of_life": OF_PATIENT,
    "adverse_events": OF_PATIENT,
    "plate_map": (references.check_samples_known,),
}


def check_rules(table: CheckedTable, context: Context) -> list[Finding]:
    """Judge a table that fits its contract against the other tables.

    Parameters
    ----------
    table : CheckedTable
        From :func:`data.validate.validate_table`, without a rejecting finding.
    context : Context
        The known tables, the protocol and the instant.

    Returns
    -------
    list of Finding
        ``reject`` keeps the file out.
    """
    return [finding for rule in RULES[table.name] for finding in rule(table, context)]
