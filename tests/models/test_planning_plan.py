"""A plan of a protocol, and what simulated trials say; the slow tests recompute the formulas by brute force."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from data.protocol import Protocol, load_protocol
from models.estimators.logistic import fit_ridge_logistic
from models.metrics.discrimination import auc
from models.planning.added import added_value
from models.planning.availability import exponential
from models.planning.development import per_parameter, r2_from_auc
from models.planning.endpoints import curves
from models.planning.inputs import Inputs
from models.planning.linear_predictor import LinearPredictor
from models.planning.plan import choose_endpoints, find_design, find_scenarios, make_plan
from models.planning.simulation import Population, count_labels, populate, term_names, trials
from models.planning.trial_design import Design
from models.planning.validation import auc_error, slope_error
from models.planning.worlds import simulate_plan


def planned(protocol: Protocol, *names: str, **given):
    return make_plan(protocol, Inputs.from_protocol(protocol, **given), names)


# ---- the plan -------------------------------------------------------------------------------------------------------
def test_plan_of_the_trial(protocol: Protocol) -> None:
    found = planned(protocol)
    assert found.design is not None and round(found.design.design.ratio, 4) == 0.5922
    assert found.design.rows["power_106"].round(3).tolist() == [0.816, 0.588]
    assert found.design.rows["power_90"].round(2).tolist() == [0.77, 0.52]
    assert len(found.design.quoted) == 3 and not found.not_applicable
    promoted = [one.id for one in protocol.endpoints.values() if one.promote]
    assert [(one.endpoint.id, one.scenario) for one in found.endpoints] == [
        (name, way) for name in promoted for way in ("design", "contemporary")
    ]


def test_design_hazard_ratio_of_the_protocol_is_the_computed_one(protocol: Protocol) -> None:
    design, arms = find_design(protocol)
    assert arms == ("control", "prrt")
    assert round(design.ratio, 4) == protocol["trial.design_hazard_ratio"]


def test_randomised_are_the_labelled_scaled_up_and_enough(protocol: Protocol) -> None:
    own = planned(protocol, "MRD36@6").endpoints[0]
    needed = own.validation.randomised["auc"]
    again = planned(protocol, "MRD36@6", patients=needed).endpoints[0]
    assert (
        again.validation.widths["auc"]
        <= 0.1
        < planned(protocol, "MRD36@6", patients=needed - 3).endpoints[0].validation.widths["auc"]
    )
    enough = planned(protocol, "MRD36@6", patients=own.development.randomised).endpoints[0]
    assert enough.labelled >= own.development.logistic.needed


def test_an_exploratory_endpoint_is_not_estimable_at_the_planned_size(protocol: Protocol) -> None:
    own = planned(protocol, "ER12@36").endpoints[0]
    assert own.refusal == "not estimable: 8 events and 21 non-events expected; 10 of each needed"
    assert planned(protocol, "ER12@36", patients=400).endpoints[0].refusal == ""


def test_what_is_given_replaces_the_protocol(protocol: Protocol) -> None:
    own = planned(protocol, "ER12@12", prevalence=0.3, r2=0.2, parameters=3).endpoints[0]
    assert own.prevalence == 0.3 and own.r2 == 0.2 and own.events == pytest.approx(0.3 * own.labelled)
    assert own.development.logistic.shrinkage == pytest.approx(3 * per_parameter(0.2, 0.9))
    assert own.development.time_to_event is None


def test_curves_pass_through_the_plan(protocol: Protocol) -> None:
    inputs = Inputs.from_protocol(protocol)
    own = planned(protocol, "MRD36@6").endpoints[0]
    frame = curves(own, inputs, [106, 212])
    assert frame.loc[0, "supported"] == pytest.approx(own.development.supported)
    assert frame.loc[0, "auc"] == pytest.approx(own.validation.widths["auc"])
    assert frame.loc[1, "supported"] == pytest.approx(2 * own.development.supported)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"prevalence": 1.2}, "prevalence 1.2 is impossible"),
        ({"auc": 0.4}, "AUC 0.4 gives no model"),
        ({"r2": 0.9}, "R2 0.9 is impossible: this event rate allows at most 0.743"),
        ({"r2": 0.8}, "this event rate allows at most"),
        ({"dropout": -0.1}, "dropout -0.1 per year is impossible"),
        ({"width_auc": 1.5}, "width of the AUC interval 1.5 is impossible"),
        ({"width_slope": 0.0}, "width of the slope interval 0 is impossible"),
        ({"sensitivity": 1.0}, "sensitivity to expect 1 is impossible"),
        ({"parameters": 0}, "number of parameters 0 is impossible"),
    ],
)
def test_impossible_wishes_are_refused_in_one_line(protocol: Protocol, given: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        planned(protocol, "MRD36@6", **given)


# ---- other protocols ------------------------------------------------------------------------------------------------
def test_advanced_disease_says_what_does_not_apply() -> None:
    advanced = load_protocol("advanced")
    found = planned(advanced)
    assert found.design.design.ratio == pytest.approx(0.192, abs=5e-4) and found.design.quoted == []
    assert [one.name for one in found.scenarios] == ["design"]
    assert any("contemporary" in words for words in found.not_applicable)
    assert any("may be promoted" in words for words in found.not_applicable)
    assert len(found.endpoints) == len(advanced.endpoints)
    simulated = simulate_plan(advanced, choose_endpoints(advanced), 100, 5)
    assert simulated.counts.empty and "clock starts elsewhere" in simulated.notes[0]


def without(protocol: Protocol, *keys: str) -> Protocol:
    return replace(protocol, records={key: one for key, one in protocol.records.items() if key not in keys})


def test_a_protocol_without_arms_or_endpoints(protocol: Protocol) -> None:
    bare = without(protocol, "trial.dfs36")
    assert find_scenarios(bare) == ()
    found = planned(bare)
    assert found.design is None and found.endpoints == ()
    assert any("no survivals" in words for words in found.not_applicable)
    assert any("give --prevalence" in words for words in found.not_applicable)
    given = planned(bare, "MRD36@6", prevalence=0.4, patients=200).endpoints
    assert [(one.scenario, one.labelled) for one in given] == [("", 200.0)]
    empty = planned(replace(protocol, endpoints={}))
    assert empty.endpoints == () and "no endpoint" in empty.not_applicable[0]
    assert simulate_plan(replace(protocol, endpoints={}), [], 106, 5).counts.empty


# ---- simulated trials -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def population(protocol: Protocol) -> Population:
    return populate("protocol", [protocol.endpoint("MRD36@6")], protocol, 600, seed=4)


def test_trials_are_disjoint_and_of_one_size() -> None:
    parts = trials(250, 106)
    assert [len(part) for part in parts] == [106, 106]
    assert len(np.unique(np.concatenate(parts))) == 212


def test_counts_of_simulated_trials(protocol: Protocol, population: Population) -> None:
    endpoint = protocol.endpoint("MRD36@6")
    counts = count_labels(population, endpoint, 100).set_index("quantity")
    labels = population.labels["MRD36@6"]
    assert counts.loc["at_risk", "mean"] == pytest.approx(labels["at_risk"].sum() / 6)
    known = labels["at_risk"] & labels["called"] & labels["y"].notna()
    assert counts.loc["labelled", "mean"] == pytest.approx(known.sum() / 6)
    assert counts.loc["events", "mean"] == pytest.approx((known & labels["y"].eq(1)).sum() / 6)
    assert (counts["low"] <= counts["mean"]).all() and (counts["mean"] <= counts["high"]).all()
    assert (counts["trials"] == 6).all()


def test_a_score_that_is_noise_is_not_shown_to_add_and_a_true_one_is(
    protocol: Protocol, population: Population
) -> None:
    endpoint, rng = protocol.endpoint("MRD36@6"), np.random.default_rng(0)
    terms = population.terms[6.0]
    score = term_names().index("netest_logit")
    label = population.labels["MRD36@6"]["y"].fillna(0).to_numpy()
    shares = {}
    for name, values in {"noise": rng.normal(size=len(terms)), "true": 2 * label + rng.normal(size=len(terms))}.items():
        changed = terms.copy()
        changed[:, score] = values
        own = replace(population, terms={6.0: changed})
        shares[name] = added_value(own, endpoint, protocol, 100, 0.05, seed=1)
    assert shares["true"]["success"] == 1.0 and shares["true"]["auc"] > 0.1
    assert shares["noise"]["success"] <= 1 / 3 and abs(shares["noise"]["brier"]) < 0.02
    assert shares["noise"]["success_lower"] <= shares["noise"]["success"] <= shares["noise"]["success_upper"]


def test_trials_too_small_are_no_success(protocol: Protocol, population: Population) -> None:
    found = added_value(population, protocol.endpoint("MRD36@6"), protocol, 20, 0.05, seed=1)
    assert found["estimable"] < 1 and found["success"] <= found["estimable"]


def test_same_seed_same_answer_and_sizes_that_do_not_fit_are_named(protocol: Protocol) -> None:
    one, two = (
        simulate_plan(protocol, [protocol.endpoint("MRD36@6")], 106, 2, ("protocol",), seed=3) for _ in range(2)
    )
    assert one.added.equals(two.added) and one.counts.equals(two.counts)
    assert one.added["size"].tolist() == [90, 106, 200]
    assert one.notes == ["simulation: 2 trials of 106 are too few patients for a trial of 400, 800"]
    with pytest.raises(ValueError, match="unknown world 'nowhere'"):
        simulate_plan(protocol, [protocol.endpoint("MRD36@6")], 106, 1, ("nowhere",))


# ---- brute force ----------------------------------------------------------------------------------------------------
def draw(rng: np.random.Generator, n: int, auc_true: float, prevalence: float) -> tuple[np.ndarray, np.ndarray]:
    """Linear predictors and outcomes of calibrated normal classes."""
    from scipy.stats import norm

    distance = math.sqrt(2) * norm.ppf(auc_true)
    y = (rng.random(n) < prevalence).astype(float)
    centre = math.log(prevalence / (1 - prevalence))
    return centre + (2 * y - 1) * distance**2 / 2 + distance * rng.normal(size=n), y


@pytest.mark.slow
@pytest.mark.parametrize(("auc_true", "prevalence"), [(0.78, 0.58), (0.78, 0.24), (0.70, 0.40)])
def test_errors_of_auc_and_slope_by_simulation(auc_true: float, prevalence: float) -> None:
    rng, n, repeats = np.random.default_rng(11), 400, 1500
    found = []
    for _ in range(repeats):
        predictor, y = draw(rng, n, auc_true, prevalence)
        slope = fit_ridge_logistic(predictor[:, None], y, np.ones((1, n)), np.array([1e-9]))[0, 1]
        found.append((auc(y, predictor), slope))
    areas, slopes = np.array(found).T
    assert areas.mean() == pytest.approx(auc_true, abs=0.002)
    # Newcombe's formula rests on other distributions; within a tenth is what Riley 2021 relies on.
    assert areas.std(ddof=1) == pytest.approx(auc_error(auc_true, prevalence, n), rel=0.1)
    expected = slope_error(LinearPredictor.from_auc(auc_true, prevalence), n)
    assert slopes.std(ddof=1) == pytest.approx(expected, rel=0.08)


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [4, 10])
def test_recommended_size_gives_the_shrinkage(parameters: int) -> None:
    """Mean calibration slope on the population of maximum-likelihood fits with the recommended number: about 0.9."""
    rng, prevalence = np.random.default_rng(5), 0.4
    coefficient = 0.9 / math.sqrt(parameters)
    x = rng.normal(size=(200_000, parameters))
    lp = -0.45 + x.sum(axis=1) * coefficient
    y = (rng.random(len(x)) < expit(lp)).astype(float)
    prevalence = y.mean()
    p = expit(lp)
    model = np.mean(p * np.log(p) + (1 - p) * np.log(1 - p))
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    r2 = 1 - math.exp(-2 * (model - null))
    assert r2_from_auc(auc(y, lp), prevalence) == pytest.approx(r2, abs=0.01)
    n = math.ceil(parameters * per_parameter(r2, 0.9))
    slopes = []
    for _ in range(400):
        rows = rng.integers(0, len(x), n)
        fitted = fit_ridge_logistic(x[rows], y[rows], np.ones((1, n)), np.array([1e-6]))[0, 1:]
        # Slope of the truth on the fitted predictor in the population, for normal x.
        slopes.append(coefficient * fitted.sum() / (fitted @ fitted))
    assert np.mean(slopes) == pytest.approx(0.9, abs=0.03)


@pytest.mark.slow
def test_availability_by_drawing_patients(protocol: Protocol) -> None:
    """Exponential times, dropout, missed scans and missing blood drawn one by one."""
    from models.planning.availability import Losses, available, scans_due

    rng, n, endpoint = np.random.default_rng(2), 400_000, protocol.endpoint("ER12@6")
    lost = Losses(dropout=0.08, missing_blood=0.1, missed_scan=0.25)
    design = Design(0.25, 0.44, 36)
    labelled = events = 0.0
    for rate in design.rates:
        time, leaves = rng.exponential(12 / rate, n // 2), rng.exponential(12 / lost.dropout, n // 2)
        blood = rng.random(n // 2) >= lost.missing_blood
        seen = np.full(n // 2, np.inf)
        adequate = np.zeros(n // 2, dtype=bool)
        for visit in (m for m in protocol.visit_grid if 6 < m <= 18):
            adequate = (leaves > visit) & (rng.random(n // 2) >= lost.missed_scan ** scans_due(protocol, visit))
            seen = np.where(adequate & (time <= visit) & np.isinf(seen), visit, seen)
        risk = (time > 6) & (leaves > 6) & blood
        event, clear = risk & np.isfinite(seen), risk & adequate & (time > 18)
        events += event.sum()
        labelled += (event | clear).sum()
    found = available(endpoint, protocol, exponential(design, ("control", "prrt")), n, lost)
    assert events / found.events == pytest.approx(1, abs=0.01)
    assert labelled / found.labelled == pytest.approx(1, abs=0.01)
