"""What is left to read: nothing that names a patient or a sample goes to the Prefect UI."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data.findings import Finding
from data.ingest.delivered import unexpected
from data.ingest.report import FILE_COLUMNS, IngestReport
from data.quality import PlateVerdict
from flows.home import Home
from flows.summary import (
    columns,
    ingest_lines,
    ingest_summary,
    nightly_summary,
    public_finding,
    report_summary,
    score_summary,
    table,
)
from flows.work.ingest import Ingested
from flows.work.score import Scored

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
    assert public_finding(FINDINGS[0]) == ("reject", "D201", "scans.csv line 7 column patient_id", "see the local file")
    assert public_finding(FINDINGS[1]) == (
        "repeat", "Q101", "plate.csv well C05 gene MKI67", "the sample differs by 1.2 cycles",
    )  # fmt: skip
    assert public_finding(FINDINGS[2])[3] == "is neither: it begins with '...'"


def test_ingest_summary_names_files_plates_wells_and_nobody(home: Home) -> None:
    text = ingest_summary(ingested(), home)
    assert text.startswith("# 1 files loaded, 0 unchanged, 1 rejected")
    assert "| PL01 | repeat | 1 | 1 | 0 |" in text and "well C05 gene MKI67" in text
    assert "PX1" not in text and "SX1" not in text and "SX2" not in text


def test_what_was_kept_out_comes_first_and_the_rest_is_counted(home: Home) -> None:
    rows = [(f"p{n}.csv", "plate", "unchanged", 0, "") for n in range(90)]
    rows += [("good.csv", "plate", "loaded", 4, ""), ("late.csv", "imaging", "rejected", 0, "unknown")]
    findings = [Finding("Q101", "warn", f"Cq {n}", "good.csv", well=f"A{n:02d}") for n in range(45)]
    findings.append(Finding("P114", "reject", "ends inside a row: 10 of 11 cells", "late.csv", line=193))
    report = IngestReport(pd.DataFrame(rows, columns=list(FILE_COLUMNS)), findings, {}, pd.DataFrame())
    lines = ingest_summary(Ingested(report, dry_run=False, explanation=Path("x.txt")), home).splitlines()
    assert lines[0] == "# 1 files loaded, 90 unchanged, 1 rejected"
    assert lines.index("| rejected | late.csv | imaging | 0 |") < lines.index("| loaded | good.csv | plate | 4 |")
    assert not any("p1.csv" in line for line in lines)
    reject = lines.index("| reject | P114 | late.csv line 193 | ends inside a row: 10 of 11 cells | 1 |")
    assert lines[reject + 1] == "| warn | Q101 | good.csv well A00 | Cq 0 | 45 |"


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


def test_findings_about_files_are_told_and_what_they_quote_is_not() -> None:
    missing = Finding("D121", "reject", "no such file or folder", file="/data/x.csv")
    assert public_finding(missing) == ("reject", "D121", "/data/x.csv", "no such file or folder")
    quoted = Finding("P110", "reject", 'it begins with "O\'Hara, PX1"', file="x.csv")
    assert "PX1" not in public_finding(quoted)[3]


def test_a_score_file_elsewhere_is_named_as_it_is(home: Home, tmp_path: Path) -> None:
    frame = pd.DataFrame({"patient_id": ["PX1"], "endpoint_id": ["E"], "model_name": [""], "model_version": [""]})
    scored = Scored(frame.assign(call="no call"), tmp_path / "mine.csv", ("low", "high"))
    assert score_summary(scored, home).endswith(f"File: `{tmp_path / 'mine.csv'}`, on the machine of the server.")


def test_the_words_of_an_unforeseen_error_stay_on_this_machine() -> None:
    for words in ("patient P0007 is 'odd' and \"so\" is P0007", "P0007", "no 'P0007"):
        finding = unexpected(ValueError(words), "lesions.csv")
        assert "P0007" in str(finding)
        shown = public_finding(finding)
        assert shown[:3] == ("reject", "D126", "lesions.csv") and "P0007" not in shown[3]
        assert shown[3].startswith("the file broke the software: ValueError")
