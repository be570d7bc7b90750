"""Train and judge the registered models of one endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from data.protocol import Endpoint, Protocol
from features.landmark import LandmarkTable
from features.outcomes import Outcome, label_version
from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY, RULE, build, specification
from models.metrics.probability import Judged
from models.policy import appoint, registered_models
from models.result import FITTED, NOT_ESTIMABLE, ModelResult, TrainingResult
from models.validation.aspects import aspects_of
from models.validation.blocks import SITE
from models.validation.bootstrap import bootstrap, frozen
from models.validation.cohort import Cohort, build_cohort
from models.validation.comparison import compare, with_decision_bands
from models.validation.evidence import check_plan
from models.validation.folds import assign_folds, cross_validate, fit_models
from models.validation.judgement import arm_counts, judge_model
from models.validation.on_demand import on_demand
from models.validation.optimism import disagreement, refit_often, second_opinion
from models.validation.parallel import Mapper, Progress, silent
from models.validation.plan import Plan
from models.validation.plates import check_batches


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
    mapper: Mapper | None = None,
    batches: pd.DataFrame | None = None,
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
        Names in ``models.estimators.specification``; those of the policy by default
        (:func:`models.policy.registered_models`). The rule and the clinical comparator are always added.
    plan : Plan, optional
        The protocol's by default.
    progress : callable
        Told (done, total, what).
    mapper : callable, optional
        Does the passes elsewhere (:func:`models.validation.parallel.run`); ``plan.jobs`` threads by default.
    batches : DataFrame, optional
        Plate and lot of the landmark sample by patient (``features.landmark.batches_at``); refused when they follow
        the outcome.

    Returns
    -------
    TrainingResult
        ``status`` is "not estimable" with fewer events or non-events than ``validation.minimum_events``.

    Raises
    ------
    Refused
        L101-L111 on leakage, M101 when the endpoint's table is missing, M104 for a plan that is no evidence, M105 when
        sites cannot be blocked.
    ValueError
        For a model that is not registered.
    """
    plan = plan or Plan.from_protocol(protocol)
    if not plan.exploratory:
        check_plan(plan.folds, plan.repeats, protocol)
    cohort = replace(build_cohort(tables, outcome, endpoint, protocol, origin), blocks=plan.blocks)
    labelled = cohort.counts()["labelled"]
    names = with_comparators(models or registered_models(endpoint, labelled, protocol))
    judged = _judged(cohort)
    version = tables[endpoint.landmark].version
    facts = {
        "seed": plan.seed,
        "folds": plan.folds,
        "repeats": plan.repeats,
        "blocks": plan.blocks,
        "exploratory": plan.exploratory,
        "resamples": plan.resamples,
        "assay_version": version,
        "label_version": label_version(protocol, endpoint.id),
        "table_digests": {f"{landmark:g}": table.digest for landmark, table in tables.items()},
        "rows_in_stack": len(cohort.rows),
    }
    refusal = _refusal(cohort, judged, protocol)
    if refusal:
        return _result(cohort, judged, facts, protocol, status=NOT_ESTIMABLE, reason=refusal)
    check_batches(batches, cohort.judged, protocol, plan.seed)

    jobs = mapper or plan.jobs
    unfitted = {
        name: build(name, endpoint, protocol, version=version, seed=plan.seed, labelled=labelled) for name in names
    }
    assignment = assign_folds(cohort, plan.folds, plan.repeats, plan.seed)
    # With few sites there are as many folds, and no second way to deal them.
    folds, facts["repeats"] = int(assignment.max()) + 1, len(assignment)
    facts |= {"folds": folds} | ({"sites": len(np.unique(cohort.site))} if plan.blocks == SITE else {})
    predictions = cross_validate(cohort, unfitted, assignment, jobs, progress)
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
        cohort,
        steady,
        predictions,
        folds,
        plan.resamples,
        plan.seed,
        jobs,
        progress,
        aspects,
        plan.every(plan.resamples),
    )
    refits = refit_often(
        cohort, steady, judged, plan.draws, plan.seed, protocol, jobs, progress, plan.every(plan.draws)
    )
    for name, model in final.items():
        model.keep_draws([one.fitted[name] for one in refits if name in one.fitted])
    results = {
        name: replace(
            judge_model(name, cohort, judged, predictions, resampled[name], model, protocol, version, aspects),
            second_opinion=second_opinion(cohort, name, model, judged, refits, protocol),
        )
        for name, model in final.items()
    }
    results = with_decision_bands(results, resampled)
    table = pd.DataFrame({f"repeat_{r}": row for r, row in enumerate(predictions.fold)}, index=cohort.judged.index)
    failures = tuple(f"{name}: could not be fitted on these patients" for name in names if name not in final)
    result = _result(
        cohort,
        judged,
        facts,
        protocol,
        models=results,
        comparisons=compare(results, resampled),
        folds=table,
        failures=failures,
    )
    return on_demand(result, cohort, unfitted, predictions, assignment, judged, protocol, plan, jobs, progress)


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
    if facts["exploratory"] and verdict.champion:
        reason = "no champion: the validation was exploratory, which is no evidence"
        verdict = replace(verdict, champion="", challenger="", reason=reason)
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
        warnings=(*_alarms(models, protocol), *_disagreements(models, protocol), *failures),
        facts=facts,
    )


def _alarms(models: dict[str, ModelResult], protocol: Protocol) -> tuple[str, ...]:
    """An AUC above what such a cohort can honestly show is an alarm for leakage."""
    limit = float(protocol["validation.leakage_alarm_auc"])
    return tuple(
        f"{name}: its AUC is above {limit:g}; look for leakage before believing it"
        for name, result in models.items()
        if result.metrics["auc"] > limit
    )


def _disagreements(models: dict[str, ModelResult], protocol: Protocol) -> tuple[str, ...]:
    """Models that cross-validation and bootstrap judge differently."""
    return tuple(words for model in models.values() if (words := disagreement(model, protocol)))
