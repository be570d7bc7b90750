"""Groups of patients by hand; random effects against published figures and their own limits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from models.metrics.heterogeneity import across_sites, groups_of, random_effects, subgroup_table
from models.metrics.probability import Judged

# Log risk ratios and variances of thirteen trials of BCG vaccine (Colditz 1994), as escalc of R metafor prints them.
BCG = np.array(
    [
        [-0.8893, 0.3256], [-1.5854, 0.1946], [-1.3481, 0.4154], [-1.4416, 0.0200], [-0.2175, 0.0512],
        [-0.7861, 0.0069], [-1.6209, 0.2230], [0.0120, 0.0040], [-0.4694, 0.0564], [-1.3713, 0.0730],
        [-0.3394, 0.0124], [0.4459, 0.5325], [-0.0173, 0.0714],
    ]
)  # fmt: skip


def test_random_effects_of_the_bcg_trials_are_the_published_ones():
    """Viechtbauer, J Stat Softw 2010; 36(3): REML tau2 0.3132, mean -0.7145, I2 92.22%; knha error 0.1808."""
    found = random_effects(BCG[:, 0], np.sqrt(BCG[:, 1]))
    assert found.tau**2 == pytest.approx(0.3132, abs=3e-4)
    assert found.mean == pytest.approx(-0.7145, abs=2e-4)
    assert found.error == pytest.approx(0.1808, abs=2e-4)
    assert found.i2 == pytest.approx(0.9222, abs=2e-4)
    assert found.predicted_lower < found.lower < found.mean < found.upper < found.predicted_upper


def test_alike_sites_have_no_spread_and_the_plain_error():
    found = random_effects([0.5, 0.5, 0.5, 0.5], [0.2, 0.2, 0.2, 0.2])
    assert (found.tau, found.i2, found.q, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert found.error == pytest.approx(0.1)


def test_two_sites_have_no_prediction_and_one_is_refused():
    assert np.isnan(random_effects([0.2, 0.9], [0.1, 0.1]).predicted_lower)
    with pytest.raises(ValueError, match="1 effects: at least two"):
        random_effects([0.2], [0.1])
    with pytest.raises(ValueError, match="above zero"):
        random_effects([0.2, 0.3], [0.1, 0.0])


@pytest.mark.parametrize("seed", range(3))
def test_random_effects_do_not_depend_on_the_order_or_the_origin(seed):
    rng = np.random.default_rng(seed)
    effects, errors, order = rng.normal(size=7), 0.1 + rng.random(7), rng.permutation(7)
    one, other = random_effects(effects, errors), random_effects(3 + effects[order], errors[order])
    assert other.mean == pytest.approx(3 + one.mean) and other.tau == pytest.approx(one.tau)
    assert other.predicted_upper == pytest.approx(3 + one.predicted_upper)


def test_the_interval_covers_the_mean_of_many_worlds():
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(400):
        errors = rng.uniform(0.15, 0.5, 6)
        found = random_effects(0.8 + 0.3 * rng.normal(size=6) + errors * rng.normal(size=6), errors)
        hits += found.lower <= 0.8 <= found.upper
    assert 0.92 <= hits / 400 <= 1


BASELINE = pd.DataFrame(
    {
        "arm": ["a", "a", "b", "b"],
        "site": ["C1", "C2", "C1", None],
        "sex": ["F", "M", "M", "F"],
        "age": [64, 65, np.nan, 80],
        "primary_site": ["pancreas", "ileum", None, "lung"],
    }
)


def test_groups_by_hand():
    found = {(group.variable, group.level): group.rows.astype(int).tolist() for group in groups_of(BASELINE, 65)}
    assert found == {
        ("arm", "a"): [1, 1, 0, 0], ("arm", "b"): [0, 0, 1, 1],
        ("site", "C1"): [1, 0, 1, 0], ("site", "C2"): [0, 1, 0, 0],
        ("sex", "F"): [1, 0, 0, 1], ("sex", "M"): [0, 1, 1, 0],
        ("age", "65 years or older"): [0, 1, 0, 1], ("age", "below 65 years"): [1, 0, 0, 0],
        ("primary", "other"): [0, 1, 0, 1], ("primary", "pancreas"): [1, 0, 0, 0],
    }  # fmt: skip
    assert [group.key for group in groups_of(BASELINE, 65)][:3] == ["a", "b", "site: C1"]


def table_of(centres: list[float]) -> pd.DataFrame:
    """A subgroup table whose sites have the given AUC with a standard error of 0.3 on the logit scale."""
    size = 40
    rng = np.random.default_rng(0)
    label = np.tile([1.0, 0.0], size * len(centres) // 2)
    site = np.repeat([f"C{i}" for i in range(len(centres))], size)
    patients = Judged(label, np.ones(len(label)), np.full(len(label), "a"))
    groups = groups_of(pd.DataFrame({"arm": "a", "site": site, "sex": rng.choice(["F"], len(label))}), 65)
    metrics = {f"auc|site: C{i}": value for i, value in enumerate(centres)}
    intervals = {
        name: tuple(expit(logit(value) + 1.959964 * 0.3 * np.array([-1, 1]))) for name, value in metrics.items()
    }
    return subgroup_table(patients, groups, metrics, intervals, 10)


def test_sites_are_pooled_on_the_logit_scale():
    table = table_of([0.7, 0.8, 0.9])
    assert table.loc[table["variable"].eq("site"), "p"].nunique() == 1 and table["note"].eq("").all()
    found = across_sites(table, 3)
    expected = random_effects(logit([0.7, 0.8, 0.9]), [0.3] * 3)
    assert found["auc"] == pytest.approx(expit(expected.mean)) and found["tau"] == pytest.approx(expected.tau)
    assert found["predicted_lo"] < found["auc_lo"] < found["auc"] < found["auc_hi"] < found["predicted_hi"]
    assert across_sites(table, 4) == {}


def test_a_group_with_too_few_events_says_so():
    patients = Judged(np.array([1.0, 0, 1, 0]), np.ones(4), np.array(["a", "a", "b", "b"]))
    table = subgroup_table(patients, groups_of(BASELINE, 65), {"auc|a": 0.9}, {"auc|a": (0.8, 0.95)}, 10)
    assert table["auc"].isna().all() and table["p"].isna().all()
    assert table["note"].iloc[0] == "not estimable: 1 events and 1 non-events; 10 of each are needed"
