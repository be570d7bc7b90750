"""Models on learnt columns: what they were without material, what they learn with it, and from whom."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone

from data.simulate.generate import generate
from features.clock import surgery_dates
from features.landmark import table_at
from features.outcomes import build_outcome
from features.registry import FEATURES, LEARNT
from models.estimators.base import OUTCOME
from models.estimators.encoding import COLUMNS, encode
from models.estimators.learnt import LEARNERS, LearntRisk, gives, needs
from models.estimators.logistic_risk import LogisticRisk
from models.estimators.specification import ALL, BRIDGED, DEFAULT_MODELS, REGISTRY, build, recipe
from models.tracking.trust import TRUSTED_TYPES
from models.validation.bootstrap import frozen
from models.validation.cohort import build_cohort
from models.validation.folds import assign_folds, cross_validate, fit_models, predict_fold

LEARNING = ("M1", "M2", "M3", "M4", "M5", "M6")
OTHERS = ("cga", "hiaa_creatinine", "urine_score")


def setting(protocol, **values):
    """The protocol with other values of single records."""
    changed = {
        key: dataclasses.replace(protocol.record(key), value=value)
        for key, value in ((name.replace("__", "."), value) for name, value in values.items())
    }
    return dataclasses.replace(protocol, records={**protocol.records, **changed})


def checked(protocol):
    """The protocol with a panel whose clusters somebody has checked against their source."""
    panel = protocol.panel
    return dataclasses.replace(
        protocol, panel=dataclasses.replace(panel, ome_status=dict.fromkeys(panel.omes, "stated"))
    )


def material(rows: pd.DataFrame, seed: int = 3, tubes: int = 12) -> dict[str, np.ndarray]:
    """Plates of 12 tubes with four control wells, three post-operative results, genes, and 5-HIAA below its limit."""
    rng = np.random.default_rng(seed)
    n = len(rows)
    plate = rng.permutation(n) // tubes
    wells = rng.normal(0, 0.4, plate.max() + 1)[:, None] + rng.normal(0, 0.1, (plate.max() + 1, 4))
    results, month = rows["netest_logit"].to_numpy()[:, None] + rng.normal(0, 0.3, (n, 3)), np.array([2.0, 4.0, 6.0])
    below = rng.random(n) < 0.2
    return {
        "netest_deviation": wells.mean(1)[plate],
        "netest_deviation_n": np.full(n, 4.0),
        "netest_deviation_ss": ((wells - wells.mean(1, keepdims=True)) ** 2).sum(1)[plate],
        "netest_deviation_change": rng.normal(0, 0.5, n),
        **course("netest", results, month),
        "netest_change_previous": rng.uniform(0, 5, n),
        **others(n, seed, month),
        "hiaa_creatinine_ln": np.where(below, 0.2, rng.normal(1.5, 0.6, n)),
        "hiaa_creatinine_below_limit": below.astype(float),
        "hiaa_creatinine_limit_ln": np.where(below, 0.55, np.nan),
        **{name: rng.normal(5, 1, n) for name in COLUMNS if name.startswith("gene_")},
    }


def course(marker: str, results: np.ndarray, month: np.ndarray) -> dict[str, np.ndarray]:
    """Sums over the results of each patient, shape (n, 3), on the scale of the marker."""
    n = len(results)
    sums = (np.full(n, 3.0), np.full(n, 12.0), np.full(n, 56.0), results.sum(1), results @ month, (results**2).sum(1))
    names = ("n", "sum_month", "sum_month2", "sum_scaled", "sum_month_scaled", "sum_scaled2")
    found = {f"{marker}_post_{name}": values for name, values in zip(names, sums, strict=True)}
    return found | {f"{marker}_post_sum_step2": (np.diff(results) ** 2).sum(1)}


def others(n: int, seed: int, month: np.ndarray) -> dict[str, np.ndarray]:
    """Three results of every marker but the blood score, each patient with a level and a slope."""
    rng = np.random.default_rng([seed, n])
    out: dict[str, np.ndarray] = {}
    for marker in OTHERS:
        line = rng.normal(0, 0.6, (n, 1)) + rng.normal(0, 0.2, (n, 1)) * month
        results = line + rng.normal(0, 0.3, (n, 3))
        out |= course(marker, results, month) | {f"{marker}_lnratio_previous": np.diff(results)[:, -1]}
    out["urine_score_last"] = rng.uniform(40, 60, n)
    return out | {"urine_score_change_previous": rng.uniform(-30, 30, n)}


@pytest.fixture(scope="module")
def bare(world, protocol):
    return build_cohort(world.tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, world.surgery)


@pytest.fixture(scope="module")
def cohort(bare):
    return dataclasses.replace(bare, rows=bare.rows.assign(**material(bare.rows)))


@pytest.fixture(scope="module")
def low(protocol):
    """A signature that 60 patients may carry, so that a small cohort shows it at work."""
    return setting(checked(protocol), signature__minimum_patients=60)


@pytest.fixture(scope="module")
def fitted(cohort, low):
    y = cohort.weighted(np.arange(len(cohort.patients)))
    models = {name: build(name, cohort.endpoint, low) for name in LEARNING}
    return {name: model.fit(cohort.rows, y, cohort.patient) for name, model in models.items()}


# ---- what is looked at and what is added -----------------------------------------------------------------------------
def test_everything_looked_at_is_in_the_dictionary_and_everything_given_is_learnt(protocol):
    whole = recipe(checked(protocol))
    assert set(whole) == set(LEARNERS)
    looked_at = {name for learner, settings in whole.items() for name in needs(learner, settings)}
    assert looked_at - {"landmark"} <= set(FEATURES) and looked_at <= set(COLUMNS)
    given = [name for learner, settings in whole.items() for name in gives(learner, settings)]
    assert sorted(given) == sorted(LEARNT) and set(given) <= set(ALL)


def test_clusters_that_nobody_checked_drive_no_model(bare, protocol):
    """The membership as shipped is from memory (data/panel.toml)."""
    assert set(protocol.panel.ome_status.values()) == {"unverified"}
    model = build("M5", bare.endpoint, protocol)
    assert not [term for term in (*model.terms, *model.inner.terms) if term.startswith("cluster_")]
    one = dataclasses.replace(protocol.panel, ome_status=protocol.panel.ome_status | {"Plurome": "stated"})
    model = build("M5", bare.endpoint, dataclasses.replace(protocol, panel=one))
    assert [term for term in model.inner.terms if term.startswith("cluster_")] == ["cluster_Plurome"]


def test_encoding_gives_every_number_flag_and_material():
    wanted = {name for name, feature in FEATURES.items() if feature.kind in ("number", "flag", "material")}
    assert wanted <= set(COLUMNS) and len(set(COLUMNS)) == len(COLUMNS)
    assert not {name for name, feature in FEATURES.items() if feature.kind == "reason"} & set(COLUMNS)
    rows = pd.DataFrame({"netest_deviation": [0.25, np.inf], "gene_KRAS": [3.5, np.nan]}, index=["A", "B"])
    found = encode(rows, 6.0)
    assert found.loc["A", ["netest_deviation", "gene_KRAS"]].tolist() == [0.25, 3.5]
    assert found.loc["B"].drop("landmark").isna().all()


def test_a_stored_signature_can_name_every_column(protocol):
    """MLflow takes the inputs of a model from COLUMNS."""
    endpoint = protocol.endpoint("ER12@12")
    assert all(set(build(name, endpoint, protocol).terms) <= set(COLUMNS) for name in DEFAULT_MODELS)


def test_only_models_with_the_score_learn(protocol):
    endpoint = protocol.endpoint("MRD36@6")
    learning = {name for name in DEFAULT_MODELS if isinstance(build(name, endpoint, protocol), LearntRisk)}
    assert learning == set(LEARNING)
    assert {name for name in REGISTRY if BRIDGED in REGISTRY[name].terms} == learning


def test_a_bridge_that_nobody_knows_is_refused(protocol):
    with pytest.raises(ValueError, match="batch.bridge is 'outcome'; expected one of controls, none"):
        build("M3", protocol.endpoint("MRD36@6"), setting(protocol, batch__bridge="outcome"))


# ---- without material ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", LEARNING)
def test_without_plates_and_wells_a_model_is_what_it_was(bare, protocol, name):
    y = bare.weighted(np.arange(len(bare.patients)))
    model = build(name, bare.endpoint, protocol).fit(bare.rows, y, bare.patient)
    old = tuple(
        "netest_logit" if term == BRIDGED else term for term in model.inner.terms if term in (*COLUMNS, BRIDGED)
    )
    increasing = (
        {"increasing": tuple("netest_logit" if t == BRIDGED else t for t in model.inner.increasing)}
        if name in ("M5", "M6")
        else {}
    )
    plain = clone(model.inner).set_params(terms=old, **increasing).fit(bare.rows, y, bare.patient)
    rows = bare.rows[bare.own]
    np.testing.assert_array_equal(model.predict_proba(rows), plain.predict_proba(rows))
    learnt = model.columns(rows)
    np.testing.assert_array_equal(learnt[BRIDGED], rows["netest_logit"])
    assert learnt.drop(columns=[BRIDGED, "netest_change_bridged"], errors="ignore").isna().all(axis=None)


def test_bridging_can_be_switched_off(cohort, protocol):
    y = cohort.weighted(np.arange(len(cohort.patients)))
    off = build("M3", cohort.endpoint, setting(protocol, batch__bridge="none")).fit(cohort.rows, y, cohort.patient)
    on = build("M3", cohort.endpoint, protocol).fit(cohort.rows, y, cohort.patient)
    np.testing.assert_array_equal(off.columns(cohort.rows)[BRIDGED], cohort.rows["netest_logit"])
    assert (on.columns(cohort.rows)[BRIDGED] != cohort.rows["netest_logit"]).mean() > 0.9


# ---- with material ---------------------------------------------------------------------------------------------------
def test_with_material_everything_is_learnt(fitted):
    model = fitted["M5"]
    assert set(model.inner_.terms) == set(ALL)
    facts = model.describe()
    assert facts["bridge: sd of plates"] > 0.1 and facts["cluster genes"] > 20 and facts["stable patients"] >= 20
    assert {"signature: root sum of squares", "mixed model: sd of slopes"} <= set(facts)
    assert all(facts[f"mixed model ({marker}): sd of slopes"] > 0.1 for marker in OTHERS)
    assert all(0.2 < facts[f"sd of a stable result ({marker})"] < 0.6 for marker in OTHERS)
    assert all(facts[f"stable patients ({marker})"] == facts["stable patients"] for marker in OTHERS)
    assert set(fitted["M1"].describe()) == {"penalty", BRIDGED, "arm", "bridge: sd of plates", "sd of one control"}


@pytest.mark.parametrize("name", LEARNING)
def test_learnt_models_reload_exactly_and_hold_only_reviewed_types(fitted, cohort, name):
    rows = cohort.rows[cohort.own]
    expected = fitted[name].predict_proba(rows)
    stored = skops.io.dumps(fitted[name])
    types = skops.io.get_untrusted_types(data=stored)
    assert set(types) <= set(TRUSTED_TYPES) and "models.estimators.learnt.LearntRisk" in types
    loaded = skops.io.loads(stored, trusted=types)
    np.testing.assert_array_equal(loaded.predict_proba(rows), expected)
    assert loaded.describe() == fitted[name].describe()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted[name])).predict_proba(rows), expected)


@pytest.mark.parametrize("name", LEARNING)
def test_fitting_a_clone_gives_the_same_model(fitted, cohort, name):
    y = cohort.weighted(np.arange(len(cohort.patients)))
    again = clone(fitted[name]).fit(cohort.rows, y, cohort.patient)
    np.testing.assert_array_equal(again.predict_proba(cohort.rows), fitted[name].predict_proba(cohort.rows))


def test_draws_carry_a_bridge_of_their_own(bare, protocol):
    cohort = dataclasses.replace(bare, rows=bare.rows.assign(**material(bare.rows, tubes=3)))
    everybody = np.arange(len(cohort.patients))
    model = {"M2": build("M2", cohort.endpoint, protocol)}
    final = fit_models(cohort, model, everybody)["M2"]
    steady = frozen(model, {"M2": final})
    assert steady["M2"].inner.penalty == final.penalty_ and model["M2"].inner.penalty is None
    rng = np.random.default_rng(1)
    refits = [fit_models(cohort, steady, rng.integers(len(everybody), size=len(everybody)))["M2"] for _ in range(20)]
    final.keep_draws(refits)
    assert len(np.unique(final.draws_["bridge.between"])) > 15
    rows = cohort.rows[cohort.own]
    lower, upper = final.predict_interval(rows)
    probability = final.predict_proba(rows)[:, 1]
    assert (lower < probability).all() and (probability < upper).all()


def test_a_shared_setting_is_not_touched_by_fits(cohort, low):
    model = build("M5", cohort.endpoint, low)
    fit_models(cohort, {"M5": model}, np.arange(len(cohort.patients)))
    assert not hasattr(model, "state_") and not hasattr(model.inner, "state_") and model.inner.terms == ALL


# ---- from whom -------------------------------------------------------------------------------------------------------
def test_nothing_of_the_test_rows_enters_a_fit(cohort, low):
    """L3: other values in the test rows leave every number of the training fit where it was."""
    models = {name: build(name, cohort.endpoint, low) for name in LEARNING}
    train = np.arange(len(cohort.patients)) % 5 != 0
    spoiled = cohort.rows.copy()
    columns = [name for name in COLUMNS if name != "landmark"]
    spoiled.loc[~train[cohort.patient], columns] = spoiled.loc[~train[cohort.patient], columns] * -3.0 + 1.0
    other = dataclasses.replace(cohort, rows=spoiled)
    one, two = (fit_models(which, models, np.flatnonzero(train)) for which in (cohort, other))
    for name in LEARNING:
        for key, value in one[name].state_.items():
            np.testing.assert_array_equal(two[name].state_[key], value, err_msg=f"{name} {key}")
        rows = cohort.rows[cohort.own]
        np.testing.assert_array_equal(two[name].predict_proba(rows), one[name].predict_proba(rows))


def test_a_prediction_does_not_depend_on_who_else_is_predicted(cohort, low):
    models = {name: build(name, cohort.endpoint, low) for name in LEARNING}
    train = np.flatnonzero(np.arange(len(cohort.patients)) % 5 != 0)
    test = np.flatnonzero(cohort.own & (cohort.patient % 5 == 0))
    together, alone = (predict_fold(cohort, models, train, rows) for rows in (test, test[:1]))
    for name in LEARNING:
        assert together[name][0] == pytest.approx(alone[name][0], abs=1e-12)


def test_outcomes_move_neither_bridge_nor_mixed_model_nor_clusters(cohort, low):
    """L4: permuted outcomes leave whatever is learnt without them where it was, bit for bit."""
    y = cohort.weighted(np.arange(len(cohort.patients)))
    permuted = y.copy()
    own = np.flatnonzero(cohort.own)
    permuted[own] = y[np.random.default_rng(7).permutation(own)]
    one, two = (build("M5", cohort.endpoint, low).fit(cohort.rows, z, cohort.patient) for z in (y, permuted))
    blind = [key for key in one.state_ if "." in key and not key.startswith(("stable", "signature"))]
    assert len(blind) > 32 and sum(key.startswith("mixed_model_") for key in blind) == 18
    for key in blind:
        np.testing.assert_array_equal(one.state_[key], two.state_[key], err_msg=key)
    assert (one.state_["signature.coefficients"] != two.state_["signature.coefficients"]).all()


def test_levels_are_learnt_at_their_own_landmark_only(cohort, low):
    """Results after L(s) sit in rows of later landmarks; a model of month 6 must not learn levels from them."""
    y = cohort.weighted(np.arange(len(cohort.patients)))
    later = cohort.rows.copy()
    moved = [name for name in COLUMNS if name.startswith(("gene_", "hiaa")) or "_post_" in name]
    later.loc[~cohort.own, moved] = later.loc[~cohort.own, moved] + 5.0
    one, two = (build("M5", cohort.endpoint, low).fit(rows, y, cohort.patient) for rows in (cohort.rows, later))
    assert (~cohort.own).sum() > 20
    np.testing.assert_array_equal(one.predict_proba(cohort.rows), two.predict_proba(cohort.rows))


def test_genes_without_signal_do_not_make_a_model_look_good(make, protocol):
    """Cross-validated AUC stays at chance when 51 genes of noise may make a signature and there is nothing to find."""
    low = setting(protocol, signature__minimum_patients=60)
    found = []
    for seed in range(3):
        world = make(n=150, seed=60 + seed, effect=0.0)
        bare = build_cohort(world.tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, world.surgery)
        cohort = dataclasses.replace(bare, rows=bare.rows.assign(**material(bare.rows, seed)))
        cohort.rows.loc[:, ["netest_logit", "netest_last", "netest_mean", "netest_max", "arm"]] = 0.5
        fold = (np.random.default_rng(seed).permutation(len(cohort.patients)) % 5)[None]
        values = cross_validate(cohort, {"M5": build("M5", cohort.endpoint, low)}, fold, jobs=1).probability["M5"][0]
        label = cohort.outcome["label"][cohort.own]
        found += [(values[label == 1][:, None] > values[label == 0]).mean()]
    assert 0.35 < np.mean(found) < 0.58


# ---- what bridging is for (statistics.md section 6, check 14) --------------------------------------------------------
def plated(seed: int, n: int, plate_sd: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Scores on plates of 20 tubes and 4 control wells; outcome by the score without its plate."""
    rng = np.random.default_rng(seed)
    plate = rng.permutation(n) // 20
    effect = rng.normal(0, 1, plate.max() + 1) * plate_sd
    wells = effect[:, None] + rng.normal(0, 0.1, (len(effect), 4))
    truth = rng.normal(0, 0.8, n)
    rows = pd.DataFrame(np.nan, index=range(n), columns=list(COLUMNS)).assign(
        landmark=6.0,
        arm=rng.integers(0, 2, n).astype(float),
        netest_logit=truth + effect[plate] + rng.normal(0, 0.1, n),
        netest_deviation=wells.mean(1)[plate],
        netest_deviation_n=4.0,
        netest_deviation_ss=((wells - wells.mean(1, keepdims=True)) ** 2).sum(1)[plate],
    )
    y = np.zeros(n, dtype=OUTCOME)
    y["label"], y["weight"] = rng.random(n) < 1 / (1 + np.exp(-1.5 * truth)), 1.0
    return rows, y


