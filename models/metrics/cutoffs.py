"""A yes/no test at prespecified cut-offs: sensitivity, specificity and predictive values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.estimates.proportions import proportion
from models.metrics.intervals import effective_size, wilson_interval
from models.metrics.probability import Judged

EXACT, WILSON = "exact", "Wilson on effective n"


def interval_method(judged: Judged) -> str:
    """Exact where every known patient counts once, Wilson on the effective number where weights differ from 1."""
    return EXACT if np.all(judged.weight[judged.known] == 1) else WILSON


def at_cutoff(judged: Judged, positive: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Sensitivity, specificity and predictive values of a yes/no test.

    Intervals are Clopper and Pearson's where nobody was censored (all weights 1), else Wilson's on the effective number
    of patients (:func:`interval_method`).

    Parameters
    ----------
    judged : Judged
    positive : ndarray of bool

    Returns
    -------
    dict of str to (estimate, lower, upper)
        NaN where no patient is in the denominator.
    """
    known = judged.known
    event, weight, flag = judged.label[known] == 1, judged.weight[known], positive[known]
    exact = interval_method(judged) == EXACT

    def share(rows: np.ndarray, hit: np.ndarray) -> tuple[float, float, float]:
        if not rows.any():
            return np.nan, np.nan, np.nan
        if exact:
            found = proportion(int((rows & hit).sum()), int(rows.sum()))
            return found.value, found.lower, found.upper
        value = float(weight[rows & hit].sum() / weight[rows].sum())
        return value, *wilson_interval(value, effective_size(weight[rows]))

    return {
        "sens": share(event, flag),
        "spec": share(~event, ~flag),
        "ppv": share(flag, event),
        "npv": share(~flag, ~event),
    }


def cutoff_table(judged: Judged, score: np.ndarray, cutoffs: dict[str, tuple[float, bool]]) -> pd.DataFrame:
    """One row per cut-off: number positive, the four figures of :func:`at_cutoff`, and how their intervals were made.

    Parameters
    ----------
    cutoffs : dict of str to (value, inclusive)
        Name of the row to the cut-off and whether a value equal to it is positive.
    """
    rows, method = [], interval_method(judged)
    for name, (value, inclusive) in cutoffs.items():
        positive = score >= value if inclusive else score > value
        row: dict[str, object] = {"cut-off": name, "positive": int(positive.sum()), "n": len(positive)}
        for figure, (estimate, lower, upper) in at_cutoff(judged, positive).items():
            row |= {figure: estimate, f"{figure}_lo": lower, f"{figure}_hi": upper}
        rows.append(row | {"intervals": method})
    return pd.DataFrame(rows)
