"""Whole sites left out, and what counts as evidence: by hand, by invariants, and through a training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.findings import Refused
from features.landmark import LeakageError, frame_digest
from models.estimators.specification import build
from models.training import Plan, train_endpoint
from models.validation.blocks import SITE, assign_sites, classes, deal_sites
from models.validation.cohort import build_cohort
from models.validation.evidence import check_plan, check_splits
from models.validation.folds import assign_folds, cross_validate, fit_models, predict_fold
from models.validation.leakage import check_split


def with_sites(world, names):
    """The world with a site for each patient; tables are stamped again."""
    place = np.arange(len(world.surgery)) % len(names)
    site = pd.Series(np.asarray(names, dtype=object)[place], index=world.surgery.index)
    tables = {}
    for landmark, table in world.tables.items():
        rows = table.rows.assign(site=site.reindex(table.rows.index))
        latest = table.latest_used.assign(patients=table.latest_used.iloc[:, 0])
        tables[landmark] = replace(table, rows=rows, latest_used=latest, digest=frame_digest(rows, landmark))
    return replace(world, tables=tables)


@pytest.fixture(scope="module")
def sited(world):
    return with_sites(world, ["A"] * 5 + ["B"] * 3 + ["C"] * 3 + ["D"] * 2 + ["E", "F", "G"])


@pytest.fixture(scope="module")
def cohort(sited, protocol):
    found = build_cohort(sited.tables, sited.outcome, protocol.endpoint("MRD36@6"), protocol, sited.surgery)
    return replace(found, blocks=SITE)


def train(world, protocol, plan, **options):
    return train_endpoint(
        world.tables,
        world.outcome,
        protocol.endpoint("MRD36@6"),
        protocol,
        origin=world.surgery,
        models=["M1"],
        plan=plan,
        **options,
    )


def test_the_largest_site_fills_a_fold_and_the_small_ones_share_the_others():
    site = np.repeat(["big", "p", "q", "r", "s"], [40, 20, 20, 20, 20])
    label = np.tile([1.0, 0.0], 60)
    fold = deal_sites(site, label, 3, np.random.default_rng(0))
    assert sorted(np.bincount(fold)) == [40, 40, 40]
    assert all(len(np.unique(fold[site == name])) == 1 for name in np.unique(site))
    np.testing.assert_array_equal(classes(fold, label), [[20] * 3] * 2)


@pytest.mark.parametrize("seed", range(20))
def test_no_site_is_ever_split_and_every_fold_can_be_judged(seed):
    rng = np.random.default_rng(seed)
    site = rng.choice([f"S{i}" for i in range(12)], size=200, p=rng.dirichlet(np.ones(12) * 3)).astype(object)
    label = np.where(rng.random(200) < 0.2, np.nan, (rng.random(200) < 0.4).astype(float))
    folds = assign_sites(site, label, 4, 5, seed)
    assert folds.shape == (5, 200)
    for fold in folds:
        assert pd.Series(fold).groupby(site).nunique().eq(1).all()
        assert set(fold) == set(range(4)) and classes(fold, label).all()
    partitions = {tuple(pd.factorize(fold)[0]) for fold in folds}
    assert len(partitions) > 1, "the repeats deal the sites anew"
    np.testing.assert_array_equal(folds, assign_sites(site, label, 4, 5, seed))


def test_with_few_sites_each_is_left_out_once():
    site = np.repeat(np.array(["A", "B", "C"], dtype=object), 10)
    folds = assign_sites(site, np.tile([0.0, 1.0], 15), 5, 10, seed=1)
    assert folds.shape == (1, 30) and len(np.unique(folds)) == 3


@pytest.mark.parametrize(
    ("site", "label", "words"),
    [
        (["A"] * 4, [0, 1, 0, 1], "at least two sites.*1 known, 0 unknown"),
        (["A", "A", "B", ""], [0, 1, 0, 1], "2 known, 1 unknown"),
        (["A", "A", "B", "B"], [0, 1, 0, 0], r"a fold \(site B\) without a labelled event"),
        (["A", "A", "B", "B"], [0, 1, 1, np.nan], r"a fold \(site B\) without a labelled non-event"),
    ],
)
def test_sites_that_cannot_be_blocked_are_refused_in_one_line(site, label, words):
    with pytest.raises(Refused, match=f"M105.*{words}") as error:
        assign_sites(np.array(site, dtype=object), np.array(label, dtype=float), 5, 2, seed=1)
    assert "\n" not in str(error.value)


def test_a_site_on_both_sides_is_refused_by_name(cohort, protocol):
    site, patients = np.array(["A", "A", "B"], dtype=object), pd.Index(["P1", "P2", "P3"])
    check_split(np.array([0]), np.array([1]), patients)
    with pytest.raises(LeakageError, match="L105.*site A is in training and test"):
        check_split(np.array([0]), np.array([1]), patients, site)
    check_split(np.array([0, 1]), np.array([2]), patients, site)
    own = np.flatnonzero(cohort.own)
    models = {"M1": build("M1", cohort.endpoint, protocol)}
    test = own[cohort.patient[own] % 2 == 0]
    train = np.flatnonzero(np.arange(len(cohort.patients)) % 2 == 1)
    with pytest.raises(LeakageError, match="L105.*site A"):
        predict_fold(cohort, models, train, test)
    assert len(predict_fold(replace(cohort, blocks="patient"), models, train, test)["M1"]) == len(test)


def test_the_site_is_never_a_term(cohort):
    assert "site" not in cohort.rows and set(cohort.site) == set("ABCDEFG")


def test_a_training_leaves_sites_out_and_says_so(sited, protocol):
    plan = Plan(folds=5, repeats=2, resamples=12, draws=0, seed=3, jobs=1, blocks=SITE)
    result = train(sited, protocol, plan)
    assert (result.facts["blocks"], result.facts["sites"], result.facts["folds"]) == (SITE, 7, 5)
    site = sited.tables[6.0].rows["site"].reindex(result.folds.index)
    for repeat in result.folds:
        assert result.folds[repeat].groupby(site).nunique().eq(1).all()
    lower, upper = result.models["M1"].intervals["auc"]
    assert lower < result.models["M1"].metrics["auc"] < upper
    by_patient = train(sited, protocol, replace(plan, blocks="patient", resamples=0))
    assert by_patient.models["M1"].metrics["auc"] != result.models["M1"].metrics["auc"]


def test_without_sites_a_training_by_site_is_refused(world, protocol):
    with pytest.raises(Refused, match="M105"):
        train(world, protocol, Plan(folds=5, repeats=2, resamples=0, draws=0, blocks=SITE))
    with pytest.raises(ValueError, match="blocks is 'country'; expected one of patient, site"):
        Plan(folds=5, repeats=2, resamples=0, draws=0, blocks="country")


# --- evidence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("folds", "repeats"), [(2, 10), (5, 1), (2, 1), (1, 1)])
def test_a_plan_that_is_hardly_more_than_one_split_is_refused(world, protocol, folds, repeats):
    with pytest.raises(Refused, match=f"M104.*{repeats} x {folds}-fold.*mark the plan exploratory"):
        train(world, protocol, Plan(folds=folds, repeats=repeats, resamples=0, draws=0))
    check_plan(3, 2, protocol)


def test_an_exploratory_plan_names_no_champion(world, protocol):
    plan = Plan(folds=5, repeats=1, resamples=0, draws=0, jobs=1)
    for exploratory, champion in ((True, ""), (False, "M3")):
        asked = replace(plan, exploratory=exploratory, repeats=2 - exploratory, folds=3)
        result = train_endpoint(
            world.tables, world.outcome, protocol.endpoint("MRD36@6"), protocol, plan=asked, origin=world.surgery,
            models=["M3"],
        )  # fmt: skip
        assert result.champion == champion and result.shown == "M3"
        assert result.policy_reason.startswith("no champion: the validation was exploratory") == exploratory


def deals(n, folds, repeats):
    names = [f"P{i}" for i in range(n)]
    return [
        ([who for i, who in enumerate(names) if i % folds != (k + r) % folds], names[(k + r) % folds :: folds])
        for r in range(repeats)
        for k in range(folds)
    ]


def test_splits_from_elsewhere_are_judged(protocol):
    check_splits(deals(30, 3, 2), protocol)
    with pytest.raises(Refused, match="M104.*one train/test split is not evidence"):
        check_splits(deals(30, 3, 2)[:1], protocol)
    with pytest.raises(Refused, match="M104.*5 train/test splits"):
        check_splits(deals(30, 5, 1), protocol)
    with pytest.raises(Refused, match="M104.*never judges 10 of 30 patients"):
        check_splits([split for split in deals(30, 3, 4) if "P0" not in split[1]], protocol)
    mixed = deals(30, 3, 2)
    mixed[4] = ([*mixed[4][0], mixed[4][1][0]], mixed[4][1])
    with pytest.raises(LeakageError, match="L105.*patient P2 is in training and test"):
        check_splits(mixed, protocol)
    with pytest.raises(LeakageError, match="L105.*site X"):
        check_splits(deals(30, 3, 2), protocol, sites={f"P{i}": "X" if i < 2 else f"S{i}" for i in range(30)})


def test_models_that_learnt_or_were_tuned_before_are_refused(cohort, protocol):
    plain = replace(cohort, blocks="patient")
    names = ("M0", "M2", "Mc", "M4", "M5", "M6")
    models = {name: build(name, cohort.endpoint, protocol) for name in names}
    folds = assign_folds(plain, 5, 1, seed=1)
    everybody = np.arange(len(plain.patients))
    fitted = fit_models(plain, models, everybody)
    with pytest.raises(LeakageError, match="L110.*M0 was fitted before"):
        cross_validate(plain, fitted, folds, jobs=1)
    for name, what in zip(names[1:], ("penalty", "penalty", "penalty", "configuration", "configuration"), strict=True):
        with pytest.raises(LeakageError, match=f"L110.*{name} was given its {what} before"):
            cross_validate(plain, {name: models[name].keeping(fitted[name])}, folds, jobs=1)
