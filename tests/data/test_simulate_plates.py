"""qPCR plates of the simulator: layout, formats, and what must fail quality control."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.protocol import load_protocol
from data.readers.detect import read_file
from data.simulate import generate, simulate
from data.simulate.exports import export_text, file_name
from data.simulate.genes import assay_constants, well_cq
from data.simulate.plates import Plate, fill_plates, run_plates

EXAMPLE = Path(__file__).parents[2] / "data" / "example"
PROTOCOL = load_protocol()
GENES = 53


def a_plate(**changes):
    values = {
        "name": "PLQ0007",
        "quantstudio": True,
        "site": "C1",
        "run_on": np.datetime64("2016-03-01"),
        "samples": ("S000001", "S000002"),
        "genes": ("ALG9", "SSTR4"),
        "cq": np.array([[[24.0, 24.1, 24.2], [36.0, np.nan, np.nan]], [[25.0, 25.0, 25.0], [np.nan] * 3]]),
        "ntc": np.array([np.nan, 38.5]),
    }
    return Plate(**{**values, **changes})


@pytest.fixture(scope="module")
def exports():
    return {path.stem: read_file(path) for path in sorted((EXAMPLE / "qpcr").iterdir())}


def test_quantstudio_export_of_a_small_plate():
    text = export_text(a_plate())
    header, table = text.split("[Results]\n")
    assert "* Experiment Barcode = PLQ0007\n" in header and "* Experiment Name = PLQ0007\n" in header
    rows = table.split("\n\n")[0].split("\n")
    assert rows[0].split("\t")[:6] == ["Well", "Well Position", "Omit", "Sample Name", "Target Name", "Task"]
    assert rows[1] == "1\tA1\tfalse\tS000001\tALG9\tUNKNOWN\tFAM\tNFQ-MGB\t24.000\t24.100\t0.100"
    assert rows[5] == "5\tA5\tfalse\tS000001\tSSTR4\tUNKNOWN\tFAM\tNFQ-MGB\tUndetermined\t36.000\t"
    assert rows[10] == "10\tA10\tfalse\tS000002\tSSTR4\tUNKNOWN\tFAM\tNFQ-MGB\tUndetermined\t\t"
    assert rows[13] == "13\tA13\tfalse\t\tALG9\tNTC\tFAM\tNFQ-MGB\tUndetermined\t\t"
    assert len(rows) == 15


@pytest.mark.parametrize(("site", "word"), [("C2", "NaN"), ("C3", "N/A")])
def test_cfx_export_of_a_small_plate(site, word):
    plate = a_plate(quantstudio=False, site=site)
    rows = export_text(plate).split("\n")
    assert file_name(plate) == "PLQ0007.csv"
    assert rows[0] == ",Well,Fluor,Target,Content,Sample,Cq,Cq Mean,Cq Std. Dev"
    assert rows[1] == ",A01,FAM,ALG9,Unkn-01,S000001,24.000,24.100,0.100"
    assert rows[5] == f",A05,FAM,SSTR4,Unkn-01,S000001,{word},36.000,0.000"
    assert rows[13] == f",A13,FAM,ALG9,NTC,,{word},0.000,0.000"
    assert rows[14] == ",A14,FAM,SSTR4,NTC,,38.500,38.500,0.000"


def test_wells_that_come_late_are_lost():
    expected = np.array([24.0, 34.0, 45.0])
    cq = well_cq(expected, np.zeros(3), np.full(3, 0.5))
    assert cq[:2].tolist() == [24.0, 34.0] and np.isnan(cq[2])


def test_each_site_fills_its_own_plates_in_the_order_of_arrival():
    blood = pd.DataFrame(
        {
            "sample_id": ["S1", "S2", "S3", "S4", "S5"],
            "received_on": pd.to_datetime(["2016-01-05", "2016-01-01", "2016-01-09", "2016-02-01", "2016-01-03"]),
        }
    )
    rows = fill_plates(blood, np.array(["C1", "C1", "C2", "C1", "C2"]))
    assert [row.tolist() for row in rows] == [[1, 0], [4, 2], [3]]


def test_the_assay_does_not_change_with_the_trial():
    constants = assay_constants(PROTOCOL.panel)
    assert constants.genes == (*PROTOCOL.panel.genes, "ALG9", "ATG4B") and len(constants.genes) == GENES
    assert not constants.response[constants.is_reference].any()
    assert 10 <= (constants.response > 0).sum() <= 32
    assert np.all((constants.efficiency > 1.8) & (constants.efficiency <= 2.0))


def test_responding_genes_follow_the_activity_and_reference_genes_do_not():
    made = generate(400, 12)
    plates = run_plates(made, PROTOCOL)
    constants = assay_constants(PROTOCOL.panel)
    sound = [plate for plate in plates if np.isfinite(plate.ntc).mean() < 0.5]
    first_well = {tube: plate.cq[i, :, 0] for plate in sound for i, tube in enumerate(plate.samples)}
    cq = pd.DataFrame(first_well, index=list(constants.genes)).T.fillna(40)
    relative = cq.sub(cq["ALG9"], axis=0)
    activity = pd.Series(made.activity, index=made.samples["sample_id"])[cq.index].to_numpy()
    strongest = constants.genes[int(np.argmax(constants.response))]
    assert np.corrcoef(relative[strongest], activity)[0, 1] < -0.3
    assert abs(np.corrcoef(relative["ATG4B"], activity)[0, 1]) < 0.15
    blood = made.samples[made.samples["specimen"] == "blood"]
    assert len(cq) == len(blood)


def test_every_blood_sample_and_no_urine_sample_is_on_a_plate(exports):
    samples = pd.read_csv(EXAMPLE / "samples.csv").set_index("sample_id")["specimen"]
    named = pd.concat([export.wells["sample"] for export in exports.values()])
    named = set(named[named.notna() & ~named.isin(["", "NTC"])])
    assert named == set(samples.index[samples == "blood"])


def test_the_readers_find_every_well(exports):
    for name, export in exports.items():
        wells = export.wells
        count = len(set(wells["sample"].dropna()) - {"", "NTC"})
        assert export.plate == name
        assert len(wells) == count * GENES * 3 + GENES, name
        assert (wells["task"] == "ntc").sum() == GENES
        assert wells["well"].is_unique and set(wells["target"]) == set(assay_constants(PROTOCOL.panel).genes)
        assert set(wells["state"]) <= {"value", "undetermined"}


def test_both_instruments_ran_about_half_of_the_plates(exports):
    count = pd.Series([path.suffix for path in (EXAMPLE / "qpcr").iterdir()]).value_counts(normalize=True)
    assert set(count.index) == {".txt", ".csv"} and count.min() > 0.35
    words = {word for export in exports.values() for word in export.wells["cq_raw"] if not str(word)[0].isdigit()}
    assert {"Undetermined", "NaN", "N/A"} <= words


def test_exactly_one_plate_has_amplifying_controls_and_its_re_run_is_clean(exports):
    amplified = {
        name: ((export.wells["task"] == "ntc") & (export.wells["cq"] < 35)).sum() for name, export in exports.items()
    }
    failed = [name for name, count in amplified.items() if count > 5]
    rerun = [name for name in exports if name.endswith("R")]
    assert len(failed) == 1 and rerun == [f"{failed[0]}R"]
    assert amplified[failed[0]] > 0.7 * GENES
    assert set(exports[failed[0]].wells["sample"].dropna()) == set(exports[rerun[0]].wells["sample"].dropna())
    own = pd.concat([export.wells.assign(plate=name) for name, export in exports.items()])
    own = own[own["task"] == "unknown"].groupby("sample")["plate"].nunique()
    assert set(own[own > 1].index) == set(exports[failed[0]].wells.query("task == 'unknown'")["sample"])


def test_exactly_one_sample_has_a_late_reference_gene(exports):
    low, high = PROTOCOL["plate_qc.reference_cq_range"]
    wells = pd.concat([export.wells for export in exports.values()])
    reference = wells[(wells["target"] == "ALG9") & (wells["task"] == "unknown")].groupby("sample")["cq"].mean()
    assert ((reference < low) | (reference > high)).sum() == 1


def test_some_wells_are_undetermined_and_replicates_agree(exports):
    wells = pd.concat([export.wells.assign(plate=name) for name, export in exports.items()])
    wells = wells[wells["task"] == "unknown"]
    assert 0.005 < (wells["state"] == "undetermined").mean() < 0.10
    sd = wells.groupby(["plate", "sample", "target"])["cq"].std()
    assert sd.median() == pytest.approx(0.13, abs=0.04)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_tiny_trials_have_their_failed_plate_too(n, tmp_path):
    made = simulate(tmp_path / "d", n=n, seed=3)
    names = [path.stem for path in (made.out / "qpcr").iterdir()]
    assert made.counts["plates"] == len(names) == len(set(names))
    assert sum(name.endswith("R") for name in names) == 1
