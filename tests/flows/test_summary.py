"""What is left to read: nothing that names a patient or a sample goes to the Prefect UI."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data.findings import Finding
from data.ingest.report import FILE_COLUMNS, IngestReport
from data.quality import PlateVerdict
from flows.home import Home
from flows.summary import columns, ingest_lines, ingest_summary, nightly_summary, public_finding, report_summary, table
from flows.work.ingest import Ingested

FINDINGS = [
    Finding("D201", "reject", "patient PX1 is unknown", file="scans.csv", line=7, column="patient_id"),
    Finding("Q101", "repeat", "SX1 differs by 1.2 cycles", "plate.csv", sample="SX1", well="C05", gene="MKI67"),
    Finding("P110", "reject", "is neither: it begins with 'PX1, SX1'", file="x.csv", line=1),
]  # fmt: skip


def ingested(plates: int = 1) -> Ingested:
    rows = [("plate.csv", "plate", "loaded", 4, ""), ("scans.csv", "imaging", "rejected", 0, str(FINDINGS[0]))]
    samples = pd.DataFrame({"sample_id": ["SX1", "SX2"], "verdict": ["repeat", "pass"]})
    verdicts = {f"PL{n:02d}": PlateVerdict("repeat" if n == 1 else "pass", [], samples) for n in range(1, plates + 1)}
    report = IngestReport(pd.DataFrame(rows, columns=list(FILE_COLUMNS)), FINDINGS, verdicts, samples)
    return Ingested(report, dry_run=False, explanation=Path("logs/ingest/x.txt"))


def test_markdown_table_survives_bars_and_lines() -> None:
    assert table(("a", "b"), [("x|y", "1\n2")]) == "| a | b |\n| --- | --- |\n| x/y | 1 2 |"


def test_columns_are_aligned() -> None:
    assert columns([("a", "bb"), ("ccc", "d")]) == ["a    bb", "ccc  d"]


def test_public_findings() -> None:
    assert public_finding(FINDINGS[0]) == ("D201", "reject", "scans.csv line 7 column patient_id", "see the local file")
    assert public_finding(FINDINGS[1]) == (
        "Q101", "repeat", "plate.csv well C05 gene MKI67", "the sample differs by 1.2 cycles",
    )  # fmt: skip
    assert public_finding(FINDINGS[2])[3] == "is neither: it begins with '...'"


def test_ingest_summary_names_files_plates_wells_and_nobody(home: Home) -> None:
    text = ingest_summary(ingested(), home)
    assert text.startswith("# 1 files loaded, 0 unchanged, 1 rejected")
    assert "| PL01 | repeat | 1 | 1 | 0 |" in text and "well C05 gene MKI67" in text
    assert "PX1" not in text and "SX1" not in text and "SX2" not in text


def test_the_person_at_the_terminal_reads_the_reason() -> None:
    lines = ingest_lines(ingested())
    assert f"rejected   scans.csv: {FINDINGS[0]}" in lines
    assert "plate      PL01: repeat (1 repeat, 1 pass)" in lines


def test_many_plates_are_told_by_exception() -> None:
    lines = [line for line in ingest_lines(ingested(plates=30)) if line.startswith("plate ")]
    assert lines == ["plate      PL01: repeat (1 repeat, 1 pass)", "plate      29 others: pass"]


def test_patient_pages_are_not_listed(home: Home) -> None:
    text = report_summary("patients", [home.reports / "patients" / "PX1.html"], home)
    assert "1 patient pages" in text and "PX1" not in text


def test_night_without_news(home: Home) -> None:
    text = nightly_summary({"message": "Nothing new", "fingerprint": {"data": "a" * 64}}, home)
    assert text == "# Nothing new\n\n| rests on | digest |\n| --- | --- |\n| data | aaaaaaaaaaaaaaaa |"
