"""The reports in a headless browser: readable at two widths and on paper, closed to the outside, fit for a reader."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import browser
import pandas as pd
import pytest
from report_cases import gold, gold_outcome, measured, one_patient, only_patients, protocol, scores, trainings

from data.trial import Trial
from features.outcomes import build_outcome
from flows.reports.cohort.report import cohort_page
from flows.reports.model.report import model_page
from flows.reports.page import style
from flows.reports.patient.report import patient_page

pytestmark = pytest.mark.skipif(browser.FOUND is None, reason="no Chromium on this machine: pages are not looked at")

BROKEN = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>broken</title><style>
body{margin:0}.pale{color:#ccc}.wide{overflow-x:auto}@media print{.tall{height:2000px}}</style></head><body>
<h1>Title</h1><h3>skipped a level</h3><p class="pale">too pale to read</p>
<div style="width:2000px">wider than the page</div>
<img src="http://127.0.0.1:9/outside.png">
<figure id="fig-bad" class="tall"><div role="img"><svg viewBox="0 0 100 50" width="400" height="200">
<path d="M nonsense"/>
<text x="10" y="20" font-size="8">one label</text><text x="14" y="22" font-size="8">on another</text>
<text x="90" y="40" font-size="8">cut off at the edge</text><text x="5" y="45" font-size="1">tiny</text></svg></div>
</figure></body></html>"""
BLANK = """<!DOCTYPE html><html><body><p>first</p><div style="break-before:page;height:10px"></div>
<p style="break-before:page">third</p></body></html>"""


def bare(trial: Trial) -> str:
    return cohort_page(trial, protocol(), build_outcome(trial, protocol()), [], pd.DataFrame())


@cache
def full() -> str:
    """Every section with content: models, calls, lesions and adverse events included."""
    return cohort_page(measured(), protocol(), gold_outcome(), list(trainings().values()), scores())


FIRST = str(gold().patients["patient_id"].iloc[0])
PAGES = {
    "cohort": full,
    "empty": lambda: bare(Trial.empty()),
    "one patient": lambda: bare(one_patient()),
    "three patients": lambda: bare(only_patients(measured(), gold().patients["patient_id"].head(3).tolist())),
    "patient": lambda: patient_page(gold(), protocol(), gold_outcome(), scores(), FIRST),
    "model": lambda: model_page(trainings()["MRD36@6"], protocol()),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_readable_at_both_widths_and_on_paper(name: str, tmp_path: Path) -> None:
    seen = browser.look(PAGES[name](), tmp_path)
    assert not seen.all, "\n".join(seen.all)


def test_the_cohort_report_prints_without_blank_sheets(tmp_path: Path) -> None:
    sheets = browser.printed(full(), tmp_path)
    assert 5 <= len(sheets) <= 40
    assert min(sheets) > 40, f"a sheet is (almost) blank: {sheets}"


def test_what_is_folded_on_the_screen_is_on_the_paper(tmp_path: Path) -> None:
    page = "<!DOCTYPE html><html><head><style>{style}</style></head><body><p>a</p>{fold}</body></html>"
    words = "".join(f"<p>line {line}</p>" for line in range(400))
    fold = f"<details><summary>more</summary>{words}</details>"
    with_style = browser.printed(page.format(style=style(), fold=fold), tmp_path)
    assert len(with_style) > 5
    assert len(browser.printed(page.format(style="", fold=fold), tmp_path)) == 1


def test_a_broken_page_is_found_out(tmp_path: Path) -> None:
    seen = browser.look(BROKEN, tmp_path)
    words = "\n".join(seen.all)
    for finding in (
        "1280: the page is 2000 wide in a window of 1280",
        "390: the page is 2000 wide in a window of 390",
        '"one label" lies on "on another"',
        "cut off by",
        'letters of 4.0 px, "tiny"',
        "no text alternative: <img>",
        "no text alternative: <div>",
        "heading level 3 after 1",
        "contrast 1.6",
        "asks for http://127.0.0.1:9/outside.png",
        "print: higher than a sheet: <figure#fig-bad>",
        "console:",
    ):
        assert finding in words, f"not noticed: {finding}\n{words}"


def test_a_blank_sheet_is_found_out(tmp_path: Path) -> None:
    sheets = browser.printed(BLANK, tmp_path)
    assert len(sheets) == 3 and sheets[1] == 0 and sheets[0] > 0
