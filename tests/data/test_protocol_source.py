"""Packaged protocols by name, and a protocol that rests on another one."""

import tomllib

import pytest

from data.origin import ORIGINS
from data.protocol import PROTOCOL_FILE, ProtocolError, load_protocol
from data.protocol_source import packaged_protocols

RECORD = 'value = {}\nsource = "test"\nstatus = "assumed"\n'


def protocol(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return load_protocol(path)


def test_packaged_protocols_go_by_name_and_every_one_loads():
    assert list(packaged_protocols())[0] == "nelmas" and "advanced" in packaged_protocols()
    for name, path in packaged_protocols().items():
        rules = load_protocol(name)
        assert rules.path == path and rules["clock.origin"] in ORIGINS and rules["trial.name"]
    assert load_protocol() == load_protocol("nelmas") == load_protocol(PROTOCOL_FILE)


def test_what_a_protocol_says_replaces_what_it_rests_on(tmp_path):
    base = load_protocol()
    rules = protocol(tmp_path, 'extends = "nelmas"\n[survival.report_months]\n' + RECORD.format("[6, 20]"))
    assert rules["survival.report_months"] == [6, 20] and rules.record("survival.report_months").unit == ""
    assert {key for key in base.records if rules[key] != base[key]} == {"survival.report_months"}
    assert (rules.endpoints, rules.assays, rules.eligibility) == (base.endpoints, base.assays, base.eligibility)
    assert rules.digest != base.digest


def test_lists_are_replaced_whole_and_groups_can_be_left_out(tmp_path):
    text = """\
extends = "nelmas"
omit = ["trial", "kinetics.rcv_z"]
[[endpoint]]
id = "PD12@0"
family = "early_recurrence"
landmark = 0
horizon = 12
role = "primary"
promote = false
title = "Progression"
"""
    rules = protocol(tmp_path, text)
    assert list(rules.endpoints) == ["PD12@0"]
    assert not [key for key in rules.records if key.startswith("trial.")]
    assert set(load_protocol().records) - set(rules.records) >= {"kinetics.rcv_z", "trial.name"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('extends = "nelsam"\n', "own.toml.*extends 'nelsam': no such packaged protocol; use one of nelmas, advanced"),
        ('extends = "nelmas"\nomit = ["trial.nam"]\n', "omit 'trial.nam': nelmas has no such record or group"),
        ('omit = ["trial"]\n', 'omit needs extends = "NAME"'),
        ('extends = "nelmas"\n[trial.name]\nvalue = "x"\n', r"\[trial.name\] needs a source and a status"),
    ],
)
def test_a_protocol_that_cannot_be_built_says_why(tmp_path, text, words):
    with pytest.raises(ProtocolError, match=words):
        protocol(tmp_path, text)


def test_an_unknown_name_is_an_unreadable_file():
    with pytest.raises(ProtocolError, match="nelsam: not a readable protocol file"):
        load_protocol("nelsam")


def test_the_advanced_protocol_claims_nothing_that_only_the_trial_states():
    """No record that NELMAS states about itself (S1, S3) is inherited as a statement about the other cohort."""
    rules = load_protocol("advanced")
    claimed = [
        r.key for r in rules.records.values() if r.status == "stated" and r.source.startswith(("S1", "S2", "S3"))
    ]
    assert claimed == []
    own = tomllib.loads(packaged_protocols()["advanced"].read_text(encoding="utf-8"))
    assert own["extends"] == "nelmas"


def test_the_advanced_protocol_is_about_progression_of_measured_disease():
    rules = load_protocol("advanced")
    assert rules["clock.origin"] == "randomisation" and 20 in rules["survival.report_months"]
    assert rules["calendar.mri_month"] == list(range(3, 37, 3)) and rules["calendar.petct_month"] == []
    assert all("rogression" in endpoint.title for endpoint in rules.endpoints.values())
    assert {endpoint.family for endpoint in rules.endpoints.values()} == {"early_recurrence"}
    assert not any(endpoint.promote for endpoint in rules.endpoints.values())
    visits = set(rules.visit_grid)
    assert all(e.landmark in visits and e.horizon in visits for e in rules.endpoints.values())
