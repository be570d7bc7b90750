"""Acceptance checks of the models, from their runs: ceiling, gap, small n, calibration, honest validation, nulls."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.known_truth.by_size import PRIMARY, question, replications
from benchmarks.known_truth.check import Check, mean_check
from benchmarks.known_truth.cohorts import judged, make, mean_and_error, out_of_fold, replicate, unfitted
from benchmarks.known_truth.runs import CALIBRATION, Question, runs
from models.estimators.specification import DEFAULT_MODELS, REGISTRY
from models.metrics.discrimination import within_fold_auc
from models.validation.cohort import STRATA
from models.validation.permutation import permuted

GAP_ENDPOINTS = ("ER12@6", "MRD36@6", "ER12@12", "MRD36@12")
LARGE, SMALL = 10_000, 106
CHAMPION, FIXED = "M3", ("M1", "M2")
WORLD, NULL = "protocol", "null"
PERMUTATIONS = 100
OWN_STREAM = 13


def _large(folder: Path, jobs: int, world: str = WORLD, endpoints: tuple[str, ...] = GAP_ENDPOINTS) -> pd.DataFrame:
    return pd.concat([runs(Question(world, name, LARGE), 1, folder, jobs) for name in endpoints], ignore_index=True)


def _small(folder: Path, jobs: int) -> pd.DataFrame:
    asked = question(WORLD, PRIMARY[0], SMALL)
    return runs(asked, replications(WORLD, PRIMARY[0], SMALL), folder, jobs)


def never_above_the_ceiling(folder: Path, jobs: int) -> list[Check]:
    """4. Paired z of the simulator's posterior against every model, AUC and Brier score."""
    found = pd.concat([_large(folder, jobs), _small(folder, jobs)], ignore_index=True)
    rows = []
    for figure in ("z auc", "z brier"):
        worst = found.loc[found[figure].idxmin()]
        where = f"{worst['model']}, {worst['endpoint']}, n = {worst['n']}"
        words = f"smallest paired {figure} of the posterior against a model ({where})"
        rows.append(Check("4", words, float(worst[figure]), np.nan, "at least -4", bool(worst[figure] >= -4), 2))
    return rows


def gap_to_the_ceiling(folder: Path, jobs: int) -> list[Check]:
    """5. What the best shipped model lacks at n = 10,000."""
    rows = []
    for endpoint, own in _large(folder, jobs).groupby("endpoint", sort=False):
        best = own.loc[own["gap"].idxmin()]
        words = f"AUC lacking to the best from what is observed, n = 10,000, {endpoint} ({best['model']})"
        rows.append(Check("5", words, best["gap"], best["gap se"], "at most .02 (goal .01)", bool(best["gap"] <= 0.02)))
    return rows


def champion_at_small_n(folder: Path, jobs: int) -> list[Check]:
    """6. The champion of small cohorts against the best fixed comparator."""
    table = _small(folder, jobs).pivot(index="seed", columns="model", values="auc")
    means = table.mean()
    rival = means[list(FIXED)].idxmax()
    difference = table[CHAMPION] - table[rival]
    mean, error = mean_and_error(difference)
    low = float(table[CHAMPION].quantile(0.025) - table[rival].quantile(0.025))
    learners = [name for name in table if REGISTRY[name].df is None]
    ahead, ahead_error = mean_and_error(table[CHAMPION] - table[learners].max(axis=1))
    return [
        Check("6", f"mean AUC of {CHAMPION} minus that of {rival}, n = 106", mean, error, "at least 0", mean >= 0),
        Check(
            "6",
            f"lower 2.5% of the AUC of {CHAMPION} minus that of {rival}",
            low,
            np.nan,
            "at least -.03",
            low >= -0.03,
        ),
        Check("6", f"AUC of {CHAMPION} minus the best learner's of the same cohort", ahead, ahead_error, "shown", None),
    ]


