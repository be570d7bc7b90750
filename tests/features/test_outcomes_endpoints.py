"""Endpoints under three censoring families: the table of FDA's rules line by line, then origins and edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from outcome_cases import both, day, months, one_trial, with_rules

from features.outcomes import censoring_variants, endpoint_exclusions, endpoint_times

FIVE = ("recurrence", "dfs", "liver_dfs", "os", "ttnt")
ENTRY = months(45)

# One patient a line: scans and course; then event, month and reason as observed, and FDA-style (disease-free survival).
DFS = {
    "recurrence, all visits done: event on the day of the scan": (
        {"scans": (*both("3", "6", "9"), "mri 12 recurrence")},
        (1, 12, "recurrence"),
        (1, 12, "recurrence"),
    ),
    "recurrence after one missed visit: event": (
        {"scans": (*both("3", "6"), "mri 12 recurrence")},
        (1, 12, "recurrence"),
        (1, 12, "recurrence"),
    ),
    "recurrence after two missed visits in year 1: censored before them": (
        {"scans": (*both("3"), "mri 12 recurrence")},
        (1, 12, "recurrence"),
        (0, 3, "two missed assessments"),
    ),
    "recurrence after one missed visit in year 3, a gap of 12 months: event": (
        {"scans": (*both("12", "24"), "mri 36 recurrence")},
        (1, 36, "recurrence"),
        (1, 36, "recurrence"),
    ),
    "recurrence after two missed visits across the change of interval: censored": (
        {"scans": (*both("3", "6", "9"), "mri 24 recurrence")},
        (1, 24, "recurrence"),
        (0, 9, "two missed assessments"),
    ),
    "an early gap that was closed by a clear visit does not matter": (
        {"scans": (*both("3", "12"), "mri 18 recurrence")},
        (1, 18, "recurrence"),
        (1, 18, "recurrence"),
    ),
    "recurrence on the first scan, two visits missed before it: censored at entry": (
        {"scans": ("mri 9 recurrence",)},
        (1, 9, "recurrence"),
        (0, ENTRY, "two missed assessments"),
    ),
    "recurrence on the first scan, one visit missed before it: event": (
        {"scans": ("mri 6 recurrence",)},
        (1, 6, "recurrence"),
        (1, 6, "recurrence"),
    ),
    "death, followed closely: event on the day of death": (
        {"scans": both("3", "6", "9", "12"), "died": 16},
        (1, 16, "death"),
        (1, 16, "death"),
    ),
    "death after two missed visits: censored before them": (
        {"scans": both("3", "6", "9", "12"), "died": 25.1},
        (1, 25.1, "death"),
        (0, 12, "two missed assessments"),
    ),
    "death while the second missed visit is still open: event": (
        {"scans": both("3", "6", "9", "12"), "died": 24.9},
        (1, 24.9, "death"),
        (1, 24.9, "death"),
    ),
    "death without any scan, before two visits closed: event": (
        {"died": 6.9},
        (1, 6.9, "death"),
        (1, 6.9, "death"),
    ),
    "death without any scan, after two visits closed: censored at entry": (
        {"died": 7.1},
        (1, 7.1, "death"),
        (0, ENTRY, "two missed assessments"),
    ),
    "no event: last adequate assessment, not last contact": (
        {"scans": both("3", "6"), "seen": 30},
        (0, 6, "last adequate assessment"),
        (0, 6, "last adequate assessment"),
    ),
    "no event, last visit without the PET that was due: FDA goes back to the last complete one": (
        {"scans": (*both("3", "6", "9"), "mri 12 clear"), "seen": 30},
        (0, 12, "last adequate assessment"),
        (0, 9, "last adequate assessment"),
    ),
    "no event, unscheduled clear scan: seen, but no assessment of the calendar": (
        {"scans": (*both("3", "6"), "mri 8 clear unscheduled"), "seen": 30},
        (0, 8, "last adequate assessment"),
        (0, 6, "last adequate assessment"),
    ),
    "no assessment after entry: censored at entry": (
        {"seen": 30},
        (0, ENTRY, "no assessment"),
        (0, ENTRY, "no assessment"),
    ),
    "a scan that is not adequate is no assessment": (
        {"scans": (*both("3"), "mri 6 clear inadequate"), "seen": 30},
        (0, 3, "last adequate assessment"),
        (0, 3, "last adequate assessment"),
    ),
    "a scan between surgery and entry is no assessment after entry": (
        {"scans": ("ct 1 clear unscheduled",), "seen": 30},
        (0, ENTRY, "no assessment"),
        (0, ENTRY, "no assessment"),
    ),
    "death on the day of the positive scan: the recurrence is the event": (
        {"scans": (*both("3", "6"), "mri 9 recurrence"), "died": 9},
        (1, 9, "recurrence"),
        (1, 9, "recurrence"),
    ),
    "a scan after the recurrence never stands for an earlier visit": (
        {
            "scans": (
                *both("9"),
                "mri 12 clear -10",
                "petct 12 clear -10",
                "ct 12 recurrence unscheduled +3",
                "mri 12 clear +5",
            ),
            "therapy": ("chemotherapy 11.83",),
        },
        (1, months(368), "recurrence"),
        (0, months(355), "new therapy"),
    ),
    "new therapy before recurrence: last adequate assessment before its start": (
        {"scans": (*both("3", "6", "9"), "mri 12 recurrence"), "therapy": ("chemotherapy 10",)},
        (1, 12, "recurrence"),
        (0, 9, "new therapy"),
    ),
    "new therapy on the day of an assessment: that assessment counts": (
        {"scans": (*both("3", "6", "9"), "mri 12 recurrence"), "therapy": ("targeted 9",)},
        (1, 12, "recurrence"),
        (0, 9, "new therapy"),
    ),
    "new therapy on the day of the recurrence: event": (
        {"scans": (*both("3", "6", "9"), "mri 12 recurrence"), "therapy": ("embolisation 12",)},
        (1, 12, "recurrence"),
        (1, 12, "recurrence"),
    ),
    "new therapy after the recurrence: event": (
        {"scans": (*both("3", "6", "9"), "mri 12 recurrence"), "therapy": ("ablation 13",)},
        (1, 12, "recurrence"),
        (1, 12, "recurrence"),
    ),
    "new therapy without event: assessments after its start do not count": (
        {"scans": both("3", "6", "9", "12"), "therapy": ("chemotherapy 7",), "seen": 30},
        (0, 12, "last adequate assessment"),
        (0, 6, "new therapy"),
    ),
    "new therapy before any assessment: censored at entry": (
        {"scans": both("3", "6"), "therapy": ("chemotherapy 2",), "died": 8},
        (1, 8, "death"),
        (0, ENTRY, "new therapy"),
    ),
    "therapy before surgery is prior therapy": (
        {"scans": (*both("3", "6"), "mri 9 recurrence"), "therapy": ("chemotherapy -5",)},
        (1, 9, "recurrence"),
        (1, 9, "recurrence"),
    ),
    "a somatostatin analogue is not new therapy": (
        {"scans": (*both("3", "6"), "mri 9 recurrence"), "therapy": ("ssa 4",)},
        (1, 9, "recurrence"),
        (1, 9, "recurrence"),
    ),
    "two courses of PRRT are study treatment in the PRRT arm": (
        {"scans": (*both("3", "6"), "mri 9 recurrence"), "therapy": ("prrt 2", "prrt 4"), "arm": "prrt"},
        (1, 9, "recurrence"),
        (1, 9, "recurrence"),
    ),
    "a third course is new therapy": (
        {"scans": (*both("3", "6"), "mri 9 recurrence"), "therapy": ("prrt 2", "prrt 4", "prrt 8"), "arm": "prrt"},
        (1, 9, "recurrence"),
        (0, 6, "new therapy"),
    ),
    "PRRT in the control arm is new therapy": (
        {"scans": (*both("3", "6"), "mri 9 recurrence"), "therapy": ("prrt 7",)},
        (1, 9, "recurrence"),
        (0, 6, "new therapy"),
    ),
    "stopping study treatment early changes nothing: follow-up goes on": (
        {"scans": (*both("3", "6"), "mri 9 recurrence"), "therapy": ("prrt 2",), "arm": "prrt"},
        (1, 9, "recurrence"),
        (1, 9, "recurrence"),
    ),
    "therapy for a recurrence that no scan shows is no event (clinical recurrence)": (
        {"scans": both("3", "6", "9"), "therapy": ("chemotherapy 10",), "seen": 20},
        (0, 9, "last adequate assessment"),
        (0, 9, "new therapy"),
    ),
}


def row_of(trial, protocol, endpoint="dfs", family="as_observed", **options):
    return endpoint_times(trial, protocol, endpoint, family=family, **options).loc["P1"]


def near(month):
    return pytest.approx(month, abs=0.02)


def short(row):
    return (row["event"], row["time"], row["reason"])


def expected(line):
    event, month, reason = line
    return (event, near(month), reason)


@pytest.mark.parametrize("line", DFS)
def test_disease_free_survival(protocol, line):
    course, observed, fda = DFS[line]
    trial = one_trial(**course)
    assert short(row_of(trial, protocol)) == expected(observed)
    assert short(row_of(trial, protocol, family="fda")) == expected(fda)


# One patient a line: endpoint, course, then (lower, upper], event and reason as an interval.
INTERVALS = {
    "recurrence between the last clear and the first positive scan": (
        "dfs",
        {"scans": (*both("3", "6"), "mri 12 recurrence")},
        (6, 12, 1, "recurrence"),
    ),
    "an equivocal scan is adequate and not positive": (
        "dfs",
        {"scans": ("mri 3 clear", "mri 6 equivocal", "mri 9 recurrence")},
        (6, 9, 1, "recurrence"),
    ),
    "no clear scan: open from surgery": ("dfs", {"scans": ("mri 3 recurrence",)}, (0, 3, 1, "recurrence")),
    "two scans of one visit are one assessment": (
        "dfs",
        {"scans": ("mri 9 clear", "mri 12 clear", "petct 12 recurrence +5")},
        (9, months(370), 1, "recurrence"),
    ),
    "death: a recurrence may lie between the last scan and the death": (
        "dfs",
        {"scans": both("3", "6"), "died": 8},
        (6, 8, 1, "death"),
    ),
    "death without scan": ("dfs", {"died": 8}, (0, 8, 1, "death")),
    "death competes with recurrence": ("recurrence", {"scans": both("3", "6"), "died": 8}, (6, np.inf, 2, "death")),
    "no event": ("recurrence", {"scans": both("3", "6")}, (6, np.inf, 0, "last adequate assessment")),
    "no event, no scan": ("dfs", {}, (0, np.inf, 0, "no assessment")),
    "new therapy does not censor an interval": (
        "dfs",
        {"scans": (*both("3", "6"), "mri 9 recurrence"), "therapy": ("chemotherapy 7",)},
        (6, 9, 1, "recurrence"),
    ),
    "missed visits widen it": ("dfs", {"scans": (*both("3"), "mri 12 recurrence")}, (3, 12, 1, "recurrence")),
    "overall survival is exact": ("os", {"scans": both("3"), "died": 8}, (8, 8, 1, "death")),
    "overall survival ends at last contact": ("os", {"scans": both("3"), "seen": 20}, (20, np.inf, 0, "last contact")),
    "next therapy is exact": ("ttnt", {"therapy": ("ssa 3", "chemotherapy 10")}, (10, 10, 1, "next therapy")),
    "no next therapy": ("ttnt", {"seen": 20}, (20, np.inf, 0, "last contact")),
    "death before any next therapy competes": ("ttnt", {"died": 9}, (9, 9, 2, "death")),
}


@pytest.mark.parametrize("line", INTERVALS)
def test_intervals(protocol, line):
    endpoint, course, (lower, upper, event, reason) = INTERVALS[line]
    row = row_of(one_trial(**course), protocol, endpoint, "interval")
    assert (row["lower"], row["upper"], row["event"], row["reason"]) == (near(lower), near(upper), event, reason)
    assert row["time"] == (row["upper"] if np.isfinite(upper) else row["lower"])


# A recurrence outside the liver: scans, and the lower end by the record (any modality, last clear PET/CT).
OUTSIDE = {
    "seen by PET/CT alone": ((*both("12", "18"), "petct 24 recurrence extrahepatic"), 18, 12),
    "no PET/CT before": (("mri 9 clear", "petct 12 recurrence extrahepatic"), 9, 0),
    "in the liver, too": ((*both("12", "18"), "petct 24 recurrence both"), 18, 18),
    "seen by MRI at the same visit": (
        (*both("12", "18"), "petct 24 recurrence extrahepatic", "mri 24 recurrence extrahepatic +3"),
        18,
        18,
    ),
}


@pytest.mark.parametrize("line", OUTSIDE)
def test_disease_outside_the_liver_may_open_at_the_last_pet(protocol, line):
    scans, any_modality, petct = OUTSIDE[line]
    rules = with_rules(protocol, survival__extrahepatic_lower="last clear PET/CT")
    for chosen, lower in ((protocol, any_modality), (rules, petct)):
        assert row_of(one_trial(scans), chosen, "dfs", "interval")["lower"] == near(lower)


# Liver disease-free survival: scans with their site; event, month, reason as observed.
LIVER = {
    "liver": (("mri 3 clear", "mri 6 recurrence liver"), (1, 6, "recurrence")),
    "both": (("mri 3 clear", "mri 6 recurrence both"), (1, 6, "recurrence")),
    "site unknown counts as liver": (("mri 3 clear", "mri 6 recurrence"), (1, 6, "recurrence")),
    "extrahepatic only: follow-up of the liver goes on": (
        ("mri 3 clear", "mri 6 recurrence extrahepatic", "mri 9 clear"),
        (0, 9, "last adequate assessment"),
    ),
    "extrahepatic, liver later": (
        ("mri 3 clear", "mri 6 recurrence extrahepatic", "mri 12 recurrence liver"),
        (1, 12, "recurrence"),
    ),
    "extrahepatic and no scan after: the liver was last seen then": (
        ("mri 3 clear", "mri 6 recurrence extrahepatic"),
        (0, 6, "last adequate assessment"),
    ),
}


@pytest.mark.parametrize("line", LIVER)
def test_liver_disease_free_survival(protocol, line):
    scans, found = LIVER[line]
    assert short(row_of(one_trial(scans), protocol, "liver_dfs")) == expected(found)


def test_unknown_site_and_death_in_liver_disease_free_survival(protocol):
    scans = ("mri 3 clear", "mri 6 recurrence")
    outside = with_rules(protocol, imaging__unknown_site="extrahepatic")
    assert short(row_of(one_trial(scans), outside, "liver_dfs")) == (0, near(6), "last adequate assessment")
    dead = one_trial(("mri 3 clear", "mri 6 recurrence extrahepatic"), died=20)
    assert short(row_of(dead, protocol, "liver_dfs")) == (1, near(20), "death")
    assert short(row_of(dead, protocol, "dfs")) == (1, near(6), "recurrence")


def test_recurrence_has_death_as_competing_event(protocol):
    assert short(row_of(one_trial(both("3", "6"), died=8), protocol, "recurrence")) == (2, near(8), "death")
    after = one_trial((*both("3"), "mri 6 recurrence"), died=8)
    assert short(row_of(after, protocol, "recurrence")) == (1, near(6), "recurrence")


def test_overall_survival_and_next_therapy_are_the_same_in_both_exact_families(protocol):
    trial = one_trial(both("3"), died=30, therapy=("chemotherapy 10",))
    for family in ("as_observed", "fda"):
        assert short(row_of(trial, protocol, "os", family)) == (1, near(30), "death")
        assert short(row_of(trial, protocol, "ttnt", family)) == (1, near(10), "next therapy")


def test_death_may_count_in_time_to_next_therapy(protocol):
    counted = with_rules(protocol, survival__ttnt_death="event")
    assert short(row_of(one_trial(died=9), counted, "ttnt")) == (1, near(9), "death")


def test_death_without_a_date_is_the_last_contact(protocol):
    trial = one_trial(both("3", "6"), died=8)
    undated = trial.replace(followup=trial.followup.assign(died_on=pd.NaT))
    for endpoint in FIVE:
        for family in ("as_observed", "fda", "interval"):
            pd.testing.assert_frame_equal(
                endpoint_times(undated, protocol, endpoint, family=family),
                endpoint_times(trial, protocol, endpoint, family=family),
            )


# Sensitivity analyses of the FDA-style family: record and value, course, result.
SENSITIVITY = [
    ("survival__new_therapy", "ignore", ("chemotherapy 7",), (1, 9, "recurrence")),
    ("survival__new_therapy", "event", ("chemotherapy 7",), (1, 7, "new therapy")),
    ("survival__new_therapy", "censor", ("chemotherapy 7",), (0, 6, "new therapy")),
    ("therapy__new_anticancer", ["ssa"], ("ssa 7", "chemotherapy 7"), (0, 6, "new therapy")),
    ("therapy__new_anticancer", [], ("chemotherapy 7",), (1, 9, "recurrence")),
]


@pytest.mark.parametrize(("record", "value", "therapy", "found"), SENSITIVITY)
def test_sensitivity_to_new_therapy(protocol, record, value, therapy, found):
    trial = one_trial((*both("3", "6"), "mri 9 recurrence"), therapy=therapy)
    assert short(row_of(trial, with_rules(protocol, **{record: value}), family="fda")) == expected(found)


def test_sensitivity_to_missed_visits(protocol):
    trial = one_trial((*both("3"), "mri 12 recurrence"))
    kept = with_rules(protocol, survival__after_missed="event")
    three = with_rules(protocol, survival__missed_visits=3)
    assert short(row_of(trial, kept, family="fda")) == (1, near(12), "recurrence")
    assert short(row_of(trial, three, family="fda")) == (1, near(12), "recurrence")


def test_under_any_modality_a_scan_before_entry_is_no_assessment_either(protocol):
    any_scan = with_rules(protocol, imaging__adequate_assessment="any scheduled modality")
    row = row_of(one_trial(("ct 1 clear unscheduled",)), any_scan, family="fda")
    assert short(row) == (0, near(ENTRY), "no assessment")


def test_any_scheduled_modality_makes_every_adequate_scan_an_assessment(protocol):
    any_scan = with_rules(protocol, imaging__adequate_assessment="any scheduled modality")
    partial = one_trial((*both("3", "6", "9"), "mri 12 clear"), seen=30)
    unscheduled = one_trial((*both("3", "6"), "mri 8 clear unscheduled"), seen=30)
    assert short(row_of(partial, any_scan, family="fda")) == (0, near(12), "last adequate assessment")
    assert short(row_of(unscheduled, any_scan, family="fda")) == (0, near(8), "last adequate assessment")


# Time zero: the same patient (randomised day 45, PRRT day 60, recurrence at month 12) from each.
ORIGINS = {"surgery": (0, 45), "randomisation": (45, 0), "first_treatment": (60, 0)}


@pytest.mark.parametrize("origin", ORIGINS)
def test_time_zero_moves_the_clock_and_not_the_calendar(protocol, origin):
    zero, entry = ORIGINS[origin]
    treated = one_trial((*both("3", "6", "9"), "mri 12 recurrence"), therapy=("prrt 1.97",), arm="prrt")
    for family in ("as_observed", "fda"):
        row = row_of(treated, protocol, "dfs", family, origin=origin)
        assert row["entry"] == pytest.approx(months(entry))
        assert row["time"] == pytest.approx(months(365 - zero)) and row["on"] == day(12)
    row = row_of(treated, protocol, "dfs", "interval", origin=origin)
    assert row["lower"] == pytest.approx(months(274 - zero)) and row["upper"] == pytest.approx(months(365 - zero))


def test_patients_without_time_zero_or_with_an_earlier_event_are_named(protocol):
    never = one_trial(both("3"), arm=None, randomised_on=pd.NaT)
    untreated = one_trial(both("3"), arm="prrt")
    early = one_trial(("mri 1 recurrence unscheduled",), died=30)
    assert endpoint_exclusions(never, protocol, "dfs", origin="randomisation").to_dict() == {
        "P1": "no day of time zero"
    }
    assert endpoint_exclusions(untreated, protocol, "dfs", origin="first_treatment").to_dict() == {
        "P1": "no day of time zero"
    }
    assert endpoint_exclusions(early, protocol, "dfs").to_dict() == {"P1": "event before entry"}
    assert endpoint_times(early, protocol, "dfs", family="fda").empty
    assert endpoint_exclusions(early, protocol, "os").empty
    assert row_of(never, protocol, "dfs")["entry"] == 0


def test_a_scan_before_time_zero_is_not_an_assessment_after_it(protocol):
    trial = one_trial(("mri 3 clear",), therapy=("prrt 3.5",), arm="prrt")
    row = row_of(trial, protocol, "dfs", origin="first_treatment")
    assert (row["time"], row["event"], row["reason"]) == (0.0, 0, "no assessment")


def test_every_family_side_by_side(protocol):
    trial = one_trial((*both("3"), "mri 12 recurrence"))
    row = censoring_variants(trial, protocol, "dfs").loc["P1"]
    assert (row["as_observed_event"], row["fda_event"], row["interval_event"]) == (1, 0, 1)
    assert (row["as_observed_reason"], row["fda_reason"]) == ("recurrence", "two missed assessments")
    assert (row["interval_lower"], row["interval_upper"]) == (near(3), near(12))
    assert row["differs"]
    assert not censoring_variants(one_trial(both("3")), protocol, "dfs").loc["P1", "differs"]


def test_the_whole_table_of_a_patient(protocol):
    found = endpoint_times(one_trial(both("3", "6"), died=8), protocol, "dfs", family="interval")
    whole = pd.DataFrame(
        {
            "arm": ["control"],
            "entry": [45 / 30.4375],
            "time": [244 / 30.4375],
            "event": [1],
            "lower": [183 / 30.4375],
            "upper": [244 / 30.4375],
            "reason": ["death"],
            "on": [pd.Timestamp("2020-09-01")],
        },
        index=pd.Index(["P1"], name="patient_id"),
    )
    pd.testing.assert_frame_equal(found, whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"endpoint": "pfs"}, "recurrence, dfs, liver_dfs, os, ttnt"),
        ({"family": "ema"}, "as_observed, fda, interval"),
        ({"origin": "birth"}, "surgery, randomisation, first_treatment"),
        ({"equivocal": "never"}, "event at the confirming scan or first appearance"),
        ({"ascertainment": "some"}, "all scans or protocol scans"),
    ],
)
def test_unknown_options_are_refused(protocol, options, message):
    chosen = {"endpoint": "dfs", "family": "fda"} | options
    with pytest.raises(ValueError, match=message):
        endpoint_times(one_trial(), protocol, chosen.pop("endpoint"), **chosen)


def test_an_empty_trial_has_empty_tables(protocol):
    from data.trial import Trial

    for endpoint in FIVE:
        assert censoring_variants(Trial.empty(), protocol, endpoint).empty


def test_a_clear_scan_before_time_zero_opens_no_interval(protocol):
    trial = one_trial(("mri 3 clear", "mri 6 recurrence"), therapy=("prrt 3.5",), arm="prrt")
    row = row_of(trial, protocol, "dfs", "interval", origin="first_treatment")
    assert (row["lower"], row["upper"]) == (0.0, pytest.approx(months(183 - 107)))


@pytest.mark.parametrize(("days_after_entry", "excluded"), [(0, True), (1, False)])
def test_an_event_on_the_day_of_entry_is_before_it(protocol, days_after_entry, excluded):
    trial = one_trial((f"ct 0 recurrence unscheduled +{45 + days_after_entry}",))
    assert endpoint_times(trial, protocol, "dfs", family="as_observed").empty == excluded
