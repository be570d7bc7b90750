"""Every number of pROC on 113 patients with subarachnoid haemorrhage (two proteins and a clinical grade).

The answers are checked in beside this file; the patients lie outside the repository.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, xlogy
from scipy.stats import norm, t

from models.estimators.logistic import fit_ridge_logistic
from models.metrics.curves import roc_curve
from models.metrics.cutoffs import at_cutoff
from models.metrics.discrimination import Placement, auc, auc_with_interval, delong_covariance, placements
from models.metrics.intervals import normal_quantile
from models.metrics.probability import Judged, brier_score

ANSWERS = pd.read_csv(Path(__file__).parent / "fixtures" / "delong_answers.csv").set_index("quantity")["value"]
MARKERS = ("s100b", "ndka", "wfns")
PAIRS = (("s100b", "ndka"), ("s100b", "wfns"), ("ndka", "wfns"))
LOGISTIC = ["s100b", "ndka", "age"]
# glm prints errors from the working weights of the step before its last.
ONE_STEP_BEFORE = [f"logit.{name}.se" for name in ("_Intercept_", *LOGISTIC)]
NOT_OFFERED = [f"{marker}.pauc_spec_1_.9" for marker in MARKERS]


def one_marker(label: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """AUC with DeLong's variance and Wald limits (pROC's; ours are on the logit scale), and Youden's cut-off."""
    value, error, _, _ = auc_with_interval(label, score)
    spread = normal_quantile() * error
    out = {"auc": value, "var_delong": error**2, "ci_lower": value - spread, "ci_upper": value + spread}
    judged = Judged(label, np.ones_like(label), np.full(len(label), ""))
    curve = roc_curve(judged, score)
    youden = curve["true_positive"] - curve["false_positive"]
    best = int(youden.idxmax())
    at = at_cutoff(judged, score >= curve["threshold"][best])
    names = {"sensitivity": "sens", "specificity": "spec", "ppv": "ppv", "npv": "npv"}
    out |= {f"youden.{theirs}": at[ours][0] for theirs, ours in names.items()}
    # pROC puts the cut-off half way to the next value below.
    between = (curve["threshold"][best] + curve["threshold"][best + 1]) / 2
    out |= {"youden.threshold": between, "youden_n_best": int(np.isclose(youden, youden[best]).sum())}
    for specificity in (0.8, 0.9):
        # The highest sensitivity on the straight lines of the curve at that specificity.
        sensitivity = np.interp(1 - specificity, curve["false_positive"], curve["true_positive"])
        out[f"sens_at_spec{specificity:g}"] = sensitivity
    return out


def paired(one: Placement, other: Placement) -> dict[str, float]:
    covariance = delong_covariance(one, other)
    variance = delong_covariance(one, one) + delong_covariance(other, other) - 2 * covariance
    z = (one.auc - other.auc) / np.sqrt(variance)
    return {"diff": one.auc - other.auc, "cov": covariance, "z": z, "p": 2 * norm.sf(abs(z))}


def unpaired(one: Placement, other: Placement) -> dict[str, float]:
    """Two groups of patients: Welch's degrees of freedom on DeLong's variances, over all patients of a group."""
    variances = [delong_covariance(group, group) for group in (one, other)]
    sizes = [len(group.cases) + len(group.controls) for group in (one, other)]
    statistic = (one.auc - other.auc) / np.sqrt(sum(variances))
    df = sum(variances) ** 2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
    return {"stat": statistic, "df": df, "p": 2 * t.sf(abs(statistic), df)}


def logistic_errors(design: np.ndarray, probability: np.ndarray) -> np.ndarray:
    return np.sqrt(np.diag(np.linalg.inv(design.T @ (design * (probability * (1 - probability))[:, None]))))


