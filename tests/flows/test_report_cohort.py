"""The cohort report: complete and empty cohorts, hostile data, numbers that equal their inputs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from report_cases import HOSTILE, Page, check, gold, gold_outcome, one_patient, protocol, scores, trainings

from data.trial import Trial
from features.cohort import due_samples, flow_losses, patient_flow
from features.outcomes import build_outcome
from flows.reports import write_cohort_report
from flows.reports.cohort.calls import calls_table, reasons_table
from flows.reports.cohort.endpoints import endpoint_section, shown_model
from flows.reports.cohort.flow import flow_stages
from flows.reports.cohort.material import Cohort
from flows.reports.cohort.outcome import rate_at
from flows.reports.cohort.paint_flow import Stage
from flows.reports.cohort.patients import table_one
from flows.reports.cohort.quality import plate_table, rejected_files, westgard
from flows.reports.cohort.report import cohort_page
from flows.reports.cohort.times import AS_OBSERVED, times_of
from flows.reports.page import percent_interval
from models.estimates.competing import cumulative_incidence

NOTHING = pd.DataFrame()


@pytest.fixture(scope="module")
def full() -> str:
    return cohort_page(gold(), protocol(), gold_outcome(), list(trainings().values()), scores())


def bare(trial: Trial) -> str:
    return cohort_page(trial, protocol(), build_outcome(trial, protocol()), [], NOTHING)


def test_the_page_is_whole_and_says_that_it_is_simulated(full: str) -> None:
    page = check(full)
    assert "SIMULATED DATA — no patient" in page.text
    assert "ab" * 32 in page.text and protocol().digest in page.text
    assert "Data cut 2024-01-01" in page.text


def test_the_curves_are_the_tables_and_the_tiles(full: str) -> None:
    visits = times_of(Cohort(gold(), protocol(), gold_outcome()), "recurrence", AS_OBSERVED)
    words = Page(full).text
    for arm in ("control", "prrt"):
        own = visits[visits["arm"].eq(arm)]
        assert percent_interval(*rate_at(own, 36)) in words
        row = cumulative_incidence(own["time"], own["event"], 1, own["entry"]).at(36).iloc[0]
        assert percent_interval(row["value"], row["lower"], row["upper"]) in words


def test_figures_of_the_models_are_those_of_the_training(full: str) -> None:
    words, result = Page(full).text, trainings()["MRD36@6"]
    for model in result.models.values():
        assert model.cell("auc", 2) in words
    assert f"{result.counts['events']} recurred by month 36" in words
    assert result.policy_reason in words
    assert f"{result.champion} · " in words and "(champion)" in words


def test_what_is_not_estimable_shows_its_reason_and_no_area(full: str) -> None:
    section = full[full.index('id="endpoint-er12-at-36"') : full.index('id="calls"')]
    assert trainings()["ER12@36"].reason[1:] in section
    assert "<figure" not in section and "champion" not in section


def test_every_assumption_is_listed(full: str) -> None:
    words = Page(full).text
    assert all(record.key in words for record in protocol().assumptions())


def test_same_input_same_bytes(tmp_path: Path, full: str) -> None:
    out = write_cohort_report(
        gold(), protocol(), gold_outcome(), list(trainings().values())[::-1], scores(), tmp_path / "c.html"
    )
    assert out.read_text(encoding="utf-8") == full


def test_links_are_the_only_way_out() -> None:
    trial = one_patient()
    text = cohort_page(
        trial, protocol(), build_outcome(trial, protocol()), [], NOTHING, links={"MLflow": "http://127.0.0.1:5000/#/x"}
    )
    assert Page(text).outside == ["http://127.0.0.1:5000/#/x"]


def test_an_empty_cohort_has_a_page() -> None:
    page = check(bare(Trial.empty()))
    assert "SIMULATED" not in page.text
    for words in ("No patient has been delivered", "No model has been trained", "No patient has been scored"):
        assert words in page.text


def test_one_patient_has_a_page() -> None:
    assert "No NETest result" not in check(bare(one_patient())).text


def test_one_patient_who_is_not_randomised_has_a_page() -> None:
    check(bare(one_patient(arm=None, randomised_on=None)))


def test_hostile_words_stay_words() -> None:
    trial = one_patient(patient_id=HOSTILE, site=HOSTILE).replace(study=HOSTILE, digest=HOSTILE)
    trial = trial.replace(controls=trial.controls.assign(plate=HOSTILE, control=HOSTILE))
    files = pd.DataFrame([{"name": HOSTILE, "kind": "plate", "status": "rejected", "reason": HOSTILE}])
    text = cohort_page(trial, protocol(), build_outcome(trial, protocol()), [], NOTHING, files=files)
    page = check(text)
    assert "<script" not in text
    assert "<script>alert('x')</script>" in page.text


def stages_of(cohort: Cohort) -> dict[str, Stage]:
    table = patient_flow(cohort.trial, cohort.outcome, cohort.protocol)
    losses = flow_losses(cohort.trial, cohort.outcome, cohort.protocol)
    return {stage.label: stage for stage in flow_stages(cohort, table, losses)}


def test_patient_flow_counts_and_who_left_add_up() -> None:
    stages = stages_of(Cohort(gold(), protocol(), gold_outcome()))
    assert list(stages)[:3] == ["Consented", "Resected", "Randomised"]
    assert stages["Randomised"].total == 106 and stages["Randomised"].arms == {"control": 54, "prrt": 52}
    assert stages["At risk at month 6"].total == trainings()["MRD36@6"].counts["at_risk"]
    chain = [stage for label, stage in stages.items() if label == "Randomised" or label.startswith("At risk")]
    for before, after in pairwise(chain):
        assert before.total - after.total == sum(int(words.split()[0]) for words in after.left)
        assert all(after.blood[arm] <= after.arms[arm] for arm in after.arms)


def test_a_cohort_without_arms_flows_as_one_group() -> None:
    trial = gold().replace(patients=gold().patients.assign(arm=None, randomised_on=pd.NaT))
    outcome = build_outcome(trial, protocol())
    stages = stages_of(Cohort(trial, protocol(), outcome))
    assert "Randomised" not in stages
    month_6 = stages["At risk at month 6"]
    assert (month_6.total, month_6.arms) == (trainings()["MRD36@6"].counts["at_risk"], {})
    assert 0 < month_6.blood[""] < month_6.total
    page = check(cohort_page(trial, protocol(), outcome, [], NOTHING))
    assert "Disease-free at 36 months, Not randomised" in page.text and "interval –%" not in page.text
    assert "nobody randomised" in page.text and "Hazard ratio" not in page.text


def test_details_are_of_the_model_that_the_policy_names() -> None:
    result = replace(trainings()["MRD36@6"], champion="", shown="M3", policy_reason="no champion: never promoted")
    better = {"M1": result.models["M3"], **result.models}
    section = endpoint_section(replace(result, models=better), protocol())
    assert shown_model(replace(result, models=better)) == "M3"
    assert section.policy == "No champion: never promoted. Details are of M3, as the policy prespecifies."
    assert shown_model(replace(result, shown="")) == ""


def test_table_one_shows_arms_missing_and_what_was_not_delivered() -> None:
    table = table_one(gold(), protocol())
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.columns == ("", "Missing", "Overall", "Control", "PRRT")
    assert rows["Patients"] == ("", "106", "54", "52")
    assert rows["Pre-operative NETest score"][0] == "10"
    assert rows["Functional tumour"] == ("0", "31 (29.2)", "19 (35.2)", "12 (23.1)")
    assert "ECOG" in table.caption


def test_a_sample_is_due_until_recurrence_and_while_in_follow_up() -> None:
    trial = one_patient()
    due = due_samples(trial, build_outcome(trial, protocol()), protocol())
    rows = {(row.specimen, row.visit): row.got for row in due.itertuples()}
    assert rows == {
        ("blood", "baseline"): False,
        ("urine", "baseline"): False,
        ("blood", "month_6"): True,
        ("urine", "month_6"): True,
    }


def test_calls_and_reasons_add_up() -> None:
    table, reasons = calls_table(scores(), protocol()), reasons_table(scores(), protocol())
    assert table is not None and reasons is not None
    assert table.columns == ("Endpoint", "Patients", "Low", "Intermediate", "High", "Very high", "No call")
    for row in table.rows:
        patients, *calls = map(int, row[1:])
        assert patients == sum(calls) == int(scores()["endpoint_id"].eq(row[0]).sum())
        assert calls[-1] == sum(int(why[2]) for why in reasons.rows if why[0] == row[0])


def test_westgard_flags_one_far_reading_and_two_running() -> None:
    values = [14, 15, 13, 14, 15, 13, 14, 21, 14, 17.2, 17.3, 14]
    controls = pd.DataFrame(
        {"plate": [f"PL{i:02}" for i in range(len(values))], "control": "LOW", "nominal": 14.0, "value": values}
    )
    table, limits = westgard(controls, protocol())
    assert limits["LOW"][0] == 14 and 1.0 < limits["LOW"][1] < 1.6
    flags = dict(zip(table["plate"], table["flag"], strict=True))
    assert flags["PL07"] == "1-3s"
    assert flags["PL10"] == "2-2s"
    assert sum(flag != "" for flag in flags.values()) == 2


def test_failed_plates_and_files_are_listed_with_their_reasons() -> None:
    verdicts = pd.DataFrame(
        [
            {"plate": "PL1", "sample_id": "S1", "verdict": "repeat", "codes": "Q202;Q205"},
            {"plate": "PL1", "sample_id": "S2", "verdict": "pass", "codes": ""},
            {"plate": "PL2", "sample_id": "S3", "verdict": "pass", "codes": ""},
        ]
    )
    table = plate_table(Trial.from_frames(verdicts=verdicts))
    assert table is not None and table.rows == (("PL1", "2", "0", "1", "Q202, Q205"),)
    files = pd.DataFrame(
        [
            {"name": "a.csv", "kind": "plate", "status": "loaded", "reason": ""},
            {"name": "b.csv", "kind": "plate", "status": "rejected", "reason": "[Q303] amplified"},
        ]
    )
    kept_out = rejected_files(files)
    assert kept_out is not None and kept_out.rows == (("b.csv", "plate", "[Q303] amplified"),)
    assert rejected_files(files[:1]) is None and rejected_files(None) is None
