"""Cross-validation: by patient, the same folds for all, the same result whatever the threads, honest under the null."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from features.landmark import LeakageError
from models.estimators.specification import build
from models.metrics.discrimination import auc, auc_with_interval
from models.metrics.probability import probability_metrics
from models.training import Plan, _judged
from models.validation.bootstrap import bootstrap, cross_validated_metrics, evaluate_again, refit_again
from models.validation.cohort import build_cohort
from models.validation.folds import (
    OutOfFold,
    assign_folds,
    cross_validate,
    deal,
    predict_fold,
    strata,
    training_rows,
)
from models.validation.leakage import check_split, check_table


@pytest.fixture(scope="module")
def cohort(world, protocol):
    return build_cohort(world.tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, world.surgery)


@pytest.fixture(scope="module")
def models(cohort, protocol):
    return {name: build(name, cohort.endpoint, protocol) for name in ("M0", "M2", "M3", "M5")}


def test_folds_are_even_within_strata():
    stratum = np.array(["a"] * 11 + ["b"] * 23 + ["c"] * 6)
    fold = deal(stratum, 5, np.random.default_rng(1))
    for name in ("a", "b", "c"):
        counts = np.bincount(fold[stratum == name], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.bincount(fold).tolist() == [8] * 5


def test_the_protocol_says_what_folds_are_dealt_by(cohort, world, protocol):
    by_arm, by_label = strata(cohort), strata(dataclasses.replace(cohort, strata=("label",)))
    called = cohort.labels["called"].to_numpy()
    assert {"event control", "event prrt", "none control"} <= set(by_arm[: len(called)][called])
    assert set(by_label[: len(called)][called]) <= {"event", "none", "unknown"}

    def asked(*strata: str):
        record = dataclasses.replace(protocol.record("validation.strata"), value=list(strata))
        rules = dataclasses.replace(protocol, records={**protocol.records, record.key: record})
        return build_cohort(world.tables, world.outcome, cohort.endpoint, rules, world.surgery).strata

    assert asked("label") == ("label",)
    with pytest.raises(ValueError, match=r'validation.strata is .*arm.*; expected \["label", "arm"\] or'):
        asked("arm")


def test_every_patient_has_a_fold_in_every_repeat(cohort):
    folds = assign_folds(cohort, 5, 4, seed=3)
    assert folds.shape == (4, len(cohort.patients))
    assert not np.array_equal(folds[0], folds[1])
    assert np.array_equal(folds, assign_folds(cohort, 5, 4, seed=3))
    events = (cohort.labels["y"] == 1).to_numpy()
    per_fold = np.bincount(folds[0][: len(events)][events], minlength=5)
    assert per_fold.max() - per_fold.min() <= 4


def test_training_rows_hold_both_landmarks_and_repeat_copies(cohort):
    both = np.flatnonzero(np.bincount(cohort.patient) == 2)[0]
    rows = training_rows(cohort, np.array([both, both]))
    assert len(rows) == 4 and set(cohort.patient[rows]) == {both}
    assert set(cohort.rows["landmark"].iloc[rows]) == {6.0, 12.0}


def test_the_threads_change_nothing(cohort, models):
    folds = assign_folds(cohort, 5, 1, seed=2)
    one, two = (cross_validate(cohort, models, folds, jobs=jobs) for jobs in (1, 2))
    for name in models:
        np.testing.assert_array_equal(one.probability[name], two.probability[name])
    small = {name: models[name] for name in ("M2", "M3")}
    first, second = (bootstrap(cohort, small, one, 5, 4, seed=5, jobs=jobs) for jobs in (1, 2))
    for name in small:
        np.testing.assert_array_equal(first[name]["auc"], second[name]["auc"])


def test_a_prediction_does_not_depend_on_the_other_test_patients(cohort, models):
    own = np.flatnonzero(cohort.own)
    train = np.arange(0, len(cohort.patients), 2)
    test = own[~np.isin(cohort.patient[own], train)]
    whole = predict_fold(cohort, models, train, test)
    for name in models:
        # The last bit of a product of matrices depends on their shape on some processors.
        np.testing.assert_allclose(predict_fold(cohort, models, train, test[:7])[name], whole[name][:7], rtol=1e-12)


def test_test_outcomes_cannot_reach_their_predictions(cohort, models):
    own = np.flatnonzero(cohort.own)
    train = np.arange(0, len(cohort.patients), 2)
    test = own[~np.isin(cohort.patient[own], train)]
    spoiled = cohort.outcome.copy()
    outside = ~np.isin(cohort.patient, train)
    spoiled["label"][outside] = 1 - np.nan_to_num(spoiled["label"][outside])
    spoiled["event"][outside], spoiled["time"][outside] = 1, 9.0
    labels = cohort.labels.copy()
    codes = np.arange(len(labels))
    gone = ~np.isin(codes, train)
    position = cohort.states.position.copy()
    position[gone] = 1
    changed = dataclasses.replace(
        cohort, outcome=spoiled, labels=labels, states=dataclasses.replace(cohort.states, position=position)
    )
    for name, values in predict_fold(cohort, models, train, test).items():
        np.testing.assert_array_equal(predict_fold(changed, models, train, test)[name], values)


def test_a_patient_on_both_sides_is_refused(cohort, models):
    own = np.flatnonzero(cohort.own)
    with pytest.raises(LeakageError, match="L105.*in training and test"):
        predict_fold(cohort, models, np.arange(len(cohort.patients)), own[:3])
    check_split(np.array([1, 2]), np.array([3]), cohort.patients)


def first_twice(frame):
    return pd.concat([frame, frame.iloc[:1]])


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("L101", lambda t: dataclasses.replace(t, latest_used=t.latest_used + pd.Timedelta(days=40))),
        ("L102", lambda t: dataclasses.replace(t, latest_used=None)),
        ("L102", lambda t: dataclasses.replace(t, latest_used=t.latest_used.iloc[1:])),
        ("L104", lambda t: dataclasses.replace(t, rows=first_twice(t.rows), latest_used=first_twice(t.latest_used))),
    ],
)
def test_tables_that_cannot_prove_their_end_are_refused(world, protocol, code, spoil):
    tables = world.tables | {12.0: spoil(world.tables[12.0])}
    with pytest.raises(LeakageError, match=code):
        build_cohort(tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, world.surgery)


def test_stamps_need_a_clock_and_the_last_day_still_counts(world, protocol):
    table = world.tables[6.0]
    with pytest.raises(LeakageError, match="L103"):
        check_table(table, None, protocol)
    last_day = dataclasses.replace(table, latest_used=table.latest_used + pd.Timedelta(days=213 - 183))
    check_table(last_day, world.surgery, protocol)
    with pytest.raises(LeakageError, match="L101.*patient P0"):
        late = dataclasses.replace(last_day, latest_used=last_day.latest_used + pd.Timedelta(days=1))
        check_table(late, world.surgery, protocol)


def test_judging_again_counts_every_copy_and_fits_nothing(cohort, models):
    n = len(cohort.patients)
    sample = np.random.default_rng(9).integers(n, size=n)
    own = np.flatnonzero(cohort.own)
    score = np.random.default_rng(1).random(len(own))
    predictions = OutOfFold(
        {"M2": np.stack([score, score])}, assign_folds(cohort, 5, 2, seed=1)[:, cohort.patient[own]]
    )
    copies = np.bincount(sample, minlength=n)[cohort.patient[own]]
    weight = cohort.evaluation_weights(sample) * copies
    assert copies.max() > 2
    found = evaluate_again(cohort, predictions, sample)["M2"]
    expected = pytest.approx(auc(cohort.outcome["label"][own], score, weight), rel=1e-12)
    assert found["auc"] == expected and found["auc_pooled"] == expected


def test_fitting_again_judges_everybody_once(cohort, models):
    n, rng = len(cohort.patients), np.random.default_rng(2)
    passes = [refit_again(cohort, models, 5, rng.integers(n, size=n), rng)[0] for _ in range(3)]
    own = np.flatnonzero(cohort.own)
    positive = (cohort.rows["netest_last"].to_numpy()[own] > 20).astype(float)
    fixed = auc(cohort.outcome["label"][own], positive, _judged(cohort).weight)
    np.testing.assert_allclose([one["M0"]["auc"] for one in passes], fixed)
    assert np.std([one["M3"]["auc"] for one in passes]) > 0


def test_figures_are_means_over_the_repeats_not_figures_of_the_mean(cohort, models):
    predictions = cross_validate(cohort, {"M5": models["M5"]}, assign_folds(cohort, 5, 4, seed=2), jobs=1)
    judged = _judged(cohort)
    found = cross_validated_metrics(judged, predictions, "M5")
    each = [probability_metrics(judged, row) for row in predictions.probability["M5"]]
    for metric in ("brier", "ipa", "slope", "oe"):
        assert found[metric] == pytest.approx(np.mean([one[metric] for one in each]))
    assert found["brier"] > probability_metrics(judged, predictions.mean("M5"))["brier"]


def test_the_event_rate_is_uncertain_although_folds_are_stratified(cohort, models):
    three = {name: models[name] for name in ("M2", "M3")}
    predictions = cross_validate(cohort, three, assign_folds(cohort, 5, 2, seed=2), jobs=2)
    found = bootstrap(cohort, three, predictions, 5, 40, seed=5)
    judged = _judged(cohort)
    rate, known = judged.prevalence, judged.known.sum()
    expected = np.sqrt((1 - rate) / (rate * known))
    for name in three:
        assert 0.6 * expected < np.std(np.log(found[name]["oe"])) < 1.3 * expected


def test_the_spread_of_the_auc_is_near_that_of_delong(cohort, models):
    """Out-of-fold predictions of four terms move a little more than a fixed score; not half as much again."""
    two = {name: models[name] for name in ("M3",)}
    predictions = cross_validate(cohort, two, assign_folds(cohort, 5, 4, seed=2), jobs=2)
    moved = bootstrap(cohort, two, predictions, 5, 60, seed=5)["M3"]["auc"]
    judged = _judged(cohort)
    known = judged.known
    _, error, _, _ = auc_with_interval(judged.label[known], predictions.mean("M3")[known], judged.weight[known])
    assert 0.8 * error < np.std(moved) < 1.35 * error


def test_learners_are_refitted_in_some_resamples_only_and_the_others_are_not_touched(cohort, models):
    two = {name: models[name] for name in ("M3", "M5")}
    predictions = cross_validate(cohort, two, assign_folds(cohort, 5, 2, seed=2), jobs=2)
    every, third = (bootstrap(cohort, two, predictions, 5, 6, seed=5, every=every) for every in (1, 3))
    for metric, values in every["M3"].items():
        np.testing.assert_array_equal(third["M3"][metric], values)
    assert np.isfinite(third["M5"]["auc"]).tolist() == [True, False, False, True, False, False]
    assert np.isfinite(third["M5"]["citl"]).all()
    np.testing.assert_array_equal(third["M5"]["brier"][[0, 3]], every["M5"]["brier"][[0, 3]])


def test_a_plan_refits_learners_often_enough(protocol):
    plan = Plan.from_protocol(protocol)
    assert plan.every(100) == 3 and plan.every(14) == 1 and dataclasses.replace(plan, learner_refits=0).every(100) == 1
