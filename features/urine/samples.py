"""Urine samples with their results side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

SAMPLE = ["sample_id", "patient_id", "day", "since_surgery", "collected_on"]


class Results(NamedTuple):
    """The results of one analyte, by urine sample; ``value`` is NaN where a sample has none.

    ``below`` and ``above``: beyond the lower or upper limit of the assay; ``valid``: the laboratory stands by it.
    """

    value: np.ndarray
    below: np.ndarray
    above: np.ndarray
    valid: np.ndarray
    version: np.ndarray

    @property
    def there(self) -> np.ndarray:
        """Whether a sample has a value of the analyte."""
        return ~np.isnan(self.value)

    def or_else(self, other: Results) -> Results:
        """These results, and those of another analyte where a sample has none of this one."""
        return Results(*(np.where(self.there, own, second) for own, second in zip(self, other, strict=True)))


@dataclass(frozen=True)
class UrineSamples:
    """One row per urine sample (``table``), and the results of any analyte in that order (:meth:`of`).

    ``results`` holds every result, ``number`` the sample of each and ``analyte`` the code of its analyte.
    """

    table: pd.DataFrame
    results: Results
    number: np.ndarray
    analyte: np.ndarray
    codes: dict[str, int]

    def of(self, name: str) -> Results:
        """Results of one analyte by sample; the last one where a sample has several."""
        own = np.flatnonzero(self.analyte == self.codes.get(name, -1))
        place = np.full(len(self.table), -1)
        place[self.number[own]] = own
        # Position -1 is the last: a result that is not there.
        return Results(*(np.append(part, no)[place] for part, no in zip(self.results, NO_RESULT, strict=True)))


NO = np.array([False])
NO_RESULT = Results(np.array([np.nan]), NO, NO, NO, np.array([None], dtype=object))


def urine_samples(measured: pd.DataFrame) -> UrineSamples:
    """Urine samples of the results, in their order.

    Parameters
    ----------
    measured : DataFrame
        From :func:`features.measurements.measurements`: the results of one sample stand together.
    """
    urine = (measured["specimen"] == "urine").to_numpy()
    rows = measured if urine.all() else measured[urine]
    names = rows["sample_id"].to_numpy(dtype=object)
    begins = np.append(True, names[1:] != names[:-1])[: len(names)]
    codes, analytes = pd.factorize(rows["analyte"])
    return UrineSamples(
        table=rows.loc[begins, SAMPLE].reset_index(drop=True),
        results=Results(
            rows["value"].to_numpy(dtype="float64"),
            rows["censored"].to_numpy(dtype=bool),
            rows["comparator"].to_numpy(dtype=object) == ">",
            rows["valid"].to_numpy(dtype=bool),
            rows["version"].to_numpy(dtype=object),
        ),
        number=np.cumsum(begins) - 1,
        analyte=codes,
        codes={str(name): code for code, name in enumerate(analytes)},
    )
