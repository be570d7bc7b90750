"""What a check has to say to a person: one finding, one line, one remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SEVERITIES = ("reject", "repeat", "warn", "note")


@dataclass(frozen=True)
class Finding:
    """One observation about delivered data.

    Parameters
    ----------
    code : str
        Check code, listed in ``docs/codes.md``.
    severity : {"reject", "repeat", "warn", "note"}
        ``reject`` keeps the file (or plate) out, ``repeat`` asks for a new measurement, the others only inform.
    message : str
        What was found and what would be right, without the place.
    file, line, column, sample, well, gene : str or int, optional
        The place. ``line`` counts physical lines of the file from 1.
    remedy : str, optional
        What the reader should do about it.
    """

    code: str
    severity: str
    message: str
    file: str = ""
    line: int | None = None
    column: str = ""
    sample: str = ""
    well: str = ""
    gene: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity {self.severity!r} is not one of {', '.join(SEVERITIES)}")

    @property
    def place(self) -> str:
        """The place in words: ``results.csv line 14 column value sample S0007``."""
        parts = [self.file]
        for word, value in (
            ("line", self.line),
            ("column", self.column),
            ("sample", self.sample),
            ("well", self.well),
            ("gene", self.gene),
        ):
            if value not in ("", None):
                parts.append(f"{word} {value}")
        return " ".join(part for part in parts if part)

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        remedy = f" -> {self.remedy}" if self.remedy else ""
        return f"[{self.code}] {place}{self.message}{remedy}"


class Refused(Exception):
    """Input that is kept out, with the findings that say why.

    Parameters
    ----------
    findings : Finding or iterable of Finding
        At least one finding; ``str(error)`` is their lines.
    """

    def __init__(self, findings: Finding | Iterable[Finding]) -> None:
        self.findings = [findings] if isinstance(findings, Finding) else list(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))
