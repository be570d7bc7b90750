"""The page on outcomes: its worked examples come out of the code, and every record it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from outcome_cases import one_trial

from features.outcomes import build_outcome, censoring_variants, endpoint_times, label, persistent_or_recurrent

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "outcomes.md").read_text(encoding="utf-8")
PATIENTS = {
    "A": one_trial(
        (
            "mri 3 clear",
            "mri 6 clear",
            "mri 9 equivocal",
            "petct 12 recurrence extrahepatic +6",
            "mri 18 recurrence liver +3",
        ),
        arm="prrt",
        therapy=("prrt 1.97", "prrt 3.8", "chemotherapy 19"),
        died=40,
        patient_id="A",
    ),
    "B": one_trial(
        ("mri 3 clear", "mri 6 clear", "mri 9 clear inadequate"),
        therapy=("chemotherapy 11",),
        died=16,
        patient_id="B",
    ),
}
LINES = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\| [AB] \|.*$", PAGE, flags=re.M)
]


def bounds(row) -> str:
    lower, upper = row["interval_lower"], row["interval_upper"]
    if lower == upper:
        return f"exact {lower:.2f}"
    return f"in ({lower:.2f}, {'inf' if np.isinf(upper) else f'{upper:.2f}'}]"


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line[0]} {line[1]}")
def test_worked_examples(protocol, line):
    patient, endpoint, *expected = line
    row = censoring_variants(PATIENTS[patient], protocol, endpoint).loc[patient]
    found = [
        f"{row[f'{family}_event']} at {row[f'{family}_time']:.2f}, {row[f'{family}_reason']}"
        for family in ("as_observed", "fda")
    ]
    found.append(f"{row['interval_event']} {bounds(row)}, {row['interval_reason']}")
    assert found == expected


def test_both_patients_have_every_endpoint_on_the_page():
    assert len(LINES) == 10


def test_what_the_text_says_of_the_two(protocol):
    trial = PATIENTS["A"]
    assert persistent_or_recurrent(trial, protocol).loc["A"] == "recurrent"
    back = endpoint_times(trial, protocol, "dfs", family="as_observed", equivocal="first appearance").loc["A"]
    treated = endpoint_times(trial, protocol, "dfs", family="as_observed", origin="first_treatment").loc["A"]
    assert (round(back["time"], 2), round(treated["time"], 2)) == (9.0, 10.22)
    outcomes = {name: build_outcome(one, protocol) for name, one in PATIENTS.items()}
    labels = {
        (name, endpoint.id): label(outcome, endpoint, protocol).loc[name]
        for name, outcome in outcomes.items()
        for endpoint in protocol.endpoints.values()
    }
    assert labels["A", "MRD36@6"]["status"] == labels["A", "ER12@6"]["status"] == "event"
    assert not labels["A", "MRD36@12"]["at_risk"] and labels["B", "MRD36@12"]["status"] == "death"


def test_every_record_that_the_page_names_exists(protocol):
    floors = "clock|calendar|imaging|therapy|survival|labels"
    named = set(re.findall(rf"`((?:{floors})\.[a-z_]+)`", PAGE)) - {"clock.origin_dates"}
    assert len(named) >= 20 and named <= protocol.records.keys()
