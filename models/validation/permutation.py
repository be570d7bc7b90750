"""The permutation null: what the whole pipeline reports when outcomes belong to nobody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from joblib import delayed

from models.censoring import VisitStates
from models.estimators.specification import CLINICAL_COMPARATOR
from models.metrics.probability import Judged
from models.result import PermutationNull
from models.validation.bootstrap import cross_validated_metrics, judged_by
from models.validation.cohort import Cohort
from models.validation.folds import Models, OutOfFold, assign_folds, cross_validate
from models.validation.parallel import Progress, Workers, run, silent

STREAM = 3_000_000
AUC, ADDED = "auc", "auc_minus_mc"
OF_THE_LABEL = ["status", "y", "resolved"]


def permuted(cohort: Cohort, rng: np.random.Generator, within_arm: bool = True) -> Cohort:
    """The cohort with outcomes exchanged among the called patients at risk, within arm or across the arms.

    A whole outcome moves: label, time, cause, the bounds of the interval, and with it the state that the censoring
    weights are learned from. Rows of other landmarks of the stack exchange theirs within arm and landmark on their own:
    whoever is at risk there is so because of the outcome, so that one exchange for all landmarks would carry some of
    the association along.
    """
    arm = cohort.rows["arm"].fillna(-1.0).to_numpy() if within_arm else np.zeros(len(cohort.rows))
    landmark = cohort.rows["landmark"].to_numpy()
    order = np.arange(len(cohort.rows))
    for month in np.unique(landmark):
        for value in np.unique(arm[landmark == month]):
            rows = np.flatnonzero((landmark == month) & (arm == value))
            order[rows] = rng.permutation(rows)
    return _exchanged(cohort, order)


def _exchanged(cohort: Cohort, order: np.ndarray) -> Cohort:
    own = np.flatnonzero(cohort.own)
    who, whose = cohort.patient[own], cohort.patient[order[own]]
    labels = cohort.labels.copy()
    for column in OF_THE_LABEL:
        values = labels[column].to_numpy(copy=True)
        values[who] = labels[column].to_numpy()[whose]
        labels[column] = values
    states = cohort.states
    position, censored, death = states.position.copy(), states.censored.copy(), states.death.copy()
    for mine, theirs in ((position, states.position), (censored, states.censored), (death, states.death)):
        mine[who] = theirs[whose]
    return replace(
        cohort,
        labels=labels,
        outcome=cohort.outcome[order],
        states=VisitStates(position, censored, death, states.arm),
    )


def statistics(judged: Judged, predictions: OutOfFold) -> dict[tuple[str, str], float]:
    """The reported AUC (pairs within folds, mean over the repeats) of each model, and its difference to Mc."""
    area = {name: cross_validated_metrics(judged, predictions, name)[AUC] for name in predictions.probability}
    out = {(name, AUC): value for name, value in area.items()}
    if CLINICAL_COMPARATOR in area:
        out |= {(name, ADDED): value - area[CLINICAL_COMPARATOR] for name, value in area.items()}
        del out[CLINICAL_COMPARATOR, ADDED]
    return out


def one_null(
    cohort: Cohort, models: Models, folds: int, repeats: int, within_arm: bool, seed: tuple[int, int, int]
) -> dict[tuple[str, str], float]:
    """The pipeline from the assignment of folds on, with outcomes exchanged."""
    rng = np.random.default_rng(seed)
    null = permuted(cohort, rng, within_arm)
    predictions = cross_validate(null, models, assign_folds(null, folds, repeats, int(rng.integers(2**31))), jobs=1)
    return statistics(judged_by(null, np.arange(len(null.patients))), predictions)


def permutation_null(
    cohort: Cohort,
    models: Models,
    predictions: OutOfFold,
    folds: int,
    repeats: int,
    count: int,
    seed: int,
    jobs: Workers = 2,
    progress: Progress = silent,
    within_arm: bool = True,
) -> PermutationNull:
    """Null distribution of the reported AUC and of its difference to the clinical comparator.

    Everything that a training does to outcomes is done again: folds are assigned by the exchanged labels, penalties
    searched, weights learned. The null is that, within arm, outcomes have nothing to do with any column: models know
    the arm, so the AUC under it is above 1/2 by what the arm alone tells, and a P value gives no credit for that. For
    the difference to Mc it is stricter than "the score adds nothing", since the other columns are exchanged too.

    Parameters
    ----------
    cohort : Cohort
    models : mapping of name to unfitted model
    predictions : OutOfFold
        The reported cross-validation, of at least these models.
    folds, repeats : int
        Of the reported cross-validation.
    count : int
        Permutations; the smallest P is 1 / (count + 1).
    seed : int
    jobs : int or callable
    progress : callable
    within_arm : bool
        False exchanges across the arms, too: then a sound pipeline has an AUC of 1/2.

    Returns
    -------
    PermutationNull
        P = (1 + permutations at or above the observed value) / (count + 1); one that could not be computed counts as
        above.

    References
    ----------
    Phipson, Smyth, Stat Appl Genet Mol Biol 2010; 9: 39 (why 1 is added).
    """
    own = OutOfFold({name: predictions.probability[name] for name in models}, predictions.fold)
    observed = statistics(judged_by(cohort, np.arange(len(cohort.patients))), own)
    tasks = [delayed(one_null)(cohort, models, folds, repeats, within_arm, (seed, STREAM, b)) for b in range(count)]
    draws = pd.DataFrame(list(run(tasks, "permutations", jobs, progress)), columns=pd.Index(list(observed)))
    rows = []
    for key, value in observed.items():
        null = draws[key].to_numpy(dtype=float)
        above = int((~(null < value)).sum())
        rows.append(
            {
                "model": key[0],
                "statistic": key[1],
                "observed": value,
                "null_mean": np.nanmean(null),
                "null_sd": np.nanstd(null, ddof=1) if count > 1 else np.nan,
                "null_95": np.nanquantile(null, 0.95),
                "p": (1 + above) / (count + 1),
                "permutations": count,
            }
        )
    return PermutationNull(pd.DataFrame(rows), draws.set_axis([" ".join(key) for key in observed], axis=1))
