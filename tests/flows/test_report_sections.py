"""Sections of the cohort report: response, harm, eligibility, lead time, and trials too small to estimate anything."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from report_cases import (
    Page,
    check,
    gold,
    gold_outcome,
    measured,
    one_patient,
    only_patients,
    protocol,
    with_rule,
)

from data.protocol import Protocol, load_protocol
from data.simulate import generate_advanced
from data.trial import Trial
from features.cohort import eligibility, lead_times, worst_grades
from features.outcomes import build_outcome
from flows.reports.cohort import calendar, intervals, lead
from flows.reports.cohort.eligibility import eligibility_section
from flows.reports.cohort.eligibility import measured as measured_words
from flows.reports.cohort.flow import flow_section
from flows.reports.cohort.lead import lead_section
from flows.reports.cohort.material import Cohort
from flows.reports.cohort.readings import landmark_table
from flows.reports.cohort.report import cohort_page
from flows.reports.cohort.response import responders, response_section
from flows.reports.cohort.response_subgroups import left_out
from flows.reports.cohort.safety import safety_section
from flows.reports.cohort.times import AS_OBSERVED, times_of
from flows.reports.page import percent

SECTIONS = [
    "flow", "eligibility", "patients", "calendar", "outcome", "response", "safety", "marker", "lead", "models", "calls",
    "laboratory", "assumptions",
]  # fmt: skip


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn at random is tested where it is computed."""
    monkeypatch.setattr(intervals, "RESAMPLES", 20)
    monkeypatch.setattr(lead, "DRAWS", 50)


def page_of(trial: Trial, rules: Protocol | None = None) -> Page:
    rules = rules or protocol()
    return check(cohort_page(trial, rules, build_outcome(trial, rules), [], pd.DataFrame()))


def cohort_of(trial: Trial) -> Cohort:
    return Cohort(trial, protocol(), build_outcome(trial, protocol()))


def first(count: int) -> Trial:
    return only_patients(gold(), gold().patients["patient_id"].head(count).tolist())


def without_events() -> Trial:
    trial = first(12)
    scans, seen = trial.imaging.assign(finding="clear"), trial.followup.assign(status="alive", died_on=pd.NaT)
    return trial.replace(imaging=scans, followup=seen)


def one_arm() -> Trial:
    people = gold().patients
    return only_patients(gold(), people.loc[people["arm"].eq("prrt"), "patient_id"].head(12).tolist())


TRIALS: dict[str, tuple[Callable[[], Trial], tuple[str, object] | None]] = {
    "no patient": (Trial.empty, None),
    "one": (one_patient, None),
    "three": (lambda: first(3), None),
    "one arm": (one_arm, None),
    "no event": (without_events, None),
    "no scan": (lambda: first(12).replace(imaging=gold().imaging[:0]), None),
    "no sample": (lambda: first(12).replace(samples=gold().samples[:0], results=gold().results[:0]), None),
    "clock from randomisation": (lambda: first(12), ("clock.origin", "randomisation")),
    "clock from the first treatment": (lambda: first(12), ("clock.origin", "first_treatment")),
}


@cache
def small_page(name: str) -> Page:
    trial, rule = TRIALS[name]
    return page_of(trial(), with_rule(*rule) if rule else None)


@pytest.mark.parametrize("name", TRIALS)
def test_every_trial_has_every_section_in_the_table_of_contents(name: str) -> None:
    page = small_page(name)
    assert [slug for slug in page.ids if slug in SECTIONS] == SECTIONS
    assert all(f'href="#{slug}"' in page.source for slug in SECTIONS)
    assert "nan" not in page.text.lower().split() and "inf" not in page.text.split()


def test_what_is_not_estimable_is_said() -> None:
    words = small_page("three").text
    assert "Hazard ratio: not estimable (fewer than 10 events in an arm)" in words
    assert "No lesion has been delivered" in words and "No adverse event has been delivered" in words


def test_the_axis_names_the_origin_of_the_clock() -> None:
    words = small_page("clock from randomisation").text
    assert "Months since randomisation" in words and "Months since surgery" not in words


