"""Scores, labels and right-censored follow-up of the speed benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HORIZONS = (6.0, 12.0, 18.0, 24.0)
LONGEST = 60.0


@dataclass(frozen=True)
class Data:
    """One cohort: label and two scores; follow-up without ties, an event flag and one predicted risk."""

    label: np.ndarray
    score: np.ndarray
    other: np.ndarray
    time: np.ndarray
    event: np.ndarray
    risk: np.ndarray

    def take(self, rows: np.ndarray) -> Data:
        """Some patients, possibly repeated."""
        return Data(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def draw(n: int, seed: int = 1) -> Data:
    """Two scores of a latent risk, exponential times and exponential drop-out until month 60."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=n)
    label = (rng.random(n) < 1 / (1 + np.exp(-latent))).astype(float)
    score, other = latent + rng.normal(size=n), latent + 1.5 * rng.normal(size=n)
    months = rng.exponential(30 * np.exp(-0.8 * latent))
    gone = np.minimum(rng.exponential(60, n), LONGEST + rng.random(n))
    risk = 1 / (1 + np.exp(1 - score))
    return Data(label, score, other, np.minimum(months, gone), (months <= gone).astype(int), risk)
