"""What the house's models make of resected lung carcinoids: event by a horizon from histology and tumour transcripts.

    python -m benchmarks.real.net_lung_models [--realdata DIR]

Cross-validated by patient, weighted for censoring, with an interval; a question with too few events is refused by the
protocol's own rule. Tumour tissue of another organ: a test of the machinery, no evidence about NETest or the liver.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.real.answers import add_folder
from benchmarks.real.net_lung import ALIVE, FREE, known, read_tables
from data.protocol import load_protocol
from models.censoring import kaplan_meier_weights
from models.estimators.base import OUTCOME, RiskModel
from models.estimators.logistic_risk import LogisticRisk
from models.estimators.newton import CannotFit
from models.estimators.specification import LOGISTIC_PENALTIES
from models.metrics.discrimination import auc, within_fold_auc
from models.metrics.intervals import joined, resampled_interval
from models.metrics.probability import Judged, brier_score
from models.validation.folds import deal

TYPES = ("Typical", "Atypical", "Carcinoid")
HISTOLOGY = ("atypical", "unspecified")
QUESTIONS = (("event-free", FREE, (24, 36, 60)), ("alive", ALIVE, (24, 36, 60)))
FOLDS, REPEATS, RESAMPLES, SEED = 5, 10, 100, 20


@dataclass(frozen=True)
class Patients:
    """Carcinoids with follow-up, panel and MKI67: model terms, months, event, and the horizon that is asked about."""

    rows: pd.DataFrame
    time: np.ndarray
    event: np.ndarray
    horizon: float

    def take(self, which: np.ndarray) -> Patients:
        """Some patients, possibly repeated."""
        return Patients(self.rows.iloc[which], self.time[which], self.event[which], self.horizon)

    @property
    def outcome(self) -> np.ndarray:
        """Label at the horizon (NaN when censored before) and weight from the censoring of these patients."""
        out = np.zeros(len(self.time), dtype=OUTCOME)
        out["weight"] = kaplan_meier_weights(self.time, self.event, self.horizon)
        out["label"] = np.where(out["weight"] > 0, (self.event == 1) & (self.time <= self.horizon), np.nan)
        return out

    @property
    def judged(self) -> Judged:
        outcome = self.outcome
        return Judged(outcome["label"], outcome["weight"], np.full(len(outcome), ""))

    @property
    def stratum(self) -> np.ndarray:
        return self.outcome["label"].astype(str)


def patients(realdata: Path, names: tuple[str, str, str], horizon: float) -> tuple[Patients, list[str]]:
    """The patients of a question and the names of the panel genes."""
    clinical, genes, ki67 = read_tables(realdata)
    frame = known(clinical, names).set_index("sample_id")
    frame = frame[frame["type"].isin(TYPES)]
    rows = genes.assign(MKI67=pd.to_numeric(ki67["MKI67_expression_vst"], errors="coerce").reindex(genes.index))
    rows = rows.join(frame, how="inner").dropna(subset=["MKI67"])
    rows = rows.assign(landmark=0.0, atypical=rows["type"].eq("Atypical"), unspecified=rows["type"].eq("Carcinoid"))
    terms = rows.drop(columns=["type", "t", "s"]).astype(float)
    return Patients(terms, rows["t"].to_numpy(), rows["s"].to_numpy(), horizon), list(genes.columns)


def models(genes: list[str]) -> dict[str, RiskModel]:
    """Histology is the comparator; the panel has one penalty, its number of genes, and nothing is searched."""
    return {
        "histology": LogisticRisk(HISTOLOGY, 0.0, LOGISTIC_PENALTIES),
        "MKI67": LogisticRisk(("MKI67",), 0.0, LOGISTIC_PENALTIES),
        "histology + MKI67": LogisticRisk((*HISTOLOGY, "MKI67"), 0.0, LOGISTIC_PENALTIES),
        f"{len(genes)} genes, ridge": LogisticRisk(tuple(genes), 0.0, (float(len(genes)),)),
    }


def predict(asked: Patients, model: RiskModel, sample: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Predictions of everybody by models fitted on the sampled patients of the other folds (NaN where none could)."""
    out = np.full(len(asked.time), np.nan)
    for k in np.unique(fold):
        train = asked.take(sample[fold[sample] != k])
        try:
            fitted = copy(model).fit(train.rows, train.outcome)
        except CannotFit:
            continue
        out[fold == k] = fitted.predict_proba(asked.rows[fold == k])[:, 1]
    return out


def judge(judged: Judged, value: np.ndarray, fold: np.ndarray | None) -> dict[str, float]:
    """AUC over pairs within folds (over all pairs without folds), Brier score, index of prediction accuracy."""
    rows = judged.known
    label, weight, value = judged.label[rows], judged.weight[rows], value[rows]
    if np.isnan(value).any() or not 0 < label.sum() < len(label):
        return {"auc": np.nan, "brier": np.nan, "ipa": np.nan}
    brier, null = brier_score(label, value, weight), judged.prevalence * (1 - judged.prevalence)
    area = auc(label, value, weight) if fold is None else within_fold_auc(label, value, weight, fold[rows])
    return {"auc": area, "brier": brier, "ipa": 1 - brier / null}


def cross_validated(asked: Patients, model: RiskModel) -> tuple[dict[str, float], tuple[float, float]]:
    """Mean figures over the repeats, and the interval of the AUC: other patients judged, other patients fitted on."""
    n, everybody = len(asked.time), np.arange(len(asked.time))
    folds = [deal(asked.stratum, FOLDS, np.random.default_rng([SEED, r])) for r in range(REPEATS)]
    values = [predict(asked, model, everybody, fold) for fold in folds]
    passes = [judge(asked.judged, value, fold) for value, fold in zip(values, folds, strict=True)]
    figures = {name: float(np.mean([one[name] for one in passes])) for name in passes[0]}
    frozen = model.keeping(copy(model).fit(asked.rows, asked.outcome))
    again, refitted, mean = [], [], np.mean(values, axis=0)
    for b in range(RESAMPLES):
        rng = np.random.default_rng([SEED, 1000 + b])
        drawn, sample = rng.integers(n, size=(2, n))
        again.append(judge(asked.take(drawn).judged, mean[drawn], None)["auc"])
        fold = deal(asked.stratum, FOLDS, rng)
        refitted.append(judge(asked.judged, predict(asked, frozen, sample, fold), fold)["auc"])
    return figures, resampled_interval(figures["auc"], joined(again, refitted, "logit"), "logit")


def answers(realdata: Path) -> Iterator[Mapping[str, object]]:
    """One row per question and model, or one per refused question."""
    minimum = int(load_protocol()["validation.minimum_events"])
    for title, names, horizons in QUESTIONS:
        for horizon in horizons:
            asked, genes = patients(realdata, names, horizon)
            judged = asked.judged
            head = {"question": f"not {title} by {horizon} months", "n": len(asked.time), "events": judged.events}
            head |= {"without": judged.non_events}
            if reason := judged.refusal(minimum):
                yield head | {"model": reason}
                continue
            for name, model in models(genes).items():
                figures, (lower, upper) = cross_validated(asked, model)
                yield head | {"model": name, **figures, "auc_lower": lower, "auc_upper": upper}


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folder(parser, "realdata")
    table = pd.DataFrame(answers(parser.parse_args(argv).realdata))
    print(table.to_string(index=False, float_format="{:.3f}".format, na_rep=""))
    print("\nAt most a dozen events a question: intervals are wide, and nothing here separates one model from another")
    print("unless its interval says so.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