def test_months_of_the_protocol_are_read() -> None:
    rules = with_rule("survival.report_months", [20, 36])
    times = times_of(Cohort(gold(), rules, gold_outcome()), "os", AS_OBSERVED)
    rows = landmark_table(Cohort(gold(), rules, gold_outcome()), "os", times).rows
    assert [row[0] for row in rows] == [f"Month {month}, {arm}" for month in (20, 36) for arm in ("Control", "PRRT")]


def test_response_counts_are_those_of_the_lesions() -> None:
    people = responders(measured(), protocol())
    assert len(people) == 40
    # baseline 50 mm, best of 20 + 2k and 18 + 2.2k: at least 30% smaller for k = 0 to 7
    assert people["responded"].sum() == 8
    assert people["change"].iloc[0] == pytest.approx(100 * (18 / 50 - 1))
    section = response_section(cohort_of(measured()))
    rates = next(block.content for block in section.blocks if block.kind == "table")
    assert sum(int(row[1]) for row in rates.rows) == 40 and sum(int(row[3]) for row in rates.rows) == 8
    assert "Fisher's exact test P = " in rates.caption
    waterfall = next(block.content for block in section.blocks if block.kind == "figure")
    assert (
        waterfall.alt.startswith("Waterfall of 40 patients") and "best overall response at its end" in waterfall.caption
    )


def test_a_report_in_the_shape_of_netter_1_and_of_the_iqbal_cohort() -> None:
    """Progression-free at month 20 by arm, response with its P value; response by grade, site, line; worst grades."""
    rules = load_protocol("advanced")
    trial = generate_advanced(229, 20261121).trial()
    page = check(cohort_page(trial, rules, build_outcome(trial, rules), [], pd.DataFrame()))
    people = responders(trial, rules)
    for arm, label in (("control", "Control"), ("prrt", "PRRT")):
        own = people[people["arm"].eq(arm)]
        yes = int(own["responded"].sum())
        assert f"{100 * yes / len(own):.0f}% {label} ({yes} of {len(own)})" in page.text
    assert "Progression-free at month 20: " in page.text and "Fisher's exact test P < 0.001" in page.text
    for words in ("Grade", "Primary tumour", "Line of therapy", "Line 2", "Breslow-Day", "Every term by worst grade"):
        assert words in page.text


def test_a_patient_whose_lesions_were_never_assessed_again_is_no_responder() -> None:
    trial = measured()
    first = trial.lesions["patient_id"].iloc[0]
    rows = trial.lesions[trial.lesions["patient_id"].eq(first)]
    later = rows.index[rows["scan_on"] > rows["scan_on"].min()]
    people = responders(trial.replace(lesions=trial.lesions.drop(index=later)), protocol()).set_index("patient_id")
    assert len(people) == 40 and not people.loc[first, "assessed"] and not people.loc[first, "responded"]


def test_a_trial_without_surgery_speaks_of_progression() -> None:
    rules = load_protocol("advanced")
    trial = generate_advanced(40, 7).trial()
    page = check(cohort_page(trial, rules, build_outcome(trial, rules), [], pd.DataFrame()))
    assert "Progression-free survival" in page.text and "Disease-free" not in page.text
    assert "Resected" not in page.text.split("Who left, and why")[0]
    assert "No sample has been delivered" in page.text and "Months since randomisation" in page.text
    assert "Responded:" in page.text and "Waterfall of" in " ".join(page.images)


def test_adverse_events_are_those_of_the_worst_grades() -> None:
    section = safety_section(cohort_of(measured()))
    table = worst_grades(measured(), protocol())
    severe = table[table["term"].eq("Any event")].set_index("arm")["severe"]
    assert section.heading == f"Grade 3 or worse: {severe['control']} of 54 Control and {severe['prrt']} of 52 PRRT"
    folded = next(block for block in section.blocks if block.kind == "folded")
    grades = folded.content[0].content
    assert sum(span for _, span in grades.groups) == len(grades.columns)
    assert len(grades.rows) == table["term"].nunique()


