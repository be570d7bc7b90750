"""Claims where there is nothing: genes picked outside folds, batches corrected with the outcome, best of 50."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.known_truth.cohorts import PROTOCOL, Made, make
from benchmarks.known_truth.naive_leaks import ENDPOINT, cross_validated_auc, trees_of, with_column
from data.simulate.genes import assay_constants, sample_cq
from models.estimators.base import RiskModel
from models.estimators.encoding import NUMERIC
from models.estimators.logistic_risk import LogisticRisk
from models.estimators.specification import GUARD

LANDMARK = PROTOCOL.endpoint(ENDPOINT).landmark
GENES_KEPT, CONFIGURATIONS = 5, 50
# The null world confounds the score with the arm on purpose; without any effect of PRRT nothing at all is known.
NOTHING = {"score_prrt": (0.0, 0.0, 0.0), "prrt_halvings": 0.0}


def nothing(n: int, seed: int, **knobs: Any) -> Made:
    """A trial in which no analyte, no gene and no arm knows of the outcome."""
    return make(n, seed, "null", **NOTHING, **knobs)


def month_six_genes(made: Made) -> pd.DataFrame:
    """Expected Cq of every gene in the month-6 blood sample, less the reference gene; by patient."""
    simulated = made.simulated
    blood = simulated.samples["specimen"].eq("blood") & simulated.samples["visit"].eq("month_6")
    constants = assay_constants(PROTOCOL.panel)
    patients, rows = simulated.frames["patients"], simulated.samples[blood].reset_index(drop=True)
    activity = simulated.activity[blood.to_numpy()]
    cq = sample_cq(simulated.streams, simulated.world, constants, patients, rows, activity)
    table = pd.DataFrame(cq, columns=list(constants.genes), index=patients["patient_id"].to_numpy()[rows["patient"]])
    return table.sub(table[list(constants.genes)[-1]], axis=0).iloc[:, :-2]


class SelectedGenes(LogisticRisk):
    """Logistic regression on the genes that differ most between the classes of its own training rows."""

    def _fit_state(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
        candidates = self.terms
        self.terms = most_different(X, y["label"], candidates)
        return super()._fit_state(X, y, groups)


def most_different(X: pd.DataFrame, label: np.ndarray, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """The genes with the largest t statistic."""
    values = X[list(candidates)]
    one, none = values[label == 1], values[label == 0]
    t = (one.mean() - none.mean()) / np.sqrt(one.var() / len(one) + none.var() / len(none))
    return tuple(t.abs().nlargest(GENES_KEPT).index)


def gene_selection(seed: int, n: int = 106) -> dict[str, float]:
    """AUC of the five most different of 51 genes that know nothing, picked inside and outside the folds."""
    made = nothing(n, seed)
    cohort = made.cohort(ENDPOINT)
    genes = month_six_genes(made).reindex(cohort.patients[cohort.patient]).reset_index(drop=True).add_prefix("g_")
    cohort = dataclasses.replace(cohort, rows=pd.concat([cohort.rows, genes], axis=1))
    names, own = tuple(genes.columns), cohort.own
    picked = most_different(cohort.rows[own], cohort.outcome["label"][own], names)
    return {
        "inside": cross_validated_auc(cohort, SelectedGenes(names, LANDMARK, GUARD)),
        "outside": cross_validated_auc(cohort, LogisticRisk(picked, LANDMARK, GUARD)),
    }


def outcome_in_batch_correction(seed: int, n: int = 106) -> dict[str, float]:
    """AUC of a score freed of its plate effects with the outcome as protected covariate, in the null world."""
    made = nothing(n, seed, plate_sd=0.6, scores_per_plate=6)
    cohort = made.cohort(ENDPOINT)
    plate = _plate_of_month_six(made).reindex(cohort.patients[cohort.patient[cohort.own]])
    label, score = cohort.outcome["label"][cohort.own], cohort.rows["netest_logit"].to_numpy()[cohort.own]
    corrected = pd.Series(_less_plates(score, plate.to_numpy(), label), index=plate.index)
    return {
        "as reported": cross_validated_auc(cohort, _score("netest_logit")),
        "outcome protected": cross_validated_auc(with_column(cohort, corrected), _score("leak")),
    }


def _plate_of_month_six(made: Made) -> pd.Series:
    trial = made.trial
    rows = trial.results[trial.results["analyte"] == "netest_activity"].merge(trial.samples, on="sample_id")
    return rows[rows["visit"] == "month_6"].drop_duplicates("patient_id").set_index("patient_id")["plate"]


def _less_plates(score: np.ndarray, plate: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Residual of the plates in a regression on plates and outcome; the outcome's share stays in the score."""
    known = ~np.isnan(label)
    code = pd.get_dummies(pd.Series(plate)).to_numpy(dtype=float)
    design = np.column_stack([code, np.nan_to_num(label)])
    beta = np.linalg.lstsq(design[known], score[known], rcond=None)[0]
    return score - code @ beta[:-1]


def plates_by_outcome(seed: int, n: int = 106) -> dict[str, float]:
    """AUC of the score in the null world when plates were filled at random, and outcome by outcome."""
    knobs = {"plate_sd": 0.8, "scores_per_plate": 20}
    return {
        order: cross_validated_auc(nothing(n, seed, plates_by=order, **knobs).cohort(ENDPOINT), _score("netest_logit"))
        for order in ("received", "outcome")
    }


def _score(term: str) -> RiskModel:
    return LogisticRisk((term,), LANDMARK, GUARD)


def best_of_fifty(seed: int, n: int = 106) -> dict[str, float]:
    """AUC of one random configuration of trees in the null world, and of the best of fifty on the same folds."""
    cohort = nothing(n, seed).cohort(ENDPOINT)
    rng = np.random.default_rng(seed)
    found = [cross_validated_auc(cohort, _random_trees(rng)) for _ in range(CONFIGURATIONS)]
    return {"one": found[0], "best of 50": max(found)}


def _random_trees(rng: np.random.Generator) -> RiskModel:
    terms = tuple(rng.choice([name for name in NUMERIC if name != "netest_logit"], 8, replace=False))
    return trees_of(
        terms,
        LANDMARK,
        rounds=int(rng.integers(10, 80)),
        depth=int(rng.integers(1, 4)),
        rate=float(rng.uniform(0.02, 0.3)),
        seed=int(rng.integers(1000)),
    )
