"""The rules of the gate, read once from the protocol."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.protocol import Protocol, ProtocolError
from models.promotion.boundaries import planned_spending, spending_boundary


@dataclass(frozen=True)
class GateRules:
    """Limits of one gate. ``alpha`` and ``anytime_alpha`` are this challenger's own shares.

    Attributes
    ----------
    planned : int
        Known labels at the last look.
    looks : tuple of float
        Information fractions of the planned looks.
    alpha : float
        One-sided type I error of the looks.
    anytime_alpha : float
        Of the e-process.
    anytime_promotes : bool
        Whether the e-process may promote; otherwise it is displayed.
    smallest_gain, harm_limit : float
        Brier score.
    slope_range : tuple of float
    confidence, largest_stake : float
    """

    planned: int
    looks: tuple[float, ...]
    alpha: float
    anytime_alpha: float
    anytime_promotes: bool
    smallest_gain: float
    slope_range: tuple[float, float]
    harm_limit: float
    confidence: float
    largest_stake: float

    @classmethod
    def from_protocol(cls, protocol: Protocol, challengers: int = 1) -> GateRules:
        """Rules of each of ``challengers`` registered challengers: every alpha is divided by their number.

        Raises
        ------
        ProtocolError
            When the looks are not fractions that grow to 1, or the shares of alpha do not fit into the whole.
        ValueError
            When there is no challenger.
        """
        if challengers < 1:
            raise ValueError(f"{challengers} challengers; a gate needs at least one")
        where = protocol.path.name
        looks = tuple(float(share) for share in protocol["gate.looks"])
        if not looks or looks[-1] != 1 or (np.diff(looks, prepend=0.0) <= 0).any():
            raise ProtocolError(f"{where}: [gate.looks] {list(looks)} does not go; give shares that grow to 1")
        whole, own = float(protocol["gate.alpha"]), float(protocol["gate.anytime_alpha"])
        if not 0 < own < whole < 0.5:
            raise ProtocolError(f"{where}: [gate.anytime_alpha] {own} must lie between 0 and [gate.alpha] {whole}")
        promotes = bool(protocol["gate.anytime_promotes"])
        lowest, highest = (float(limit) for limit in protocol["gate.slope_range"])
        return cls(
            planned=int(protocol["gate.planned_labels"]),
            looks=looks,
            alpha=(whole - own if promotes else whole) / challengers,
            anytime_alpha=own / challengers,
            anytime_promotes=promotes,
            smallest_gain=float(protocol["gate.smallest_gain"]),
            slope_range=(lowest, highest),
            harm_limit=float(protocol["gate.harm_limit"]),
            confidence=float(protocol["gate.confidence"]),
            largest_stake=float(protocol["gate.largest_stake"]),
        )

    @property
    def labels_at(self) -> tuple[int, ...]:
        """Known labels that each planned look waits for."""
        return tuple(int(np.ceil(share * self.planned - 1e-9)) for share in self.looks)

    def reached(self, labels: int) -> int:
        """How many of the planned looks this many labels have reached."""
        return int(np.searchsorted(self.labels_at, labels, side="right"))

    def critical(self, number: tuple[int, ...], labels: tuple[int, ...]) -> float:
        """Critical z of the last of the looks that were taken.

        Parameters
        ----------
        number : tuple of int
            Which planned look each was, from 1.
        labels : tuple of int
            Known labels at each.
        """
        spent = planned_spending(self.looks, self.alpha)
        return spending_boundary(tuple(float(n) for n in labels), tuple(spent[k - 1] for k in number))[-1]
