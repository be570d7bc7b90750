"""One line of the acceptance table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.known_truth.cohorts import mean_and_error
from benchmarks.page import figure


@dataclass(frozen=True)
class Check:
    """A figure with its Monte Carlo standard error and the bound that it must keep.

    ``met`` is None for a figure that is only shown.
    """

    number: str
    what: str
    value: float
    error: float
    bound: str
    met: bool | None
    digits: int = 3

    def cells(self) -> list[str]:
        """Cells of the table."""
        verdict = "" if self.met is None else "yes" if self.met else "**no**"
        return [self.number, self.what, figure(float(self.value), float(self.error), self.digits), self.bound, verdict]


def mean_check(number: str, what: str, values: object, bound: str, lowest: float, highest: float) -> Check:
    """A mean over replications that must lie in a range."""
    mean, error = mean_and_error(np.asarray(values, dtype=float))
    return Check(number, what, mean, error, bound, bool(lowest <= mean <= highest))