def test_eligibility_shows_every_rule_and_who_fails_it() -> None:
    trial = gold().replace(patients=gold().patients.assign(ki67_pct=np.where(gold().patients.index == 0, 25.0, 5.0)))
    section = eligibility_section(cohort_of(trial))
    found = eligibility(trial, protocol())
    assert section.heading.startswith("0 eligible, 1 not eligible")
    failed = next(block.content for block in section.blocks if block.kind == "table")
    assert [row[0] for row in failed.rows] == [trial.patients["patient_id"].iloc[0]]
    figure = next(block.content for block in section.blocks if block.kind == "figure")
    assert figure.alt.count("not assessable") == found["rule"].nunique()


def test_lead_time_stands_beside_a_random_flag() -> None:
    section = lead_section(Cohort(gold(), protocol(), gold_outcome()))
    people = lead_times(gold(), gold_outcome(), protocol())
    judged = people[people["status"].ne("no sample")]
    led = percent(judged["status"].eq("lead").mean())
    assert f"before {led} of {len(judged)} recurrences; a random flag before" in section.heading
    table = next(block.content for block in section.blocks if block.kind == "table")
    assert table.columns == ("", "Marker", "Random flag", "Difference", "P")
    assert all(" to " in row[2] for row in table.rows)


def test_mixed_score_versions_are_refused_by_section_not_by_page() -> None:
    results = gold().results
    mixed = results.assign(version=np.where(results.index == 0, "2.0", results["version"]),
                           analyte=np.where(results.index == 0, "netest_diagnostic", results["analyte"]))  # fmt: skip
    cohort = Cohort(gold().replace(results=mixed), protocol(), gold_outcome())
    flow, found = flow_section(cohort), lead_section(cohort)
    assert "NETest versions are mixed" in flow.blocks[0].content and flow.heading.startswith("106 randomised")
    assert found.heading == "Lead time is not estimable"
    assert "NETest versions are mixed" in found.blocks[0].content


def test_what_was_never_delivered_is_not_called_missing() -> None:
    """No sample, no surgery and no laboratory: one sentence each, no row of zeros, and disease progresses."""
    rules = load_protocol("advanced")
    trial = generate_advanced(40, 7).trial()
    page = check(cohort_page(trial, rules, build_outcome(trial, rules), [], pd.DataFrame()))
    shown = page.text.split("Every value, with its source")[0]
    for words in (
        "biomarker-evaluable",
        "Resected",
        "Blood, centre",
        "with a valid blood score",
        "red cross",
        "recurre",
    ):
        assert words not in shown.split("10 Prediction")[-1].split("Nothing has been predicted yet")[0], words
    assert "No laboratory data have been delivered" in shown and "0 of 0" not in shown
    assert "Partial response (PR)" in shown and "MISSING" not in shown and "delayed entry, unadjusted" not in shown
    assert "progressed" in shown and "with blood" not in " ".join(page.images)


def test_a_cohort_too_large_for_the_swimmer_plot_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar, "MOST_LINES", 5)
    section = calendar.calendar_section(cohort_of(first(6)))
    notes = [block.content for block in section.blocks if block.kind == "note"]
    assert notes == ["6 patients are too many for one line each on a page: the swimmer plot is left out."]


def test_patients_in_no_subgroup_are_counted() -> None:
    """A patient of the treated arm who was never treated has no line of therapy."""
    people = pd.DataFrame(
        {"grade": ["G1", "G2"], "primary_site": ["ileum", "ileum"], "line": [1.0, np.nan], "arm": "prrt"}
    )
    assert left_out(people) == " Left out because not known (a line: never treated): line of therapy 1."
    assert left_out(people[:1]) == ""


def test_randomised_patients_who_break_a_rule_are_named_as_such() -> None:
    people = gold().patients.assign(ki67_pct=np.where(gold().patients.index == 0, 25.0, 5.0))
    words = eligibility_section(cohort_of(gold().replace(patients=people))).blocks[0].content
    assert "1 randomised patient did not meet every rule; they stay in every analysis." in words


@pytest.mark.parametrize(
    ("found", "words"),
    [("6.57 week", "6.6 weeks"), ("1.8 10^9/L", "1.8 x 10^9/L"), ("7.6 g/dL", "7.6 g/dL"), ("other", "other")],
)
def test_what_was_found_is_written_as_people_do(found: str, words: str) -> None:
    assert measured_words(found) == words
