"""The page itself: escaping, links, numbers as text, writing whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_cases import HOSTILE

from flows.reports import page
from flows.reports.style import draw


@pytest.mark.parametrize(
    ("value", "digits", "words"),
    [
        (0.785, 2, "0.79"),
        (-0.001, 2, "0.00"),
        (-0.01, 2, "-0.01"),
        (float("nan"), 2, "–"),
        (None, 1, "–"),
        (12, 0, "12"),
        (float("inf"), 1, "∞"),
    ],
)
def test_number(value: float | None, digits: int, words: str) -> None:
    assert page.number(value, digits) == words


def test_an_estimate_never_stands_without_its_interval_or_the_word_that_there_is_none() -> None:
    assert page.interval(0.781, 0.684, 0.855) == "0.78 (0.68 to 0.85)"
    assert page.interval(0.781, None, None) == "0.78 (no interval)"
    assert page.interval(float("nan"), 0.1, 0.2) == "–"
    assert page.percent_interval(0.251, 0.154, 0.374) == "25% (15 to 37)"


def test_links_that_could_run_code_are_left_out() -> None:
    given = {
        "MLflow": "http://127.0.0.1:5000",
        "bad": "javascript:alert(1)",
        "near": "patients/P1.html",
        "data": "data:x",
    }
    assert dict(page.safe_links(given)) == {"MLflow": "http://127.0.0.1:5000", "near": "patients/P1.html"}


def test_write_replaces_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "page.html"
    page.write("one", out)
    page.write("zwei ü", out)
    assert out.read_text(encoding="utf-8") == "zwei ü"
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]


def test_a_failed_write_keeps_the_old_page(tmp_path: Path) -> None:
    out = page.write("old", tmp_path / "page.html")
    with pytest.raises(TypeError):
        page.write(None, out)  # type: ignore[arg-type]
    assert out.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def hostile_figure(key: str) -> page.Figure:
    def paint(canvas, words: str) -> None:
        axes = canvas.subplots()
        axes.plot([0, 1], [0, 1], label=words)
        axes.set_title(words)
        axes.fill_between([0, 1], [0, 1], hatch="/")
        axes.legend()

    return draw(paint, HOSTILE, key=key, size=(3, 2), title=HOSTILE, caption=HOSTILE, alt=HOSTILE + " in a picture")


def test_two_figures_share_a_page_without_sharing_ids_and_say_the_same_each_time() -> None:
    first, second = hostile_figure("one"), hostile_figure("two")
    assert first == hostile_figure("one")
    svg = str(first.svg)
    assert "<script" not in svg and "&lt;script&gt;" in svg
    assert 'id="one-' in svg and 'id="two-' not in svg
    assert "http" not in svg and "DejaVu" not in svg
    assert first.svg != second.svg
