"""Proportions, Fisher's test and odds: printed examples, exact coverage by enumeration, subgroups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, nchypergeom_fisher

from models.estimates.proportions import fisher, odds_ratio, proportion, proportion_difference
from models.estimates.subgroups import breslow_day, mantel_haenszel, odds_by_subgroup, rates_by_level

# Migraine trial of the SAS FREQ manual: better and same on active treatment, better and same on placebo; women, men.
MIGRAINE = np.array([[16.0, 11, 5, 20], [12, 16, 7, 19]])


@pytest.mark.parametrize(
    ("k", "n", "printed"),
    [
        (78, 83, (0.940, 0.87, 0.97)),  # accuracy of the two-by-two table 25, 5, 0, 53
        (53, 58, (0.914, 0.81, 0.96)),  # specificity
        (25, 30, (0.833, 0.66, 0.93)),  # positive predictive value
        (25, 25, (1.0, 0.87, 1.0)),  # sensitivity
        (53, 53, (1.0, 0.93, 1.0)),  # negative predictive value
    ],
)
def test_recomputed_wilson_intervals_of_the_domain_sheet(k: int, n: int, printed: tuple[float, ...]) -> None:
    found = proportion(k, n, "wilson")
    assert (round(found.value, 3), round(found.lower, 2), round(found.upper, 2)) == printed


def test_exact_interval_of_binom_test() -> None:
    mendel = proportion(682, 925)  # R, binom.test(682, 925)
    assert (mendel.lower, mendel.upper) == pytest.approx((0.7076683, 0.7654066), abs=5e-8)
    none = proportion(0, 20)
    assert (none.lower, none.upper) == pytest.approx((0, 1 - 0.025 ** (1 / 20)))


@pytest.mark.parametrize("n", [1, 5, 12, 25, 60])
def test_the_exact_interval_covers_at_least_its_level_whatever_the_truth(n: int) -> None:
    limits = np.array([(e.lower, e.upper) for e in (proportion(k, n) for k in range(n + 1))])
    truth = np.linspace(0.001, 0.999, 999)[:, None]
    inside = (limits[:, 0] <= truth) & (truth <= limits[:, 1])
    coverage = (binom.pmf(np.arange(n + 1), n, truth) * inside).sum(axis=1)
    assert coverage.min() >= 0.95
    wilson = np.array([(e.lower, e.upper) for e in (proportion(k, n, "wilson") for k in range(n + 1))])
    inside = (wilson[:, 0] <= truth) & (truth <= wilson[:, 1])
    assert 0.94 < (binom.pmf(np.arange(n + 1), n, truth) * inside).sum(axis=1).mean() < coverage.mean() + 0.01


@pytest.mark.parametrize("method", ["exact", "wilson"])
def test_nobody_gives_no_rate_and_half_patients_are_refused(method: str) -> None:
    empty = proportion(0, 0, method)
    assert np.isnan([empty.value, empty.lower, empty.upper]).all()
    for k, n, words in ((3, 2, "3 of 2: more"), (-1, 2, "k = -1"), (1, 2.5, "n = 2.5"), (np.nan, 2, "k = nan")):
        with pytest.raises(ValueError, match=words):
            proportion(k, n, method)
    with pytest.raises(ValueError, match="choose exact or wilson"):
        proportion(1, 2, "wald")


@pytest.mark.parametrize(
    ("counts", "printed"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 20), (-0.1611, 0.2775)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
    ],
)
def test_newcombe_1998_table_of_method_ten(counts: tuple[int, ...], printed: tuple[float, float]) -> None:
    found = proportion_difference(*counts)
    assert (round(found.lower, 4), round(found.upper, 4)) == printed
    back = proportion_difference(*counts[2:], *counts[:2])
    assert (back.lower, back.upper, back.p) == pytest.approx((-found.upper, -found.lower, found.p))


def test_response_as_the_registration_trial_reported_it() -> None:
    # 18% (18 of 101) against 3% (3 of 100), printed P < 0.001.
    found = proportion_difference(18, 101, 3, 100)
    assert found.p < 0.001 and found.lower > 0.06
    assert np.isnan(proportion_difference(1, 5, 0, 0).lower)


def test_fisher_and_conditional_odds_of_the_r_manual() -> None:
    tea = fisher(3, 1, 1, 3)
    assert (tea.statistic, round(tea.p, 4)) == (9, 0.4857) and np.isnan(tea.df)
    assert odds_ratio(3, 1, 1, 3).value == pytest.approx(6.408309, rel=1e-5)
    twins = (2, 15, 10, 3)  # convictions of like-sex twins of criminals
    assert round(fisher(*twins).p, 7) == 0.0005367
    assert odds_ratio(*twins).value == pytest.approx(0.04693661, rel=1e-5)


@pytest.mark.parametrize("table", [(3, 1, 1, 3), (2, 15, 10, 3), (18, 83, 3, 97), (7, 1, 2, 30)])
def test_exact_odds_limits_leave_two_and_a_half_percent_on_each_side(table: tuple[int, ...]) -> None:
    a, b, c, d = table
    found = odds_ratio(*table)

    def count(odds: float):  # the first cell, margins fixed
        return nchypergeom_fisher(a + b + c + d, a + b, a + c, odds)

    assert count(found.lower).sf(a - 1) == pytest.approx(0.025, rel=1e-6)
    assert count(found.upper).cdf(a) == pytest.approx(0.025, rel=1e-6)
    assert count(found.value).mean() == pytest.approx(a, rel=1e-6)


def test_woolf_by_hand_and_tables_that_say_nothing() -> None:
    found = odds_ratio(10, 20, 5, 40, method="woolf")
    error = np.sqrt(1 / 10 + 1 / 20 + 1 / 5 + 1 / 40)
    limits = np.exp(np.log(4) + np.array([-1.959964, 1.959964]) * error)
    assert (found.value, found.lower, found.upper) == pytest.approx((4, *limits))
    zero = odds_ratio(0, 5, 2, 4, method="woolf")
    assert zero.value == 0 and np.isnan(zero.lower)
    exact = odds_ratio(0, 5, 2, 4)
    assert (exact.value, exact.lower) == (0, 0) and exact.upper > 1
    assert odds_ratio(5, 0, 2, 4).upper == np.inf
    for method in ("exact", "woolf"):
        for empty in ((0, 5, 0, 4), (0, 0, 2, 4), (3, 0, 2, 0)):
            assert np.isnan(odds_ratio(*empty, method=method).value)
    assert np.isnan(fisher(0, 0, 2, 4).p) and fisher(0, 5, 0, 4).p == 1
    with pytest.raises(ValueError, match="choose exact or woolf"):
        odds_ratio(1, 1, 1, 1, method="wald")


def migraine() -> pd.DataFrame:
    """One row per patient of the migraine trial."""
    cells = [("active", 1), ("active", 0), ("placebo", 1), ("placebo", 0)]
    rows = [
        (sex, *cell)
        for sex, table in zip(("female", "male"), MIGRAINE.astype(int), strict=True)
        for cell, n in zip(cells, table, strict=True)
        for _ in range(n)
    ]
    return pd.DataFrame(rows, columns=["sex", "arm", "better"])


def test_odds_by_subgroup_of_the_migraine_trial() -> None:
    found = odds_by_subgroup(migraine(), "better", "arm", "sex", reference="placebo", method="woolf")
    assert found.table[["subgroup", "k", "n", "k_reference", "n_reference"]].to_numpy().tolist() == [
        ["female", 16, 27, 5, 25],
        ["male", 12, 28, 7, 26],
    ]
    assert found.table["odds_ratio"].tolist() == pytest.approx([16 * 20 / 55, 12 * 19 / 112])
    common = found.common
    assert (round(common.value, 4), round(common.lower, 4), round(common.upper, 4)) == (3.3132, 1.4456, 7.5934)
    assert round(breslow_day(MIGRAINE, tarone=False).statistic, 4) == 1.4929
    assert round(breslow_day(MIGRAINE, tarone=False).p, 4) == 0.2218
    assert found.heterogeneity.statistic == pytest.approx(1.49054, abs=1e-5) and found.heterogeneity.df == 1


def test_subgroups_that_share_one_odds_ratio_show_no_heterogeneity() -> None:
    same = np.array([[10.0, 20, 5, 40], [20, 40, 10, 80], [1, 2, 3, 24]])
    assert breslow_day(same).statistic == pytest.approx(0, abs=1e-9)
    assert mantel_haenszel(same).value == pytest.approx(4)
    one = np.array([[6.0, 4, 6, 4], [3, 9, 3, 9]])
    assert mantel_haenszel(one).value == 1 and breslow_day(one).statistic == 0


def test_uninformative_subgroups_are_left_out_of_the_test_but_stay_in_the_table() -> None:
    alone = pd.DataFrame({"sex": ["unknown"] * 3, "arm": ["active"] * 3, "better": [1, 0, 1]})
    found = odds_by_subgroup(pd.concat([migraine(), alone]), "better", "arm", "sex", reference="placebo")
    without = odds_by_subgroup(migraine(), "better", "arm", "sex", reference="placebo")
    assert found.heterogeneity == without.heterogeneity
    last = found.table.iloc[-1]
    assert (last["n"], last["n_reference"]) == (3, 0) and np.isnan([last["odds_ratio"], last["p"]]).all()
    single = odds_by_subgroup(migraine().assign(sex="all"), "better", "arm", "sex", reference="placebo")
    assert np.isnan(single.heterogeneity.p)


def test_subgroup_refusals() -> None:
    frame = migraine()
    with pytest.raises(ValueError, match="exactly two groups are needed, one of them 'sham'"):
        odds_by_subgroup(frame, "better", "arm", "sex", reference="sham")
    with pytest.raises(ValueError, match=r"better has \[2.0\]"):
        odds_by_subgroup(frame.assign(better=frame["better"] * 2), "better", "arm", "sex", reference="placebo")


def test_response_by_grade_of_one_cohort() -> None:
    frame = pd.DataFrame(
        {
            "grade": pd.Categorical(["G1"] * 8 + ["G2"] * 6 + [None], ["G1", "G2", "G3"]),
            "response": [1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1],
        }
    )
    table = rates_by_level(frame, "response", "grade").set_index("level")
    assert table[["k", "n"]].to_numpy().tolist() == [[2, 8], [4, 6], [0, 0]]
    assert table["rate"].to_numpy() == pytest.approx([0.25, 2 / 3, np.nan], nan_ok=True)
    assert table.loc["G2", "lower"] == pytest.approx(proportion(4, 6).lower)
    assert table.loc["G2", "odds_ratio"] == pytest.approx(odds_ratio(4, 2, 2, 6).value)
    assert np.isnan(table.loc[["G1", "G3"], ["odds_ratio", "p"]].to_numpy()).all()
