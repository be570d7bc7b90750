"""A longitudinal cohort through landmark features, the models and the metrics, under the names of the R answers.

What ``pbcseq.py`` and ``cml.py`` share. The R side is ``landmark`` of the reference script: the last value on or before
the landmark, Cox with follow-up cut at the window, judged on follow-up that is not cut.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import norm

from benchmarks.real.answers import cox_quantities
from benchmarks.real.landmark_question import Quantities, Question
from models.censoring import kaplan_meier_weights
from models.estimates.competing import cumulative_incidence
from models.estimates.cox import cox
from models.estimates.kaplan_meier import kaplan_meier
from models.estimators.base import OUTCOME
from models.estimators.cox import (
    baseline_hazard,
    fit_ridge_cox_efron,
    information,
    partial_likelihood,
    risk_sets,
)
from models.estimators.stacked_cox import StackedCox
from models.metrics.concordance import concordance, uno_concordance
from models.metrics.decision import net_benefit
from models.metrics.discrimination import TimeDependent, dynamic_auc, dynamic_brier
from models.metrics.probability import Judged

GROUPS = 3
THRESHOLDS = (0.1, 0.2, 0.3)


def fit(question: Question, terms: tuple[str, ...], ties: str = "breslow") -> StackedCox:
    """The stacked Cox model on one landmark: no penalty, no recalibration, ties as in the R answers."""
    outcome = np.zeros(len(question.rows), dtype=OUTCOME)
    outcome["time"], outcome["event"], outcome["label"] = question.cut, question.event, np.nan
    landmark = float(question.rows["landmark"].iloc[0])
    model = StackedCox(terms, landmark, (question.window,), (0.0,), ties=ties, recalibrate=False)
    return model.fit(question.rows, outcome)


def counts(question: Question) -> Quantities:
    """Patients, events, censored inside the window, mean age of the last value."""
    return {
        "n": len(question.rows),
        "events_in_window": int(question.event.sum()),
        "censored_in_window": int(((question.status == 0) & (question.time <= question.window)).sum()),
        "mean_age_of_value": float(question.rows["age_of_value"].mean()),
    }


def coefficients(question: Question, model: StackedCox) -> Quantities:
    """Coefficients, errors, likelihood and baseline of the model that predicts; tests from the fit of the report."""
    state, terms = model.state_, question.terms
    beta = state["recurrence"] / state["scale"]
    design = question.rows[list(terms)].to_numpy()
    sets = risk_sets(question.cut, question.event, np.zeros(len(design)))
    errors = np.sqrt(np.diag(np.linalg.inv(information(design, sets, beta))))
    fits = partial_likelihood(design, sets, np.ones((2, len(design))), np.stack([np.zeros(len(terms)), beta]))
    efron = fit(question, terms, "efron").state_
    frame = question.rows[list(terms)].assign(time=question.cut, event=question.event)
    report = cox_quantities("cox_breslow", cox(frame, time="time", event="event", covariates=terms, ties="breslow"))
    out = {f"cox_breslow.{term}.coef": beta[i] for i, term in enumerate(terms)}
    out |= {f"cox_breslow.{term}.se": errors[i] for i, term in enumerate(terms)}
    out |= {f"cox_efron.{term}.coef": efron["recurrence"][i] / efron["scale"][i] for i, term in enumerate(terms)}
    out |= {"cox_breslow.loglik_null": fits[0], "cox_breslow.loglik": fits[1]}
    uncentred = np.exp(-(state["centre"] / state["scale"]) @ state["recurrence"])
    out["breslow_cumhaz_at_window_uncentred"] = float(state["recurrence_hazard"].sum() * uncentred)
    return report | out


def scores(question: Question, risks: Mapping[str, np.ndarray]) -> Quantities:
    """Time-dependent AUC and Brier score with errors and limits, and the difference of two AUCs."""
    time, status, window = question.time, question.status, question.window
    areas = {name: dynamic_auc(time, status, risk, window) for name, risk in risks.items() if name != "Null_model"}
    briers = {name: dynamic_brier(time, status, risk, window) for name, risk in risks.items()}
    out: Quantities = {}
    for kind, found in (("auc", areas), ("brier", briers)):
        for name, score in found.items():
            out |= {f"score.{kind}.{name}.{part}": value for part, value in _parts(score, kind).items()}
    if "small" in areas:
        one, other = areas["small"], areas["full"]
        delta = TimeDependent(one.estimate - other.estimate, one.influence - other.influence)
        out["score.delta_auc.small_vs_full.est"] = delta.estimate
        out["score.delta_auc.small_vs_full.p"] = 2 * norm.sf(abs(delta.estimate / delta.standard_error))
        out |= {"hand.auc": other.estimate, "hand.brier": briers["full"].estimate}
    return out


def _parts(score: TimeDependent, kind: str) -> Quantities:
    lower, upper = score.interval()
    return {kind: score.estimate, "se": score.standard_error, "lower": lower, "upper": upper}


def _survival(question: Question, rows: np.ndarray) -> float:
    """Kaplan-Meier at the window among some of the patients."""
    curve = kaplan_meier(question.time[rows], (question.status[rows] == 1).astype(int))
    return float(curve.at(question.window)["value"].iloc[0])


def calibration(question: Question, risk: np.ndarray) -> Quantities:
    """Predicted and Kaplan-Meier risk, for everybody and in groups by predicted risk as R's ``cut`` makes them."""
    n = len(risk)
    rank = np.argsort(np.argsort(risk, kind="stable"), kind="stable")
    group = np.clip(np.ceil(rank * GROUPS / (n - 1)), 1, GROUPS)
    out = {"km_risk_all": 1 - _survival(question, np.ones(n, dtype=bool)), "mean_predicted": float(risk.mean())}
    for number in range(1, GROUPS + 1):
        here = group == number
        out[f"calib.group{number}.km_risk"] = 1 - _survival(question, here)
        out[f"calib.group{number}.mean_pred"] = float(risk[here].mean())
    return out


