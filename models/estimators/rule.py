"""M0: the prespecified cut-off of the score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.estimators.base import RiskModel, State


class CutoffRule(RiskModel):
    """A score against a fixed cut-off; nothing is fitted.

    The returned "probability" is 1 for a positive score and 0 otherwise: it ranks and classifies, it is not a
    calibrated risk, and calibration is not reported for it.

    Parameters
    ----------
    cutoff : float
        Points of the score.
    inclusive : bool
        Whether a score equal to the cut-off is positive (assay versions differ).
    terms : tuple of str
        The score column.
    """

    drawable = False

    def __init__(self, cutoff: float, inclusive: bool = False, terms: tuple[str, ...] = ("netest_last",)) -> None:
        self.cutoff = cutoff
        self.inclusive = inclusive
        self.terms = terms

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        return {"cutoff": np.array(float(self.cutoff))}

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        score, cutoff = matrix[:, 0], float(state["cutoff"])
        return (score >= cutoff if self.inclusive else score > cutoff).astype(float)
