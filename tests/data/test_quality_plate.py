"""Plate quality control: each rule on a small plate, its limit from both sides, what holds on any plate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.protocol import Protocol, load_protocol
from data.quality import PlateVerdict, judge_plate
from data.quality.limits import read_limits
from data.trial import Trial, typed

PROTOCOL = load_protocol()
REFERENCE = read_limits(PROTOCOL).reference_gene
GENES = ("APLP2", "CD59", "KRAS", "BRAF", "ARAF", "RAF1", "MKI67", "PKD1", "NOL3", "HSF2")


def with_rule(key: str, value: object) -> Protocol:
    """The protocol with one quality rule changed, as another laboratory might have it."""
    record = replace(PROTOCOL.record(f"plate_qc.{key}"), value=value)
    return replace(PROTOCOL, records={**PROTOCOL.records, f"plate_qc.{key}": record})


def good_plate(samples: tuple[str, ...] = ("S1", "S2", "S3", "S4"), replicates: int = 2) -> pd.DataFrame:
    """Reference gene at Cq 24, panel genes at 27, replicates 0.1 apart, a silent no-template well a gene."""
    rows = []
    for sample in samples:
        for gene in (REFERENCE, *GENES):
            base = 24.0 if gene == REFERENCE else 27.0
            rows += [(sample, gene, "unknown", base + 0.1 * copy, "value") for copy in range(replicates)]
    rows += [(None, gene, "ntc", np.nan, "undetermined") for gene in (REFERENCE, *GENES)]
    wells = pd.DataFrame(rows, columns=["sample_id", "target", "task", "cq", "state"])
    wells["well"] = [f"{chr(65 + index // 24)}{index % 24 + 1}" for index in range(len(wells))]
    return wells.assign(plate="PL1", file="pl1.txt", omit=False, instrument="x", row=range(1, len(wells) + 1))


def change(wells: pd.DataFrame, where: str, **values: object) -> pd.DataFrame:
    changed = wells.copy()
    for column, value in values.items():
        changed.loc[changed.query(where).index, column] = value
    return changed


def silence(wells: pd.DataFrame, where: str) -> pd.DataFrame:
    return change(wells, where, cq=np.nan, state="undetermined")


def codes(verdict: PlateVerdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def row_of(verdict: PlateVerdict, sample: str) -> pd.Series:
    return verdict.samples.set_index("sample_id").loc[sample]


def test_a_good_plate_passes_with_its_figures() -> None:
    verdict = judge_plate(good_plate(), PROTOCOL)
    assert (verdict.verdict, verdict.findings) == ("pass", [])
    expected = pd.DataFrame(
        {
            "plate": "PL1",
            "sample_id": ["S1", "S2", "S3", "S4"],
            "verdict": "pass",
            "codes": "",
            "reference_cq": 24.05,
            "replicate_sd": 0.1 / np.sqrt(2),
            "undetermined_fraction": 0.0,
        }
    )
    pd.testing.assert_frame_equal(verdict.samples, expected)


def test_the_samples_are_rows_of_the_trial() -> None:
    samples = judge_plate(good_plate(), PROTOCOL).samples
    assert list(samples) == list(Trial.empty().verdicts)
    assert len(typed("verdicts", samples)) == 4


def test_replicate_sd_is_pooled_within_genes() -> None:
    wells = good_plate(("S1",))
    wells = wells[wells["target"].isin([REFERENCE, "APLP2", "CD59"])]
    wells.loc[wells.query("sample_id == 'S1'").index, "cq"] = [24.0, 24.2, 27.0, 27.4, 30.0, 30.0]
    # Sums of squares 0.02, 0.08 and 0 on one degree of freedom each.
    assert row_of(judge_plate(wells, PROTOCOL), "S1")["replicate_sd"] == pytest.approx(np.sqrt(0.10 / 3))


def test_no_template_controls_are_required() -> None:
    verdict = judge_plate(good_plate().query("task != 'ntc'"), PROTOCOL)
    assert verdict.verdict == "reject" and codes(verdict) == ["Q301"]
    assert set(verdict.samples["verdict"]) == {"reject"} and set(verdict.samples["codes"]) == {"Q301"}
    assert str(verdict.findings[0]) == (
        "[Q301] pl1.txt: no no-template control well of a panel gene"
        " -> mark the no-template wells in the instrument software, or run the plate with them"
    )


def test_a_control_without_a_panel_gene_or_omitted_is_no_control() -> None:
    unnamed = change(good_plate(), "task == 'ntc'", target=None)
    omitted = change(good_plate(), "task == 'ntc'", omit=True)
    assert codes(judge_plate(unnamed, PROTOCOL)) == codes(judge_plate(omitted, PROTOCOL)) == ["Q301"]


def test_the_reference_gene_is_required() -> None:
    verdict = judge_plate(good_plate().query(f"target != '{REFERENCE}'"), PROTOCOL)
    assert verdict.verdict == "reject" and codes(verdict) == ["Q302"]
    assert verdict.findings[0].gene == REFERENCE
    assert verdict.samples["reference_cq"].isna().all()


def test_the_reference_gene_is_that_of_the_version() -> None:
    other = PROTOCOL.assays["2.0"].reference_gene
    assert other != REFERENCE
    assert "Q302" in codes(judge_plate(good_plate(), PROTOCOL, "2.0"))
    renamed = change(good_plate(), f"target == '{REFERENCE}'", target=other)
    assert judge_plate(renamed, PROTOCOL, "2.0").verdict == "pass"


@pytest.mark.parametrize(("cq", "amplified"), [(37.99, True), (38.0, False), (39.5, False)])
def test_one_amplified_no_template_well_is_a_warning_for_its_gene(cq: float, amplified: bool) -> None:
    wells = change(good_plate(), "task == 'ntc' and target == 'KRAS'", cq=cq, state="value")
    verdict = judge_plate(wells, PROTOCOL)
    assert verdict.verdict == "pass"
    assert codes(verdict) == (["Q101"] if amplified else [])
    if amplified:
        finding = verdict.findings[0]
        assert (finding.severity, finding.gene, finding.well) == (
            "warn",
            "KRAS",
            wells.query("task == 'ntc'")["well"].iloc[3],
        )
        assert "Cq 37.99 (allowed from 38)" in finding.message


@pytest.mark.parametrize(("amplified", "rejected"), [(1, False), (2, True), (11, True)])
def test_too_many_amplified_no_template_wells_reject_the_plate(amplified: int, rejected: bool) -> None:
    wells = good_plate()
    wells.loc[wells.query("task == 'ntc'").index[:amplified], ["cq", "state"]] = [30.0, "value"]
    verdict = judge_plate(wells, PROTOCOL)
    assert ("Q303" in codes(verdict), verdict.verdict == "reject") == (rejected, rejected)
    assert codes(verdict).count("Q101") == amplified


def test_an_amplified_control_without_transcriptase_is_a_warning() -> None:
    control = (
        good_plate(("S1",)).query("target == 'KRAS' and task == 'unknown'").assign(task="nrt", sample_id=None, cq=31.0)
    )
    verdict = judge_plate(pd.concat([good_plate(), control]), PROTOCOL)
    assert (verdict.verdict, codes(verdict)) == ("pass", ["Q103"])
    assert verdict.findings[0].gene == "KRAS" and "31.00, 31.00" in verdict.findings[0].message


def test_a_sample_without_its_reference_wells_is_repeated() -> None:
    verdict = judge_plate(good_plate().query(f"sample_id != 'S2' or target != '{REFERENCE}'"), PROTOCOL)
    assert (verdict.verdict, codes(verdict)) == ("repeat", ["Q201"])
    assert verdict.findings[0].sample == "S2"
    assert verdict.samples["verdict"].tolist() == ["pass", "repeat", "pass", "pass"]
    assert verdict.samples["codes"].tolist() == ["", "Q201", "", ""]


def test_a_sample_whose_wells_are_all_omitted_is_repeated() -> None:
    verdict = judge_plate(change(good_plate(), "sample_id == 'S3'", omit=True), PROTOCOL)
    assert row_of(verdict, "S3")["verdict"] == "repeat" and row_of(verdict, "S3")["codes"] == "Q201"
    assert np.isnan(row_of(verdict, "S3")["undetermined_fraction"])


def test_a_silent_reference_gene_repeats_the_sample() -> None:
    verdict = judge_plate(silence(good_plate(), f"sample_id == 'S2' and target == '{REFERENCE}'"), PROTOCOL)
    assert codes(verdict) == ["Q202"] and "did not amplify (allowed 18 to 30 cycles)" in verdict.findings[0].message
    assert verdict.findings[0].well == "A23, A24"


@pytest.mark.parametrize(
    ("cq", "fails", "word"),
    [(17.9, True, "more"), (18.0, False, ""), (30.0, False, ""), (30.1, True, "less")],
)
def test_reference_range_holds_its_ends(cq: float, fails: bool, word: str) -> None:
    verdict = judge_plate(change(good_plate(), f"sample_id == 'S1' and target == '{REFERENCE}'", cq=cq), PROTOCOL)
    assert codes(verdict) == (["Q202"] if fails else [])
    if fails:
        assert f"mean Cq {cq:.2f} (allowed 18 to 30)" in verdict.findings[0].message
        assert f"{word} template" in verdict.findings[0].remedy


@pytest.mark.parametrize(("apart", "fails"), [(0.70, False), (0.72, True)])
def test_scattered_reference_replicates_repeat_the_sample(apart: float, fails: bool) -> None:
    # Two replicates d apart have SD d / sqrt(2): 0.495 and 0.509 against 0.5.
    wells = good_plate()
    wells.loc[wells.query(f"sample_id == 'S1' and target == '{REFERENCE}'").index, "cq"] = [
        24.0,
        24.0 + apart,
    ]
    verdict = judge_plate(wells, PROTOCOL)
    assert codes(verdict) == (["Q203"] if fails else [])
    if fails:
        assert "SD 0.51 cycles (allowed 0.5)" in verdict.findings[0].message


@pytest.mark.parametrize(("scattered", "code"), [(0, None), (1, "Q102"), (2, "Q102"), (3, "Q204"), (10, "Q204")])
def test_scattered_genes_warn_and_too_many_repeat(scattered: int, code: str | None) -> None:
    wells = good_plate()
    for gene in GENES[:scattered]:
        wells.loc[wells.query(f"sample_id == 'S1' and target == '{gene}'").index, "cq"] = [27.0, 29.0]
    verdict = judge_plate(wells, PROTOCOL)
    assert codes(verdict) == ([code] if code else [])
    assert verdict.verdict == ("repeat" if code == "Q204" else "pass")
    if code:
        assert f"{scattered} of 10 genes" in verdict.findings[0].message
        assert verdict.findings[0].gene.startswith("APLP2")


@pytest.mark.parametrize(("silent", "fails"), [(2, False), (3, True)])
def test_too_many_undetermined_wells_repeat_the_sample(silent: int, fails: bool) -> None:
    genes = list(GENES[2 : 2 + silent])
    verdict = judge_plate(silence(good_plate(), f"sample_id == 'S1' and target in {genes}"), PROTOCOL)
    assert codes(verdict) == (["Q205"] if fails else [])
    assert row_of(verdict, "S1")["undetermined_fraction"] == pytest.approx(silent / 10)
    if fails:
        assert "6 of 20 panel wells have no Cq (30%, allowed 25%)" in verdict.findings[0].message


def test_the_limits_themselves_are_allowed() -> None:
    wells = silence(good_plate(), "sample_id == 'S1' and target in ['KRAS', 'BRAF']")
    assert codes(judge_plate(wells, with_rule("undetermined_fraction_max", 0.2))) == []
    assert codes(judge_plate(wells, with_rule("undetermined_fraction_max", 0.19))) == ["Q205"]


def test_blank_and_odd_wells_count_as_undetermined() -> None:
    blank = change(good_plate(), "sample_id == 'S1' and target in ['KRAS', 'BRAF']", cq=np.nan, state="blank")
    odd = change(blank, "sample_id == 'S1' and target == 'ARAF'", cq=np.nan, state="other")
    assert codes(judge_plate(odd, PROTOCOL)) == ["Q205"]


def test_a_check_gene_that_is_not_detected_repeats_the_sample() -> None:
    verdict = judge_plate(silence(good_plate(), "sample_id == 'S4' and target == 'APLP2'"), PROTOCOL)
    assert codes(verdict) == ["Q206"]
    finding = verdict.findings[0]
    assert (finding.sample, finding.gene, finding.well) == ("S4", "APLP2", "C21, C22")


@pytest.mark.parametrize(("lacking", "severity"), [(GENES[6:8], "warn"), (GENES[5:8], "repeat")])
def test_panel_genes_that_only_one_sample_lacks_show_a_cut_export(lacking: tuple[str, ...], severity: str) -> None:
    wells = good_plate()
    cut = wells[~((wells["sample_id"] == "S4") & wells["target"].isin(lacking))]
    (finding,) = judge_plate(cut, with_rule("undetermined_fraction_max", 0.2)).findings
    assert (finding.code, finding.severity, finding.sample) == ("Q207", severity, "S4")
    assert finding.gene == ", ".join(sorted(lacking, key=read_limits(PROTOCOL).genes.index))
    assert finding.message.startswith(f"{len(lacking)} of the plate's 10 panel genes have no well of this sample")


def test_panel_genes_that_are_nowhere_on_the_plate_are_its_layout() -> None:
    wells = good_plate()
    assert judge_plate(wells[~wells["target"].isin(GENES[6:])], PROTOCOL).verdict == "pass"


def test_check_genes_that_are_not_on_the_plate_are_a_warning() -> None:
    verdict = judge_plate(good_plate().query("target not in ['APLP2', 'CD59']"), PROTOCOL)
    assert (verdict.verdict, codes(verdict)) == ("pass", ["Q306"])
    assert verdict.findings[0].gene == "APLP2, CD59"


@pytest.mark.parametrize(("failing", "verdict"), [(1, "repeat"), (2, "repeat"), (3, "reject"), (4, "reject")])
def test_too_many_failing_samples_reject_the_plate(failing: int, verdict: str) -> None:
    samples = ["S1", "S2", "S3", "S4"][:failing]
    judged = judge_plate(change(good_plate(), f"sample_id in {samples} and target == '{REFERENCE}'", cq=33.0), PROTOCOL)
    assert judged.verdict == verdict
    assert ("Q304" in codes(judged)) == (verdict == "reject")
    if verdict == "reject":
        assert judged.findings[0].code == "Q304"
        assert row_of(judged, "S1")["codes"] == "Q304;Q202"
        assert set(judged.samples["verdict"]) == {"reject"}


def test_a_plate_without_samples_is_rejected() -> None:
    verdict = judge_plate(good_plate().query("task == 'ntc'"), PROTOCOL)
    assert (verdict.verdict, codes(verdict)) == ("reject", ["Q305"])
    assert verdict.samples.empty and list(verdict.samples) == list(Trial.empty().verdicts)


def test_an_empty_plate_is_rejected() -> None:
    verdict = judge_plate(Trial.empty().wells, PROTOCOL)
    assert verdict.verdict == "reject" and codes(verdict) == ["Q301", "Q305"]


def test_two_plates_at_once_are_an_error() -> None:
    wells = pd.concat([good_plate(), good_plate().assign(plate="PL2")])
    with pytest.raises(ValueError, match="one plate, these wells are of 2: PL1, PL2"):
        judge_plate(wells, PROTOCOL)


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("replicate_sd_max", 0.05, "Q203"),
        ("reference_cq_range", [25, 30], "Q202"),
        ("failed_sample_fraction_max", -0.1, "Q304"),
        ("undetermined_fraction_max", -0.1, "Q205"),
    ],
)
def test_the_rules_are_those_of_the_protocol(key: str, value: object, code: str) -> None:
    assert code in codes(judge_plate(good_plate(), with_rule(key, value)))


def test_control_rules_are_those_of_the_protocol() -> None:
    wells = change(good_plate(), "task == 'ntc' and target == 'KRAS'", cq=36.0, state="value")
    assert codes(judge_plate(wells, with_rule("ntc_cq_min", 36))) == []
    assert "Q303" in codes(judge_plate(wells, with_rule("ntc_amplified_fraction_max", 0.05)))


def test_other_genes_and_other_tasks_do_not_count() -> None:
    foreign = good_plate().assign(target="GAPDH", cq=99.0, well="P1")
    standards = good_plate().assign(task="standard", cq=5.0, sample_id=None, well="P2")
    mixed = pd.concat([good_plate(), foreign, standards], ignore_index=True)
    expected = judge_plate(good_plate(), PROTOCOL)
    pd.testing.assert_frame_equal(judge_plate(mixed, PROTOCOL).samples, expected.samples)
    assert judge_plate(mixed, PROTOCOL).findings == []


def test_wells_are_not_changed() -> None:
    wells = good_plate()
    before = wells.copy()
    judge_plate(wells, PROTOCOL)
    pd.testing.assert_frame_equal(wells, before)


def noisy_plate(seed: int) -> pd.DataFrame:
    """A plate of random faults: shifted samples, silent wells, omitted wells, contaminated controls."""
    rng = np.random.default_rng(seed)
    wells = good_plate(replicates=int(rng.integers(1, 4)))
    wells["cq"] += rng.normal(0, rng.choice([0.05, 0.5, 2.0]), len(wells))
    silent = rng.random(len(wells)) < rng.choice([0, 0.1, 0.5])
    wells.loc[silent, ["cq", "state"]] = [np.nan, "undetermined"]
    wells["omit"] = rng.random(len(wells)) < 0.05
    contaminated = (wells["task"] == "ntc") & (rng.random(len(wells)) < rng.choice([0, 0.3]))
    wells.loc[contaminated, ["cq", "state"]] = [35.0, "value"]
    return wells


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_holds_on_any_plate(seed: int) -> None:
    wells = noisy_plate(seed)
    verdict = judge_plate(wells, PROTOCOL)
    samples = verdict.samples
    assert sorted(samples["sample_id"]) == ["S1", "S2", "S3", "S4"]
    assert (verdict.verdict == "reject") == any(f.severity == "reject" for f in verdict.findings)
    assert (verdict.verdict == "pass") == samples["verdict"].eq("pass").all()
    assert ((samples["codes"] == "") == (samples["verdict"] == "pass")).all()
    assert samples["undetermined_fraction"].dropna().between(0, 1).all()
    assert all(f.message and f.remedy and f.file == "pl1.txt" for f in verdict.findings)
    used = wells[(wells["task"] == "unknown") & ~wells["omit"] & (wells["state"] == "value")]
    grouped = used.groupby(["sample_id", "target"])["cq"]
    means = grouped.mean().reset_index().query("target == @REFERENCE").set_index("sample_id")["cq"]
    reference = means.reindex(samples["sample_id"])
    np.testing.assert_allclose(samples["reference_cq"], reference, equal_nan=True)
    squares = (grouped.var() * (grouped.count() - 1)).groupby("sample_id").sum()
    freedom = (grouped.count() - 1).groupby("sample_id").sum()
    pooled = np.sqrt((squares / freedom.where(freedom > 0)).reindex(samples["sample_id"]))
    np.testing.assert_allclose(samples["replicate_sd"], pooled, equal_nan=True)
    shuffled = judge_plate(wells.sample(frac=1, random_state=seed), PROTOCOL).samples
    order = samples["sample_id"].tolist()
    left, right = samples.set_index("sample_id"), shuffled.set_index("sample_id").loc[order]
    pd.testing.assert_frame_equal(left, right)
