"""M5 and M6: monotone, honest about bounds, causes and few events, and tuned from registered lists only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import logistic, norm

from models.estimators.base import DEATH, OUTCOME, RECURRENCE
from models.estimators.boosted import BoostedTrees
from models.estimators.boosted_aft import BoostedAFT, common_time, log_survival
from models.estimators.newton import CannotFit
from models.estimators.specification import DEFAULT_MODELS, build
from models.estimators.tuning import allowed, boosting_plan, draw_configurations, elastic_net_plan
from models.validation.bootstrap import frozen
from models.validation.cohort import build_cohort
from models.validation.folds import fit_models

VISITS = (9.0, 12.0, 18.0, 24.0, 30.0, 36.0)
PRESET = {"depth": 2, "rate": 0.1, "rounds": 40, "ridge": 1, "column_share": 1.0, "events_per_leaf": 2, "scale": 1.0}


def interval_rows(n=240, seed=0, effect=1.0, dying=0.0):
    """Log-normal times from month 6, seen at visits up to 36; the risk rises with ``score``."""
    rng = np.random.default_rng(seed)
    score, noise = rng.normal(size=(2, n))
    time = np.exp(2.8 - effect * score + 0.8 * rng.normal(size=n))
    death = rng.exponential(1 / dying, n) if dying else np.full(n, np.inf)
    grid = np.r_[0.0, np.asarray(VISITS) - 6]
    after, gone = np.searchsorted(grid, time), np.searchsorted(grid, death)
    y = np.zeros(n, dtype=OUTCOME)
    recurs, dies = (after < len(grid)) & (after <= gone), (gone < len(grid)) & (gone < after)
    y["event"] = np.select([recurs, dies], [RECURRENCE, DEATH], 0)
    y["lower"] = 6 + grid[np.minimum(np.minimum(after, gone), len(grid)) - 1]
    y["upper"] = np.where(recurs, 6 + grid[np.minimum(after, len(grid) - 1)], np.inf)
    y["time"] = np.where(recurs | dies, 6 + grid[np.minimum(np.minimum(after, gone), len(grid) - 1)], 36.0)
    y["label"], y["weight"] = recurs, 1.0
    X = pd.DataFrame({"landmark": 6.0, "score": score, "noise": noise, "age": rng.normal(60, 9, n), "arm": 0.0})
    return X, y


def aft(**changes):
    settings = {"increasing": ("score",), "visits": VISITS} | changes
    return BoostedAFT(("score", "noise", "age", "arm"), 6.0, (PRESET,), **settings)


# ---- M6 --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("error", "law"), [("normal", norm), ("logistic", logistic)])
def test_without_deaths_the_probability_is_the_distribution_at_the_horizon(error, law):
    X, y = interval_rows()
    model = aft(error=error, stages=(10_000, 10_000)).fit(X, y)
    time = model._boosters["event"].inplace_predict(X[list(model.terms)].to_numpy()).astype(float)
    plain = law.cdf((np.log(30.0) - np.log(time)) / 1.0)
    shifted = 1 / (1 + np.exp(-(np.log(plain / (1 - plain)) + model.state_["line"][0])))
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], shifted, atol=1e-6)
    np.testing.assert_allclose(log_survival(np.linspace(-4, 4, 9), error), law.logsf(np.linspace(-4, 4, 9)))


@pytest.mark.parametrize("error", ["normal", "logistic"])
def test_a_model_starts_at_the_common_time(error):
    """XGBoost's base score of a survival:aft model is a time, and no rounds leave every patient there."""
    X, y = interval_rows()
    model = aft(error=error)
    lower, upper = model._bounds(y)
    start = common_time(lower, upper, 1.0, error)
    assert 6 < start < 40
    none = model._times(X[list(model.terms)].to_numpy(), lower, upper, PRESET | {"rounds": 1, "rate": 1e-9}, (0,) * 4)
    np.testing.assert_allclose(none.inplace_predict(X[list(model.terms)].to_numpy()), start, rtol=1e-5)
    grid = np.exp(np.linspace(np.log(start) - 0.02, np.log(start) + 0.02, 5))
    law = norm if error == "normal" else logistic
    fits = [np.log(law.cdf(np.log(upper / t)) - law.cdf(np.log(lower / t))).sum() for t in grid]
    assert int(np.argmax(fits)) == 2
    exact = np.array([2.0, 8.0])
    assert common_time(exact, exact, 1.0, error) == pytest.approx(4.0, rel=1e-4)


