"""Where the intervals come from: judged patients resampled, and the pipeline refitted on resampled patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from joblib import delayed

from models.estimators.base import RiskModel
from models.estimators.specification import REGISTRY
from models.metrics.decision import CALL_FIGURES
from models.metrics.discrimination import auc, within_fold_auc
from models.metrics.intervals import joined
from models.metrics.probability import Judged, probability_metrics
from models.validation.aspects import (
    NOTHING_ELSE,
    Aspects,
    Figures,
    everybody_in_groups,
    level_figures,
    mean_figures,
    ranking_figures,
)
from models.validation.cohort import Cohort
from models.validation.folds import Models, OutOfFold, deal_again, predict_fold
from models.validation.parallel import Progress, Workers, run, silent

# Level of the predictions: the fitted intercept follows the event rate of the patients it was fitted on, so that
# refitting would only count the uncertainty of that rate a second time.
LEVEL_METRICS = ("citl", "oe", "ici", "e50", "e90")
# Means over patients, whose spread comes out right when the same resample is fitted on and judged.
MEAN_METRICS = ("brier", "ipa", "nb", "gain", *CALL_FIGURES)
SCALES = {"auc": "logit", "auc_pooled": "logit", "ap": "logit", "oe": "log", "ici": "log", "e50": "log", "e90": "log"}


def kind_of(metric: str) -> str:
    """What a figure is without its group and threshold: ``auc|prrt`` is an auc, ``nb@0.3`` an nb."""
    return metric.split("|")[0].split("@")[0]


def scale_of(metric: str) -> str:
    """Scale on which a figure's bootstrap spread is measured."""
    return SCALES.get(kind_of(metric), "identity")


def discrimination(judged: Judged, probability: np.ndarray, fold: np.ndarray, aspects: Aspects) -> Figures:
    """AUC of one pass through the folds: over pairs within folds, pooled, and within folds in groups.

    NaN when a fold could not be fitted: its patients have no prediction.
    """
    known = judged.known
    label, weight, value = judged.label[known], judged.weight[known], probability[known]
    if np.isnan(value).any():
        groups = everybody_in_groups(judged, aspects)
        return {"auc": np.nan, "auc_pooled": np.nan} | {f"auc|{name}": np.nan for name in groups}
    out = {"auc": within_fold_auc(label, value, weight, fold[known]), "auc_pooled": auc(label, value, weight)}
    return out | ranking_figures(judged, probability, fold, aspects)


def pass_metrics(
    judged: Judged, probability: np.ndarray, fold: np.ndarray, model: str, aspects: Aspects = NOTHING_ELSE
) -> Figures:
    """Figures of a model from one prediction for each patient, without means over patients; rules have AUCs only.

    A rule is the same in every fold, so all its pairs count.
    """
    spec = REGISTRY[model]
    out = discrimination(judged, probability, fold if spec.calibrated else np.zeros_like(fold), aspects)
    if spec.calibrated and not np.isnan(probability).any():
        out |= probability_metrics(judged, probability)
    return out


def cross_validated_metrics(
    judged: Judged, predictions: OutOfFold, model: str, aspects: Aspects = NOTHING_ELSE
) -> Figures:
    """Every figure of a model from its out-of-fold predictions: means over the repeats.

    Each repeat is judged on its own. The mean prediction of a patient over the repeats is an average of many models,
    which is better than any one of them: judging it would flatter unstable models (in simulated trials of 106 the
    Brier score of trees by 0.004, their IPA by 0.02). A figure that cannot be computed in a repeat is NaN.
    """
    calibrated, passes = REGISTRY[model].calibrated, []
    for probability, fold in zip(predictions.probability[model], predictions.fold, strict=True):
        one = pass_metrics(judged, probability, fold, model, aspects)
        if calibrated and not np.isnan(probability).any():
            one |= level_figures(judged, probability, replace(aspects, knots=0))
            one |= mean_figures(judged, probability, replace(aspects, curve=np.array([])))
        passes.append(one)
    return {name: float(np.mean([one.get(name, np.nan) for one in passes])) for name in passes[0]}


def frozen(models: Models, fitted: dict[str, RiskModel]) -> dict[str, RiskModel]:
    """The models with what their final fit chose (penalty, configuration), so that a resample does not search again."""
    return {name: model.keeping(fitted[name]) if name in fitted else model for name, model in models.items()}


def judged_by(cohort: Cohort, sample: np.ndarray) -> Judged:
    """The judged patients as often as they were drawn, with the censoring of those drawn."""
    who = cohort.patient[cohort.own]
    copies = np.bincount(sample, minlength=len(cohort.patients))[who]
    label, arm = cohort.outcome["label"][cohort.own], cohort.judged["arm"].to_numpy()
    return Judged(label, cohort.evaluation_weights(sample) * copies, arm)


