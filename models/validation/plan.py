"""How an endpoint is validated: folds, resamples and what is asked for on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data.protocol import Protocol
from models.validation.blocks import BLOCKS, PATIENT


@dataclass(frozen=True)
class Plan:
    """How an endpoint is validated.

    Attributes
    ----------
    folds, repeats : int
        Repeated k-fold cross-validation by patient.
    resamples : int
        Bootstrap of patients and pipeline behind the intervals; 0 leaves intervals out.
    draws : int
        Bootstrap refits behind each patient's interval.
    seed : int
    jobs : int
        Threads; no effect on the results.
    blocks : {"patient", "site"}
        What is never on both sides of a split: with "site" whole sites are left out.
    learning_curve : bool
        Whether the shown model and its comparators are fitted on shares of the training folds, too.
    permutations : int
        Permutations of the outcomes behind the null distribution; 0 leaves it out.
    exploratory : bool
        A plan too small to be evidence; no model of it becomes champion or challenger.
    learner_refits : int
        Learners are refitted in about so many of the resamples and draws; 0 is all of them.
    """

    folds: int
    repeats: int
    resamples: int
    draws: int
    seed: int = 20240601
    jobs: int = 2
    blocks: str = PATIENT
    learning_curve: bool = False
    permutations: int = 0
    exploratory: bool = False
    learner_refits: int = 0

    def __post_init__(self) -> None:
        if self.blocks not in BLOCKS:
            raise ValueError(f"blocks is {self.blocks!r}; expected one of {', '.join(BLOCKS)}")

    @classmethod
    def from_protocol(cls, protocol: Protocol, **changes: Any) -> Plan:
        """The protocol's plan, with single settings changed."""
        settings: dict[str, Any] = {
            "folds": int(protocol["validation.folds"]),
            "repeats": int(protocol["validation.repeats"]),
            "resamples": int(protocol["validation.bootstrap"]),
            "draws": int(protocol["models.coefficient_draws"]),
            "learner_refits": int(protocol["validation.learner_refits"]),
        }
        return cls(**(settings | changes))

    def every(self, count: int) -> int:
        """Learners are refitted in every so many of ``count`` resamples."""
        return max(1, count // self.learner_refits) if self.learner_refits else 1
