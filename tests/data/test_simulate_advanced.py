"""The advanced cohort: it meets its published aggregates, and passes ingestion under its own protocol."""

import tomllib

import numpy as np
import pandas as pd
import pytest

from data.contracts import TABLES
from data.ingest import ingest
from data.protocol import load_protocol
from data.simulate import generate_advanced, simulate_advanced
from data.simulate.advanced import DEFAULT_N, DEFAULT_SEED
from data.store import Store

PROTOCOL = load_protocol("advanced")
N = 12_000
PFS = {"control": 0.108, "prrt": 0.652}
RESPONSE = {"control": 0.03, "prrt": 0.18}


@pytest.fixture(scope="module")
def large():
    return generate_advanced(n=N, seed=7)


@pytest.fixture(scope="module")
def cohort():
    return generate_advanced()


def close_to(found, expected, n):
    return abs(found - expected) <= 4.0 * np.sqrt(expected * (1 - expected) / n)


def sums(frames):
    """Sum of the targets at each assessment that is evaluable, with PR against baseline and PD against nadir."""
    targets = frames["lesions"].query("role == 'target'")
    unread = targets["state"].eq("not_evaluable").groupby([targets["patient_id"], targets["scan_on"]]).transform("any")
    targets = targets[~unread].assign(diameter_mm=lambda t: t["diameter_mm"].fillna(0.0))
    out = targets.groupby(["patient_id", "scan_on"])["diameter_mm"].sum().rename("sum").reset_index()
    by = out.groupby("patient_id")["sum"]
    nadir = by.cummin().groupby(out["patient_id"]).shift()
    return out.assign(
        response=out["sum"] <= 0.7 * by.transform("first"),
        progression=(out["sum"] >= 1.2 * nadir) & (out["sum"] - nadir >= 5),
    )


def first_progression(frames):
    """First day of RECIST progression: by the sum, a new lesion or a non-target lesion."""
    lesions = frames["lesions"]
    other = lesions[lesions["role"].eq("new") | lesions["state"].eq("progressed")]
    measured = sums(frames).query("progression")
    days = pd.concat([other[["patient_id", "scan_on"]], measured[["patient_id", "scan_on"]]])
    return days.groupby("patient_id")["scan_on"].min()


def kaplan_meier(time, event, at):
    """Survival at a month by the definition of the product-limit estimate."""
    free = 1.0
    for moment in np.unique(time[event & (time <= at)]):
        free *= 1 - (event & (time == moment)).sum() / (time >= moment).sum()
    return free


def test_true_progression_free_survival_at_month_20_is_that_of_netter_1(large):
    truth = large.truth
    free = truth[["progression_month", "death_month"]].min(axis=1) > PROTOCOL["survival.report_months"][2]
    for arm, expected in PFS.items():
        own = free[truth["arm"] == arm]
        assert close_to(own.mean(), expected, len(own)), arm


def test_observed_progression_free_survival_lies_above_the_truth(large):
    """Progression is dated at the scan that shows it: the curve at month 20 says what was true months before."""
    frames, patients = large.frames, large.frames["patients"].set_index("patient_id")
    followup = frames["followup"].set_index("patient_id")
    adequate = frames["imaging"].query("adequate == 'yes'").groupby("patient_id")["scan_on"].max()
    seen = first_progression(frames).reindex(patients.index)
    ended = seen.fillna(followup["died_on"])
    last = ended.fillna(adequate.reindex(patients.index))
    months = (last - patients["randomised_on"]).dt.days / PROTOCOL.month_days
    for arm, expected in PFS.items():
        own = (patients["arm"] == arm).to_numpy()
        found = kaplan_meier(months[own].to_numpy(), ended[own].notna().to_numpy(), 20.0)
        # The last visit before month 20 is month 18; who misses it was seen at month 15.
        assert expected < found < expected ** (15.0 / 20), (arm, found)


def test_the_lesions_respond_as_often_as_in_netter_1(large):
    frames, truth = large.frames, large.truth
    table = sums(frames)
    until = table["patient_id"].map(first_progression(frames)).fillna(pd.Timestamp("2100-01-01"))
    responded = set(table.loc[table["response"] & (table["scan_on"] < until), "patient_id"])
    shown = truth["patient_id"].isin(responded)
    responder = truth["responder"] == "yes"
    for arm, expected in RESPONSE.items():
        own = truth["arm"] == arm
        assert close_to(responder[own].mean(), expected, own.sum()), arm
        assert close_to(shown[own].mean(), expected, own.sum()), arm
    assert not (shown & ~responder).any()
    assert (responder & ~shown).sum() <= 0.06 * responder.sum()


def test_the_reading_of_a_scan_and_recist_agree(large):
    imaging = large.frames["imaging"]
    read = imaging.query("finding == 'recurrence'").groupby("patient_id")["scan_on"].min()
    pd.testing.assert_series_equal(first_progression(large.frames), read, check_names=False)
    lesions = large.frames["lesions"]
    assert set(lesions["state"]) == {"measured", "absent", "present", "progressed", "not_evaluable"}
    assert set(lesions["role"]) == {"target", "non_target", "new"}
    assert (lesions.query("role == 'target'").groupby(["patient_id", "scan_on", "organ"]).size() <= 2).all()
    nodes = lesions.query("role == 'target' and node == 'yes'")
    assert (nodes.groupby("patient_id")["diameter_mm"].first() >= 15).all()


