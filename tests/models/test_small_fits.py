"""The fast ridge fits against scikit-learn, lifelines and R."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from sklearn.linear_model import LogisticRegression

from models.estimators.base import OUTCOME
from models.estimators.cox import baseline_hazard, fit_ridge_cox, fit_ridge_cox_efron, partial_likelihood, risk_sets
from models.estimators.logistic import deviance, fit_ridge_logistic
from models.estimators.newton import NotConverged
from models.estimators.penalty import inner_masks, one_standard_error
from models.estimators.stacked_cox import StackedCox, cumulative_incidence


def survival(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    design, stratum = rng.normal(size=(n, 3)), rng.choice([6.0, 12.0], n)
    time = rng.exponential(np.exp(-0.8 * design[:, 0] + 0.4 * design[:, 1])) + 0.01 * rng.random(n)
    return design, time, rng.random(n) < 0.7, stratum


@pytest.mark.parametrize("penalty", [0.1, 1.0, 20.0])
def test_ridge_logistic_equals_scikit_learn(penalty):
    rng = np.random.default_rng(3)
    design, weight = rng.normal(size=(90, 4)), 1 + rng.random(90)
    label = (rng.random(90) < 1 / (1 + np.exp(-design[:, 0]))).astype(float)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=2000).fit(design, label, sample_weight=weight)
    ours = fit_ridge_logistic(design, label, weight[None], np.array([penalty]))[0]
    np.testing.assert_allclose(ours, np.r_[theirs.intercept_, theirs.coef_[0]], atol=2e-6)


def test_a_batch_equals_its_fits_one_by_one():
    rng = np.random.default_rng(4)
    design, label = rng.normal(size=(60, 3)), rng.integers(0, 2, 60).astype(float)
    weights, penalties = rng.integers(0, 3, (5, 60)).astype(float), np.array([0.5, 1, 2, 4, 8.0])
    together = fit_ridge_logistic(design, label, weights, penalties)
    for row in range(5):
        kept = np.repeat(np.arange(60), weights[row].astype(int))
        alone = fit_ridge_logistic(design[kept], label[kept], np.ones((1, len(kept))), penalties[row : row + 1])
        np.testing.assert_allclose(together[row], alone[0], atol=1e-8)


def test_deviance_of_the_prevalence():
    label = np.array([1.0, 0, 0, 0])
    found = deviance(np.zeros((4, 0)), label, np.array([[np.log(1 / 3)]]))
    assert found.sum() == pytest.approx(-2 * (np.log(0.25) + 3 * np.log(0.75)))


@pytest.mark.parametrize("seed", range(3))
def test_cox_with_strata_equals_lifelines(seed):
    design, time, event, stratum = survival(seed)
    frame = pd.DataFrame(design, columns=["a", "b", "c"]).assign(time=time, event=event, stratum=stratum)
    fitter = CoxPHFitter()
    fitter.fit(frame, "time", "event", strata=["stratum"], fit_options={"precision": 1e-10})
    sets = risk_sets(time, event, stratum)
    ours = fit_ridge_cox(design, sets, np.ones((1, len(time))), np.zeros(1))[0]
    np.testing.assert_allclose(ours, fitter.params_.to_numpy(), atol=1e-6)
    assert partial_likelihood(design, sets, np.ones((1, len(time))), ours[None])[0] == pytest.approx(
        fitter.log_likelihood_, abs=1e-6
    )
    # Without ties Efron's method is the same fit.
    np.testing.assert_allclose(fit_ridge_cox_efron(design, sets, 0.0), ours, atol=1e-8)


def test_efron_ties_equal_lifelines():
    design, time, event, stratum = survival(5)
    grouped = np.ceil(time * 4)
    frame = pd.DataFrame(design, columns=["a", "b", "c"]).assign(time=grouped, event=event)
    fitter = CoxPHFitter()
    fitter.fit(frame, "time", "event", fit_options={"precision": 1e-10})
    ours = fit_ridge_cox_efron(design, risk_sets(grouped, event, np.zeros(len(time))), 0.0)
    np.testing.assert_allclose(ours, fitter.params_.to_numpy(), atol=1e-6)


@pytest.mark.parametrize("landmark", [0, 6, 12, 36])
def test_efron_and_breslow_equal_r(reference, landmark):
    answers = pd.read_csv(reference / "ref_pbcseq_landmark.csv").set_index("quantity")["value"]
    rows = pd.read_csv(reference / "pbcseq_landmark_patients.csv").query("months == @landmark")
    window, terms = 24 * 30.4375, ["logbili", "albumin", "age"]
    design, time = rows[terms].to_numpy(), np.minimum(rows["time"], window).to_numpy(dtype=float)
    event = ((rows["time"] <= window) & (rows["event"] == 1)).to_numpy()
    sets = risk_sets(time, event, np.zeros(len(rows)))
    for method, found in (
        ("cox_breslow", fit_ridge_cox(design, sets, np.ones((1, len(rows))), np.zeros(1))[0]),
        ("cox_efron", fit_ridge_cox_efron(design, sets, 0.0)),
    ):
        expected = [answers[f"lm{landmark}m.death_or_tx.{method}.{term}.coef"] for term in terms]
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_zero_weights_leave_rows_out_and_penalties_shrink():
    design, time, event, stratum = survival(6)
    sets, keep = risk_sets(time, event, stratum), np.arange(200) % 3 > 0
    some = fit_ridge_cox(design, sets, keep[None].astype(float), np.ones(1))[0]
    fewer = risk_sets(time[keep], event[keep], stratum[keep])
    alone = fit_ridge_cox(design[keep], fewer, np.ones((1, keep.sum())), np.ones(1))
    np.testing.assert_allclose(some, alone[0], atol=1e-8)
    sizes = np.abs(fit_ridge_cox(design, sets, np.ones((3, 200)), np.array([0.0, 10.0, 1000.0])))[:, 0]
    assert sizes[0] > sizes[1] > sizes[2]


def test_baseline_without_terms_is_nelson_aalen_or_nearly_kaplan_meier():
    time, event = np.array([1.0, 1, 1, 2, 3]), np.array([True, True, False, True, False])
    sets = risk_sets(time, event, np.zeros(5))
    zero = np.zeros((5, 1))
    np.testing.assert_allclose(baseline_hazard(zero, sets, np.zeros(1)), [2 / 5, 1 / 2])
    np.testing.assert_allclose(baseline_hazard(zero, sets, np.zeros(1), "efron"), [1 / 5 + 1 / 4, 1 / 2])


@pytest.mark.parametrize("seed", range(30))
def test_skewed_terms_converge_to_the_optimum(seed):
    """Full Newton steps oscillate on rare, extreme counts; halved ones must not."""
    rng = np.random.default_rng(seed)
    design = np.column_stack([(rng.random(90) < 0.04) * rng.integers(3, 30, 90), rng.random(90) < 0.5]).astype(float)
    design = (design - design.mean(0)) / np.maximum(design.std(0), 1e-9)
    time, event = rng.choice([9.0, 12, 18, 24], 90), (rng.random(90) < 0.3) | (design[:, 0] > 2)
    sets = risk_sets(time, event, np.zeros(90))
    best = fit_ridge_cox(design, sets, np.ones((1, 90)), np.array([0.05]))
    efron = fit_ridge_cox_efron(design, sets, 0.05)
    assert np.isfinite(best).all() and np.isfinite(efron).all()

    def penalised(beta):
        return partial_likelihood(design, sets, np.ones((1, 90)), beta)[0] - 0.025 * (beta**2).sum()

    top = penalised(best)
    assert all(penalised(best + 0.01 * rng.normal(size=(1, 2))) <= top + 1e-9 for _ in range(20))


def test_separated_data_without_a_penalty_say_so():
    with pytest.raises(NotConverged):
        fit_ridge_logistic(np.array([[-1.0], [1.0]]), np.array([0.0, 1.0]), np.ones((1, 2)), np.zeros(1))


def test_one_standard_error_rule():
    penalties = np.array([1.0, 2.0, 4.0])
    steady = np.array([[1.0, 1.0, 2.0], [1.1, 1.1, 2.1], [0.9, 0.9, 1.9]])
    assert one_standard_error(steady, penalties) == 2.0
    noisy = np.array([[1.0, 1.2, 0.9], [1.0, 0.9, 1.3], [1.0, 1.1, 0.95]])
    assert one_standard_error(noisy, penalties) == 4.0


def test_inner_folds_keep_a_patient_together():
    groups = np.repeat(np.arange(30), 2)
    held = inner_masks(groups, groups % 3 == 0, folds=5, repeats=2, seed=1)
    assert held.shape == (10, 60)
    assert (held[:, ::2] == held[:, 1::2]).all()
    assert (held[:5].sum(0) == 1).all() and (held[5:].sum(0) == 1).all()
    assert {int(row[groups % 3 == 0].sum()) for row in held} == {4}


def test_absolute_risk_under_a_competing_cause_equals_lifelines():
    """Two cause-specific Cox models without ties: lifelines' hazards, combined to a cumulative incidence."""
    rng = np.random.default_rng(3)
    n, horizon = 300, 24.0
    terms = rng.normal(size=(n, 2))
    first = rng.exponential(1 / (0.03 * np.exp(terms @ [0.8, -0.4])))
    second = rng.exponential(1 / (0.02 * np.exp(terms @ [0.1, 0.7])))
    left = rng.uniform(5, 60, n)
    time = np.minimum.reduce([first, second, left])
    event = np.select([time == first, time == second], [1, 2], 0)
    y = np.zeros(n, dtype=OUTCOME)
    y["time"], y["event"], y["label"] = 6 + time, event, np.nan
    rows = pd.DataFrame({"landmark": 6.0, "a": terms[:, 0], "b": terms[:, 1]})
    grid = np.unique(time[(event > 0) & (time <= horizon)])
    model = StackedCox(("a", "b"), 6.0, tuple(6 + grid), (1e-9,), recalibrate=False).fit(rows, y)
    data = rows[["a", "b"]].assign(time=time)
    hazards = []
    for cause in (1, 2):
        fitted = CoxPHFitter(baseline_estimation_method="breslow")
        fitted.fit(data.assign(event=(event == cause).astype(int)), "time", "event")
        cumulative = fitted.predict_cumulative_hazard(rows.head(20)[["a", "b"]], times=grid).to_numpy()
        hazards.append(np.diff(cumulative, axis=0, prepend=0.0).T)
    np.testing.assert_allclose(model.predict_proba(rows.head(20))[:, 1], cumulative_incidence(*hazards), atol=1e-4)


