"""Every real QuantStudio and Bio-Rad export against the checked-in R answers; other instruments refused."""

from __future__ import annotations

import gzip
import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.findings import Refused
from data.readers.detect import read_file
from data.readers.plate import PlateExport, read_plate

FIXTURES = Path(__file__).parent / "fixtures"
REPOSITORY = Path(__file__).resolve().parents[2]
REALDATA = Path(os.environ.get("NETEST_REALDATA", REPOSITORY / "../shared/realdata"))

pytestmark = pytest.mark.skipif(not REALDATA.is_dir(), reason="real exports are not on this machine (NETEST_REALDATA)")

SUMMARY = pd.read_csv(FIXTURES / "qpcr_expected_summary.csv", index_col="file")
WITHOUT_ANSWER = "qpcr_quantstudio/rtpcr_missing_results.txt"
QS, BIO = "qpcr_quantstudio/", "qpcr_biorad/"
FOREIGN = {
    "qpcr_abi_legacy/7000_no_metadata.csv": "Applied Biosystems 7000",
    "qpcr_abi_legacy/7000_sds12_absolute.csv": "Applied Biosystems 7000",
    "qpcr_abi_legacy/7500_v2_results.csv": "Applied Biosystems 7500",
    "qpcr_abi_legacy/7900_aq_384.txt": "Applied Biosystems 7900HT",
    "qpcr_abi_legacy/stepone_biff.xls": "Applied Biosystems StepOne",
    "qpcr_abi_legacy/stepone_decimal_comma.txt": "Applied Biosystems StepOne",
    "qpcr_fluidigm_openarray/biomark_48x48.csv": "Fluidigm BioMark",
    "qpcr_fluidigm_openarray/openarray_GNP81.csv": "OpenArray",
    "qpcr_other/eppendorf_raw_data_eppendorf.csv": "Eppendorf",
    "qpcr_other/illumina_raw_data_eco1.csv": "Illumina Eco",
    "qpcr_other/qiagen_raw_data_corbett1.csv": "Rotor-Gene",
    "qpcr_other/stratagene_raw_data_stratagene.txt": "Stratagene",
    "qpcr_roche/lc480_absquant_cr.txt": "LightCycler 480",
    "qpcr_roche/lc480_nrd1_calibration_Cq.txt.gz": "LightCycler 480",
    "qpcr_roche/lc480_raw_fluorescence.txt": "LightCycler 480",
    "qpcr_roche/lc480_raw_sampleinfo.txt": "LightCycler 480",
    "qpcr_roche/lc480_txn_plate1_Cq.txt.gz": "LightCycler 480",
    "qpcr_roche/lightcycler_abs_fitpoints.txt": "LightCycler",
    "qpcr_rdml_eds/BioRad_qPCR_melt.rdml": "RDML",
    "qpcr_rdml_eds/DEMO_COVID2020_THERMO.eds": "experiment file (.eds)",
    "qpcr_rdml_eds/absolute.rdml": "RDML",
    "qpcr_rdml_eds/genorm.rdml": "RDML",
    "qpcr_rdml_eds/passing_plate.eds": "experiment file (.eds)",
    "qpcr_rdml_eds/relative.rdml": "RDML",
    "qpcr_rdml_eds/stepone_std.rdml": "RDML",
    "qpcr_sds_tlda/sds21_rq_experiment1.txt": "SDS 2 relative quantification",
    "qpcr_sds_tlda/sds21_techreps_human.txt": "SDS 2 relative quantification",
    "qpcr_sds_tlda/sds23_rq_study.txt": "SDS 2 relative quantification",
    "qpcr_sds_tlda/tlda_sample1.txt": "TaqMan low-density array",
    "qpcr_sds_tlda/tlda_sample2.txt": "TaqMan low-density array",
    "qpcr_sds_tlda/tlda_sample3.txt": "TaqMan low-density array",
}
NO_PLATE = (
    "qpcr_panels/genorm_10refs_85samples.csv",
    "qpcr_panels/oncogene2013_77genes.csv",
    "qpcr_sds_tlda/tlda_files.txt",
)


@cache
def plate(name: str) -> PlateExport:
    return read_plate(REALDATA / name)


