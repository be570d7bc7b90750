"""Kinetics of one marker at one landmark in words; a number that is not there gives its reason instead."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.measurements import BELOW_LIMIT
from flows.reports.page import EMPTY, number
from flows.reports.patient.landmarks import Marker

NOT_ESTIMABLE = "not estimable"
BELOW = "a result below the limit of the assay"
REASONS = {
    "no_landmark_sample": "no result at this landmark",
    "pre_operative_sample": "the sample was drawn before surgery",
    "one_post_operative_sample": "one post-operative sample",
    "below_limit": BELOW,
    "outside_scale": "a result outside the scale of the marker",
}
MISSING = {
    "not_collected": "not collected",
    "outside_window": "outside window",
    "not_measured": "not measured",
    "failed_qc": "failed QC",
    "not_spot": "not a spot sample",
    "no_creatinine": "no creatinine",
    "creatinine_out_of_range": "creatinine out of range",
}
# A time beyond ten years is an extrapolation nobody will check.
LONGEST_MONTHS = 120
ARROWS = {1: "↑", -1: "↓", 0: "→"}


def known(value: Any) -> bool:
    """Whether a cell of a landmark table holds something."""
    return value is not None and not pd.isna(value)


def signed(value: float, digits: int) -> str:
    """A number with its sign; no sign on what rounds to zero."""
    words = number(abs(value), digits)
    return words if float(words) == 0 else f"{'+' if value > 0 else '−'}{words}"


def why_no_change(row: pd.Series, marker: Marker) -> str:
    """Why there is no change to the previous sample, in words; "" when there is one."""
    return REASONS.get(str(row[f"{marker.prefix}kinetics_reason"]), "")


def refusal(row: pd.Series, marker: Marker, otherwise: str = "") -> str:
    """``not estimable:`` with the reason of the table, or another when the table has none."""
    why = why_no_change(row, marker) or otherwise
    return f"{NOT_ESTIMABLE}: {why}" if why else NOT_ESTIMABLE


def missing_words(row: pd.Series, marker: Marker) -> str:
    """Why a landmark has no value of a marker; "" when it has one."""
    code = str(row[marker.missing] or "")
    return MISSING.get(code, code.replace("_", " "))


def level(row: pd.Series, marker: Marker, name: str = "last") -> str:
    """A level with the sign of a result below its limit."""
    value = row[f"{marker.prefix}{name}"]
    if not known(value):
        return EMPTY
    if name == "last" and row[f"{marker.prefix}below_limit"] == 1:
        return f"< {amount(value / BELOW_LIMIT, marker)}"
    return amount(value, marker)


def amount(value: float, marker: Marker) -> str:
    """A level of a marker: decimals where they can be read, one more below 10, two below 1; a score has none."""
    digits = marker.digits if abs(value) >= 10 or marker.is_score else max(marker.digits, 1)
    return number(value, digits + 1 if abs(value) < 1 and not marker.is_score else digits)


def change(row: pd.Series, marker: Marker, since: str) -> str:
    """Change and ratio to before surgery (``preop``) or to the previous sample (``previous``)."""
    step, ratio = row[f"{marker.prefix}change_{since}"], row[f"{marker.prefix}lnratio_{since}"]
    if not known(step):
        return EMPTY
    size = number(abs(step), digits_of(step, marker))
    words = f"{ARROWS[int(np.sign(step))]} {size}" if step else f"{ARROWS[0]} same"
    return f"{words} (×{number(np.exp(ratio), 2)})" if known(ratio) and step else words


def against(row: pd.Series, marker: Marker, since: str) -> str:
    """The same as the end of a sentence: ``8 higher than``; "" when there is no change to tell."""
    step = row[f"{marker.prefix}change_{since}"]
    if not known(step):
        return ""
    if step == 0:
        return "the same as"
    return f"{number(abs(step), digits_of(step, marker))} {'higher' if step > 0 else 'lower'} than"


def digits_of(value: float, marker: Marker) -> int:
    """Decimals of a difference."""
    return marker.digits if abs(value) >= 10 or marker.is_score else max(marker.digits, 1)


def before_surgery(row: pd.Series, marker: Marker) -> str:
    """Change against the pre-operative result, or why there is none."""
    if known(row[f"{marker.prefix}change_preop"]):
        return change(row, marker, "preop")
    if not known(row[f"{marker.prefix}last"]):
        return EMPTY
    if not known(row[f"{marker.prefix}preop"]):
        return f"{NOT_ESTIMABLE}: no comparable result before surgery"
    return f"{NOT_ESTIMABLE}: {BELOW}"


def since_previous(row: pd.Series, marker: Marker) -> str:
    """Change against the previous post-operative result, or why there is none."""
    words = change(row, marker, "previous")
    return refusal(row, marker) if words == EMPTY else words


def rate(row: pd.Series, marker: Marker, name: str) -> str:
    """A slope on the scale of change, and as a percentage a month (of a score: of its odds)."""
    value = row[f"{marker.prefix}{name}"]
    if not known(value):
        return refusal(row, marker, BELOW if name == "trend" else "")
    return f"{signed(np.expm1(value) * 100, 1)}% ({signed(value, 3)} {marker.rules.scale})"


def curvature(row: pd.Series, marker: Marker) -> str:
    """Change of the slope over the last three results."""
    value = row[f"{marker.prefix}curvature"]
    if known(value):
        return signed(value, 4)
    return refusal(row, marker, "two post-operative samples" if row[f"{marker.prefix}n_samples"] == 2 else BELOW)


def doubling(row: pd.Series, marker: Marker) -> str:
    """Doubling time or half-life in months; of a score that of its odds."""
    doubles, halves = row[f"{marker.prefix}doubling_months"], row[f"{marker.prefix}half_life_months"]
    verbs = ("odds double in", "odds halve in") if marker.is_score else ("doubles in", "halves in")
    for verb, months in zip(verbs, (doubles, halves), strict=True):
        if known(months):
            long = f"over {LONGEST_MONTHS}" if months > LONGEST_MONTHS else number(months, 1)
            return f"{verb} {long} months"
    return refusal(row, marker, "no change" if row[f"{marker.prefix}slope"] == 0 else "")


def variation_unknown(marker: Marker, protocol: Protocol) -> str:
    """Which variation the protocol does not know, in words; "" when it knows both."""
    analytical, within = (isinstance(protocol[key], Real) for key in marker.variation)
    if analytical and within:
        return ""
    return f"{'analytical' if within else 'within-person'} variation of {marker.short} is unknown"


def reference_change(row: pd.Series, marker: Marker, protocol: Protocol) -> str:
    """Whether the change to the previous sample exceeds the reference change value."""
    unknown = variation_unknown(marker, protocol)
    if unknown:
        return f"{NOT_ESTIMABLE}: {unknown}"
    rise, fall = row[f"{marker.prefix}rcv_rise"], row[f"{marker.prefix}rcv_fall"]
    if not known(rise):
        return refusal(row, marker)
    return "rise beyond variation" if rise == 1 else "fall beyond variation" if fall == 1 else "within variation"


def above_cutoff(row: pd.Series, marker: Marker) -> str:
    """Months above the cut-off and their share, or why they are not known."""
    if not marker.has_cutoff:
        return f"{NOT_ESTIMABLE}: no cut-off in use"
    months, share = row[f"{marker.prefix}months_above"], row[f"{marker.prefix}fraction_above"]
    if not known(months):
        several = not why_no_change(row, marker) or row[f"{marker.prefix}n_samples"] > 1
        return refusal(row, marker, "a result whose side of the cut-off is unknown" if several else "")
    return f"{number(months, 1)} months ({number(100 * share, 0)}%)"


def call_words(row: pd.Series, marker: Marker) -> str:
    """How many results are above the cut-off, and whether the last one changed side (markers with a cut-off)."""
    positive, n = row[f"{marker.prefix}n_positive"], row[f"{marker.prefix}n_samples"]
    if not known(n):
        return EMPTY
    words = f"{positive:.0f} of {n:.0f}" if known(positive) else f"not known of {n:.0f}"
    turned = "turned positive" if row[f"{marker.prefix}conversion"] == 1 else ""
    turned = "turned negative" if row[f"{marker.prefix}reversion"] == 1 else turned
    return f"{words}, {turned}" if turned else words


def peak(row: pd.Series, marker: Marker) -> str:
    """Largest post-operative result and how long ago it was."""
    value, months = row[f"{marker.prefix}max"], row[f"{marker.prefix}months_since_peak"]
    if not known(value):
        return EMPTY
    if not known(months):
        return amount(value, marker)
    when = "this sample" if months == 0 else f"{number(months, 1)} months before"
    return f"{amount(value, marker)}, {when}"


def nadir(row: pd.Series, marker: Marker) -> str:
    """Smallest post-operative result and the rise since."""
    value, rise = row[f"{marker.prefix}nadir"], row[f"{marker.prefix}rise_from_nadir"]
    if not known(value):
        return EMPTY
    words = amount(value, marker)
    if not known(rise):
        return words
    return f"{words}, this sample" if rise == 0 else f"{words}, since then {signed(rise, 2)} {marker.rules.scale}"


def plain(row: pd.Series, marker: Marker, name: str, digits: int, unit: str = "") -> str:
    """A number of the table, or the reason why it is not there."""
    value = row[f"{marker.prefix}{name}"]
    if known(value):
        return f"{number(value, digits)} {unit}".rstrip()
    return refusal(row, marker, BELOW)