@pytest.mark.parametrize("times", [6, 40])
def test_sums_over_risk_sets_are_the_same_by_matrix_by_block_and_by_row(monkeypatch, times):
    """The three ways to sum differ in speed only (few rows, few event times, many event times)."""
    design, time, event, stratum = survival(9)
    time = np.ceil(time / time.max() * times)
    sets, weight = risk_sets(time, event, stratum), np.random.default_rng(0).exponential(size=(3, len(time)))
    dense = fit_ridge_cox(design, sets, weight, np.ones(3))
    monkeypatch.setattr("models.estimators.cox.CELLS_PER_BATCH", 2000)
    np.testing.assert_allclose(fit_ridge_cox(design, sets, weight, np.ones(3)), dense, atol=1e-10)
    monkeypatch.setattr("models.estimators.cox.BLOCKS", 0)
    np.testing.assert_allclose(fit_ridge_cox(design, sets, weight, np.ones(3)), dense, atol=1e-10)


@pytest.mark.parametrize("penalty", [0.02, 0.3])
def test_stratified_ridge_cox_equals_lifelines_with_its_penalizer(penalty):
    """lifelines takes the mean log-likelihood and standardises terms: its penalizer is ours per row and variance."""
    design, time, event, stratum = survival(7)
    design = (design - design.mean(0)) / design.std(0, ddof=1)
    frame = pd.DataFrame(design, columns=["a", "b", "c"]).assign(time=time, event=event, stratum=stratum)
    fitter = CoxPHFitter(penalizer=penalty, l1_ratio=0.0)
    fitter.fit(frame, "time", "event", strata=["stratum"], fit_options={"precision": 1e-10})
    sets = risk_sets(time, event, stratum)
    ours = fit_ridge_cox(design, sets, np.ones((1, len(time))), np.array([penalty * len(time)]))[0]
    # lifelines ends about 1e-6 from its optimum.
    np.testing.assert_allclose(ours, fitter.params_.to_numpy(), atol=5e-6)


def test_without_terms_the_incidence_is_aalen_johansen():
    """A plain loop over the visits: at risk, recurrences, deaths; hazards constant between visits."""
    rng = np.random.default_rng(2)
    n, visits = 4000, (9.0, 12.0, 18.0, 24.0)
    time, event = rng.choice([*visits, 30.0], n), rng.choice([0, 1, 2], n, p=[0.6, 0.3, 0.1])
    y = np.zeros(n, dtype=OUTCOME)
    y["time"], y["event"], y["label"] = time, event, np.nan
    rows = pd.DataFrame({"landmark": 6.0, "nothing": np.zeros(n)})
    model = StackedCox(("nothing",), 6.0, visits, (1.0,), ties="breslow", recalibrate=False).fit(rows, y)
    free, incidence = 1.0, 0.0
    for visit in visits:
        at_risk = (time >= visit).sum()
        one, two = (((time == visit) & (event == cause)).sum() / at_risk for cause in (1, 2))
        lost = one + two
        incidence += free * one / lost * (1 - np.exp(-lost))
        free *= np.exp(-lost)
    assert model.predict_proba(rows.head(1))[0, 1] == pytest.approx(incidence, abs=1e-12)
