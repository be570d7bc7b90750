"""One self-contained HTML page: escaped text, inline style, inline figures with a text alternative."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from data.trial import Trial

STYLE_FILE = Path(__file__).with_name("style.css")
PACKAGES = ("netest-mrd", "pandas", "scikit-learn", "xgboost-cpu", "lifelines", "tableone", "matplotlib")
SAFE_LINK = re.compile(r"^(https?://|file://|[\w./#-]+$)", re.IGNORECASE)
EMPTY = "–"


@dataclass(frozen=True)
class Figure:
    """A picture and the words that stand for it.

    Parameters
    ----------
    key : str
        Prefix of every id inside the SVG, unique on a page.
    svg : Markup
        Inline SVG.
    title, caption : str
        Heading above and explanation below.
    alt : str
        What the picture shows, in words and numbers, for those who cannot see it.
    """

    key: str
    svg: Markup
    title: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Tile:
    """A headline number with its unit of meaning and one line of context."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """A table for people: every cell is already text.

    Parameters
    ----------
    columns : tuple of str
        Headings.
    rows : tuple of tuple of str
        Cells; the first is the row heading.
    caption : str
        Sentence above the table.
    marks : tuple of str
        CSS class of each row ("" for none); empty for no marks at all.
    groups : tuple of (str, int)
        Headings above the headings, each with the number of columns it spans; empty for none.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    marks: tuple[str, ...] = ()
    numeric: bool = True
    classes: str = field(default="")
    groups: tuple[tuple[str, int], ...] = ()

    def marked(self) -> list[tuple[str, tuple[str, ...]]]:
        """Rows with their CSS class."""
        marks = self.marks or ("",) * len(self.rows)
        return list(zip(marks, self.rows, strict=True))


@cache
def environment() -> Environment:
    """The template environment: escaping on, unknown names are errors."""
    loader = PackageLoader("flows.reports", "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals["EMPTY"] = EMPTY
    return made


@cache
def style() -> Markup:
    """The style sheet, to be placed inside the page. It is ours, so it needs no escaping."""
    return Markup(STYLE_FILE.read_text(encoding="utf-8"))


def versions() -> list[tuple[str, str]]:
    """Names and versions of the software that made the page."""
    found = [("Python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return found


def safe_links(links: Mapping[str, str] | None) -> list[tuple[str, str]]:
    """Links the caller asked for; an address that could run code is left out."""
    return [(str(name), str(url)) for name, url in (links or {}).items() if SAFE_LINK.match(str(url))]


def provenance(trial: Trial | None, protocol: Any) -> list[tuple[str, str]]:
    """Facts of the footer: study, data cut, digests.

    Parameters
    ----------
    trial : Trial or None
        None when the page is about something else than trial records (a plate).
    protocol : Protocol or None
        Gives the digest.
    """
    facts: list[tuple[str, str]] = []
    if trial is not None:
        facts += [
            ("Study", trial.study or "not named"),
            ("Data cut", day(trial.data_cut) if trial.data_cut is not None else "all that is known"),
            ("Data digest", trial.digest or "not recorded"),
        ]
    digest = getattr(protocol, "digest", "")
    facts.append(("Protocol digest", str(digest) or "not recorded"))
    return facts


def render(template: str, *, title: str, subtitle: str, simulated: bool, facts: list, **context: Any) -> str:
    """Fill a template.

    Parameters
    ----------
    template : str
        File name under ``templates/``.
    title, subtitle : str
        Heading of the page.
    simulated : bool
        Whether the banner "SIMULATED DATA" is shown.
    facts : list of (str, str)
        Footer, see :func:`provenance`.

    Returns
    -------
    str
        The page. Same input, same characters: no clock is read.
    """
    page = environment().get_template(template)
    return page.render(
        title=title,
        subtitle=subtitle,
        simulated=simulated,
        facts=facts,
        versions=versions(),
        style=style(),
        **context,
    )


def write(text: str, out: Path) -> Path:
    """Write a page whole or not at all: a temporary file beside the target, then a rename.

    Returns
    -------
    Path
        ``out``.
    """
    out = Path(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(out)) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return out


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows of a frame as named tuples, for text: column names become attributes."""
    return frame.itertuples(index=False)


def number(value: Any, digits: int = 2) -> str:
    """A number for people; a dash when it is missing."""
    if value is None or pd.isna(value):
        return EMPTY
    return _plain(float(value), digits)


def _plain(value: float, digits: int) -> str:
    if abs(value) == float("inf"):
        return "∞" if value > 0 else "-∞"
    words = f"{value:.{digits}f}"
    return words.removeprefix("-") if float(words) == 0 else words


def whole(value: Any) -> str:
    """A count for people; a dash when it is missing."""
    return EMPTY if value is None or pd.isna(value) else f"{float(value):.0f}"


def percent(value: Any, digits: int = 0) -> str:
    """A proportion as a percentage; a dash when it is missing."""
    return EMPTY if value is None or pd.isna(value) else f"{100 * float(value):.{digits}f}%"


def interval(value: Any, lower: Any, upper: Any, digits: int = 2) -> str:
    """A number with its interval: ``0.78 (0.68 to 0.86)``; a dash when the number is missing."""
    if value is None or pd.isna(value):
        return EMPTY
    if lower is None or upper is None or pd.isna(lower) or pd.isna(upper):
        return f"{_plain(float(value), digits)} (no interval)"
    return f"{_plain(float(value), digits)} ({_plain(float(lower), digits)} to {_plain(float(upper), digits)})"


def percent_interval(value: Any, lower: Any, upper: Any) -> str:
    """A proportion with its interval in per cent: ``25% (15 to 37)``."""
    if value is None or pd.isna(value):
        return EMPTY
    if pd.isna(lower) or pd.isna(upper):
        return f"{percent(value)} (no interval)"
    return f"{percent(value)} ({100 * float(lower):.0f} to {100 * float(upper):.0f})"


def day(value: Any) -> str:
    """A date as ISO text; a dash when it is missing."""
    return EMPTY if value is None or pd.isna(value) else f"{pd.Timestamp(value):%Y-%m-%d}"


def text(value: Any) -> str:
    """A code or free text as delivered; a dash when it is missing."""
    return EMPTY if value is None or (not isinstance(value, str) and pd.isna(value)) or value == "" else str(value)