@cache
def answers() -> pd.DataFrame:
    with gzip.open(FIXTURES / "qpcr_expected_long.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        return pd.read_csv(stream, dtype=str, keep_default_na=False)


def files_of(*folders: str) -> list[str]:
    return sorted(
        f"{folder}/{path.name}" for folder in folders for path in (REALDATA / folder).glob("*") if path.suffix != ".md"
    )


def codes(name: str) -> list[str]:
    return [finding.code for finding in plate(name).findings]


def test_every_file_of_both_folders_has_an_answer() -> None:
    assert set(files_of("qpcr_quantstudio", "qpcr_biorad")) == {*SUMMARY.index, WITHOUT_ANSWER}


@pytest.mark.parametrize("name", SUMMARY.index)
def test_counts_equal_the_answers(name: str) -> None:
    wells, expected = plate(name).wells, SUMMARY.loc[name]
    states = wells["state"].value_counts()
    found = {
        "rows": len(wells),
        "wells": wells["well"].nunique(),
        "samples": wells["sample"].nunique(),
        "targets": wells["target"].nunique(),
        "n_value": states.get("value", 0),
        "n_undetermined": states.get("undetermined", 0),
        "n_blank": states.get("blank", 0),
        "n_other": states.get("other", 0),
        "n_omitted": wells["omit"].sum(),
    }
    assert found == expected[list(found)].astype(int).to_dict()
    np.testing.assert_allclose(wells["cq"].sum(), expected["sum_ct"], atol=1e-6)
    np.testing.assert_allclose([wells["cq"].min(), wells["cq"].max()], expected[["min_ct", "max_ct"]].astype(float))


@pytest.mark.parametrize("name", SUMMARY.index)
def test_every_row_equals_the_answer(name: str) -> None:
    wells = plate(name).wells
    expected = answers().query("file == @name").reset_index(drop=True)
    assert list(wells["row"]) == [int(row) for row in expected["row"]]
    for column in ("well", "sample", "target", "state"):
        assert wells[column].fillna("").tolist() == expected[column].tolist(), column
    cq = np.array([float(cell) if cell else np.nan for cell in expected["ct"]])
    np.testing.assert_array_equal(wells["cq"].to_numpy(), cq)


@pytest.mark.parametrize("name", [*SUMMARY.index, WITHOUT_ANSWER])
def test_rows_point_at_their_line_in_the_file(name: str) -> None:
    export = plate(name)
    if export.sheet:
        pytest.skip("a workbook has no text lines")
    lines = re.split(r"\r\n|\r|\n", (REALDATA / name).read_text(encoding="utf-8"))
    for row in export.wells.iloc[[0, -1]].itertuples():
        assert row.well in lines[row.line - 1] and row.cq_raw in lines[row.line - 1]


@pytest.mark.parametrize("name", [*SUMMARY.index, WITHOUT_ANSWER])
def test_no_person_and_no_path_is_kept(name: str) -> None:
    text = " ".join(f"{key} {value}" for key, value in plate(name).metadata.items())
    assert not re.search(r"[A-Z]:[\\/]|\\|Operator|User|SMITMARQ|TestUser|Gilles|Administrator", text)


@pytest.mark.parametrize(
    ("name", "instrument", "title"),
    [
        (QS + "openarray_12kflex_plate1.txt", "QuantStudio 12K Flex", "SLB93"),
        (QS + "rtpcr_example01.txt", "ViiA 7", "trial 1"),
        (QS + "rtpcr_example02.txt", "QuantStudio 6 Flex", "QuantStudio 96-Well Presence-Absence Example"),
        (QS + "rtpcr_example05.txt", "QuantStudio 7 Flex", "QuantStudio96-Well Comparative Ct Example"),
        (QS + "rtpcr_crt_example08.xlsx", "QuantStudio 7 Flex", "2022-08-12 145003"),
        (QS + "rtpcr_eqct_example10.xlsx", "QuantStudio 12K Flex", "test_experiment"),
        (QS + "da_diomni_presence_absence.xlsx", "QuantStudio 7 Pro", "BARCODE1"),
        (QS + "da_qs7pro_primary_no_sample.xlsx", "QuantStudio 7 Pro", "da_qs7pro_primary_no_sample"),
        (QS + "da_qs1_standard_curve.xlsx", "QuantStudio 1", "da_qs1_standard_curve"),
        (QS + "autoqpcr_relative_384.csv", "QuantStudio 5", "2019-09-10_120614"),
        (QS + "autoqpcr_absolute_GAPDH.csv", "QuantStudio 3", "2019-04-25_124559"),
        (QS + "autoqpcr_absolute_ACTB.csv", "QuantStudio 3", "2019-04-25_135946"),
        (BIO + "cfx384_mirna.csv", "Bio-Rad CFX", "cfx384_mirna"),
        (BIO + "c1000_quantified.txt", "Bio-Rad C1000", "c1000_quantified"),
        (BIO + "myiq_hash_columns.csv", "Bio-Rad MyiQ", "myiq_hash_columns"),
        (BIO + "opticon_brain_b2m.csv", "Bio-Rad Opticon", "opticon_brain_b2m"),
    ],
)
def test_instrument_and_plate_name(name: str, instrument: str, title: str) -> None:
    assert (plate(name).instrument, plate(name).plate) == (instrument, title)


def test_openarray_traps() -> None:
    wells = plate(QS + "openarray_12kflex_plate1.txt").wells
    unused = wells[wells["target"].isna()]
    assert len(unused) == 384 and set(unused["state"]) == {"undetermined"} and set(unused["task"]) == {"other"}
    # The mean of an undetermined well's twin is no Cq of the well: line 31 has Ct Mean 30.182.
    twin = wells[wells["well"] == "A1b3"].iloc[0]
    assert (twin["state"], twin["line"]) == ("undetermined", 31) and np.isnan(twin["cq"])
    # NTC is only a sample name: it stays what its task says, and somebody is told.
    assert set(wells.loc[(wells["sample"] == "NTC") & wells["target"].notna(), "task"]) == {"unknown"}
    assert codes(QS + "openarray_12kflex_plate1.txt") == ["P123"]
    assert plate(QS + "openarray_12kflex_plate1.txt").metadata["Analysis Type"] == "Singleplex"


def test_viia7_traps() -> None:
    export = plate(QS + "rtpcr_example01.txt")
    assert export.metadata["Experiment Type"] == "Comparative Cт (ΔΔCт)"
    assert export.source_line == 109 and "LINE" not in export.metadata


def test_presence_absence_lists_a_well_once_per_target() -> None:
    wells = plate(QS + "rtpcr_example02.txt").wells
    assert wells.groupby("well").size().eq(2).all()
    tasks = wells.groupby("target")["task"].value_counts().to_dict()
    assert tasks == {("IPC", "other"): 48, ("TGFb", "unknown"): 44, ("TGFb", "ntc"): 4}


def test_setup_that_does_not_match_the_results_is_said() -> None:
    wells = plate(QS + "rtpcr_example05.txt").wells
    ntc = wells[wells["task"] == "ntc"]
    assert len(ntc) == 6 and ntc["sample"].isna().all()
    assert codes(QS + "rtpcr_example05.txt") == ["P122"]


def test_wells_of_the_setup_without_result_are_named() -> None:
    export = plate(WITHOUT_ANSWER)
    assert (len(export.wells), export.wells["well"].nunique()) == (2, 1)
    assert set(export.wells["state"]) == {"undetermined"}
    assert export.wells["target"].tolist() == ["CYP19_2-Allele 1", "CYP19_2-Allele 2"]
    assert "(A2)" in export.findings[0].message


def test_crt_and_boolean_omit() -> None:
    export = plate(QS + "rtpcr_crt_example08.xlsx")
    assert export.source_line == 43 and not export.wells["omit"].any()
    assert export.wells["cq"][0] == 11.32002067565918


def test_primary_export_names_what_it_lacks() -> None:
    export = plate(QS + "da_qs7pro_primary_no_sample.xlsx")
    assert export.missing == ("sample", "target")
    assert [(f.code, f.column) for f in export.findings] == [("P121", "sample"), ("P121", "target")]
    assert export.wells["task"].value_counts().to_dict() == {"standard": 84, "ntc": 12}


def test_diomni_controls() -> None:
    tasks = plate(QS + "da_diomni_presence_absence.xlsx").wells["task"].value_counts().to_dict()
    assert tasks == {"unknown": 4, "ntc": 2, "positive_control": 2}


def test_standards_may_lack_a_sample_name() -> None:
    for gene, count in (("ACTB", 24), ("GAPDH", 22)):
        wells = plate(f"{QS}autoqpcr_absolute_{gene}.csv").wells
        standards = wells[wells["task"] == "standard"]
        assert len(standards) == count and standards["sample"].isna().all()


def test_cfx_traps() -> None:
    mirna = plate(BIO + "cfx384_mirna.csv").wells["task"].value_counts().to_dict()
    assert mirna == {"other": 288, "standard": 42} and codes(BIO + "cfx384_mirna.csv") == ["P124"]
    comma = plate(BIO + "cfx384_decimal_comma.txt").wells
    assert comma["cq"][0] == 17.0415256548431 and comma["cq_raw"][0] == "17,0415256548431"
    assert codes(BIO + "cfx384_decimal_comma.txt") == ["P123"]
    c1000 = plate(BIO + "c1000_quantified.txt").wells["task"].value_counts().to_dict()
    assert c1000 == {"ntc": 51, "unknown": 39, "standard": 6}
    assert plate(BIO + "myiq_hash_columns.csv").missing == ("target",)
    blank = plate(BIO + "opticon_brain_b2m.csv").wells.iloc[0]
    assert (blank["task"], blank["cq"]) == ("other", 36.11)


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_other_instruments_are_named_and_refused(name: str) -> None:
    with pytest.raises(Refused) as caught:
        read_file(REALDATA / name)
    text = str(caught.value)
    assert text.startswith(f"[P111] {Path(name).name}: looks like ") and "which is not read yet" in text
    assert FOREIGN[name] in text and "\n" not in text


@pytest.mark.parametrize("name", NO_PLATE)
def test_tables_that_are_no_plates_are_refused(name: str) -> None:
    with pytest.raises(Refused) as caught:
        read_file(REALDATA / name)
    assert str(caught.value).startswith(f"[P110] {Path(name).name} line 1: is neither a delivery table nor")


def test_no_file_of_the_other_folders_is_forgotten() -> None:
    folders = {name.split("/")[0] for name in (*FOREIGN, *NO_PLATE)}
    assert set(files_of(*folders)) == {*FOREIGN, *NO_PLATE}
