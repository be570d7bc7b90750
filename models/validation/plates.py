"""Plates and lots that follow the outcome: somebody who knew it has put the samples on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.findings import Finding
from data.protocol import Protocol
from features.landmark import LeakageError

FOLLOWS_OUTCOME = "L109"


def batch_association(batch: np.ndarray, label: np.ndarray, arm: np.ndarray, count: int, seed: int) -> float:
    """P value of an association between batch and label within arm.

    Chi-squared statistic over the cells of batch and arm, its distribution by permuting labels within arm: cells hold
    few patients, where the tabulated distribution does not hold.

    Parameters
    ----------
    batch : array, shape (n,)
        Plate or lot.
    label : ndarray of 0/1, shape (n,)
    arm : ndarray of str, shape (n,)
    count : int
        Permutations.
    seed : int

    Returns
    -------
    float
        (1 + permutations at or above the observed value) / (count + 1); 1 where no arm has two batches and two classes.
    """
    _, cell = np.unique(np.char.add(np.char.add(arm.astype(str), "\n"), batch.astype(str)), return_inverse=True)
    _, group = np.unique(arm.astype(str), return_inverse=True)
    size = np.bincount(cell)
    rate = (np.bincount(group, weights=label) / np.bincount(group))[group]
    expected = np.bincount(cell, weights=rate)
    spread = np.bincount(cell, weights=rate * (1 - rate))
    used = spread > 0

    def statistic(values: np.ndarray) -> float:
        return float(
            ((np.bincount(cell, weights=values, minlength=len(size)) - expected)[used] ** 2 / spread[used]).sum()
        )

    rng, places = np.random.default_rng(seed), [np.flatnonzero(group == one) for one in range(group.max() + 1)]
    observed, above, mixed = statistic(label), 0, label.copy()
    for _ in range(count):
        for rows in places:
            mixed[rows] = label[rng.permutation(rows)]
        above += statistic(mixed) >= observed - 1e-9
    return (1 + above) / (count + 1)


def check_batches(batches: pd.DataFrame | None, labels: pd.DataFrame, protocol: Protocol, seed: int) -> None:
    """Refuse landmark samples whose plates or lots follow the outcome.

    Parameters
    ----------
    batches : DataFrame or None
        One column per kind of batch (plate, lot), indexed by ``patient_id``; None leaves the check out.
    labels : DataFrame
        ``y`` (1, 0, NaN unknown) and ``arm`` of the judged patients, indexed by ``patient_id``.
    protocol : Protocol
        ``batch.outcome_p`` and ``batch.outcome_permutations``.
    seed : int

    Raises
    ------
    LeakageError
        L109, naming the kind of batch.
    """
    if batches is None:
        return
    kinds = [kind for kind in batches.columns if batches[kind].nunique() > 1]
    limit, count = float(protocol["batch.outcome_p"]), int(protocol["batch.outcome_permutations"])
    known = labels[labels["y"].notna()]
    for kind in kinds:
        batch = batches[kind].reindex(known.index).dropna()
        rows = known.loc[batch.index]
        label, arm = rows["y"].to_numpy(dtype=float), rows["arm"].to_numpy()
        p = min(1.0, len(kinds) * batch_association(batch.to_numpy(), label, arm, count, seed))
        if p <= limit:
            raise LeakageError(
                Finding(
                    FOLLOWS_OUTCOME,
                    "reject",
                    f"the {kind} of the landmark samples goes with the outcome (P = {p:.4f} within arm, limit "
                    f"{limit:g}): its plate effect would pass for a marker",
                    remedy="measure again with samples put on in random order, by people who do not know the outcome",
                )
            )
