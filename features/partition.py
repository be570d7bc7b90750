"""Landmark tables from parts of a trial: split by patient, build each part, put the tables together again.

A row of a landmark table rests on the records of its own patient, with three exceptions, and a part is made so that it
cannot tell them from the whole trial:

- **Plates.** Control wells and plate controls belong to every patient who has a sample on the plate, so each part
  holds those of all its plates.
- **What the trial decides.** The version of the score, the score that was measured, the refusal of mixed versions, and
  whether the scans name their visits are read from all patients. Each part also holds the *witnesses*: the few patients
  with the earliest record of each kind that decides. A landmark that sees such a record of anybody sees it in them.
  Their rows are dropped afterwards unless they are the part's own.
- **Refusals.** What is refused in one part is refused in the whole trial, but the words may name another record: then
  the whole trial is built in one piece and speaks for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from data.findings import Refused
from data.protocol import Protocol
from data.trial import Trial
from features.clock import days_from, origin_dates
from features.landmark import LandmarkTable, frame_digest, table_at
from features.measurements import measurements

BY_PATIENT = (
    "patients", "samples", "imaging", "lesions", "treatments", "followup", "quality_of_life", "adverse_events",
)  # fmt: skip
BY_SAMPLE = ("results", "verdicts", "wells")
NOBODY = -1

Mapper = Callable[[Callable[["Part"], "Tables | None"], Sequence["Part"]], Iterable["Tables | None"]]
Tables = dict[float, LandmarkTable]


@dataclass(frozen=True, repr=False)
class Part:
    """Some patients of a trial with all that their rows rest on; its name in logs shows no record.

    Parameters
    ----------
    trial : Trial
        Records of the patients, of their plates and of the witnesses, in the order of the whole trial.
    own : Index
        The patients of the part, without the witnesses of others.
    number : int
        Its place among the parts, from 0.
    """

    trial: Trial
    own: pd.Index
    number: int

    def __repr__(self) -> str:
        return f"part {self.number}"


def witnesses(trial: Trial, protocol: Protocol) -> list[str]:
    """Patients whose records decide what holds for the whole trial, at whatever landmark.

    For each version and score the patient with the earliest valid result; among scans whose visit is named, the
    patient with the earliest one.

    Raises
    ------
    Refused
        When a unit of a score cannot be converted.
    """
    scores = {name for assay in protocol.assays.values() for name in assay.analytes}
    of_scores = trial.replace(results=trial.results[trial.results["analyte"].isin(scores)])
    measured = measurements(of_scores, protocol)
    valid = measured[measured["valid"]].sort_values("day", kind="stable")
    found = valid.drop_duplicates(["version", "analyte"])["patient_id"].tolist()
    named = trial.imaging[trial.imaging["scheduled_month"].notna()]
    day = days_from(named["patient_id"], named["scan_on"], origin_dates(trial, protocol))
    found += named["patient_id"][day == day.min()].tolist()[:1]
    return list(dict.fromkeys(found))


def _positions(groups: np.ndarray, parts: int) -> list[np.ndarray]:
    """Row numbers of each group in their old order; rows of nobody belong to none."""
    order = np.argsort(groups, kind="stable")
    bounds = np.searchsorted(groups[order], np.arange(parts + 1))
    return [order[first:last] for first, last in zip(bounds, bounds[1:], strict=False)]


def _looked_up(names: pd.Series, index: pd.Index, values: np.ndarray) -> np.ndarray:
    """Value of each name; ``NOBODY`` for a name that is not in the index."""
    return np.append(values, NOBODY)[index.get_indexer(pd.Index(names, dtype=object))]


def _owners(trial: Trial, owner: np.ndarray) -> dict[str, np.ndarray]:
    """Number of the patient (or of its part: any number by patient) that each row of each table belongs to."""
    patients = pd.Index(trial.patients["patient_id"], dtype=object)
    rows = {name: _looked_up(getattr(trial, name)["patient_id"], patients, owner) for name in BY_PATIENT}
    samples = pd.Index(trial.samples["sample_id"], dtype=object)
    return rows | {name: _looked_up(getattr(trial, name)["sample_id"], samples, rows["samples"]) for name in BY_SAMPLE}


def _with_plates(trial: Trial, rows: dict[str, np.ndarray]) -> Trial:
    """Some rows of a trial, with the control wells and controls of their plates."""
    tables = {name: getattr(trial, name).iloc[chosen] for name, chosen in rows.items() if name != "wells"}
    wells, own = trial.wells, np.zeros(len(trial.wells), dtype=bool)
    own[rows["wells"]] = True
    plates = pd.concat([tables["results"]["plate"].astype(object), wells["plate"][own].astype(object)]).dropna()
    beside = wells["sample_id"].isna() & wells["plate"].isin(plates.unique())
    tables["wells"] = wells[own | beside]
    tables["controls"] = trial.controls[trial.controls["plate"].isin(plates.unique())]
    return trial.replace(**{name: table.reset_index(drop=True) for name, table in tables.items()})


def split(trial: Trial, protocol: Protocol, parts: int) -> list[Part]:
    """Split a trial by patient into parts of (almost) equal size, in the order of the patients table.

    Records of unknown patients or samples belong to no part: no landmark table sees them.

    Parameters
    ----------
    trial : Trial
        Patients and samples have each their own name.
    protocol : Protocol
    parts : int
        At most as many as there are patients are made, at least one.

    Returns
    -------
    list of Part

    Raises
    ------
    Refused
        See :func:`witnesses`.
    """
    patients = pd.Index(trial.patients["patient_id"], dtype=object)
    count = max(1, min(parts, len(patients)))
    blocks = np.array_split(np.arange(len(patients)), count)
    number = np.repeat(np.arange(count), [len(block) for block in blocks])
    rows = {name: _positions(groups, count) for name, groups in _owners(trial, number).items()}
    seen = np.where(patients.isin(witnesses(trial, protocol)), 0, NOBODY)
    beside = {name: np.flatnonzero(groups == 0) for name, groups in _owners(trial, seen).items()}
    return [
        Part(
            _with_plates(trial, {name: np.union1d(of[part], beside[name]) for name, of in rows.items()}),
            patients[blocks[part]],
            part,
        )
        for part in range(count)
    ]


def part_tables(part: Part, protocol: Protocol, landmarks: Sequence[float]) -> Tables | None:
    """Landmark tables of the patients of one part; None where something was refused."""
    try:
        built = {landmark: table_at(part.trial, protocol, landmark) for landmark in landmarks}
    except (Refused, ValueError):
        return None
    return {landmark: _only(table, part.own) for landmark, table in built.items()}


def _only(table: LandmarkTable, own: pd.Index) -> LandmarkTable:
    keep = table.rows.index.isin(own)
    return replace(table, rows=table.rows[keep], latest_used=table.latest_used[keep], digest="")


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame | None:
    """The frames below each other; None when a column has another type in one of them.

    A whole number is one only where no patient lacks it, so whole numbers beside others become those, as they do in
    the whole trial.
    """
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    types = [frame.dtypes.astype(str).replace("int64", "float64") for frame in filled]
    if any(not kinds.equals(types[0]) for kinds in types):
        return None
    return pd.concat(filled)


def joined(tables: Sequence[LandmarkTable]) -> LandmarkTable | None:
    """One landmark table from those of all parts, in their order.

    Returns
    -------
    LandmarkTable or None
        None when parts disagree about the version or the type of a column, which only one piece can settle.
    """
    rows, latest = (_stacked([getattr(table, name) for table in tables]) for name in ("rows", "latest_used"))
    if rows is None or latest is None or len({table.version for table in tables}) > 1:
        return None
    return replace(tables[0], rows=rows, latest_used=latest, digest=frame_digest(rows, tables[0].landmark))


def tables_by_parts(
    trial: Trial, protocol: Protocol, landmarks: Sequence[float], parts: int, mapper: Mapper = map
) -> Tables:
    """Landmark tables of a trial, built part by part: the same rows, stamps and digests as of :func:`table_at`.

    Parameters
    ----------
    trial : Trial
        The full trial at its data cut.
    protocol : Protocol
    landmarks : sequence of float
        Months from time zero.
    parts : int
    mapper : callable, optional
        Like :func:`map`: applies a function to every part and gives the answers in their order. Function and parts
        can be pickled; the function gives None for a part that was refused.

    Returns
    -------
    dict of landmark to LandmarkTable

    Raises
    ------
    LeakageError, Refused
        As :func:`table_at` raises them for the whole trial.
    """
    found = _by_parts(trial, protocol, landmarks, parts, mapper)
    return {at: table_at(trial, protocol, at) if (known := found.get(at)) is None else known for at in landmarks}


def _by_parts(
    trial: Trial, protocol: Protocol, landmarks: Sequence[float], parts: int, mapper: Mapper
) -> dict[float, LandmarkTable | None]:
    """Tables of the landmarks; empty, or None for one of them, where the whole trial has to be built in one piece."""
    named = [pd.Index(frame[name]) for frame, name in ((trial.patients, "patient_id"), (trial.samples, "sample_id"))]
    if parts < 2 or len(trial.patients) < 2 or not all(index.is_unique and not index.hasnans for index in named):
        return {}
    try:
        pieces = split(trial, protocol, parts)
    except Refused:
        return {}
    answers = list(mapper(partial(part_tables, protocol=protocol, landmarks=tuple(landmarks)), pieces))
    if any(answer is None for answer in answers):
        return {}
    return {at: joined([answer[at] for answer in answers if answer is not None]) for at in landmarks}
