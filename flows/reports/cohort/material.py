"""What every section of the cohort report is made from, and the words they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome
from flows.reports.timeline import ARMS, arms, since

NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True)
class Cohort:
    """A trial with its rules and its outcome."""

    trial: Trial
    protocol: Protocol
    outcome: Outcome

    @property
    def groups(self) -> tuple[str, ...]:
        """Arms that hold patients; one group without a name in a cohort in which nobody was allocated."""
        given = set(arms(self.trial))
        found = tuple(arm for arm in ARMS if arm in given)
        return found or (("",) if given else ())

    @property
    def two_arms(self) -> bool:
        """Whether there is something to compare."""
        return len(self.groups) == 2

    @property
    def since(self) -> str:
        """What months are counted from, in words."""
        return since(self.protocol)

    @property
    def resected(self) -> bool:
        """Whether anybody was operated on: else disease is measured, and what ends a time is its progression."""
        return bool(self.trial.patients["surgery_on"].notna().any()) or self.trial.patients.empty

    @property
    def free(self) -> str:
        """What a patient without an event is."""
        return "disease-free" if self.resected else "progression-free"

    @property
    def event(self) -> str:
        """What imaging looks for."""
        return "recurrence" if self.resected else "progression"

    @property
    def sampled(self) -> bool:
        """Whether any sample was delivered: else none is called missing."""
        return not self.trial.samples.empty

    def spoken(self, words: str) -> str:
        """A sentence written for a resected cohort, in the words of this one: measured disease progresses."""
        if self.resected:
            return words
        for old, new in (("ecurrence", "rogression"), ("ecurred", "rogressed")):
            words = words.replace(f"r{old}", f"p{new}").replace(f"R{old}", f"P{new}")
        return words

    def title(self, endpoint: str) -> str:
        """Name of an endpoint for people."""
        names = {
            "dfs": f"{self.free.capitalize()} survival",
            "liver_dfs": f"Liver {self.free} survival",
            "os": "Overall survival",
            "ttnt": "Time to next treatment",
        }
        return names[endpoint]

    @property
    def months(self) -> tuple[float, ...]:
        """Months at which the protocol has the curves read."""
        return tuple(float(month) for month in self.protocol["survival.report_months"])

    @property
    def headline_month(self) -> float:
        """The month of the headline."""
        return float(self.protocol["survival.headline_month"])

    def without_results(self) -> Cohort:
        """The same cohort as if the laboratory had reported nothing."""
        return Cohort(self.trial.replace(results=self.trial.results[:0]), self.protocol, self.outcome)

    def own(self, frame: pd.DataFrame, arm: str) -> pd.DataFrame:
        """Rows of a group of :attr:`groups`; the group without a name takes everybody."""
        return frame[frame["arm"].eq(arm)] if arm else frame


def rule(protocol: Protocol, key: str, default: Any) -> Any:
    """A rule of the protocol, or a default where the protocol file has no such record."""
    return protocol.records[key].value if key in protocol.records else default


def p_value(p: float) -> str:
    """A P value as a cell of a table."""
    if p is None or not np.isfinite(p):
        return NOT_ESTIMABLE
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.2 else f"{p:.2f}"


def p_words(p: float) -> str:
    """A P value inside a sentence: ``P = 0.03``, ``P < 0.001``."""
    words = p_value(p)
    return f"P {words}" if words.startswith("<") or words == NOT_ESTIMABLE else f"P = {words}"


def counted(n: int, one: str, many: str = "") -> str:
    """A count with its noun: ``1 patient``, ``2 patients``."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def joined(words: Sequence[str]) -> str:
    """Words as a list in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
