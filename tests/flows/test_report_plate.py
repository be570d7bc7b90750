"""The plate report: the plate as it lay, flags where they belong, what to do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from report_cases import HOSTILE, check, protocol

from data.quality import PlateVerdict, judge_plate
from data.trial import Trial, typed
from flows.reports import UnknownPlate, write_plate_report, write_stored_plate_report
from flows.reports.plate.paint import plate_format, row_name, well_position
from flows.reports.plate.report import flagged_wells, plate_page


def wells(*rows: dict) -> pd.DataFrame:
    usual = {"plate": "PL1", "instrument": "QuantStudio", "file": "run.txt", "task": "unknown", "omit": False}
    filled = [
        usual | {"state": "value" if row.get("cq") else "undetermined", "row": i} | row for i, row in enumerate(rows)
    ]
    return typed("wells", pd.DataFrame(filled))


def small_plate() -> pd.DataFrame:
    return wells(
        {"well": "A1", "sample_id": "S1", "target": "ALG9", "cq": 24.0},
        {"well": "A2", "sample_id": "S1", "target": "ALG9", "cq": 24.1},
        {"well": "B01", "sample_id": "S1", "target": "BRAF", "cq": 27.0},
        {"well": "B02", "sample_id": "S1", "target": "BRAF", "cq": 29.5},
        {"well": "C1", "sample_id": "S1", "target": "KRAS", "cq": None},
        {"well": "D1", "target": "BRAF", "task": "ntc", "cq": 33.0},
        {"well": "D2", "target": "KRAS", "task": "ntc", "cq": None},
        {"well": "E1", "sample_id": "S1", "target": "RAF1", "cq": 25.0, "omit": True},
    )


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("A1", (0, 0)),
        ("h12", (7, 11)),
        ("P24", (15, 23)),
        ("B07", (1, 6)),
        ("AF48", (31, 47)),
        ("", None),
        ("7A", None),
    ],
)
def test_well_position(name: str, place: tuple[int, int] | None) -> None:
    assert well_position(name) == place
    if place is not None:
        assert row_name(place[0]) == name.strip().upper().rstrip("0123456789")


def test_plate_format_is_the_smallest_that_holds_the_wells() -> None:
    assert plate_format(pd.Series([7]).to_numpy(), pd.Series([11]).to_numpy()) == (8, 12)
    assert plate_format(pd.Series([8]).to_numpy(), pd.Series([0]).to_numpy()) == (16, 24)
    assert plate_format(pd.Series([], dtype=int).to_numpy(), pd.Series([], dtype=int).to_numpy()) == (8, 12)


def test_flags_lie_on_their_wells() -> None:
    table = flagged_wells(small_plate(), PlateVerdict("pass", [], pd.DataFrame()), protocol())
    flags = dict(zip(table["well"], table["flag"], strict=True))
    assert flags == {
        "A1": "", "A2": "", "B01": "replicate", "B02": "replicate", "C1": "undetermined", "D1": "ntc", "D2": "",
        "E1": "omitted",
    }  # fmt: skip


def test_the_page_says_the_verdict_the_findings_and_what_to_do() -> None:
    plate = small_plate()
    verdict = judge_plate(plate, protocol())
    page = check(plate_page(plate, verdict, protocol()))
    assert "Plate PL1" in page.text and "QuantStudio; run.txt" in page.text
    for finding in verdict.findings:
        assert finding.code in page.text and finding.message in page.text and finding.remedy in page.text
    assert "no-template control amplified: D1" in page.images[0]
    assert "undetermined: C1" in page.images[0]


@pytest.mark.parametrize("verdict", ["pass", "repeat", "reject"])
def test_the_banner_follows_the_verdict(verdict: str) -> None:
    made = plate_page(
        small_plate(), PlateVerdict(verdict, [], judge_plate(small_plate(), protocol()).samples), protocol()
    )
    assert f'class="verdict {verdict}"' in made


def test_an_empty_plate_and_a_full_384_well_plate_have_pages() -> None:
    nothing = typed("wells", pd.DataFrame())
    assert (
        "Plate of 96 wells, 0 in use"
        in check(plate_page(nothing, judge_plate(nothing, protocol()), protocol())).images[0]
    )
    full = wells(
        *(
            {"well": f"{row_name(r)}{c + 1}", "sample_id": "S1", "target": "BRAF", "cq": 20.0 + r}
            for r in range(16)
            for c in range(24)
        )
    )
    assert (
        "Plate of 384 wells, 384 in use" in check(plate_page(full, judge_plate(full, protocol()), protocol())).images[0]
    )


def test_hostile_words_stay_words() -> None:
    plate = small_plate().assign(plate=HOSTILE, file=HOSTILE, instrument=HOSTILE, target=HOSTILE)
    text = plate_page(plate, judge_plate(plate, protocol()), protocol(), simulated=True)
    assert "SIMULATED DATA" in check(text).text
    assert "<script" not in text


def test_same_input_same_bytes_also_from_the_store(tmp_path: Path) -> None:
    plate = small_plate()
    first = write_plate_report(plate, judge_plate(plate, protocol()), protocol(), tmp_path / "a.html")
    second = write_stored_plate_report(Trial.from_frames(wells=plate), protocol(), "PL1", tmp_path / "b.html")
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(UnknownPlate, match="PL9"):
        write_stored_plate_report(Trial.empty(), protocol(), "PL9", tmp_path / "c.html")