def test_bounds_have_a_floor_and_an_order():
    X, y = interval_rows(20)
    y["lower"][:2], y["upper"][:2] = 6.0, (6.2, np.inf)
    lower, upper = aft()._bounds(y)
    assert lower[:2].tolist() == [0.5, 0.5] and upper[:2].tolist() == [0.5, np.inf]
    y["upper"][3] = y["lower"][3] - 1
    with pytest.raises(ValueError, match=r"lower must not exceed upper"):
        aft().fit(X, y)


def test_death_is_a_cause_of_its_own():
    X, y = interval_rows(400, dying=0.03)
    assert (y["event"] == DEATH).sum() > 60
    few, many = aft(fewest_deaths=10_000).fit(X, y), aft().fit(X, y)
    assert set(few._boosters) == {"event"} and set(many._boosters) == {"event", "death"}
    alone = aft(fewest_deaths=10_000).fit(X, y)
    alone.state_["death_rate"] = np.array(0.0)
    assert (
        alone._raw(alone._boosters, alone.state_, alone._matrix(X))
        > few._raw(few._boosters, few.state_, few._matrix(X))
    ).all()
    for model in (few, many):
        assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y["label"].mean(), abs=0.02)
        assert np.corrcoef(model.predict_proba(X)[:, 1], X["score"])[0, 1] > 0.8


def test_the_censored_teach_and_later_visits_of_others_do_not_move_anyone_up():
    X, y = interval_rows(150)
    silent = y.copy()
    silent["label"][:40] = np.nan
    without = aft().fit(X.iloc[40:], y[40:]).predict_proba(X)[:, 1]
    assert np.abs(aft().fit(X, silent).predict_proba(X)[:, 1] - without).max() > 1e-3


# ---- both ------------------------------------------------------------------------------------------------------------
def models(**changes):
    trees = BoostedTrees(("score", "noise", "age", "arm"), 6.0, (PRESET,), **{"increasing": ("score",)} | changes)
    return {"M5": trees, "M6": aft(**changes)}


@pytest.mark.parametrize("name", ["M5", "M6"])
def test_risk_rises_with_the_score_and_never_by_less_than_nothing(name):
    X, y = interval_rows(effect=-1.0, dying=0.01)
    grid = pd.DataFrame({"landmark": 6.0, "score": np.linspace(-3, 3, 40), "noise": 0.0, "age": 60.0, "arm": 0.0})
    assert (np.diff(models()[name].fit(X, y).predict_proba(grid)[:, 1]) >= 0).all()
    assert np.ptp(models(increasing=())[name].fit(X, y).predict_proba(grid)[:, 1]) > 0.3
    X, y = interval_rows(dying=0.01)
    assert np.ptp(models()[name].fit(X, y).predict_proba(grid)[:, 1]) > 0.3


@pytest.mark.parametrize("name", ["M5", "M6"])
def test_weights_matter_and_many_events_are_recalibrated_out_of_fold(name):
    X, y = interval_rows(400)
    first = models(stages=(50, 10_000))[name].fit(X, y)
    assert first.state_["line"][1] == first.state_["line"][2] != 1.0
    heavy = y.copy()
    heavy["weight"][y["label"] == 1] *= 4
    moved = models(stages=(50, 10_000))[name].fit(X, heavy)
    assert moved.predict_proba(X)[:, 1].mean() > first.predict_proba(X)[:, 1].mean() + 0.05


# ---- what may be tuned -----------------------------------------------------------------------------------------------
def test_lists_are_functions_of_the_protocol(protocol):
    plan = boosting_plan(protocol, {"scale": [0.7, 1.0]})
    assert plan == boosting_plan(protocol, {"scale": [0.7, 1.0]})
    preset = dict(protocol["models.boosting_preset"])
    listed = plan["configurations"]
    assert [dict(one) for one in listed[:2]] in (
        [preset | {"scale": a}, preset | {"scale": b}] for a, b in ((0.7, 1.0), (1.0, 0.7))
    )
    assert preset == {"depth": 2, "rate": 0.05, "rounds": 60, "ridge": 5, "column_share": 0.5, "events_per_leaf": 2}
    assert len(listed) == 40 and len({repr(one) for one in listed}) == 40
    space = dict(protocol["models.boosting_space"])
    assert draw_configurations(space, 5, 1) == draw_configurations(space, 9, 1)[:5]
    assert draw_configurations(space, 5, 1) != draw_configurations(space, 5, 2)


