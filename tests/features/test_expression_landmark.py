"""Expression at the landmark: one patient by hand, and what may not move it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.landmark.genes import gene_block, landmark_wells
from features.landmark.view import View
from features.measurements import measurements
from features.registry.expression import expression
from features.truncate import truncate


def well(sample_id, target, cq, plate="Q6", **facts):
    state, task = ("undetermined" if cq is None else "value"), ("unknown" if sample_id else "positive_control")
    facts = {"plate": plate, "sample_id": sample_id, "task": task, "state": state, "omit": False} | facts
    return {"target": target, "cq": cq} | facts


def control(plate, value, nominal=50.0):
    return {"plate": plate, "control": "LOW", "nominal": nominal, "value": value, "version": "1.0"}


@pytest.fixture
def trial(rows):
    """Two patients: P1 with samples at 6 and 12 months, P2 with one at 12 and no qPCR plate."""
    return rows.trial(
        patients=[rows.patient("P1"), rows.patient("P2"), rows.patient("P3")],
        followup=[rows.follow("P1"), rows.follow("P2"), rows.follow("P3")],
        samples=[rows.sample("M6", 6), rows.sample("M12", 12), rows.sample("N12", 12, "P2"), rows.sample("L", 30)],
        results=[
            rows.result("M6", 20, plate="PL1"),
            rows.result("M12", 30, plate="PL2"),
            rows.result("N12", 40, plate="PL9"),
            rows.result("L", 90, plate="PL3"),
        ],
        controls=[control("PL1", 50), control("PL2", 60), control("PL2", 62), control("PL3", 99)],
        wells=[
            *(well("M12", "ALG9", cq, "Q12") for cq in (24.0, 26.0)),
            *(well("M12", "KRAS", cq, "Q12") for cq in (29.0, 31.0)),
            well("M12", "BRAF", None, "Q12"),
            well("M12", "ATG4B", 23.0, "Q12"),
            well(None, "ALG9", 24.0, "Q12"),
            well(None, "KRAS", 28.5, "Q12"),
            well("M6", "ALG9", 25.0),
            well("M6", "KRAS", 39.0),
            well("L", "ALG9", 20.0, "Q30"),
            well("L", "KRAS", 21.0, "Q30"),
            well(None, "KRAS", 21.0, "Q30"),
        ],
    )


def view_of(trial, protocol, landmark=12.0):
    closed = truncate(trial, protocol, landmark)
    assay = protocol.assays["1.0"]
    index = pd.Index(["P1", "P2", "P3"], name="patient_id")
    return View(closed, protocol, landmark, index, measurements(closed, protocol), assay, "netest_activity")


def test_genes_of_the_landmark_sample(trial, protocol):
    block = gene_block(view_of(trial, protocol))
    row = block.columns.loc["P1"]
    assert row[["gene_KRAS", "gene_BRAF"]].tolist() == [5.0, 15.0] and np.isnan(row["gene_ARAF"])
    assert (row["genes_detected"], row["genes_calibrated"]) == (1, 0)
    assert block.stamps.loc["P1", "genes"] == pd.Timestamp("2020-12-31")


def test_a_patient_without_plate_or_sample_has_no_silent_zero(trial, protocol):
    block = gene_block(view_of(trial, protocol))
    assert block.columns.loc[["P2", "P3"]].isna().all(axis=None)
    assert block.stamps["genes"].notna().tolist() == [True, True, False]


def test_deviation_of_the_plate_of_the_landmark_score_and_its_change(trial, protocol):
    row = gene_block(view_of(trial, protocol)).columns.loc["P1"]
    d = np.log([60.5 / 40.5, 62.5 / 38.5])
    assert row["netest_deviation"] == pytest.approx(d.mean()) and row["netest_deviation_n"] == 2
    assert row["netest_deviation_ss"] == pytest.approx(((d - d.mean()) ** 2).sum())
    assert row["netest_deviation_change"] == pytest.approx(d.mean())


def test_the_first_post_operative_sample_has_no_change(trial, protocol):
    row = gene_block(view_of(trial, protocol, 6.0)).columns.loc["P1"]
    assert row["gene_KRAS"] == 14.0 and row["netest_deviation"] == 0
    assert np.isnan(row["netest_deviation_change"])


def test_genes_are_calibrated_where_the_plate_has_a_calibrator(trial, protocol):
    nominal = replace(protocol.record("expression.calibrator_nominal"), value={"KRAS": 4.0, "BRAF": 4.0})
    own = replace(protocol, records=protocol.records | {nominal.key: nominal})
    row = gene_block(view_of(trial, own)).columns.loc["P1"]
    assert row[["gene_KRAS", "gene_BRAF"]].tolist() == [4.5, 15.0] and row["genes_calibrated"] == 1


def test_the_reference_gene_is_that_of_the_version(trial, protocol):
    view = view_of(trial, protocol)
    columns = gene_block(replace(view, assay=protocol.assays["2.0"])).columns
    assert columns.loc["P1", "gene_KRAS"] == 7.0


def test_every_column_is_in_the_dictionary_with_a_stamp_that_is_given(trial, protocol):
    features = expression()
    block = gene_block(view_of(trial, protocol))
    assert [feature.name for feature in features] == list(block.columns)
    assert {feature.stamp for feature in features} == {"genes", "netest"}
    assert {f.kind for f in features if f.name.startswith(("gene_", "netest_"))} == {"material"}


@pytest.mark.parametrize("landmark", [6.0, 12.0, 36.0])
def test_the_wells_a_landmark_can_look_at_are_enough(trial, protocol, landmark):
    few = trial.replace(wells=landmark_wells(trial, protocol, landmark))
    whole, part = (gene_block(view_of(one, protocol, landmark)) for one in (trial, few))
    pd.testing.assert_frame_equal(whole.columns, part.columns)
    assert len(few.wells) < len(trial.wells)


def test_wells_of_a_landmark_come_with_the_controls_of_their_plate(trial, protocol):
    kept = landmark_wells(trial, protocol, 12.0)
    assert set(kept["plate"]) == {"Q12"} and kept["sample_id"].isna().sum() == 2 and len(kept) == 8


def test_later_samples_and_their_plates_move_nothing(rows, trial, protocol):
    expected = gene_block(view_of(trial, protocol)).columns
    late = [well("L", "KRAS", 30.0, "Q12"), well("L", "ALG9", 20.0, "Q12"), well(None, "KRAS", 1.0, "Q30")]
    wells = pd.concat([trial.wells, rows.trial(wells=late).wells], ignore_index=True)
    pd.testing.assert_frame_equal(gene_block(view_of(trial.replace(wells=wells), protocol)).columns, expected)


def test_no_wells_at_all(trial, protocol):
    block = gene_block(view_of(trial.replace(wells=trial.wells.iloc[:0]), protocol))
    assert block.columns.filter(like="gene").isna().all(axis=None)
    assert block.columns.loc["P1", "netest_deviation_n"] == 2
