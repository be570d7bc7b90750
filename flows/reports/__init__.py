"""Self-contained HTML reports of the cohort, a patient, a plate and a model: values in, one file out."""

from flows.reports.cohort.report import write_cohort_report
from flows.reports.model.report import write_model_report
from flows.reports.patient.report import UnknownPatient, write_patient_report
from flows.reports.plate.report import UnknownPlate, write_plate_report, write_stored_plate_report

__all__ = [
    "UnknownPatient",
    "UnknownPlate",
    "write_cohort_report",
    "write_model_report",
    "write_patient_report",
    "write_plate_report",
    "write_stored_plate_report",
]