def test_no_scan_follows_progression_and_no_record_the_end_of_observation(large):
    frames = large.frames
    seen = frames["followup"].set_index("patient_id")["last_seen_on"]
    for name, column in (("imaging", "scan_on"), ("treatments", "started_on"), ("adverse_events", "started_on")):
        assert (frames[name][column] <= frames[name]["patient_id"].map(seen)).all(), name
    progressed = first_progression(frames)
    assert not (frames["imaging"]["scan_on"] > frames["imaging"]["patient_id"].map(progressed)).any()


def test_treatments_give_cycles_to_one_arm_and_lines_to_both(large):
    treatments, patients = large.frames["treatments"], large.frames["patients"].set_index("patient_id")
    prrt = treatments.query("kind == 'prrt'")
    assert set(prrt["patient_id"].map(patients["arm"])) == {"prrt"} and set(prrt["activity_gbq"]) == {7.4}
    assert set(prrt["cycle"]) == {1, 2, 3, 4}
    assert 0.6 < (prrt["cycle"] == 4).sum() / (patients["arm"] == "prrt").sum() < 0.85
    earlier = treatments[treatments["started_on"] < treatments["patient_id"].map(patients["randomised_on"])]
    lines = earlier[earlier["kind"].isin(PROTOCOL["cohort.line_kinds"])].groupby("patient_id").size()
    counts = lines.reindex(patients.index).fillna(0).value_counts(normalize=True)
    assert 0.5 < counts[0] < 0.8 and counts[1] > 0.15 and counts[2] > 0.02
    following = treatments[treatments["started_on"] > treatments["patient_id"].map(patients["randomised_on"])]
    assert {"targeted", "embolisation", "chemotherapy"} <= set(following["kind"])


def test_the_cohort_has_the_size_of_netter_1_and_its_tables_meet_the_contract(cohort):
    assert (DEFAULT_N, DEFAULT_SEED) == (229, 20261121) and len(cohort.frames["patients"]) == 229
    assert abs(cohort.frames["patients"]["arm"].value_counts().diff().iloc[-1]) <= 2
    for name, frame in cohort.frames.items():
        contract = TABLES[name].under("randomisation")
        assert set(contract.required_columns) <= set(frame.columns) <= set(contract.columns), name
        if contract.key:
            assert not frame.duplicated(list(contract.key)).any(), name
    trial = cohort.trial()
    assert trial.simulated and trial.samples.empty and trial.patients["surgery_on"].isna().all()


def test_ingestion_accepts_the_delivery_under_its_protocol_and_no_other(tmp_path):
    made = simulate_advanced(tmp_path / "advanced")
    files = {path.name for path in made.out.iterdir()}
    assert files == {f"{name}.csv" for name in generate_advanced(n=3).frames} | {"delivery.toml"}
    assert tomllib.loads((made.out / "delivery.toml").read_text(encoding="utf-8"))["simulated"] is True
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        report = ingest(store, [made.out], PROTOCOL, tmp_path / "quarantine")
        assert report.ok and report.counts == {"loaded": 7, "unchanged": 0, "rejected": 0}
        assert [finding.code for finding in report.findings] == ["D118"], "no samples: this cohort has none"
        trial = store.trial()
        assert {name: len(frame) for name, frame in trial.tables().items() if len(frame)} == {
            name: made.counts[name] for name in generate_advanced(n=3).frames
        }
        assert trial.imaging["scheduled_month"].notna().all() and trial.simulated
    with Store(f"sqlite:///{tmp_path / 'other.sqlite'}") as store:
        other = ingest(store, [made.out / "patients.csv"], load_protocol(), tmp_path / "quarantine")
        assert {finding.code for finding in other.findings} == {"D106"}


def test_the_scheduled_month_is_assigned_from_the_calendar_of_the_protocol(tmp_path):
    made = simulate_advanced(tmp_path / "advanced", n=30)
    text = pd.read_csv(made.out / "imaging.csv", dtype=str, keep_default_na=False)
    text.drop(columns="scheduled_month").to_csv(made.out / "imaging.csv", index=False)
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        report = ingest(store, [made.out], PROTOCOL, tmp_path / "quarantine")
        assert "D119" in {finding.code for finding in report.findings} and report.ok
        found = store.trial().imaging.merge(
            text[["patient_id", "scan_on", "scheduled_month"]].assign(scan_on=lambda t: pd.to_datetime(t["scan_on"])),
            on=["patient_id", "scan_on"],
        )
        later = found["scheduled_month_y"].astype(float) > 0
        assert (found["scheduled_month_x"] == found["scheduled_month_y"].astype(float))[later].all()


def test_the_same_seed_gives_the_same_bytes_and_the_truth_lies_aside(tmp_path):
    first, second = simulate_advanced(tmp_path / "a", n=40, seed=2), simulate_advanced(tmp_path / "b", n=40, seed=2)
    assert first.sha256 == second.sha256 != simulate_advanced(tmp_path / "c", n=40, seed=3).sha256
    truth = pd.read_csv(first.truth)
    assert first.truth == tmp_path / "a_truth.csv" and len(truth) == 40
    assert {"progression_hazard", "progression_month", "death_month", "responder"} <= set(truth.columns)
    hazard = truth.groupby("arm")["progression_hazard"].first() + truth["death_hazard"].iloc[0]
    assert np.exp(-20 * hazard).round(3).to_dict() == PFS
    with pytest.raises(ValueError, match="truth must lie outside"):
        simulate_advanced(tmp_path / "d", n=2, truth=tmp_path / "d" / "truth.csv")
    with pytest.raises(ValueError, match="n must be at least 1"):
        generate_advanced(n=0)
