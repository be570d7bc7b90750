"""Censoring weights of patients as they mature: each from the patients who matured on earlier days."""

from __future__ import annotations

import numpy as np

from models.censoring import VisitCensoring, VisitStates


def weights_from_past(
    states: VisitStates, day: np.ndarray, before: VisitStates, censoring: VisitCensoring
) -> tuple[np.ndarray, np.ndarray]:
    """Inverse probability of censoring weights that never look at their own day or a later one.

    What ``censoring.fit(before and everyone of earlier days).state_weights`` gives for the patients of each day, in one
    pass. An arm without an earlier patient takes the pooled hazards.

    Parameters
    ----------
    states : VisitStates, n patients
    day : ndarray, shape (n,)
        Day on which each patient matured; need not be sorted.
    before : VisitStates
        Patients whose follow-up was known before the first day (the cohort of development); may be empty.
    censoring : VisitCensoring
        Gives the visits and the floor; its own hazards are not used.

    Returns
    -------
    weight : ndarray, shape (n,)
        0 for the censored, at least 1 otherwise.
    bound : ndarray, shape (n,)
        The largest weight that anybody could have had on that day: known before the outcome, as betting needs it.
    """
    visits = len(censoring.visits) - 1
    days, batch = np.unique(day, return_inverse=True)
    arms = sorted({str(arm) for arm in (*states.arm, *before.arm)})
    lost = np.zeros((len(arms), len(days), visits))
    seen = np.zeros_like(lost)
    people = np.zeros(lost.shape[:2])
    for number, arm in enumerate(arms):
        mine, old = states.take(states.arm == arm), before.take(before.arm == arm)
        # Row b holds what came before day b: the old patients first, then the days up to b - 1.
        turn = np.concatenate([np.zeros(len(old.arm), dtype=int), batch[states.arm == arm] + 1])
        both = VisitStates(*(np.concatenate(pair) for pair in zip(_fields(old), _fields(mine), strict=True)))
        for into, each in zip((lost, seen), _counts(both, visits), strict=True):
            np.add.at(into[number], turn[turn < len(days)], each[turn < len(days)])
        people[number] = np.cumsum(np.bincount(turn, minlength=len(days) + 1)[: len(days)])
    lost, seen = lost.cumsum(axis=1), seen.cumsum(axis=1)
    pooled = (lost.sum(axis=0), seen.sum(axis=0))
    empty = people[:, :, None] == 0
    hazard = _share(np.where(empty, pooled[0], lost), np.where(empty, pooled[1], seen))
    probability = _probabilities(hazard, censoring.floor)
    arm_number = np.searchsorted(arms, states.arm.astype(str))
    kind = states.death.astype(int)
    weight = 1 / probability[kind, arm_number, batch, states.position]
    return np.where(states.censored, 0.0, weight), (1 / probability.min(axis=(0, 1, 3)))[batch]


def _fields(states: VisitStates) -> tuple[np.ndarray, ...]:
    return states.position, states.censored, states.death, states.arm


def _counts(states: VisitStates, visits: int) -> tuple[np.ndarray, np.ndarray]:
    """Per patient and visit: lost between it and the next; seen at it and unresolved (as in VisitCensoring)."""
    at = np.arange(visits)
    lost = states.censored[:, None] & (states.position[:, None] == at)
    leaving = np.where(states.censored, states.position, states.position - 1)
    return lost.astype(float), (leaving[:, None] >= at).astype(float)


def _share(lost: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.divide(lost, seen, out=np.zeros_like(lost), where=seen > 0)


def _probabilities(hazard: np.ndarray, floor: float) -> np.ndarray:
    """Probability of being observed for [resolved, died] x arm x day x visit, the landmark as visit 0."""
    start = np.zeros((*hazard.shape[:-1], 1))
    hazard = np.concatenate([start, hazard], axis=-1)
    stay = np.cumprod(1 - hazard, axis=-1)
    through_half = np.concatenate([start + 1, stay[..., :-1]], axis=-1) * np.sqrt(1 - hazard)
    return np.maximum(np.stack([stay, through_half]), floor)