def calibration(folder: Path, jobs: int) -> list[Check]:
    """7. Slope, in the large and mean prediction at n = 10,000; median slope at n = 106.

    A model that could not be fitted, or has no such figure, is the worst of all and not one model less to check.
    """
    large, small = _large(folder, jobs), _small(folder, jobs)
    shipped = [name for name in DEFAULT_MODELS if REGISTRY[name].calibrated]
    rows = []
    for figure, centre, limit in (
        (*CALIBRATION[:1], 1.0, 0.10),
        (CALIBRATION[1], 0.0, 0.10),
        ("mean minus prevalence", 0.0, 0.01),
    ):
        own = large[large["model"].isin(shipped)]
        own = own.assign(off=(own[figure] - centre).abs().fillna(np.inf))
        worst = own.loc[own["off"].idxmax()]
        words = f"{figure} furthest from {centre:g} at n = 10,000 ({worst['model']}, {worst['endpoint']})"
        bound = f"within {limit:g} of {centre:g}"
        rows.append(Check("7", words, worst[figure], np.nan, bound, bool(worst["off"] <= limit)))
    medians = small[small["model"].isin(shipped)].groupby("model")["slope"].median()
    absent = small[small["model"].isin(shipped)].groupby("model")["slope"].apply(lambda slope: slope.isna().mean())
    name = absent.idxmax()
    words = f"share of cohorts of 106 without a slope, worst model {name}"
    rows.append(Check("7", words, absent[name], np.nan, "at most .05", bool(absent[name] <= 0.05)))
    for name in (medians.idxmin(), medians.idxmax()):
        met = bool(0.8 <= medians[name] <= 1.3)
        rows.append(
            Check("7", f"median slope at n = 106, extreme model {name}", medians[name], np.nan, ".8 to 1.3", met, 2)
        )
    return rows


def honest_validation(folder: Path, jobs: int) -> list[Check]:
    """10. Cross-validated AUC against the AUC on the independent cohort."""
    found = _small(folder, jobs)
    found = found.assign(off=found["reported auc"] - found["auc"])
    return [
        mean_check("10", f"reported minus true AUC of {name}, n = 106", own["off"], "within .025 of 0", -0.025, 0.025)
        for name, own in found.groupby("model", sort=False)
        if REGISTRY[name].calibrated
    ]


def _permuted(strata: tuple[str, ...], seed: int) -> dict[str, float]:
    # A stream of its own: default_rng(seed) is default_rng([seed, 0]), which deals the folds.
    rng = np.random.default_rng([seed, OWN_STREAM])
    cohort = replace(permuted(make(SMALL, 5).cohort(PRIMARY[0]), rng, within_arm=False), strata=strata)
    models = unfitted(cohort, [name for name in DEFAULT_MODELS if REGISTRY[name].calibrated])
    found, known = out_of_fold(cohort, models, seed=seed), judged(cohort)
    rows = known.known
    return {
        name: within_fold_auc(known.label[rows], values[0][rows], known.weight[rows], found.fold[0][rows])
        for name, values in found.probability.items()
        if np.isfinite(values).all()
    }


def nulls(folder: Path, jobs: int) -> list[Check]:
    """13. Permuted labels, and what the marker adds in the null world."""
    rows = []
    for strata in (STRATA, STRATA[:1]):
        one, words = partial(_permuted, strata), " x ".join(strata)
        found = pd.DataFrame(list(replicate(one, PERMUTATIONS, 300, jobs, f"permuted labels, folds by {words}")))
        rows += [
            mean_check(
                "13",
                f"AUC of {name}, permuted labels, n = 106, folds by {words}",
                found[name],
                ".48 to .52",
                0.48,
                0.52,
            )
            for name in found
        ]
    large = _large(folder, jobs, NULL, PRIMARY[:1]).pivot(index="endpoint", columns="model", values="auc")
    for endpoint, own in large.iterrows():
        added = own[CHAMPION] - own["Mc"]
        words = f"AUC of {CHAMPION} minus Mc in the null world, n = 10,000, {endpoint}"
        rows.append(Check("13", words, added, np.nan, "within .01 of 0", bool(abs(added) <= 0.01)))
    return rows
