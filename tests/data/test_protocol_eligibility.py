"""Eligibility rules as data: the packaged ones, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.contracts import TABLES
from data.protocol import PROTOCOL_FILE, ProtocolError, load_protocol
from features.cohort.quantities import DERIVED

RULE = {
    "id": '"hb"',
    "kind": '"exclusion"',
    "quantity": '"haemoglobin_g_dl"',
    "comparison": '"<"',
    "value": "8.0",
    "rule_sets": '["S9"]',
    "source": '"S3"',
    "status": '"stated"',
    "sentence": '"No haemoglobin below 8."',
}


def file_with(tmp_path: Path, *rules: dict[str, str]) -> Path:
    """A small protocol that holds some eligibility rules; a key set to "" is left out."""
    blocks = [
        "[[eligibility]]\n" + "".join(f"{key} = {value}\n" for key, value in rule.items() if value) for rule in rules
    ]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def test_a_rule_is_read_with_its_provenance(tmp_path: Path) -> None:
    (rule,) = load_protocol(file_with(tmp_path, RULE | {"query": "[8]", "unit": '"g/dL"'})).eligibility
    assert (rule.id, rule.kind, rule.quantity, rule.comparison) == ("hb", "exclusion", "haemoglobin_g_dl", "<")
    assert (rule.value, rule.unit, rule.query, rule.rule_sets) == (8.0, "g/dL", (8,), ("S9",))
    assert (rule.source, rule.status, rule.sentence) == ("S3", "stated", "No haemoglobin below 8.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"comparison": '"=<"'}, ["eligibility rule hb", "comparison '=<'", "use one of <, <="]),
        ({"kind": '"must"'}, ["kind 'must'", "inclusion, exclusion"]),
        ({"status": '"sure"'}, ["status 'sure'", "stated"]),
        ({"sentence": ""}, ["eligibility rule hb", "no sentence", "a rule needs"]),
        ({"id": ""}, ["eligibility rule 1", "no id"]),
        ({"colour": '"red"'}, ["unknown key colour"]),
        ({"value": '"8"'}, ["value '8'", "give one number"]),
        ({"value": "true"}, ["give one number"]),
        ({"comparison": '"in"'}, ["does not go with 'in'", "list the codes"]),
        ({"rule_sets": '"S3"'}, ["rule_sets 'S3'", "list the versions"]),
    ],
)
def test_a_rule_that_cannot_be_used_names_file_rule_and_remedy(
    tmp_path: Path, changes: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(ProtocolError) as refused:
        load_protocol(file_with(tmp_path, RULE | changes))
    assert all(word in str(refused.value) for word in ["mine.toml", *words])


def test_an_id_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"mine\.toml: eligibility rule hb: the id is there twice"):
        load_protocol(file_with(tmp_path, RULE, RULE))


def test_a_protocol_without_rules_has_none(tmp_path: Path) -> None:
    assert load_protocol(file_with(tmp_path)).eligibility == ()


def test_packaged_rules_rest_on_columns_of_the_delivery_or_derived_quantities() -> None:
    rules = load_protocol().eligibility
    strange = {rule.quantity for rule in rules} - set(TABLES["patients"].columns) - set(DERIVED)
    assert not strange
    assert {name for rule in rules for name in rule.rule_sets} == {"S1", "S3"}


def test_packaged_code_rules_use_codes_that_the_delivery_knows() -> None:
    columns = TABLES["patients"].columns
    rules = [rule for rule in load_protocol().eligibility if rule.comparison in ("in", "not in")]
    assert len(rules) >= 6
    assert all(set(rule.value) <= set(columns[rule.quantity].codes) for rule in rules)


def test_rules_that_nobody_states_are_listed_as_assumptions() -> None:
    protocol = load_protocol()
    listed = {record.key: record for record in protocol.assumptions()}
    assert listed["eligibility.mri_age"].status == "inferred"
    assert "6 weeks" in listed["eligibility.mri_age"].value
    assert "eligibility.haemoglobin" not in listed
    assert PROTOCOL_FILE.exists()
