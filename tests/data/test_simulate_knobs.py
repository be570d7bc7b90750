"""Knobs of the worlds: what they may be, how they are read, and what the batch, site and lock knobs do."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.contracts import TABLES
from data.protocol import load_protocol
from data.simulate import generate, load_worlds, simulate
from data.simulate.plates import run_plates
from data.simulate.worlds import choose_world, knob_rows, load_knobs, read_knobs

PROTOCOL = load_protocol()
SOURCE = re.compile(r"\b(?:L\d+|S[1-5])\b")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("missed_scan=0.5", {"missed_scan": 0.5}),
        (" score_prrt = -1, -.5,0 ", {"score_prrt": (-1.0, -0.5, 0.0)}),
        ("scores_per_plate=10", {"scores_per_plate": 10}),
        ("batch_follows=arm", {"batch_follows": "arm"}),
        ("lock_months=inf", {"lock_months": float("inf")}),
    ],
)
def test_knobs_are_read_as_what_they_are(setting, value):
    read = read_knobs("protocol", [setting])
    assert read == value
    assert [type(x) for x in read.values()] == [type(x) for x in value.values()]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("missed_scan", "'missed_scan' is not KNOB=VALUE"),
        ("missed_scam=1", "unknown knob 'missed_scam'; did you mean missed_scan"),
        ("colour=red", "unknown knob 'colour'; choose among batch_follows, cga_weight"),
        ("missed_scan=1.2", "missed_scan 1.2 is not a number from 0 to 1"),
        ("missed_scan=often", "missed_scan 'often' is not a number from 0 to 1"),
        ("score_person_sd=-0.1", "score_person_sd -0.1 is not a number from 0 to 10"),
        ("score_prrt=1,2", "score_prrt '1.0,2.0' is not 3 numbers with commas between"),
        ("scores_per_plate=2.5", "scores_per_plate 2.5 is not a whole number from 1 to 1000"),
        ("score_weight=inf", "score_weight inf is not a number"),
        ("score_weight=nan", "score_weight nan is not a number"),
        ("plates_by=mood", "plates_by 'mood' is not one of received, arm, outcome"),
        ("lock_months=-1", "lock_months -1.0 is not a number from 0"),
    ],
)
def test_what_is_not_allowed_is_said_in_one_line(setting, message):
    with pytest.raises(ValueError) as refused:
        read_knobs("protocol", [setting])
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_values_in_code_meet_the_same_checks():
    assert choose_world("protocol", missed_scan=0.5).missed_scan == 0.5
    for knobs in ({"missed_scan": True}, {"missed_scan": -0.01}, {"plates_by": 3}, {"score_prrt": 0.1}):
        with pytest.raises(ValueError, match="is not"):
            choose_world("protocol", **knobs)
    with pytest.raises(ValueError, match="together exceed 1"):
        choose_world("protocol", extrahepatic_only=0.9)


def test_worlds_where_all_or_none_are_cured_or_scanned():
    assert generate(30, 1, "protocol", PROTOCOL, cured=1.0, cured_by_risk=0.0).truth["cured"].eq("yes").all()
    assert generate(30, 1, "protocol", PROTOCOL, cured=0.0).truth["cured"].eq("no").all()
    never = generate(30, 1, "protocol", PROTOCOL, missed_scan=1.0)
    assert never.truth["p_MRD36@6"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize("end", ["low", "high"])
def test_a_trial_can_be_drawn_at_the_ends_of_every_knob(end):
    refused = set()
    for name, knob in load_knobs("protocol").items():
        value = knob.choices[-1] if knob.choices else getattr(knob, end)
        if value in (np.inf, -np.inf):
            continue
        value = (value,) * len(knob.value) if isinstance(knob.value, tuple) else value
        try:
            made = generate(6, 1, "protocol", PROTOCOL, **{name: value})
        except ValueError as error:
            refused.add(name)
            assert name in str(error) or "0 months after the first surgery" in str(error)
        else:
            assert len(made.frames["patients"]) == 6
    assert refused == ({"lock_months"} if end == "low" else {"extrahepatic_only", "liver_and_extrahepatic"})


def test_a_world_like_another_changes_only_what_it_says():
    worlds = load_worlds()
    for name in ("cured", "doubling_sd", "death_after_recurrence"):
        assert len({getattr(worlds[world], name) for world in ("contemporary", "independent", "null")}) == 1
    assert worlds["null"].missing_blood == worlds["independent"].missing_blood != worlds["protocol"].missing_blood


def test_the_table_of_knobs_names_unit_range_and_source_of_each():
    rows = {row.knob: row for row in knob_rows("null", ["missed_scan=0.5"])}
    assert set(rows) == set(load_knobs("null")) and all(row.source and row.allowed for row in rows.values())
    assert rows["missed_scan"][1:] == ("0.5", "share", "a number from 0 to 1", "as set")
    assert rows["score_weight"].value == "0" and rows["lock_months"].value == "inf"
    assert rows["score_prrt"].value == "-0.78,-0.35,0"


def plates_of(made):
    blood = made.samples.merge(made.frames["results"].dropna(subset="plate"), on="sample_id")
    number = blood["plate"].str.removeprefix("PL").astype(int).to_numpy() - 1
    treated = made.frames["patients"]["arm"].eq("prrt").to_numpy()[blood["patient"]]
    return number, treated


@pytest.mark.parametrize("world", ["protocol", "null"])
def test_shifts_follow_arm_or_time_only_when_the_world_says_so(world):
    strength = {}
    for follows in ("none", "arm", "time"):
        made = generate(800, 3, world, PROTOCOL, batch_follows=follows, lot_sd=0.0)
        number, treated = plates_of(made)
        shift = made.plate_shift[number]
        strength[follows] = (abs(np.corrcoef(shift, treated)[0, 1]), abs(np.corrcoef(shift, number)[0, 1]))
        assert made.plate_shift.std() == pytest.approx(made.world.plate_sd, rel=0.15)
    assert max(strength["none"]) < 0.2
    assert strength["arm"][0] > 0.7 and strength["time"][1] > 0.7 and strength["time"][0] < 0.2


def test_qpcr_plates_hold_one_arm_when_batches_follow_it():
    def mixed(**knobs):
        made = generate(40, 3, protocol=PROTOCOL, **knobs)
        samples = made.frames["samples"].merge(made.frames["patients"], on="patient_id").set_index("sample_id")["arm"]
        return sum(samples.loc[list(plate.samples)].nunique() > 1 for plate in run_plates(made, PROTOCOL))

    assert mixed(batch_follows="arm") == 0 < mixed()


def test_sites_shift_scores_and_nothing_else():
    plain, shifted = generate(200, 5, protocol=PROTOCOL), generate(200, 5, protocol=PROTOCOL, score_site_sd=0.8)
    for table in ("patients", "samples", "imaging", "followup"):
        pd.testing.assert_frame_equal(plain.frames[table], shifted.frames[table])
    score = plain.frames["results"]["analyte"] == "netest_activity"
    pd.testing.assert_frame_equal(plain.frames["results"][~score], shifted.frames["results"][~score])
    assert (plain.frames["results"]["value"] != shifted.frames["results"]["value"])[score].mean() > 0.5


@pytest.mark.parametrize(("lock", "enrolment"), [(48, 24), (30, 48), (3, 48)])
def test_a_lock_ends_every_record_and_leaves_the_truth_whole(lock, enrolment):
    full = generate(120, 6, protocol=PROTOCOL, enrolment_months=enrolment)
    made = generate(120, 6, protocol=PROTOCOL, enrolment_months=enrolment, lock_months=lock)
    on = full.frames["patients"]["surgery_on"].min() + pd.Timedelta(days=round(lock * PROTOCOL.month_days))
    dated = {name: [c for c, rule in TABLES[name].columns.items() if rule.kind == "date"] for name in made.frames}
    for name, frame in made.frames.items():
        for column in set(dated[name]) & set(frame) - {"received_on", "frozen_on"}:
            assert not (frame[column] > on).any(), (name, column)
    patients = full.frames["patients"]
    enrolled = patients.loc[patients["randomised_on"] <= on, "patient_id"]
    assert made.frames["patients"]["patient_id"].tolist() == enrolled.tolist() == made.truth["patient_id"].tolist()
    whole = full.truth[full.truth["patient_id"].isin(enrolled)].reset_index(drop=True)
    late = "first_positive_month"
    pd.testing.assert_frame_equal(made.truth.drop(columns=late), whole.drop(columns=late))
    assert set(made.frames["results"]["sample_id"]) <= set(made.frames["samples"]["sample_id"])
    assert set(made.frames["controls"]["plate"]) == set(made.frames["results"]["plate"].dropna())
    assert len(made.samples) == len(made.activity)
    made.trial()


def test_a_locked_delivery_has_no_plate_run_after_the_lock(tmp_path):
    made = simulate(tmp_path / "d", n=40, seed=4, lock_months=16, protocol=PROTOCOL)
    assert "lock_months=16" in (made.out / "delivery.toml").read_text(encoding="utf-8")
    held = generate(40, 4, protocol=PROTOCOL, lock_months=16)
    runs = [plate.run_on for plate in run_plates(held, PROTOCOL)]
    in_time = sum(run <= held.lock_on for run in runs)
    assert len(list((made.out / "qpcr").iterdir())) == made.counts["plates"] == in_time < len(runs)


def test_a_lock_before_anybody_is_randomised_is_refused():
    with pytest.raises(ValueError, match="nobody had been randomised 0.1 months after the first surgery"):
        generate(5, 1, protocol=PROTOCOL, lock_months=0.1)


def test_nothing_of_the_truth_leaks_into_the_delivery(tmp_path):
    made = simulate(tmp_path / "d", n=60, seed=5, qpcr=False, world="independent")
    truth = pd.read_csv(made.truth, dtype=str)
    secret = [name for name in truth if name not in ("patient_id", "arm", "spread")]
    columns, text = set(), ""
    for path in made.out.rglob("*"):
        if path.suffix == ".csv":
            columns |= set(pd.read_csv(path, dtype=str, nrows=0).columns)
        text += path.read_text(encoding="utf-8") if path.is_file() else ""
    assert len(secret) >= 18 and not set(secret) & columns
    latent = truth[["doubling_months", "clinical_risk", "detectable_month", "p_MRD36@6"]].to_numpy().ravel()
    assert not [value for value in latent if isinstance(value, str) and len(value) >= 6 and f",{value}," in text]


def test_sources_of_the_worlds_are_listed():
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| (L\d+|S\d) ", page, flags=re.M))
    used = {
        name for world in load_worlds() for knob in load_knobs(world).values() for name in SOURCE.findall(knob.source)
    }
    assert used and used <= listed


def test_every_column_of_the_truth_is_explained():
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    columns = generate(3, 1, protocol=PROTOCOL).truth.columns
    assert not [name for name in columns if f"`{name}`" not in page and not name.startswith("p_")]
