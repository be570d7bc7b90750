"""Stability of reference genes: by hand, invariants, and geNorm's own data against R."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.expression import reference_stability

ANSWERS = Path(__file__).with_name("fixtures") / "genorm" / "ref_genorm.csv"
REALDATA = Path(os.environ.get("NETEST_REALDATA", Path(__file__).resolve().parents[2] / "../shared/realdata"))
real = pytest.mark.skipif(not REALDATA.is_dir(), reason="real data are not on this machine (NETEST_REALDATA)")


def test_three_genes_by_hand():
    # log2: A 0 1 2, B 0 1 3, C 1 1 1.
    # sd(A - B) = sd(0, 0, -1) = .57735; sd(A - C) = sd(-1, 0, 1) = 1; sd(B - C) = sd(-1, 0, 2) = 1.52753.
    found = reference_stability(pd.DataFrame({"A": [1.0, 2, 4], "B": [1.0, 2, 8], "C": [2.0, 2, 2]}))
    assert found.m.round(5).to_dict() == {"A": 0.78868, "B": 1.05244, "C": 1.26376}
    assert found.rank.to_dict() == {"A": 1, "B": 1, "C": 3}
    assert found.average_m.round(5).to_dict() == {3: 1.03496, 2: 0.57735}
    # Factors: mean of A and B 0 1 2.5; of all 1/3 1 2; sd of their difference (-1/3, 0, 1/2) = .41944.
    assert found.variation.round(5).to_dict() == {2: 0.41944} and found.n_samples == 3


def test_samples_without_every_gene_are_left_out():
    table = pd.DataFrame({"A": [1.0, 2, 4, 0, 3], "B": [1.0, 2, 8, 3, np.nan], "C": [2.0, 2, 2, 2, 2]})
    assert reference_stability(table).n_samples == 3
    pd.testing.assert_series_equal(reference_stability(table).m, reference_stability(table.head(3)).m)


@pytest.mark.parametrize("table", [{"A": [1.0, 2, 3], "B": [1.0, 2, 3]}, {"A": [1.0, 2], "B": [1.0, 2], "C": [1.0, 2]}])
def test_too_little_to_judge_is_refused(table):
    with pytest.raises(ValueError, match="three genes and three complete samples; found"):
        reference_stability(pd.DataFrame(table))


@pytest.mark.parametrize("seed", range(5))
def test_scale_and_input_of_rna_do_not_matter(seed):
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(2.0 ** draw.normal(0, [0.2, 0.4, 0.6, 1.0], (30, 4)), columns=list("ABCD"))
    moved = table.mul(draw.uniform(0.1, 10, 30), axis=0).mul([1, 5, 0.2, 7], axis=1)[list("DCBA")]
    one, other = reference_stability(table), reference_stability(moved)
    np.testing.assert_allclose(one.m[list("ABCD")], other.m[list("ABCD")])
    np.testing.assert_allclose(one.variation, other.variation)
    assert one.rank.sort_index().to_dict() == other.rank.sort_index().to_dict() and one.rank["D"] == 4


@real
@pytest.mark.parametrize("tissue", ["BM", "FIB", "LEU", "NB"])
def test_genorm_data_equal_r(tissue):
    table = pd.read_csv(REALDATA / "qpcr_panels" / "genorm_10refs_85samples.csv", index_col="gene").T
    found = reference_stability(table[[re.sub(r"\d+$", "", name) == tissue for name in table.index]])
    ours = {
        "n_samples": found.n_samples,
        **{f"M_all.{gene}": value for gene, value in found.m.items()},
        **{f"avgM_{n}genes": value for n, value in found.average_m.items()},
        **{f"rank.{gene}": value for gene, value in found.rank.items()},
        **{f"V{n}_{n + 1}": value for n, value in found.variation.items()},
    }
    answers = pd.read_csv(ANSWERS, index_col="quantity")["value"]
    answers = answers[answers.index.str.startswith(f"{tissue}.")].rename(lambda name: name.removeprefix(f"{tissue}."))
    assert set(answers.index) == set(ours) and len(ours) == 38
    np.testing.assert_allclose([ours[name] for name in answers.index], answers, rtol=1e-9, atol=1e-12)
