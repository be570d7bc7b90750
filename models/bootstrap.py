"""Pipeline bootstrap: resample patients, cross-validate again, and see how far every figure moves."""

from __future__ import annotations

from copy import copy

import numpy as np
from joblib import delayed

from models.cohort import Cohort
from models.discrimination import auc, within_fold_auc
from models.estimator import RiskModel
from models.metrics import Judged, brier_score, probability_metrics
from models.specification import REGISTRY
from models.validation import Models, OutOfFold, Progress, deal, fit_models, predict_fold, run, silent, strata

SCALES = {"auc": "logit", "auc_pooled": "logit", "ap": "logit", "oe": "log"}


def scale_of(metric: str) -> str:
    """Scale on which a metric's bootstrap spread is measured; per-arm metrics are named ``metric|arm``."""
    return SCALES.get(metric.split("|")[0], "identity")


def discrimination(judged: Judged, probability: np.ndarray, fold: np.ndarray) -> dict[str, float]:
    """AUC of one pass through the folds: over pairs within folds, pooled, and within folds by arm.

    NaN when a fold could not be fitted: its patients have no prediction.
    """
    known = judged.known
    label, weight, arm = judged.label[known], judged.weight[known], judged.arm[known]
    value, part = probability[known], fold[known]
    if np.isnan(value).any():
        return {"auc": np.nan, "auc_pooled": np.nan} | {f"auc|{name}": np.nan for name in np.unique(arm)}
    out = {"auc": within_fold_auc(label, value, weight, part), "auc_pooled": auc(label, value, weight)}
    for name in np.unique(arm):
        rows = arm == name
        out[f"auc|{name}"] = within_fold_auc(label[rows], value[rows], weight[rows], part[rows])
    return out


def by_arm_brier(judged: Judged, probability: np.ndarray) -> dict[str, float]:
    """Brier score within each arm."""
    known = judged.known
    out = {}
    for name in np.unique(judged.arm[known]):
        rows = known & (judged.arm == name)
        out[f"brier|{name}"] = brier_score(judged.label[rows], probability[rows], judged.weight[rows])
    return out


def cross_validated_metrics(judged: Judged, predictions: OutOfFold, model: str) -> dict[str, float]:
    """Every figure of a model from its out-of-fold predictions.

    The AUCs are means over the repeats; figures of the probability itself use the mean prediction of each patient.
    A figure that cannot be computed is NaN. Rules have AUCs only.
    """
    passes = [
        discrimination(judged, probability, fold)
        for probability, fold in zip(predictions.probability[model], predictions.fold, strict=True)
    ]
    out = {name: float(np.mean([one[name] for one in passes])) for name in passes[0]}
    mean = predictions.mean(model)
    if REGISTRY[model].calibrated and not np.isnan(mean).any():
        out |= probability_metrics(judged, mean) | by_arm_brier(judged, mean)
    return out


def frozen(models: Models, fitted: dict[str, RiskModel]) -> dict[str, RiskModel]:
    """The models with the ridge penalty of their final fit, so that a resample does not search again."""
    out = {}
    for name, model in models.items():
        penalty = getattr(fitted.get(name), "penalty_", None)
        out[name] = model if penalty is None else copy(model).set_params(penalty=penalty)
    return out


def resample(cohort: Cohort, models: Models, folds: int, seed: tuple[int, int]) -> dict[str, dict[str, float]]:
    """One bootstrap pass: patients with replacement, all copies of a patient in one fold, everything refitted."""
    rng = np.random.default_rng(seed)
    n = len(cohort.patients)
    sample = rng.integers(n, size=n)
    drawn = np.unique(sample)
    fold = np.full(n, -1)
    fold[drawn] = deal(strata(cohort)[drawn], folds, rng)
    own = np.flatnonzero(cohort.own)
    who = cohort.patient[own]
    predicted = {name: np.full(len(own), np.nan) for name in models}
    for k in range(folds):
        test = fold[who] == k
        for name, values in predict_fold(cohort, models, sample[fold[sample] != k], own[test]).items():
            predicted[name][test] = values
    copies = np.bincount(sample, minlength=n)[who]
    keep = copies > 0
    judged = Judged(
        cohort.outcome["label"][own][keep],
        (cohort.evaluation_weights(sample) * copies)[keep],
        cohort.judged["arm"].to_numpy()[keep],
    )
    one_pass = {
        name: OutOfFold({name: values[keep][None]}, fold[who][keep][None]) for name, values in predicted.items()
    }
    return {name: cross_validated_metrics(judged, predictions, name) for name, predictions in one_pass.items()}


def bootstrap(
    cohort: Cohort,
    models: Models,
    folds: int,
    count: int,
    seed: int,
    jobs: int = 2,
    progress: Progress = silent,
) -> dict[str, dict[str, np.ndarray]]:
    """Resampled figures of every model, by model and metric, each of shape (count,).

    The same resamples serve all models, so that differences between models are paired.

    Parameters
    ----------
    cohort : Cohort
    models : mapping of name to unfitted model
        With frozen penalties (:func:`frozen`).
    folds, count, seed : int
    jobs : int
        Threads; has no effect on the result.
    progress : callable
    """
    tasks = [delayed(resample)(cohort, models, folds, (seed, b)) for b in range(count)]
    passes = list(run(tasks, "bootstrap", jobs, progress))
    return {
        name: {
            metric: np.array([one[name].get(metric, np.nan) for one in passes])
            for metric in sorted({key for one in passes for key in one[name]})
        }
        for name in models
    }


def draw_refits(
    cohort: Cohort, models: Models, count: int, seed: int, jobs: int = 2, progress: Progress = silent
) -> dict[str, list[RiskModel]]:
    """Models refitted on bootstrap samples of the patients, for the interval of each patient's probability."""
    n = len(cohort.patients)
    tasks = [
        delayed(fit_models)(cohort, models, np.random.default_rng((seed, 1_000_000 + b)).integers(n, size=n))
        for b in range(count)
    ]
    passes = list(run(tasks, "refits", jobs, progress))
    return {name: [one[name] for one in passes if one[name] is not None] for name in models}
