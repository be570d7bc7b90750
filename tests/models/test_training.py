"""Training of an endpoint end to end, the policy, the refusals and the scores."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from data.findings import Refused
from features.landmark import LeakageError, frame_digest
from features.outcomes import label
from models.censoring import VisitCensoring
from models.estimators.newton import CannotFit
from models.estimators.stacked_cox import StackedCox
from models.metrics.discrimination import auc
from models.policy import appoint, registered_models
from models.result import FITTED, NOT_ESTIMABLE
from models.scoring import COLUMNS, Champion, calls, score
from models.tracking.model_card import model_card
from models.training import train_endpoint


def test_everything_is_reported_for_every_model(trained, protocol, quick):
    result, seen = trained
    assert result.status == FITTED
    assert list(result.models) == protocol["models.registered"]
    for name, model in result.models.items():
        lower, upper = model.intervals["auc"]
        assert lower < model.metrics["auc"] < upper
        assert set(model.by_arm.columns) >= {"arm", "n", "events", "prevalence", "auc", "auc_lo", "auc_hi"}
        assert model.by_arm["arm"].tolist() == ["control", "prrt"]
        assert ("brier" in model.metrics) == (name not in ("M0", "M0b", "M0c"))
        assert len(model.oof) == result.counts["judged"] and model.oof["probability"].between(0, 1).all()
    assert {what for what, _, _ in seen} == {"cross-validation", "bootstrap", "refits"}
    assert ("bootstrap", quick.resamples, quick.resamples) in seen


def test_patients_without_a_score_are_counted_and_left_out_for_all(trained, world):
    result, _ = trained
    counts, rows = result.counts, world.tables[6.0].rows
    assert counts["no_call"] == int((~rows["has_landmark_blood"]).sum()) > 0
    assert counts["at_risk"] == counts["no_call"] + counts["judged"] == len(rows)
    assert counts["labelled"] == counts["events"] + counts["non_events"]
    assert counts["judged"] == counts["labelled"] + counts["censored"]
    for model in result.models.values():
        assert list(model.oof.index) == list(rows.index[rows["has_landmark_blood"]])
    assert result.by_arm["labelled"].sum() == counts["labelled"]


def test_comparisons_are_paired_differences(trained):
    result, _ = trained
    table = result.comparisons.set_index(["model", "against", "metric"])
    row = table.loc[("M3", "Mc", "auc")]
    assert row.difference == pytest.approx(result.models["M3"].metrics["auc"] - result.models["Mc"].metrics["auc"])
    assert row.lower < row.difference < row.upper
    assert ("M3", "M0", "auc") in table.index and ("M3", "M0", "brier") not in table.index
    assert not any(model == against for model, against, _ in table.index)


def test_every_figure_is_compared_with_the_clinical_comparator_and_positive_favours_the_model(trained):
    result, _ = trained
    mine, reference = result.models["M3"], result.models["Mc"]
    table = result.comparisons.query("model == 'M3' and against == 'Mc'").set_index("metric")
    calls = [f"{name}@{limit:g}" for name in ("nb", "sens", "spec", "ppv", "npv") for limit in (0.15, 0.3, 0.5)]
    assert set(table.index) == {"auc", "brier", "ipa", "ap", "citl", "slope", *calls}
    assert table.loc["brier", "difference"] == pytest.approx(reference.metrics["brier"] - mine.metrics["brier"])
    assert table.loc["brier", "difference"] > 0 and table.loc["ipa", "difference"] > 0
    assert table.loc["nb@0.3", "difference"] == pytest.approx(mine.decisions["nb@0.3"] - reference.decisions["nb@0.3"])
    rule = result.comparisons.query("model == 'M0' and against == 'Mc'")["metric"]
    assert set(rule) == {"auc", "nb@0.15", "nb@0.3", "nb@0.5"}


def test_p_values_agree_with_intervals_and_holm_counts_the_models(trained):
    table = trained[0].comparisons.dropna(subset="p")
    outside = (table["lower"] > 0) | (table["upper"] < 0)
    assert (outside == (table["p"] < 0.05)).all() and outside.any() and not outside.all()
    assert (table["p_holm"] >= table["p"]).all()
    family = table[table["against"].eq("Mc") & table["metric"].eq("brier")]
    smallest = family.loc[family["p"].idxmin()]
    assert smallest["p_holm"] == pytest.approx(min(1, len(family) * smallest["p"])) and len(family) == 6


def test_net_benefit_is_that_of_a_fit_and_not_of_the_average_of_many_fits(trained):
    result, _ = trained
    model = result.models["M5"]
    known = model.oof["weight"] > 0
    weight, label = (model.oof.loc[known, name].to_numpy() for name in ("weight", "y"))
    each = []
    for repeat in [name for name in model.oof if name.startswith("repeat_")]:
        acted = model.oof.loc[known, repeat].to_numpy() >= 0.3
        hits, alarms = weight[acted & (label == 1)].sum(), weight[acted & (label == 0)].sum()
        each.append((hits - alarms * 0.3 / 0.7) / weight.sum())
    assert len(each) > 1 and model.decisions["nb@0.3"] == pytest.approx(np.mean(each))
    curve = model.curves["net_benefit"].set_index("threshold")
    assert curve.loc[0.3, "model"] == model.decisions["nb@0.3"]


def test_decision_curves_carry_their_band_and_their_gain(trained):
    models = trained[0].models
    curve = models["M3"].curves["net_benefit"].set_index("threshold")
    assert (curve["lower"] <= curve["model"]).all() and (curve["model"] <= curve["upper"]).all()
    np.testing.assert_allclose(curve["gain"], curve["model"] - curve["all"], atol=1e-12)
    reference = models["Mc"].curves["net_benefit"].set_index("threshold")
    np.testing.assert_allclose(curve["minus_mc"], curve["model"] - reference["model"], atol=1e-12)
    assert reference["minus_mc"].eq(0).all() and {0.15, 0.3, 0.5} <= set(curve.index)


def test_both_estimands_judge_the_same_predictions(trained):
    result, _ = trained
    for name, model in result.models.items():
        first, second = (row for _, row in model.composite.iterrows())
        assert second["events"] == first["events"] + result.counts["deaths"] and second["n"] == first["n"]
        assert first["event_rate"] == pytest.approx(result.prevalence) and second["event_rate"] > first["event_rate"]
        assert first["auc"] == model.metrics["auc"] and first["auc_lo"] == model.intervals["auc"][0]
        assert second["auc_lo"] < second["auc"] < second["auc_hi"] and second["auc"] != first["auc"]
        assert np.isnan(second["brier"]) == (name in ("M0", "M0b", "M0c"))


def test_groups_of_patients_are_reported_and_small_ones_refused(trained, protocol):
    table = trained[0].models["M3"].subgroups.set_index(["variable", "level"])
    assert set(table.index.get_level_values(0)) == {"arm", "sex", "age", "primary", "grade"}
    arms = trained[0].models["M3"].by_arm.set_index("arm")
    assert table.loc[("arm", "prrt"), "auc"] == arms.loc["prrt", "auc"]
    enough = table["note"].eq("")
    assert enough.any() and table.loc[enough, ["auc", "brier", "oe", "oe_lo"]].notna().all().all()
    minimum = protocol["validation.minimum_events"]
    assert (np.minimum(table["events"], table["n"] - table["events"]) >= minimum).equals(enough)
    assert table.groupby("variable")["n"].sum().max() <= trained[0].counts["labelled"]
    assert trained[0].models["M3"].sites == {}


def test_a_score_that_means_something_beats_the_comparator(trained):
    result, _ = trained
    assert result.models["M3"].metrics["auc"] > result.models["Mc"].metrics["auc"] + 0.05
    assert 0.5 < result.models["M3"].metrics["slope"] < 2


def test_the_cross_validated_auc_stays_below_the_truth(trained, world):
    result, _ = trained
    oof = result.models["M3"].oof
    known = oof["y"].notna()
    ceiling = auc(oof["y"][known], world.log_hazard.reindex(oof.index)[known], oof["weight"][known])
    assert all(model.metrics["auc"] < ceiling + 0.03 for model in result.models.values())


def test_training_is_repeatable(trained, world, protocol, quick):
    plan = dataclasses.replace(quick, repeats=2, resamples=3, draws=3)
    endpoint, few = protocol.endpoint("ER12@12"), ("M3",)
    one, two = (
        train_endpoint(
            world.tables,
            world.outcome,
            endpoint,
            protocol,
            origin=world.surgery,
            models=few,
            plan=dataclasses.replace(plan, jobs=jobs),
        )
        for jobs in (1, 2)
    )
    assert list(one.models) == ["M0", "M3", "Mc"]
    pd.testing.assert_frame_equal(one.models["M3"].oof, two.models["M3"].oof)
    pd.testing.assert_frame_equal(one.comparisons, two.comparisons)
    np.testing.assert_array_equal(
        one.models["M3"].estimator.draws_["recurrence"], two.models["M3"].estimator.draws_["recurrence"]
    )


def test_too_few_events_are_not_estimable(make, protocol, quick):
    world = make(n=25, seed=1)
    result = train_endpoint(
        world.tables, world.outcome, protocol.endpoint("ER12@6"), protocol, origin=world.surgery, plan=quick
    )
    assert result.status == NOT_ESTIMABLE and "10 of each are needed" in result.reason
    assert result.models == {} and result.champion == "" and result.counts["at_risk"] > 0


def test_an_exploratory_endpoint_is_only_described_in_a_small_cohort(world, protocol, quick):
    endpoint = dataclasses.replace(protocol.endpoint("MRD36@6"), role="exploratory")
    result = train_endpoint(world.tables, world.outcome, endpoint, protocol, origin=world.surgery, plan=quick)
    assert result.status == NOT_ESTIMABLE and "only described below 300" in result.reason


def test_a_missing_table_names_what_is_needed(world, protocol):
    with pytest.raises(Refused, match="M101.*MRD36@0 needs the table of landmark 0; given are 6, 12"):
        train_endpoint(world.tables, world.outcome, protocol.endpoint("MRD36@0"), protocol, origin=world.surgery)


@pytest.mark.parametrize(
    ("endpoint", "labelled", "fitted", "champion", "challenger", "words"),
    [
        ("MRD36@6", 82, ("M0", "M2", "M3", "M5"), "M3", "M2", "82 labelled patients (below the limit of 300)"),
        ("MRD36@6", 300, ("M2", "M3", "M5"), "M3", "M5", "at or above"),
        ("MRD36@6", 82, ("M2", "M5"), "", "", "M3, which was not fitted"),
        ("MRD24@6", 82, ("M3",), "", "", "sensitivity and never promoted"),
        ("ER12@36", 500, ("M3",), "", "", "exploratory and never promoted"),
        ("MRD36@6", 5, (), "", "", "no model could be fitted"),
    ],
)
def test_the_policy_appoints_by_size_never_by_performance(
    protocol, endpoint, labelled, fitted, champion, challenger, words
):
    verdict = appoint(protocol.endpoint(endpoint), labelled, fitted, protocol)
    assert (verdict.champion, verdict.challenger) == (champion, challenger)
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("endpoint", "labelled", "learners"),
    [("MRD36@6", 82, True), ("ER12@12", 299, True), ("MRD36@12", 299, False), ("MRD36@12", 300, True)],
)
def test_few_patients_carry_learners_at_primary_endpoints_only(protocol, endpoint, labelled, learners):
    names = registered_models(protocol.endpoint(endpoint), labelled, protocol)
    assert {"M0", "M1", "M2", "M3", "Mc"} <= set(names)
    assert {"M4", "M5", "M6"} & set(names) == ({"M4", "M5", "M6"} if learners else set())


@pytest.mark.parametrize(
    ("endpoint", "fitted", "shown"),
    [
        ("MRD36@6", ("M0", "M1", "M2", "M3"), "M3"),
        ("MRD24@6", ("M0", "M1", "M2", "M3", "Mc"), "M3"),
        ("MRD24@6", ("M0", "M1", "M2", "Mc"), "M2"),
        ("MRD24@6", ("M0", "M1", "Mc"), "Mc"),
        ("MRD24@6", (), ""),
    ],
)
def test_the_model_shown_is_prespecified_too(protocol, endpoint, fitted, shown):
    assert appoint(protocol.endpoint(endpoint), 82, fitted, protocol).shown == shown


def test_an_endpoint_without_champion_shows_the_policy_model(world, protocol, quick):
    plan = dataclasses.replace(quick, repeats=2, resamples=0, draws=0)
    result = train_endpoint(
        world.tables, world.outcome, protocol.endpoint("MRD24@6"), protocol, origin=world.surgery, plan=plan
    )
    assert result.champion == "" and result.shown == "M3"
    line = result.headline()
    assert line.startswith("MRD24@6: no champion: MRD24@6 is sensitivity and never promoted; prespecified M3, AUC 0.")
    assert "(no interval)" in line and "event rate" in line and "control" in line and "prrt" in line


def test_the_headline_carries_interval_events_rate_and_arms(trained):
    result = trained[0]
    assert result.shown == result.champion == "M3"
    rate, arms = result.prevalence, result.by_arm.set_index("arm")["prevalence"]
    assert result.headline() == (
        f"MRD36@6: M3, AUC {result.models['M3'].cell('auc', 2)}, {result.counts['events']} events among "
        f"{result.counts['labelled']} labelled patients, event rate {rate:.0%} (control {arms['control']:.0%}, "
        f"prrt {arms['prrt']:.0%})"
    )


def test_differences_to_the_rule_are_those_of_the_figures_shown(trained):
    result = trained[0]
    table = result.comparisons.set_index(["model", "against", "metric"])
    shown = result.models["M3"].metrics["auc"] - result.models["M0"].metrics["auc"]
    assert table.loc[("M3", "M0", "auc"), "difference"] == pytest.approx(shown)


def test_a_slope_of_predictions_that_hardly_vary_is_not_estimable(make, protocol, quick):
    # Without effects the comparator's penalty takes nearly all spread out of its predictions.
    world = make(n=64, seed=8, effect=0.0)
    plan = dataclasses.replace(quick, repeats=3, resamples=12, draws=0)
    result = train_endpoint(
        world.tables, world.outcome, protocol.endpoint("MRD24@6"), protocol, origin=world.surgery, models=["Mc"],
        plan=plan,
    )  # fmt: skip
    comparator = result.models["Mc"]
    assert np.isnan(comparator.metrics["slope"]) and np.isnan(comparator.intervals["slope"]).all()
    assert comparator.cell("slope") == "not estimable" and np.isfinite(comparator.metrics["oe"])
    card = model_card(result, "Mc", protocol, simulated=True)
    assert "slope is not estimable: the predictions hardly vary" in card


def test_an_auc_too_good_to_be_true_raises_the_alarm(make, protocol, quick):
    world = make(n=120, seed=2)
    time = world.outcome.patients["first_positive"].fillna(99.0)
    spoiled = {}
    for landmark, table in world.tables.items():
        score = (100 - time.reindex(table.rows.index)).clip(1, 99)
        line = np.log((score + 0.5) / (100.5 - score))
        rows = table.rows.assign(netest_last=score, netest_logit=line, has_landmark_blood=True)
        spoiled[landmark] = dataclasses.replace(table, rows=rows, digest=frame_digest(rows, landmark))
    plan = dataclasses.replace(quick, resamples=2, draws=0, repeats=2)
    result = train_endpoint(
        spoiled, world.outcome, protocol.endpoint("MRD36@6"), protocol, origin=world.surgery, models=["M3"], plan=plan
    )
    assert any(warning.startswith("M3: its AUC") and "leakage" in warning for warning in result.warnings)


@pytest.fixture(scope="session")
def champions(trained):
    model = trained[0].models["M3"]
    return {"MRD36@6": Champion(model.estimator, "mrd36-at-6", "1", "M3")}


def test_scores_carry_interval_call_and_reason(world, protocol, champions):
    table = score({6.0: world.tables[6.0]}, protocol, champions, origin=world.surgery, data_cut="2024-01-01")
    assert list(table.columns) == COLUMNS
    own = table[table["endpoint_id"] == "MRD36@6"].set_index("patient_id")
    called = own["probability"].notna()
    assert called.equals(world.tables[6.0].rows["has_landmark_blood"].reindex(own.index).rename("probability"))
    inside = own[called]
    assert (inside["lower"] <= inside["probability"]).all() and (inside["probability"] <= inside["upper"]).all()
    assert (inside["upper"] - inside["lower"]).between(0.01, 0.99).all()
    assert (own.loc[~called, "call"] == "no call").all()
    assert set(own.loc[~called, "reason"]) == {"no blood score at month 6: not collected"}
    others = table[table["endpoint_id"] == "ER12@6"]
    assert (others["reason"] == "no champion").all() and others["probability"].isna().all()


def test_calls_follow_the_thresholds(protocol):
    found = calls(np.array([0.0, 0.1499, 0.15, 0.30, 0.4999, 0.5, np.nan]), protocol)
    assert found.tolist() == ["low", "low", "intermediate", "high", "high", "very high", "no call"]


def test_another_assay_version_and_late_records_are_not_scored(world, protocol, champions):
    other = dataclasses.replace(world.tables[6.0], version="2.0")
    with pytest.raises(Refused, match="M102.*trained on NETest version 1.0"):
        score({6.0: other}, protocol, champions, origin=world.surgery)
    late = dataclasses.replace(world.tables[6.0], latest_used=world.tables[6.0].latest_used + pd.Timedelta(days=60))
    with pytest.raises(LeakageError, match="L101"):
        score({6.0: late}, protocol, champions, origin=world.surgery)


def test_a_champion_of_other_label_rules_makes_no_call(world, protocol, champions):
    record = dataclasses.replace(protocol.record("imaging.ascertainment"), value="protocol scans")
    other = dataclasses.replace(protocol, records={**protocol.records, record.key: record})
    table = score({6.0: world.tables[6.0]}, other, champions, origin=world.surgery)
    own = table[table["endpoint_id"].isin(champions)]
    assert len(own) and own["probability"].isna().all() and (own["call"] == "no call").all()
    assert set(own["reason"]) == {"the model was trained under other label rules: run netest train"}


def test_scores_of_nobody_are_an_empty_table(protocol, champions):
    assert list(score({}, protocol, champions, origin=pd.Series(dtype="datetime64[ns]")).columns) == COLUMNS


def test_evaluation_weights_come_from_everybody_at_risk(trained, world, protocol):
    endpoint = protocol.endpoint("MRD36@6")
    labels = label(world.outcome, endpoint, protocol)
    labels = labels[labels["at_risk"]]
    expected = VisitCensoring.for_endpoint(endpoint, protocol).fit(labels).weights(labels)
    for model in trained[0].models.values():
        np.testing.assert_allclose(model.oof["weight"], expected.reindex(model.oof.index))
    assert expected.max() > 1.02


def test_a_model_that_fails_in_a_fold_is_named_and_left_out(world, protocol, quick, monkeypatch):
    calls_made = []

    def sometimes(self, X, y, groups):
        calls_made.append(1)
        if len(calls_made) == 3:
            raise CannotFit("no optimum")
        return original(self, X, y, groups)

    original = StackedCox._fit_state
    monkeypatch.setattr(StackedCox, "_fit_state", sometimes)
    plan = dataclasses.replace(quick, repeats=2, resamples=0, draws=0, jobs=1)
    result = train_endpoint(
        world.tables,
        world.outcome,
        protocol.endpoint("MRD36@6"),
        protocol,
        origin=world.surgery,
        models=["M3"],
        plan=plan,
    )
    failed = {"M0", "M3", "Mc"} - set(result.models)
    assert len(failed) == 1 and any(next(iter(failed)) in warning for warning in result.warnings)
    assert (result.champion == "") == ("M3" in failed)
