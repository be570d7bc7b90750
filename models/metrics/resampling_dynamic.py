"""Bootstrap of right-censored cumulative/dynamic AUC and Brier score with the censoring re-estimated each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.censoring import check_follow_up
from models.metrics.resampling import CELLS, PairCount, resample_counts


@dataclass(frozen=True)
class DynamicResamples:
    """Both scores in each resample at each horizon, shape (resamples, horizons); AUC is NaN where a class lacks."""

    auc: np.ndarray
    brier: np.ndarray


def resampled_dynamic(
    time: ArrayLike,
    event: ArrayLike,
    risk: ArrayLike,
    horizons: ArrayLike,
    *,
    resamples: int,
    seed: int,
    cells: int = CELLS,
) -> DynamicResamples:
    """``dynamic_auc`` and ``dynamic_brier`` in bootstrap samples of patients.

    Parameters
    ----------
    time, event : array, shape (n,)
        Follow-up, not cut at a horizon; 0 censored, 1 event, 2 competing.
    risk : array of float, shape (n,) or (n, horizons)
        Predicted risk by the horizon, higher is worse; one column serves every horizon.
    horizons : array of float, shape (horizons,)
    resamples, seed : int
    cells : int
        See :func:`models.metrics.resampling.resample_counts`.

    References
    ----------
    Blanche, Dartigues, Jacqmin-Gadda, Stat Med 2013; 32: 5381-5397. Graf et al., Stat Med 1999; 18: 2529-2545.
    """
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=int)
    asked = np.atleast_1d(np.asarray(horizons, dtype=float))
    given = np.asarray(risk, dtype=float)
    columns = np.repeat(given[:, None], len(asked), axis=1) if given.ndim == 1 else given
    if columns.shape != (len(time), len(asked)):
        raise ValueError(f"risk has shape {given.shape}; expected ({len(time)},) or ({len(time)}, {len(asked)})")
    censoring = _Censoring(time, event, float(asked.max()))
    parts = [_Horizon(time, event, columns[:, k], censoring, float(at)) for k, at in enumerate(asked)]
    out = DynamicResamples(np.empty((resamples, len(asked))), np.empty((resamples, len(asked))))
    done = 0
    for counts in resample_counts(len(time), resamples, seed, cells):
        rows = slice(done, done + len(counts))
        inverse = censoring.inverse(counts)
        for k, part in enumerate(parts):
            out.auc[rows, k], out.brier[rows, k] = part.scores(counts, inverse)
        done += len(counts)
    return out


class _Censoring:
    """Kaplan-Meier of remaining uncensored, for rows of counts; events leave the risk set before censorings."""

    def __init__(self, time: np.ndarray, event: np.ndarray, last: float) -> None:
        order = np.argsort(time, kind="stable")
        self.order = order[time[order] <= last]
        ordered, censored = time[self.order], event[self.order] == 0
        self.rows = np.flatnonzero(censored)
        self.jumps, self.starts = np.unique(ordered[self.rows], return_index=True)
        self.closed = np.searchsorted(ordered, self.jumps, side="right")

    def inverse(self, counts: np.ndarray) -> np.ndarray:
        """1/G after each number of jumps, shape (rows, jumps + 1), the first column 1; 0 where nobody is left."""
        out = np.ones((len(counts), len(self.jumps) + 1))
        if len(self.jumps) == 0:
            return out
        ordered = np.take(counts, self.order, axis=1)
        lost = np.add.reduceat(np.take(ordered, self.rows, axis=1), self.starts, axis=1)
        gone = np.take(np.cumsum(ordered, axis=1), self.closed - 1, axis=1)
        at_risk = counts.sum(axis=1, keepdims=True) - gone + lost
        stay = np.cumprod(1 - np.divide(lost, at_risk, out=np.zeros(lost.shape), where=at_risk > 0), axis=1)
        np.divide(1.0, stay, out=out[:, 1:], where=stay > 0)
        out[:, 1:][stay == 0] = 0.0
        return out


class _Horizon:
    """Who may be case or control at one horizon, and which weight each of them takes."""

    def __init__(
        self, time: np.ndarray, event: np.ndarray, risk: np.ndarray, censoring: _Censoring, horizon: float
    ) -> None:
        check_follow_up(time, event, horizon)
        resolved = (time <= horizon) & (event != 0)
        case, control = (
            np.flatnonzero(resolved & (event == 1)),
            np.flatnonzero((time > horizon) | (event > 1) & resolved),
        )
        self.pairs = PairCount(risk, case, control)
        before = np.searchsorted(censoring.jumps, time, side="left")
        at_horizon = np.searchsorted(censoring.jumps, horizon, side="right")
        weight_of = np.where(time > horizon, at_horizon, before)
        self.case_weight, self.control_weight = weight_of[self.pairs.case], weight_of[self.pairs.control]
        self.case_loss, self.control_loss = (1 - risk[self.pairs.case]) ** 2, risk[self.pairs.control] ** 2
        self.n = len(time)
        # Without competing events every control has the same weight, which cancels from the AUC.
        self.common = int(at_horizon) if (self.control_weight == at_horizon).all() else None

    def scores(self, counts: np.ndarray, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """AUC and Brier score of each row of counts."""
        case = np.take(counts, self.pairs.case, axis=1) * np.take(inverse, self.case_weight, axis=1)
        control = np.take(counts, self.pairs.control, axis=1)
        if self.common is None:
            control = control * np.take(inverse, self.control_weight, axis=1)
            loss = control @ self.control_loss
        else:
            loss = (control @ self.control_loss) * inverse[:, self.common]
        return self.pairs.area(case, control), (case @ self.case_loss + loss) / self.n
