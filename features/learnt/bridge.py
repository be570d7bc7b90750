"""Batch handling: the blood score without what its plate added, as far as the control wells of the plate tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from features.kinetics.rules import on_scale
from features.learnt.rows import Rows, columns

FEWEST_PLATES = 2


@dataclass(frozen=True)
class Bridge:
    """Shrinkage of the control deviation of a plate towards the mean of the training plates.

    Plate p moves every score on it by b_p on the logit scale. Its n_p control wells show d_p = b_p + noise, where
    b_p ~ N(centre, between) and the noise has variance within / n_p. The best guess of b_p - centre is
    k_p (d_p - centre), k_p = between / (between + within / n_p), and that is what is taken off:
    ``netest_bridged`` = l - k_p (d_p - centre). What all training plates have in common stays in, so that bridged
    scores keep the scale of the score. A plate without controls is left as it is. A bias of the assay that all plates
    share at one level of the controls (LOW reads high, HIGH reads low) is a line over logit(nominal), common to the
    plates; it is taken out of the noise, which would otherwise hide the plates. Plates are taken to carry the same
    levels.

    The outcome has no way in: neither :meth:`fit` nor :meth:`apply` has an argument for it (statistics.md 1.1, L4).

    Parameters
    ----------
    centre, between, within : ndarray, shape ()
        Mean deviation of the plates, variance of plate effects, variance of one control well (logit^2). All 0 when
        they are not estimable: then nothing is taken off.

    References
    ----------
    Best linear prediction from a one-way random-effects model with known group sizes: Searle, Casella, McCulloch,
    Variance Components, 1992, sections 3.4 (moments) and 7.2 (prediction).
    """

    centre: np.ndarray
    between: np.ndarray
    within: np.ndarray

    NEEDS: ClassVar[tuple[str, ...]] = (
        "netest_logit",
        "netest_deviation",
        "netest_deviation_n",
        "netest_deviation_ss",
        "netest_deviation_level_ss",
        "netest_deviation_level_sp",
    )
    GIVES: ClassVar[tuple[str, ...]] = ("netest_bridged",)

    @classmethod
    def none(cls) -> Self:
        """The bridge that changes nothing."""
        return cls(*(np.array(0.0) for _ in range(3)))

    @classmethod
    def fit(cls, rows: Rows) -> Self:
        """Variance components of the plates that the rows were measured on.

        Learnt from all training rows at every landmark, labelled or not: plates know nothing of outcomes, and every
        further plate helps. A plate counts once, however many rows lie on it; resampled patients therefore move the
        components only when a plate drops out with all its patients.

        Parameters
        ----------
        rows : mapping of name to array
            ``netest_deviation`` (mean deviation of the control wells of the row's plate, logit),
            ``netest_deviation_n`` (their number), ``netest_deviation_ss`` (their sum of squares about that mean),
            ``netest_deviation_level_ss`` and ``netest_deviation_level_sp`` (sums of squares of logit(nominal) and of
            its products with the deviation; missing = one level).

        Returns
        -------
        Bridge
            :meth:`none` with fewer than two plates, or when no plate has two control wells. Rows carry no name of
            their plate: plates whose controls agree in mean, number and sum of squares count as one.
        """
        controls = np.array(columns(rows, cls.NEEDS[1:6]))
        controls[3:] = np.nan_to_num(controls[3:])
        plates = different(controls[:, np.isfinite(controls).all(axis=0) & (controls[1] > 0)])
        deviation, wells, squares, levels, products = plates
        freedom, noise = (wells - 1).sum(), squares.sum()
        if levels.sum() > 0:
            freedom, noise = freedom - 1, max(noise - products.sum() ** 2 / levels.sum(), 0.0)
        if len(deviation) < FEWEST_PLATES or freedom <= 0:
            return cls.none()
        within = noise / freedom
        between = max(deviation.var(ddof=1) - within * (1 / wells).mean(), 0.0)
        return cls(np.array(deviation.mean()), np.array(between), np.array(within))

    def shrinkage(self, wells: np.ndarray) -> np.ndarray:
        """Share k of a deviation that is the plate's, by number of control wells; 0 without plate effects."""
        noise = self.within / np.where(wells > 0, wells, np.nan)
        total = self.between + noise
        return np.divide(self.between, total, out=np.zeros_like(total), where=total > 0)

    def apply(self, rows: Rows) -> dict[str, np.ndarray]:
        """``netest_bridged`` of each row (logit); the score itself where its plate has no controls."""
        score, deviation, wells = columns(rows, self.NEEDS[:3])
        effect = self.shrinkage(wells) * (deviation - self.centre)
        return {"netest_bridged": score - np.where(np.isfinite(effect), effect, 0.0)}

    def describe(self) -> dict[str, float]:
        """Standard deviations of plates and control wells (logit)."""
        return {"bridge: sd of plates": float(np.sqrt(self.between)), "sd of one control": float(np.sqrt(self.within))}


class BridgedChange(Bridge):
    """The change between the last two results without what their plates added.

    ``netest_change_bridged`` = (l_s - l_u) - k (d_s - d_u): the mean of the plates cancels. Both plates are taken to
    have as many control wells as that of the landmark sample.
    """

    NEEDS: ClassVar[tuple[str, ...]] = (
        *Bridge.NEEDS,
        "netest_last",
        "netest_change_previous",
        "netest_deviation_change",
    )
    GIVES: ClassVar[tuple[str, ...]] = ("netest_change_bridged",)

    def apply(self, rows: Rows) -> dict[str, np.ndarray]:
        """``netest_change_bridged`` of each row (logit); the change itself where a plate has no controls."""
        wells, last, change, moved = columns(rows, ("netest_deviation_n", *self.NEEDS[-3:]))
        rise = on_scale(last, "logit") - on_scale(last - change, "logit")
        effect = self.shrinkage(wells) * moved
        return {"netest_change_bridged": rise - np.where(np.isfinite(effect), effect, 0.0)}

    def describe(self) -> dict[str, float]:
        """Nothing beside the bridge of the score itself."""
        return {}


def different(columns: np.ndarray) -> np.ndarray:
    """Different columns of an array, shape (p, n), sorted; much faster than ``numpy.unique`` for a few rows."""
    ordered = columns[:, np.lexsort(columns[::-1])]
    return ordered[:, np.r_[True, (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)][: ordered.shape[1]]]
