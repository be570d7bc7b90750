"""The pages that are written from data stay equal to that data."""

from __future__ import annotations

import re
from pathlib import Path

from data.contracts import contract_markdown
from data.protocol import load_protocol

ROOT = Path(__file__).resolve().parents[1]


def test_delivery_page_is_the_contract() -> None:
    assert (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8") == contract_markdown()


def test_every_literature_source_of_the_protocol_is_listed() -> None:
    page = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| (L\d+|S\d) ", page, flags=re.M))
    used = {
        source
        for record in load_protocol().records.values()
        for source in re.findall(r"\b(?:L\d+|S[1-5])\b", record.source)
    }
    assert used and used <= listed


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    dead = [
        f"{page.name} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not target.startswith(("http://", "https://", "mailto:")) and not (page.parent / target).exists()
    ]
    assert not dead


def test_every_check_code_in_the_sources_is_explained() -> None:
    page = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `?([CDPQSLM]\d{3})`? ", page, flags=re.M))
    used = {
        code
        for floor in ("data", "features", "models", "flows")
        for path in (ROOT / floor).rglob("*.py")
        for code in re.findall(r"[\"']([CDPQSLM]\d{3})[\"']", path.read_text(encoding="utf-8"))
    }
    assert used and used <= explained
