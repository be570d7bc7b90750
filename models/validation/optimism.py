"""The second opinion beside cross-validation: bootstrap optimism of small models, .632+ of learners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from joblib import delayed

from data.protocol import Protocol
from models.estimators.base import RiskModel
from models.estimators.specification import specification
from models.metrics.calibration import calibration
from models.metrics.discrimination import auc
from models.metrics.probability import Judged, brier_score
from models.result import ModelResult, SecondOpinion
from models.validation.bootstrap import due, judged_by
from models.validation.cohort import Cohort
from models.validation.folds import Models, fit_models
from models.validation.parallel import Progress, Workers, run, silent

HARRELL, PLUS = "Harrell", ".632+"
# Draws of the judged patients are numbered from 0; those of the refits must not repeat them.
FIRST = 1_000_000
Figures = dict[str, float]


@dataclass(frozen=True)
class Refit:
    """Models fitted on one bootstrap sample of the patients.

    Attributes
    ----------
    fitted : dict of str to RiskModel
        Those whose states are kept for the intervals of patients.
    inside, outside : dict of str to figures
        Of small models: judged on the sample, and on the original patients.
    left_out : dict of str to ndarray, shape (n_judged,)
        Of learners: predictions for the patients who were not drawn, NaN for the others.
    """

    fitted: dict[str, RiskModel]
    inside: dict[str, Figures]
    outside: dict[str, Figures]
    left_out: dict[str, np.ndarray]


def method_of(name: str, protocol: Protocol) -> str:
    """Which second opinion suits a model: Harrell's up to ``validation.harrell_largest_df`` parameters, .632+ above and
    for learners, none (empty) for a rule that nothing was fitted for."""
    spec = specification(name)
    if not spec.calibrated:
        return ""
    small = spec.df is not None and spec.df <= int(protocol["validation.harrell_largest_df"])
    return HARRELL if small else PLUS


def figures(judged: Judged, probability: np.ndarray) -> Figures:
    """AUC over all pairs, Brier score and calibration slope; NaN for the slope where it has none."""
    known = judged.known
    label, weight, value = judged.label[known], judged.weight[known], probability[known]
    return {
        "auc": auc(label, value, weight),
        "brier": brier_score(label, value, weight),
        "slope": calibration(label, value, weight)["slope"],
    }


def refit(cohort: Cohort, models: Models, methods: Mapping[str, str], judged: Judged, seed: tuple[int, int]) -> Refit:
    """Everything fitted again on one bootstrap sample: patients with all their landmarks, censoring weights too."""
    n = len(cohort.patients)
    sample = np.random.default_rng(seed).integers(n, size=n)
    fitted = {name: model for name, model in fit_models(cohort, models, sample).items() if model is not None}
    X, again = cohort.rows[cohort.own], judged_by(cohort, sample)
    absent = np.bincount(sample, minlength=n)[cohort.patient[cohort.own]] == 0
    inside, outside, left_out = {}, {}, {}
    for name, model in fitted.items():
        if not methods[name]:
            continue
        probability = model.predict_proba(X)[:, 1]
        if methods[name] == HARRELL:
            inside[name], outside[name] = figures(again, probability), figures(judged, probability)
        else:
            left_out[name] = np.where(absent, probability, np.nan)
    return Refit({name: model for name, model in fitted.items() if model.drawable}, inside, outside, left_out)


def refit_often(
    cohort: Cohort,
    models: Models,
    judged: Judged,
    count: int,
    seed: int,
    protocol: Protocol,
    jobs: Workers = 2,
    progress: Progress = silent,
    every: int = 1,
) -> list[Refit]:
    """Models refitted on bootstrap samples of the patients: intervals of patients and the second opinion rest on them.

    Parameters
    ----------
    cohort : Cohort
    models : mapping of name to unfitted model
        With frozen penalties (:func:`models.validation.bootstrap.frozen`).
    judged : Judged
        All judged patients with their weights.
    count, seed : int
    protocol : Protocol
    jobs : int or callable
    progress : callable
    every : int
        Learners are refitted in every so many samples (:func:`models.validation.bootstrap.due`).
    """
    methods = {name: method_of(name, protocol) for name in models}
    tasks = [delayed(refit)(cohort, due(models, b, every), methods, judged, (seed, FIRST + b)) for b in range(count)]
    return list(run(tasks, "refits", jobs, progress))


def second_opinion(
    cohort: Cohort, name: str, model: RiskModel, judged: Judged, refits: list[Refit], protocol: Protocol
) -> SecondOpinion | None:
    """What the bootstrap says of a model that cross-validation has judged.

    Harrell: the figure on the patients that the model was fitted on, less the mean difference between figures of refits
    on their own sample and on the original patients. .632+: between the figure on the patients fitted on and that on
    patients left out of the sample, the nearer to the second the more the model overfits relative to what a model
    without information would show (AUC 1/2; Brier score of outcomes and predictions paired at random).

    Parameters
    ----------
    cohort : Cohort
    name : str
    model : RiskModel
        Fitted on all patients.
    judged : Judged
    refits : list of Refit
    protocol : Protocol

    Returns
    -------
    SecondOpinion or None
        None for a rule, and without refits. The slope has no .632+ (it is no mean over patients): NaN.

    References
    ----------
    Harrell, Lee, Mark, Stat Med 1996; 15: 361-387. Efron, Tibshirani, J Am Stat Assoc 1997; 92: 548-560; for the AUC
    Adler, Lausen, Comput Stat Data Anal 2009; 53: 718-729.
    """
    method = method_of(name, protocol)
    if not method or not refits:
        return None
    apparent = model.predict_proba(cohort.rows[cohort.own])[:, 1]
    shown = figures(judged, apparent)
    if method == HARRELL:
        pairs = [(one.inside[name], one.outside[name]) for one in refits if name in one.inside]
        moved = {
            metric: _mean(np.array([inside[metric] - outside[metric] for inside, outside in pairs])) for metric in shown
        }
        return SecondOpinion(method, len(pairs), shown, {metric: shown[metric] - moved[metric] for metric in shown})
    left_out = np.array([one.left_out[name] for one in refits if name in one.left_out]).reshape(-1, len(apparent))
    corrected = {**_plus(judged, apparent, left_out, shown), "slope": np.nan}
    return SecondOpinion(method, len(left_out), shown, corrected)


def _plus(judged: Judged, apparent: np.ndarray, left_out: np.ndarray, shown: Figures) -> Figures:
    """.632+ of AUC and Brier score from predictions of patients left out, shape (refits, n_judged)."""
    known = judged.known
    label, weight, value, outside = judged.label[known], judged.weight[known], apparent[known], left_out[:, known]
    there = ~np.isnan(outside)
    areas = np.array([auc(label[r], row[r], weight[r]) for row, r in zip(outside, there, strict=True)])
    seen = there.any(axis=0)
    squared = np.where(there, (label - outside) ** 2, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    brier = float(weight[seen] @ squared[seen] / weight[seen].sum()) if seen.any() else np.nan
    rate, mean, square = (float(weight @ part / weight.sum()) for part in (label, value, value**2))
    return {
        "auc": 1 - plus(1 - shown["auc"], 1 - _mean(areas), 0.5),
        "brier": plus(shown["brier"], brier, rate - 2 * rate * mean + square),
    }


def plus(apparent: float, left_out: float, uninformed: float) -> float:
    """The .632+ estimate of an error rate (Efron and Tibshirani 1997, formulas 28 to 32).

    Parameters
    ----------
    apparent : float
        Error on the patients that were fitted on.
    left_out : float
        Error on the patients left out of each bootstrap sample.
    uninformed : float
        Error when outcomes have nothing to do with predictions.

    Returns
    -------
    float
        0.368 apparent + 0.632 left out without overfitting, the error left out (at most the uninformed one) where all
        that was learnt is noise.
    """
    bounded = min(left_out, uninformed)
    excess = bounded - apparent
    overfitting = excess / (uninformed - apparent) if excess > 0 and uninformed > apparent else 0.0
    share = 0.632 / (1 - 0.368 * overfitting)
    return float((1 - share) * apparent + share * bounded)


def _mean(values: np.ndarray) -> float:
    """Mean of the finite values, NaN without any."""
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else np.nan


def disagreement(model: ModelResult, protocol: Protocol) -> str:
    """A sentence when cross-validation and bootstrap differ in the AUC by more than the protocol lets pass."""
    if model.second_opinion is None:
        return ""
    one, two = model.metrics.get("auc", np.nan), model.second_opinion.corrected["auc"]
    if not abs(one - two) > float(protocol["validation.opinions_differ"]):
        return ""
    return (
        f"{model.name}: cross-validation gives AUC {one:.2f}, the bootstrap ({model.second_opinion.method}) {two:.2f}; "
        "believe neither before the reason is known"
    )
