"""Markers that levels, slopes and stable variation are learnt of: their scales and the columns these come from."""

from __future__ import annotations

import numpy as np

from features.kinetics.rules import MARKER_SCALES, on_scale
from features.learnt.rows import Rows, columns

NETEST = "netest"
SCALES = {NETEST: "logit"} | MARKER_SCALES


def step_needs(marker: str) -> tuple[str, ...]:
    """Columns that give the last step of a marker on its scale, see :func:`last_step`."""
    if SCALES[marker] == "logit":
        return (f"{marker}_last", f"{marker}_change_previous")
    return (f"{marker}_lnratio_previous",)


def last_step(rows: Rows, marker: str) -> np.ndarray:
    """l_s - l_u on the scale of the marker: the change between its last two post-operative results, shape (n,).

    Of a quantity that is its ln ratio. Of a score the ln ratio is that of (S + 1), another scale, so that the step
    is formed from the last score and its change in points. NaN while either result is beyond a limit of its assay
    (the change is missing then), and without two results.
    """
    found = columns(rows, step_needs(marker))
    if SCALES[marker] != "logit":
        return found[0]
    last, change = found
    return on_scale(last, "logit") - on_scale(last - change, "logit")


def named(marker: str) -> str:
    """What figures of a marker are told apart by: nothing for the blood score, else its name in brackets."""
    return "" if marker == NETEST else f" ({marker})"
