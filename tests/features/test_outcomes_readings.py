"""From scans to findings: equivocal lesions, DOTATATE-only lesions, protocol scans, persistent or recurrent."""

from __future__ import annotations

import numpy as np
import pytest
from outcome_cases import months, one_trial, with_rules

from data.protocol import ProtocolError
from features.outcomes import build_outcome, endpoint_times, label, persistent_or_recurrent


def bounds(trial, protocol, **options):
    """Last clear and first positive month of P1, rounded."""
    row = build_outcome(trial, protocol, **options).patients.loc["P1"]
    return round(row["last_clear"], 1), round(row["first_positive"], 1)


# Scans, then (last clear, first positive): at the confirming scan, and dated back to the first appearance.
EQUIVOCAL = {
    "confirmed at the next visit": (
        ("mri 3 clear", "mri 6 equivocal", "mri 9 recurrence"),
        (6.0, 9.0),
        (3.0, 6.0),
    ),
    "a run of two": (
        ("mri 3 clear", "mri 6 equivocal", "mri 9 equivocal", "mri 12 recurrence"),
        (9.0, 12.0),
        (3.0, 6.0),
    ),
    "cleared in between: another lesion": (
        ("mri 3 equivocal", "mri 6 clear", "mri 9 recurrence"),
        (6.0, 9.0),
        (6.0, 9.0),
    ),
    "the run starts again after a clear scan": (
        ("mri 3 equivocal", "mri 6 clear", "mri 9 equivocal", "mri 12 recurrence"),
        (9.0, 12.0),
        (6.0, 9.0),
    ),
    "never confirmed": (("mri 3 clear", "mri 6 equivocal", "mri 9 clear"), (9.0, np.nan), (9.0, np.nan)),
    "a clear MRI of the same visit does not end the run": (
        ("mri 9 clear", "petct 12 equivocal", "mri 12 clear +4", "mri 18 recurrence"),
        (months(369), 18.0),
        (9.0, 12.0),
    ),
    "equivocal after the recurrence means nothing": (
        ("mri 3 clear", "mri 6 recurrence", "mri 9 equivocal"),
        (3.0, 6.0),
        (3.0, 6.0),
    ),
}


@pytest.mark.parametrize("line", EQUIVOCAL)
def test_equivocal_lesions(protocol, line):
    scans, confirming, first = EQUIVOCAL[line]
    for options, expected in (({}, confirming), ({"equivocal": "first appearance"}, first)):
        found = bounds(one_trial(scans), protocol, **options)
        np.testing.assert_allclose(found, expected, atol=0.051)


def test_back_dating_moves_the_event_and_the_interval(protocol):
    trial = one_trial(("mri 3 clear", "mri 6 equivocal", "mri 9 recurrence"))
    for family, column, confirming, first in (("as_observed", "time", 9, 6), ("interval", "lower", 6, 3)):
        times = [
            endpoint_times(trial, protocol, "dfs", family=family, **options).loc["P1", column]
            for options in ({}, {"equivocal": "first appearance"})
        ]
        np.testing.assert_allclose(times, [confirming, first], atol=0.02)


def test_back_dating_is_asked_for_and_never_a_rule_of_the_labels(protocol):
    rules = with_rules(protocol, imaging__equivocal="first appearance")
    with pytest.raises(ProtocolError, match=r"\[imaging.equivocal\] is 'first appearance'; use 'event at the conf"):
        build_outcome(one_trial(), rules)


# A PET-positive scan, what else there is, and the first positive month by charter rule (site read, correlate).
DOTATATE = {
    "PET alone": (("petct 12 recurrence",), 12, None),
    "PET with a positive MRI at the visit, on another day": (("petct 12 recurrence", "mri 12 recurrence +9"), 12, 12),
    "PET with a positive CT at the visit": (("petct 12 recurrence", "ct 12 recurrence +3"), 12, 12),
    "PET with a clear MRI at the visit": (("petct 12 recurrence", "mri 12 clear"), 12, None),
    "PET with an equivocal MRI at the visit": (("petct 12 recurrence", "mri 12 equivocal"), 12, None),
    "PET alone, confirmed by MRI later": (("petct 12 recurrence", "mri 18 recurrence"), 12, 18),
    "PET alone, again PET alone": (("petct 12 recurrence", "petct 24 recurrence"), 12, None),
    "MRI alone needs nothing": (("mri 12 recurrence",), 12, 12),
}


@pytest.mark.parametrize("line", DOTATATE)
def test_lesions_seen_on_receptor_pet_only(protocol, line):
    scans, site_read, correlate = DOTATATE[line]
    expected = {"site read": site_read, "sufficient": site_read, "requires_anatomic_correlate": correlate}
    for rule, month in expected.items():
        rules = with_rules(protocol, imaging__dotatate_new_lesion=rule)
        found = build_outcome(one_trial(scans), rules).patients.loc["P1", "first_positive"]
        np.testing.assert_allclose(found, np.nan if month is None else month, atol=0.02)


