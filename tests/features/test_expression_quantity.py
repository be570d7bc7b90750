"""Relative quantities, the comparative method and standard curves: literal wells, then the instruments' own answers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from qpcr_cases import well

from data.readers.plate import read_plate
from data.trial import Trial
from features.expression import delta_cq, delta_delta_cq, gene_efficiency, relative_quantities, standard_curve

DDCT = Path(__file__).with_name("fixtures") / "ddct"
REALDATA = Path(os.environ.get("NETEST_REALDATA", Path(__file__).resolve().parents[2] / "../shared/realdata"))
real = pytest.mark.skipif(not REALDATA.is_dir(), reason="real exports are not on this machine (NETEST_REALDATA)")


def with_values(protocol, **values):
    records = {key: replace(protocol.record(key), value=value) for key, value in values.items()}
    return replace(protocol, records=protocol.records | records)


def with_factors(protocol, references, default=2.0, **factors):
    """A protocol with its own reference genes and factors of a cycle."""
    return with_values(
        protocol,
        **{
            "expression.efficiency": default,
            "expression.gene_efficiency": factors,
            "expression.reference_genes": {"1.0": list(references)},
        },
    )


def trial_of(*wells):
    return Trial.from_frames(wells=pd.DataFrame(list(wells)))


def test_every_gene_has_its_own_factor(protocol):
    own = with_factors(protocol, ["ALG9"], default=1.9, KRAS=1.8, ALG9=2.0)
    trial = trial_of(well("S1", "ALG9", 10.0), well("S1", "KRAS", 12.0), well("S1", "BRAF", 11.0))
    found = relative_quantities(trial, own).set_index("gene")
    np.testing.assert_allclose(found["quantity"], [1.9**-11 / 2.0**-10, 1.8**-12 / 2.0**-10], rtol=1e-12)
    assert found.index.tolist() == ["BRAF", "KRAS"] and found["detected"].all()


def test_several_reference_genes_count_by_their_geometric_mean(protocol):
    own = with_factors(protocol, ["ALG9", "ATG4B"], ALG9=1.9)
    trial = trial_of(well("S1", "ALG9", 10.0), well("S1", "ATG4B", 13.0), well("S1", "KRAS", 12.0))
    found = relative_quantities(trial, own)
    geometric = np.sqrt(1.9**-10 * 2.0**-13)
    np.testing.assert_allclose(found["quantity"], [2.0**-12 / geometric], rtol=1e-12)
    assert delta_cq(trial, own)["dcq"].tolist() == [12.0 - 11.5]


@pytest.mark.parametrize("lost", ["ALG9", "ATG4B"])
def test_a_lost_reference_gene_leaves_no_quantity(protocol, lost):
    own = with_factors(protocol, ["ALG9", "ATG4B"])
    wells = [well("S1", gene, None if gene == lost else 12.0) for gene in ("ALG9", "ATG4B", "KRAS")]
    assert relative_quantities(trial_of(*wells), own)["quantity"].isna().all()
    kept = [row for row in wells if row["target"] != lost]
    assert relative_quantities(trial_of(*kept), own).set_index("gene")["quantity"].isna()["KRAS"]


def test_an_undetected_gene_has_its_largest_quantity_and_a_flag(protocol):
    own = with_factors(protocol, ["ALG9"])
    row = relative_quantities(trial_of(well("S1", "ALG9", 25.0), well("S1", "KRAS", None)), own).iloc[0]
    assert row["quantity"] == pytest.approx(2.0**-15) and not row["detected"]


def test_the_ratio_to_the_calibrator_of_the_plate(protocol):
    own = with_factors(protocol, ["ALG9"], KRAS=1.9)

    def plate(name, shift, sample):
        genes = (("ALG9", 20.0, 21.0), ("KRAS", 25.0 + shift, 27.0 + shift))
        return [w for gene, a, b in genes for w in (well(sample, gene, a, name), well(None, gene, b, name))]

    found = relative_quantities(trial_of(*plate("PL1", 0, "S1"), *plate("PL2", 0.8, "S2")), own, to_calibrator=True)
    np.testing.assert_allclose(found["quantity"], [1.9**2 / 2.0**1] * 2, rtol=1e-12)
    alone = trial_of(*(row for row in plate("PL1", 0, "S1") if row["sample_id"]))
    assert relative_quantities(alone, own, to_calibrator=True)["quantity"].isna().all()


@pytest.mark.parametrize("factor", [0.97, 1.0, 97.0, -2.0])
def test_an_impossible_factor_is_refused_by_name(protocol, factor):
    with pytest.raises(ValueError, match=f"gene_efficiency: KRAS {factor:g}; give the factor of one cycle"):
        gene_efficiency(with_factors(protocol, ["ALG9"], KRAS=factor), ["ALG9", "KRAS"])


def test_comparative_method_by_hand(protocol):
    own = with_factors(protocol, ["ALG9"])
    wells = [
        *(well("CAL", "ALG9", cq) for cq in (20.0, 20.2)),
        *(well("CAL", "KRAS", cq) for cq in (24.0, 24.2)),
        *(well("S1", "ALG9", cq) for cq in (21.0, 21.0)),
        *(well("S1", "KRAS", cq) for cq in (23.9, 24.1)),
        well("S1", "BRAF", None),
        well("S2", "KRAS", 24.0),
        well("S3", "ALG9", 20.0),
        well("S3", "KRAS", 25.0),
    ]
    found = delta_delta_cq(trial_of(*wells), own, "CAL").set_index(["sample_id", "gene"])
    assert found["reason"].to_dict() == {
        ("CAL", "KRAS"): "",
        ("S1", "BRAF"): "not_detected",
        ("S1", "KRAS"): "",
        ("S2", "KRAS"): "no_reference",
        ("S3", "KRAS"): "one_replicate",
    }
    row = found.loc[("S1", "KRAS")]
    # sd of (23.9, 24.1) is .141421, se .1; t with 2 degrees of freedom is 4.302653.
    expected = [3.0, 0.1, -1.0, 2.0, 2.0 ** (1 - 0.4302653), 2.0 ** (1 + 0.4302653)]
    np.testing.assert_allclose(row[["dcq", "dcq_se", "ddcq", "quantity", "lower", "upper"]].astype(float), expected)
    assert found.loc[("S3", "KRAS"), "quantity"] == pytest.approx(0.5)
    assert found.loc[("S3", "KRAS"), ["dcq_se", "lower", "upper"]].isna().all()
    assert found.loc[[("S1", "BRAF"), ("S2", "KRAS")], ["ddcq", "quantity"]].isna().all(axis=None)


def test_a_calibrator_that_was_not_run_is_refused(protocol):
    with pytest.raises(ValueError, match="calibrator 'S9' has no well that counts"):
        delta_delta_cq(trial_of(well("S1", "ALG9", 20.0)), protocol, "S9")


@pytest.mark.parametrize("file", ["qpcr_abi_legacy/7500_v2_results.csv", "qpcr_abi_legacy/stepone_decimal_comma.txt"])
def test_comparative_method_equals_reference_and_instrument(protocol, file):
    expected = pd.read_csv(DDCT / "expected.csv").query("file == @file")
    wells = pd.read_csv(DDCT / "wells.csv", keep_default_na=False, na_values=[""]).query("file == @file")
    wells = wells.rename(columns={"sample": "sample_id", "ct": "cq"}).assign(
        plate="PL1", task=wells["task"].fillna("unknown").str.lower(), omit=False, target=wells["target"].fillna("")
    )
    own = with_factors(protocol, expected["endogenous"].unique())
    found = delta_delta_cq(Trial.from_frames(wells=wells), own, expected["reference"].iloc[0])
    found = found.set_index(["sample_id", "gene"]).loc[list(zip(expected["sample"], expected["target"], strict=True))]
    ours = found[["dcq", "dcq_se", "ddcq", "quantity", "lower", "upper"]].to_numpy()
    assert len(expected) in (8, 15)
    np.testing.assert_allclose(
        ours, expected[["dct", "dct_se", "ddct", "rq", "rq_min", "rq_max"]], rtol=1e-9, atol=1e-12
    )
    printed = expected[[f"inst_{name}" for name in ("dct", "dct_se", "ddct", "rq", "rq_min", "rq_max")]]
    np.testing.assert_allclose(ours, printed, atol=1e-4, rtol=1e-4)


@real
def test_two_reference_genes_equal_what_a_quantstudio_printed(protocol):
    path = REALDATA / "qpcr_quantstudio" / "autoqpcr_relative_384.csv"
    wells = read_plate(path).wells.rename(columns={"sample": "sample_id"}).assign(plate="PL1")
    own = with_factors(protocol, ["ACTB", "GAPDH"])
    found = delta_delta_cq(Trial.from_frames(wells=wells), own, "AiW002-2-D0")
    found = found[found["reason"] == ""].set_index(["sample_id", "gene"])
    printed = _printed(path)
    assert len(printed) == 12 and set(printed.index) == set(found.index)
    printed = printed.loc[found.index]
    # Cq are printed with three decimals, and so are the answers.
    np.testing.assert_allclose(found["dcq"], printed["Delta Ct Mean"], atol=2e-3)
    np.testing.assert_allclose(found["ddcq"], printed["Delta Delta Ct"], atol=2e-3)
    np.testing.assert_allclose(found["quantity"], printed["RQ"], rtol=1e-3, atol=1e-3)
    # Its error of two reference genes is that of one typical gene, not that of their mean: never smaller than ours.
    assert (found["dcq_se"] <= printed["Delta Ct SE"] + 1e-3).all()


def _printed(path):
    """The instrument's own comparative columns, one row per sample and target."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    start = next(i for i, line in enumerate(lines) if "Delta Delta Ct" in line)
    header = lines[start].split(",")
    rows = [dict(zip(header, line.split(","), strict=False)) for line in lines[start + 1 :]]
    numbers = ["Delta Ct Mean", "Delta Ct SE", "Delta Delta Ct", "RQ"]
    table = pd.DataFrame([row for row in rows if row.get("Delta Delta Ct")]).groupby(["Sample Name", "Target Name"])
    return table[numbers].first().astype(float)