def judged(question: Question, rows: np.ndarray) -> Judged:
    """Some of the patients with labels at the window and weights from their own censoring."""
    time, status = question.time[rows], question.status[rows]
    weight = kaplan_meier_weights(time, status, question.window)
    label = np.where(weight > 0, (status == 1) & (time <= question.window), np.nan)
    return Judged(label, weight, np.full(len(time), ""))


def decisions(question: Question, risk: np.ndarray) -> Quantities:
    """Net benefit by threshold.

    R takes the Kaplan-Meier risk of those above the threshold, which the weighted net benefit equals when the weights
    come from the censoring of those patients.
    """
    out: Quantities = {}
    everybody = np.ones(len(risk), dtype=bool)
    for threshold in THRESHOLDS:
        at, above = np.array([threshold]), risk > threshold
        everyone = net_benefit(judged(question, everybody), risk, at)
        treated = net_benefit(judged(question, above), risk[above], at)["model"].iloc[0] if above.any() else 0.0
        out[f"net_benefit.pt{threshold:g}"] = above.mean() * treated
        out[f"net_benefit_all.pt{threshold:g}"] = everyone["all"].iloc[0]
    return out


def rank_agreement(question: Question, risk: np.ndarray) -> Quantities:
    """Harrell's and Uno's concordance on follow-up cut at the window."""
    time, event = question.cut, question.event
    return {
        "harrell_c_window": concordance(time, event, risk).value,
        "uno_c_window": uno_concordance(time, event, risk).value,
    }


def analyse(question: Question) -> tuple[Quantities, dict[str, np.ndarray]]:
    """Quantities of one landmark and endpoint under the names of the R answers, and every patient's risk."""
    full, small = fit(question, question.terms), fit(question, question.small)
    weight = kaplan_meier_weights(question.time, question.status, question.window)
    followed = question.time > question.window
    risks = {
        "full": full.predict_proba(question.rows)[:, 1],
        "small": small.predict_proba(question.rows)[:, 1],
        "Null_model": np.full(len(weight), float((weight * question.event).mean())),
    }
    out = counts(question) | coefficients(question, full) | scores(question, risks)
    out |= calibration(question, risks["full"]) | decisions(question, risks["full"])
    out |= rank_agreement(question, risks["full"]) | {"hand.G_at_window": float(1 / weight[followed][0])}
    return out, risks


def cause_specific_risk(question: Question) -> np.ndarray:
    """Risk of the event with a competing one from two Cox models, as the product-limit form of riskRegression's CSC."""
    design = question.rows[list(question.terms)].to_numpy()
    grid = np.unique(question.time[(question.status > 0) & (question.time <= question.window)])
    hazards = []
    for cause in (1, 2):
        sets = risk_sets(question.time, question.status == cause, np.zeros(len(design)))
        beta = fit_ridge_cox_efron(design, sets, 0.0)
        inside = sets.time <= question.window
        baseline = np.zeros(len(grid))
        baseline[np.searchsorted(grid, sets.time[inside])] = baseline_hazard(design, sets, beta, "efron")[inside]
        hazards.append(np.exp(design @ beta)[:, None] * baseline)
    own, other = hazards
    free = np.cumprod(1 - own - other, axis=1)
    return (np.column_stack([np.ones(len(design)), free[:, :-1]]) * own).sum(axis=1)


def competing(question: Question) -> Quantities:
    """The endpoint with its competing event: cause-specific Cox, AUC and Brier score of the absolute risk."""
    out = counts(question) | coefficients(question, fit(question, question.terms))
    curve = cumulative_incidence(question.time, question.status)
    incidence = float(curve.at(question.window)["value"].iloc[0])
    risks = {"csc": cause_specific_risk(question), "Null_model": np.full(len(question.rows), incidence)}
    found = {name.replace("auc.csc", "auc"): value for name, value in scores(question, risks).items()}
    out |= {f"cr.{name}": value for name, value in found.items()}
    return out | {"cr.aalen_johansen_cause1_at_window": incidence}
