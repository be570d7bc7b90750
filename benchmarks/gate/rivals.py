"""What a team without a gate does every night: look at the AUC again, or test its difference again."""

from __future__ import annotations

import numpy as np

from models.promotion.maturation import Matured


def nightly_auc_difference(matured: Matured) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Difference in weighted AUC, challenger minus champion, of all labels up to each day, with DeLong's error.

    What ``models.metrics.discrimination`` gives for the labels of each day, for all days at once.

    Returns
    -------
    difference, error : ndarray of float, shape (days,)
        NaN before the second event and the second non-event.
    events, non_events : ndarray of int, shape (days,)
    """
    days = np.unique(matured.day)
    known = matured.only(matured.known)
    case, control = known.only(known.label == 1), known.only(known.label == 0)
    events, others = (np.searchsorted(side.day, days, side="right") for side in (case, control))
    better = _concordance(case.challenger, control.challenger) - _concordance(case.champion, control.champion)
    cases, case_total = _placements(better, control.weight, others)
    controls, control_total = _placements(better.T, case.weight, events)
    with np.errstate(all="ignore"):
        weight = np.where(np.arange(len(case.day))[:, None] < events, case.weight[:, None] / control_total, 0.0)
        other = np.where(np.arange(len(control.day))[:, None] < others, control.weight[:, None] / case_total, 0.0)
        difference = (weight * cases).sum(axis=0)
        variance = sum(
            size / (size - 1) * (share**2 * (value - difference) ** 2).sum(axis=0)
            for size, share, value in ((events, weight, cases), (others, other, controls))
        )
        enough = np.minimum(events, others) > 1
        return np.where(enough, difference, np.nan), np.where(enough, np.sqrt(variance), np.nan), events, others


def _concordance(case: np.ndarray, control: np.ndarray) -> np.ndarray:
    return (case[:, None] > control) + 0.5 * (case[:, None] == control)


def _placements(better: np.ndarray, weight: np.ndarray, upto: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of each row over the first ``upto`` columns, and the total weight of those."""
    total = np.concatenate([[0.0], np.cumsum(weight)])[upto]
    sums = np.concatenate([np.zeros((len(better), 1)), np.cumsum(better * weight, axis=1)], axis=1)[:, upto]
    return np.divide(sums, total, out=np.zeros_like(sums), where=total > 0), total


def first_promotion(matured: Matured, least: int, z: float) -> tuple[float, float]:
    """Day on which "the AUC is higher tonight" and "DeLong is significant tonight" first promote; inf for never.

    Both wait for ``least`` events and as many non-events.
    """
    days = np.unique(matured.day)
    difference, error, events, others = nightly_auc_difference(matured)
    ready = np.minimum(events, others) >= least
    with np.errstate(all="ignore"):
        rules = (ready & (difference > 0), ready & (difference > z * error))
    higher, significant = (float(days[hit][0]) if hit.any() else np.inf for hit in rules)
    return higher, significant
