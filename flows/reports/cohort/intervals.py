"""Endpoints whose time is only known to lie between two scans: Turnbull's curve, Weibull, and their contrast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from flows.reports.cohort.material import NOT_ESTIMABLE, Cohort
from flows.reports.cohort.paint_curves import IntervalArm, paint_intervals
from flows.reports.cohort.times import NO_MEAN, NO_TEST, NONE, Contrast, risk_months
from flows.reports.page import Figure, Table, percent, percent_interval
from flows.reports.style import arm_label, draw
from models.estimates.interval_censored.bands import bootstrap_band
from models.estimates.interval_censored.parametric import ParametricFit, weibull_interval
from models.estimates.interval_censored.scores import interval_score_test
from models.estimates.interval_censored.turnbull import turnbull
from models.estimates.values import Estimate, Test
from models.estimators.newton import CannotFit, NotConverged

# Percentile limits from this many resamples; the page says so.
RESAMPLES = 500
SEED = 20261121
BESIDE = (
    "Free of the event, with 95% intervals. Turnbull's curve is read when the visit closes; its bootstrap limits take "
    "in every curve the scans allow, so they are wide where the month lies between two visits."
)
NO_BAND = np.empty((3, 0))
NO_CURVE = np.empty((2, 0))


def turnbull_reading(item: IntervalArm, month: float) -> Estimate:
    """Turnbull's share still free at a month of the band with its bootstrap limits; NaN beyond what is known."""
    place = np.flatnonzero(np.isclose(item.band[0], month))
    if month > item.known:
        return NONE
    before = item.right <= month
    value = float(item.value[before][-1]) if before.any() else 1.0
    if not len(place) or not 0 < value < 1:
        return Estimate(value)
    return Estimate(value, *map(float, item.band[1:, place[0]]))


def beside_table(cohort: Cohort, times: pd.DataFrame, items: Sequence[IntervalArm]) -> Table | None:
    """Turnbull's curve and the Weibull curve read at the months of the protocol, by arm."""
    rows = []
    for item in items:
        for month in cohort.months:
            free = turnbull_reading(item, cohort.protocol.closed(month))
            smooth, _ = weibull_reading(cohort.own(times, item.arm), month)
            rows.append((f"{arm_label(item.arm)}, month {month:g}", share_words(free), share_words(smooth)))
    heads = ("", f"Turnbull, {cohort.free}", f"Weibull, {cohort.free}")
    return Table(heads, tuple(rows), BESIDE, classes="compact") if rows else None


def share_words(found: Estimate) -> str:
    """A share with its interval, or that it is not estimable."""
    return NOT_ESTIMABLE if np.isnan(found.value) else percent_interval(found.value, found.lower, found.upper)


def last_known(own: pd.DataFrame) -> float:
    """Last month at which anybody was known to be free or to have had the event."""
    return float(np.where(np.isfinite(own["upper"]), own["upper"], own["lower"]).max())


def band_of(own: pd.DataFrame, months: np.ndarray) -> np.ndarray:
    """Months, lower and upper bootstrap limit of Turnbull's curve; no columns where too few resamples fit."""
    try:
        band = bootstrap_band(own["lower"], own["upper"], months, resamples=RESAMPLES, seed=SEED)
    except (CannotFit, NotConverged):
        return NO_BAND
    return band[["month", "lower", "upper"]].to_numpy().T


def interval_contrast(cohort: Cohort, times: pd.DataFrame) -> Contrast:
    """Weibull hazard ratio and score test of two arms, interval-censored.

    Without entry: nobody is examined before it, and an entry cut to the last clear scan would condition on the outcome.
    """
    both = times[times["arm"].isin(cohort.groups)]
    if both["arm"].nunique() < 2:
        return Contrast(NONE, float("nan"), NO_TEST, NO_MEAN, "fewer than two arms")
    least = int(cohort.protocol["validation.minimum_events"])
    if both.groupby("arm")["upper"].apply(lambda upper: np.isfinite(upper).sum()).min() < least:
        why = f"fewer than {least} events in an arm"
        return Contrast(NONE, float("nan"), _score(both), NO_MEAN, why)
    arm = pd.DataFrame({"prrt": both["arm"].eq("prrt").astype(float)})
    try:
        fit = weibull_interval(both["lower"], both["upper"], arm)
        row = fit.hazard_ratios().iloc[0]
    except (CannotFit, NotConverged) as problem:
        return Contrast(NONE, float("nan"), _score(both), NO_MEAN, str(problem))
    return Contrast(Estimate(row["hr"], row["lower"], row["upper"]), float("nan"), _score(both), NO_MEAN)


