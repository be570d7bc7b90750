"""Every model fitted on simulated cohorts and judged on an independent one: the runs behind the tables and checks.

A run is one world, endpoint, size and seed. Models are judged on an independent cohort of the same world, beside the
posterior probability that the simulator itself gives each patient from what was observed (the ceiling) and from the
latent state. AUC and Brier score need no weights there: the outcome is that of complete observation, in the truly
recurrence-free. Calibration is that of the question as trials can ask it (scans may be missed), on weighted labels.
Finished runs are kept as JSON lines under ``--keep`` and not repeated, so a campaign can be interrupted.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.known_truth.cohorts import PROTOCOL, Made, fit, judged, make, out_of_fold, predict, replicate, unfitted
from data.simulate.labels import truth_label
from data.simulate.posterior import observed_posterior
from models.estimators.specification import DEFAULT_MODELS, REGISTRY
from models.metrics.calibration import calibration
from models.metrics.discrimination import auc, delong_covariance, placements
from models.metrics.probability import Judged
from models.validation.bootstrap import cross_validated_metrics
from models.validation.cohort import Cohort

TEST_PATIENTS, TEST_SEED = 10_000, 990_001
PARTICLES = 1000
OBSERVED, LATENT = "observed", "latent"
LARGE, BOOSTED = 10_000, ("M5", "M6")
SEARCHED = (("protocol", "MRD36@6"), ("protocol", "ER12@12"))
CALIBRATION = ("slope", "citl")


def affordable(question: Question) -> tuple[str, ...]:
    """Models of a run: at 10,000 patients boosters search for minutes, which only the checked questions are given."""
    boosted = question.n < LARGE or (question.world, question.endpoint) in SEARCHED
    return tuple(name for name in DEFAULT_MODELS if boosted or name not in BOOSTED)


@dataclass(frozen=True)
class Question:
    """What a run is about, besides its seed."""

    world: str
    endpoint: str
    n: int
    repeats: int = 0

    @property
    def name(self) -> str:
        return f"{self.world} {self.endpoint} {self.n}"


@dataclass(frozen=True)
class Test:
    """The independent cohort of a world and endpoint, with the simulator's own probabilities."""

    cohort: Cohort
    known: Judged
    outcome: np.ndarray
    ceiling: dict[str, np.ndarray]


@lru_cache(maxsize=1)
def _test_trial(world: str) -> Made:
    return make(TEST_PATIENTS, TEST_SEED, world)


def posterior(made: Made, endpoint_id: str, folder: Path) -> pd.Series:
    """The simulator's own probability given what was observed, computed once for all processes."""
    place = folder / f"posterior-{made.simulated.world.name}-{endpoint_id.replace('@', '-at-')}.csv"
    if not place.exists():
        endpoint = PROTOCOL.endpoint(endpoint_id)
        found = observed_posterior(made.simulated, endpoint, PROTOCOL, particles=PARTICLES, seed=TEST_SEED)
        place.parent.mkdir(parents=True, exist_ok=True)
        found.to_csv(place)
    return pd.read_csv(place, index_col="patient_id")["probability"]


@lru_cache(maxsize=2)
def test_of(world: str, endpoint_id: str, folder: Path) -> Test:
    """The independent cohort, made once in each process."""
    made = _test_trial(world)
    cohort = made.cohort(endpoint_id)
    who = cohort.judged.index
    ceiling = {
        OBSERVED: posterior(made, endpoint_id, folder).reindex(who).to_numpy(dtype=float),
        LATENT: made.truth(cohort)[f"p_{endpoint_id}"].to_numpy(dtype=float),
    }
    complete = truth_label(made.simulated.truth, endpoint_id, PROTOCOL)["y"].reindex(who)
    return Test(cohort, judged(cohort), complete.to_numpy(dtype=float), ceiling)


def figures(test: Test, probability: np.ndarray, calibrated: bool = True) -> dict[str, float]:
    """Figures of one set of predictions on the independent cohort."""
    true = np.isfinite(test.outcome) & np.isfinite(probability)
    out = {"auc": auc(test.outcome[true], probability[true])}
    if not calibrated:
        return out
    rows = test.known.known & np.isfinite(probability)
    label, weight, value = test.known.label[rows], test.known.weight[rows], probability[rows]
    found = calibration(label, value, weight)
    return out | {
        "brier": float(np.mean((test.outcome[true] - probability[true]) ** 2)),
        **{name: found[name] for name in CALIBRATION},
        "mean minus prevalence": float(weight @ (value - label) / weight.sum()),
    }


