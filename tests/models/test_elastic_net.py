"""M4: equal to scikit-learn; what is left out; what small and larger samples choose."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from models.estimators.base import OUTCOME
from models.estimators.elastic_net import fit_path
from models.estimators.net_risk import NetRisk, missing_patterns
from models.estimators.newton import NotConverged
from models.estimators.preparation import fit_preparation, informative

PENALTIES = np.array([2.0, 8.0, 32.0])


def problem(n, p, seed=0, effect=1.0):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(n, p))
    label = (rng.random(n) < 1 / (1 + np.exp(-effect * design[:, 0]))).astype(float)
    return design, label, rng.uniform(0.5, 3, n)


def rows_of(n, p, seed=0, effect=1.0):
    """Rows, outcome and terms of a cohort with a label for everybody."""
    design, label, weight = problem(n, p, seed, effect)
    y = np.zeros(n, dtype=OUTCOME)
    y["label"], y["weight"], y["time"], y["event"] = label, weight, 36.0, label
    terms = tuple(f"t{i}" for i in range(p))
    return pd.DataFrame(design, columns=list(terms)).assign(landmark=6.0), y, terms


@pytest.mark.parametrize(("n", "p"), [(40, 90), (150, 12)])
@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_coefficients_equal_scikit_learn(n, p, ratio):
    design, label, weight = problem(n, p)
    design[:, 2] = design[:, 3]
    ours = fit_path(design, label, weight, PENALTIES, ratio, tolerance=1e-10)
    for penalty, found in zip(PENALTIES, ours, strict=True):
        solver = {"solver": "saga", "l1_ratio": ratio} if ratio else {"solver": "newton-cholesky"}
        theirs = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=100_000, random_state=0, **solver)
        theirs.fit(design, label, sample_weight=weight)
        expected = np.r_[theirs.intercept_, theirs.coef_[0]]
        # The lasso shares a coefficient among equal columns as it likes; only their sum is determined.
        for one in (found, expected):
            one[3] = one[4] = one[3] + one[4]
        # What scikit-learn's own stopping rule leaves (saga ends 5e-6 from the optimum).
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_path_equals_its_fits_one_by_one_and_a_rough_one_comes_near():
    design, label, weight = problem(100, 8)
    path = fit_path(design, label, weight, PENALTIES, 0.5)
    for penalty, found in zip(PENALTIES, path, strict=True):
        np.testing.assert_allclose(found, fit_path(design, label, weight, np.array([penalty]), 0.5)[0], atol=1e-7)
    np.testing.assert_allclose(fit_path(design, label, weight, PENALTIES, 0.5, tolerance=1e-4), path, atol=1e-3)


def test_a_fit_without_an_optimum_says_so():
    with pytest.raises(NotConverged, match="no convergence after 3 steps"):
        fit_path(np.array([[-1.0], [1.0]]), np.array([0.0, 1.0]), np.ones(2), np.array([1e-9]), iterations=3)


def test_flags_are_patterns_and_lonely_values_are_left_out():
    nan = np.nan
    matrix = np.array([[1, 2, 0, 5.0], [nan, nan, 0, 4], [3, 1, 0, 3], [2, 5, 7, nan], [4, 3, 0, 1], [nan, nan, 0, 2]])
    patterns = missing_patterns(matrix)
    assert patterns.tolist() == [0, 3]
    fitted = fit_preparation(matrix, patterns)
    assert informative(fitted, matrix, 2).tolist() == [True, True, False, True, True, False]
    assert informative(fitted, matrix, 1).all()


def test_a_small_sample_takes_ridge_by_one_standard_error_and_a_larger_one_may_take_the_lasso():
    settings = {"ratios": (0.0, 0.9), "ratios_tried": ((0, 1), (300, 2)), "repeats": 2}
    X, y, terms = rows_of(100, 12)
    small = NetRisk(terms, 6.0, (2.0, 8.0, 32.0), **settings).fit(X, y)
    assert small.chosen_["ratio"] == 0.0
    X, y, terms = rows_of(320, 25)
    large = NetRisk(terms, 6.0, (2.0, 8.0, 32.0), **settings).fit(X, y)
    assert large.chosen_["ratio"] == 0.9 and (large.state_["coefficients"] == 0).sum() > 12
    assert large.state_["line"][1] != 1.0
    again = large.keeping(large).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), large.predict_proba(X))


def test_noise_spreads_nobody():
    penalties = (4.0, 36.0, 972.0)
    spreads = []
    for seed in range(3):
        X, y, terms = rows_of(90, 30, seed, effect=0.0)
        spreads.append(NetRisk(terms, 6.0, penalties, repeats=2).fit(X, y).predict_proba(X)[:, 1].std())
    X, y, terms = rows_of(90, 30, effect=2.0)
    assert np.median(spreads) < 0.05 < NetRisk(terms, 6.0, penalties, repeats=2).fit(X, y).predict_proba(X)[:, 1].std()


def test_weights_matter_and_order_does_not():
    X, y, terms = rows_of(120, 6)
    model = NetRisk(terms, 6.0, (4.0,), repeats=1)
    first = model.fit(X, y).predict_proba(X)[:, 1]
    heavy = y.copy()
    heavy["weight"][y["label"] == 1] *= 5
    assert NetRisk(terms, 6.0, (4.0,), repeats=1).fit(X, heavy).predict_proba(X)[:, 1].mean() > first.mean() + 0.1
    turned = np.random.default_rng(1).permutation(120)
    again = NetRisk(terms, 6.0, (4.0,), repeats=1).fit(X.iloc[turned], y[turned]).predict_proba(X)[:, 1]
    np.testing.assert_allclose(again, first, atol=1e-7)
