"""A headless browser for the report tests: what a page looks like at a width, and how it prints."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FOUND = os.environ.get("NETEST_CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
WIDTHS = (1280, 390)
# A4 less the margins of the style sheet (12 mm and 13 mm), at 96 pixels per inch.
PAPER = (703, 1024)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--enable-logging=stderr", "--virtual-time-budget=20000",
)  # fmt: skip
SCRIPT = Path(__file__).with_name("browser_measure.js")


@dataclass(frozen=True)
class Seen:
    """What was wrong: findings by view (a width, or "print"), and what the console said."""

    findings: dict[str, list[str]]
    console: list[str]

    @property
    def all(self) -> list[str]:
        """Every finding with the view it was made in."""
        own = [f"{view}: {words}" for view, lines in self.findings.items() for words in lines]
        return own + [f"console: {line}" for line in self.console]


def _browse(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(FOUND), *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def look(page: str, folder: Path) -> Seen:
    """Load a page at both widths and as paper, and measure it.

    The page sits in frames of the wanted width, because a window of a headless browser cannot be as narrow as a
    telephone; the measuring script stays outside, so that the page is judged as it is.
    """
    views = {str(width): (width, 900) for width in WIDTHS} | {"print": PAPER}
    frames = "".join(
        f'<iframe id="view-{name}" style="width:{width}px;height:{height}px;border:0" '
        f'srcdoc="{html.escape(page)}"></iframe>'
        for name, (width, height) in views.items()
    )
    outer = (
        f"<!DOCTYPE html><html><head><meta charset='utf-8'></head><body>{frames}<script>"
        f"{SCRIPT.read_text(encoding='utf-8')}\nmeasureAll({json.dumps(views)});</script></body></html>"
    )
    file = folder / "outer.html"
    file.write_text(outer, encoding="utf-8")
    done = _browse(folder, "--window-size=1400,1000", "--dump-dom", file.as_uri())
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert found, "the page was not measured: " + done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return Seen(json.loads(html.unescape(found.group(1))), console)


def printed(page: str, folder: Path) -> list[int]:
    """Print a page to PDF: how many words and strokes each sheet carries.

    Returns
    -------
    list of int
        Text operations and painted paths by sheet; a sheet with (almost) none is blank.
    """
    source, target = folder / "page.html", folder / "page.pdf"
    source.write_text(page, encoding="utf-8")
    _browse(folder, "--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri())
    return sheet_marks(target.read_bytes())


def sheet_marks(pdf: bytes) -> list[int]:
    """Text operations and painted paths of every sheet of a PDF as Chromium writes it."""
    start = {int(found.group(1)): found.end() for found in re.finditer(rb"\n(\d+) 0 obj\b", pdf)}
    heads = (pdf[place : pdf.find(b"endobj", place)] for place in start.values())
    return [_marks(pdf, start, head) for head in heads if re.search(rb"/Type\s*/Page\b", head)]


def _marks(pdf: bytes, start: dict[int, int], sheet: bytes) -> int:
    content = re.search(rb"/Contents\s+(\d+) 0 R", sheet)
    assert content, "a sheet without contents"
    place = start[int(content.group(1))]
    length = re.search(rb"/Length (\d+)", pdf[place : place + 200])
    opened = re.compile(rb"stream\r?\n").search(pdf, place)
    assert length and opened, "contents that are no stream"
    if int(length.group(1)) == 0:
        return 0
    text = zlib.decompressobj().decompress(pdf[opened.end() :])
    return len(re.findall(rb"\b(?:Tj|TJ|f\*?|S|B\*?)(?=\s)", text))
