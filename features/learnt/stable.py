"""Variation of one result of a marker, learnt from training patients who stayed free of recurrence."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.kinetics.reference_change import sidak
from features.learnt.marker import NETEST, last_step, named, step_needs
from features.learnt.rows import Rows, columns


@dataclass(frozen=True)
class StableVariation:
    """Standard deviation of one result, analytical and within-person, and the reference change flag it gives.

    In a stable patient two results in a row differ by noise alone, Var(l_k - l_(k-1)) = 2 sd^2, so that
    sd^2 = sum of squared successive differences / (2 x their number). No within-person variation of the blood score
    is published, so that the flag from outside figures (``netest_rcv_rise``) is not estimable while this one is; nor
    is one of the urine score. Where outside figures exist (CgA), this one stands beside them, from the trial's own
    patients. Results beyond a limit of their assay are left out: a step then spans them.

    Parameters
    ----------
    sd : ndarray, shape ()
        On the scale of the marker (logit of a score, ln of a quantity); NaN with too few stable patients.
    z : ndarray, shape ()
        One-sided normal quantile for one comparison.
    patients : ndarray, shape ()
        Stable patients with at least two results.
    marker : ndarray of str, shape ()
        Prefix of its columns, one of :data:`features.learnt.marker.SCALES`.

    References
    ----------
    von Neumann et al., Ann Math Stat 1941; 12: 153 (mean square successive difference); statistical design,
    sections 2 and 7.
    """

    sd: np.ndarray
    z: np.ndarray
    patients: np.ndarray
    marker: np.ndarray = field(default_factory=lambda: np.array(NETEST))

    @staticmethod
    def needs(marker: str = NETEST) -> tuple[str, ...]:
        """Columns that it looks at."""
        return (f"{marker}_post_n", f"{marker}_post_sum_step2", *step_needs(marker))

    @staticmethod
    def gives(marker: str = NETEST) -> tuple[str, ...]:
        """Columns that it adds."""
        return (f"{marker}_rcv_rise_stable",)

    @classmethod
    def fit(cls, rows: Rows, stable: np.ndarray, minimum: int, z: float, marker: str = NETEST) -> StableVariation:
        """Pool the successive differences of stable patients.

        Learnt from the labelled training rows of the landmark that is predicted, since only a label tells who is
        stable. Rows are not weighted for censoring: the noise of a result does not depend on who stays in follow-up.

        Parameters
        ----------
        rows : mapping of name to array
            ``<marker>_post_n`` (post-operative results up to the landmark, those measured) and
            ``<marker>_post_sum_step2`` (sum of their squared successive differences, scale^2).
        stable : ndarray of bool
            Patients of the training fold, known to be free of recurrence and alive at the horizon.
        minimum : int
            Stable patients with two results that are needed.
        z : float
        marker : str
        """
        count, squares = columns(rows, cls.needs(marker)[:2])
        used = stable & (count >= 2) & np.isfinite(squares)
        patients = int(used.sum())
        steps = (count - 1)[used].sum()
        sd = np.sqrt(squares[used].sum() / (2 * steps)) if patients >= max(minimum, 1) else np.nan
        return cls(np.array(float(sd)), np.array(float(z)), np.array(float(patients)), np.array(marker))

    def apply(self, rows: Rows) -> dict[str, np.ndarray]:
        """1 where l_s - l_u > z sqrt(2) sd, z corrected for the number of results (Sidak); else 0.

        NaN without two post-operative results, while one of the last two is beyond a limit of its assay, and while the
        variation is not estimable. Only measured results are counted: the others cannot be compared.
        """
        marker = str(self.marker)
        (count,), rise = columns(rows, self.needs(marker)[:1]), last_step(rows, marker)
        known = np.isfinite(rise) & np.isfinite(self.sd)
        limit = sidak(np.where(count >= 2, count - 1, 1), float(self.z)) * np.sqrt(2) * self.sd
        return {self.gives(marker)[0]: np.where(known, rise > limit, np.nan)}

    def describe(self) -> dict[str, float]:
        """Standard deviation of one result and the number of patients behind it."""
        whose = named(str(self.marker))
        return {f"sd of a stable result{whose}": float(self.sd), f"stable patients{whose}": float(self.patients)}