def below_the_ceiling(test: Test, probability: np.ndarray) -> dict[str, float]:
    """How far predictions lie below the simulator's posterior: AUC and Brier score, with the paired z of each."""
    ceiling = test.ceiling[OBSERVED]
    rows = np.isfinite(test.outcome) & np.isfinite(probability) & np.isfinite(ceiling)
    label = test.outcome[rows]
    best, own = (placements(label, values[rows]) for values in (ceiling, probability))
    variance = delong_covariance(best, best) + delong_covariance(own, own) - 2 * delong_covariance(best, own)
    loss = (label - probability[rows]) ** 2 - (label - ceiling[rows]) ** 2
    return {
        "gap": best.auc - own.auc,
        "gap se": float(np.sqrt(max(variance, 0.0))),
        "z auc": float((best.auc - own.auc) / np.sqrt(max(variance, 1e-12))),
        "z brier": float(loss.mean() / (loss.std(ddof=1) / np.sqrt(len(loss)))),
    }


def run_one(question: Question, models: tuple[str, ...], folder: Path, seed: int) -> list[dict[str, object]]:
    """One row per model: figures on the independent cohort, and out of fold where repeats are asked for."""
    cohort, test = (
        make(question.n, seed, question.world).cohort(question.endpoint),
        test_of(question.world, question.endpoint, folder),
    )
    inside: dict[str, dict[str, float]] = {}
    if question.repeats:
        predictions = out_of_fold(cohort, unfitted(cohort, models), question.repeats, seed=seed)
        own = judged(cohort)
        inside = {
            name: cross_validated_metrics(own, predictions, name)
            for name in models
            if np.isfinite(predictions.probability[name]).all()
        }
    rows = []
    for name in models:
        began = time.process_time()
        model = fit(cohort, [name])[name]
        row: dict[str, object] = {"model": name, "seed": seed, "seconds": time.process_time() - began}
        if model is not None:
            predicted = predict(model, test.cohort)
            row |= figures(test, predicted, REGISTRY[name].calibrated)
            row |= below_the_ceiling(test, predicted)
        row |= {f"reported {figure}": inside.get(name, {}).get(figure, np.nan) for figure in ("auc", "brier", "slope")}
        rows.append(row)
    return [vars(question) | row for row in rows]


def run_ceilings(world: str, endpoint: str, folder: Path) -> list[dict[str, object]]:
    """Figures of the simulator's own probabilities on the independent cohort."""
    test = test_of(world, endpoint, folder)
    return [
        vars(Question(world, endpoint, 0)) | {"model": name, "seed": TEST_SEED} | figures(test, values)
        for name, values in test.ceiling.items()
    ]


def kept(folder: Path, question: Question) -> Path:
    """Where the runs of a question are kept."""
    return folder / f"{question.name.replace(' ', '-').replace('@', '-at-')}.jsonl"


def runs(
    question: Question,
    replications: int,
    folder: Path,
    jobs: int = 2,
    first_seed: int = 1000,
) -> pd.DataFrame:
    """Rows of a question, from what is kept and, for missing seeds, by running (``jobs`` = 0: only what is kept)."""
    place, models = kept(folder, question), affordable(question)
    place.parent.mkdir(parents=True, exist_ok=True)
    lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    have = pd.DataFrame([json.loads(line) for line in lines])
    done = set() if have.empty else set(have.loc[have["model"].isin(models), "seed"])
    missing = [first_seed + i for i in range(replications) if first_seed + i not in done]
    if missing and jobs:
        ceilings(question.world, question.endpoint, folder)
        one = partial(_by_index, question, models, folder, tuple(missing))
        with place.open("a", encoding="utf-8") as file:
            for rows in replicate(one, len(missing), 0, min(jobs, len(missing)), question.name):
                file.writelines(json.dumps(row) + "\n" for row in rows)
                file.flush()
        return runs(question, replications, folder, jobs, first_seed)
    if have.empty:
        return have
    wanted = [first_seed + i for i in range(replications)]
    return have[have["seed"].isin(wanted) & have["model"].isin(models)].reset_index(drop=True)


def _by_index(
    question: Question, models: tuple[str, ...], folder: Path, seeds: tuple[int, ...], place: int
) -> list[dict[str, object]]:
    return run_one(question, models, folder, seeds[place])


def ceilings(world: str, endpoint: str, folder: Path, jobs: int = 2) -> pd.DataFrame:
    """Ceilings of a world and endpoint, kept like the runs."""
    place = kept(folder, Question(world, endpoint, 0))
    if not place.exists():
        if not jobs:
            return pd.DataFrame()
        place.parent.mkdir(parents=True, exist_ok=True)
        rows = run_ceilings(world, endpoint, folder)
        place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return pd.DataFrame([json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()])
