"""Landmark tables: what is known of every patient at risk when a landmark closes, and nothing later."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.landmark.blood import blood_block
from features.landmark.guards import assert_closed, score_version
from features.landmark.imaging import imaging_block
from features.landmark.patients import patient_block
from features.landmark.treatments import treatment_block
from features.landmark.urine import urine_block
from features.landmark.view import View
from features.measurements import measurements
from features.outcomes.assessments import at_risk, build_outcome
from features.registry import FEATURES
from features.truncate import truncate

BLOCKS = (patient_block, blood_block, urine_block, imaging_block, treatment_block)


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


def frame_digest(rows: pd.DataFrame, *facts: object) -> str:
    """SHA-256 of a frame with index and column names, and of some facts beside it."""
    content = hashlib.sha256(repr((list(rows.columns), *facts)).encode())
    content.update(pd.util.hash_pandas_object(rows, index=True).to_numpy().tobytes())
    return content.hexdigest()


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
        L101 when a record is dated after L(s), by its actual day; L111 when score versions are mixed.
    Refused
        When a unit or version is not in the protocol.
    """
    assert_closed(closed, protocol, landmark)
    risk = at_risk(build_outcome(closed, protocol), landmark, protocol)
    measured = measurements(closed, protocol)
    assay, analyte = score_version(measured, protocol)
    view = View(closed, protocol, float(landmark), risk.index[risk], measured, assay, analyte)
    blocks = [block(view) for block in BLOCKS]
    rows = pd.concat([block.columns for block in blocks], axis=1)[list(FEATURES)]
    rows.index.name = "patient_id"
    latest = pd.concat([block.stamps for block in blocks], axis=1).reindex(rows.index)
    return LandmarkTable(rows, latest, float(landmark), frame_digest(rows, float(landmark)), assay.version)


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
    # No column rests on single wells: their verdicts carry the quality figures, and wells are most of the rows.
    without_wells = trial.replace(wells=trial.wells.iloc[:0])
    return landmark_table(truncate(without_wells, protocol, landmark), protocol, landmark)
