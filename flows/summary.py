"""What a run leaves to read: lines for the terminal, and Markdown for the Prefect UI without any patient or sample."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.findings import SEVERITIES
from flows.home import Home
from flows.work.pages import FEW

if TYPE_CHECKING:
    import pandas as pd

    from data.findings import Finding
    from flows.work.ingest import Ingested
    from flows.work.score import Scored
    from flows.work.train import Trained

# Findings about files, wells and plates may be quoted once the sample is taken out; those about records name patients.
QUOTED = ("D10", "D12", "P1", "Q1", "Q3")
CELL = re.compile(r"'[^']*'|\"[^\"]*\"")
SHOWN = 40
WORST = ("reject", "repeat", "pass")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    cells = [list(map(_cell, header)), ["---"] * len(header), *(list(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "/").split())


def columns(rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows as aligned text for a terminal."""
    texts = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts]


# ---- ingest ----------------------------------------------------------------------------------------------------------
def ingest_lines(result: Ingested) -> list[str]:
    """What an ingest did, for the person at the terminal: every rejected file with its reasons, then every plate."""
    files = result.report.files
    lines = [f"{row.status:<10} {row.file}" for row in files.itertuples() if row.status != "rejected"][:FEW]
    hidden = int((files["status"] != "rejected").sum()) - len(lines)
    lines += [f"... and {hidden} more"] if hidden > 0 else []
    lines += [_rejected_line(str(row.file), str(row.reason)) for row in files.itertuples() if row.status == "rejected"]
    lines += _plate_lines(result)
    lines.append(result.sentence)
    lines += [f"page       {path}" for path in result.pages]
    if result.explanation is not None:
        lines.append(f"{len(result.report.findings)} findings in full: {result.explanation}")
    return lines


def _rejected_line(file: str, reason: str) -> str:
    return f"rejected   {file}: {reason}".replace("\n", "\n           ")


def _plate_lines(result: Ingested) -> list[str]:
    """Every plate of a small ingest; of a large one those that did not simply pass."""
    plates = result.report.plates
    told = {name: plate for name, plate in plates.items() if len(plates) <= FEW or plate.verdict != "pass"}
    lines = []
    for name, plate in told.items():
        counts = plate.samples["verdict"].value_counts()
        lines.append(
            f"plate      {name}: {plate.verdict} ({', '.join(f'{n} {verdict}' for verdict, n in counts.items())})"
        )
    if len(told) < len(plates):
        lines.append(f"plate      {len(plates) - len(told)} others: pass")
    return lines


def ingest_summary(result: Ingested, home: Home) -> str:
    """The same for the Prefect UI: files, plates, and findings without the words that could name somebody.

    What was kept out comes first; files that were known already are only counted.
    """
    report = result.report
    parts = [f"# {result.sentence}", *_file_table(report.files)]
    if report.plates:
        verdicts = [
            (
                name,
                plate.verdict,
                *(int((plate.samples["verdict"] == word).sum()) for word in ("pass", "repeat", "reject")),
            )
            for name, plate in report.plates.items()
        ]
        header = ("plate", "verdict", "pass", "repeat", "reject")
        parts.append("## Plates\n\n" + _shortened(header, sorted(verdicts, key=lambda row: WORST.index(row[1]))))
    if report.findings:
        header = ("severity", "code", "where", "what", "times")
        parts.append(f"## Findings ({len(report.findings)})\n\n" + _shortened(header, _grouped(report.findings)))
        parts.append(f"In full, with samples and patients: `{result.explanation}`, on the machine of the server.")
    if result.pages:
        parts.append(f"Pages of plates and patients: `{home.reports}`, on the machine of the server.")
    if result.rejected:
        parts.append(f"Rejected files and their reasons: `{home.quarantine}`")
    return "\n\n".join(parts)


def _file_table(files: pd.DataFrame) -> list[str]:
    told = files[files["status"].ne("unchanged")].sort_values("status", key=lambda status: status.ne("rejected"))
    rows = [(row.status, row.file, row.kind, row.rows) for row in told.itertuples()]
    return [_shortened(("status", "file", "kind", "rows"), rows)] if rows else []


