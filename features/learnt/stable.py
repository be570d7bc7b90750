"""Variation of one result, learnt from training patients who stayed free of recurrence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.kinetics.reference_change import sidak
from features.kinetics.rules import on_scale
from features.learnt.rows import Rows, columns


@dataclass(frozen=True)
class StableVariation:
    """Standard deviation of one result, analytical and within-person, and the reference change flag it gives.

    In a stable patient two results in a row differ by noise alone, Var(l_k - l_(k-1)) = 2 sd^2, so that
    sd^2 = sum of squared successive differences / (2 x their number). No within-person variation of the blood score
    is published, so that the flag from outside figures (``netest_rcv_rise``) is not estimable while this one is.

    Parameters
    ----------
    sd : ndarray, shape ()
        Logit; NaN with too few stable patients.
    z : ndarray, shape ()
        One-sided normal quantile for one comparison.
    patients : ndarray, shape ()
        Stable patients with at least two results.

    References
    ----------
    von Neumann et al., Ann Math Stat 1941; 12: 153 (mean square successive difference); statistical design,
    sections 2 and 7.
    """

    sd: np.ndarray
    z: np.ndarray
    patients: np.ndarray

    NEEDS: ClassVar[tuple[str, ...]] = (
        "netest_post_n",
        "netest_post_sum_step2",
        "netest_last",
        "netest_change_previous",
    )
    GIVES: ClassVar[tuple[str, ...]] = ("netest_rcv_rise_stable",)

    @classmethod
    def fit(cls, rows: Rows, stable: np.ndarray, minimum: int, z: float) -> StableVariation:
        """Pool the successive differences of stable patients.

        Learnt from the labelled training rows of the landmark that is predicted, since only a label tells who is
        stable. Rows are not weighted for censoring: the noise of a result does not depend on who stays in follow-up.

        Parameters
        ----------
        rows : mapping of name to array
            ``netest_post_n`` (post-operative results up to the landmark) and ``netest_post_sum_step2`` (sum of their
            squared successive differences, logit^2).
        stable : ndarray of bool
            Patients of the training fold, known to be free of recurrence and alive at the horizon.
        minimum : int
            Stable patients with two results that are needed.
        z : float
        """
        count, squares = columns(rows, cls.NEEDS[:2])
        used = stable & (count >= 2) & np.isfinite(squares)
        patients = int(used.sum())
        steps = (count - 1)[used].sum()
        sd = np.sqrt(squares[used].sum() / (2 * steps)) if patients >= max(minimum, 1) else np.nan
        return cls(np.array(float(sd)), np.array(float(z)), np.array(float(patients)))

    def apply(self, rows: Rows) -> dict[str, np.ndarray]:
        """1 where l_s - l_u > z sqrt(2) sd, z corrected for the number of results (Sidak); else 0.

        NaN without two post-operative results, and while the variation is not estimable.
        """
        count, _, last, change = columns(rows, self.NEEDS)
        rise = on_scale(last, "logit") - on_scale(last - change, "logit")
        known = np.isfinite(rise) & np.isfinite(self.sd)
        limit = sidak(np.where(count >= 2, count - 1, 1), float(self.z)) * np.sqrt(2) * self.sd
        return {"netest_rcv_rise_stable": np.where(known, rise > limit, np.nan)}

    def describe(self) -> dict[str, float]:
        """Standard deviation of one result and the number of patients behind it."""
        return {"sd of a stable result": float(self.sd), "stable patients": float(self.patients)}
