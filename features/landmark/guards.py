"""What a landmark table refuses: records after L(s), and mixed versions of the score."""

from __future__ import annotations

import pandas as pd

from data.findings import Finding, Refused
from data.protocol import Assay, Protocol
from data.trial import Trial
from features.clock import closing_day, days_from, origin_dates
from features.truncate import DATED

AFTER_LANDMARK = "L101"
MIXED_VERSIONS = "L111"


class LeakageError(Refused):
    """Records that a landmark table must not see; ``findings`` name table and patient."""


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
