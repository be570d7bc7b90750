"""Do the hazards stay proportional? Score test of a coefficient that changes with a function of time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import chi2

from models.estimates.cox.likelihood import Sets, steps_at
from models.estimates.kaplan_meier import kaplan_meier


def event_clock(
    time: np.ndarray, event: np.ndarray, entry: np.ndarray | None, at: np.ndarray, transform: str
) -> np.ndarray:
    """g at the event times ``at``: 1 - Kaplan-Meier just before (all strata together), or the time itself.

    Raises
    ------
    ValueError
        For a transform other than km and identity.
    """
    if transform == "identity":
        return at
    if transform != "km":
        raise ValueError(f"transform must be km or identity, not {transform!r}")
    curve = kaplan_meier(time, event, entry)
    return 1 - np.concatenate([[1.0], curve.value])[np.searchsorted(curve.time, at, side="left")]


def slope_tests(
    design: np.ndarray, sets: Sets, beta: np.ndarray, clock: np.ndarray, term_of: np.ndarray, names: tuple[str, ...]
) -> pd.DataFrame:
    """Score tests of beta(t) = beta + theta g(t), one per term and one for all.

    Parameters
    ----------
    clock : ndarray, shape (j,)
        g at the event times of ``sets``.
    term_of : ndarray of int, shape (p,)
        A factor is tested as a whole: its coefficients share a term.

    Returns
    -------
    DataFrame
        Index: the terms and GLOBAL; columns statistic (chi-square), df, p.

    References
    ----------
    Grambsch, Therneau, Biometrika 1994; 81: 515-526, as the exact score test of R survival 3 (``cox.zph``).
    """
    p = design.shape[1]
    steps = steps_at(design, sets, beta)
    event = sets.slot >= 0
    # Centring g changes no statistic and keeps the information matrix well conditioned.
    clock = clock - np.average(clock, weights=sets.deaths)
    clock = clock / max(np.abs(clock).max(initial=0.0), np.finfo(float).tiny)
    g = clock[sets.step]
    score = (clock[sets.slot[event], None] * design[event]).sum(axis=0) - (g[:, None] * steps.mean).sum(axis=0)
    blocks = [np.tensordot(g**power, steps.covariance, axes=1) for power in (0, 1, 2)]
    everything = np.block([[blocks[0], blocks[1]], [blocks[1], blocks[2]]])
    groups = [(name, np.flatnonzero(term_of == k)) for k, name in enumerate(names)] + [("GLOBAL", np.arange(p))]
    rows = [(name, _statistic(everything, score, p, members), len(members)) for name, members in groups]
    table = pd.DataFrame(rows, columns=["term", "statistic", "df"]).set_index("term")
    return table.assign(p=chi2.sf(table["statistic"], table["df"]))


def _statistic(everything: np.ndarray, score: np.ndarray, p: int, members: np.ndarray) -> float:
    keep = np.concatenate([np.arange(p), p + members])
    part = everything[np.ix_(keep, keep)]
    if np.linalg.cond(part) > 1e14:
        return float("nan")
    u = np.concatenate([np.zeros(p), score[members]])
    return float(u @ np.linalg.solve(part, u))
