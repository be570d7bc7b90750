"""Patients and samples as numbers while a landmark table is built.

A hundred thousand names do not fit into the processor's cache: every look-up, copy and comparison of a name waits for
memory, and time grows faster than the trial. Each name is looked up once here, and put back when the table is built.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.trial import Trial

BY_PATIENT = ("samples", "imaging", "lesions", "treatments", "followup", "quality_of_life", "adverse_events")
BY_SAMPLE = ("results", "verdicts")
NOBODY = -1


def numbered(trial: Trial) -> tuple[Trial, np.ndarray] | None:
    """The same trial with numbers for the names of patients and samples.

    Patients are numbered in the order of their names, samples by patient, day and name: whatever is sorted by name
    lies in the same order. Names that no table of patients or samples knows become ``NOBODY``.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    tuple of Trial and ndarray, or None
        ``names[number]`` gives the patient back. None where a name is missing or stands twice, so that a number could
        not stand for it.
    """
    patients, samples = pd.Index(trial.patients["patient_id"]), pd.Index(trial.samples["sample_id"])
    if not all(index.is_unique and not index.hasnans for index in (patients, samples)):
        return None
    order = _by_name(patients.to_numpy())
    rank = _numbers(order)
    frames = {"patients": _with(trial.patients, "patient_id", rank[:-1])}
    for name in BY_PATIENT:
        table = getattr(trial, name)
        frames[name] = _with(table, "patient_id", rank[patients.get_indexer(table["patient_id"].to_numpy())])
    number = _numbers(_by_day(frames["samples"]))
    frames["samples"] = _with(frames["samples"], "sample_id", number[:-1])
    for name in BY_SAMPLE:
        table = getattr(trial, name)
        frames[name] = _with(table, "sample_id", number[samples.get_indexer(table["sample_id"].to_numpy())])
    if len(trial.wells):
        own = trial.wells["sample_id"].cat
        known = number[samples.get_indexer(own.categories)].astype("float64")
        # Wells without a sample are control wells, and stay so.
        frames["wells"] = _with(trial.wells, "sample_id", np.append(known, np.nan)[own.codes.to_numpy()])
    return trial.replace(**frames), patients.to_numpy()[order]


def _with(table: pd.DataFrame, column: str, values: np.ndarray) -> pd.DataFrame:
    """The table with another column; the others are shared, not copied."""
    out = table.copy(deep=False)
    out[column] = values
    return out


def _numbers(order: np.ndarray) -> np.ndarray:
    """Place of each row in an order; one place more, for a row that is not there (-1)."""
    number = np.full(len(order) + 1, NOBODY, dtype="int64")
    number[order] = np.arange(len(order))
    return number


def _by_name(names: np.ndarray) -> np.ndarray:
    """Rows in the order of their names; a table that lies so already (most do) is not sorted again."""
    if (names[1:] >= names[:-1]).all():
        return np.arange(len(names))
    return np.argsort(names, kind="stable")


def _by_day(samples: pd.DataFrame) -> np.ndarray:
    """Rows by patient, day and name; names are compared only where two samples share patient and day."""
    who, day = samples["patient_id"].to_numpy(), samples["collected_on"].to_numpy()
    order = np.lexsort([day, who])
    tied = (who[order][1:] == who[order][:-1]) & (day[order][1:] == day[order][:-1])
    if not tied.any():
        return order
    place = np.flatnonzero(np.append(tied, False) | np.append(False, tied))
    group = np.append(0, np.cumsum(~tied))[place]
    rows = order[place]
    name = pd.factorize(samples["sample_id"].to_numpy()[rows], sort=True)[0]
    order[place] = rows[np.lexsort([name, group])]
    return order
