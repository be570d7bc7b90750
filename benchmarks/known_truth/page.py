"""Tables of the campaigns in their pages: the part between two marks is written by the command, the rest by people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
END = "<!-- end of measured -->"


def start(command: str) -> str:
    """Mark before a measured part, naming the command that wrote it."""
    return f"<!-- measured: {command} -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1) -> str:
    """A Markdown table; columns from ``numbers_from`` on are set to the right."""
    rule = ["---" if i < numbers_from else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def write(page: str, command: str, text: str) -> None:
    """Replace the measured part of a page of the docs.

    Raises
    ------
    ValueError
        When the page has no such part.
    """
    place, mark = ROOT / "docs" / page, start(command)
    before, found, rest = place.read_text(encoding="utf-8").partition(mark)
    if not found or END not in rest:
        raise ValueError(f"docs/{page} has no part between {mark} and {END}")
    place.write_text(before + mark + "\n\n" + text.strip() + "\n\n" + END + rest.partition(END)[2], encoding="utf-8")


def figure(mean: float, error: float, digits: int = 3) -> str:
    """A mean with its Monte Carlo standard error, as text."""
    if mean != mean:
        return "–"
    return f"{mean:.{digits}f}" if error != error else f"{mean:.{digits}f} (se {error:.{digits}f})"
