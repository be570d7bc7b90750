"""Repeated cross-validation by patient: everything fitted inside the fold, the same folds for every model."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import delayed

from models.estimators.base import RiskModel
from models.estimators.learnt import LearntRisk, Shelf
from models.estimators.newton import CannotFit
from models.validation.blocks import SITE, assign_sites, deal_sites
from models.validation.cohort import Cohort
from models.validation.leakage import check_split, check_unfitted
from models.validation.parallel import Progress, Workers, run, silent

Models = Mapping[str, RiskModel]


def strata(cohort: Cohort) -> np.ndarray:
    """Stratum of each patient: label (x arm); unknown labels and patients of other landmarks have their own."""
    labels = cohort.labels
    known = labels["y"].map({1.0: "event", 0.0: "none"}).fillna("unknown").astype(str)
    called = labels["called"].map({True: "", False: " no call"})
    arm = " " + labels["arm"].astype(str) if "arm" in cohort.strata else ""
    own = (known + arm + called).to_numpy()
    return np.concatenate([own, np.full(len(cohort.patients) - len(own), "other landmark")])


def deal(stratum: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Deal patients into folds, stratum by stratum, without starting anew in each stratum.

    Parameters
    ----------
    stratum : ndarray of str, shape (n_patients,)
    folds : int
    rng : Generator

    Returns
    -------
    ndarray of int, shape (n_patients,)
        Fold 0 ... folds - 1; sizes differ by at most one, within a stratum too.
    """
    _, code = np.unique(stratum, return_inverse=True)
    order = np.lexsort((rng.random(len(code)), rng.permutation(code.max() + 1)[code]))
    fold = np.empty(len(code), dtype=int)
    fold[order] = np.arange(len(code)) % folds
    return rng.permutation(folds)[fold]


def deal_again(cohort: Cohort, folds: int, rng: np.random.Generator) -> np.ndarray:
    """One more deal of the cohort's patients, or of its sites where those are the blocks, shape (n_patients,)."""
    if cohort.blocks == SITE:
        return deal_sites(cohort.site, cohort.known_labels, folds, rng)
    return deal(strata(cohort), folds, rng)


def assign_folds(cohort: Cohort, folds: int, repeats: int, seed: int) -> np.ndarray:
    """Folds of every patient (unlabelled ones too), shape (repeats, n_patients).

    Where sites are the blocks of the cohort, whole sites are left out (:func:`models.validation.blocks.assign_sites`).
    """
    if cohort.blocks == SITE:
        return assign_sites(cohort.site, cohort.known_labels, folds, repeats, seed)
    stratum = strata(cohort)
    return np.stack([deal(stratum, folds, np.random.default_rng([seed, repeat])) for repeat in range(repeats)])


def training_rows(cohort: Cohort, patients: np.ndarray) -> np.ndarray:
    """Rows of the patients at every landmark of the stack, repeated as often as the patient is."""
    copies = np.bincount(patients, minlength=len(cohort.patients))[cohort.patient]
    return np.repeat(np.arange(len(cohort.rows)), copies)


def fit_models(cohort: Cohort, models: Models, patients: np.ndarray) -> dict[str, RiskModel | None]:
    """Fit every model on some patients; censoring weights are learned from the same patients.

    Returns
    -------
    dict of str to fitted model
        None for a model that these patients cannot carry (one class absent, no optimum).
    """
    rows = training_rows(cohort, patients)
    X, y, groups = cohort.rows.iloc[rows], cohort.weighted(patients)[rows], cohort.patient[rows]
    fitted: dict[str, RiskModel | None] = {}
    shelf: Shelf = {}
    for name, model in models.items():
        try:
            # The copy shares the (immutable) settings only; scikit-learn's clone costs as much as a small fit.
            own = copy(model)
            fitted[name] = own.fit(X, y, groups, shelf) if isinstance(own, LearntRisk) else own.fit(X, y, groups)
        except CannotFit:
            fitted[name] = None
    return fitted


def predict_fold(cohort: Cohort, models: Models, patients: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """Predictions for test rows of models fitted on other patients (NaN where a model could not be fitted).

    Raises
    ------
    LeakageError
        L105 when a patient, or a site where those are the blocks, is on both sides.
    """
    check_split(patients, cohort.patient[test], cohort.patients, cohort.site if cohort.blocks == SITE else None)
    if not len(test):
        return {name: np.empty(0) for name in models}
    X = cohort.rows.iloc[test]
    return {
        name: np.full(len(test), np.nan) if model is None else model.predict_proba(X)[:, 1]
        for name, model in fit_models(cohort, models, patients).items()
    }


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions for the judged patients.

    Attributes
    ----------
    probability : dict of str to ndarray, shape (repeats, n_judged)
    fold : ndarray of int, shape (repeats, n_judged)
    """

    probability: dict[str, np.ndarray]
    fold: np.ndarray

    def mean(self, model: str) -> np.ndarray:
        """Mean prediction of each patient over the repeats."""
        return self.probability[model].mean(axis=0)

    def frame(self, model: str, cohort: Cohort, weight: np.ndarray) -> pd.DataFrame:
        """Predictions beside outcomes, indexed by ``patient_id``: mean and one column per repeat."""
        judged = cohort.judged
        columns = {f"repeat_{r}": row for r, row in enumerate(self.probability[model])}
        head = judged[["arm", "status", "y"]].assign(weight=weight, probability=self.mean(model))
        return head.join(pd.DataFrame(columns, index=judged.index))


def cross_validate(
    cohort: Cohort, models: Models, assignment: np.ndarray, jobs: Workers = 2, progress: Progress = silent
) -> OutOfFold:
    """Predict every judged patient from models that never saw the patient.

    Parameters
    ----------
    cohort : Cohort
    models : mapping of name to unfitted model
    assignment : ndarray of int, shape (repeats, n_patients)
        From :func:`assign_folds`; the same for all models.
    jobs : int or callable
        Threads, or a mapper (:func:`models.validation.parallel.run`); has no effect on the result.
    progress : callable
        Told (done, total, what) after each fold.

    Returns
    -------
    OutOfFold

    Raises
    ------
    LeakageError
        L110 for a model that is fitted already, or whose penalty or configuration was chosen before: by whom, if not by
        these patients?
    """
    check_unfitted(models)
    own = np.flatnonzero(cohort.own)
    fold = assignment[:, cohort.patient[own]]
    plan = [(repeat, k) for repeat in range(len(assignment)) for k in np.unique(assignment[repeat])]
    tasks = [
        delayed(predict_fold)(cohort, models, np.flatnonzero(assignment[repeat] != k), own[fold[repeat] == k])
        for repeat, k in plan
    ]
    out = {name: np.full(fold.shape, np.nan) for name in models}
    for (repeat, k), predicted in zip(plan, run(tasks, "cross-validation", jobs, progress), strict=True):
        for name, values in predicted.items():
            out[name][repeat, fold[repeat] == k] = values
    return OutOfFold(out, fold)
