"""Parts of the kinetics of a marker, each from the arrays of a course."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.kinetics.course import Course
from features.kinetics.rates import months_above, months_to_double
from features.kinetics.reference_change import sidak
from features.kinetics.rules import MarkerRules, calls, categories, on_scale

Columns = dict[str, np.ndarray]


def _flags(anchor: pd.DataFrame, name: str) -> np.ndarray:
    if name not in anchor:
        return np.zeros(len(anchor), dtype=bool)
    return np.equal(anchor[name].to_numpy(), True).astype(bool)  # NaN where there is no sample: not below


def level(anchor: pd.DataFrame, rules: MarkerRules) -> Columns:
    """The landmark result itself, and beside the pre-operative one."""
    day = anchor["day"].to_numpy(dtype="float64")
    last, preop = (anchor[name].to_numpy(dtype="float64") for name in ("value", "preop"))
    below, above = _flags(anchor, "censored"), _flags(anchor, "above")
    both = (day > 0) & ~below & ~above & ~_flags(anchor, "preop_censored") & ~_flags(anchor, "preop_above")
    after, scaled = np.where(both, last, np.nan), on_scale(last, rules.scale)
    return {
        "last": last,
        "scaled": scaled,
        "category": categories(last, rules),
        "below_limit": np.where(np.isnan(day), np.nan, below),
        "preop": preop,
        "change_preop": after - preop,
        "lnratio_preop": _ln_ratio(after, preop, rules.scale),
    }


def _ln_ratio(value: np.ndarray, other: np.ndarray, scale: str) -> np.ndarray:
    """ln of the ratio of two results; of a score, which may be 0, of (S + 1)."""
    if scale == "ln":
        return on_scale(value, "ln") - on_scale(other, "ln")
    ratio = (value + 1) / np.where(other > -1, other + 1, np.nan)
    return np.log(np.where(ratio > 0, ratio, np.nan))


def rates(course: Course, scaled: np.ndarray, rules: MarkerRules, month_days: float) -> Columns:
    """From the last two or three results: change, slope, curvature, reference change."""
    l0, l1, l2 = (course.last(scaled, back) for back in range(3))
    d0, d1, d2 = (course.last(course.day, back) for back in range(3))
    measured = np.where(course.beyond, np.nan, course.value)
    value, before = course.last(measured), course.last(measured, 1)
    slope = (l0 - l1) / ((d0 - d1) / month_days)
    earlier = (l1 - l2) / ((d1 - d2) / month_days)
    rise = l0 - l1
    limit = sidak(course.count - 1, rules.rcv_z) * np.sqrt(2) * rules.rcv_sd
    known = ~np.isnan(rise) & ~np.isnan(limit)
    return {
        "change_previous": value - before,
        "lnratio_previous": _ln_ratio(value, before, rules.scale),
        "slope": slope,
        "curvature": 2 * (slope - earlier) / ((d0 - d2) / month_days),
        "doubling_rate": slope / np.log(2),
        "doubling_months": months_to_double(slope),
        "half_life_months": months_to_double(-slope),
        "rcv_rise": np.where(known, rise > limit, np.nan),
        "rcv_fall": np.where(known, -rise > limit, np.nan),
    }


def burden(course: Course, scaled: np.ndarray, rules: MarkerRules, month_days: float) -> Columns:
    """Sums over the whole course: trend, variability, area, time above the cut-off, positive results."""
    value, month = course.value, course.day / month_days
    call = calls(value, course.below, rules, course.above)
    months, before = course.steps(course.day) / month_days, course.earlier(value)
    above = months_above(before, value, months, rules.cutoff, rules.inclusive)
    above = np.where(np.isnan(call) | np.isnan(course.earlier(call)), np.nan, above)
    area = months * (value + before) / 2
    span, area, above, positive, total, t_sum, l_sum = course.sums(months, area, above, call, value, month, scaled)
    n = course.count
    several = n > 1
    span, area, above = (np.where(several, part, np.nan) for part in (span, area, above))
    t = month - (t_sum / n)[course.run]
    deviation = scaled - (l_sum / n)[course.run]
    tt, tl, ll = course.sums(t * t, t * deviation, deviation * deviation)
    now, previous = course.last(call), course.last(call, 1)
    both = ~np.isnan(now) & ~np.isnan(previous)
    return {
        "trend": tl / np.where(several, tt, np.nan),
        "sd": np.sqrt(ll / np.where(several, n - 1, np.nan)),
        "exposure": area / span,
        "area": area,
        "mean": total / n,
        "months_above": above,
        "fraction_above": above / span,
        "n_positive": positive,
        "conversion": np.where(both, (now == 1) & (previous == 0), np.nan),
        "reversion": np.where(both, (now == 0) & (previous == 1), np.nan),
        "n_samples": n.astype("float64"),
    }


def extremes(course: Course, scaled: np.ndarray, rules: MarkerRules, month_days: float) -> Columns:
    """Peak and nadir. With a single result there is no way back to measure: NaN."""
    if not len(course.begin):
        return {name: np.empty(0) for name in ("max", "nadir", "months_since_peak", "rise_from_nadir")}
    value, begin = course.value, course.begin
    peak, nadir = np.maximum.reduceat(value, begin), np.minimum.reduceat(value, begin)
    peak_day = np.maximum.reduceat(np.where(value == peak[course.run], course.day, -np.inf), begin)
    open_nadir = np.logical_or.reduceat(course.beyond & (value == nadir[course.run]), begin)
    several = course.count > 1
    low = on_scale(np.where(several & ~open_nadir, nadir, np.nan), rules.scale)
    return {
        "max": peak,
        "nadir": nadir,
        "months_since_peak": np.where(several, (course.last(course.day) - peak_day) / month_days, np.nan),
        "rise_from_nadir": course.last(scaled) - low,
    }


def material(course: Course, scaled: np.ndarray, month_days: float) -> Columns:
    """Sums over a course of measured results, from which a mixed model and a stable variation are learnt."""
    month, step = course.day / month_days, course.steps(scaled)
    sums = course.sums(month, month * month, scaled, month * scaled, scaled * scaled, step * step)
    names = ("month", "month2", "scaled", "month_scaled", "scaled2", "step2")
    parts = {f"post_sum_{name}": part for name, part in zip(names, sums, strict=True)}
    return parts | {"post_n": course.count.astype("float64")}
