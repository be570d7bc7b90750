"""The definitions of the kinetics one after another, for one patient, in plain Python: an oracle, slow and simple."""

from __future__ import annotations

import math
import statistics
from statistics import NormalDist

from kinetics_cases import MONTH

from features.kinetics import KINETIC_COLUMNS

NUMBERS = [name for name in KINETIC_COLUMNS if name != "kinetics_reason"]


def plain(points, anchor, rules):
    """Kinetics of one patient: ``points`` are (day, value, below the limit), ``anchor`` a row."""
    out = dict.fromkeys(NUMBERS, math.nan) | {"preop": anchor["preop"]}
    if math.isnan(anchor["day"]):
        return out
    points = [point for point in points if 0 < point[0] <= anchor["day"]]
    out |= _level(anchor, rules)
    if points:
        t = [day / MONTH for day, _, _ in points]
        v = [value for _, value, _ in points]
        level = [math.nan if below else scaled(value, rules.scale) for _, value, below in points]
        calls = [call(value, below, rules.cutoff) for _, value, below in points]
        out |= _levels(v, calls) | _material(t, level)
        if len(v) > 1:
            out |= _burden(t, v, calls, rules.cutoff) | _spread(t, v, level)
            out |= _step(t, v, level, rules)
            out |= _curvature(t, level)
    return out


def scaled(value, scale):
    return math.log((value + 0.5) / (100.5 - value)) if scale == "logit" else math.log(value)


def call(value, below, cutoff):
    """Positive, negative or unknown (None)."""
    return None if below and value * math.sqrt(2) > cutoff * (1 + 1e-9) else value > cutoff


def _ratio(value, other, scale):
    return math.log(value / other) if scale == "ln" else math.log((value + 1) / (other + 1))


def _level(anchor, rules):
    value, preop = anchor["value"], anchor["preop"]
    out = {"last": value, "below_limit": float(anchor["censored"]), "scaled": scaled(value, rules.scale)}
    if rules.edges:
        out["category"] = float(sum(value > edge for edge in rules.edges))
    if anchor["day"] > 0 and not anchor["censored"] and not anchor["preop_censored"]:
        out |= {"change_preop": value - preop, "lnratio_preop": _ratio(value, preop, rules.scale)}
    return out


def _levels(v, calls):
    return {
        "mean": sum(v) / len(v),
        "max": max(v),
        "nadir": min(v),
        "n_samples": len(v),
        "n_positive": math.nan if None in calls else sum(calls),
    }


def _material(t, level):
    measured = [(a, b) for a, b in zip(t, level, strict=True) if not math.isnan(b)]
    if not measured:
        return {}
    return {
        "post_n": len(measured),
        "post_sum_month": sum(a for a, _ in measured),
        "post_sum_month2": sum(a * a for a, _ in measured),
        "post_sum_scaled": sum(b for _, b in measured),
        "post_sum_month_scaled": sum(a * b for a, b in measured),
        "post_sum_scaled2": sum(b * b for _, b in measured),
        "post_sum_step2": sum(
            (late[1] - early[1]) ** 2 for late, early in zip(measured[1:], measured[:-1], strict=True)
        ),
    }


def _burden(t, v, calls, cutoff):
    area, above = 0.0, 0.0
    for i in range(1, len(v)):
        span, low, high = t[i] - t[i - 1], min(v[i], v[i - 1]), max(v[i], v[i - 1])
        area += span * (v[i] + v[i - 1]) / 2
        above += span * (float(high > cutoff) if low == high else min(1, max(0, (high - cutoff) / (high - low))))
    out = {"area": area, "exposure": area / (t[-1] - t[0])}
    if None not in calls:
        out |= {"months_above": above, "fraction_above": above / (t[-1] - t[0])}
    if None not in calls[-2:]:
        out["conversion"] = float(calls[-1] and not calls[-2])
        out["reversion"] = float(calls[-2] and not calls[-1])
    return out


def _spread(t, v, level):
    out = {"months_since_peak": t[-1] - max(a for a, b in zip(t, v, strict=True) if b == max(v))}
    nadir = level[v.index(min(v))]
    if not math.isnan(nadir):
        out["rise_from_nadir"] = level[-1] - nadir
    if not any(map(math.isnan, level)):
        out |= {"trend": statistics.linear_regression(t, level).slope, "sd": statistics.stdev(level)}
    return out


def _step(t, v, level, rules):
    rise = level[-1] - level[-2]
    if math.isnan(rise):
        return {}
    normal = NormalDist()
    z = normal.inv_cdf(normal.cdf(rules.rcv_z) ** (1 / (len(v) - 1)))
    limit = z * math.sqrt(2) * rules.rcv_sd
    slope = rise / (t[-1] - t[-2])
    return {
        "change_previous": v[-1] - v[-2],
        "lnratio_previous": _ratio(v[-1], v[-2], rules.scale),
        "slope": slope,
        "doubling_rate": slope / math.log(2),
        "doubling_months" if slope > 0 else "half_life_months": math.log(2) / abs(slope),
        "rcv_rise": float(rise > limit),
        "rcv_fall": float(-rise > limit),
    }


def _curvature(t, level):
    """Second derivative of the parabola through the last three points, as Lagrange wrote it."""
    if len(t) < 3:
        return {}
    x, y = t[-3:], level[-3:]
    return {"curvature": 2 * sum(y[i] / math.prod(x[i] - x[j] for j in range(3) if j != i) for i in range(3))}