def _grouped(findings: Sequence[Finding]) -> list[tuple[object, ...]]:
    """Public findings, the worst first; those of one kind in one file take one row, told by their first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda one: SEVERITIES.index(one.severity)):
        groups.setdefault((finding.severity, finding.code, finding.file), []).append(finding)
    return [(*public_finding(found[0]), len(found)) for found in groups.values()]


def _shortened(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    hidden = len(rows) - SHOWN
    return table(header, rows[:SHOWN]) + (f"\n\n... and {hidden} more" if hidden > 0 else "")


def public_finding(finding: Finding) -> tuple[str, str, str, str]:
    """A finding as the server may show it: code, severity, place without sample, words only where they name nobody."""
    place = [finding.file, *(f"{word} {value}" for word, value in _public_place(finding) if value not in ("", None))]
    words = finding.message if finding.code.startswith(QUOTED) else "see the local file"
    if finding.sample:
        words = words.replace(finding.sample, "the sample")
    # What a file holds is quoted in findings; it may be anybody's name.
    words = CELL.sub("'...'", words)
    return finding.severity, finding.code, " ".join(part for part in place if part), words


def _public_place(finding: Finding) -> tuple[tuple[str, object], ...]:
    return ("line", finding.line), ("column", finding.column), ("well", finding.well), ("gene", finding.gene)


# ---- train and nightly -----------------------------------------------------------------------------------------------
TRAIN_HEADER = ("endpoint", "model", "AUC (95% interval)", "Brier", "slope", "events / labelled", "event rate", "role")


def train_lines(result: Trained) -> list[str]:
    """One row per endpoint and model."""
    return [*columns([TRAIN_HEADER, *result.table()]), *_registered(result), result.sentence, *result.notes()]


def train_summary(result: Trained, home: Home) -> str:
    """The same as Markdown, with where to look."""
    parts = [f"# {result.sentence}", table(TRAIN_HEADER, result.table())]
    parts += ["\n".join(f"- {line}" for line in _registered(result))] if result.registered else []
    parts += [*result.notes(), mlflow_link(home, result.experiments)]
    return "\n\n".join(part for part in parts if part)


def _registered(result: Trained) -> list[str]:
    return [f"{row['model']} version {row['version']}: {row['alias']} ({row['reason']})" for row in result.registered]


def mlflow_link(home: Home, experiments: dict[str, str]) -> str:
    """Links to experiments where the UI runs, else how to start it."""
    from flows.services import mlflow_url

    url = mlflow_url(home)
    if not url:
        return f"Runs: `netest up --home {home.root}`, then open the MLflow URL that it prints."
    return "Runs: " + ", ".join(f"[{name}]({url}/#/experiments/{key})" for name, key in experiments.items())


def nightly_lines(record: dict[str, Any]) -> list[str]:
    """What a night found."""
    lines = [record["message"]]
    lines += [f"{row['model']} version {row['version']}: {row['alias']}" for row in record.get("registered", [])]
    return lines


def nightly_summary(record: dict[str, Any], home: Home) -> str:
    """The same as Markdown."""
    facts = [(name, value[:16]) for name, value in record["fingerprint"].items()]
    parts = [f"# {record['message']}", record.get("note", "")]
    if record.get("registered"):
        rows = [(row["model"], row["version"], row["alias"], row["reason"]) for row in record["registered"]]
        parts.append(table(("model", "version", "alias", "reason"), rows))
        parts.append(mlflow_link(home, record.get("experiments", {})))
    return "\n\n".join(part for part in [*parts, table(("rests on", "digest"), facts)] if part)


# ---- score, report, backup -------------------------------------------------------------------------------------------
def score_lines(result: Scored) -> list[str]:
    """Calls per endpoint, and where the file is."""
    return [*columns([result.header, *result.counts()]), result.sentence, f"Scores: {result.path}"]


def score_summary(result: Scored, home: Home) -> str:
    """Counts only: the file itself stays on the machine."""
    where = f"File: `{result.path}`, on the machine of the server."
    return f"# {result.sentence}\n\n{table(result.header, result.counts())}\n\n{where}"


def report_summary(kind: str, paths: Sequence[Path], home: Home) -> str:
    """Where the pages lie; pages of patients are not listed one by one."""
    if kind == "patients":
        return f"# {len(paths)} patient pages\n\nFolder: `{home.reports / 'patients'}`, on the machine of the server."
    return f"# Report: {kind}\n\n" + "\n".join(f"- `{path}`, on the machine of the server" for path in paths)


def backup_summary(path: Path, home: Home) -> str:
    """Where the backup lies and how to bring it back."""
    return (
        f"# Backup of {path.stat().st_size / 1e6:.1f} MB\n\nFile: `{path}`\n\n"
        f"Bring it back with `netest restore {path} --home FOLDER`. The history of Prefect runs is not part of it."
    )
