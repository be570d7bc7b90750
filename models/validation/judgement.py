"""From out-of-fold predictions to the judged figures of a model, and paired comparisons between models."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from models.estimators.base import RiskModel
from models.estimators.encoding import SCORE
from models.estimators.specification import CLINICAL_COMPARATOR, RULE, cutoffs, specification
from models.metrics.curves import calibration_groups, roc_curve
from models.metrics.discrimination import auc_with_interval
from models.metrics.intervals import resampled_interval
from models.metrics.probability import (
    Judged,
    cutoff_table,
    delta_adjustment,
    fixed_score_metrics,
    net_benefit,
    slope_error,
)
from models.result import Interval, ModelResult
from models.validation.bootstrap import cross_validated_metrics, scale_of
from models.validation.cohort import Cohort
from models.validation.folds import OutOfFold

COMPARED = ("auc", "brier")


def judge_model(
    name: str,
    cohort: Cohort,
    judged: Judged,
    predictions: OutOfFold,
    resampled: dict[str, np.ndarray],
    fitted: RiskModel,
    protocol: Protocol,
    version: str,
) -> ModelResult:
    """Figures, intervals and curves of one model.

    Intervals of fitted models are bootstrap standard deviations around the cross-validated estimate (logit scale for
    AUC); those of a rule are logit-DeLong, since nothing was fitted. The calibration slope is not estimable (NaN) when
    the predictions vary so little that the slope of a right model would have a standard error above
    ``validation.slope_largest_error``. Curves and cut-offs use the mean prediction over the repeats.
    """
    spec = specification(name)
    metrics = cross_validated_metrics(judged, predictions, name)
    if spec.calibrated:
        errors = [slope_error(judged, probability) for probability in predictions.probability[name]]
        if np.mean(errors) > float(protocol["validation.slope_largest_error"]):
            metrics["slope"] = np.nan
    intervals: dict[str, Interval] = {
        metric: resampled_interval(value, resampled.get(metric, []), scale_of(metric))
        for metric, value in metrics.items()
    }
    mean = predictions.mean(name)
    if not spec.calibrated:
        fixed, fixed_intervals = fixed_score_metrics(judged, mean)
        metrics |= fixed
        intervals |= fixed_intervals
        for arm in np.unique(judged.arm):
            rows = judged.only(judged.arm == arm)
            value, _, lower, upper = _fixed_auc(rows, mean[judged.arm == arm])
            metrics[f"auc|{arm}"], intervals[f"auc|{arm}"] = value, (lower, upper)
    return ModelResult(
        name=name,
        title=spec.title,
        metrics={key: value for key, value in metrics.items() if "|" not in key},
        intervals={key: value for key, value in intervals.items() if "|" not in key},
        oof=predictions.frame(name, cohort, judged.weight),
        by_arm=_by_arm(judged, metrics, intervals, int(protocol["validation.minimum_events"])),
        cutoffs=_cutoffs(name, cohort, judged, mean, protocol, version),
        curves=_curves(judged, mean, protocol, spec.calibrated),
        estimator=fitted,
        facts=fitted.describe(),
    )


def _fixed_auc(judged: Judged, score: np.ndarray) -> tuple[float, float, float, float]:
    known = judged.known
    return auc_with_interval(judged.label[known], score[known], judged.weight[known])


def _by_arm(judged: Judged, metrics: dict[str, float], intervals: dict[str, Interval], minimum: int) -> pd.DataFrame:
    """AUC and Brier score within each arm; arms with too few events say so instead."""
    rows = []
    for arm in np.unique(judged.arm):
        part = judged.only(judged.arm == arm)
        row: dict[str, object] = {
            "arm": arm,
            "n": int(part.known.sum()),
            "events": part.events,
            "prevalence": part.prevalence,
            "note": part.refusal(minimum),
        }
        for metric in COMPARED:
            key = f"{metric}|{arm}"
            shown = key in metrics and not row["note"]
            row[metric] = metrics[key] if shown else np.nan
            row[f"{metric}_lo"], row[f"{metric}_hi"] = intervals[key] if shown else (np.nan, np.nan)
        rows.append(row)
    return pd.DataFrame(rows)


def _cutoffs(
    name: str, cohort: Cohort, judged: Judged, mean: np.ndarray, protocol: Protocol, version: str
) -> pd.DataFrame:
    if specification(name).calibrated:
        limits = {f"{value:.0%}": (float(value), True) for value in protocol["calls.probability_thresholds"]}
        return cutoff_table(judged, mean, limits)
    value, inclusive = cutoffs(protocol, version)[name]
    sign = "at least" if inclusive else "above"
    term = specification(name).terms[0]
    words = f"score {sign} {value:g}" if term == SCORE else specification(name).title
    marker = cohort.rows[term].to_numpy()[cohort.own]
    there = ~np.isnan(marker)
    return cutoff_table(judged.only(there), marker[there], {words: (value, inclusive)})


def _curves(judged: Judged, mean: np.ndarray, protocol: Protocol, calibrated: bool) -> dict[str, pd.DataFrame]:
    curves = {"roc": roc_curve(judged, mean)}
    if calibrated:
        lowest, highest = protocol["policy.net_benefit_thresholds"]
        thresholds = np.linspace(float(lowest), float(highest), 51)
        curves |= {
            "calibration": calibration_groups(judged, mean),
            "net_benefit": net_benefit(judged, mean, thresholds),
            "delta": delta_adjustment(judged, mean),
        }
    return curves


def compare(models: dict[str, ModelResult], resampled: dict[str, dict[str, np.ndarray]]) -> pd.DataFrame:
    """Paired differences of AUC and Brier score of every model against the clinical comparator and the rule.

    Both models are judged on the same patients and folds, and the interval comes from the same resamples. Against
    the rule only the AUC is compared: a 0/1 score has no Brier score worth the name.
    """
    rows = []
    for against in (name for name in (CLINICAL_COMPARATOR, RULE) if name in models):
        reference = models[against].metrics
        for name, model in models.items():
            for metric in COMPARED:
                if name == against or not {metric} <= model.metrics.keys() & reference.keys():
                    continue
                difference = model.metrics[metric] - reference[metric]
                moved = resampled[name].get(metric, np.array([])) - resampled[against].get(metric, np.array([]))
                lower, upper = resampled_interval(difference, moved)
                rows.append((name, against, metric, difference, lower, upper))
    return pd.DataFrame(rows, columns=["model", "against", "metric", "difference", "lower", "upper"])


def arm_counts(cohort: Cohort, judged: Judged) -> pd.DataFrame:
    """Patients, events and weighted event rate by arm."""
    labels = cohort.labels
    rows = []
    for arm, group in labels.groupby("arm"):
        part = judged.only(judged.arm == arm)
        rows.append(
            {
                "arm": arm,
                "at_risk": len(group),
                "no_call": int((~group["called"]).sum()),
                "labelled": int(part.known.sum()),
                "events": part.events,
                "deaths": int((group["called"] & (group["status"] == "death")).sum()),
                "prevalence": part.prevalence,
            }
        )
    return pd.DataFrame(rows)
