"""Bootstrap optimism, .632+, learning curve, permutation null: formulas by hand, then what they must show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.estimators.specification import build
from models.metrics.discrimination import auc
from models.metrics.probability import Judged
from models.result import ModelResult, SecondOpinion
from models.tracking.model_card import model_card
from models.tracking.run_fields import metrics_of, params_of, permutation_metrics
from models.tracking.validation_files import write_validation_files
from models.training import Plan, _judged, train_endpoint
from models.validation.bootstrap import frozen
from models.validation.cohort import build_cohort
from models.validation.folds import assign_folds, cross_validate, fit_models
from models.validation.learning_curve import learning_curve, ranks
from models.validation.optimism import disagreement, figures, method_of, plus, refit_often, second_opinion
from models.validation.parallel import call, call_all, run, silent
from models.validation.permutation import permutation_null, permuted, statistics
from models.validation.plates import batch_association, check_batches


@pytest.fixture(scope="module")
def cohort(world, protocol):
    return build_cohort(world.tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, world.surgery)


def one_penalty(model):
    """The model with a penalty that was fixed before any data: no search, which is what these tests spend time on."""
    model.inner.penalties = (2.0,)
    return model


# --- the formulas -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("apparent", "left_out", "uninformed", "expected"),
    [
        (0.0, 0.5, 0.5, 0.5),  # nearest neighbour on noise: all that was learnt is noise
        (0.2, 0.2, 0.5, 0.2),  # nothing overfitted
        (0.2, 0.3, 0.5, 0.368 * 0.2 + 0.632 * 0.3 + 0.1 * 0.368 * 0.632 * (1 / 3) / (1 - 0.368 / 3)),  # formula 32
        (0.3, 0.2, 0.5, 0.368 * 0.3 + 0.632 * 0.2),
        (0.2, 0.7, 0.5, 0.5),
    ],
)
def test_plus_is_that_of_efron_and_tibshirani(apparent, left_out, uninformed, expected):
    assert plus(apparent, left_out, uninformed) == pytest.approx(expected, abs=1e-12)


def test_figures_by_hand():
    judged = Judged(np.array([1.0, 0, 1, 0, np.nan]), np.array([1.0, 1, 2, 1, 0]), np.array(["a"] * 5))
    found = figures(judged, np.array([0.9, 0.2, 0.4, 0.5, 0.5]))
    assert found["auc"] == pytest.approx((1 * 2 + 2 * 1) / 6)
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 2 * 0.36 + 0.25) / 5)


def test_each_kind_of_model_has_its_method(protocol):
    assert [method_of(name, protocol) for name in ("M0", "M1", "M2", "M3", "Mc", "M5")] == [
        "", "Harrell", "Harrell", "Harrell", "Harrell", ".632+",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def opinions(cohort, protocol):
    models = {name: build(name, cohort.endpoint, protocol) for name in ("M0", "M2", "M5")}
    final = fit_models(cohort, models, np.arange(len(cohort.patients)))
    judged = _judged(cohort)
    refits = refit_often(cohort, frozen(models, final), judged, 24, 5, protocol, jobs=1)
    return refits, {name: second_opinion(cohort, name, final[name], judged, refits, protocol) for name in models}


def test_harrell_is_the_apparent_figure_less_the_mean_optimism(opinions):
    refits, found = opinions
    opinion = found["M2"]
    for metric in ("auc", "brier", "slope"):
        moved = np.mean([one.inside["M2"][metric] - one.outside["M2"][metric] for one in refits])
        assert opinion.corrected[metric] == pytest.approx(opinion.apparent[metric] - moved)
    assert opinion.method == "Harrell" and opinion.resamples == 24
    assert opinion.corrected["auc"] < opinion.apparent["auc"]
    assert opinion.corrected["brier"] > opinion.apparent["brier"]


def test_trees_flatter_themselves_and_the_bootstrap_says_so(opinions, cohort):
    refits, found = opinions
    assert found["M0"] is None
    trees = found["M5"]
    assert trees.method == ".632+" and np.isnan(trees.corrected["slope"])
    assert trees.apparent["auc"] > trees.corrected["auc"] + 0.03
    assert abs(trees.corrected["auc"] - found["M2"].corrected["auc"]) < 0.1
    drawn = np.isnan(refits[0].left_out["M5"])
    assert 0.5 < drawn.mean() < 0.75, "about 63% of the patients are in a sample"
    assert "M5" not in refits[0].fitted and "M2" in refits[0].fitted


def test_without_refits_there_is_no_second_opinion(cohort, protocol):
    model = build("M1", cohort.endpoint, protocol)
    assert second_opinion(cohort, "M1", model, _judged(cohort), [], protocol) is None


@pytest.mark.parametrize(("bootstrap", "said"), [(0.74, False), (0.66, False), (0.76, True), (np.nan, False)])
def test_a_large_disagreement_is_said(protocol, bootstrap, said):
    nothing = pd.DataFrame()
    opinion = SecondOpinion("Harrell", 12, {"auc": 0.8}, {"auc": bootstrap})
    model = ModelResult("M3", "", {"auc": 0.7}, {}, nothing, nothing, nothing, {}, None)
    assert disagreement(model, protocol) == ""
    words = disagreement(replace(model, second_opinion=opinion), protocol)
    assert words.startswith("M3: cross-validation gives AUC 0.70, the bootstrap (Harrell) 0.76") == said
    assert bool(words) == said


# --- learning curve -----------------------------------------------------------------------------------------------


def test_shares_are_nested_and_even_within_strata():
    stratum = np.repeat(["a", "b", "c"], [50, 30, 20])
    place = ranks(stratum, np.random.default_rng(3))
    assert place.min() >= 0 and place.max() <= 1
    for share in (0.4, 0.6, 0.8):
        for name, size in (("a", 50), ("b", 30), ("c", 20)):
            assert abs((place[stratum == name] < share).sum() - share * size) <= 1


@pytest.fixture(scope="module")
def curve(cohort, protocol):
    models = {"M2": one_penalty(build("M2", cohort.endpoint, protocol))}
    folds = assign_folds(cohort, 5, 2, seed=4)
    predictions = cross_validate(cohort, models, folds, jobs=1)
    found = learning_curve(cohort, models, predictions, folds, _judged(cohort), protocol, 4, 20, jobs=1)
    return found, predictions


def test_the_curve_ends_in_the_reported_figure(curve, cohort):
    found, predictions = curve
    assert found["share"].tolist() == [0.4, 0.6, 0.8, 1.0]
    assert found["patients"].is_monotonic_increasing and found["events"].is_monotonic_increasing
    known = int(_judged(cohort).known.sum())
    assert found["patients"].iloc[-1] == pytest.approx(0.8 * known)
    assert found["patients"].iloc[0] == pytest.approx(0.4 * 0.8 * known, abs=1.5)
    observed = statistics(_judged(cohort), predictions)["M2", "auc"]
    assert found["auc"].iloc[-1] == pytest.approx(observed)
    assert (found["auc_lo"] < found["auc"]).all() and (found["auc"] < found["auc_hi"]).all()
    assert (found["brier_lo"] < found["brier"]).all()


# --- permutation null ---------------------------------------------------------------------------------------------


def test_whole_outcomes_are_exchanged_within_arm_and_landmark(cohort):
    null = permuted(cohort, np.random.default_rng(1))
    arm = cohort.rows["arm"].to_numpy()
    for landmark in (6.0, 12.0):
        for value in (0.0, 1.0):
            rows = (cohort.rows["landmark"].to_numpy() == landmark) & (arm == value)
            before, after = (sorted(map(str, one.outcome[rows].tolist())) for one in (cohort, null))
            assert before == after
    assert (null.outcome["time"] != cohort.outcome["time"]).mean() > 0.5
    own = null.judged
    np.testing.assert_array_equal(own["y"].to_numpy(), null.outcome["label"][null.own])
    np.testing.assert_array_equal(own["resolved"].to_numpy(), null.outcome["time"][null.own])
    np.testing.assert_array_equal(null.censoring.states(null.labels).position, null.states.position)
    silent_ones = ~cohort.labels["called"]
    pd.testing.assert_frame_equal(null.labels[silent_ones], cohort.labels[silent_ones])
    assert null.counts() == cohort.counts()
    pd.testing.assert_frame_equal(null.rows, cohort.rows)


@pytest.fixture(scope="module")
def null(cohort, protocol):
    models = {name: one_penalty(build(name, cohort.endpoint, protocol)) for name in ("M3",)}
    models["Mc"] = build("Mc", cohort.endpoint, protocol)
    models["Mc"].penalties = (2.0,)
    predictions = cross_validate(cohort, models, assign_folds(cohort, 5, 1, seed=1), jobs=1)
    return permutation_null(cohort, models, predictions, 5, 1, 30, seed=8, jobs=1)


def test_the_null_within_arm_keeps_what_the_arm_tells_and_no_more(null, cohort):
    summary = null.summary.set_index(["model", "statistic"])
    assert set(summary.index) == {("M3", "auc"), ("Mc", "auc"), ("M3", "auc_minus_mc")}
    judged = _judged(cohort)
    known = judged.known
    arm_alone = auc(judged.label[known], judged.arm[known] == "control", judged.weight[known])
    assert arm_alone > 0.55
    for name in ("M3", "Mc"):
        assert abs(summary.loc[(name, "auc"), "null_mean"] - arm_alone) < 0.05
    assert abs(summary.loc[("M3", "auc_minus_mc"), "null_mean"]) < 0.03


def test_exchanged_across_the_arms_the_auc_is_one_half(cohort, protocol):
    models = {"M2": one_penalty(build("M2", cohort.endpoint, protocol))}
    predictions = cross_validate(cohort, models, assign_folds(cohort, 5, 1, seed=1), jobs=1)
    found = permutation_null(cohort, models, predictions, 5, 1, 30, seed=3, jobs=1, within_arm=False)
    assert abs(found.summary["null_mean"].item() - 0.5) < 0.035


def test_a_marker_that_works_has_the_smallest_p_and_the_p_value_is_counted(null):
    summary = null.summary.set_index(["model", "statistic"])
    assert summary.loc[("M3", "auc"), "p"] == pytest.approx(1 / 31)
    row, draws = summary.loc[("Mc", "auc")], null.draws["Mc auc"]
    assert row["p"] == pytest.approx((1 + (draws >= row["observed"]).sum()) / 31)
    assert len(draws) == row["permutations"] == 30


def test_a_training_carries_what_was_asked_for(world, protocol, tmp_path):
    plan = Plan(folds=3, repeats=2, resamples=12, draws=12, seed=2, learning_curve=True, permutations=3)
    one = train_endpoint(
        world.tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, origin=world.surgery, models=["M1"],
        plan=plan,
    )  # fmt: skip
    assert one.shown == "Mc" and set(one.learning_curve["model"]) == {"Mc"} and len(one.learning_curve) == 4
    assert set(one.permutation.summary["p"]) <= {0.25, 0.5, 0.75, 1.0}
    texts = write_validation_files(one, tmp_path, simulated=True)
    assert {path.name for path in tmp_path.iterdir()} == {
        "learning_curve.csv", "learning_curve.png", "permutation.csv", "permutation_null.csv",
    }  # fmt: skip
    assert texts["learning_curve.png"].startswith("Out-of-fold AUC of MRD36@6 by patients fitted on: Mc from 0.")
    assert len(metrics_of(one, "Mc")) < 25 and permutation_metrics(one)["Mc_auc_p"] in (0.25, 0.5, 0.75, 1.0)
    assert params_of(one)["blocks"] == "patient"
    card = model_card(one, "Mc", protocol, simulated=True)
    assert "Second opinion, optimism-corrected bootstrap (Harrell), 12 resamples: AUC 0." in card


# --- plates and lots ----------------------------------------------------------------------------------------------


def test_a_plate_for_each_outcome_is_noticed_and_a_plate_for_each_arm_is_not():
    label, arm = np.tile([1.0, 0.0], 40), np.repeat(["control", "prrt"], 40)
    assert batch_association(np.where(label == 1, "P1", "P2"), label, arm, 199, 0) == pytest.approx(1 / 200)
    assert batch_association(arm, label, arm, 199, 0) == 1.0
    assert batch_association(np.repeat(["P1", "P2", "P3", "P4"], 20), label, arm, 199, 0) > 0.5


def test_plates_by_outcome_are_refused_by_name(protocol):
    labels = pd.DataFrame({"y": [1.0, 0.0, np.nan, 1.0] * 15, "arm": "prrt"}, index=[f"P{i}" for i in range(60)])
    by_outcome = np.where(labels["y"] == 1, "PL1", "PL2")
    batches = pd.DataFrame({"plate": by_outcome, "lot": "L1"}, index=labels.index)
    with pytest.raises(Exception, match="L109.*the plate of the landmark samples goes with the outcome") as error:
        check_batches(batches, labels, protocol, seed=0)
    assert not any(f"{name} " in str(error.value) for name in labels.index)
    check_batches(batches.assign(plate=np.tile(["PL1", "PL2", "PL2"], 20)), labels, protocol, seed=0)
    check_batches(batches.assign(plate=None), labels, protocol, seed=0)
    check_batches(None, labels, protocol, seed=0)


# --- passes -------------------------------------------------------------------------------------------------------


def test_a_mapper_gets_all_calls_and_gives_their_results_in_order():
    tasks = [(pow, (base, 2), {}) for base in range(5)]
    seen = []

    def backwards(calls):
        return [call(one) for one in calls[::-1]][::-1]

    assert list(run(tasks, "squares", backwards, lambda *told: seen.append(told))) == [0, 1, 4, 9, 16]
    assert seen[-1] == (5, 5, "squares") and call_all(tasks) == list(run(tasks, "squares", 2, silent))
