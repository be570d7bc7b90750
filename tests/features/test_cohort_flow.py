"""Patient flow: a small trial counted by hand, and sums that must hold in any."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from data.simulate.generate import generate
from features.cohort import biomarker_evaluable, flow_losses, patient_flow
from features.outcomes import build_outcome


@pytest.fixture
def six(rows):
    """A stays; B recurs at 9; C dies at 4; D is lost at 8; E consents only; F gives no blood."""
    day = rows.on(0, -30)
    people = [
        rows.patient("A", consent_on=day),
        rows.patient("B", consent_on=day, arm="prrt"),
        rows.patient("C", consent_on=day),
        rows.patient("D", consent_on=day, arm="prrt"),
        rows.patient("E", consent_on=day, surgery_on=None, randomised_on=None, arm=None),
        rows.patient("F", consent_on=day, arm="prrt"),
    ]
    seen = [
        rows.follow("A"),
        rows.follow("B"),
        rows.follow("C", 4.0, status="dead", died_on=rows.on(4)),
        rows.follow("D", 8.0),
        rows.follow("F"),
    ]
    scans = [rows.scan(month, patient_id=who) for who in "ABDF" for month in (3, 6)]
    scans += [rows.scan(9, "recurrence", "B"), rows.scan(36, patient_id="A"), rows.scan(36, patient_id="F")]
    samples = [rows.sample(f"S{who}", 6, who, visit="month_6") for who in "ABD"]
    results = [rows.result("SA", 30), rows.result("SB", 15), rows.result("SD", 15, qc="fail")]
    return rows.trial(patients=people, followup=seen, imaging=scans, samples=samples, results=results)


def test_flow_of_six_patients(six, protocol) -> None:
    table = patient_flow(six, build_outcome(six, protocol), protocol)
    expected = pd.DataFrame(
        [
            ("consented", 6, 2, 3, 1, ""),
            ("resected", 5, 2, 3, 0, "1 left: 1 no day of surgery"),
            ("randomised", 5, 2, 3, 0, ""),
            ("biomarker_evaluable", 2, 1, 1, 0, "3 left: 1 died, 1 no valid blood score, 1 no blood sample"),
            ("at_risk_0", 5, 2, 3, 0, "0 with a valid blood score before surgery"),
            ("at_risk_6", 4, 1, 3, 0, "1 left: 1 died; 2 with a valid blood score"),
            ("at_risk_12", 2, 1, 1, 0, "2 left: 1 recurred, 1 lost to follow-up; 0 with a valid blood score"),
            ("at_risk_36", 2, 1, 1, 0, "0 with a valid blood score"),
        ],
        columns=["stage", "n", "control", "prrt", "unallocated", "note"],
    )
    pd.testing.assert_frame_equal(table.drop(columns="label"), expected)


def test_losses_have_reasons_by_arm(six, protocol) -> None:
    losses = flow_losses(six, build_outcome(six, protocol), protocol)
    lost = losses[losses["stage"].eq("at_risk_12")].set_index("reason")
    assert lost.loc["recurred", ["n", "control", "prrt"]].tolist() == [1, 0, 1]
    assert lost.loc["lost to follow-up", ["n", "control", "prrt"]].tolist() == [1, 0, 1]


def test_a_landmark_after_the_data_cut_is_not_yet_reached(six, protocol) -> None:
    cut = six.replace(data_cut=six.followup["last_seen_on"].iloc[3] + pd.Timedelta(days=10))
    losses = flow_losses(cut, build_outcome(six, protocol), protocol)
    own = losses[losses["stage"].eq("at_risk_12")]
    assert own.set_index("reason")["n"].to_dict() == {"recurred": 1, "not yet reached": 1}


def test_a_pre_operative_score_alone_is_not_evaluable(rows, protocol) -> None:
    trial = rows.trial(samples=[rows.sample("S", -0.5)], results=[rows.result("S", 80)], imaging=[rows.scan(6)])
    assert not biomarker_evaluable(trial, build_outcome(trial, protocol), protocol).any()


def test_a_trial_without_consent_dates_counts_everybody_and_says_so(rows, protocol) -> None:
    trial = rows.trial()
    first = patient_flow(trial, build_outcome(trial, protocol), protocol).iloc[0]
    assert first["n"] == 1 and first["note"].startswith("no day of consent is delivered")


def test_a_trial_without_surgery_keeps_its_randomised(rows, protocol) -> None:
    record = replace(protocol.record("clock.origin"), value="randomisation")
    other = replace(protocol, records=protocol.records | {record.key: record})
    trial = rows.trial(patients=[rows.patient(surgery_on=None, margin=None)], imaging=[rows.scan(6)])
    table = patient_flow(trial, build_outcome(trial, other), other).set_index("stage")
    assert table.loc[["resected", "randomised", "at_risk_0", "at_risk_6"], "n"].tolist() == [1, 1, 1, 1]
    assert table.loc["resected", "note"].startswith("no day of surgery is delivered")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("world", ["protocol", "null"])
def test_stages_less_losses_give_the_next_stage(protocol, seed: int, world: str) -> None:
    trial = generate(80, seed=seed, world=world).trial()
    outcome = build_outcome(trial, protocol)
    flow = patient_flow(trial, outcome, protocol).set_index("stage")
    losses = flow_losses(trial, outcome, protocol)
    arms = ["n", "control", "prrt", "unallocated"]
    assert flow["n"].eq(flow[arms[1:]].sum(axis=1)).all()
    left = losses.groupby(["stage", "parent"])[arms].sum().reset_index(level="parent")
    for stage, row in left.iterrows():
        assert (flow.loc[row["parent"], arms] - row[arms]).tolist() == flow.loc[stage, arms].tolist()
