"""Inter-plate calibration: two plates that differ by a known shift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from qpcr_cases import well

from data.trial import Trial
from features.expression import calibrated_differences, calibrator_cq, calibrator_level, calibrator_offset

NOMINAL = {"KRAS": 4.0, "BRAF": 6.0}


def with_values(protocol, **values):
    records = {key: replace(protocol.record(key), value=value) for key, value in values.items()}
    return replace(protocol, records=protocol.records | records)


@pytest.fixture
def calibrating(protocol):
    return with_values(protocol, **{"expression.calibrator_nominal": NOMINAL})


def wells_of_plate(plate, shift, sample="S1", calibrator=True):
    """ALG9 at 25, KRAS at 29 and BRAF at 32 on a true plate; the plate adds its shift to KRAS."""
    rows = [well(sample, "ALG9", 25.0, plate), well(sample, "KRAS", 29 + shift, plate), well(sample, "BRAF", 32, plate)]
    own = [well(None, "ALG9", 24.0, plate), well(None, "KRAS", 28 + shift, plate), well(None, "BRAF", 30.0, plate)]
    return rows + (own if calibrator else [])


def typed(rows):
    return Trial.from_frames(wells=pd.DataFrame(rows)).wells


def differences(rows, protocol, references=("ALG9",)):
    trial = Trial.from_frames(wells=pd.DataFrame(rows))
    table, dcq, calibrated = calibrated_differences(trial.wells, trial.verdicts, protocol, references)
    kept = [gene for gene in table.genes if gene not in references]
    where = table.genes.get_indexer(kept)
    framed = [pd.DataFrame(values[:, where], index=table.groups, columns=kept) for values in (dcq, calibrated)]
    return framed[0], framed[1]


def test_offset_is_the_calibrator_less_its_nominal(calibrating):
    wells = typed(
        [*wells_of_plate("PL1", 0.0), *wells_of_plate("PL2", 0.7), *wells_of_plate("PL3", 0, calibrator=False)]
    )
    offset = calibrator_offset(wells, calibrating, ["ALG9"])
    assert offset.round(9).to_dict("index") == {"PL1": {"KRAS": 0.0, "BRAF": 0.0}, "PL2": {"KRAS": 0.7, "BRAF": 0.0}}


def test_the_same_sample_gives_the_same_value_on_either_plate(calibrating):
    rows = [*wells_of_plate("PL1", 0.0, "S1"), *wells_of_plate("PL2", 0.7, "S2")]
    dcq, calibrated = differences(rows, calibrating)
    assert dcq.round(9).to_dict("index") == {"S1": {"BRAF": 7.0, "KRAS": 4.0}, "S2": {"BRAF": 7.0, "KRAS": 4.0}}
    assert calibrated.all(axis=None)


def test_a_plate_without_calibrator_stays_as_measured(calibrating):
    dcq, calibrated = differences(wells_of_plate("PL2", 0.7, calibrator=False), calibrating)
    assert dcq.loc["S1"].round(9).to_dict() == {"BRAF": 7.0, "KRAS": 4.7} and not calibrated.any(axis=None)


def test_a_gene_without_nominal_stays_as_measured(protocol):
    own = with_values(protocol, **{"expression.calibrator_nominal": {"BRAF": 5.5}})
    dcq, calibrated = differences(wells_of_plate("PL1", 0.7), own)
    assert dcq.loc["S1"].round(9).to_dict() == {"BRAF": 6.5, "KRAS": 4.7}
    assert calibrated.loc["S1"].to_dict() == {"BRAF": True, "KRAS": False}


@pytest.mark.parametrize(
    "broken",
    [
        {"cq": None, "state": "undetermined"},
        {"cq": 40.0},
        {"omit": True},
        {"task": "ntc"},
        {"cq": None, "state": "blank"},
        {"sample_id": "S9"},
    ],
)
@pytest.mark.parametrize("gene", ["ALG9", "KRAS"])
def test_a_calibrator_that_did_not_amplify_calibrates_nothing(calibrating, broken, gene):
    rows = [
        row | (broken if row["sample_id"] is None and row["target"] == gene else {})
        for row in wells_of_plate("PL1", 0.7)
    ]
    assert np.isnan(calibrator_offset(typed(rows), calibrating, ["ALG9"]).loc["PL1", "KRAS"])


def test_other_plates_never_move_a_value(calibrating):
    alone, _ = differences(wells_of_plate("PL2", 0.7, "S2"), calibrating)
    others = [row for i in range(4) for row in wells_of_plate(f"PL{i + 5}", i * 0.3, f"S{i + 5}")]
    together, _ = differences([*others[:12], *wells_of_plate("PL2", 0.7, "S2"), *others[12:]], calibrating)
    pd.testing.assert_series_equal(alone.loc["S2"], together.loc["S2"])


def test_nominal_values_can_be_read_from_reference_plates(protocol):
    wells = typed([*wells_of_plate("PL1", 0.0), *wells_of_plate("PL2", 0.6)])
    level = calibrator_level(wells, protocol, ["ALG9"])
    assert level.mean().round(9).to_dict() == {"BRAF": 6.0, "KRAS": 4.3}
    own = with_values(protocol, **{"expression.calibrator_nominal": level.mean().to_dict()})
    np.testing.assert_allclose(calibrator_offset(wells, own, ["ALG9"]).mean(), 0, atol=1e-12)


def test_calibrator_replicates_are_averaged_by_plate_and_gene(protocol):
    rows = [well(None, "KRAS", cq, "PL1") for cq in (28.0, 28.4, None)] + [well(None, "KRAS", 30.0, "PL2")]
    table = calibrator_cq(typed(rows), protocol)
    assert table.groups.tolist() == ["PL1", "PL2"] and table.cq.round(9).tolist() == [[28.2], [30.0]]
    assert table.replicates.tolist() == [[2], [1]]
