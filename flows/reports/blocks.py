"""What a long page is made of: sections with a heading that says what was found, and blocks in reading order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flows.reports.page import Figure, Table


@dataclass(frozen=True)
class Block:
    """One thing on the page.

    Parameters
    ----------
    kind : str
        ``lead``, ``note``, ``refused`` or ``policy`` (a paragraph), ``heading``, ``list`` (of words), ``figure``,
        ``pair`` or ``three`` (figures side by side), ``table``, ``folded`` (blocks behind a summary, open in print),
        ``endpoint`` (a prediction question).
    content : object
        What the kind asks for.
    title : str
        Summary of a folded block.
    """

    kind: str
    content: Any
    title: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Parameters
    ----------
    slug : str
        Anchor.
    topic : str
        Two or three words for the table of contents.
    heading : str
        The message, as a sentence.
    blocks : tuple of Block
    """

    slug: str
    topic: str
    heading: str
    blocks: tuple[Block, ...]


def lead(words: str) -> Block:
    """A paragraph under the heading."""
    return Block("lead", words)


def note(words: str) -> Block:
    """A remark in small type."""
    return Block("note", words)


def heading(words: str) -> Block:
    """A heading inside a section."""
    return Block("heading", words)


def figures(items: Iterable[Figure | None], kind: str = "figure") -> list[Block]:
    """Figures one below the other, or side by side (``pair``, ``three``); what is None is left out."""
    found = [item for item in items if item is not None]
    if kind == "figure" or len(found) < 2:
        return [Block("figure", item) for item in found]
    return [Block(kind, found)]


def tables(*items: Table | None) -> list[Block]:
    """Tables one below the other; what is None is left out."""
    return [Block("table", item) for item in items if item is not None]


def folded(title: str, blocks: Iterable[Block]) -> list[Block]:
    """Blocks behind a summary; nothing when there is no block."""
    found = list(blocks)
    return [Block("folded", found, title)] if found else []
