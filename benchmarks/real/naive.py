"""What naive practice would have claimed on the Mayo PBC sequential cohort, beside ours.

    python -m benchmarks.real.naive [--realdata DIR]

Real patients, so there is no known truth: each row analyses the same patients twice and differs in one step only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier

from benchmarks.real.answers import add_folder
from benchmarks.real.landmark_cohort import fit
from benchmarks.real.landmark_question import Question
from benchmarks.real.pbcseq import DEAD, TERMS, TRANSPLANT, ask, landmark_rows, load_trial
from data.protocol import load_protocol
from models.censoring import kaplan_meier_weights
from models.estimates.competing import cumulative_incidence
from models.metrics.discrimination import auc, dynamic_auc, within_fold_auc
from models.validation.folds import deal

PROTOCOL = Path(__file__).with_name("pbcseq_protocol.toml")
FOLDS, REPEATS = 5, 10
LABS = ("bili", "albumin", "alk.phos", "ast", "protime", "age")
Row = tuple[str, str, float, float]


def by_patient(patient: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Folds that keep the rows of a patient together, stratified by whether the patient ever has the event."""
    who, first, code = np.unique(patient, return_index=True, return_inverse=True)
    ever = np.bincount(code, weights=label) > 0
    return deal(ever.astype(str), FOLDS, rng)[code]


def split_by_visit(visits: pd.DataFrame, month_days: float) -> Row:
    """Every visit a row, death or transplant in the 24 months after it, the same trees; only the folds differ."""
    time, window = (visits["futime"] - visits["day"]).to_numpy(dtype=float), 24 * month_days
    event = (visits["status"] > 0).to_numpy().astype(int)
    weight = kaplan_meier_weights(time, event, window)
    known = weight > 0
    label, weight = ((event == 1) & (time <= window))[known].astype(float), weight[known]
    terms, patient = visits.loc[known, list(LABS)].to_numpy(), visits.loc[known, "id"].to_numpy()
    found: dict[str, list[float]] = {"visit": [], "patient": []}
    for repeat in range(REPEATS):
        rng = np.random.default_rng(repeat)
        folds = {"visit": deal(label.astype(str), FOLDS, rng), "patient": by_patient(patient, label, rng)}
        for name, fold in folds.items():
            value = np.zeros(len(label))
            for k in range(FOLDS):
                trees = ExtraTreesClassifier(200, random_state=repeat, n_jobs=1)
                trees.fit(terms[fold != k], label[fold != k], sample_weight=weight[fold != k])
                value[fold == k] = trees.predict_proba(terms[fold == k])[:, 1]
            found[name].append(within_fold_auc(label, value, weight, fold))
    ours, naive = np.mean(found["patient"]), np.mean(found["visit"])
    return "folds by visit, not by patient", f"AUC, trees, {known.sum()} visits, 24 months", ours, naive


def out_of_fold(question: Question) -> float:
    """AUC at the window of the Cox model, predicted by patient out of fold: mean over the repeats."""
    areas = []
    for repeat in range(REPEATS):
        fold = deal(question.event.astype(str), FOLDS, np.random.default_rng(repeat))
        value, parts = np.zeros(len(fold)), (fold[:, None] == np.arange(FOLDS)).T
        for held in parts:
            train = Question(question.rows[~held], question.status[~held], question.window, TERMS, TERMS)
            value[held] = fit(train, TERMS).predict_proba(question.rows[held])[:, 1]
        weight = kaplan_meier_weights(question.time, question.status, question.window)
        areas.append(within_fold_auc(question.event.astype(float), value, weight, fold))
    return float(np.mean(areas))


def last_value_ever(rows: pd.DataFrame, visits: pd.DataFrame, window: float) -> Row:
    """The last laboratory values on file, whenever they were taken, instead of the last before the landmark."""
    last = visits.sort_values("day").groupby("patient_id")[["bili", "albumin"]].last().reindex(rows.index)
    later = rows.assign(logbili=np.log(last["bili"]), albumin=last["albumin"])
    ours, naive = (out_of_fold(ask(frame, (TRANSPLANT, DEAD), window)) for frame in (rows, later))
    return "last value at any date", f"AUC, Cox, landmark 12, 24 months, n = {len(rows)}", ours, naive


def apparent(question: Question) -> Row:
    """The model judged on the patients that it was fitted on."""
    value = fit(question, TERMS).predict_proba(question.rows)[:, 1]
    naive = dynamic_auc(question.time, question.status, value, question.window).estimate
    about = f"AUC, Cox, landmark 36, {question.event.sum()} events"
    return "judged on the patients fitted on", about, out_of_fold(question), naive


def censored(question: Question) -> list[Row]:
    """Patients censored inside the window left out, or counted as free of the event."""
    weight, label = kaplan_meier_weights(question.time, question.status, question.window), question.event.astype(float)
    known, value = weight > 0, question.rows["logbili"].to_numpy()
    rate, about = float((weight * label).mean()), f"risk of death by 60 months, landmark 36, n = {len(label)}"
    area = auc(label, value, weight)
    return [
        ("censored dropped", about, rate, float(label[known].mean())),
        ("censored counted as alive", "the same", rate, float(label.mean())),
        ("censored dropped", "AUC of bilirubin, the same", area, auc(label[known], value[known])),
        ("censored counted as alive", "the same", area, auc(label, value)),
    ]


def transplant_censored(rows: pd.DataFrame, window: float) -> Row:
    """1 - Kaplan-Meier with the competing event censored, read as a probability."""
    status = rows["status"].map({0: 0, DEAD: 1, TRANSPLANT: 2}).to_numpy()
    ours = cumulative_incidence(rows["time"], status).at(window)["value"].iloc[0]
    naive = cumulative_incidence(rows["time"], (status == 1).astype(int)).at(window)["value"].iloc[0]
    return "transplant censored, not competing", "risk of death by 60 months, landmark 36", float(ours), float(naive)


def rows_of(realdata: Path) -> list[Row]:
    """Every mistake: what it is, what it is about, our figure, the naive one."""
    protocol = load_protocol(PROTOCOL)
    path = realdata / "longitudinal_marker" / "pbcseq.csv"
    trial, subjects = load_trial(path)
    visits = pd.read_csv(path)
    visits["patient_id"] = visits["id"].map("PBC{:04d}".format)
    year, late = (landmark_rows(trial, subjects, protocol, landmark) for landmark in (12, 36))
    long = 60 * protocol.month_days
    return [
        split_by_visit(visits, protocol.month_days),
        last_value_ever(year, visits, 24 * protocol.month_days),
        apparent(ask(late, (TRANSPLANT, DEAD), 24 * protocol.month_days)),
        *censored(ask(late, (DEAD,), long)),
        transplant_censored(late, long),
    ]


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folder(parser, "realdata")
    table = pd.DataFrame(rows_of(parser.parse_args(argv).realdata), columns=["mistake", "about", "ours", "naive"])
    print(table.to_string(index=False, float_format="{:.3f}".format))
    return 0


if __name__ == "__main__":
    sys.exit(main())
