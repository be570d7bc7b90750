"""M0, M0b, M0c: prespecified cut-offs of the score and of CgA."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from models.estimators.base import RiskModel, State
from models.estimators.newton import CannotFit

SILENT = 0.5


class CutoffRule(RiskModel):
    """A marker against a fixed cut-off; nothing is fitted.

    The returned "probability" is 1 for a positive marker and 0 otherwise: it ranks and classifies, it is not a
    calibrated risk, and calibration is not reported for it. Where the marker is missing, or was measured by a kit
    without a limit, the rule says nothing: 0.5, which ranks between the two. ``describe`` names the share of such
    training rows; sensitivity and specificity count only those who have the marker.

    Parameters
    ----------
    cutoff : float
        Points of the score; 0.5 for a flag.
    inclusive : bool
        Whether a score equal to the cut-off is positive (assay versions differ).
    terms : tuple of str
        The column.
    """

    drawable = False

    def __init__(self, cutoff: float, inclusive: bool = False, terms: tuple[str, ...] = ("netest_last",)) -> None:
        self.cutoff = cutoff
        self.inclusive = inclusive
        self.terms = terms

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        missing = float(np.isnan(self._matrix(X)).mean())
        if missing == 1.0:
            raise CannotFit(f"no training row has {self.terms[0]}: the rule would say nothing about anybody")
        return {"cutoff": np.array(float(self.cutoff)), "missing": np.array(missing)}

    def _probability(self, state: State, matrix: np.ndarray) -> np.ndarray:
        score, cutoff = matrix[:, 0], float(state["cutoff"])
        positive = score >= cutoff if self.inclusive else score > cutoff
        return np.where(np.isnan(score), SILENT, positive)

    def describe(self) -> dict[str, Any]:
        return {"cut-off": float(self.state_["cutoff"]), "share without the marker": float(self.state_["missing"])}