def area(model: LogisticRisk | LearntRisk, rows: pd.DataFrame, y: np.ndarray) -> float:
    value, label = model.predict_proba(rows)[:, 1], y["label"]
    return float((value[label == 1][:, None] > value[label == 0]).mean())


def test_bridging_gives_back_what_plates_took(protocol):
    """At least 90% of the AUC that a plate effect of the size of the score's own spread cost."""
    endpoint = protocol.endpoint("MRD36@6")
    off = setting(protocol, batch__bridge="none")
    clean, raw, bridged = [], [], []
    for seed in range(4):
        for out, sd, rules in ((clean, 0.0, protocol), (raw, 0.8, off), (bridged, 0.8, protocol)):
            model = build("M1", endpoint, rules).fit(*plated(seed, 400, sd))
            out.append(area(model, *plated(1000 + seed, 2000, sd)))
    cost, back = np.mean(clean) - np.mean(raw), np.mean(bridged) - np.mean(raw)
    assert cost > 0.05 and back >= 0.9 * cost


def test_bridging_costs_nothing_where_plates_are_alike(protocol):
    endpoint = protocol.endpoint("MRD36@6")
    difference = []
    for seed in range(4):
        later = plated(1000 + seed, 2000, 0.0)
        on, off = (
            build("M1", endpoint, rules).fit(*plated(seed, 400, 0.0))
            for rules in (protocol, setting(protocol, batch__bridge="none"))
        )
        difference.append(area(on, *later) - area(off, *later))
    assert abs(np.mean(difference)) < 0.002


