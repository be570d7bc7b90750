"""Post-operative results up to the landmark sample, as arrays: one run of results after another, one run a patient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Course:
    """Runs of results, one run for each patient that has any.

    Parameters
    ----------
    patient : ndarray of int
        Place in the index of the anchor, one a run.
    begin, count : ndarray of int
        First result of the run, and how many.
    day, value : ndarray of float
        All results, by patient and day.
    below : ndarray of bool
        Below the limit of the assay: ``value`` stands for it as limit / sqrt(2).
    above : ndarray of bool
        Above the limit of the assay: ``value`` is that limit, the result lies anywhere beyond it.
    """

    patient: np.ndarray
    begin: np.ndarray
    count: np.ndarray
    day: np.ndarray
    value: np.ndarray
    below: np.ndarray
    above: np.ndarray

    @property
    def beyond(self) -> np.ndarray:
        """Results of which only a limit is known, on either side."""
        return self.below | self.above

    @cached_property
    def run(self) -> np.ndarray:
        """Run of each result."""
        return np.repeat(np.arange(len(self.begin)), self.count)

    @cached_property
    def _longest_first(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Runs by length, and the places of their first, second, third ... results (shorter and shorter lists)."""
        order = np.argsort(-self.count, kind="stable")
        begin, count = self.begin[order], self.count[order]
        longest = int(count[0]) if len(count) else 0
        return order, [begin[: np.searchsorted(-count, -place, side="left")] + place for place in range(longest)]

    def last(self, values: np.ndarray, back: int = 0) -> np.ndarray:
        """Last result of each run, or the one ``back`` before it; NaN where the run is too short."""
        found = values[np.maximum(self.begin + (self.count - 1 - back), 0)].astype("float64")
        if back:
            found[self.count <= back] = np.nan
        return found

    def steps(self, values: np.ndarray) -> np.ndarray:
        """Each result less the one before it; 0 at the first of a run, so that sums run over steps."""
        step = np.diff(values, prepend=0.0)
        step[self.begin] = 0.0
        return step

    def earlier(self, values: np.ndarray) -> np.ndarray:
        """The result before each result; at the first of a run the result itself."""
        before = np.append(values[:1], values[:-1])
        before[self.begin] = values[self.begin]
        return before

    def sums(self, *columns: np.ndarray) -> list[np.ndarray]:
        """Sums of columns over each run, compensated (Kahan 1965).

        One pass for each place within a run, over all runs that are that long: no sum depends on other runs.
        """
        return [self._sum(values) for values in columns]

    def _sum(self, values: np.ndarray) -> np.ndarray:
        order, places = self._longest_first
        total = values[places[0]] if places else np.empty(0)
        lost = np.zeros_like(total)
        for place in places[1:]:
            still = slice(len(place))
            term = values[place] - lost[still]
            new = total[still] + term
            lost[still] = (new - total[still]) - term
            total[still] = new
        out = np.empty_like(total)
        out[order] = total
        return out

    def only(self, keep: np.ndarray) -> Course:
        """The same patients' results where ``keep`` holds; patients without any drop out."""
        if keep.all():
            return self
        parts = (self.patient[self.run], self.day, self.value, self.below, self.above)
        return _runs(*(part[keep] for part in parts))


def _runs(patient: np.ndarray, day: np.ndarray, value: np.ndarray, below: np.ndarray, above: np.ndarray) -> Course:
    begin = np.flatnonzero(np.append(True, patient[1:] != patient[:-1])[: len(patient)])
    count = np.diff(np.append(begin, len(patient)))
    return Course(patient[begin], begin, count, day, value, below, above)


def course_of(series: pd.DataFrame, anchor: pd.DataFrame) -> Course:
    """Results after surgery, up to and with the landmark sample.

    Parameters
    ----------
    series : DataFrame
        ``patient_id, day`` (since surgery)``, value`` and optionally ``censored, above``, by patient and day.
    anchor : DataFrame
        Indexed by ``patient_id``: ``day`` of the landmark sample, NaN for none (the patient has no run then).

    Returns
    -------
    Course
        Patients outside ``anchor`` are left out.

    Raises
    ------
    ValueError
        When a patient's results are not together, or not on ascending days; the message names the patient.
    """
    # Names are compared only where one follows another, and looked up once a patient: numbers carry the rest.
    names = series["patient_id"].to_numpy()
    begins = np.append(True, names[1:] != names[:-1])[: len(names)]
    found = anchor.index.get_indexer(names[begins])
    day = series["day"].to_numpy(dtype="float64")
    _assert_sorted(names, begins, found, day)
    row = found[np.cumsum(begins) - 1]
    until = np.append(anchor["day"].to_numpy(dtype="float64"), np.nan)[row]
    keep = (day > 0) & (day <= until)
    value = series["value"].to_numpy(dtype="float64")[keep]
    below, above = (
        series[name].to_numpy(dtype=bool)[keep] if name in series else np.zeros(len(value), dtype=bool)
        for name in ("censored", "above")
    )
    return _runs(row[keep], day[keep], value, below, above)


def _assert_sorted(names: np.ndarray, begins: np.ndarray, found: np.ndarray, day: np.ndarray) -> None:
    """Each known patient in one run, days ascending."""
    known = found[found >= 0]
    if len(known) and np.bincount(known).max() > 1:
        twice = np.flatnonzero(np.bincount(known) > 1)[0]
        patient = names[begins][found == twice][0]
        raise ValueError(f"patient {patient}: results are not together; sort by patient and day")
    back = np.flatnonzero(~begins[1:] & (day[1:] <= day[:-1]))
    if len(back):
        first, second = day[back[0]], day[back[0] + 1]
        raise ValueError(f"patient {names[back[0]]}: day {second:g} after day {first:g}; sort by day, one result a day")
