"""Models: probabilities, their handling of odd input, monotonicity, reloading, and what each is equal to."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone

from data.protocol import load_protocol
from models.estimators.base import OUTCOME
from models.estimators.boosted import BoostedTrees
from models.estimators.encoding import COLUMNS, encode
from models.estimators.newton import CannotFit
from models.estimators.specification import DEFAULT_MODELS, REGISTRY, build, specification, stack
from models.estimators.stacked_cox import StackedCox, cumulative_incidence
from models.tracking.trust import TRUSTED_TYPES
from models.validation.cohort import build_cohort


@pytest.fixture(scope="module")
def cohort(world, protocol):
    return build_cohort(world.tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, world.surgery)


@pytest.fixture(scope="module")
def fitted(cohort, protocol):
    y = cohort.weighted(np.arange(len(cohort.patients)))
    return {name: build(name, cohort.endpoint, protocol).fit(cohort.rows, y, cohort.patient) for name in DEFAULT_MODELS}


@pytest.mark.parametrize("name", DEFAULT_MODELS)
def test_every_model_returns_probabilities_and_survives_odd_patients(fitted, cohort, name):
    odd = cohort.rows[cohort.own].head(4).copy()
    odd.iloc[0, 2:] = np.nan
    odd[["netest_last", "netest_logit"]] = odd[["netest_last", "netest_logit"]].fillna(0.0)
    odd.loc[odd.index[1], ["arm", "ln_ki67", "equivocal_scans"]] = np.nan
    odd.loc[odd.index[2], "equivocal_scans"] = 40.0
    both = fitted[name].predict_proba(odd)
    assert both.shape == (4, 2) and np.isfinite(both).all()
    np.testing.assert_allclose(both.sum(1), 1)
    assert ((both >= 0) & (both <= 1)).all()


@pytest.mark.parametrize("name", DEFAULT_MODELS)
def test_models_reload_exactly_and_hold_only_reviewed_types(fitted, cohort, name):
    rows = cohort.rows[cohort.own]
    expected = fitted[name].predict_proba(rows)
    stored = skops.io.dumps(fitted[name])
    types = skops.io.get_untrusted_types(data=stored)
    assert set(types) <= set(TRUSTED_TYPES)
    np.testing.assert_array_equal(skops.io.loads(stored, trusted=types).predict_proba(rows), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted[name])).predict_proba(rows), expected)


@pytest.mark.parametrize("name", DEFAULT_MODELS)
def test_fitting_again_gives_the_same_model(fitted, cohort, name):
    y = cohort.weighted(np.arange(len(cohort.patients)))
    again = clone(fitted[name]).fit(cohort.rows, y, cohort.patient)
    rows = cohort.rows[cohort.own]
    np.testing.assert_array_equal(again.predict_proba(rows), fitted[name].predict_proba(rows))


@pytest.mark.parametrize("name", ["M1", "M2", "M3", "M5", "M6"])
def test_risk_never_falls_with_the_score(fitted, cohort, name):
    base = pd.concat([cohort.rows[cohort.own].iloc[[5]]] * 50)
    base["netest_logit"] = np.linspace(-5, 5, 50)
    assert (np.diff(fitted[name].predict_proba(base)[:, 1]) >= 0).all()


def test_the_comparator_ignores_the_score(fitted, cohort):
    rows = cohort.rows[cohort.own]
    changed = rows.assign(netest_logit=0.0, netest_last=1.0, netest_mean=3.0)
    np.testing.assert_array_equal(fitted["Mc"].predict_proba(changed), fitted["Mc"].predict_proba(rows))
    assert not any(term.startswith("netest") for term in REGISTRY["Mc"].terms)


def test_the_rule_follows_the_assay(protocol, cohort):
    rows = pd.DataFrame({"netest_last": [19.0, 20.0, 21.0, 41.0], "landmark": 6.0})
    y = np.zeros(4, dtype=OUTCOME)
    cases = (("M0", "1.0", [0, 0, 1, 1]), ("M0b", "1.0", [0, 0, 0, 1]), ("M0", "2.0", [0, 0, 0, 0]))
    for name, version, expected in cases:
        rule = build(name, cohort.endpoint, protocol, version=version).fit(rows, y)
        assert rule.predict_proba(rows)[:, 1].tolist() == expected
    assert build("M0", cohort.endpoint, protocol, version="2.0").inclusive


def test_a_missing_column_and_a_plain_label_are_refused(fitted, cohort):
    with pytest.raises(ValueError, match="needs the column 'netest_logit'"):
        fitted["M2"].predict_proba(cohort.rows.drop(columns="netest_logit"))
    with pytest.raises(ValueError, match="OUTCOME"):
        clone(fitted["M2"]).fit(cohort.rows, np.zeros(len(cohort.rows)))


def test_one_class_cannot_be_fitted(fitted, cohort):
    y = cohort.weighted(np.arange(len(cohort.patients)))
    y["label"] = 1.0
    for name in ("M1", "M2", "M4", "M5", "M6"):
        with pytest.raises(CannotFit):
            clone(fitted[name]).fit(cohort.rows, y, cohort.patient)


def test_an_unregistered_model_is_named():
    with pytest.raises(ValueError, match="no model 'M9'; registered are M0"):
        specification("M9")


def test_the_mean_prediction_meets_the_weighted_event_rate(fitted, cohort):
    y = cohort.weighted(np.arange(len(cohort.patients)))[cohort.own]
    known = ~np.isnan(y["label"])
    rate = np.average(y["label"][known], weights=y["weight"][known])
    for name in ("M2", "M3", "Mc", "M4", "M5", "M6"):
        mean = np.average(fitted[name].predict_proba(cohort.rows[cohort.own])[known, 1], weights=y["weight"][known])
        assert mean == pytest.approx(rate, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_recurrence_death_and_staying_free_add_up(seed):
    rng = np.random.default_rng(seed)
    one, two = rng.exponential(0.2, (30, 6)), rng.exponential(0.05, (30, 6))
    free = np.exp(-(one + two).sum(1))
    np.testing.assert_allclose(cumulative_incidence(one, two) + cumulative_incidence(two, one) + free, 1)
    np.testing.assert_allclose(cumulative_incidence(one, 0 * one), 1 - np.exp(-one.sum(1)))


def test_stacking_shares_coefficients_but_not_the_baseline(cohort, protocol):
    y = cohort.weighted(np.arange(len(cohort.patients)))
    terms, visits = ("netest_logit",), (9.0, 12.0, 18.0, 24.0, 30.0, 36.0)
    stacked = StackedCox(terms, 6.0, visits, (1.0,)).fit(cohort.rows, y, cohort.patient)
    alone = StackedCox(terms, 6.0, visits, (1.0,)).fit(cohort.rows[cohort.own], y[cohort.own])
    assert (cohort.rows["landmark"] == 12).sum() > 20
    assert stacked.state_["recurrence"][0] != pytest.approx(alone.state_["recurrence"][0], abs=1e-4)
    assert stacked.state_["recurrence_hazard"].shape == (6,)


def test_which_landmarks_are_stacked(protocol):
    pairs = {name: stack(protocol.endpoint(name), protocol) for name in protocol.endpoints}
    assert pairs["MRD36@6"] == ((6.0, 36.0), (12.0, 36.0))
    assert pairs["MRD36@12"] == ((12.0, 36.0), (6.0, 36.0))
    assert pairs["ER12@6"] == ((6.0, 18.0), (12.0, 24.0))
    assert pairs["ER24@0"] == ((0.0, 24.0),)
    assert pairs["ER12@36"] == ((36.0, 48.0),)


def test_encoding_is_fixed_and_knows_what_it_does_not_know():
    rows = pd.DataFrame(
        {
            "arm": ["prrt", "control", "none"],
            "sex": ["F", "X", None],
            "primary_site": ["ileum", "moon", None],
            "netest_last": [20.0, np.nan, 100.0],
            "functional": [1.0, 0.0, np.nan],
            "missing_netest": ["", "not_collected", ""],
        },
        index=["A", "B", "C"],
    )
    found = encode(rows, 6)
    assert list(found.columns) == list(COLUMNS) and set(found.dtypes.astype(str)) == {"float64"}
    assert found["arm"].tolist()[:2] == [1.0, 0.0] and np.isnan(found.loc["C", "arm"])
    assert found["sex"].isna().tolist() == [False, True, True]
    assert found["primary_ileum"].tolist()[:2] == [1.0, 0.0] and np.isnan(found.loc["C", "primary_ileum"])
    assert found.loc["A", "netest_logit"] == pytest.approx(np.log(20.5 / 80.5))
    assert found["age"].isna().all()


def test_the_score_before_surgery_stands_in_only_at_landmark_0():
    rows = pd.DataFrame({"netest_last": [np.nan], "netest_preop": [60.0]}, index=["A"])
    assert encode(rows, 0).loc["A", ["netest_last", "netest_logit"]].tolist() == [60.0, np.log(60.5 / 40.5)]
    assert encode(rows, 6).loc["A", ["netest_last", "netest_logit"]].isna().all()


def test_trees_cannot_learn_a_falling_effect_of_the_score():
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({"landmark": 6.0, "netest_logit": rng.normal(size=300)})
    y = np.zeros(300, dtype=OUTCOME)
    y["weight"], y["label"] = 1.0, (rng.normal(size=300) > rows["netest_logit"]).astype(float)
    grid = pd.DataFrame({"landmark": 6.0, "netest_logit": np.linspace(-3, 3, 50)})
    preset = (dict(load_protocol()["models.boosting_preset"]),)
    free = BoostedTrees(("netest_logit",), 6.0, preset).fit(rows, y).predict_proba(grid)[:, 1]
    held = BoostedTrees(("netest_logit",), 6.0, preset, ("netest_logit",)).fit(rows, y).predict_proba(grid)[:, 1]
    assert np.diff(free).min() < -0.01
    assert np.diff(held).min() >= 0


def test_without_terms_the_model_is_the_aalen_johansen_estimate_of_its_landmark():
    # Landmark 6: of 40 patients 10 recur at 9, then 6 of 30 die by 12, then 6 of 24 recur at 18; landmark 12 differs.
    own = [(9.0, 1)] * 10 + [(12.0, 2)] * 6 + [(18.0, 1)] * 6 + [(18.0, 0)] * 18
    other = [(18.0, 1)] * 30 + [(18.0, 0)] * 2
    y = np.zeros(len(own) + len(other), dtype=OUTCOME)
    y["time"], y["event"] = np.array(own + other).T
    y["label"] = np.nan
    rows = pd.DataFrame({"landmark": [6.0] * len(own) + [12.0] * len(other), "netest_logit": 0.0})
    model = StackedCox(("netest_logit",), 6.0, (9.0, 12.0, 18.0), (1.0,), recalibrate=False).fit(rows, y)
    incidence = 10 / 40 + 30 / 40 * 24 / 30 * 6 / 24
    assert model.predict_proba(rows.head(1))[0, 1] == pytest.approx(incidence, abs=0.01)
