"""The one chart style: palette, type, and the way from a matplotlib figure to inline SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

from flows.reports.page import Figure

INK = "#1c2733"
SOFT = "#5d6b7a"
FAINT = "#d9dfe5"
PAPER = "#ffffff"
ACCENT = "#0f5c6e"
# Okabe-Ito pair: apart for every common colour blindness, and apart in grey.
ARM_COLOURS = {"control": "#d55e00", "prrt": "#0072b2", "": "#7a7a7a"}
# The same hues, dark enough for words on white (contrast at least 4.5).
ARM_TEXTS = {"control": "#b04a00", "prrt": "#00639b", "": "#5d6b7a"}
ARM_LABELS = {"control": "Control", "prrt": "PRRT", "": "Not randomised"}
SCAN_MARKS = {
    "clear": ("|", SOFT, "scan clear"),
    "equivocal": ("D", "#e0a100", "scan equivocal"),
    "recurrence": ("^", "#9b1d5a", "recurrence on scan"),
    "inadequate": ("x", "#9aa5b1", "scan not adequate"),
}
# Narrow screens: a figure up to this many points wide shrinks to the screen, its letters of 9 pt to 7 pixels; a wider
# one keeps a pixel per point and scrolls inside its frame.
NARROW_POINTS, NARROW_SHARE = 470.0, 0.76
SERIES = ("#0f5c6e", "#cc79a7", "#e0a100", "#56849b", "#8a6d3b", "#444b54")
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    # a dollar sign in a delivered name is text, not mathematics
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": "#9aa5b1",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.7,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.constrained_layout.use": True,
}
MANY = 400
"""From this many patients on, clouds of points become one image inside the SVG: a page stays small and quick."""
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def draw(
    painter: Callable[..., None],
    *values: Any,
    key: str,
    size: tuple[float, float],
    title: str,
    caption: str,
    alt: str,
    **options: Any,
) -> Figure:
    """Paint a figure in the house style and turn it into inline SVG.

    Parameters
    ----------
    painter : callable
        ``painter(canvas, *values, **options)`` draws on a matplotlib figure.
    key : str
        Unique on the page; becomes the prefix of the SVG's ids.
    size : tuple of float
        Width and height in inches.
    title, caption, alt : str
        Words of the figure, see :class:`flows.reports.page.Figure`.
    """
    settings: Any = STYLE | {"svg.hashsalt": key}
    with matplotlib.rc_context(settings):
        canvas = Canvas(figsize=size, dpi=160)
        painter(canvas, *values, **options)
        buffer = io.StringIO()
        # Not savefig: for the layout alone it would draw the whole figure once more.
        FigureCanvasSVG(canvas).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return Figure(key=key, svg=inline(buffer.getvalue(), key), title=title, caption=caption, alt=alt)


def inline(svg: str, key: str) -> Markup:
    """Make matplotlib's SVG fit for a page that holds many of them.

    Ids get the prefix ``key``; the XML prologue, metadata, name spaces and fixed fonts go, so that the page holds
    no address and takes the reader's system font. Matplotlib has escaped every text in it.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{key}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", body)
    body = re.sub(r"(font:[^;\"]*?|font-family: )'DejaVu Sans'[^;\"]*", rf"\1{FONTS}", body)
    # the first tag only: the width belongs to the page, the proportions to the view box
    least = _least_width(body)
    body = re.sub(r'^<svg([^>]*?)\swidth="[^"]*"', rf'<svg\1 style="--least: {least}px"', body)
    body = re.sub(r'^<svg([^>]*?)\sheight="[^"]*"', r'<svg aria-hidden="true" focusable="false"\1', body)
    return Markup(body.strip())


def _least_width(svg: str) -> int:
    """Width in pixels below which the letters of a figure would be too small to read: it scrolls instead."""
    found = re.match(r'<svg[^>]*?\swidth="([\d.]+)pt"', svg)
    width = float(found.group(1)) if found else 0.0
    return round(width * (NARROW_SHARE if width <= NARROW_POINTS else 1.0))


def month_axis(axes: Axes, last: float, step: float = 6, since: str = "surgery") -> None:
    """Months since an origin from 0 to ``last`` with a tick every ``step`` months."""
    top = max(float(last), step)
    axes.set_xlim(-0.01 * top, top * 1.02)
    axes.set_xticks([step * i for i in range(int(top // step) + 1)])
    axes.set_xlabel(f"Months since {since}")


def percent_axis(axes: Axes, label: str) -> None:
    """A vertical axis from 0 to 100%."""
    axes.set_ylim(-0.01, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_ylabel(label)
    axes.grid(axis="y")


def arm_colour(arm: str | None) -> str:
    """Colour of an arm; grey when there is none."""
    return ARM_COLOURS.get(arm or "", ARM_COLOURS[""])


def arm_text(arm: str | None) -> str:
    """Colour of words about an arm."""
    return ARM_TEXTS.get(arm or "", ARM_TEXTS[""])


def arm_label(arm: str | None) -> str:
    """Name of an arm for people."""
    return ARM_LABELS.get(arm or "", str(arm))
