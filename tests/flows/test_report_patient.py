"""The patient report: what was measured, what is missing and why, predictions with their interval or reason."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from report_cases import HOSTILE, check, gold, gold_outcome, one_patient, protocol, scores

from data.trial import Trial
from features.outcomes import build_outcome
from flows.reports import UnknownPatient, write_patient_report
from flows.reports.patient.course import analytical_band, control_spread
from flows.reports.patient.report import patient_page, risk_words
from flows.reports.patient.samples import missing_lines, quality_mark

NOTHING = pd.DataFrame()


def page_of(trial: Trial, patient: str = "P1", made: pd.DataFrame = NOTHING) -> str:
    return patient_page(trial, protocol(), build_outcome(trial, protocol()), made, patient)


def test_a_called_patient_sees_probability_interval_and_call() -> None:
    called = scores()[scores()["call"].ne("no call")].iloc[0]
    words = check(patient_page(gold(), protocol(), gold_outcome(), scores(), called["patient_id"])).text
    assert risk_words(called["probability"], called["lower"], called["upper"]) in words
    assert called["call"] in words and "mrd36-at-6, version 1" in words
    assert "SIMULATED DATA — no patient" in words


@pytest.mark.parametrize(
    ("risk", "words"),
    [
        ((0.88, 0.74, 0.95), "88% (74 to 95)"),
        ((0.997, 0.78, 0.9999), ">99% (78 to 100)"),
        ((0.001, 0.0, 0.2), "<1% (0 to 20)"),
    ],
)
def test_no_risk_is_printed_as_certain(risk: tuple[float, float, float], words: str) -> None:
    assert risk_words(*risk) == words


def test_a_patient_without_a_call_sees_the_reason() -> None:
    uncalled = scores()[scores()["call"].eq("no call") & scores()["endpoint_id"].eq("MRD36@6")].iloc[0]
    words = check(patient_page(gold(), protocol(), gold_outcome(), scores(), uncalled["patient_id"])).text
    assert f"no call: {uncalled['reason']}" in words


def test_nobody_else_is_on_the_page() -> None:
    text = patient_page(gold(), protocol(), gold_outcome(), scores(), "P00001")
    assert all(other not in text for other in gold().patients["patient_id"] if other != "P00001")


def test_the_score_the_scans_and_the_cut_offs_are_in_the_words_of_the_picture() -> None:
    page = check(page_of(one_patient()))
    assert "month 6.0: 47" in page.images[0] and "month 6.0 mri clear" in page.images[0]
    assert "20, 40, 80" in page.text


def test_what_is_missing_is_named_with_its_reason() -> None:
    trial = one_patient()
    lines = missing_lines(trial, protocol(), build_outcome(trial, protocol()), "P1")
    assert "MRI at month 3: due, no adequate scheduled scan." in lines
    assert "Urine sample S2: no creatinine, so no ratio." in lines
    assert not any("month 12" in line for line in lines)


def test_a_withdrawn_result_is_marked() -> None:
    trial = one_patient()
    trial = trial.replace(results=trial.results.assign(qc=["fail", None]))
    text = page_of(trial)
    assert "netest_activity withdrawn by the laboratory" in text
    assert "47 (failed quality control)" in check(text).images[0]


@pytest.mark.parametrize(
    ("verdict", "codes", "mark", "words"),
    [
        ("pass", "", "pass", "PL1: pass"),
        ("repeat", "Q202;Q205", "repeat", "PL1: repeat (Q202, Q205)"),
        ("reject", "Q303", "reject", "PL1: reject (Q303)"),
    ],
)
def test_quality_mark(verdict: str, codes: str, mark: str, words: str) -> None:
    verdicts = pd.DataFrame([{"plate": "PL1", "verdict": verdict, "codes": codes}])
    results = pd.DataFrame([{"analyte": "cga", "qc": None}])
    assert quality_mark(results, verdicts) == (mark, words)


def test_the_analytical_band_comes_from_the_controls() -> None:
    controls = pd.DataFrame(
        [{"version": "1.0", "nominal": 10.0, "value": v} for v in (8, 12)]
        + [{"version": "1.0", "nominal": 70.0, "value": v} for v in (66, 74)]
        + [{"version": "2.0", "nominal": 40.0, "value": 90.0}]
    )
    spread = control_spread(controls, "1.0")
    assert spread.to_numpy().tolist() == [[10.0, 2.0], [70.0, 4.0]]
    band = analytical_band(pd.Series([10.0, 40.0, 90.0]), spread)
    assert (band["upper"] - band["lower"]).tolist() == pytest.approx([2 * 1.959964 * sd for sd in (2, 3, 4)], rel=1e-6)
    assert analytical_band(pd.Series([10.0]), spread[:0]).isna().all(axis=None)


def test_no_sample_no_scan_no_follow_up_is_still_a_page() -> None:
    trial = one_patient()
    bare = Trial.from_frames(patients=trial.patients)
    words = check(page_of(bare)).text
    assert "No sample has been delivered" in words and "has not been scored" in words


def test_two_versions_are_never_joined_by_a_line() -> None:
    trial = one_patient()
    later = trial.samples.iloc[[0]].assign(sample_id="S9", collected_on=pd.Timestamp("2020-12-30"), visit="month_12")
    result = trial.results.iloc[[0]].assign(sample_id="S9", version="0.9", value=12.0)
    mixed = trial.replace(
        samples=pd.concat([trial.samples, later], ignore_index=True),
        results=pd.concat([trial.results, result], ignore_index=True),
    )
    from flows.reports.patient.course import analyte_track
    from flows.reports.patient.paint import joined_runs

    track = analyte_track(mixed, protocol(), build_outcome(mixed, protocol()), "P1", "netest_activity")
    assert sorted(len(run) for run in joined_runs(track.points)) == [1, 1]


def test_hostile_words_stay_words() -> None:
    trial = one_patient(patient_id=HOSTILE, site=HOSTILE)
    trial = trial.replace(
        results=trial.results.assign(unit="score", plate=HOSTILE, analyte=["netest_activity", HOSTILE])
    )
    text = page_of(trial, HOSTILE)
    check(text)
    assert "<script" not in text


def test_an_unknown_patient_is_refused_by_name() -> None:
    with pytest.raises(UnknownPatient, match="P9"):
        page_of(one_patient(), "P9")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    pages = [
        write_patient_report(
            gold(), protocol(), gold_outcome(), scores(), "P00022", tmp_path / f"{i}.html"
        ).read_bytes()
        for i in range(2)
    ]
    assert pages[0] == pages[1]


def test_a_negative_score_is_told_by_the_cut_off_of_the_version_in_use() -> None:
    trial = one_patient()
    results = trial.results.assign(
        analyte=trial.results["analyte"].replace("netest_activity", "netest_prognostic"),
        version=trial.results["version"].replace("1.0", "2.0"),
    )
    for own, words in ((trial, "A score of 20 or less"), (trial.replace(results=results), "A score below 40")):
        text = patient_page(own, protocol(), build_outcome(own, protocol()), pd.DataFrame(), "P1")
        assert f"{words} does not rule out" in check(text).text
