"""The trial as known when a landmark closed."""

from __future__ import annotations

import pandas as pd
import pytest

from data.trial import TRIAL_TABLES, typed
from features.truncate import closing_dates, truncate

CLOSES = pd.Timestamp("2020-01-01") + pd.Timedelta(days=213)
NEXT = CLOSES + pd.Timedelta(days=1)


@pytest.fixture
def trial(rows):
    def both(**facts):
        return [
            {key: value[side] if isinstance(value, tuple) else value for key, value in facts.items()} for side in (0, 1)
        ]

    who = {"patient_id": "P1"}
    return rows.trial(
        samples=both(**who, sample_id=("IN", "OUT"), specimen="blood", collected_on=(CLOSES, NEXT), received_on=NEXT),
        results=both(sample_id=("IN", "OUT"), analyte="cga", value=1.0, plate=("A", "B"), reported_on=(NEXT, NEXT)),
        wells=[
            {"plate": plate, "sample_id": name, "target": "ALG9", "task": "unknown"}
            for plate, name in (("A", "IN"), ("A", None), ("B", "OUT"), ("B", None))
        ],
        verdicts=both(plate=("A", "B"), sample_id=("IN", "OUT"), verdict="pass"),
        controls=both(plate=("A", "B"), control="LOW", nominal=14, value=14),
        imaging=both(**who, scan_on=(CLOSES, NEXT), modality=("ct", "mri"), adequate="yes", finding="clear"),
        treatments=both(**who, kind=("prrt", "ssa"), started_on=(CLOSES, NEXT), ended_on=NEXT),
        quality_of_life=both(**who, assessed_on=(CLOSES, NEXT), instrument="Q", scale="S", value=(1, 2)),
        adverse_events=both(**who, started_on=(CLOSES, NEXT), term=("a", "b"), grade="1"),
        followup=[rows.follow(last=20, status="dead", died_on=rows.on(20), death_cause="other")],
    )


def test_landmark_six_closes_on_day_213(trial, protocol):
    assert closing_dates(trial.patients, protocol, 6).to_dict() == {"P1": CLOSES}


def test_the_last_day_stays_and_the_next_goes(trial, protocol):
    past = truncate(trial, protocol, 6)
    assert past.samples["sample_id"].tolist() == ["IN"]
    assert past.imaging["modality"].tolist() == ["ct"]
    assert past.treatments["kind"].tolist() == ["prrt"]
    assert past.quality_of_life["value"].tolist() == [1.0]
    assert past.adverse_events["term"].tolist() == ["a"]


def test_what_hangs_on_a_sample_goes_with_it(trial, protocol):
    past = truncate(trial, protocol, 6)
    assert past.results["sample_id"].tolist() == past.verdicts["sample_id"].tolist() == ["IN"]
    assert past.wells["plate"].tolist() == ["A", "A"] and past.controls["plate"].tolist() == ["A"]


def test_later_dates_inside_a_record_are_blanked(trial, protocol):
    past = truncate(trial, protocol, 6)
    assert past.samples["received_on"].isna().all()
    assert past.results["reported_on"].isna().all()
    assert past.treatments["ended_on"].isna().all()


def test_follow_up_is_clipped_and_a_later_death_undone(trial, protocol):
    row = truncate(trial, protocol, 6).followup.iloc[0]
    assert row["last_seen_on"] == CLOSES and row["status"] == "alive"
    assert pd.isna(row["died_on"]) and row["death_cause"] is None


def test_a_death_before_the_close_stays(rows, protocol):
    dead = rows.follow(last=6, status="dead", died_on=rows.on(6), death_cause="other")
    row = truncate(rows.trial(followup=[dead]), protocol, 6).followup.iloc[0]
    assert (row["status"], row["died_on"], row["last_seen_on"]) == ("dead", rows.on(6), rows.on(6))


def test_a_later_death_of_somebody_lost_before_is_undone_too(rows, protocol):
    lost = rows.follow(last=5, status="dead", died_on=rows.on(20))
    row = truncate(rows.trial(followup=[lost]), protocol, 6).followup.iloc[0]
    assert (row["status"], row["last_seen_on"]) == ("alive", rows.on(5))


def test_the_patients_table_is_whole_and_the_digest_is_gone(trial, protocol):
    past = truncate(trial.replace(digest="abc"), protocol, 6)
    pd.testing.assert_frame_equal(past.patients, trial.patients)
    assert past.digest == ""


def test_unknown_patients_and_undated_records_go(rows, protocol):
    trial = rows.trial(imaging=[rows.scan(3, patient_id="P9"), rows.scan(3, scan_on=pd.NaT), rows.scan(3)])
    assert len(truncate(trial, protocol, 6).imaging) == 1


@pytest.mark.parametrize("landmark", [0, 6, 12, 36])
def test_twice_is_once_and_types_stay(gold_trial, protocol, landmark):
    once = truncate(gold_trial, protocol, landmark)
    twice = truncate(once, protocol, landmark)
    for name in TRIAL_TABLES:
        pd.testing.assert_frame_equal(getattr(once, name), getattr(twice, name))
        pd.testing.assert_series_equal(getattr(once, name).dtypes, getattr(gold_trial, name).dtypes)


def test_truncating_later_first_changes_nothing(gold_trial, protocol):
    direct = truncate(gold_trial, protocol, 6)
    detour = truncate(truncate(gold_trial, protocol, 12), protocol, 6)
    for name in TRIAL_TABLES:
        pd.testing.assert_frame_equal(getattr(direct, name), getattr(detour, name))


def test_wells_without_any_result_keep_their_controls(rows, protocol):
    wells = pd.DataFrame({"plate": ["PQ"], "sample_id": ["M6"], "target": ["ALG9"], "task": ["unknown"], "cq": [24.0]})
    control = {"plate": "PQ", "control": "LOW", "nominal": 14, "value": 15}
    trial = rows.trial(samples=[rows.sample("M6", 6)], controls=[control]).replace(wells=typed("wells", wells))
    past = truncate(trial, protocol, 6)
    assert past.results.empty and past.controls["plate"].tolist() == ["PQ"]
