"""What a reader of an accepted plate should know: missing columns, odd cells, controls known by name only."""

from __future__ import annotations

import pandas as pd

from data.findings import Finding
from data.readers.dialects import NRT_NAME, NTC_NAME, Dialect

SHOWN = 4


def well_findings(wells: pd.DataFrame, missing: tuple[str, ...], dialect: Dialect, file_name: str) -> list[Finding]:
    """Findings that do not keep a plate out.

    Parameters
    ----------
    wells : DataFrame
        Wells as read, with the column ``task_raw`` of words as written.
    missing : tuple of str
        Fields for which the file has no column.
    dialect : Dialect
        Dialect of the file.
    file_name : str
        Name for messages.

    Returns
    -------
    list of Finding
        P118, P121, P123 (warn) and P124 (note).
    """
    return [
        *(_missing_column(name, file_name) for name in missing),
        *_odd_cycles(wells, dialect, file_name),
        *_controls_by_name(wells, file_name),
        *_strange_tasks(wells, dialect, file_name),
    ]


def _missing_column(name: str, file_name: str) -> Finding:
    remedy = "map the wells in plate_map.csv" if name == "sample" else f"export the run with its {name} column"
    return Finding("P121", "warn", f"has no {name} column", file=file_name, column=name, remedy=remedy)


def _odd_cycles(wells: pd.DataFrame, dialect: Dialect, file_name: str) -> list[Finding]:
    odd = wells[wells["state"] == "other"]
    if odd.empty:
        return []
    message = f"have a Cq that is neither a positive number nor a word of {dialect.name} ({_words(odd['cq_raw'])})"
    return [_finding("P118", "warn", odd, message, "look at these wells in the instrument software", file_name)]


def _controls_by_name(wells: pd.DataFrame, file_name: str) -> list[Finding]:
    named = wells[(wells["task"] == "unknown") & wells["sample"].notna()]
    findings = []
    for pattern, control in ((NTC_NAME, "no-template"), (NRT_NAME, "no-reverse-transcriptase")):
        controls = {name for name in set(named["sample"]) if pattern.fullmatch(name)}
        suspects = named[named["sample"].isin(controls)]
        if not suspects.empty:
            message = f"are {control} controls by sample name only ({_words(suspects['sample'])})"
            remedy = "give them their task in the instrument software; until then they count as samples"
            findings.append(_finding("P123", "warn", suspects, message, remedy, file_name))
    return findings


def _strange_tasks(wells: pd.DataFrame, dialect: Dialect, file_name: str) -> list[Finding]:
    strange = wells[(wells["task"] == "other") & (wells["task_raw"] != "")]
    if strange.empty:
        return []
    message = f"have a task that is neither sample nor control in {dialect.name} ({_words(strange['task_raw'])})"
    return [_finding("P124", "note", strange, message, "they are kept and judged as neither", file_name)]


def _words(values: pd.Series) -> str:
    words = sorted(set(values))
    return ", ".join(words[:3]) + (", ..." if len(words) > 3 else "")


def _finding(code: str, severity: str, rows: pd.DataFrame, message: str, remedy: str, file_name: str) -> Finding:
    listed = ", ".join(rows["well"].head(SHOWN)) + (", ..." if len(rows) > SHOWN else "")
    return Finding(code, severity, f"{len(rows)} wells {message}", file=file_name, well=listed, remedy=remedy)
