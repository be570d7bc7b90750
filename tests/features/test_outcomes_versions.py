"""Versions of the labels: what moves them, and that nothing which moves a label is forgotten."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from outcome_cases import one_trial, with_rules

from features.outcomes import build_outcome, label, label_version
from features.outcomes.versions import LABEL_RECORDS


class Recording(dict):
    """Records that remember which of them were read."""

    def __init__(self, records):
        super().__init__(records)
        self.read = set()

    def __getitem__(self, key):
        self.read.add(key)
        return super().__getitem__(key)


def test_a_version_names_the_rule_set_and_a_digest(protocol):
    assert re.fullmatch(r"closed-visits-1-[0-9a-f]{8}", label_version(protocol))
    assert label_version(protocol) == label_version(replace(protocol))


@pytest.mark.parametrize("origin", ["surgery", "randomisation", "first_treatment"])
@pytest.mark.parametrize("named", [True, False])
def test_every_record_that_labels_read_is_in_the_version(protocol, origin, named):
    records = Recording(with_rules(protocol, clock__origin=origin).records)
    watched = replace(protocol, records=records)
    trial = one_trial(("mri 6 clear", "petct 12 equivocal", "ct 24 recurrence"), therapy=("prrt 2",), arm="prrt")
    if not named:
        trial = trial.replace(imaging=trial.imaging.assign(scheduled_month=float("nan")))
    outcome = build_outcome(trial, watched)
    for endpoint in watched.endpoints.values():
        label(outcome, endpoint, watched)
    assert "clock.closing_months" in records.read
    assert records.read <= set(LABEL_RECORDS)


@pytest.mark.parametrize("key", LABEL_RECORDS)
def test_another_value_is_another_version(protocol, key):
    changed = with_rules(protocol, **{key: "something else"})
    assert label_version(changed) != label_version(protocol)


def test_the_name_of_the_rule_set_is_part_of_it(protocol):
    assert label_version(with_rules(protocol, labels__version="closed-visits-2")).startswith("closed-visits-2-")


def test_other_records_notes_and_titles_change_nothing(protocol):
    assert label_version(with_rules(protocol, survival__missed_visits=3)) == label_version(protocol)
    record = replace(protocol.record("imaging.window_days"), note="another note", source="another source")
    assert label_version(replace(protocol, records=protocol.records | {record.key: record})) == label_version(protocol)
    titled = {name: replace(endpoint, title="x", role="x") for name, endpoint in protocol.endpoints.items()}
    assert label_version(replace(protocol, endpoints=titled)) == label_version(protocol)


def test_the_version_of_one_endpoint(protocol):
    longer = protocol.endpoints | {"MRD36@6": replace(protocol.endpoint("MRD36@6"), horizon=48.0)}
    changed = replace(protocol, endpoints=longer)
    assert label_version(changed, "MRD36@6") != label_version(protocol, "MRD36@6")
    assert label_version(changed, "ER12@12") == label_version(protocol, "ER12@12")
    assert label_version(changed) != label_version(protocol)
