"""One row of many by patient: the latest that lies where it should."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd


class Chosen(NamedTuple):
    """The row of each patient: ``at`` is its position in ``rows``, -1 where a patient has none."""

    rows: pd.DataFrame
    at: np.ndarray

    @property
    def there(self) -> np.ndarray:
        """Whether a patient has a row."""
        return self.at >= 0

    def _take(self, name: str, nothing: object, dtype: str) -> np.ndarray:
        out: np.ndarray = np.full(len(self.at), nothing, dtype=dtype)
        out[self.there] = self.rows[name].to_numpy()[self.at[self.there]]
        return out

    def numbers(self, name: str) -> np.ndarray:
        """A column as float; NaN where a patient has no row."""
        return self._take(name, np.nan, "float64")

    def words(self, name: str) -> np.ndarray:
        """A column as objects; None where a patient has no row."""
        return self._take(name, None, "object")

    def dates(self, name: str = "collected_on") -> np.ndarray:
        """A column of dates; NaT where a patient has no row."""
        return self._take(name, np.datetime64("NaT"), "datetime64[ns]")

    def or_else(self, other: Chosen) -> Chosen:
        """These rows, and those of another choice out of the same rows where a patient has none."""
        return Chosen(self.rows, np.where(self.there, self.at, other.at))


class ByPatient(NamedTuple):
    """Rows sorted by patient and day, and the place of their patients among those asked for (-1: not asked for)."""

    rows: pd.DataFrame
    patient: np.ndarray
    patients: int

    def latest(self, allowed: np.ndarray) -> Chosen:
        """Latest allowed row of each patient; of several on one day the last."""
        own = np.flatnonzero(allowed & (self.patient >= 0))
        at = np.full(self.patients, -1)
        at[self.patient[own]] = own
        return Chosen(self.rows, at)

    def once_a_day(self) -> np.ndarray:
        """Whether a row is the last one of its patient and day."""
        day = self.rows["day"].to_numpy()
        another = (self.patient[1:] != self.patient[:-1]) | (day[1:] != day[:-1])
        return np.append(another, True)[: len(day)]

    def only(self, kept: np.ndarray) -> ByPatient:
        """Some of the rows."""
        return ByPatient(self.rows[kept], self.patient[kept], self.patients)


def by_patient(rows: pd.DataFrame, index: pd.Index) -> ByPatient:
    """Rows (``patient_id, day``, sorted) beside the patients asked for."""
    return ByPatient(rows, index.get_indexer(pd.Index(rows["patient_id"])), len(index))
