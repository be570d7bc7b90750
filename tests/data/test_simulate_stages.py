"""The stages of the simulator on small literal patients, and what holds for every seed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.protocol import load_protocol
from data.simulate import generate, load_worlds
from data.simulate.cohort import draw_cycles, draw_patients
from data.simulate.disease import Disease, Fate
from data.simulate.scans import Readings, detection, imaging_table, scan_slots
from data.simulate.streams import Streams
from data.simulate.worlds import choose_world

PROTOCOL = load_protocol()


def a_disease(**changes):
    """Three patients: cured, liver disease evident at month 24, extrahepatic disease and two PRRT cycles."""
    values = {
        "cured": np.array([True, False, False]),
        "doubling_months": np.array([6.0, 6.0, 6.0]),
        "untreated_evident": np.array([np.inf, 24.0, 24.0]),
        "delay_months": np.array([[3.0, 3.0]] * 3),
        "cycle_months": np.array([[np.inf, np.inf], [np.inf, np.inf], [2.0, 4.0]]),
        "spread": np.array(["liver", "liver", "extrahepatic"]),
        "clinical_risk": np.zeros(3),
    }
    return Disease(**{**values, **changes})


def test_named_draws_do_not_depend_on_each_other_or_on_the_number_of_rows():
    first = Streams(7)
    alone = first.uniform("b", (3, 2))
    other = Streams(7)
    other.uniform("a", 1000)
    assert np.array_equal(other.uniform("b", (3, 2)), alone)
    assert np.array_equal(Streams(7).uniform("b", (5, 2))[:3], alone)
    assert not np.array_equal(Streams(8).uniform("b", (3, 2)), alone)
    assert not np.array_equal(Streams(7).uniform("c", (3, 2)), alone)


def test_draws_of_one_seed_are_these_numbers():
    assert Streams(1).uniform("site", 3).round(12).tolist() == PINNED_UNIFORM
    assert Streams(1).pick("site", {"x": 0.5, "y": 0.5}, 4).tolist() == PINNED_PICK


PINNED_UNIFORM = [0.47197609421, 0.563098542229, 0.476851364081]
PINNED_PICK = ["x", "y", "x", "y"]


def test_prrt_delays_evident_disease_only_once_it_is_given():
    disease = a_disease()
    assert disease.evident(1.0).tolist() == [np.inf, 24.0, 24.0]
    assert disease.evident(3.0).tolist() == [np.inf, 24.0, 27.0]
    assert disease.evident().tolist() == [np.inf, 24.0, 30.0]
    months = np.array([[1.0, 3.0, 5.0]] * 3)
    assert disease.evident(months)[2].tolist() == [24.0, 27.0, 30.0]


def test_diameter_is_eight_mm_when_evident_and_doubles_every_three_doublings_of_volume():
    disease = a_disease()
    assert np.exp(disease.log_diameter(np.full(3, 24.0)))[1] == pytest.approx(8.0)
    assert np.exp(disease.log_diameter(np.full(3, 24.0 - 18.0)))[1] == pytest.approx(4.0)
    assert np.exp(disease.log_diameter(np.full(3, 42.0)))[1] == pytest.approx(16.0)
    assert np.isneginf(disease.log_diameter(np.full(3, 24.0))[0])


def test_signal_rises_towards_evident_disease_and_stays_low_without_residual_cells():
    disease = a_disease()
    month = np.array([[0.0, 12.0, 23.0, 40.0]] * 3)
    signal = disease.signal(month)
    assert np.all(np.diff(signal[1]) > 0)
    assert np.ptp(signal[0]) == 0
    assert np.all(signal[0] < signal[1])


def test_disease_outside_the_liver_is_seen_on_petct_only():
    world = choose_world("protocol")
    size = np.log(np.full((3, 2), 20.0))
    positive, _ = detection(world, a_disease(), size, np.array([[False, True]] * 3))
    assert positive[1].tolist() == pytest.approx([1.0, 1.0], abs=0.01)
    assert positive[2].tolist() == pytest.approx([world.false_positive, 1.0], abs=0.01)


def test_detection_is_one_half_at_the_stated_size():
    world = choose_world("protocol")
    sizes = np.log(np.array([[world.mri_half_mm, world.petct_half_mm]] * 3))
    positive, _ = detection(world, a_disease(), sizes, np.array([[False, True]] * 3))
    assert positive[1].tolist() == pytest.approx([0.5, 0.5])


def test_scheduled_scans_follow_the_calendar():
    assert scan_slots(PROTOCOL) == [
        (3, "mri"), (6, "mri"), (9, "mri"), (12, "mri"), (12, "petct"), (18, "mri"), (24, "mri"),
        (24, "petct"), (30, "mri"), (36, "mri"), (36, "petct"), (48, "mri"), (60, "mri"),
    ]  # fmt: skip


def test_imaging_stops_at_recurrence_at_loss_and_keeps_inadequate_scans_without_finding():
    readings = Readings(
        day=np.array([[90.0, 180.0, 270.0]] * 3),
        month=np.array([[3.0, 6.0, 9.0]] * 3),
        modality=np.array([["mri", "mri", "mri"]] * 3),
        attended=np.array([[True, True, True], [True, False, True], [True, True, True]]),
        adequate=np.array([[True, False, True], [True, True, True], [True, True, True]]),
        code=np.array([[0, 2, 0], [1, 2, 2], [0, 2, 2]]),
        size_mm=np.full((3, 3), 9.0),
    )
    fate = Fate(*(np.full(3, np.inf), np.zeros(3, bool), np.full(3, np.inf)), np.full(3, 2000.0), np.full(3, np.inf))
    patients = pd.DataFrame({"patient_id": ["A", "B", "C"], "surgery_on": pd.to_datetime(["2020-01-01"] * 3)})
    table, recurrence = imaging_table(Streams(1), readings, a_disease(), fate, patients)
    found = table[["patient_id", "scheduled_month", "adequate", "finding"]].astype(object)
    assert found.where(found.notna(), None).to_numpy().tolist() == [
        ["A", 3, "yes", "clear"],
        ["A", 6, "no", None],
        ["A", 9, "yes", "clear"],
        ["B", 3, "yes", "equivocal"],
        ["B", 9, "yes", "recurrence"],
        ["C", 3, "yes", "clear"],
        ["C", 6, "yes", "recurrence"],
    ]
    assert recurrence.tolist() == [np.inf, 270.0, 180.0]


def test_prrt_days_meet_the_protocol():
    streams, world = Streams(3), choose_world("protocol")
    patients = draw_patients(streams, 2000)
    cycles = draw_cycles(streams, world, patients)
    prrt = patients["arm"].eq("prrt").to_numpy()
    assert np.isinf(cycles[~prrt]).all()
    first, gap = cycles[prrt, 0], cycles[prrt, 1] - cycles[prrt, 0]
    assert (first > patients.loc[prrt, "randomised_day"]).all() and first.max() <= 10.8 * 7
    assert gap[np.isfinite(gap)].min() >= 49 and gap[np.isfinite(gap)].max() <= 112
    assert 0.02 < np.isinf(gap).mean() < 0.06


def test_arms_are_balanced_in_blocks_of_four():
    arm = draw_patients(Streams(5), 106)["arm"].to_numpy()
    assert [int((arm[i : i + 4] == "prrt").sum()) for i in range(0, 104, 4)] == [2] * 26


def test_worlds_are_complete_and_knobs_are_checked():
    assert list(load_worlds()) == ["protocol", "contemporary", "developer", "independent", "null"]
    assert choose_world("protocol", missed_scan=0.5).missed_scan == 0.5
    with pytest.raises(ValueError, match="unknown world 'mars'; choose one of protocol"):
        choose_world("mars")
    with pytest.raises(ValueError, match="unknown knob 'colour'"):
        choose_world("protocol", colour="red")
    with pytest.raises(ValueError, match="plates_by 'mood'"):
        choose_world("protocol", plates_by="mood")


@pytest.mark.parametrize(("n", "seed"), [(0, 1), (5, -1)])
def test_unusable_numbers_are_refused(n, seed):
    with pytest.raises(ValueError, match="n must be at least 1"):
        generate(n, seed)


def test_a_knob_of_one_stage_leaves_the_other_stages_alone():
    before, after = generate(60, 4), generate(60, 4, score_weight=0.1, plate_sd=0.5)
    for table in ("patients", "samples", "imaging", "treatments", "followup"):
        pd.testing.assert_frame_equal(before.frames[table], after.frames[table])
    pd.testing.assert_frame_equal(before.truth, after.truth)
    score = before.frames["results"]["analyte"] == "netest_activity"
    pd.testing.assert_frame_equal(before.frames["results"][~score], after.frames["results"][~score])
    assert not before.frames["results"][score].equals(after.frames["results"][score])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    n=st.integers(1, 60),
    seed=st.integers(0, 2**32),
    world=st.sampled_from(list(load_worlds())),
    qc=st.booleans(),
)
def test_what_holds_in_every_trial(n, seed, world, qc):
    made = generate(n, seed, world, missing_blood=0.0 if qc else 0.3, missing_urine=0.0 if qc else 0.4)
    frames, truth = made.frames, made.truth.set_index("patient_id")
    patients = frames["patients"].set_index("patient_id")
    surgery = patients["surgery_on"]
    first = frames["imaging"][frames["imaging"]["finding"] == "recurrence"].groupby("patient_id")["scan_on"].min()
    samples, imaging = frames["samples"], frames["imaging"]
    end = frames["followup"].set_index("patient_id")["last_seen_on"]
    recurred = samples["patient_id"].map(first)
    assert not (samples["collected_on"] >= recurred).any()
    assert not (samples["collected_on"] > samples["patient_id"].map(end)).any()
    assert not (imaging["scan_on"] > imaging["patient_id"].map(end)).any()
    assert not (imaging["scan_on"] > imaging["patient_id"].map(first)).any()
    late = (samples["collected_on"] - samples["patient_id"].map(surgery)).dt.days
    nominal = samples["visit"].map(PROTOCOL["calendar.sample_month"]) * PROTOCOL.month_days
    assert ((late - nominal).abs() <= 28.5).all()
    assert (late[samples["visit"] == "baseline"] <= 0).all()
    assert (samples["received_on"] >= samples["collected_on"]).all()
    assert ((patients["randomised_on"] - surgery).dt.days.between(28, 63)).all()
    assert not frames["imaging"].duplicated(["patient_id", "scan_on", "modality"]).any()
    probabilities = truth.filter(regex="^p_").to_numpy()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    scores = frames["results"][frames["results"]["unit"] == "score"]["value"]
    assert scores.between(0, 100).all() and (scores == scores.round()).all()
