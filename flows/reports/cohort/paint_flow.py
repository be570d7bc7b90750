"""The patient flow as a picture: bars joined by bands, and under every gap who left and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from flows.reports.style import INK, SOFT, arm_colour

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
    left : tuple of str
        Who left since the step before, one reason a line ("12 recurrence"); nothing when nobody left.
    """

    label: str
    total: int | None
    arms: dict[str, int]
    blood: dict[str, int]
    left: tuple[str, ...] = ()


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
    deepest = max((len(stage.left) for stage in stages), default=0)
    axes.set_ylim(-(0.34 + 0.1 * deepest) * top, top + 2.1 * gap)
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
        words = f"{sum(stage.blood.values())} with blood"
        axes.text(position, -0.21 * top, words, ha="center", va="top", fontsize=9, color=SOFT)
    for line, words in enumerate(stage.left):
        height = -(0.34 + 0.1 * line) * top
        axes.text(position - 0.5, height, words, ha="center", va="top", fontsize=8.5, color=SOFT)
