"""What leaks claim: knowledge of the future as a feature, samples split instead of patients, plates not bridged."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from benchmarks.known_truth.cohorts import PROTOCOL, Made, judged, make, out_of_fold, unfitted
from models.estimators.base import OUTCOME, RiskModel
from models.estimators.boosted import BoostedTrees
from models.estimators.logistic_risk import LogisticRisk
from models.estimators.specification import GUARD
from models.metrics.discrimination import auc, within_fold_auc
from models.validation.cohort import Cohort

ENDPOINT = "MRD36@6"


def cross_validated_auc(cohort: Cohort, model: RiskModel) -> float:
    """AUC over pairs within folds, by patient, everything fitted inside."""
    known, found = judged(cohort), out_of_fold(cohort, {"model": model})
    rows = known.known
    return within_fold_auc(
        known.label[rows], found.probability["model"][0][rows], known.weight[rows], found.fold[0][rows]
    )


def with_column(cohort: Cohort, values: pd.Series) -> Cohort:
    """The cohort with a column that no landmark table would give it."""
    leaked = values.reindex(cohort.patients[cohort.patient]).to_numpy(dtype=float)
    return dataclasses.replace(cohort, rows=cohort.rows.assign(leak=leaked))


def future_features(made: Made) -> dict[str, pd.Series]:
    """Three columns from after the landmark."""
    trial = made.trial
    ids = pd.Index(trial.patients["patient_id"])
    late = trial.samples.loc[trial.samples["visit"] == "month_36", "patient_id"].unique()
    scores = trial.results[trial.results["analyte"] == "netest_activity"].merge(trial.samples, on="sample_id")
    last = scores.sort_values("collected_on").groupby("patient_id")["value"].last()
    return {
        "has a 36-month sample": pd.Series(ids.isin(late).astype(float), index=ids),
        "number of scans": trial.imaging.groupby("patient_id").size().reindex(ids).fillna(0.0).astype(float),
        "last score at any date": last.reindex(ids),
    }


def future_as_feature(seed: int, n: int = 1000) -> dict[str, float]:
    """AUC of score and arm, honest and with one column from the future (the last score in place of the landmark's)."""
    made = make(n, seed)
    cohort = made.cohort(ENDPOINT)
    out = {"honest": cross_validated_auc(cohort, _logistic("netest_logit", "arm"))}
    for name, values in future_features(made).items():
        terms = ("leak", "arm") if name.startswith("last") else ("netest_logit", "arm", "leak")
        out[name] = cross_validated_auc(with_column(cohort, values), _logistic(*terms))
    return out


def _logistic(*terms: str) -> LogisticRisk:
    return LogisticRisk(terms, PROTOCOL.endpoint(ENDPOINT).landmark, GUARD)


def trees_of(terms: tuple[str, ...], landmark: float, seed: int = 0, **settings: float) -> BoostedTrees:
    """Boosted trees of one configuration, the preset with some settings changed; recalibrated by intercept only."""
    one = dict(PROTOCOL["models.boosting_preset"]) | settings
    return BoostedTrees(terms, landmark, (one,), stages=(10**9, 10**9), seed=seed)


def split_by_sample(seed: int, n: int = 300, world: str = "protocol") -> dict[str, float]:
    """AUC of deep trees on every sample of every patient, folds by patient and by sample.

    The question is recurrence by month 36; a patient's rows at months 6 and 12 share the outcome and the rest of the
    person, which trees can recognise (age, Ki-67, number of metastases).
    """
    cohort = make(n, seed, world).cohort(ENDPOINT)
    rows = cohort.rows
    label = np.where(cohort.outcome["event"] == 1, 1.0, np.where(np.isnan(cohort.outcome["label"]), np.nan, 0.0))
    known = ~np.isnan(label)
    X, y, patient = rows[known].reset_index(drop=True), label[known], cohort.patient[known]
    return {
        "by patient": _pooled_auc(X, y, patient, patient, seed),
        "by sample": _pooled_auc(X, y, patient, np.arange(len(y)), seed),
    }


def _pooled_auc(X: pd.DataFrame, y: np.ndarray, patient: np.ndarray, unit: np.ndarray, seed: int) -> float:
    units, position = np.unique(unit, return_inverse=True)
    terms = ("netest_logit", "age", "ln_ki67", "n_liver_metastases", "netest_preop", "arm")
    predicted = np.empty(len(y))
    for train, test in KFold(5, shuffle=True, random_state=seed).split(units):
        inside, outside = np.isin(position, train), np.isin(position, test)
        trees = trees_of(terms, 0.0, depth=6, rounds=200, rate=0.1, ridge=1.0, column_share=1.0)
        outcome = np.zeros(inside.sum(), dtype=OUTCOME)
        outcome["label"], outcome["weight"] = y[inside], 1.0
        trees.fit(X[inside].assign(landmark=0.0), outcome, patient[inside])
        predicted[outside] = trees.predict_proba(X[outside].assign(landmark=0.0))[:, 1]
    return auc(y, predicted)


def plates(seed: int, n: int = 1000) -> dict[str, float]:
    """AUC of score and arm without plate effect, with one, and bridged on the control wells of the plates."""
    quiet, loud = make(n, seed, plate_sd=0.0, lot_sd=0.0).cohort(ENDPOINT), make(n, seed, plate_sd=0.9).cohort(ENDPOINT)
    bridged = unfitted(loud, ["M1"])["M1"]
    return {
        "no plate effect": cross_validated_auc(quiet, _logistic("netest_logit", "arm")),
        "not bridged": cross_validated_auc(loud, _logistic("netest_logit", "arm")),
        "bridged on controls": cross_validated_auc(loud, bridged),
    }
