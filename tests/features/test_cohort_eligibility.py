"""Eligibility: one rule at a time on literal values, then verdicts, then invariants."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from data.protocol import Protocol, ProtocolError
from data.simulate.generate import generate
from data.trial import Trial
from features.cohort import eligibility, eligible, rule_counts

DAY = pd.Timedelta(days=1)


def fit(rows, patient_id: str = "P1", **facts: object) -> dict:
    """A patient who fulfils every rule of both rule sets."""
    surgery = pd.Timestamp("2020-01-01")
    return (
        rows.patient(
            patient_id,
            consent_on=surgery - 30 * DAY,
            ki67_pct=5.0,
            ecog="1",
            primary_resected="yes",
            extrahepatic_disease="resectable_nodes",
            haemoglobin_g_dl=8.0,
            leucocytes_e9_l=2.0,
            platelets_e9_l=75.0,
            bilirubin_uln=3.0,
            creatinine_umol_l=150.0,
            mri_on=surgery - 42 * DAY,
            petct_on=surgery - 84 * DAY,
        )
        | facts
    )


def therapy(kind: str, days: int, patient_id: str = "P1", **facts: object) -> dict:
    """A treatment some days after surgery (negative: before)."""
    return {"patient_id": patient_id, "kind": kind, "started_on": pd.Timestamp("2020-01-01") + days * DAY} | facts


def trial_of(rows, *patients: dict, treatments: list[dict] | None = None) -> Trial:
    """Patients, and treatments of which one (a later analogue) only shows that the table was delivered."""
    return rows.trial(patients=list(patients), treatments=[therapy("ssa", 400), *(treatments or [])])


def status(trial: Trial, protocol: Protocol, rule: str, rule_set: str = "S3") -> str:
    table = eligibility(trial, protocol, rule_set=rule_set)
    return table.loc[table["rule"].eq(rule), "status"].iloc[0]


@pytest.mark.parametrize("rule_set", ["S1", "S3"])
def test_a_patient_at_every_limit_is_eligible(rows, protocol, rule_set: str) -> None:
    table = eligible(trial_of(rows, fit(rows)), protocol, rule_set=rule_set)
    assert table.to_dict("records") == [{"patient_id": "P1", "status": "eligible", "not_met": "", "not_assessable": ""}]


@pytest.mark.parametrize(
    ("rule", "facts", "expected"),
    [
        ("adult", {"birth_year": 2000}, "met"),
        ("adult", {"birth_year": 2001}, "not assessable"),  # 17 or 18 on 2019-12-02
        ("adult", {"birth_year": 2002}, "not met"),
        ("gep_primary", {"primary_site": "lung"}, "not met"),
        ("gep_primary", {"primary_site": "rectum"}, "met"),
        ("grade_1_2", {"grade": "G3"}, "not met"),
        ("ki67", {"ki67_pct": 19.9}, "met"),
        ("ki67", {"ki67_pct": 20.0}, "not assessable"),
        ("ki67", {"ki67_pct": 20.1}, "not met"),
        ("margin", {"margin": "R2"}, "not met"),
        ("ecog", {"ecog": "2"}, "not met"),
        ("primary_resected", {"primary_resected": "no"}, "not met"),
        ("extrahepatic", {"extrahepatic_disease": "none"}, "met"),
        ("extrahepatic", {"extrahepatic_disease": "other"}, "not met"),
        ("haemoglobin", {"haemoglobin_g_dl": 7.9}, "not met"),
        ("leucocytes", {"leucocytes_e9_l": 1.9}, "not met"),
        ("platelets", {"platelets_e9_l": 74.0}, "not met"),
        ("bilirubin", {"bilirubin_uln": 3.1}, "not met"),
        ("creatinine", {"creatinine_umol_l": 151.0}, "not met"),
        ("mri_age", {"mri_on": pd.Timestamp("2019-11-19")}, "not met"),  # 43 days
        ("mri_age", {"mri_on": pd.Timestamp("2020-01-02")}, "not assessable"),  # after surgery
        ("petct_age", {"petct_on": pd.Timestamp("2019-10-08")}, "not met"),  # 85 days
        ("randomised_late", {"randomised_on": pd.Timestamp("2020-01-29")}, "met"),  # 28 days
        ("randomised_late", {"randomised_on": pd.Timestamp("2020-01-28")}, "not met"),
        ("consent_first", {"consent_on": pd.Timestamp("2020-02-15")}, "met"),  # the day of randomisation
        ("consent_first", {"consent_on": pd.Timestamp("2020-02-16")}, "not met"),
    ],
)
def test_each_rule_at_its_limit(rows, protocol, rule: str, facts: dict, expected: str) -> None:
    trial = trial_of(rows, fit(rows, **facts))
    # Codes that a delivery may not hold are tried, too: the rule must not lean on the contract.
    assert status(trial, protocol, rule) == expected


MISSING = {
    "adult": "consent_on", "ki67": "ki67_pct", "ecog": "ecog", "primary_resected": "primary_resected",
    "extrahepatic": "extrahepatic_disease", "haemoglobin": "haemoglobin_g_dl", "leucocytes": "leucocytes_e9_l",
    "platelets": "platelets_e9_l", "bilirubin": "bilirubin_uln", "creatinine": "creatinine_umol_l",
    "mri_age": "mri_on", "petct_age": "petct_on", "consent_first": "consent_on", "randomised_late": "randomised_on",
    "grade_1_2": "grade", "gep_primary": "primary_site", "margin": "margin", "prior_therapy": "surgery_on",
}  # fmt: skip


@pytest.mark.parametrize("rule", MISSING)
def test_what_is_missing_is_never_met(rows, protocol, rule: str) -> None:
    assert status(trial_of(rows, fit(rows, **{MISSING[rule]: None})), protocol, rule) == "not assessable"


@pytest.mark.parametrize("rule", sorted(set(MISSING) - {"prior_therapy", "randomised_late"}))
def test_a_column_that_the_trial_lacks_is_never_met(rows, protocol, rule: str) -> None:
    trial = trial_of(rows, fit(rows))
    lacking = trial.replace(patients=trial.patients.drop(columns=MISSING[rule]))
    assert status(lacking, protocol, rule) == "not assessable"


@pytest.mark.parametrize(
    ("treatment", "strict", "prrt_ever", "recent"),
    [
        (therapy("ssa", -200), "met", "met", "met"),
        (therapy("chemotherapy", -400), "not met", "met", "met"),
        (therapy("prrt", -900), "not met", "not met", "met"),
        (therapy("embolisation", -84), "not met", "met", "met"),
        (therapy("embolisation", -83), "not met", "met", "not met"),
        (therapy("ablation", -200, ended_on=pd.Timestamp("2019-12-01")), "not met", "met", "not met"),
        (therapy("ablation", 0), "met", "met", "met"),  # part of the operation
        (therapy("embolisation", 100), "met", "met", "met"),
        (therapy("other", -300), "not assessable", "met", "met"),
        (therapy("other", -30), "not assessable", "met", "not assessable"),
        (therapy("surgery", -300), "met", "met", "met"),
    ],
)
def test_prior_therapy_by_rule_set(rows, protocol, treatment: dict, strict: str, prrt_ever: str, recent: str) -> None:
    trial = trial_of(rows, fit(rows), treatments=[treatment])
    assert status(trial, protocol, "prior_therapy", "S3") == strict
    assert status(trial, protocol, "prior_prrt", "S1") == prrt_ever
    assert status(trial, protocol, "recent_liver_directed", "S1") == recent


def test_no_treatments_table_says_nothing_about_prior_therapy(rows, protocol) -> None:
    table = eligibility(rows.trial(patients=[fit(rows)]), protocol)
    row = table[table["rule"].eq("prior_therapy")].iloc[0]
    assert (row["status"], row["found"]) == ("not assessable", "no treatment has been delivered")


def test_the_protocol_can_take_silence_for_ignorance(rows, protocol) -> None:
    record = replace(protocol.record("cohort.absent_treatment"), value="not assessable")
    careful = replace(protocol, records=protocol.records | {record.key: record})
    trial = trial_of(rows, fit(rows))
    assert status(trial, protocol, "prior_therapy") == "met"
    assert status(trial, careful, "prior_therapy") == "not assessable"
    assert status(trial, careful, "recent_liver_directed", "S1") == "not assessable"


@pytest.mark.parametrize(
    ("arm", "cycle", "expected"),
    [("control", None, "met"), ("prrt", 46, "met"), ("prrt", None, "not assessable")],
)
def test_treatment_not_within_four_weeks(rows, protocol, arm: str, cycle: int | None, expected: str) -> None:
    cycles = [] if cycle is None else [therapy("prrt", cycle)]
    assert status(trial_of(rows, fit(rows, arm=arm), treatments=cycles), protocol, "recovery") == expected


def test_treatment_too_soon_is_not_met(rows, protocol) -> None:
    soon = fit(rows, arm="prrt", randomised_on=pd.Timestamp("2020-01-20"))
    assert status(trial_of(rows, soon, treatments=[therapy("prrt", 27)]), protocol, "recovery") == "not met"
    assert status(trial_of(rows, soon, treatments=[therapy("prrt", 28)]), protocol, "recovery") == "met"


@pytest.mark.parametrize("arm", ["prrt", "control"])
def test_treatment_before_randomisation_is_too_soon_all_the_same(rows, protocol, arm: str) -> None:
    """Randomised on day 45: a course on day 14 breaks the rule though it is no study treatment."""
    later = [therapy("prrt", 60)] if arm == "prrt" else []
    early = trial_of(rows, fit(rows, arm=arm), treatments=[therapy("prrt", 14), *later])
    before = trial_of(rows, fit(rows, arm=arm), treatments=[therapy("prrt", -14), *later])
    assert status(early, protocol, "recovery") == "not met"
    assert status(before, protocol, "recovery") == "met"


def test_scan_before_surgery_stands_in_for_a_missing_date(rows, protocol) -> None:
    patient = fit(rows, mri_on=None)
    scans = [rows.scan(0, day=-50), rows.scan(0, day=-20), rows.scan(0, day=-3, adequate="no"), rows.scan(3)]
    trial = rows.trial(patients=[patient], treatments=[therapy("ssa", 400)], imaging=scans)
    table = eligibility(trial, protocol)
    row = table[table["rule"].eq("mri_age")].iloc[0]
    assert (row["status"], row["found"]) == ("met", "2.86 week")


def test_verdicts_name_their_rules(rows, protocol) -> None:
    trial = trial_of(
        rows,
        fit(rows, "A"),
        fit(rows, "B", ki67_pct=30.0, platelets_e9_l=10.0, ecog=None),
        fit(rows, "C", ki67_pct=20.0),
    )
    assert eligible(trial, protocol).to_dict("records") == [
        {"patient_id": "A", "status": "eligible", "not_met": "", "not_assessable": ""},
        {"patient_id": "B", "status": "not eligible", "not_met": "ki67; platelets", "not_assessable": "ecog"},
        {"patient_id": "C", "status": "not assessable", "not_met": "", "not_assessable": "ki67"},
    ]
    found = eligibility(trial, protocol).set_index(["patient_id", "rule"])["found"]
    assert found["C", "ki67"].startswith("20 %: exactly 20% is grade 2")
    assert found["B", "platelets"] == "10 10^9/L"
    assert found["A", "adult"] == "58 or 59 year"


def test_an_unknown_rule_set_is_refused(rows, protocol) -> None:
    with pytest.raises(ProtocolError, match="rule set 'S7'; it has S1, S3"):
        eligibility(trial_of(rows, fit(rows)), protocol, rule_set="S7")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_counts_add_up_and_dates_may_shift(protocol, seed: int) -> None:
    trial = generate(60, seed=seed).trial()
    counts = rule_counts(trial, protocol)
    assert counts[["met", "not met", "not assessable"]].sum(axis=1).eq(60).all()
    # 28 years hold 10227 days and repeat the calendar, so that ages in whole years stay.
    moved = {
        name: frame.assign(
            **{column: frame[column] + 10227 * DAY for column in frame.select_dtypes("datetime64").columns}
        )
        for name, frame in trial.tables().items()
    }
    moved["patients"]["birth_year"] += 28
    pd.testing.assert_frame_equal(eligible(trial.replace(**moved), protocol), eligible(trial, protocol))


def test_an_empty_trial_gives_empty_frames(protocol) -> None:
    assert eligibility(Trial.empty(), protocol).empty
    assert list(eligible(Trial.empty(), protocol)) == ["patient_id", "status", "not_met", "not_assessable"]
