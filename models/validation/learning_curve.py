"""How the figures grow with patients: every model fitted on nested shares of the training folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from joblib import delayed

from data.protocol import Protocol
from models.metrics.intervals import resampled_interval
from models.metrics.probability import Judged
from models.validation.bootstrap import cross_validated_metrics, judged_by, scale_of
from models.validation.cohort import Cohort
from models.validation.folds import Models, OutOfFold, predict_fold, strata
from models.validation.optimism import figures
from models.validation.parallel import Progress, Workers, run, silent

SHOWN = ("auc", "brier")
# Keeps the draws of this curve apart from those of folds and bootstrap.
STREAM = 2_000_000


def ranks(stratum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random place in 0 ... 1 for each patient, even within each stratum.

    Everybody below a share is a stratified sample of that share, and the samples of growing shares are nested.
    """
    _, code = np.unique(stratum, return_inverse=True)
    order = np.lexsort((rng.random(len(code)), code))
    size = np.bincount(code)
    within = np.empty(len(code), dtype=int)
    within[order] = np.arange(len(code)) - np.repeat(np.cumsum(size) - size, size)
    return (within + rng.random(len(size))[code]) / size[code]


def learning_curve(
    cohort: Cohort,
    models: Models,
    predictions: OutOfFold,
    assignment: np.ndarray,
    judged: Judged,
    protocol: Protocol,
    seed: int,
    resamples: int,
    jobs: Workers = 2,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Out-of-fold AUC and Brier score of models fitted on shares of the patients outside the fold.

    The same folds and the same judged patients at every share; the whole is the cross-validation that is reported.
    Intervals are bootstrap standard deviations of judging other patients: how other training patients would have moved
    the curve is seen in its unevenness, and not in them.

    Parameters
    ----------
    cohort : Cohort
    models : mapping of name to unfitted model
    predictions : OutOfFold
        Of the whole cross-validation of at least these models.
    assignment : ndarray of int, shape (repeats, n_patients)
    judged : Judged
    protocol : Protocol
        ``validation.learning_shares``, each at most 1.
    seed, resamples : int
    jobs : int or callable
    progress : callable

    Returns
    -------
    DataFrame
        Per model and share: ``model``, ``share``, ``patients`` and ``events`` that the models were fitted on (means),
        ``auc``, ``auc_lo``, ``auc_hi``, ``brier``, ``brier_lo``, ``brier_hi``; NaN where a fit was impossible.
    """
    shares = sorted({float(share) for share in protocol["validation.learning_shares"]} | {1.0})
    stratum = strata(cohort)
    place = np.stack([ranks(stratum, np.random.default_rng([seed, STREAM, r])) for r in range(len(assignment))])
    whole = OutOfFold({name: predictions.probability[name] for name in models}, predictions.fold)
    parts = _cross_validate(cohort, models, assignment, [place < share for share in shares[:-1]], jobs, progress)
    rows = []
    for share, part in zip(shares, [*parts, whole], strict=True):
        again = [judged_by(cohort, sample) for sample in _samples(cohort, resamples, seed)]
        size = _size(cohort, assignment, place < share)
        for name in models:
            rows.append({"model": name, "share": share, **size, **_row(judged, part, name, again)})
    return pd.DataFrame(rows)


def _samples(cohort: Cohort, resamples: int, seed: int) -> Sequence[np.ndarray]:
    n = len(cohort.patients)
    return [np.random.default_rng([seed, STREAM + 1, b]).integers(n, size=n) for b in range(resamples)]


def _cross_validate(
    cohort: Cohort,
    models: Models,
    assignment: np.ndarray,
    chosen: Sequence[np.ndarray],
    jobs: Workers,
    progress: Progress,
) -> list[OutOfFold]:
    """Out-of-fold predictions from models of the chosen patients outside the fold, one set per choice."""
    own = np.flatnonzero(cohort.own)
    fold = assignment[:, cohort.patient[own]]
    plan = [(c, r, k) for c in range(len(chosen)) for r in range(len(assignment)) for k in np.unique(assignment[r])]
    tasks = [
        delayed(predict_fold)(cohort, models, np.flatnonzero((assignment[r] != k) & chosen[c][r]), own[fold[r] == k])
        for c, r, k in plan
    ]
    out = [{name: np.full(fold.shape, np.nan) for name in models} for _ in chosen]
    for (c, r, k), predicted in zip(plan, run(tasks, "learning curve", jobs, progress), strict=True):
        for name, values in predicted.items():
            out[c][name][r, fold[r] == k] = values
    return [OutOfFold(probability, fold) for probability in out]


def _size(cohort: Cohort, assignment: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
    """Mean number of labelled patients, and of events among them, that a model was fitted on."""
    label = cohort.known_labels
    used = [(assignment[r] != k) & chosen[r] for r in range(len(assignment)) for k in np.unique(assignment[r])]
    return {
        "patients": float(np.mean([(~np.isnan(label[rows])).sum() for rows in used])),
        "events": float(np.mean([(label[rows] == 1).sum() for rows in used])),
    }


def _row(judged: Judged, part: OutOfFold, name: str, again: Sequence[Judged]) -> dict[str, float]:
    found, mean = cross_validated_metrics(judged, part, name), part.mean(name)
    moved = [] if np.isnan(mean).any() else [figures(one, mean) for one in again]
    out: dict[str, float] = {}
    for metric in SHOWN:
        value = found.get(metric, np.nan)
        lower, upper = resampled_interval(value, [one[metric] for one in moved], scale_of(metric))
        out |= {metric: value, f"{metric}_lo": lower, f"{metric}_hi": upper}
    return out
