"""Labels: the gold table first, then one literal table for each rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.clock import closing_visit
from features.outcomes import Outcome, build_outcome, composite_label, label

ENDPOINTS = ["ER24@0", "MRD36@0", "MRD36@6", "MRD24@6", "ER12@6", "MRD36@12", "ER12@12", "ER12@36"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_labels_equal_the_gold_table(gold_trial, gold_labels, protocol, endpoint):
    gold = gold_labels[gold_labels["endpoint"] == endpoint].set_index("patient_id")
    labels = label(build_outcome(gold_trial, protocol), protocol.endpoint(endpoint), protocol)
    labels = labels.reindex(gold.index)
    assert len(gold) == 106
    assert (labels["at_risk"].astype(int) == gold["at_risk"]).all()
    assert (labels["status"] == gold["status"]).all()
    pd.testing.assert_series_equal(labels["y"], gold["y"], check_dtype=False)


def labelled(rows, protocol, scans, endpoint="MRD36@6", **tables):
    """The label of P1 as (at_risk, status, y, resolved)."""
    trial = rows.trial(imaging=scans, **tables)
    row = label(build_outcome(trial, protocol), protocol.endpoint(endpoint), protocol).loc["P1"]
    return bool(row["at_risk"]), row["status"], row["y"], row["resolved"]


def seen(rows, *visits):
    return [rows.scan(visit) for visit in visits]


# Scans of one patient as (scheduled visit, finding) and what MRD36@6 makes of them: status, y, resolved.
RULES = {
    "event at a visit": ([(6, "clear"), (12, "recurrence")], ("event", 1, 12)),
    "event at the horizon": ([(6, "clear"), (36, "recurrence")], ("event", 1, 36)),
    "negative at the horizon": ([(6, "clear"), (36, "clear")], ("nonevent", 0, 36)),
    "equivocal at the horizon is adequate": ([(6, "clear"), (36, "equivocal")], ("nonevent", 0, 36)),
    "equivocal confirmed later": ([(6, "clear"), (12, "equivocal"), (18, "recurrence")], ("event", 1, 18)),
    "no scan at the horizon": ([(6, "clear"), (30, "clear")], ("cens", np.nan, 30)),
    "nothing after the landmark": ([(6, "clear")], ("cens", np.nan, 6)),
    "positive later": ([(6, "clear"), (24, "clear"), (48, "recurrence")], ("straddle_pos", np.nan, 24)),
    "negative later": ([(6, "clear"), (24, "clear"), (48, "clear")], ("straddle_neg", np.nan, 24)),
    "negative and positive later": (
        [(24, "clear"), (48, "clear"), (60, "recurrence")],
        ("straddle_pos", np.nan, 24),
    ),
    "clear after the event changes nothing": ([(12, "recurrence"), (36, "clear")], ("event", 1, 12)),
}


@pytest.mark.parametrize("rule", RULES)
def test_scheduled_scans(rows, protocol, rule):
    scans, (status, y, resolved) = RULES[rule]
    found = labelled(rows, protocol, [rows.scan(visit, finding) for visit, finding in scans])
    assert found[0] and found[1] == status and found[3] == resolved
    assert found[2] == y or (np.isnan(found[2]) and np.isnan(y))


def test_two_scans_at_one_visit_the_positive_one_counts(rows, protocol):
    scans = [rows.scan(36), rows.scan(36, "recurrence", day=3, modality="petct")]
    assert labelled(rows, protocol, scans)[1:] == ("event", 1, 36)
    outcome = build_outcome(rows.trial(imaging=[rows.scan(30), *scans]), protocol)
    assert outcome.patients.loc["P1", "last_clear_visit"] == 30
    assert outcome.patients.loc["P1", "last_clear"] == pytest.approx(30, abs=0.02)


def test_inadequate_scans_carry_nothing(rows, protocol):
    scans = [*seen(rows, 6, 24), rows.scan(36, None, adequate="no")]
    assert labelled(rows, protocol, scans)[1] == "cens"
    assert labelled(rows, protocol, [*seen(rows, 6, 24), rows.scan(36, "recurrence", adequate="no")])[1] == "cens"


def test_unscheduled_positive_is_an_event_at_the_closing_visit(rows, protocol):
    found = labelled(rows, protocol, [*seen(rows, 6), rows.scan(26, "recurrence", scheduled_month=np.nan)])
    assert found == (True, "event", 1, 30)


def test_unscheduled_positive_before_the_visit_closes_belongs_to_it(rows, protocol):
    late = rows.scan(36, "recurrence", day=30, scheduled_month=np.nan)
    later = rows.scan(36, "recurrence", day=31, scheduled_month=np.nan)
    assert labelled(rows, protocol, [*seen(rows, 6, 30), late])[1:] == ("event", 1, 36)
    assert labelled(rows, protocol, [*seen(rows, 6, 30), later])[1] == "straddle_pos"


def test_unscheduled_negative_never_completes_a_horizon(rows, protocol):
    found = labelled(rows, protocol, [*seen(rows, 6, 30), rows.scan(36, scheduled_month=np.nan)])
    assert found[1] == "cens" and found[3] == 30
    outcome = build_outcome(rows.trial(imaging=[*seen(rows, 6, 30), rows.scan(33, scheduled_month=np.nan)]), protocol)
    assert outcome.patients.loc["P1", "last_clear"] == pytest.approx(33, abs=0.02)
    assert outcome.patients.loc["P1", "last_clear_visit"] == 30


def test_scan_outside_its_visit_counts_by_its_day(rows, protocol):
    late = [*seen(rows, 6, 30), rows.scan(36, day=40)]
    assert labelled(rows, protocol, late)[1] == "cens"
    positive = [rows.scan(3), rows.scan(6, "recurrence", day=40)]
    assert labelled(rows, protocol, positive) == (True, "event", 1, 9)


def test_deaths(rows, protocol):
    def dead(month, *visits):
        follow = rows.follow(last=month, status="dead", died_on=rows.on(month))
        return labelled(rows, protocol, seen(rows, *visits), followup=[follow])

    assert dead(20, 6, 12) == (True, "death", 0, 24)
    assert dead(36.9, 6, 30) == (True, "death", 0, 36)
    assert dead(37.2, 6, 30)[1] == "cens"
    assert dead(36.9, 6, 36) == (True, "nonevent", 0, 36)
    assert dead(6.9, 6)[0] is False
    assert dead(7.3, 6) == (True, "death", 0, 9)


def test_death_without_a_date_is_the_last_contact(rows, protocol):
    followup = [rows.follow(last=20, status="dead")]
    assert labelled(rows, protocol, seen(rows, 6, 12), followup=followup)[1] == "death"


def test_risk_set_after_the_operation(rows, protocol):
    assert labelled(rows, protocol, [rows.scan(6, "recurrence", day=27)])[0] is False
    assert labelled(rows, protocol, [rows.scan(3, "recurrence")])[0] is False
    assert labelled(rows, protocol, [rows.scan(6, "equivocal")])[0] is True
    assert labelled(rows, protocol, seen(rows, 6), followup=[rows.follow(last=6.5)])[0] is False
    last_day = pd.Timestamp("2020-01-01") + pd.Timedelta(days=213)
    assert labelled(rows, protocol, seen(rows, 6), followup=[rows.follow(last_seen_on=last_day)])[0] is True


def test_risk_set_at_randomisation(rows, protocol):
    assert labelled(rows, protocol, [], "MRD36@0", patients=[rows.patient(randomised_on=pd.NaT)]) == (
        False,
        "",
        pytest.approx(np.nan, nan_ok=True),
        pytest.approx(np.nan, nan_ok=True),
    )
    before, after = (rows.scan(1, "recurrence", day=day, scheduled_month=np.nan) for day in (10, 20))
    assert labelled(rows, protocol, [before], "MRD36@0")[0] is False
    assert labelled(rows, protocol, [after], "MRD36@0") == (True, "event", 1, 3)
    early = [rows.patient(randomised_on=rows.on(0, 20))]
    first_month = [rows.scan(0, "recurrence", day=25, scheduled_month=np.nan)]
    assert labelled(rows, protocol, first_month, "MRD36@0", patients=early) == (True, "event", 1, 3)


def test_death_by_the_day_of_randomisation_is_not_at_risk(rows, protocol):
    followup = [rows.follow(last_seen_on=rows.on(0, 45), status="dead", died_on=rows.on(0, 45))]
    assert labelled(rows, protocol, [], "MRD36@0", followup=followup)[0] is False
    followup = [rows.follow(last_seen_on=rows.on(0, 46), status="dead", died_on=rows.on(0, 46))]
    assert labelled(rows, protocol, [], "MRD36@0", followup=followup) == (True, "death", 0, 3)


def test_an_unscheduled_clear_scan_narrows_the_interval_of_its_visit(rows, protocol):
    scans = [rows.scan(12), rows.scan(15, scheduled_month=np.nan), rows.scan(18, "recurrence")]
    row = build_outcome(rows.trial(imaging=scans), protocol).patients.loc["P1"]
    assert row["last_clear"] == pytest.approx(15, abs=0.02) and row["last_clear_visit"] == 12


def test_closing_visit_of_a_month(protocol):
    months = pd.Series([0.5, 1.0, 1.1, 7.0, 7.01, 61.0, 61.5, 70.2, np.nan])
    expected = [0, 0, 3, 6, 9, 60, 61, 70, np.nan]
    np.testing.assert_array_equal(closing_visit(months, protocol), expected)


def test_scans_up_to_the_day_of_surgery_show_what_was_resected(rows, protocol):
    scans = [
        rows.scan(0, "recurrence", day=-20, scheduled_month=np.nan),
        rows.scan(0, "recurrence"),
        *seen(rows, 6, 36),
    ]
    assert labelled(rows, protocol, scans)[1] == "nonevent"


def test_visits_come_from_the_calendar_when_the_column_is_missing(rows, protocol):
    scans = [
        rows.scan(6, day=20),
        rows.scan(36, day=-28),
        rows.scan(24, modality="petct"),
        rows.scan(18, modality="petct"),
        rows.scan(12, modality="ct"),
    ]
    for row in scans:
        row.pop("scheduled_month")
    found = build_outcome(rows.trial(imaging=scans), protocol).scans
    assert found["visit"].tolist() == [6, 12, 18, 24, 36]
    assert found["scheduled"].tolist() == [True, True, False, True, True]
    assert labelled(rows, protocol, scans)[1] == "nonevent"
    scans[1]["scan_on"] = rows.on(36, 29)
    assert labelled(rows, protocol, scans)[1] == "cens"


@pytest.mark.parametrize(("day", "scheduled"), [(-29, False), (-28, True), (28, True), (29, False)])
def test_the_limits_of_the_imaging_window_belong_to_it(rows, protocol, day, scheduled):
    scans = [rows.scan(48, day=day, scheduled_month=np.nan)]
    assert build_outcome(rows.trial(imaging=scans), protocol).scans["scheduled"].tolist() == [scheduled]


def test_a_patient_without_any_scan(rows, protocol):
    assert labelled(rows, protocol, [])[1:2] == ("cens",)
    assert build_outcome(rows.trial(), protocol).scans.empty


def test_an_empty_trial_has_an_empty_outcome(protocol):
    from data.trial import Trial

    outcome = build_outcome(Trial.empty(), protocol)
    assert outcome.patients.empty and label(outcome, protocol.endpoint("MRD36@6"), protocol).empty


def test_arm_of_a_patient_outside_the_randomisation_is_none(rows, protocol):
    outcome = build_outcome(rows.trial(patients=[rows.patient(arm=None)]), protocol)
    assert outcome.patients.loc["P1", "arm"] == "none"


def test_recurrence_or_death_turns_deaths_into_events_and_leaves_the_unknown(protocol):
    """Status at MRD36@6: recurred, clear, died at 20, lost, clear at 36 and dead at 36.5, clear and dead at 40."""
    labels = pd.DataFrame({"y": [1.0, 0.0, 0.0, np.nan, 0.0, 0.0]}, index=list("abcdef"))
    death = pd.DataFrame({"death": [np.nan, np.nan, 20.0, 22.0, 36.5, 40.0]}, index=labels.index)
    found = composite_label(labels, Outcome(death, pd.DataFrame()), protocol.endpoint("MRD36@6"), protocol)
    np.testing.assert_array_equal(found, [1, 0, 1, np.nan, 1, 0])
