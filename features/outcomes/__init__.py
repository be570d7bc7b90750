"""One door to outcomes: what happened to every patient, as labels, as intervals and as times.

The rooms behind it: ``assessments`` (scans and follow-up to :class:`Outcome`, risk sets), ``labels``
(three-valued labels of an endpoint), ``times`` (recurrence intervals and event times).
"""

from features.outcomes.assessments import Outcome, adequate_scans, at_risk, build_outcome
from features.outcomes.labels import CENSORED, LABELLED, label
from features.outcomes.times import event_times, recurrence_intervals

__all__ = [
    "CENSORED",
    "LABELLED",
    "Outcome",
    "adequate_scans",
    "at_risk",
    "build_outcome",
    "event_times",
    "label",
    "recurrence_intervals",
]
