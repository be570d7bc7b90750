"""What a landmark table refuses: records after L(s), columns without dates, and mixed versions of the score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.findings import Finding, Refused
from data.protocol import Assay, Protocol
from data.trial import Trial
from features.clock import of_patient
from features.registry import FEATURES
from features.truncate import DATED, closing_dates

AFTER_LANDMARK = "L101"
NO_STAMP = "L102"
MIXED_VERSIONS = "L111"
ENDS = (("treatments", "ended_on"), ("followup", "last_seen_on"), ("followup", "died_on"))


class LeakageError(Refused):
    """Records that a landmark table must not see; ``findings`` name table and patient."""


def assert_closed(trial: Trial, protocol: Protocol, landmark: float) -> None:
    """Check that no record is dated after the closed landmark of its patient.

    What dates a record: the day of collection for samples and with it their results, wells and verdicts (a result is
    of the day the blood was drawn, however late the laboratory measured, received or reported it); the day of the scan,
    the start of a treatment or adverse event, the day of a questionnaire; last contact and death for follow-up. The
    end of a treatment is a fact of its own day and must not lie later either.

    Raises
    ------
    LeakageError
        L101, one finding for each table and column with such a date, naming the first patient.
    """
    closes = closing_dates(trial, protocol, landmark)
    dated = [(name, column) for name, (column, _) in DATED.items()]
    findings = []
    for name, column in [*dated, *ENDS]:
        frame = getattr(trial, name)
        if frame.empty:
            continue
        limit = of_patient(closes, frame["patient_id"])
        late = _dates(frame[column]) > limit
        if late.any():
            first = int(late.argmax())
            patient, found = frame["patient_id"].iloc[first], frame[column].iloc[first]
            text = (
                f"patient {patient}: dated {found:%Y-%m-%d}, after landmark {landmark:g} closed on "
                f"{pd.Timestamp(limit[first]):%Y-%m-%d} ({late.sum()} such records)"
            )
            remedy = "truncate the trial at the landmark"
            findings.append(Finding(AFTER_LANDMARK, "reject", text, file=name, column=column, remedy=remedy))
    if findings:
        raise LeakageError(findings)


def _dates(values: pd.Series) -> np.ndarray:
    return (values if values.dtype.kind == "M" else pd.to_datetime(values)).to_numpy()


def without_stamp(columns: pd.Index, stamps: pd.DataFrame) -> Finding | None:
    """L102 for the first column of a landmark table whose dates are missing, None when every column has its dates.

    Parameters
    ----------
    columns : Index
        Columns of the table that the data dictionary knows.
    stamps : DataFrame
        ``LandmarkTable.latest_used``.
    """
    groups = {column: FEATURES[column].stamp for column in columns}
    dated = {name for name, kind in stamps.dtypes.items() if pd.api.types.is_datetime64_any_dtype(kind)}
    bare = [column for column, group in groups.items() if group not in dated]
    if not bare:
        return None
    column, group = bare[0], groups[bare[0]]
    found = "is no date" if group in stamps else "is not there"
    return Finding(
        NO_STAMP,
        "reject",
        f"column {column!r}: the stamp {group!r} of the latest record used {found} ({len(bare)} such columns)",
        column=column,
        remedy="build the table with features.landmark.table_at; a block dates every group of columns it gives",
    )


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
