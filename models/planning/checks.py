"""Inputs of a plan: refused in one line that says what would be right."""

from __future__ import annotations

import math
from collections.abc import Callable


def share(value: float, name: str) -> float:
    """A number strictly between 0 and 1.

    Raises
    ------
    ValueError
        Otherwise, naming the quantity.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} {value:g} is impossible; give a number between 0 and 1")
    return float(value)


def loss(value: float, name: str) -> float:
    """A share that may be lost: from 0 to below 1.

    Raises
    ------
    ValueError
        Otherwise, naming the quantity.
    """
    if not 0 <= value < 1:
        raise ValueError(f"{name} {value:g} is impossible; give a number from 0 to below 1")
    return float(value)


def positive(value: float, name: str) -> float:
    """A finite number above 0.

    Raises
    ------
    ValueError
        Otherwise, naming the quantity.
    """
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} {value:g} is impossible; give a number above 0")
    return float(value)


def c_statistic(value: float) -> float:
    """An AUC that a risk model can have: above 0.5 and below 1.

    Raises
    ------
    ValueError
        At 0.5 and below no variation is explained, at 1 all of it.
    """
    if not 0.5 < value < 1:
        raise ValueError(f"AUC {value:g} gives no model to plan for; give a number above 0.5 and below 1")
    return float(value)


def smallest(enough: Callable[[int], bool], most: int = 10_000_000) -> int:
    """The smallest whole number from 1 on that is enough, when every larger one is enough too.

    Raises
    ------
    ValueError
        When even ``most`` is not enough.
    """
    low, high = 0, 1
    while not enough(high):
        if high >= most:
            raise ValueError(f"more than {most:,} patients would be needed; ask for less precision")
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
