"""Response of measured tumours by RECIST 1.1: one door.

The rooms behind it: ``rules`` (thresholds, and how the parts combine), ``lesions`` (which lesions are followed),
``assess`` (a response for each assessment), ``confirmation`` and ``best`` (best response, objective response, clinical
benefit), ``course`` (progression, last assessment, times), ``adam`` (the same as ADaM records).
"""

from features.response.assess import assess
from features.response.best import best_response, clinical_benefit, objective_response
from features.response.course import (
    duration_of_response,
    first_progression,
    last_assessment,
    progression_free_survival,
)
from features.response.lesions import check_targets
from features.response.rules import overall_response, target_response

__all__ = [
    "assess",
    "best_response",
    "check_targets",
    "clinical_benefit",
    "duration_of_response",
    "first_progression",
    "last_assessment",
    "objective_response",
    "overall_response",
    "progression_free_survival",
    "target_response",
]
