"""What became of every sample of the calendar, in words and colours that all pages share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.landmark import sample_accounting
from features.outcomes import Outcome

# State, words, colour of a bar, hatching of a bar; in the order in which a bar is filled.
LOOKS = (
    ("collected", "collected", "#0f5c6e", ""),
    ("outside_window", "outside window", "#7fb0bb", "...."),
    ("failed_qc", "failed QC", "#9b1d5a", "xxxx"),
    ("not_measured", "not measured", "#e0a100", "\\\\\\\\"),
    ("not_collected", "not collected", "#e07b63", "////"),
    ("dead", "dead", "#3a434d", ""),
    ("recurred", "recurred", "#8f9aa5", ""),
    ("withdrawn", "withdrawn or lost", "#bcc5cd", ""),
    ("not_reached", "not reached yet", "#dfe4e9", ""),
    ("not_due", "not due", "#f1f4f6", ""),
)
STATES = tuple(state for state, *_ in LOOKS)
WORDS = {state: words for state, words, *_ in LOOKS}
AWAITED = ("outside_window", "failed_qc", "not_measured", "not_collected")
"""States of a sample that was due and does not serve."""


def accounting(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """Every patient, visit of the calendar and specimen at the data cut.

    Returns
    -------
    DataFrame
        :func:`features.landmark.sample_accounting` of all visits: ``patient_id, visit, month, specimen, status``.
    """
    return sample_accounting(trial, outcome, protocol, np.inf)


def visit_label(month: float, first: str = "before surgery") -> str:
    """A visit of the calendar of samples for people; ``first`` names the one at or before month 0."""
    return first if month <= 0 else f"month {month:g}"