@pytest.mark.parametrize(("labelled", "trees", "net"), [(82, 1, 1), (299, 1, 1), (300, 20, 2), (3000, 40, 2)])
def test_how_much_is_tuned_goes_by_the_number_of_labelled(protocol, labelled, trees, net):
    assert allowed(labelled, boosting_plan(protocol)["tries"]) == trees
    assert allowed(labelled, elastic_net_plan(protocol)["ratios_tried"]) == net


@pytest.mark.parametrize("name", ["M4", "M5", "M6"])
def test_the_size_of_the_trial_decides_for_all_its_fits(protocol, name):
    """Folds of a trial of 310 hold 248: they may tune what the final fit may."""
    for labelled, net, trees in ((299, 1, None), (310, 2, 20)):
        inner = build(name, protocol.endpoint("MRD36@6"), protocol, labelled=labelled).inner
        tries = inner.ratios_tried if name == "M4" else inner.tries
        expected = net if name == "M4" else trees or {"M5": 1, "M6": len(protocol["models.aft_scales"])}[name]
        assert allowed(248, tries) == allowed(labelled, tries) == expected


def test_a_better_configuration_is_found_kept_and_frozen(protocol, world):
    X, y = interval_rows(400)
    bad = PRESET | {"rounds": 1}
    model = BoostedTrees(("score", "noise"), 6.0, (bad, PRESET), ("score",), tries=((0, 1), (300, 2)))
    fitted = model.fit(X, y)
    assert fitted.chosen_ == {"configuration": PRESET} and "configurations" in fitted.settings()
    few = BoostedTrees(("score", "noise"), 6.0, (bad, PRESET), ("score",), tries=((0, 1), (500, 2))).fit(X, y)
    assert few.chosen_ == {"configuration": bad}
    steady = frozen({"M5": model}, {"M5": fitted})["M5"]
    assert steady.configuration == PRESET and model.configuration is None
    np.testing.assert_array_equal(steady.fit(X, y).predict_proba(X), fitted.predict_proba(X))


@pytest.fixture(scope="module")
def cohort(world, protocol):
    return build_cohort(world.tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, world.surgery)


def test_models_of_a_fold_learn_once_and_are_what_they_are_alone(cohort, protocol):
    everybody = np.arange(len(cohort.patients))
    names = ("M2", "M4", "M5", "M6")
    together = fit_models(cohort, {name: build(name, cohort.endpoint, protocol) for name in names}, everybody)
    rows = cohort.rows[cohort.own]
    for name in names:
        alone = fit_models(cohort, {name: build(name, cohort.endpoint, protocol)}, everybody)[name]
        np.testing.assert_array_equal(together[name].predict_proba(rows), alone.predict_proba(rows))


@pytest.mark.parametrize("name", DEFAULT_MODELS)
def test_rows_without_anything_and_in_any_order_get_the_same_probability(cohort, protocol, name):
    model = fit_models(cohort, {name: build(name, cohort.endpoint, protocol)}, np.arange(len(cohort.patients)))[name]
    rows = cohort.rows[cohort.own]
    empty = rows.head(3).copy()
    empty.loc[:, [column for column in empty if column != "landmark"]] = np.nan
    found = model.predict_proba(empty)[:, 1]
    assert ((found >= 0) & (found <= 1)).all() and len(set(found)) == 1
    turned = np.random.default_rng(3).permutation(len(rows))
    np.testing.assert_allclose(model.predict_proba(rows.iloc[turned]), model.predict_proba(rows)[turned], atol=1e-14)


# ---- the rule of CgA -------------------------------------------------------------------------------------------------
def test_the_rule_of_cga_is_silent_where_there_is_none(cohort, protocol):
    rows = pd.DataFrame({"landmark": 6.0, "cga_above_limit": [1.0, 0.0, np.nan, 1.0]})
    rule = build("M0c", cohort.endpoint, protocol).fit(rows, np.zeros(4, dtype=OUTCOME))
    assert rule.predict_proba(rows)[:, 1].tolist() == [1.0, 0.0, 0.5, 1.0]
    assert rule.describe()["share without the marker"] == 0.25
    assert protocol.record("cga.upper_limits").status == "assumed"
    with pytest.raises(CannotFit, match="no training row has cga_above_limit"):
        build("M0c", cohort.endpoint, protocol).fit(rows.iloc[[2]], np.zeros(1, dtype=OUTCOME))
