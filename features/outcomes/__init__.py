"""One door to outcomes: what happened to every patient, as labels, as intervals and as times.

The rooms behind it: ``readings`` (scans as the charter reads them), ``assessments`` (scans and follow-up to
:class:`Outcome`, risk sets), ``calendar`` (what was due and what was missed), ``persistence``, ``therapy``, ``labels``
(three-valued labels of an endpoint) with ``versions``, ``facts``, ``families`` and ``endpoints`` (times under three
censoring families), ``times`` (recurrence intervals and event times from an outcome alone).
"""

from features.outcomes.assessments import Outcome, at_risk, build_outcome
from features.outcomes.calendar import scheduled_assessments
from features.outcomes.endpoints import censoring_variants, endpoint_exclusions, endpoint_times
from features.outcomes.labels import CENSORED, LABELLED, composite_label, label
from features.outcomes.persistence import persistent_or_recurrent
from features.outcomes.readings import adequate_scans
from features.outcomes.therapy import new_therapies
from features.outcomes.times import event_times, recurrence_intervals
from features.outcomes.versions import label_version

__all__ = [
    "CENSORED",
    "LABELLED",
    "Outcome",
    "adequate_scans",
    "at_risk",
    "build_outcome",
    "censoring_variants",
    "composite_label",
    "endpoint_exclusions",
    "endpoint_times",
    "event_times",
    "label",
    "label_version",
    "new_therapies",
    "persistent_or_recurrent",
    "recurrence_intervals",
    "scheduled_assessments",
]
