"""Landmark tables: what is known of every patient at risk when a landmark closes, and nothing later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data.findings import Finding, Refused
from data.protocol import Assay, Protocol
from data.trial import Trial
from features.blocks import blood_block, imaging_block, patient_block, treatment_block, urine_block
from features.clock import closing_day, days_from, origin_dates
from features.measurements import measurements
from features.outcomes.assessments import at_risk, build_outcome
from features.outcomes.readings import adequate_scans
from features.registry import FEATURES
from features.truncate import DATED, truncate

AFTER_LANDMARK = "L101"
MIXED_VERSIONS = "L111"


class LeakageError(Refused):
    """Records that a landmark table must not see; ``findings`` name table and patient."""


@dataclass(frozen=True)
class LandmarkTable:
    """Features of the patients at risk at one landmark.

    Parameters
    ----------
    rows : DataFrame
        Indexed by ``patient_id``, columns of :data:`features.registry.FEATURES` in that order.
    latest_used : DataFrame
        Same index, one column per source (``blood``, ``urine``, ``imaging``, ``treatments``, ``patients``):
        date of the latest record that the columns of that source rest on. NaT for none, and for baseline
        facts.
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
        return self.latest_used[FEATURES[column].source].rename(column)


def assert_closed(trial: Trial, protocol: Protocol, landmark: float) -> None:
    """Check that no record is dated after the closed landmark of its patient.

    Raises
    ------
    LeakageError
        L101, one finding for each table with such a record, naming the first patient.
    """
    zero = origin_dates(trial, protocol)
    limit = closing_day(protocol, landmark)
    dated = [(name, column) for name, (column, _) in DATED.items()]
    findings = []
    for name, column in [*dated, ("followup", "last_seen_on"), ("followup", "died_on")]:
        frame = getattr(trial, name)
        late = days_from(frame["patient_id"], frame[column], zero) > limit
        if late.any():
            patient = frame.loc[late, "patient_id"].iloc[0]
            text = f"patient {patient}: dated after landmark {landmark:g} closed ({late.sum()} such records)"
            remedy = "truncate the trial at the landmark"
            findings.append(Finding(AFTER_LANDMARK, "reject", text, file=name, column=column, remedy=remedy))
    if findings:
        raise LeakageError(findings)


def score_version(measured: pd.DataFrame, protocol: Protocol) -> tuple[Assay, str]:
    """The one assay version of the blood scores, and the score that the features use.

    Returns
    -------
    tuple of Assay and str
        The first score of the version that was measured. ``assay_default.version`` when nothing was measured.

    Raises
    ------
    LeakageError
        L111 when valid scores of several versions meet: they are not interchangeable.
    Refused
        D181 when the protocol does not know the version, or the score does not belong to it.
    """
    known = {name for assay in protocol.assays.values() for name in assay.analytes}
    scores = measured[measured["valid"] & measured["analyte"].isin(known)]
    versions = scores.drop_duplicates("version")
    if len(versions) > 1:
        found = ", ".join(f"{row.version} (sample {row.sample_id})" for row in versions.itertuples())
        raise LeakageError(
            Finding(
                MIXED_VERSIONS,
                "reject",
                f"NETest versions are mixed: {found}; they are not interchangeable",
                file="results",
                column="version",
                remedy="keep one version per analysis",
            )
        )
    version = versions["version"].iloc[0] if len(versions) else protocol["assay_default.version"]
    assay = protocol.assays.get(version)
    stray = scores if assay is None else scores[~scores["analyte"].isin(assay.analytes)]
    if assay is None or len(stray):
        row = stray.iloc[0]
        raise Refused(
            Finding(
                "D181",
                "reject",
                f"{row['analyte']} is no score of version {version!r} in the protocol",
                file="results",
                column="version",
                sample=row["sample_id"],
                remedy="correct the version or add the assay to the protocol",
            )
        )
    measured_names = set(scores["analyte"])
    return assay, next((name for name in assay.analytes if name in measured_names), assay.analytes[0])


def frame_digest(rows: pd.DataFrame, *facts: object) -> str:
    """SHA-256 of a frame with index and column names, and of some facts beside it."""
    content = hashlib.sha256(repr((list(rows.columns), *facts)).encode())
    content.update(pd.util.hash_pandas_object(rows, index=True).to_numpy().tobytes())
    return content.hexdigest()


def build_from(truncated: Trial, protocol: Protocol, landmark: float) -> LandmarkTable:
    """Build the landmark table from a trial that already ends at the landmark.

    Parameters
    ----------
    truncated : Trial
        From :func:`features.truncate.truncate`.

    Returns
    -------
    LandmarkTable
        One row per patient at risk, in the order of the patients table.

    Raises
    ------
    LeakageError
        L101 when a record is dated after L(s), L111 when score versions are mixed.
    Refused
        When a unit or version is not in the protocol.
    """
    assert_closed(truncated, protocol, landmark)
    risk = at_risk(build_outcome(truncated, protocol), landmark, protocol)
    index = risk.index[risk]
    measured = measurements(truncated, protocol)
    assay, analyte = score_version(measured, protocol)
    blood, anchor = blood_block(truncated, measured, protocol, landmark, (assay, analyte), index)
    blocks = {
        "patients": patient_block(truncated, protocol, index),
        "blood": blood,
        "urine": urine_block(truncated, measured, protocol, landmark, index),
        "imaging": imaging_block(truncated, adequate_scans(truncated, protocol), protocol, landmark, index),
        "treatments": treatment_block(truncated, anchor, protocol, index),
    }
    rows = pd.concat([block.columns for block in blocks.values()], axis=1)[list(FEATURES)]
    rows.index.name = "patient_id"
    latest = pd.DataFrame({name: block.latest for name, block in blocks.items()}, index=rows.index)
    return LandmarkTable(rows, latest, float(landmark), frame_digest(rows, float(landmark)), assay.version)


def landmark_table(trial: Trial, protocol: Protocol, landmark: float) -> LandmarkTable:
    """Features of every patient at risk at a landmark, from records dated up to L(s) only.

    The trial is truncated first, so no later record can have any part in it.

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
        See :func:`build_from`.
    """
    # No column rests on single wells: their verdicts carry the quality figures, and wells are most of the rows.
    without_wells = trial.replace(wells=trial.wells.iloc[:0])
    return build_from(truncate(without_wells, protocol, landmark), protocol, landmark)


def last_values(trial: Trial, protocol: Protocol, landmark: float, analytes: Sequence[str]) -> pd.DataFrame:
    """Last valid value of each analyte at or before L(s), whatever its specimen, visit or window.

    For cohorts whose records lie on irregular days.

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``, every patient of the trial; for each analyte a column of its name
        (canonical unit) and ``<analyte>__days_before`` (days from the sample to L(s)). NaN when there is
        none.

    Raises
    ------
    Refused
        When a unit is not in the protocol.
    """
    measured = measurements(truncate(trial, protocol, landmark), protocol)
    measured = measured[measured["valid"] & measured["analyte"].isin(list(analytes))]
    last = measured.drop_duplicates(["patient_id", "analyte"], keep="last")
    index = origin_dates(trial, protocol).index
    limit = closing_day(protocol, landmark)
    columns: dict[str, pd.Series] = {}
    for analyte in analytes:
        rows = last[last["analyte"] == analyte].set_index("patient_id")
        columns[analyte] = rows["value"].reindex(index)
        columns[f"{analyte}__days_before"] = limit - rows["day"].reindex(index)
    return pd.DataFrame(columns, index=index)
