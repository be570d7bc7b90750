"""From out-of-fold predictions to the judged figures of a model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from data.protocol import Protocol
from models.estimators.base import RiskModel
from models.estimators.encoding import SCORE
from models.estimators.specification import cutoffs, specification
from models.metrics.calibration import FlexibleCalibration, calibration_groups, flexible_calibration, slope_error
from models.metrics.curves import roc_curve
from models.metrics.cutoffs import cutoff_table
from models.metrics.decision import decision_figures, key, net_benefit
from models.metrics.heterogeneity import FIGURES, across_sites, subgroup_table
from models.metrics.intervals import effective_size, resampled_interval, wilson_interval
from models.metrics.probability import Judged, delta_adjustment, fixed_score_auc
from models.result import Interval, ModelResult
from models.validation.aspects import COMPOSITE, NOTHING_ELSE, Aspects, composite_of, everybody_in_groups
from models.validation.bootstrap import cross_validated_metrics, scale_of
from models.validation.cohort import Cohort
from models.validation.folds import OutOfFold


def judge_model(
    name: str,
    cohort: Cohort,
    judged: Judged,
    predictions: OutOfFold,
    resampled: dict[str, np.ndarray],
    fitted: RiskModel,
    protocol: Protocol,
    version: str,
    aspects: Aspects = NOTHING_ELSE,
) -> ModelResult:
    """Figures, intervals and curves of one model.

    Intervals of fitted models are bootstrap standard deviations around the cross-validated estimate (logit scale for
    AUC); those of a rule are logit-DeLong, since nothing was fitted. The calibration slope is not estimable (NaN) when
    the predictions vary so little that the slope of a right model would have a standard error above
    ``validation.slope_largest_error``. Net benefit and the figures of a call are means over the repeats, like every
    figure; the other curves and the table of cut-offs use the mean prediction over the repeats.
    """
    spec = specification(name)
    mean = predictions.mean(name)
    metrics = cross_validated_metrics(judged, predictions, name, aspects)
    curves, decided = {"roc": roc_curve(judged, mean)}, _decisions(judged, predictions.probability[name], aspects)
    if spec.calibrated:
        errors = [slope_error(judged, probability) for probability in predictions.probability[name]]
        if np.mean(errors) > float(protocol["validation.slope_largest_error"]):
            metrics["slope"] = np.nan
        flexible = flexible_calibration(judged, mean, aspects.knots) if aspects.knots else None
        metrics |= {} if flexible is None else flexible.figures
        curves |= _curves(judged, mean, decided, aspects, flexible)
    intervals: dict[str, Interval] = {
        metric: resampled_interval(value, resampled.get(metric, []), scale_of(metric))
        for metric, value in metrics.items()
    }
    if not spec.calibrated:
        for suffix, part, score in _questions(judged, mean, aspects):
            value, limits = fixed_score_auc(part, score)
            for metric in ("auc", "auc_pooled") if not suffix else (f"auc|{suffix}",):
                metrics[metric], intervals[metric] = value, limits
    minimum = int(protocol["validation.minimum_events"])
    subgroups = subgroup_table(judged, list(aspects.table), metrics, intervals, minimum)
    return ModelResult(
        name=name,
        title=spec.title,
        metrics={key: value for key, value in metrics.items() if "|" not in key},
        intervals={key: value for key, value in intervals.items() if "|" not in key},
        oof=predictions.frame(name, cohort, judged.weight),
        by_arm=_by_arm(judged, metrics, intervals, minimum),
        cutoffs=_cutoffs(name, cohort, judged, mean, protocol, version),
        curves=curves,
        estimator=fitted,
        facts=fitted.describe(),
        composite=_composite(judged, aspects, metrics, intervals, minimum),
        subgroups=subgroups,
        sites=across_sites(subgroups, int(protocol["validation.minimum_sites"])),
        decisions=decided,
    )


def _decisions(judged: Judged, passes: np.ndarray, aspects: Aspects) -> dict[str, float]:
    """Figures of decisions: means over the repeats, passes of shape (repeats, n); NaN where one repeat has none.

    The mean prediction of the repeats would flatter an unstable model here as it does by Brier score.
    """
    if not len(aspects.curve):
        return {}
    found = [decision_figures(judged, one, aspects.curve, aspects.calls) for one in passes]
    return {figure: float(np.mean([one[figure] for one in found])) for figure in found[0]}


def _questions(judged: Judged, score: np.ndarray, aspects: Aspects) -> Iterator[tuple[str, Judged, np.ndarray]]:
    """Suffix, patients and scores of everybody, of every group and of the composite."""
    yield "", judged, score
    for suffix, rows in everybody_in_groups(judged, aspects).items():
        yield suffix, judged.only(rows), score[rows]
    composite = composite_of(judged, aspects)
    if composite is not None:
        yield COMPOSITE, composite, score


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
        for metric in ("auc", "brier"):
            key = f"{metric}|{arm}"
            shown = key in metrics and not row["note"]
            row[metric] = metrics[key] if shown else np.nan
            row[f"{metric}_lo"], row[f"{metric}_hi"] = intervals[key] if shown else (np.nan, np.nan)
        rows.append(row)
    return pd.DataFrame(rows)


def _composite(
    judged: Judged, aspects: Aspects, metrics: dict[str, float], intervals: dict[str, Interval], minimum: int
) -> pd.DataFrame:
    """The two estimands side by side: cumulative incidence of recurrence (primary), recurrence or death."""
    both = composite_of(judged, aspects)
    if both is None:
        return pd.DataFrame()
    rows = []
    for words, part, suffix in (
        ("recurrence, death competes (primary)", judged, ""),
        ("recurrence or death", both, f"|{COMPOSITE}"),
    ):
        note = part.refusal(minimum)
        row: dict[str, object] = {
            "estimand": words,
            "n": int(part.known.sum()),
            "events": part.events,
            "event_rate": part.prevalence,
        }
        row["event_rate_lo"], row["event_rate_hi"] = wilson_interval(
            part.prevalence, effective_size(part.weight[part.known])
        )
        for metric in FIGURES:
            key = metric + suffix
            row[metric] = np.nan if note else metrics.get(key, np.nan)
            limits = (np.nan, np.nan) if note else intervals.get(key, (np.nan, np.nan))
            row[f"{metric}_lo"], row[f"{metric}_hi"] = limits
        rows.append(row | {"note": note})
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


def _curves(
    judged: Judged,
    mean: np.ndarray,
    decided: dict[str, float],
    aspects: Aspects,
    flexible: FlexibleCalibration | None,
) -> dict[str, pd.DataFrame]:
    curves = {"calibration": calibration_groups(judged, mean), "delta": delta_adjustment(judged, mean)}
    if len(aspects.curve):
        benefit = [decided[key("nb", threshold)] for threshold in aspects.curve]
        curves["net_benefit"] = net_benefit(judged, mean, aspects.curve).assign(model=benefit)
    if flexible is not None:
        curves["flexible"] = flexible.curve
    return curves


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