def test_standard_curve_by_hand():
    standards = pd.DataFrame(
        {
            "target": ["KRAS"] * 4 + ["BRAF"] * 2,
            "quantity": [1000.0, 100.0, 10.0, 1.0, 10.0, 1.0],
            "cq": [20.0, 23.5, 26.7, 30.2, 20.0, 23.0],
        }
    )
    row = standard_curve(standards).loc["KRAS"]
    # slope = -sum(dx dy) / sum(dx^2) = -16.9 / 5; 10^(1 / 3.38) = 1.97632
    assert (row["slope"], row["intercept"]) == (pytest.approx(-3.38), pytest.approx(30.17))
    assert row["efficiency"] == pytest.approx(10 ** (1 / 3.38)) and row["n"] == 4
    assert row["lower"] < row["efficiency"] < row["upper"]
    assert standard_curve(standards).loc["BRAF"].drop("n").isna().all()


@pytest.mark.parametrize("cq", [[20.0, 20.0, 20.0], [20.0, 21.0, 22.0], [20.0, None, 17.0]])
def test_a_curve_that_does_not_fall_has_no_efficiency(cq):
    table = standard_curve(pd.DataFrame({"target": "KRAS", "quantity": [100.0, 10.0, 1.0][::-1], "cq": cq[::-1]}))
    falls = cq == [20.0, 21.0, 22.0]
    assert table["efficiency"].notna().tolist() == [falls]


@pytest.mark.parametrize("seed", range(3))
def test_standard_curve_equals_least_squares(seed):
    from scipy.stats import linregress
    from scipy.stats import t as student

    draw = np.random.default_rng(seed)
    table = pd.DataFrame({"target": draw.choice(["A", "B"], 40), "quantity": 10.0 ** draw.integers(0, 6, 40)})
    table["cq"] = 35 - 3.4 * np.log10(table["quantity"]) + draw.normal(0, 0.2, 40)
    found = standard_curve(table)
    for gene, part in table.groupby("target"):
        line = linregress(np.log10(part["quantity"]), part["cq"])
        half = student.ppf(0.975, len(part) - 2) * line.stderr
        expected = [line.slope, line.intercept, line.rvalue**2, 10 ** (-1 / line.slope)]
        np.testing.assert_allclose(found.loc[gene, ["slope", "intercept", "r_squared", "efficiency"]], expected)
        limits = [10 ** (-1 / (line.slope - half)), 10 ** (-1 / (line.slope + half))]
        np.testing.assert_allclose(found.loc[gene, ["lower", "upper"]], limits)
