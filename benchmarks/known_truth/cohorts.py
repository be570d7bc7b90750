"""Simulated cohorts for the campaigns: made, joined to labels, fitted, and judged on an independent cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from data.protocol import Protocol, load_protocol
from data.simulate import Simulated, generate
from data.trial import Trial
from features.clock import surgery_dates
from features.landmark import LandmarkTable, table_at
from features.outcomes import Outcome, build_outcome
from models.estimators.base import RiskModel
from models.estimators.specification import build, stack
from models.metrics.probability import Judged
from models.validation.cohort import Cohort, build_cohort
from models.validation.folds import OutOfFold, assign_folds, cross_validate, fit_models

PROTOCOL = load_protocol()


@dataclass
class Made:
    """A simulated trial with what the models are given of it."""

    simulated: Simulated
    protocol: Protocol

    @cached_property
    def trial(self) -> Trial:
        return self.simulated.trial()

    @cached_property
    def outcome(self) -> Outcome:
        return build_outcome(self.trial, self.protocol)

    @cached_property
    def _tables(self) -> dict[float, LandmarkTable]:
        return {}

    def table(self, landmark: float) -> LandmarkTable:
        """Landmark table, built once."""
        if landmark not in self._tables:
            self._tables[landmark] = table_at(self.trial, self.protocol, landmark)
        return self._tables[landmark]

    def cohort(self, endpoint_id: str) -> Cohort:
        """Rows, labels and patients of an endpoint."""
        endpoint = self.protocol.endpoint(endpoint_id)
        tables = {landmark: self.table(landmark) for landmark, _ in stack(endpoint, self.protocol)}
        return build_cohort(tables, self.outcome, endpoint, self.protocol, surgery_dates(self.trial.patients))

    def truth(self, cohort: Cohort) -> pd.DataFrame:
        """Rows of the truth for the judged patients of a cohort, in their order."""
        return self.simulated.truth.set_index("patient_id").loc[cohort.judged.index]


def make(n: int, seed: int, world: str = "protocol", protocol: Protocol = PROTOCOL, **knobs: Any) -> Made:
    """Simulate a trial of n patients."""
    return Made(generate(n, seed, world, protocol, **knobs), protocol)


def unfitted(
    cohort: Cohort, names: Iterable[str], protocol: Protocol = PROTOCOL, seed: int = 0
) -> dict[str, RiskModel]:
    """Registered models for the endpoint of a cohort."""
    labelled = cohort.counts()["labelled"]
    return {name: build(name, cohort.endpoint, protocol, seed=seed, labelled=labelled) for name in names}


def fit(cohort: Cohort, names: Iterable[str], protocol: Protocol = PROTOCOL) -> dict[str, RiskModel | None]:
    """Registered models fitted on all patients of a cohort."""
    return fit_models(cohort, unfitted(cohort, names, protocol), np.arange(len(cohort.patients)))


def judged(cohort: Cohort) -> Judged:
    """Labels of the judged patients, weighted by the censoring of the whole cohort."""
    weight = cohort.evaluation_weights(np.arange(len(cohort.patients)))
    return Judged(cohort.outcome["label"][cohort.own], weight, cohort.judged["arm"].to_numpy())


def predict(model: RiskModel, cohort: Cohort) -> np.ndarray:
    """Probability of every judged patient, in their order."""
    return model.predict_proba(cohort.rows[cohort.own])[:, 1]


def out_of_fold(
    cohort: Cohort, models: dict[str, RiskModel], repeats: int = 1, folds: int = 5, seed: int = 0, jobs: int = 1
) -> OutOfFold:
    """Predictions by patients' folds, everything fitted inside."""
    return cross_validate(cohort, models, assign_folds(cohort, folds, repeats, seed), jobs)


def mean_and_error(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Mean over replications and its Monte Carlo standard error."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    error = float(np.std(known, ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")
    return float(known.mean()) if len(known) else float("nan"), error


def replicate(one: Callable[[int], Any], count: int, first_seed: int, jobs: int = 2, what: str = "") -> Iterator[Any]:
    """Call a function with ``count`` seeds in processes; results one by one, in the order of the seeds."""
    from joblib import Parallel, delayed
    from rich.progress import track

    calls = Parallel(n_jobs=jobs, return_as="generator")(delayed(one)(first_seed + i) for i in range(count))
    what = what or getattr(one, "__name__", "replications").replace("_", " ")
    yield from track(calls, what, count, transient=True)