@pytest.mark.slow
def test_bridging_gives_back_what_plates_took_in_a_trial(protocol):
    """The same through the whole way of a simulated trial: delivery, landmark tables, cross-validation."""
    off = setting(protocol, batch__bridge="none")
    endpoint, found = protocol.endpoint("MRD36@6"), []
    for seed in range(3):
        values = []
        for plates in ({"plate_sd": 0.0, "lot_sd": 0.0}, {"plate_sd": 0.8, "lot_sd": 0.4}):
            trial = generate(n=1000, seed=700 + seed, **plates).trial()
            tables = {landmark: table_at(trial, protocol, landmark) for landmark in (6.0, 12.0)}
            outcome, origin = build_outcome(trial, protocol), surgery_dates(trial.patients)
            cohort = build_cohort(tables, outcome, endpoint, protocol, origin)
            label = cohort.outcome["label"][cohort.own]
            for rules in (protocol, off):
                models = {name: build(name, endpoint, rules) for name in ("M1", "M3")}
                guess = cross_validate(cohort, models, assign_folds(cohort, 5, 1, 1), jobs=1).probability
                values.append([(p[0][label == 1][:, None] > p[0][label == 0]).mean() for p in guess.values()])
        found.append(values)
    nothing, clean, bridged, raw = np.mean(found, axis=0)
    assert (clean - raw > 0.05).all() and (bridged - raw >= 0.9 * (clean - raw)).all()
    np.testing.assert_allclose(nothing, clean, atol=0.003)
