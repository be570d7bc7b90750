"""Train and judge the registered models of one endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Endpoint, Protocol
from features.landmark import LandmarkTable
from features.outcomes import Outcome, label_version
from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY, RULE, build, specification
from models.metrics.probability import Judged
from models.policy import appoint
from models.result import FITTED, NOT_ESTIMABLE, ModelResult, TrainingResult
from models.validation.aspects import aspects_of
from models.validation.bootstrap import bootstrap, draw_refits, frozen
from models.validation.cohort import Cohort, build_cohort
from models.validation.comparison import compare, with_decision_bands
from models.validation.folds import Progress, assign_folds, cross_validate, fit_models, silent
from models.validation.judgement import arm_counts, judge_model


@dataclass(frozen=True)
class Plan:
    """How an endpoint is validated.

    Attributes
    ----------
    folds, repeats : int
        Repeated k-fold cross-validation by patient.
    resamples : int
        Bootstrap of patients and pipeline behind the intervals; 0 leaves intervals out.
    draws : int
        Bootstrap refits behind each patient's interval.
    seed : int
    jobs : int
        Threads; no effect on the results.
    """

    folds: int
    repeats: int
    resamples: int
    draws: int
    seed: int = 20240601
    jobs: int = 2

    @classmethod
    def from_protocol(cls, protocol: Protocol, **changes: int) -> Plan:
        """The protocol's plan, with single settings changed."""
        settings = {
            "folds": int(protocol["validation.folds"]),
            "repeats": int(protocol["validation.repeats"]),
            "resamples": int(protocol["validation.bootstrap"]),
            "draws": int(protocol["models.coefficient_draws"]),
        }
        return cls(**(settings | changes))


def with_comparators(models: Sequence[str]) -> tuple[str, ...]:
    """The requested models and those that everything is compared with, in the order of the registry."""
    wanted = {specification(name).name for name in models} | {RULE, CLINICAL_COMPARATOR}
    return tuple(name for name in REGISTRY if name in wanted)


def _judged(cohort: Cohort) -> Judged:
    everybody = np.arange(len(cohort.labels))
    return Judged(
        cohort.outcome["label"][cohort.own],
        cohort.evaluation_weights(everybody),
        cohort.judged["arm"].to_numpy(),
    )