def evaluate_again(
    cohort: Cohort, predictions: OutOfFold, sample: np.ndarray, aspects: Aspects = NOTHING_ELSE
) -> dict[str, Figures]:
    """Figures of the mean out-of-fold predictions in resampled patients, whose censoring is estimated again.

    The AUC is taken over all pairs: a few resampled patients in each fold would add noise that the mean over the
    repeats does not have.
    """
    judged, everywhere = judged_by(cohort, sample), np.zeros(predictions.fold.shape[1], dtype=int)
    out = {}
    for name in predictions.probability:
        mean = predictions.mean(name)
        out[name] = pass_metrics(judged, mean, everywhere, name, aspects)
        if REGISTRY[name].calibrated:
            out[name] |= level_figures(judged, mean, aspects)
    return out


def refit_again(
    cohort: Cohort,
    models: Models,
    folds: int,
    sample: np.ndarray,
    rng: np.random.Generator,
    aspects: Aspects = NOTHING_ELSE,
) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """One pass through new folds, every model fitted on the resampled patients outside the fold.

    Returns
    -------
    tuple of dict
        Figures of all patients once, and means over the resampled patients (Brier score, decisions).
    """
    own = np.flatnonzero(cohort.own)
    fold = deal_again(cohort, folds, rng)
    who = cohort.patient[own]
    predicted = {name: np.full(len(own), np.nan) for name in models}
    for k in range(folds):
        test = fold[who] == k
        for name, values in predict_fold(cohort, models, sample[fold[sample] != k], own[test]).items():
            predicted[name][test] = values
    once, again = judged_by(cohort, np.arange(len(cohort.patients))), judged_by(cohort, sample)
    return (
        {name: pass_metrics(once, values, fold[who], name, aspects) for name, values in predicted.items()},
        {name: mean_figures(again, values, aspects, REGISTRY[name].calibrated) for name, values in predicted.items()},
    )


def due(models: Models, place: int, every: int) -> Models:
    """Models that are refitted in a resample: learners, whose fits cost most, in every so many of them only."""
    return {name: model for name, model in models.items() if place % every == 0 or REGISTRY[name].df is not None}


def resample(
    cohort: Cohort,
    models: Models,
    predictions: OutOfFold,
    folds: int,
    seed: tuple[int, int],
    aspects: Aspects = NOTHING_ELSE,
    every: int = 1,
) -> tuple[dict[str, Figures], dict[str, Figures], dict[str, Figures]]:
    """Figures of patients judged again, of models fitted again on other patients, and of both at once."""
    rng = np.random.default_rng(seed)
    n = len(cohort.patients)
    judged, fitted = rng.integers(n, size=(2, n))
    kept = OutOfFold({name: predictions.probability[name] for name in models}, predictions.fold)
    again = due(models, seed[1], every)
    return evaluate_again(cohort, kept, judged, aspects), *refit_again(cohort, again, folds, fitted, rng, aspects)


def bootstrap(
    cohort: Cohort,
    models: Models,
    predictions: OutOfFold,
    folds: int,
    count: int,
    seed: int,
    jobs: Workers = 2,
    progress: Progress = silent,
    aspects: Aspects = NOTHING_ELSE,
    every: int = 1,
) -> dict[str, dict[str, np.ndarray]]:
    """Resampled figures of every model, by model and metric, each of shape (count,).

    A figure moves for two reasons: other patients are judged, and the model was fitted on other patients. For AUC,
    average precision and slope each is resampled on its own and the deviations are added: resampling both at once
    counts the noise of pairs among few duplicated patients, which made intervals of the AUC 1.3 to 1.6 times too wide
    in simulated trials of 106. Brier score and IPA are resampled at once (there the sum covers 92%, this 95%), and so
    are net benefit and the figures of a call, which are means over patients too.
    Calibration in the large and O/E move by judging only: folds stratified by label hide that the event rate is
    uncertain, and intervals from refitting covered 32%. The same resamples serve all models, so that differences
    are paired.

    Parameters
    ----------
    cohort : Cohort
    models : mapping of name to unfitted model
        With frozen penalties (:func:`frozen`).
    predictions : OutOfFold
        Predictions of at least these models.
    folds, count, seed : int
    jobs : int or callable
        Threads, or a mapper; has no effect on the result.
    progress : callable
    aspects : Aspects
        What else is judged.
    every : int
        Learners are refitted in every so many resamples (:func:`due`); what needs their refits is NaN in the others.
    """
    tasks = [delayed(resample)(cohort, models, predictions, folds, (seed, b), aspects, every) for b in range(count)]
    passes = list(run(tasks, "bootstrap", jobs, progress))
    return {
        name: {
            metric: _moved(
                [tuple(part.get(name, {}).get(metric, np.nan) for part in parts) for parts in passes], metric
            )
            for metric in sorted({key for parts in passes for part in parts for key in part.get(name, {})})
        }
        for name in models
    }


def _moved(parts: list[tuple[float, ...]], metric: str) -> np.ndarray:
    """Resampled values of a metric from its values when judged again, fitted again, and both."""
    judged, fitted, both = np.array(parts, dtype=float).T
    kind = kind_of(metric)
    if kind in LEVEL_METRICS:
        return judged
    return both if kind in MEAN_METRICS else joined(judged, fitted, scale_of(metric))
