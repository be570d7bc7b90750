"""Screening values and adverse events: what they hold, and that they move no draw that was there before."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from data.contracts import TABLES
from data.protocol import load_protocol
from data.simulate import generate
from data.simulate.adverse import adverse_events, believed_events
from data.simulate.delivery import csv_text
from data.simulate.streams import Streams

PROTOCOL = load_protocol()

# The example as it was before these tables came: every table, with the columns of the first edition of the contract.
FIRST_EDITION = {
    "patients": "2ed9dc79ea9108db34c79346dc683a2ccf08039cec182856ba4f4b9d8ac44112",
    "samples": "c4fc31671bdb90b50fb6a971279ee5e3cf4d7b42e2fdac73cde297606a7775e5",
    "results": "d22f03f97ba2260747f3574bbd9b1902533da8ca8403b6fbd973c81078634869",
    "controls": "2f3647e9be42eafd574692e3699bc650641dce3fc7d01861dff34ca38c8b9b74",
    "imaging": "6389e70c9ac1d7f8f0b0669a90b506e71df877df31b0904b3495971099dc25ea",
    "treatments": "9ab70b8f90618b7b3c55f883c0557a2c6149cf64b7cd331cac88bdb6dd581558",
    "followup": "0301ad7c83616b2a1629fae003a2d69a2372f566f0a089a5eccb87b707f2d59e",
}


@pytest.fixture(scope="module")
def example():
    return generate()


@pytest.fixture(scope="module")
def large():
    return generate(n=6000, seed=5)


@pytest.mark.parametrize("name", FIRST_EDITION)
def test_no_earlier_draw_moved(example, name):
    first = [column for column in example.frames[name] if TABLES[name].columns[column].since == 1]
    text = csv_text(example.frames[name][first])
    assert hashlib.sha256(text.encode()).hexdigest() == FIRST_EDITION[name]


def test_more_patients_leave_the_first_ones_alone():
    few, many = generate(n=40, seed=3).frames, generate(n=60, seed=3).frames
    screened = [column for column, rule in TABLES["patients"].columns.items() if rule.since == 2]
    laboratory = [column for column in screened if not column.endswith("_on")]
    pd.testing.assert_frame_equal(few["patients"][laboratory], many["patients"].loc[:39, laboratory])


def test_a_few_patients_are_not_eligible_and_a_few_not_assessable(example):
    patients = example.frames["patients"]
    assert 1 <= (patients["platelets_e9_l"] < 75).sum() + (patients["haemoglobin_g_dl"] < 8).sum() <= 8
    assert 1 <= (patients["creatinine_umol_l"] > 150).sum() <= 8
    assert 1 <= (patients["extrahepatic_disease"] == "other").sum() + (patients["primary_resected"] == "no").sum() <= 8
    for column in ("haemoglobin_g_dl", "primary_resected", "mri_on", "petct_on"):
        assert 1 <= patients[column].isna().sum() <= 12, column
    assert 1 <= ((patients["surgery_on"] - patients["mri_on"]).dt.days > 42).sum() <= 10
    assert (patients["mri_on"].dropna() < patients["surgery_on"][patients["mri_on"].notna()]).all()
    assert (patients["consent_on"] < patients["randomised_on"]).all()


def test_events_lie_between_randomisation_and_the_end_of_observation(large):
    frames = large.frames
    patients = frames["patients"].set_index("patient_id")
    seen = frames["followup"].set_index("patient_id")["last_seen_on"]
    events = frames["adverse_events"]
    who = events["patient_id"]
    assert (events["started_on"] > who.map(patients["randomised_on"])).all()
    assert (events["started_on"] <= who.map(seen)).all()
    assert set(events["grade"]) == {"1", "2", "3", "4"} and set(events["related"]) == {"yes", "no"}
    assert not (events["related"].eq("yes") & who.map(patients["arm"]).eq("control")).any()
    assert events.duplicated(["patient_id", "term"]).any()


def test_shares_by_arm_and_cycles_are_the_believed_ones():
    """Four cycles give the published shares, two half of the excess, none those of the control arm."""
    n, records = 20_000, believed_events()
    cycles = np.full((n, 4), np.inf)
    cycles[::3], cycles[1::3, :2] = [10.0, 66.0, 122.0, 178.0], [10.0, 66.0]
    given = np.isfinite(cycles).sum(axis=1)
    patients = pd.DataFrame({"patient_id": [f"P{i}" for i in range(n)]})
    origin = np.full(n, np.datetime64("2020-01-01"))
    table = adverse_events(Streams(8), patients, origin, np.full(n, 5.0), cycles, np.full(n, 900.0))
    cycles_of = table["patient_id"].map(dict(zip(patients["patient_id"], given, strict=True)))
    worst = table.assign(given=cycles_of, grade=table["grade"].astype(int))
    worst = worst.groupby(["given", "term", "patient_id"])["grade"].max().reset_index()
    for term, record in records.items():
        for doses, weight in ((0, 0.0), (2, 0.5), (4, 1.0)):
            own = worst[(worst["given"] == doses) & (worst["term"] == term)]
            for position, found in ((0, len(own)), (1, (own["grade"] >= 3).sum())):
                share = record["control"][position] * (1 - weight) + record["prrt"][position] * weight
                size = (given == doses).sum()
                error = np.sqrt(max(share, 1e-9) * (1 - share) / size)
                assert abs(found / size - share) <= 4.5 * error + 1e-12, (term, doses, position)
