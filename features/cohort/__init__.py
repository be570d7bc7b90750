"""Who the patients are: eligibility, flow, completeness, lead time, line of therapy, adverse events.

The rooms behind this door: ``quantities`` (what rules compare) and ``eligible``, ``groups``, ``flow``,
``completeness``, ``lead``, ``therapy``, ``adverse``.
"""

from features.cohort.adverse import worst_grades
from features.cohort.completeness import completeness, due_samples, due_scans, result_completeness, sample_states
from features.cohort.eligible import eligibility, eligible, rule_counts, rules_of
from features.cohort.flow import biomarker_evaluable, flow_losses, patient_flow
from features.cohort.lead import imaging_free_times, lead_times, marker_flags, positives_without_recurrence
from features.cohort.therapy import therapy_line

__all__ = [
    "biomarker_evaluable",
    "completeness",
    "due_samples",
    "due_scans",
    "eligibility",
    "eligible",
    "flow_losses",
    "imaging_free_times",
    "lead_times",
    "marker_flags",
    "patient_flow",
    "positives_without_recurrence",
    "result_completeness",
    "rule_counts",
    "rules_of",
    "sample_states",
    "therapy_line",
    "worst_grades",
]
