"""Knobs of the simulated worlds: what each may be, and how a value is read from text."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Any

Value = float | int | str | tuple[float, ...]
WHOLE = ("samples", "plates")


@dataclass(frozen=True)
class Knob:
    """One belief of a world: its value with unit, allowed values and source.

    Parameters
    ----------
    name : str
    value : float, int, str or tuple of float
    unit : str
    low, high : float
        Allowed range of numbers, both ends included.
    choices : tuple of str
        Allowed words; empty for numbers.
    source : str
    """

    name: str
    value: Value
    unit: str
    low: float
    high: float
    choices: tuple[str, ...]
    source: str

    @property
    def allowed(self) -> str:
        """What the knob may be, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        kind = "a whole number" if self.unit in WHOLE else "a number"
        if isinstance(self.value, tuple):
            kind = f"{len(self.value)} numbers with commas between"
        if math.isinf(self.low) and math.isinf(self.high):
            return kind
        return f"{kind} from {self.low:g} to {self.high:g}" if math.isfinite(self.high) else f"{kind} from {self.low:g}"

    def checked(self, value: Any) -> Value:
        """The value as the world holds it.

        Raises
        ------
        ValueError
            When it is not allowed; the message names the knob, the value and what is allowed.
        """
        if self.choices:
            if value not in self.choices:
                raise self._refusal(value)
            return str(value)
        if isinstance(self.value, tuple):
            numbers = tuple(self._number(part) for part in value) if isinstance(value, (tuple, list)) else ()
            if len(numbers) != len(self.value):
                raise self._refusal(value)
            return numbers
        return self._number(value)

    def read(self, text: str) -> Value:
        """The value that a text stands for; see :meth:`checked`."""
        if self.choices:
            return self.checked(text.strip())
        parts: list[float] = []
        for part in text.split(","):
            try:
                parts.append(float(part))
            except ValueError:
                raise self._refusal(text) from None
        return self.checked(tuple(parts) if isinstance(self.value, tuple) or len(parts) != 1 else parts[0])

    def _number(self, value: Any) -> float | int:
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
        bounded = math.isfinite(self.low) or math.isfinite(self.high)
        if not number or not self.low <= value <= self.high or (math.isinf(value) and not bounded):
            raise self._refusal(value)
        if self.unit in WHOLE:
            if value != int(value):
                raise self._refusal(value)
            return int(value)
        return float(value)

    def _refusal(self, value: Any) -> ValueError:
        shown = ",".join(map(str, value)) if isinstance(value, (tuple, list)) else value
        return ValueError(f"{self.name} {shown!r} is not {self.allowed}")


def unknown_knob(name: str, known: list[str]) -> ValueError:
    """Error for a knob that no world has: names the nearest, else all."""
    near = difflib.get_close_matches(name, known, n=3)
    choices = f"did you mean {' or '.join(near)}?" if near else f"choose among {', '.join(known)}"
    return ValueError(f"unknown knob {name!r}; {choices}")
