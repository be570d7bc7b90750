"""What a table is judged against, and how a broken rule becomes findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from data.findings import Finding
from data.origin import origin_days
from data.protocol import Protocol
from data.trial import typed
from data.validate.table import SHOWN, CheckedTable


@dataclass(frozen=True)
class Context:
    """The world in which a delivered table must make sense.

    Parameters
    ----------
    known : mapping of str to DataFrame
        Typed tables of the store, with the files of this delivery that were accepted so far laid over them.
    protocol : Protocol
        Analytes, assays and limits.
    now : Timestamp
        Instant of ingestion, naive UTC.
    pending : mapping of str to DataFrame
        Typed tables of this delivery that fit their contract and are judged later.
    rejected : mapping of str to str
        Tables of this delivery that were rejected, with their file names.
    """

    known: Mapping[str, pd.DataFrame]
    protocol: Protocol
    now: pd.Timestamp
    pending: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """The known rows of a table; empty when nothing is known."""
        return self.known[name] if name in self.known else typed(name, pd.DataFrame())

    def lookup(self, name: str, key: str, column: str) -> pd.Series:
        """A column of a known table by a key column."""
        frame = self.table(name)
        return frame.drop_duplicates(key, keep="last").set_index(key)[column]

    def origins(self) -> pd.Series:
        """Day from which the protocol counts, by patient, also from treatments that are judged later."""
        treatments = self.table("treatments")
        if "treatments" in self.pending:
            treatments = pd.concat([treatments, self.pending["treatments"]], ignore_index=True)
        kinds = {kind for kinds in self.protocol["therapy.study_treatment"].values() for kind in kinds}
        return origin_days(self.table("patients"), treatments, str(self.protocol["clock.origin"]), kinds)

    def deaths(self) -> pd.Series:
        """Day of death by patient, also from a follow-up table that is judged later."""
        followup = self.table("followup")
        if "followup" in self.pending:
            later = self.pending["followup"]
            followup = pd.concat([followup[~followup["patient_id"].isin(later["patient_id"])], later])
        latest = followup.drop_duplicates("patient_id", keep="last")
        return latest.dropna(subset=["died_on"]).set_index("patient_id")["died_on"]


def _words(template: str, row: pd.Series) -> str:
    cells = {
        str(column): value.strftime("%Y-%m-%d") if isinstance(value, pd.Timestamp) else value
        for column, value in row.items()
    }
    return template.format(**cells)


def flag(
    table: CheckedTable,
    broken: pd.Series,
    code: str,
    column: str,
    message: str,
    remedy: str = "",
    *,
    severity: str = "reject",
    extra: Mapping[str, pd.Series] | None = None,
) -> list[Finding]:
    """Findings for the rows that break a rule: the first few by line, the rest counted in one more.

    Parameters
    ----------
    table : CheckedTable
        Table that is judged.
    broken : Series of bool
        True where the rule is broken; missing counts as kept.
    code, column, message, remedy, severity : str
        As in :class:`data.findings.Finding`; ``message`` is a format string over the row's columns and
        ``extra``.
    extra : mapping of str to Series, optional
        More values for the message, on the index of the frame.

    Returns
    -------
    list of Finding
        At most ``SHOWN + 1``.
    """
    mask = broken.astype("boolean").fillna(False).to_numpy(dtype=bool)
    total = int(mask.sum())
    if not total:
        return []
    frame = table.frame.assign(**dict(extra or {}))[mask]
    lines = table.lines[mask]
    findings = [
        Finding(
            code,
            severity,
            _words(message, row),
            file=table.file_name,
            line=int(line),
            column=column,
            sample=str(row["sample_id"]) if "sample_id" in frame else "",
            remedy=remedy,
        )
        for line, (_, row) in zip(lines, frame.head(SHOWN).iterrows(), strict=False)
    ]
    if total > SHOWN:
        words = f"{total - SHOWN} more lines are like this, the last is line {int(lines.iloc[-1])}"
        findings.append(Finding(code, severity, words, file=table.file_name, column=column))
    return findings
