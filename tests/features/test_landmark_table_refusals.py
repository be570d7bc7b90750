"""What a landmark table refuses to be built from, and what it leaves out."""

from __future__ import annotations

import pandas as pd
import pytest

from data.findings import Refused
from features.landmark import LeakageError, landmark_table, table_at
from features.truncate import truncate


def test_records_after_the_landmark_are_refused_by_name(rows, protocol):
    trial = rows.trial(imaging=[rows.scan(12)], samples=[rows.sample("S1", 12)])
    with pytest.raises(LeakageError) as caught:
        landmark_table(trial, protocol, 6)
    text = str(caught.value)
    assert {finding.code for finding in caught.value.findings} == {"L101"}
    assert {finding.file for finding in caught.value.findings} == {"samples", "imaging", "followup"}
    assert "P1" in text and "landmark 6" in text


@pytest.mark.parametrize("table", ["samples", "imaging", "treatments", "quality_of_life", "adverse_events"])
def test_one_late_record_in_any_table_is_refused(rows, protocol, table):
    dates = {"samples": "collected_on", "imaging": "scan_on", "quality_of_life": "assessed_on"}
    trial = truncate(rows.trial(), protocol, 6)
    late = pd.DataFrame([{"patient_id": "P1", dates.get(table, "started_on"): rows.on(7, 1)}])
    added = trial.replace(**{table: late.reindex(columns=getattr(trial, table).columns)})
    with pytest.raises(LeakageError, match=f"L101.* {table} "):
        landmark_table(added, protocol, 6)


# What else must not lie after L(6) = day 213: the end of a treatment, last contact, a death.
LATER = {
    "treatments.ended_on": {"treatments": [{"kind": "ssa", "started_on": 5, "ended_on": 214}]},
    "followup.last_seen_on": {"followup": [{"last_seen_on": 214, "status": "alive"}]},
    "followup.died_on": {"followup": [{"last_seen_on": 213, "status": "dead", "died_on": 214}]},
}


@pytest.mark.parametrize("place", LATER)
def test_a_later_fact_inside_a_record_is_refused(rows, protocol, place):
    ((name, records),) = LATER[place].items()
    dated = [{k: rows.on(0, v) if k.endswith("_on") else v for k, v in row.items()} for row in records]
    closed = truncate(rows.trial(), protocol, 6)
    frame = rows.trial(**{name: [{"patient_id": "P1"} | row for row in dated]})
    late = closed.replace(**{name: getattr(frame, name)})
    column = place.split(".")[1]
    with pytest.raises(
        LeakageError, match=f"L101.* {name} column {column}.*P1: dated 2020-08-02.*closed on 2020-08-01"
    ):
        landmark_table(late, protocol, 6)
    landmark_table(truncate(late, protocol, 6), protocol, 6)


def test_a_result_is_of_the_day_of_its_sample_however_late_it_is_reported(rows, protocol):
    # Samples are frozen and measured in batches: the laboratory's own days do not date a result.
    def table(**days):
        sample = rows.sample("M6", 6, **{name: day for name, day in days.items() if name != "reported_on"})
        result = rows.result("M6", 30, reported_on=days.get("reported_on"))
        closed = truncate(rows.trial(), protocol, 6)
        records = rows.trial(samples=[sample], results=[result])
        return landmark_table(closed.replace(samples=records.samples, results=records.results), protocol, 6)

    late = table(received_on=rows.on(8), frozen_on=rows.on(8), reported_on=rows.on(20))
    assert late.digest == table().digest and late.rows.loc["P1", "netest_last"] == 30
    assert late.latest("netest_last")["P1"] == rows.on(6)


def test_records_that_cannot_be_placed_are_not_used(rows, protocol):
    """No date, no known patient, or no sample: such a record proves nothing, and changes nothing."""
    records = {
        "samples": [rows.sample("M6", 6)],
        "results": [rows.result("M6", 30)],
        "imaging": [rows.scan(6)],
        "treatments": [{"patient_id": "P1", "kind": "prrt", "started_on": rows.on(2)}],
    }
    plain = rows.trial(**records)
    stray = {
        "samples": [rows.sample("X", 6, collected_on=pd.NaT), rows.sample("Y", 6, "P9")],
        "results": [rows.result(name, 90) for name in ("X", "Y", "Z")],
        "imaging": [rows.scan(3, "equivocal", scan_on=pd.NaT), rows.scan(3, "equivocal", "P9")],
        "treatments": [{"patient_id": "P1", "kind": kind, "started_on": pd.NaT} for kind in ("prrt", "ssa")],
    }
    more = rows.trial(**{name: records[name] + stray[name] for name in records})
    followup = truncate(plain, protocol, 6).followup
    tables = [landmark_table(trial.replace(followup=followup), protocol, 6) for trial in (plain, more)]
    assert tables[0].digest == tables[1].digest == table_at(more, protocol, 6).digest


def test_mixed_score_versions_are_refused(rows, protocol):
    samples = [rows.sample("PRE", -0.2), rows.sample("M6", 6)]
    second = rows.result("M6", 30, "netest_diagnostic", version="2.0")
    trial = rows.trial(samples=samples, results=[rows.result("PRE", 60), second])
    with pytest.raises(LeakageError, match="L111.*1.0 .sample PRE., 2.0 .sample M6."):
        table_at(trial, protocol, 6)
    assert table_at(trial, protocol, 0).version == "1.0"


def test_a_score_outside_its_version_is_refused(rows, protocol):
    trial = rows.trial(samples=[rows.sample("M6", 6)], results=[rows.result("M6", 30, version="3.0")])
    with pytest.raises(Refused, match="D181.*M6.*'3.0'"):
        table_at(trial, protocol, 6)
