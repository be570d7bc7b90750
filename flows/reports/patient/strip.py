"""What became of each sample of one patient: a strip of visits by specimen, one word a cell."""

from __future__ import annotations

from dataclasses import dataclass

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome
from flows.reports.page import records
from flows.reports.sampling import AWAITED, WORDS, accounting, visit_label


@dataclass(frozen=True)
class Strip:
    """A small table whose cells carry a class each.

    Parameters
    ----------
    visits : tuple of str
        Headings.
    rows : tuple of (str, tuple of (str, str))
        Specimen, and class and word of each visit.
    """

    visits: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]

    @property
    def complete(self) -> bool:
        """Whether nothing that was due is lacking."""
        return not any(state in AWAITED for _, cells in self.rows for state, _ in cells)


def sample_strip(trial: Trial, protocol: Protocol, outcome: Outcome, patient_id: str) -> Strip:
    """The strip of one patient, visits in order of time."""
    table = accounting(trial, outcome, protocol)
    own = table[table["patient_id"].eq(patient_id)].sort_values("month", kind="stable")
    months = list(dict.fromkeys(own["month"]))
    rows = tuple(
        (str(specimen).capitalize(), tuple((row.status, WORDS[row.status]) for row in records(cells)))
        for specimen, cells in own.groupby("specimen", sort=True)
    )
    return Strip(tuple(visit_label(month).capitalize() for month in months), rows)
