"""Tables of the campaigns in their pages: the part between two marks is written by the command, the rest by people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks import ROOT

END = "<!-- end of measured -->"


def start(command: str) -> str:
    """Mark before a measured part, naming the command that wrote it."""
    return f"<!-- measured: {command} -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1) -> str:
    """A Markdown table; columns from ``numbers_from`` on are set to the right."""
    rule = ["---" if i < numbers_from else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _parts(page: str, command: str) -> tuple[str, str, str]:
    """Page before, within and after its measured part.

    Raises
    ------
    ValueError
        When the page has no such part.
    """
    mark = start(command)
    before, found, rest = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(mark)
    if not found or END not in rest:
        raise ValueError(f"docs/{page} has no part between {mark} and {END}")
    measured, _, after = rest.partition(END)
    return before, measured.strip(), after


def read(page: str, command: str) -> str:
    """The measured part of a page of the docs, as an earlier run wrote it."""
    return _parts(page, command)[1]


def write(page: str, command: str, text: str) -> None:
    """Replace the measured part of a page of the docs."""
    before, _, after = _parts(page, command)
    text = f"{before}{start(command)}\n\n{text.strip()}\n\n{END}{after}"
    (ROOT / "docs" / page).write_text(text, encoding="utf-8")


def sections(written: str, new: Mapping[str, str], order: Sequence[str]) -> str:
    """Sections under their headings: new ones, and those already written that no new one replaces."""
    known = {}
    for part in written.split("\n\n### "):
        heading, _, body = part.removeprefix("### ").partition("\n")
        known[f"### {heading}"] = body.strip()
    known |= dict(new)
    return "\n\n".join(f"{heading}\n\n{known[heading]}" for heading in order if heading in known)


def rows(written: str, new: Sequence[Sequence[str]], order: Sequence[str]) -> list[list[str]]:
    """Rows of a table by what stands in their first cell: new ones, and those written before for other first cells."""
    inside = [line.removeprefix("| ").removesuffix(" |") for line in written.splitlines()[2:] if line.startswith("|")]
    lines = [line.split(" | ") for line in inside]
    replaced = {row[0] for row in new}
    kept = [[cell.strip() for cell in line] for line in lines if line[0] not in replaced]
    return sorted([*kept, *map(list, new)], key=lambda row: order.index(row[0]))


def figure(mean: float, error: float, digits: int = 3) -> str:
    """A mean with its Monte Carlo standard error, as text."""
    if mean != mean:
        return "–"
    return f"{mean:.{digits}f}" if error != error else f"{mean:.{digits}f} (se {error:.{digits}f})"