def logistic(frame: pd.DataFrame, label: np.ndarray) -> dict[str, float]:
    """Unpenalised logistic regression: the ridge fit with a penalty of zero, errors from its information."""
    raw = frame[LOGISTIC].to_numpy(dtype=float)
    centre, scale = raw.mean(0), raw.std(0)
    found = fit_ridge_logistic((raw - centre) / scale, label, np.ones((1, len(label))), np.zeros(1))[0]
    beta = found[1:] / scale
    beta = np.r_[found[0] - centre @ beta, beta]
    full = np.column_stack([np.ones(len(label)), raw])
    probability = expit(full @ beta)
    out = {f"{name}.coef": value for name, value in zip(["_Intercept_", *LOGISTIC], beta, strict=True)}
    errors = logistic_errors(full, probability)
    out |= {f"{name}.se": value for name, value in zip(["_Intercept_", *LOGISTIC], errors, strict=True)}
    weight = np.ones_like(label)
    return out | {"brier": brier_score(label, probability, weight), "auc": auc(label, probability)}


@pytest.fixture(scope="module")
def bleeding(realdata: Path) -> tuple[pd.DataFrame, np.ndarray]:
    frame = pd.read_csv(realdata / "diagnostic_markers" / "aSAH.csv")
    return frame, (frame["outcome"] == "Poor").to_numpy(dtype=float)


@pytest.fixture(scope="module")
def computed(bleeding) -> dict[str, float]:
    frame, label = bleeding
    male = (frame["gender"] == "Male").to_numpy()
    ranked = {marker: placements(label, frame[marker]) for marker in MARKERS}
    parts = {marker: one_marker(label, frame[marker].to_numpy(dtype=float)) for marker in MARKERS}
    parts |= {f"{one}_vs_{other}": paired(ranked[one], ranked[other]) for one, other in PAIRS}
    groups = [placements(label[rows], frame["s100b"][rows]) for rows in (male, ~male)]
    parts |= {"s100b_male_vs_female_unpaired": unpaired(*groups), "logit": logistic(frame, label)}
    return {f"{tag}.{name}": float(value) for tag, part in parts.items() for name, value in part.items()}


@pytest.mark.parametrize("quantity", [name for name in ANSWERS.index if name not in NOT_OFFERED + ONE_STEP_BEFORE])
def test_quantity_meets_proc(computed, quantity):
    assert computed[quantity] == pytest.approx(ANSWERS[quantity], rel=1e-8, abs=1e-10)


def test_errors_of_the_logistic_model_meet_glm_at_its_step_before_the_last(computed, bleeding):
    frame, label = bleeding
    design = np.column_stack([np.ones(len(label)), frame[LOGISTIC]])
    eta, before = np.log((label + 0.5) / (1.5 - label)), np.inf
    while True:
        used = expit(eta)
        spread = used * (1 - used)
        working = design.T @ (spread * eta + label - used)
        eta = design @ np.linalg.solve(design.T @ (design * spread[:, None]), working)
        deviance = -2 * np.sum(xlogy(label, expit(eta)) + xlogy(1 - label, expit(-eta)))
        if abs(deviance - before) / (deviance + 0.1) < 1e-8:
            break
        before = deviance
    theirs = ANSWERS[ONE_STEP_BEFORE].to_numpy()
    np.testing.assert_allclose(logistic_errors(design, used), theirs, rtol=1e-9)
    np.testing.assert_allclose([computed[name] for name in ONE_STEP_BEFORE], theirs, rtol=1e-4)


def test_what_is_not_offered_is_the_partial_area_only(computed):
    """A partial AUC ranks tests at specificities that nobody chose here: cut-offs are prespecified instead."""
    assert sorted(set(ANSWERS.index) - set(computed)) == sorted(NOT_OFFERED) and len(ANSWERS) == 64


def test_the_answers_are_those_of_r(reference):
    theirs = pd.read_csv(reference / "ref_delong_aSAH.csv").set_index("quantity")["value"]
    pd.testing.assert_series_equal(ANSWERS, theirs)
