"""Landmark tables: what is known of every patient at risk when a landmark closes, and nothing later."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.findings import Refused
from data.protocol import Protocol
from data.trial import Trial
from features.landmark.blood import blood_block
from features.landmark.genes import gene_block, landmark_wells
from features.landmark.guards import LeakageError, assert_closed, score_version, without_stamp
from features.landmark.imaging import imaging_block
from features.landmark.numbers import numbered
from features.landmark.patients import patient_block
from features.landmark.sampling import sampling_block
from features.landmark.treatments import treatment_block
from features.landmark.urine import urine_block
from features.landmark.view import View
from features.measurements import measurements, sample_days
from features.outcomes.assessments import at_risk, build_outcome
from features.outcomes.readings import ALL_SCANS
from features.registry import FEATURES
from features.truncate import truncate

BLOCKS = (patient_block, blood_block, urine_block, imaging_block, treatment_block, gene_block, sampling_block)

DIGEST_ROWS = 2048


@dataclass(frozen=True)
class LandmarkTable:
    """Features of the patients at risk at one landmark.

    Parameters
    ----------
    rows : DataFrame
        Indexed by ``patient_id``, columns of :data:`features.registry.FEATURES` in that order.
    latest_used : DataFrame
        Same index, one column per stamp (``Feature.stamp``): date of the latest record that the columns with that
        stamp rest on. NaT for none, and for baseline facts.
    landmark : float
        Months from time zero.
    digest : str
        SHA-256 of landmark and rows.
    version : str
        Version of the blood score.
    """

    rows: pd.DataFrame
    latest_used: pd.DataFrame
    landmark: float
    digest: str
    version: str = ""

    def latest(self, column: str) -> pd.Series:
        """Date of the latest record that one column rests on, by patient."""
        return self.latest_used[FEATURES[column].stamp].rename(column)

    def stamps(self) -> pd.DataFrame:
        """Date of the latest record used, patient by patient and column by column (shape and labels of ``rows``)."""
        groups = [FEATURES[column].stamp for column in self.rows.columns]
        return self.latest_used[groups].set_axis(self.rows.columns, axis=1)


def frame_digest(rows: pd.DataFrame, *facts: object) -> str:
    """SHA-256 of a frame with index, column names and types, and of some facts beside it.

    Numbers count by their value: every NaN is the same, and so are both zeros.
    """
    kinds = rows.dtypes.to_numpy()
    words = {kind: str(kind) for kind in set(kinds)}
    content = hashlib.sha256(repr((list(rows.columns), [words[kind] for kind in kinds], *facts)).encode())
    number = np.array([words[kind] == "float64" for kind in kinds], dtype=bool)
    numbers = rows.loc[:, number]
    # Some rows at a time: what fits into the processor's cache is hashed many times faster than it is copied.
    for first in range(0, len(numbers), DIGEST_ROWS):
        values = numbers.iloc[first : first + DIGEST_ROWS].to_numpy()
        content.update(np.ascontiguousarray(np.where(np.isnan(values), np.nan, values + 0.0)).data)
    content.update(pd.util.hash_pandas_object(rows.loc[:, ~number], index=True).to_numpy().data)
    return content.hexdigest()


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers as float64, whatever a block made of them: the type of a column must not depend on the patients."""
    other = [
        name
        for name, kind in zip(rows.columns, rows.dtypes.to_numpy(), strict=True)
        if FEATURES[name].kind in ("number", "flag", "material") and kind.kind in "iu"
    ]
    return rows.astype(dict.fromkeys(other, "float64")) if other else rows


def landmark_table(closed: Trial, protocol: Protocol, landmark: float) -> LandmarkTable:
    """Features of every patient at risk at a landmark, from a trial that ends there.

    Parameters
    ----------
    closed : Trial
        The trial as known when the landmark closed (:func:`features.truncate.truncate`); :func:`table_at` does both.
    protocol : Protocol
    landmark : float
        Months from time zero.

    Returns
    -------
    LandmarkTable
        One row per patient at risk, in the order of the patients table.

    Raises
    ------
    LeakageError
        L101 when a record is dated after L(s), by its actual day; L102 when a block leaves a column without its stamp;
        L111 when score versions are mixed.
    Refused
        When a unit or version is not in the protocol.
    """
    assert_closed(closed, protocol, landmark)
    rows, latest, version = _built(closed, protocol, float(landmark))
    return _sealed(rows, latest, float(landmark), version)


def _built(closed: Trial, protocol: Protocol, landmark: float) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Rows, stamps and version of the score of a truncated trial."""
    view = _view(closed, protocol, landmark)
    blocks = [block(view) for block in BLOCKS]
    rows = pd.concat([block.columns for block in blocks], axis=1)[list(FEATURES)]
    rows = _typed(rows)
    rows.index.name = "patient_id"
    latest = pd.concat([block.stamps for block in blocks], axis=1).reindex(rows.index)
    bare = without_stamp(rows.columns, latest)
    if bare is not None:
        raise LeakageError(bare)
    return rows, latest, view.assay.version


def _sealed(rows: pd.DataFrame, latest: pd.DataFrame, landmark: float, version: str) -> LandmarkTable:
    return LandmarkTable(rows, latest, landmark, frame_digest(rows, landmark), version)


def _view(closed: Trial, protocol: Protocol, landmark: float) -> View:
    """What the blocks look at: the patients at risk, their samples, results and scans."""
    outcome = build_outcome(closed, protocol)
    risk = at_risk(outcome, landmark, protocol)
    samples = sample_days(closed, protocol)
    measured = measurements(closed, protocol, samples)
    assay, analyte = score_version(measured, protocol)
    # Imaging history looks at every adequate scan; a protocol may take only some of them for the outcome.
    scans = outcome.scans if protocol["imaging.ascertainment"] == ALL_SCANS else None
    return View(closed, protocol, landmark, risk.index[risk], measured, assay, analyte, samples, scans)


def table_at(trial: Trial, protocol: Protocol, landmark: float) -> LandmarkTable:
    """The landmark table of a trial that goes on after the landmark: it is truncated first.

    Parameters
    ----------
    trial : Trial
        The full trial at its data cut.
    protocol : Protocol
    landmark : float
        Months from time zero.

    Returns
    -------
    LandmarkTable

    Raises
    ------
    LeakageError, Refused
        See :func:`landmark_table`.
    """
    # Columns rest on the wells of landmark samples only, and wells are most of the rows of a trial.
    needed = trial.replace(wells=landmark_wells(trial, protocol, landmark)) if len(trial.wells) else trial
    coded = numbered(needed)
    if coded is not None:
        with suppress(Refused):  # a refusal has to name patient and sample: the same again with names
            return _by_numbers(*coded, protocol, float(landmark))
    return landmark_table(truncate(needed, protocol, landmark), protocol, landmark)


def _by_numbers(trial: Trial, names: np.ndarray, protocol: Protocol, landmark: float) -> LandmarkTable:
    """The table of a trial whose patients are numbers, with their names."""
    rows, latest, version = _built(truncate(trial, protocol, landmark), protocol, landmark)
    rows.index = latest.index = pd.Index(names[rows.index], name="patient_id")
    return _sealed(rows, latest, landmark, version)
