"""Pictures of the trial as a whole: patient flow, survival and incidence curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from flows.reports.cohort.survival import Curve
from flows.reports.style import (
    INK,
    SOFT,
    arm_colour,
    arm_label,
    percent_axis,
)

ARMS = ("prrt", "control")


@dataclass(frozen=True)
class Stage:
    """One step of the patient flow.

    Parameters
    ----------
    label : str
        Name of the step.
    total : int or None
        Patients; None when the delivery cannot say (drawn as a question, never as zero).
    arms : dict of str to int
        Patients by arm, once there are arms.
    blood : dict of str to int
        Those of them with a blood sample of this step.
    """

    label: str
    total: int | None
    arms: dict[str, int]
    blood: dict[str, int]


def paint_flow(canvas: Canvas, stages: Sequence[Stage]) -> None:
    """Bars of patients from consent to landmark 36, joined by bands; the strong part of a bar has blood."""
    axes = canvas.subplots()
    top = max([stage.total or 0 for stage in stages] + [1])
    gap, half = 0.10 * top, 0.26
    previous: dict[str, tuple[float, float]] = {}
    for position, stage in enumerate(stages):
        spans = _spans(stage, top, gap)
        for arm, (low, high) in spans.items():
            source = previous.get(arm) or previous.get("")
            if source is not None and arm in previous:
                _band(axes, position, half, source, (low, high), arm)
            elif source is not None:
                share = _share(source, stage, arm)
                _band(axes, position, half, share, (low, high), arm)
            _bar(axes, position, half, stage, arm, low, high)
        if stage.total is None:
            axes.bar(position, top, 2 * half, bottom=gap / 2, fill=False, edgecolor="#b8c1ca", linestyle=(0, (4, 3)))
        _stage_words(axes, position, stage, top, gap)
        previous = spans or previous
    axes.set_xlim(-0.55, len(stages) - 0.45)
    axes.set_ylim(-0.34 * top, top + 2.1 * gap)
    axes.axis("off")


def _spans(stage: Stage, top: float, gap: float) -> dict[str, tuple[float, float]]:
    middle = (top + gap) / 2
    if stage.total is None:
        return {}
    if not stage.arms:
        return {"": (middle - stage.total / 2, middle + stage.total / 2)}
    height = sum(stage.arms.values()) + gap
    low = middle - height / 2
    spans = {}
    for arm in reversed(ARMS):
        spans[arm] = (low, low + stage.arms.get(arm, 0))
        low = spans[arm][1] + gap
    return spans


def _share(source: tuple[float, float], stage: Stage, arm: str) -> tuple[float, float]:
    total = sum(stage.arms.values()) or 1
    low, high = source
    split = low + (high - low) * stage.arms.get("control", 0) / total
    return (low, split) if arm == "control" else (split, high)


def _band(
    axes: Axes, position: int, half: float, left: tuple[float, float], right: tuple[float, float], arm: str
) -> None:
    steps = np.linspace(0, 1, 30)
    ease = steps * steps * (3 - 2 * steps)
    x = (position - 1 + half) + steps * (1 - 2 * half)
    low = left[0] + (right[0] - left[0]) * ease
    high = left[1] + (right[1] - left[1]) * ease
    axes.fill_between(x, low, high, color=arm_colour(arm) if arm else SOFT, alpha=0.13, linewidth=0)


def _bar(axes: Axes, position: int, half: float, stage: Stage, arm: str, low: float, high: float) -> None:
    colour = arm_colour(arm) if arm else SOFT
    with_blood = stage.blood.get(arm)
    strong = (high - low) if with_blood is None else with_blood
    axes.bar(position, high - low, 2 * half, bottom=low, color=colour, alpha=0.35, linewidth=0)
    axes.bar(position, strong, 2 * half, bottom=low, color=colour, linewidth=0)
    if stage.arms and high > low:
        words = f"{stage.arms.get(arm, 0)}"
        tall = high - low > 12 * _unit(axes)
        axes.text(
            position,
            (low + high) / 2 if tall else high,
            words,
            ha="center",
            va="center" if tall else "bottom",
            color="white" if tall else colour,
            fontsize=12,
            fontweight="bold",
        )


def _unit(axes: Axes) -> float:
    low, high = axes.get_ylim()
    return (high - low) / 160


def _stage_words(axes: Axes, position: int, stage: Stage, top: float, gap: float) -> None:
    head = "not delivered" if stage.total is None else str(stage.total)
    size = 9 if stage.total is None else 15
    axes.text(position, top + 1.35 * gap, head, ha="center", va="bottom", fontsize=size, fontweight="bold", color=INK)
    axes.text(position, -0.06 * top, stage.label, ha="center", va="top", fontsize=10, color=INK)
    if stage.blood:
        axes.text(
            position,
            -0.21 * top,
            f"{sum(stage.blood.values())} with blood",
            ha="center",
            va="top",
            fontsize=9,
            color=SOFT,
        )


@dataclass(frozen=True)
class ArmCurve:
    """A curve of one arm with the numbers at risk under it."""

    arm: str
    curve: Curve
    at_risk: np.ndarray


def paint_steps(
    canvas: Canvas, arms: Sequence[ArmCurve], months: np.ndarray, label: str, last: float, local_from: float
) -> None:
    """Step curves by arm with interval bands and a table of numbers at risk.

    Parameters
    ----------
    months : array
        Months at which numbers at risk are printed.
    local_from : float
        Month from which imaging is local; shaded.
    """
    axes, table = canvas.subplots(2, 1, height_ratios=[5, 0.35 + 0.36 * max(len(arms), 1)], sharex=True)
    if last > local_from:
        axes.axvspan(local_from, last * 1.015, color="#eef1f4", zorder=0, linewidth=0)
        axes.text((local_from + last) / 2, 1.0, "local imaging", ha="center", va="top", fontsize=8.5, color=SOFT)
    ends = []
    for item in arms:
        curve, colour = item.curve, arm_colour(item.arm)
        seen = curve.time <= last
        x = np.append(curve.time[seen], last * 1.015)
        y, low, high = (np.append(part[seen], part[seen][-1]) for part in (curve.value, curve.lower, curve.upper))
        axes.fill_between(x, low, high, step="post", color=colour, alpha=0.14, linewidth=0)
        axes.step(x, y, where="post", color=colour)
        ends.append((float(y[-1]), item.arm, colour))
    for height, arm, colour in _apart(ends, 0.07):
        axes.text(last * 1.03, height, arm_label(arm), color=colour, va="center", fontweight="bold", clip_on=False)
    percent_axis(axes, label)
    axes.set_xlim(0, last * 1.015)
    axes.set_xticks(months)
    axes.tick_params(labelbottom=True)
    axes.set_xlabel("Months since surgery")
    _risk_table(table, arms, months)


def _apart(ends: list[tuple[float, str, str]], distance: float) -> list[tuple[float, str, str]]:
    placed: list[tuple[float, str, str]] = []
    for height, arm, colour in sorted(ends):
        floor = placed[-1][0] + distance if placed else height
        placed.append((max(height, floor), arm, colour))
    return placed


def _risk_table(axes: Axes, arms: Sequence[ArmCurve], months: np.ndarray) -> None:
    axes.set_ylim(len(arms) - 0.4, -1.1)
    axes.text(0, -0.85, "At risk", color=SOFT, fontsize=8.5, ha="left", va="center")
    for row, item in enumerate(arms):
        for month, count in zip(months, item.at_risk, strict=True):
            axes.text(month, row, str(int(count)), ha="center", va="center", color=arm_colour(item.arm), fontsize=9)
    axes.axis("off")
