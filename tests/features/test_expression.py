"""Normalised expression: literal wells, the instrument's own delta Cq, omic clusters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.trial import Trial
from features.expression import (
    accepted_wells,
    delta_cq,
    omic_scores,
    reference_distribution,
    relative_quantity,
    sample_quality,
)

DDCT = Path(__file__).with_name("fixtures") / "ddct"


def well(sample_id, target, cq, plate="PL1", **facts):
    state = "undetermined" if cq is None else "value"
    return {
        "plate": plate,
        "sample_id": sample_id,
        "target": target,
        "task": "unknown",
        "cq": cq,
        "state": state,
        "omit": False,
    } | facts


def verdict(sample_id, verdict, plate="PL1", **facts):
    return {"plate": plate, "sample_id": sample_id, "verdict": verdict, "reference_cq": 25.0} | facts


def trial_of(wells, verdicts=()):
    return Trial.from_frames(wells=pd.DataFrame(wells), verdicts=pd.DataFrame(list(verdicts)))


def dcq_of(wells, verdicts, protocol, **options):
    table = delta_cq(trial_of(wells, verdicts), protocol, **options)
    return table.set_index(["sample_id", "gene"])


def test_mean_of_replicates_against_the_reference_gene(protocol):
    wells = [
        well("S1", "ALG9", 25.0),
        well("S1", "ALG9", 26.0),
        well("S1", "KRAS", 28.0),
        well("S1", "KRAS", 29.0),
    ]
    row = dcq_of(wells, [], protocol).loc[("S1", "KRAS")]
    assert (row["dcq"], row["reference_cq"], row["cq"], row["replicates"], row["detected"]) == (
        3,
        25.5,
        28.5,
        2,
        True,
    )


def test_undetermined_is_left_censored_at_the_limit(protocol):
    wells = [
        well("S1", "ALG9", 25.0),
        well("S1", "KRAS", None),
        well("S1", "BRAF", 40.0),
        well("S1", "ARAF", 39.9),
    ]
    table = dcq_of(wells, [], protocol).xs("S1")
    assert table["dcq"].round(6).to_dict() == {"ARAF": 14.9, "BRAF": 15.0, "KRAS": 15.0}
    assert table["detected"].to_dict() == {"ARAF": True, "BRAF": False, "KRAS": False}


def test_one_determined_replicate_is_enough(protocol):
    wells = [well("S1", "ALG9", 25.0), well("S1", "KRAS", None), well("S1", "KRAS", 36.0)]
    row = dcq_of(wells, [], protocol).loc[("S1", "KRAS")]
    assert (row["dcq"], row["detected"], row["replicates"]) == (11.0, True, 1)


def test_without_the_reference_gene_there_is_no_value(protocol):
    wells = [well("S1", "ALG9", None), well("S1", "KRAS", 28.0), well("S2", "KRAS", 28.0)]
    assert dcq_of(wells, [], protocol)["dcq"].isna().all()


def test_omitted_control_and_blank_wells_do_not_count(protocol):
    wells = [
        well("S1", "ALG9", 25.0),
        well("S1", "KRAS", 28.0),
        well("S1", "KRAS", 20.0, omit=True),
        well(None, "KRAS", 33.0, task="ntc"),
        well("S1", "KRAS", 21.0, task="positive_control"),
        well("S1", "BRAF", None, state="blank"),
    ]
    table = dcq_of(wells, [], protocol)
    assert table["dcq"].to_dict() == {("S1", "KRAS"): 3.0}


def test_the_latest_accepted_plate_counts(protocol):
    def plate(name, cq):
        return [well("S1", "ALG9", 25.0, name), well("S1", "KRAS", cq, name)]

    wells = [*plate("PL1", 27.0), *plate("PL2", 28.0), *plate("PL3", 29.0)]
    passed = [verdict("S1", "pass", name) for name in ("PL1", "PL2", "PL3")]
    assert dcq_of(wells, passed, protocol).loc[("S1", "KRAS"), ["plate", "dcq"]].tolist() == ["PL3", 4.0]
    for bad in ("reject", "repeat"):
        judged = [*passed[:2], verdict("S1", bad, "PL3")]
        assert dcq_of(wells, judged, protocol).loc[("S1", "KRAS"), ["plate", "dcq"]].tolist() == ["PL2", 3.0]
    all_bad = [verdict("S1", "reject", name) for name in ("PL1", "PL2", "PL3")]
    assert dcq_of(wells, all_bad, protocol).empty


def test_a_verdict_concerns_one_sample_of_a_plate(protocol):
    wells = [well(name, gene, cq) for name in ("S1", "S2") for gene, cq in (("ALG9", 25.0), ("KRAS", 27.0))]
    kept = accepted_wells(trial_of(wells).wells, trial_of(wells, [verdict("S1", "reject")]).verdicts)
    assert set(kept["sample_id"]) == {"S2"}


def test_quality_of_the_latest_accepted_plate():
    verdicts = [
        verdict("S1", "pass", "PL1", reference_cq=24.0),
        verdict("S1", "reject", "PL2", reference_cq=31.0),
        verdict("S2", "reject", "PL1"),
    ]
    assert sample_quality(trial_of([], verdicts).verdicts)["reference_cq"].to_dict() == {"S1": 24.0}


def test_the_reference_gene_belongs_to_the_version(protocol):
    wells = [well("S1", "ALG9", 25.0), well("S1", "ATG4B", 24.0), well("S1", "KRAS", 28.0)]
    assert dcq_of(wells, [], protocol).loc[("S1", "KRAS"), "dcq"] == 3.0
    assert dcq_of(wells, [], protocol, version="2.0").loc[("S1", "KRAS"), "dcq"] == 4.0


def test_relative_quantity_uses_the_efficiency(protocol):
    dcq = pd.Series([0.0, 1.0, -2.0, np.nan])
    expected = [1.0, 1 / 1.94, 1.94**2, np.nan]
    np.testing.assert_allclose(relative_quantity(dcq, protocol), expected)


@pytest.mark.parametrize("file", ["qpcr_abi_legacy/7500_v2_results.csv", "qpcr_abi_legacy/stepone_decimal_comma.txt"])
def test_delta_cq_equals_the_instruments_own(protocol, file):
    expected = pd.read_csv(DDCT / "expected.csv").query("file == @file")
    wells = pd.read_csv(DDCT / "wells.csv", keep_default_na=False, na_values=[""]).query("file == @file")
    endogenous = expected["endogenous"].iloc[0]
    own = replace(protocol, assays={"1.0": replace(protocol.assays["1.0"], reference_gene=endogenous)})
    wells = wells.rename(columns={"sample": "sample_id", "ct": "cq"}).assign(
        plate="PL1",
        task=wells["task"].fillna("unknown").str.lower(),
        omit=False,
        target=wells["target"].fillna(""),
    )
    found = delta_cq(Trial.from_frames(wells=wells), own).set_index(["sample_id", "gene"])
    detected = expected.dropna(subset=["dct"])
    assert len(detected) >= 6
    pairs = list(zip(detected["sample"], detected["target"], strict=True))
    np.testing.assert_allclose(found["dcq"].reindex(pairs), detected["dct"], atol=1e-9)


def test_omic_scores_are_mean_standardised_expression(protocol):
    dcq = pd.DataFrame(
        {
            "sample_id": ["S1"] * 3 + ["S2"],
            "gene": ["SSTR1", "SSTR3", "COMMD9", "SSTR1"],
            "dcq": [1.0, 5.0, 2.0, 3.0],
        }
    )
    mu = pd.Series({"SSTR1": 2.0, "SSTR3": 3.0, "COMMD9": 2.0})
    sd = pd.Series({"SSTR1": 0.5, "SSTR3": 2.0, "COMMD9": 1.0})
    scores = omic_scores(dcq, protocol.panel, mu, sd)
    assert list(scores.columns) == list(protocol.panel.omes) and len(scores.columns) <= 8
    assert scores["SSTRome"].to_dict() == {"S1": (2.0 - 1.0) / 2, "S2": -2.0}
    assert scores.loc["S1", "Plurome"] == 0.0 and np.isnan(scores.loc["S2", "Plurome"])


def test_omic_scores_refuse_a_gene_without_spread(protocol):
    dcq = pd.DataFrame({"sample_id": ["S1"], "gene": ["KRAS"], "dcq": [1.0]})
    with pytest.raises(ValueError, match="KRAS"):
        omic_scores(dcq, protocol.panel, pd.Series({"KRAS": 1.0}), pd.Series({"KRAS": 0.0}))


def test_a_reference_scored_by_itself_is_centred(protocol):
    draw = np.random.default_rng(3)
    genes = [gene for gene in protocol.panel.genes for _ in range(40)]
    dcq = pd.DataFrame(
        {
            "sample_id": [f"S{number}" for number in range(40)] * len(protocol.panel.genes),
            "gene": genes,
            "dcq": draw.normal(5, 2, len(genes)),
            "detected": True,
        }
    )
    reference = reference_distribution(dcq)
    scores = omic_scores(dcq, protocol.panel, reference["mu"], reference["sd"])
    np.testing.assert_allclose(scores.mean(), 0.0, atol=1e-12)


def test_a_trial_without_plates_has_no_expression(protocol):
    assert delta_cq(Trial.empty(), protocol).empty
