"""What a training shows only when asked, because it costs as much as the training again."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol as Shape

import numpy as np

from data.protocol import Protocol
from models.estimators.specification import CLINICAL_COMPARATOR, REGISTRY
from models.metrics.probability import Judged
from models.result import TrainingResult
from models.validation.cohort import Cohort
from models.validation.folds import Models, OutOfFold
from models.validation.learning_curve import learning_curve
from models.validation.parallel import Progress, Workers
from models.validation.permutation import permutation_null


class Asked(Shape):
    """The settings of a plan that this room looks at."""

    @property
    def seed(self) -> int: ...
    @property
    def resamples(self) -> int: ...
    @property
    def learning_curve(self) -> bool: ...
    @property
    def permutations(self) -> int: ...


def of_interest(result: TrainingResult) -> tuple[str, ...]:
    """The shown model, its challenger and the clinical comparator, as far as they are fitted probabilities."""
    wanted = dict.fromkeys((result.shown, result.challenger, CLINICAL_COMPARATOR))
    return tuple(name for name in wanted if name in result.models and REGISTRY[name].calibrated)


def on_demand(
    result: TrainingResult,
    cohort: Cohort,
    models: Models,
    predictions: OutOfFold,
    assignment: np.ndarray,
    judged: Judged,
    protocol: Protocol,
    plan: Asked,
    jobs: Workers,
    progress: Progress,
) -> TrainingResult:
    """The result with its learning curve and permutation null, if the plan asks for them.

    Parameters
    ----------
    result : TrainingResult
    cohort : Cohort
    models : mapping of name to unfitted model
    predictions : OutOfFold
    assignment : ndarray of int, shape (repeats, n_patients)
    judged : Judged
    protocol : Protocol
    plan : Plan
    jobs : int or callable
    progress : callable
    """
    chosen = {name: models[name] for name in of_interest(result)}
    if not chosen:
        return result
    if plan.learning_curve:
        curve = learning_curve(
            cohort, chosen, predictions, assignment, judged, protocol, plan.seed, plan.resamples, jobs, progress
        )
        result = replace(result, learning_curve=curve)
    if plan.permutations:
        folds, repeats = int(assignment.max()) + 1, len(assignment)
        null = permutation_null(
            cohort, chosen, predictions, folds, repeats, plan.permutations, plan.seed, jobs, progress
        )
        result = replace(result, permutation=null)
    return result