def test_an_uncorrelated_pet_lesion_is_an_adequate_equivocal_scan(protocol):
    rules = with_rules(protocol, imaging__dotatate_new_lesion="requires_anatomic_correlate")
    trial = one_trial(("mri 6 clear", "petct 36 recurrence"))
    assert label(build_outcome(trial, protocol), protocol.endpoint("MRD36@6"), protocol).loc["P1", "status"] == "event"
    assert label(build_outcome(trial, rules), rules.endpoint("MRD36@6"), rules).loc["P1", "status"] == "nonevent"
    back = build_outcome(
        one_trial(("petct 12 recurrence", "mri 18 recurrence")), rules, equivocal="first appearance"
    ).patients.loc["P1"]
    assert back["first_positive"] == pytest.approx(12, abs=0.02)


def test_protocol_scans_only(protocol):
    scans = ("mri 6 clear", "ct 7.5 recurrence unscheduled", "mri 9 recurrence")
    assert bounds(one_trial(scans), protocol) == (6.0, 7.5)
    assert bounds(one_trial(scans), protocol, ascertainment="protocol scans") == (6.0, 9.0)
    rules = with_rules(protocol, imaging__ascertainment="protocol scans")
    assert bounds(one_trial(scans), rules) == (6.0, 9.0)
    assert bounds(one_trial(scans), rules, ascertainment="all scans") == (6.0, 7.5)


def test_a_clear_unscheduled_scan_is_no_protocol_scan(protocol):
    scans = ("mri 6 clear", "ct 7.5 clear unscheduled")
    assert build_outcome(one_trial(scans), protocol).patients.loc["P1", "last_adequate"] == pytest.approx(7.5, abs=0.02)
    kept = build_outcome(one_trial(scans), protocol, ascertainment="protocol scans").patients.loc["P1"]
    assert kept["last_adequate"] == pytest.approx(6, abs=0.02)


# There is no post-operative scan before randomisation: was the lesion of the first scan left behind?
PERSISTENCE = {
    "positive on the first scan": (("mri 3 recurrence",), "persistent"),
    "positive on an early unscheduled scan": (("ct 2 recurrence unscheduled",), "persistent"),
    "clear before": (("mri 3 clear", "mri 6 recurrence"), "recurrent"),
    "clear on an unscheduled scan before": (("ct 2 clear unscheduled", "mri 3 recurrence"), "recurrent"),
    "first scan late": (("mri 6 recurrence",), "not assessable"),
    "first scan not adequate": (("mri 3 clear inadequate", "mri 6 recurrence"), "not assessable"),
    "first scan equivocal": (("mri 3 equivocal", "mri 6 recurrence"), "not assessable"),
    "a clear PET beside the positive MRI of the visit": (("petct 3 clear", "mri 3 recurrence +5"), "persistent"),
    "no recurrence": (("mri 3 clear",), ""),
    "no scan": ((), ""),
}


@pytest.mark.parametrize("line", PERSISTENCE)
def test_persistent_or_recurrent(protocol, line):
    scans, expected = PERSISTENCE[line]
    assert persistent_or_recurrent(one_trial(scans), protocol).to_dict() == {"P1": expected}


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ("imaging__dotatate_new_lesion", "perhaps"),
        ("imaging__ascertainment", "most scans"),
        ("survival__clinical_recurrence", "an event"),
        ("clock__origin", "consent"),
    ],
)
def test_a_rule_that_nobody_carries_out_is_refused(protocol, record, value):
    with pytest.raises(ProtocolError, match=f"{record.replace('__', '.')}.*{value}.*use"):
        build_outcome(one_trial(("mri 3 clear",)), with_rules(protocol, **{record: value}))


@pytest.mark.parametrize(
    ("record", "value", "endpoint"),
    [
        ("survival__new_therapy", "refuse", "dfs"),
        ("survival__after_missed", "refuse", "dfs"),
        ("survival__no_baseline", "applied", "dfs"),
        ("survival__stopped_treatment", "censor", "dfs"),
        ("imaging__adequate_assessment", "good ones", "dfs"),
        ("survival__extrahepatic_only", "ends", "liver_dfs"),
        ("imaging__unknown_site", "brain", "liver_dfs"),
        ("survival__ttnt_death", "ignored", "ttnt"),
        ("survival__extrahepatic_lower", "any scan", "dfs"),
    ],
)
def test_a_censoring_rule_that_nobody_carries_out_is_refused(protocol, record, value, endpoint):
    family = "interval" if record == "survival__extrahepatic_lower" else "fda"
    with pytest.raises(ProtocolError, match=f"{record.replace('__', '.')}.*{value}.*use"):
        endpoint_times(one_trial(), with_rules(protocol, **{record: value}), endpoint, family=family)
