"""Urine 5-HIAA below its limit: what to expect there, learnt from the training patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import log_ndtr

from features.learnt.rows import Rows, columns

TOLERANCE, STEPS = 1e-10, 100
FEWEST = 2


@dataclass(frozen=True)
class CensoredNormal:
    """Expectation of ln(5-HIAA / creatinine) below its limit, under a normal distribution of the logarithm.

    ln ratio ~ N(mean, sd^2); of a censored result only ln ratio < c is known, c the limit over the creatinine of that
    sample. Its expectation is mean - sd phi(z) / Phi(z), z = (c - mean) / sd.

    Parameters
    ----------
    mean, sd : ndarray, shape ()
        ln(umol/mmol); NaN while not estimable.

    References
    ----------
    Tobin, Econometrica 1958; 26: 24-36; Olsen, Econometrica 1978; 46: 1211-1215 (the concave form that is maximised).
    """

    mean: np.ndarray
    sd: np.ndarray

    NEEDS: ClassVar[tuple[str, ...]] = (
        "hiaa_creatinine_ln",
        "hiaa_creatinine_below_limit",
        "hiaa_creatinine_limit_ln",
    )
    GIVES: ClassVar[tuple[str, ...]] = ("hiaa_creatinine_expected",)

    @classmethod
    def fit(cls, rows: Rows) -> CensoredNormal:
        """Maximum likelihood from measured and censored results.

        Learnt from all training rows of the landmark that is predicted, labelled or not: no outcome is needed, and
        treatment moves the excretion from one landmark to the next.

        Parameters
        ----------
        rows : mapping of name to array
            ``hiaa_creatinine_ln`` (ln umol/mmol), ``hiaa_creatinine_below_limit`` (1 below the limit, 0 measured, NaN
            not known: such a result is not used) and ``hiaa_creatinine_limit_ln`` (ln of limit over creatinine, where
            the result is below it).

        Returns
        -------
        CensoredNormal
            NaN with fewer than two different measured results.
        """
        value, censored, limit = columns(rows, cls.NEEDS)
        exact, limit = value[np.isfinite(value) & (censored == 0)], limit[np.isfinite(limit) & (censored > 0)]
        if len(exact) < FEWEST or np.ptp(exact) < 1e-12:
            return cls(np.array(np.nan), np.array(np.nan))
        mean, sd = _maximise(exact, limit)
        return cls(np.array(mean), np.array(sd))

    def apply(self, rows: Rows) -> dict[str, np.ndarray]:
        """``hiaa_creatinine_expected``: the measured value, or the expectation below the limit.

        NaN where it is not known whether the result was censored, and for censored ones while not estimable.
        """
        value, censored, limit = columns(rows, self.NEEDS)
        z = (limit - self.mean) / self.sd
        expected = self.mean - self.sd * mills(z)
        return {"hiaa_creatinine_expected": np.where(censored == 0, value, np.where(censored > 0, expected, np.nan))}

    def describe(self) -> dict[str, float]:
        """Mean and standard deviation of the logarithm."""
        return {"mean ln 5-HIAA/creatinine": float(self.mean), "sd ln 5-HIAA/creatinine": float(self.sd)}


def mills(z: np.ndarray) -> np.ndarray:
    """phi(z) / Phi(z) without underflow: exp(ln phi - ln Phi)."""
    return np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(z))


def _maximise(exact: np.ndarray, limit: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of a left-censored normal sample.

    With scale = 1 / sd and shift = mean / sd the log-likelihood is concave, so Newton's method with step halving
    finds its only maximum. Without censored values it ends at once: mean and root mean square are the maximum.
    """
    count, total, squares = len(exact), exact.sum(), exact @ exact

    def likelihood(scale: float, shift: float) -> float:
        if scale <= 0:
            return -np.inf
        quadratic = squares * scale**2 - 2 * total * scale * shift + count * shift**2
        return count * np.log(scale) - 0.5 * quadratic + log_ndtr(scale * limit - shift).sum()

    scale = 1 / exact.std()
    shift = exact.mean() * scale
    for _ in range(STEPS):
        z = scale * limit - shift
        ratio = mills(z)
        curve = ratio * (z + ratio)
        gradient = np.array(
            [
                count / scale - squares * scale + total * shift + ratio @ limit,
                total * scale - count * shift - ratio.sum(),
            ]
        )
        cross = -total - curve @ limit
        information = np.array([[count / scale**2 + squares + curve @ limit**2, cross], [cross, count + curve.sum()]])
        step = np.linalg.solve(information, gradient)
        here = likelihood(scale, shift)
        while likelihood(scale + step[0], shift + step[1]) < here - 1e-12 * abs(here):
            step /= 2
        scale, shift = scale + step[0], shift + step[1]
        if np.abs(step).max() < TOLERANCE * (1 + abs(shift) + scale):
            break
    return shift / scale, 1 / scale
