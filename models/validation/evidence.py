"""How much validation counts as evidence: never one train/test split, neither here nor from elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from data.findings import Finding, Refused
from data.protocol import Protocol
from models.validation.leakage import check_split

LONE_SPLIT = "M104"


def check_plan(folds: int, repeats: int, protocol: Protocol) -> None:
    """Refuse a plan of cross-validation that is hardly more than one train/test split.

    Raises
    ------
    Refused
        M104 with fewer folds than ``validation.minimum_folds`` or fewer repeats than ``validation.minimum_repeats``.
    """
    fewest = int(protocol["validation.minimum_folds"]), int(protocol["validation.minimum_repeats"])
    if folds < fewest[0] or repeats < fewest[1]:
        raise _refused(f"{repeats} x {folds}-fold cross-validation", fewest)


def check_splits(
    splits: Sequence[tuple[Collection[Hashable], Collection[Hashable]]],
    protocol: Protocol,
    sites: Mapping[Hashable, str] | None = None,
) -> None:
    """Judge splits that somebody else made, before their figures are believed.

    Parameters
    ----------
    splits : sequence of (training identifiers, test identifiers)
        Patients on either side, one pair per fitted model.
    protocol : Protocol
    sites : mapping of identifier to site, optional
        When given, no site may be on both sides either.

    Raises
    ------
    LeakageError
        L105 when a patient (or site) is on both sides of a split.
    Refused
        M104 when a split stands alone, or there are fewer splits than ``validation.minimum_folds`` x
        ``validation.minimum_repeats``, or a patient is trained on and never judged.
    """
    everybody = pd.Index(pd.unique(pd.Series([who for pair in splits for side in pair for who in side], dtype=object)))
    site = None if sites is None else np.array([sites[who] for who in everybody], dtype=object)
    seen = np.zeros(len(everybody), dtype=bool)
    for train, test in splits:
        inside, outside = (everybody.get_indexer(pd.Index(list(side), dtype=object)) for side in (train, test))
        check_split(inside, outside, everybody, site)
        seen[outside] = True
    fewest = int(protocol["validation.minimum_folds"]), int(protocol["validation.minimum_repeats"])
    if len(splits) < fewest[0] * fewest[1]:
        raise _refused("one train/test split" if len(splits) == 1 else f"{len(splits)} train/test splits", fewest)
    if not seen.all():
        raise _refused(f"a set of splits that never judges {int((~seen).sum())} of {len(seen)} patients", fewest)


def _refused(what: str, fewest: tuple[int, int]) -> Refused:
    finding = Finding(
        LONE_SPLIT,
        "reject",
        f"{what} is not evidence: its figures depend on who happened to fall where",
        remedy=f"repeat cross-validation at least {fewest[1]} x {fewest[0]}-fold, or mark the plan exploratory: no "
        "model of it is registered or promoted",
    )
    return Refused(finding)
