"""Kinetics and sampling on the pages: every number from the landmark table, every absent one with its reason."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from report_cases import check, gold, gold_outcome, one_patient, only_patients, protocol, with_rule

from data.trial import Trial
from features.landmark import LandmarkTable, sample_accounting, table_at
from features.outcomes import build_outcome
from flows.reports.cohort.calendar import calendar_section
from flows.reports.cohort.material import Cohort
from flows.reports.cohort.sampling import sample_counts, samples_figure
from flows.reports.patient import landmarks as landmarks_room
from flows.reports.patient.kinetics import (
    absent_lines,
    every_table,
    exposure_table,
    headline,
    kinetics_blocks,
    kinetics_figure,
    latest_table,
)
from flows.reports.patient.landmarks import Landmarks, landmarks_of
from flows.reports.patient.report import only, only_outcome, patient_page
from flows.reports.patient.slopes import panels_of
from flows.reports.patient.strip import sample_strip
from flows.reports.patient.words import doubling, signed
from flows.reports.sampling import STATES, WORDS

DAYS = {"baseline": "2019-12-20", "month_6": "2020-07-01", "month_12": "2021-01-01"}
BLOOD = {
    "baseline": {"netest_activity": 60, "cga": 200},
    "month_6": {"netest_activity": 15, "cga": 100},
    "month_12": {"netest_activity": 45, "cga": 200},
}
# 5-HIAA over creatinine 10 mmol/L: 8.0, below 1.0 and 2.0 umol/mmol.
URINE = {"baseline": ("=", 80), "month_6": ("<", 10), "month_12": ("=", 20)}
UNKNOWN = "not estimable: within-person variation of {} is unknown"
BELOW = "not estimable: a result below the limit of the assay"


def followed(visits: tuple[str, ...] = tuple(DAYS), seen: str = "2021-06-01", **facts: object) -> Trial:
    """One PRRT patient, two cycles, an analogue from surgery on, sampled at some visits."""
    samples, results = [], []
    for visit in visits:
        for specimen in ("blood", "urine"):
            name = f"{specimen}-{visit}"
            samples.append({"sample_id": name, "patient_id": "P1", "specimen": specimen, "visit": visit,
                            "collected_on": DAYS[visit], "ssa": "yes"})  # fmt: skip
        blood, (comparator, hiaa) = BLOOD[visit], URINE[visit]
        results += [
            {"sample_id": f"blood-{visit}", "analyte": analyte, "value": value, "comparator": "=",
             "unit": "ng/mL" if analyte == "cga" else "score", "version": "kit-a" if analyte == "cga" else "1.0"}
            for analyte, value in blood.items()
        ]  # fmt: skip
        results += [
            {"sample_id": f"urine-{visit}", "analyte": "5hiaa", "value": hiaa, "comparator": comparator,
             "unit": "umol/L", "version": "spot"},
            {"sample_id": f"urine-{visit}", "analyte": "creatinine", "value": 10, "comparator": "=",
             "unit": "mmol/L", "version": "spot"},
        ]  # fmt: skip
    treatments = [
        {"patient_id": "P1", "kind": "prrt", "started_on": day, "ended_on": day} for day in ("2020-03-01", "2020-05-01")
    ] + [{"patient_id": "P1", "kind": "ssa", "started_on": "2020-01-01", "ended_on": None}]
    follow = {"patient_id": "P1", "last_seen_on": seen, "status": "alive"} | facts
    bare = one_patient()
    made = Trial.from_frames(
        patients=bare.patients,
        samples=pd.DataFrame(samples),
        results=pd.DataFrame(results),
        imaging=bare.imaging,
        treatments=pd.DataFrame(treatments),
        followup=pd.DataFrame([follow]),
    )
    return made.replace(data_cut=pd.Timestamp("2021-06-30"))


@cache
def gold_tables() -> dict[float, LandmarkTable]:
    return {month: table_at(gold(), protocol(), month) for month in protocol().landmarks}


def found_in(trial: Trial, patient: str = "P1") -> Landmarks:
    outcome = build_outcome(trial, protocol())
    return landmarks_of(only(trial, patient), protocol(), only_outcome(outcome, patient), patient)


def test_the_latest_landmark_in_one_table() -> None:
    table = latest_table(found_in(followed()), protocol(), 12.0)
    assert table.rows == (
        ("NETest, score 0 to 100", "45", "↓ 15 (×0.75)", "↑ 30 (×2.88)", "odds double in 2.8 months",
         UNKNOWN.format("NETest")),
        ("Chromogranin A, ng/mL", "200", "→ same", "↑ 100 (×2.00)", "doubles in 6.0 months",
         "rise beyond variation"),
        ("Urine 5-HIAA / creatinine, µmol/mmol", "2.0", "↓ 6.0 (×0.25)", BELOW, BELOW,
         UNKNOWN.format("5-HIAA / creatinine")),
        ("Urine score, 0 to 100", "no result: not measured", "–", "–", "–", "–"),
    )  # fmt: skip


def test_the_score_is_told_in_one_sentence() -> None:
    assert headline(found_in(followed()), 12.0) == (
        "At month 12, the latest landmark reached, NETest is 45: 15 lower than before surgery, "
        "30 higher than at the previous sample."
    )
    only_six = found_in(followed(("month_6",), seen="2020-08-15"))
    assert headline(only_six, 6.0) == (
        "At month 6, the latest landmark reached, NETest is 15. No rate of change: one post-operative sample."
    )
    none = found_in(followed(("baseline",), seen="2020-08-15"))
    assert headline(none, 6.0).endswith("there is no NETest result: not collected.")


def test_every_figure_of_the_score_landmark_by_landmark() -> None:
    score = every_table(found_in(followed()), protocol())[0]
    assert score.columns == ("NETest", "Month 6", "Month 12")
    one = "not estimable: one post-operative sample"
    assert {name: cells for name, *cells in score.rows} == {
        "Result": ["15", "45"],
        "Before surgery": ["60", "60"],
        "Against before surgery (ratio)": ["↓ 45 (×0.26)", "↓ 15 (×0.75)"],
        "Against the previous sample (ratio)": [one, "↑ 30 (×2.88)"],
        "Slope of the last two, a month": ["–", "+28.4% (+0.250 logit)"],
        "Slope of all, a month": ["–", "+28.4% (+0.250 logit)"],
        "Curvature, logit / month²": ["–", "not estimable: two post-operative samples"],
        "Doubling time or half-life": [one, "odds double in 2.8 months"],
        "Above the cut-off": ["–", "5.0 months (83%)"],
        "Results above the cut-off": ["0 of 1", "1 of 2, turned positive"],
        "Peak": ["15", "45, this sample"],
        "Nadir": ["15", "15, since then +1.51 logit"],
        "Mean over time": ["–", "30.0"],
        "Variability (SD), logit": ["–", "1.07"],
        "Reference change": [UNKNOWN.format("NETest")] * 2,
        "Results after surgery": ["1", "2"],
        "Sample to end of landmark": ["31 days", "30 days"],
    }


def test_treatment_at_the_sample_and_blood_against_urine() -> None:
    rows = {name: cells for name, *cells in exposure_table(found_in(followed())).rows}
    assert rows == {
        "Blood sample": ["month 6.0", "month 12.0"],
        "PRRT before it": ["2 cycles, the last 61 days before", "2 cycles, the last 245 days before"],
        "Somatostatin analogue at the sample": ["in use", "in use"],
        "Months on an analogue since surgery": ["6.0", "12.0"],
        "Blood and urine, each by its cut-off": [
            "both negative (same day)",
            "blood positive, urine negative (same day)",
        ],
        "Visits with the same call so far": ["2 of 2", "2 of 3"],
    }


def test_the_picture_says_what_the_table_says() -> None:
    score, cga, ratio, urine = panels_of(found_in(followed()))
    assert [point.label for point in score.points] == ["60", "15", "45"]
    assert [(point.label, point.below) for point in ratio.points] == [("8.0", False), ("< 1.0", True), ("2.0", False)]
    assert [point.joined for point in ratio.points] == [False, True, True]
    assert ratio.points[1].height == pytest.approx(0.0)  # ln of the limit, 1 umol/mmol
    assert urine.points == () and urine.gaps[2] == ("not measured", True)
    assert score.gaps == {3: ("not reached", False)} and score.bars == ()
    (place, lower, upper) = cga.bars[0]
    # z sqrt(2) sqrt(ln(1 + .082^2) + ln(1 + .163^2)) around ln 100
    assert place == 2 and [lower, upper] == pytest.approx([np.log(100) - 0.4216, np.log(100) + 0.4216], abs=1e-3)
    assert cga.points[2].beyond and not cga.points[1].beyond
    alt = kinetics_figure(found_in(followed()), protocol()).alt
    assert "before surgery 200; month 6 100; month 12 200 (beyond variation); month 36 not reached" in alt
    assert "month 6 < 1.0" in alt


def test_a_ring_is_drawn_exactly_where_a_point_leaves_its_bar() -> None:
    seen = 0
    for patient in gold_tables()[12.0].rows.index[:40]:
        cga = panels_of(landmarks_of(gold(), protocol(), gold_outcome(), patient, gold_tables()))[1]
        heights = {point.place: point for point in cga.points}
        for place, lower, upper in cga.bars:
            assert heights[place].beyond == (not lower <= heights[place].height <= upper)
            seen += 1
    assert seen > 20


def test_a_patient_alone_reads_as_among_all_others() -> None:
    for patient in gold_tables()[36.0].rows.index[:3]:
        own = only_outcome(gold_outcome(), patient)
        among = landmarks_of(only(gold(), patient), protocol(), own, patient, gold_tables())
        alone = found_in(gold(), patient)
        assert every_table(alone, protocol()) == every_table(among, protocol())
        assert exposure_table(alone) == exposure_table(among)


def test_numbers_are_those_of_the_landmark_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(trial: Trial, rules: object, month: float) -> object:
        table = table_at(trial, protocol(), month)
        return replace(table, rows=table.rows.assign(netest_last=77.0, cga_doubling_months=3.25))

    monkeypatch.setattr(landmarks_room, "table_at", other)
    rows = latest_table(found_in(followed()), protocol(), 12.0).rows
    assert rows[0][1] == "77" and rows[1][4] == "doubles in 3.2 months"


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (followed(seen="2021-01-15"), "No figures at month 12: last seen at month 12.5, before the landmark closed."),
        (followed(seen="2021-06-01"), "No figures at month 36: the data cut lies before it closes."),
        (
            followed(("baseline",), seen="2020-04-01", status="dead", died_on="2020-04-01"),
            "No figures at month 6, 12 and 36: died at month 3.0, before the landmark closed.",
        ),
    ],
)
def test_a_landmark_that_was_not_reached_says_why(trial: Trial, words: str) -> None:
    assert words in absent_lines(found_in(trial))


def test_a_recurrence_ends_the_kinetics() -> None:
    trial = followed()
    scan = trial.imaging.assign(scan_on=pd.Timestamp("2020-10-01"), finding="recurrence", scheduled_month=9)
    found = found_in(trial.replace(imaging=pd.concat([trial.imaging, scan], ignore_index=True)))
    assert list(found.after) == [6.0]
    assert absent_lines(found) == [
        "No figures at month 12 and 36: recurrence seen at month 9.0, before the landmark closed."
    ]
    assert panels_of(found)[0].gaps == {2: ("recurred", False), 3: ("recurred", False)}


def test_nobody_followed_is_still_a_section() -> None:
    trial = Trial.from_frames(patients=one_patient().patients)
    blocks = kinetics_blocks(found_in(trial), protocol())
    assert blocks[0].content == "No landmark after surgery was reached, so nothing is known of the kinetics."
    assert any("no follow-up has been delivered" in str(block.content) for block in blocks)


def test_mixed_versions_are_refused_in_words() -> None:
    trial = followed()
    second = trial.results["sample_id"].eq("blood-month_12") & trial.results["analyte"].eq("netest_activity")
    mixed = trial.replace(results=trial.results.assign(version=trial.results["version"].mask(second, "0.9")))
    lines = absent_lines(found_in(mixed))
    assert lines[0].startswith("No figures at month 12 and 36: refused: ") and "not interchangeable" in lines[0]
    page = patient_page(mixed, protocol(), build_outcome(mixed, protocol()), pd.DataFrame(), "P1")
    assert "not interchangeable" in check(page).text


def test_a_known_variation_switches_the_reference_change_on() -> None:
    rules = with_rule("kinetics.rcv_sd_biological", 0.2)
    trial = followed()
    found = landmarks_of(trial, rules, build_outcome(trial, rules), "P1")
    assert latest_table(found, rules, 12.0).rows[0][-1] == "rise beyond variation"
    assert panels_of(found)[0].bars
    assert "No reference change interval for 5-HIAA" in kinetics_figure(found, rules).caption


def test_a_level_course_neither_doubles_nor_halves() -> None:
    found = found_in(followed())
    row = found.after[12.0].copy()
    row[["cga_slope", "cga_doubling_months", "cga_half_life_months"]] = [0.0, np.nan, np.nan]
    assert doubling(row, found.markers[1]) == "not estimable: no change"
    row["cga_half_life_months"] = 400.0
    assert doubling(row, found.markers[1]) == "halves in over 120 months"


@pytest.mark.parametrize(("value", "digits", "words"), [(-0.04, 1, "0.0"), (0.26, 1, "+0.3"), (-1.25, 2, "−1.25")])
def test_no_sign_on_what_rounds_to_zero(value: float, digits: int, words: str) -> None:
    assert signed(value, digits) == words


def test_the_strip_has_one_word_for_every_visit_and_specimen() -> None:
    trial = followed(("baseline", "month_12"))
    trial = trial.replace(results=trial.results[~trial.results["sample_id"].eq("urine-month_12")])
    strip = sample_strip(trial, protocol(), build_outcome(trial, protocol()), "P1")
    assert strip.visits == ("Before surgery", "Month 6", "Month 12", "Month 36")
    assert [(name, [word for _, word in cells]) for name, cells in strip.rows] == [
        ("Blood", ["collected", "not collected", "collected", "not reached yet"]),
        ("Urine", ["collected", "not collected", "not measured", "not reached yet"]),
    ]
    assert not strip.complete
    page = check(patient_page(trial, protocol(), build_outcome(trial, protocol()), pd.DataFrame(), "P1"))
    assert "Everything that was due is there" not in page.text and "not reached yet" in page.text


def test_a_trial_without_samples_has_no_strip() -> None:
    bare = Trial.from_frames(patients=one_patient().patients)
    page = patient_page(bare, protocol(), build_outcome(bare, protocol()), pd.DataFrame(), "P1")
    assert "strip" not in page.split("</style>")[1]


def test_every_patient_is_in_every_bar_once() -> None:
    cohort = Cohort(gold(), protocol(), gold_outcome())
    counts = sample_counts(cohort)
    arms = gold().patients["arm"].value_counts()
    totals = counts.groupby(["specimen", "month", "arm"])[["n", "share"]].sum().reset_index()
    assert (totals["n"] == totals["arm"].map(arms)).all()
    assert totals["share"].tolist() == pytest.approx([1] * len(totals))
    known = sample_accounting(gold(), gold_outcome(), protocol(), np.inf)["status"].value_counts()
    assert counts.groupby("status")["n"].sum().to_dict() == known.to_dict()


def test_the_bars_are_told_in_words_and_completeness_is_told_once() -> None:
    trial = followed(("baseline", "month_12"))
    cohort = Cohort(trial, protocol(), build_outcome(trial, protocol()))
    figure = samples_figure(cohort)
    assert figure is not None
    assert "blood month 6, PRRT: 1 not collected; blood month 12, PRRT: 1 collected" in figure.alt
    titles = [block.content.title for block in calendar_section(cohort).blocks if block.kind == "figure"]
    assert titles[:2] == ["What became of every sample", "Scans that were due and that came"]
    assert samples_figure(Cohort(trial.replace(samples=trial.samples[:0]), protocol(), cohort.outcome)) is None


def test_an_unresected_cohort_starts_at_baseline() -> None:
    trial = only_patients(gold(), gold().patients["patient_id"].head(3).tolist())
    trial = trial.replace(patients=trial.patients.assign(surgery_on=pd.NaT))
    figure = samples_figure(Cohort(trial, protocol(), build_outcome(trial, protocol())))
    assert figure is not None and "before surgery" not in figure.alt
    assert "blood baseline" in figure.alt and "not due" in figure.alt


def test_every_state_of_the_accounting_has_a_word_and_a_colour() -> None:
    from features.landmark.sampling import STATES as KNOWN

    assert set(STATES) == set(KNOWN) == set(WORDS)