def _score(both: pd.DataFrame) -> Test:
    try:
        return interval_score_test(both["lower"], both["upper"], both["arm"])
    except (CannotFit, NotConverged):
        return NO_TEST


def interval_arms(cohort: Cohort, times: pd.DataFrame, last: float) -> list[IntervalArm]:
    """Both curves of every arm that has an event."""
    found = []
    for arm in cohort.groups:
        own = cohort.own(times, arm)
        if len(own) and np.isfinite(own["upper"]).any():
            found += _interval_arm(cohort, arm, own, last)
    return found


def _interval_arm(cohort: Cohort, arm: str, own: pd.DataFrame, last: float) -> list[IntervalArm]:
    try:
        curve = turnbull(own["lower"], own["upper"])
    except NotConverged:
        return []
    value, known = np.maximum(1 - np.cumsum(curve.mass), 0.0), last_known(own)
    end = min(last, known)
    closed = [cohort.protocol.closed(month) for month in cohort.months]
    months = np.union1d(np.linspace(0, end, 61), [month for month in closed if month <= known])
    return [IntervalArm(arm, curve.left, curve.right, value, band_of(own, months), _weibull(own, end), known)]


def interval_figure(
    cohort: Cohort, items: Sequence[IntervalArm], times: pd.DataFrame, title: str, last: float
) -> Figure | None:
    """Turnbull's curve with its band beside the Weibull curve, one panel per arm; None without an event."""
    if not items:
        return None
    month = cohort.headline_month
    words = []
    for item in items:
        free = turnbull_reading(item, cohort.protocol.closed(month)).value
        smooth = weibull_reading(cohort.own(times, item.arm), month)[0].value
        words.append(f"{arm_label(item.arm)} Turnbull {percent(free)}, Weibull {percent(smooth)}")
    return draw(
        paint_intervals, items, title, last, risk_months(times, last), cohort.since,
        key="intervals", size=(11.2, 4.3), title=f"{title} between two scans",
        caption=f"A {cohort.event} happened somewhere between the last clear and the first positive scan. Turnbull's "
        "curve says how much falls into each interval and not where inside it; the Weibull curve assumes a shape. "
        f"Band: {RESAMPLES} bootstrap resamples. Both take everybody from month 0 on.",
        alt=f"{title} from interval-censored times by arm at month {month:g}: {'; '.join(words)}.",
    )  # fmt: skip


def _fit(own: pd.DataFrame) -> ParametricFit | None:
    try:
        return weibull_interval(own["lower"], own["upper"])
    except (CannotFit, NotConverged, ValueError):  # no event, one time for everybody, an event on day 0
        return None


def _weibull(own: pd.DataFrame, end: float) -> np.ndarray:
    months = np.linspace(0, end, 121)[1:]
    fit = _fit(own)
    if fit is None:
        return NO_CURVE
    return np.concatenate([[[0.0], [1.0]], [months, fit.at(months)["value"].to_numpy()]], axis=1)


def weibull_reading(own: pd.DataFrame, month: float) -> tuple[Estimate, Estimate]:
    """Weibull share still free at a month and Weibull median, both with intervals; NaN where not estimable."""
    fit = _fit(own)
    if fit is None or month > last_known(own):
        return NONE, NONE
    rate, median = fit.at(month).iloc[0], fit.quantile(0.5).iloc[0]
    # A median beyond what was seen rests on the shape alone.
    known = median["value"] <= last_known(own)
    middle = Estimate(median["value"], median["lower"], median["upper"]) if known else NONE
    return Estimate(rate["value"], rate["lower"], rate["upper"]), middle
