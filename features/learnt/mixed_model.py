"""Linear mixed model of a marker over time: each patient's own level and slope, shrunk to the others'."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.learnt.likelihood import fit_variances
from features.learnt.marker import NETEST, named
from features.learnt.rows import Rows, columns
from features.learnt.sums import Sums

SUMS = ("n", "sum_month", "sum_month2", "sum_scaled", "sum_month_scaled", "sum_scaled2")


@dataclass(frozen=True)
class MixedModel:
    """Best linear unbiased prediction (BLUP) of a marker at L(s) and of its slope.

    l = b0 + b1 t + b2 arm + u0 + u1 t + e on post-operative results up to the landmark sample, l the result on the
    scale of the marker (logit of a score, ln of a quantity), t in months from surgery, (u0, u1) ~ N(0, covariance) by
    patient, e ~ N(0, residual). Restricted maximum likelihood from sufficient statistics: sums by patient stand for
    the single results, nothing is lost.
    The random slope needs patients with three results; without them only the intercept is random and the slope is not
    estimable: it would be b1 for everybody. Without patients with two results level and noise cannot be told apart.

    Results beyond a limit of their assay are not among the sums: a patient with some of them below it has a level that
    is too high, one with nothing else has none; ``<marker>_below_limit`` tells them. CgA enters by the kit of the
    patient's landmark sample; patients of different kits share one model.

    Parameters
    ----------
    fixed : ndarray, shape (3,)
        b0 (scale), b1 (scale/month), b2 (scale); 0 for a term that the training rows do not identify.
    covariance : ndarray, shape (2, 2)
        Of u0 and u1.
    residual : ndarray, shape ()
        Variance of e (scale^2). Everything is NaN when the model is not estimable.
    closing : ndarray, shape ()
        L(s) is s plus this many months.
    slopes : ndarray, shape ()
        1 when slopes are random, else 0.
    marker : ndarray of str, shape ()
        Prefix of its columns, one of :data:`features.learnt.marker.SCALES`.

    References
    ----------
    Laird, Ware, Biometrics 1982; 38: 963-974; statistical design, section 2.
    """

    fixed: np.ndarray
    covariance: np.ndarray
    residual: np.ndarray
    closing: np.ndarray
    slopes: np.ndarray
    marker: np.ndarray = field(default_factory=lambda: np.array(NETEST))

    @staticmethod
    def needs(marker: str = NETEST) -> tuple[str, ...]:
        """Columns that it looks at."""
        return ("landmark", "arm", *(f"{marker}_post_{name}" for name in SUMS))

    @staticmethod
    def gives(marker: str = NETEST) -> tuple[str, ...]:
        """Columns that it adds."""
        return (f"{marker}_blup_level", f"{marker}_blup_slope")

    @classmethod
    def fit(cls, rows: Rows, minimum: int, closing: float, marker: str = NETEST) -> MixedModel:
        """Restricted maximum likelihood.

        Learnt from all training rows of the landmark that is predicted, labelled or not. Rows of a later landmark
        would bring results from after L(s), and only of patients who had not recurred by then (statistics.md
        section 1: BLUPs are fitted on data truncated at s); rows of several landmarks repeat the same results.

        Parameters
        ----------
        rows : mapping of name to array
            Those of :meth:`needs`: landmark (months), arm (0/1) and by patient the number of post-operative results
            and the sums of t, t^2, l, t l and l^2.
        minimum : int
            Patients with two results that a random intercept needs, and with three that a random slope needs.
        closing : float
            Months from s to L(s).
        marker : str
        """
        sums = Sums(*columns(rows, cls.needs(marker)[1:]))
        used = sums.take((sums.count > 0) & np.isfinite(sums.stacked).all(axis=0))
        fitted = None
        if (used.count >= 2).sum() >= minimum:
            fitted = fit_variances(used, slopes=bool((used.count >= 3).sum() >= minimum))
        if fitted is None:
            nothing = (np.full(3, np.nan), np.full((2, 2), np.nan), np.array(np.nan))
            return cls(*nothing, np.array(float(closing)), np.array(0.0), np.array(marker))
        return cls(*fitted[:3], np.array(float(closing)), np.array(float(fitted[3])), np.array(marker))

    def apply(self, rows: Rows) -> dict[str, np.ndarray]:
        """``<marker>_blup_level`` at L(s) (scale) and ``<marker>_blup_slope`` (scale/month) of each row.

        NaN without a post-operative result, without a known arm, and while the model is not estimable; the slope
        also while slopes are not random.
        """
        marker = str(self.marker)
        months, *rest = columns(rows, self.needs(marker))
        sums, month = Sums(*rest), months + self.closing
        b0, b1, b2 = self.fixed
        person = self._random(sums)
        level = b0 + b1 * month + b2 * sums.arm + person[:, 0] + person[:, 1] * month
        there = sums.count > 0
        slope = np.where(there & (self.slopes > 0), b1 + person[:, 1], np.nan)
        return dict(zip(self.gives(marker), (np.where(there, level, np.nan), slope), strict=True))

    def _random(self, sums: Sums) -> np.ndarray:
        """u = (residual D^-1 + Z'Z)^-1 Z'r written without D^-1: D (residual I + Z'Z D)^-1 Z'r, shape (n, 2)."""
        b0, b1, b2 = self.fixed
        mean = b0 + b2 * sums.arm
        left = np.column_stack(
            [
                sums.scaled - sums.count * mean - b1 * sums.month,
                sums.month_scaled - sums.month * mean - b1 * sums.month2,
            ]
        )
        d = self.covariance
        inner = sums.cross @ d + self.residual * np.eye(2)
        det = inner[:, 0, 0] * inner[:, 1, 1] - inner[:, 0, 1] * inner[:, 1, 0]
        det = np.where(det > 0, det, np.nan)
        first = (inner[:, 1, 1] * left[:, 0] - inner[:, 0, 1] * left[:, 1]) / det
        second = (inner[:, 0, 0] * left[:, 1] - inner[:, 1, 0] * left[:, 0]) / det
        return np.column_stack([first, second]) @ d

    def describe(self) -> dict[str, float]:
        """Standard deviations of level, slope and residual."""
        names = ("sd of levels", "sd of slopes", "sd about the line")
        values = np.sqrt([*np.diag(self.covariance), float(self.residual)])
        model = f"mixed model{named(str(self.marker))}"
        return {f"{model}: {name}": float(value) for name, value in zip(names, values, strict=True)}