def train_endpoint(
    tables: Mapping[float, LandmarkTable],
    outcome: Outcome,
    endpoint: Endpoint,
    protocol: Protocol,
    *,
    origin: pd.Series,
    models: Sequence[str] | None = None,
    plan: Plan | None = None,
    progress: Progress = silent,
) -> TrainingResult:
    """Fit, validate and compare the registered models of an endpoint.

    Repeated k-fold cross-validation by patient with everything fitted inside the fold, intervals from a bootstrap of
    the judged patients and of the whole pipeline, and a final fit on all patients. Patients without the landmark blood
    score are no-calls: they are counted and left out for all models alike.

    Parameters
    ----------
    tables : mapping of landmark to LandmarkTable
        The endpoint's landmark, and the others of its stack where they exist.
    outcome : Outcome
    endpoint : Endpoint
    protocol : Protocol
    origin : Series of datetime64
        Time zero by patient (``features.clock.origin_dates``); proves that tables end at L(s).
    models : sequence of str, optional
        Names in ``models.estimators.specification``; all by default. The rule and the clinical comparator are always
        added.
    plan : Plan, optional
        The protocol's by default.
    progress : callable
        Told (done, total, what).

    Returns
    -------
    TrainingResult
        ``status`` is "not estimable" with fewer events or non-events than ``validation.minimum_events``.

    Raises
    ------
    Refused
        L101-L111 on leakage, M101 when the endpoint's table is missing.
    ValueError
        For a model that is not registered.
    """
    plan = plan or Plan.from_protocol(protocol)
    names = with_comparators(models or protocol["models.registered"])
    cohort = build_cohort(tables, outcome, endpoint, protocol, origin)
    judged = _judged(cohort)
    version = tables[endpoint.landmark].version
    facts = {
        "seed": plan.seed,
        "folds": plan.folds,
        "repeats": plan.repeats,
        "resamples": plan.resamples,
        "assay_version": version,
        "label_version": label_version(protocol, endpoint.id),
        "table_digests": {f"{landmark:g}": table.digest for landmark, table in tables.items()},
        "rows_in_stack": len(cohort.rows),
    }
    refusal = _refusal(cohort, judged, protocol)
    if refusal:
        return _result(cohort, judged, facts, protocol, status=NOT_ESTIMABLE, reason=refusal)

    unfitted = {name: build(name, endpoint, protocol, version=version, seed=plan.seed) for name in names}
    assignment = assign_folds(cohort, plan.folds, plan.repeats, plan.seed)
    predictions = cross_validate(cohort, unfitted, assignment, plan.jobs, progress)
    everybody = np.arange(len(cohort.patients))
    final = {
        name: model
        for name, model in fit_models(cohort, unfitted, everybody).items()
        if model is not None and not np.isnan(predictions.probability[name]).any()
    }
    for model in final.values():
        model.assay_version_, model.label_version_ = version, facts["label_version"]
    steady = frozen({name: unfitted[name] for name in final}, final)
    aspects = aspects_of(cohort, judged, protocol)
    resampled = bootstrap(
        cohort, steady, predictions, plan.folds, plan.resamples, plan.seed, plan.jobs, progress, aspects
    )
    drawn = {name: model for name, model in steady.items() if final[name].drawable}
    for name, refits in draw_refits(cohort, drawn, plan.draws, plan.seed, plan.jobs, progress).items():
        final[name].keep_draws(refits)
    results = {
        name: judge_model(name, cohort, judged, predictions, resampled[name], final[name], protocol, version, aspects)
        for name in final
    }
    results = with_decision_bands(results, resampled)
    folds = pd.DataFrame({f"repeat_{r}": row for r, row in enumerate(predictions.fold)}, index=cohort.judged.index)
    comparisons = compare(results, resampled)
    failures = tuple(f"{name}: could not be fitted on these patients" for name in names if name not in final)
    return _result(
        cohort, judged, facts, protocol, models=results, comparisons=comparisons, folds=folds, failures=failures
    )


def _refusal(cohort: Cohort, judged: Judged, protocol: Protocol) -> str:
    """Why the endpoint cannot be modelled: too few events, or exploratory in a small cohort; empty when it can."""
    labelled, limit = cohort.counts()["labelled"], int(protocol["policy.small_n"])
    if cohort.endpoint.role == "exploratory" and labelled < limit:
        return (
            f"{NOT_ESTIMABLE}: {labelled} labelled patients with {judged.events} events; "
            f"an exploratory endpoint is only described below {limit}"
        )
    return judged.refusal(int(protocol["validation.minimum_events"]))


def _result(
    cohort: Cohort,
    judged: Judged,
    facts: dict[str, object],
    protocol: Protocol,
    *,
    status: str = FITTED,
    reason: str = "",
    models: dict[str, ModelResult] | None = None,
    comparisons: pd.DataFrame | None = None,
    folds: pd.DataFrame | None = None,
    failures: tuple[str, ...] = (),
) -> TrainingResult:
    models = models or {}
    counts = cohort.counts()
    verdict = appoint(cohort.endpoint, counts["labelled"], tuple(models), protocol)
    return TrainingResult(
        endpoint=cohort.endpoint,
        status=status,
        reason=reason,
        models=models,
        champion=verdict.champion,
        challenger=verdict.challenger,
        policy_reason=verdict.reason,
        shown=verdict.shown,
        comparisons=pd.DataFrame() if comparisons is None else comparisons,
        counts=counts,
        by_arm=arm_counts(cohort, judged),
        prevalence=judged.prevalence,
        folds=pd.DataFrame() if folds is None else folds,
        warnings=(*_alarms(models, protocol), *failures),
        facts=facts,
    )


def _alarms(models: dict[str, ModelResult], protocol: Protocol) -> tuple[str, ...]:
    """An AUC above what such a cohort can honestly show is an alarm for leakage."""
    limit = float(protocol["validation.leakage_alarm_auc"])
    return tuple(
        f"{name}: AUC {result.metrics['auc']:.2f} is above {limit:g}; look for leakage before believing it"
        for name, result in models.items()
        if result.metrics["auc"] > limit
    )
