"""What happened: disease-free survival, recurrence with death competing, and the headline numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome
from flows.reports.cohort import survival
from flows.reports.cohort.paint_trial import ArmCurve, paint_steps
from flows.reports.cohort.survival import Curve
from flows.reports.page import EMPTY, Figure, Table, Tile, interval, percent_interval, whole
from flows.reports.style import arm_label, draw
from flows.reports.timeline import ARMS


def arm_curves(times: pd.DataFrame, fit: Callable[[pd.DataFrame], Curve], months: np.ndarray) -> list[ArmCurve]:
    """A curve per arm that has patients, with numbers at risk at ``months``."""
    curves = []
    for arm in ARMS:
        own = times[times["arm"].eq(arm)]
        if len(own):
            curves.append(ArmCurve(arm, fit(own), survival.at_risk(own, months)))
    return curves


def outcome_figures(times: pd.DataFrame, protocol: Protocol) -> list[Figure]:
    """Disease-free survival (Kaplan-Meier) and cumulative recurrence (Aalen-Johansen) by arm."""
    local = float(protocol["calendar.imaging_end_month"])
    last = float(protocol.visit_grid[-1]) if (times["time"] > local).any() else local
    months = np.arange(0, last + 1, 12)
    kinds = (
        ("dfs", "Disease-free survival", survival.kaplan_meier,
         "Kaplan-Meier with 95% log-log interval, delayed entry at randomisation, event: imaging-confirmed "
         "recurrence or "
         "death. Recurrence counts at the visit that shows it."),
        ("cif", "Cumulative recurrence", lambda own: survival.cumulative_incidence(own, survival.RECURRENCE),
         "Aalen-Johansen with 95% log-log interval; death without recurrence competes."),
    )  # fmt: skip
    figures = []
    for key, title, fit, caption in kinds:
        curves = arm_curves(times, fit, months)
        if not curves:
            continue
        alt = "; ".join(f"{arm_label(item.arm)} {percent_interval(*item.curve.at(local))}" for item in curves)
        figures.append(
            draw(
                paint_steps,
                curves,
                months,
                title,
                last,
                local,
                key=key,
                size=(6.4, 4.7),
                title=title,
                caption=caption,
                alt=f"{title} by arm. At {local:g} months: {alt}.",
            )  # fmt: skip
        )
    return figures


def readings(times: pd.DataFrame, protocol: Protocol) -> Table | None:
    """Curves read at the months the protocol names, by arm."""
    rows = []
    for month in protocol["survival.report_months"]:
        for arm in ARMS:
            own = times[times["arm"].eq(arm)]
            if own.empty:
                continue
            rows.append(
                (
                    f"Month {month:g}, {arm_label(arm)}",
                    whole(survival.at_risk(own, np.array([month]))[0]),
                    percent_interval(*survival.kaplan_meier(own).at(month)),
                    percent_interval(*survival.cumulative_incidence(own, survival.RECURRENCE).at(month)),
                    percent_interval(*survival.cumulative_incidence(own, survival.DEATH).at(month)),
                )
            )
    heads = ("", "At risk", "Disease-free", "Recurred", "Died without recurrence")
    caption = "Read at the nominal visit, with 95% intervals."
    return Table(heads, tuple(rows), caption, classes="compact") if rows else None


def hazard_sentence(times: pd.DataFrame, protocol: Protocol) -> str:
    """The hazard ratio in a sentence, or why there is none."""
    minimum = int(protocol["validation.minimum_events"])
    found = survival.hazard_ratio(times, minimum)
    if found is None:
        return f"Hazard ratio: not estimable (fewer than {minimum} events in an arm)."
    return (
        f"Hazard ratio for recurrence or death, PRRT against control: {interval(*found)} "
        "(Cox model, delayed entry, unadjusted). Recurrence is seen at visits only, so this is an approximation."
    )


def outcome_tiles(trial: Trial, outcome: Outcome, times: pd.DataFrame, protocol: Protocol) -> list[Tile]:
    """Patients, events, disease-free survival by arm and follow-up."""
    arm = trial.patients["arm"]
    by_arm = " · ".join(f"{arm_label(name)} {int(arm.eq(name).sum())}" for name in ARMS)
    rows = outcome.patients
    recurred = rows["first_positive"].notna()
    dead = int((rows["death"].notna() & ~recurred).sum())
    tiles = [
        Tile("Patients operated", str(len(rows)), by_arm, "accent"),
        Tile("Recurrences on imaging", str(int(recurred.sum())), f"{dead} died without recurrence", "accent"),
    ]
    month = float(protocol["calendar.imaging_end_month"])
    for name in reversed(ARMS):
        own = times[times["arm"].eq(name)]
        reading = survival.kaplan_meier(own).at(month) if len(own) else (float("nan"),) * 3
        value = EMPTY if np.isnan(reading[0]) else f"{100 * reading[0]:.0f}%"
        limits = percent_interval(*reading).removeprefix(f"{value} ").strip("()")
        note = "nobody under observation" if np.isnan(reading[0]) else f"95% interval {limits}%"
        tiles.append(Tile(f"Disease-free at {month:g} months, {arm_label(name)}", value, note, name))
    if len(times):
        follow = survival.median_time(survival.kaplan_meier(times, reverse=True))
        tiles.append(
            Tile(
                "Median imaging follow-up",
                "not reached" if np.isnan(follow) else f"{whole(follow)} mo",
                "reverse Kaplan-Meier, to the last adequate scan",
                "accent",
            )
        )
    return tiles
