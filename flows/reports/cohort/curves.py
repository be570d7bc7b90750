"""Figures of times to an event by arm: Kaplan-Meier, reverse Kaplan-Meier and cumulative incidence."""

from __future__ import annotations

import numpy as np
import pandas as pd

from flows.reports.cohort.material import Cohort
from flows.reports.cohort.paint_curves import ArmCurve, paint_steps
from flows.reports.cohort.times import SEEN_ON_SCANS, curve_of, death_competes, risk_months
from flows.reports.page import Figure, percent_interval
from flows.reports.style import arm_label, draw
from models.estimates.competing import cumulative_incidence
from models.estimates.risk_table import at_risk
from models.estimates.values import Curve

RECURRENCE, DEATH = 1, 2
SIZE = (6.4, 4.7)
CAPTIONS = {
    "dfs": "Kaplan-Meier with 95% log-log interval, delayed entry. Event: {event} confirmed on imaging, or death. What "
    "a scan shows counts at the visit that shows it.",
    "liver_dfs": "Event: {event} in the liver, or death. A {event} outside the liver only does not end it.",
    "os": "Event: death of any cause; censored at the last contact.",
    "ttnt": "Cumulative incidence of a new anticancer treatment; death before it competes.",
    "follow": "Reverse Kaplan-Meier: the share still under observation by imaging.",
}
FOLLOW = "Follow-up by imaging"
LABELS = {"ttnt": "Next treatment started", "follow": "Under observation"}


def arm_curves(cohort: Cohort, times: pd.DataFrame, fit, months: np.ndarray) -> list[ArmCurve]:
    """A curve per group that has patients, with numbers at risk at ``months``."""
    found = []
    for arm in cohort.groups:
        own = cohort.own(times, arm)
        if len(own):
            found.append(ArmCurve(arm, fit(own), at_risk(own["time"], own["entry"], months)))
    return found


def curve_figure(cohort: Cohort, key: str, times: pd.DataFrame, last: float, *, reverse: bool = False) -> Figure | None:
    """Kaplan-Meier curves of an endpoint by arm (reversed: time under observation); None without patients."""
    months = risk_months(times, last)
    competing = death_competes(cohort, key)
    curves = arm_curves(cohort, times, lambda own: curve_of(own, reverse=reverse, competing=competing), months)
    if not curves:
        return None
    month = cohort.headline_month
    nominal = key in (*SEEN_ON_SCANS, "follow")
    local = float(cohort.protocol["calendar.imaging_end_month"]) if nominal else None
    title = FOLLOW if key == "follow" else cohort.title(key)
    told = "; ".join(f"{arm_label(item.arm)} {_read(item.curve, month)}" for item in curves)
    return draw(
        paint_steps, curves, months, LABELS.get(key, title), last, local, cohort.since, not nominal,
        key=key.replace("_", "-"), size=SIZE, title=title, caption=CAPTIONS[key].format(event=cohort.event),
        alt=f"{title} by arm. At {month:g} months: {told}.",
    )  # fmt: skip


def _read(curve: Curve, month: float) -> str:
    row = curve.at(month).iloc[0]
    return percent_interval(row["value"], row["lower"], row["upper"])


def incidence_figure(cohort: Cohort, times: pd.DataFrame, last: float) -> Figure | None:
    """Cumulative incidence of recurrence with death competing, by arm; None without patients."""
    months = risk_months(times, last)

    def fit(own: pd.DataFrame) -> Curve:
        return cumulative_incidence(own["time"], own["event"], RECURRENCE, own["entry"])

    curves = arm_curves(cohort, times, fit, months)
    if not curves:
        return None
    month = cohort.headline_month
    told = "; ".join(f"{arm_label(item.arm)} {_read(item.curve, month)}" for item in curves)
    return draw(
        paint_steps, curves, months, f"Cumulative {cohort.event}", last,
        float(cohort.protocol["calendar.imaging_end_month"]), cohort.since, False,
        key="cif", size=SIZE, title=f"Cumulative {cohort.event}",
        caption=f"Aalen-Johansen with 95% interval; death without {cohort.event} competes.",
        alt=f"Cumulative incidence of {cohort.event} by arm. At {month:g} months: {told}.",
    )  # fmt: skip
