"""What no check foresaw keeps out one file; mixed NETest versions and missing control levels are said at once."""

import pandas as pd
import pytest
from small_delivery import SMALL, changed, write_delivery

from data.findings import Refused
from data.ingest import ingest
from data.ingest.session import Session
from data.protocol import load_protocol
from data.readers.detect import read_content
from data.store import Store

PROTOCOL = load_protocol()
NOW = pd.Timestamp("2022-01-01 10:00")


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        yield store


def run(store, folder, **options):
    return ingest(store, [folder], PROTOCOL, folder.parent / "quarantine", now=NOW, **options)


def warns(report, *codes: str) -> list[str]:
    return [str(finding) for finding in report.findings if finding.severity == "warn" and finding.code in codes]


def test_a_reader_that_breaks_keeps_out_its_file_and_no_other(store, tmp_path):
    def fragile(data, name):
        if name == "treatments.csv":
            raise ZeroDivisionError("division\nby zero")
        return read_content(data, name)

    report = run(store, write_delivery(tmp_path / "in"), read=fragile)
    assert report.counts == {"loaded": 6, "unchanged": 0, "rejected": 1} and not report.ok
    (finding,) = [finding for finding in report.findings if finding.severity == "reject"]
    assert finding.code == "D126" and finding.file == "treatments.csv"
    assert "ZeroDivisionError in test_ingest_last_resort.py line" in str(finding) and "division by zero" in str(finding)
    assert "\n" not in str(finding)
    assert store.trial().treatments.empty and len(store.trial().imaging) == 3
    assert (tmp_path / "quarantine").exists()
    mended = run(store, tmp_path / "in")
    assert mended.counts == {"loaded": 1, "unchanged": 6, "rejected": 0}


@pytest.mark.parametrize("where", ["data.ingest.session.check_rules", "data.ingest.session.validate_table"])
def test_a_rule_that_breaks_keeps_out_its_file_and_no_other(store, tmp_path, monkeypatch, where):
    module, name = where.rsplit(".", 1)
    honest = getattr(__import__(module, fromlist=[name]), name)

    def fragile(table, *rest):
        if table.name == "imaging":
            raise KeyError("modality")
        return honest(table, *rest)

    monkeypatch.setattr(where, fragile)
    report = run(store, write_delivery(tmp_path / "in"))
    assert [row.file for row in report.files.itertuples() if row.status == "rejected"] == ["imaging.csv"]
    assert report.counts["loaded"] == 6 and store.trial().imaging.empty


def test_a_store_that_breaks_half_way_through_a_file_holds_nothing_of_it(store, tmp_path, monkeypatch):
    honest = Store.load

    def fragile(self, record, frames, now=None):
        if record.kind == "imaging":
            frames = {**frames, "followup": frames["imaging"].assign(last_seen_on="no day")}
        return honest(self, record, frames, now)

    monkeypatch.setattr(Store, "load", fragile)
    report = run(store, write_delivery(tmp_path / "in"))
    assert report.counts == {"loaded": 6, "unchanged": 0, "rejected": 1}
    assert store.trial().imaging.empty and len(store.history("imaging")) == 0 and len(store.trial().followup) == 2


def test_a_store_that_cannot_be_used_still_stops_the_ingestion(store, tmp_path, monkeypatch):
    def closed(self, file):
        raise Refused([])

    monkeypatch.setattr(Session, "_take", closed)
    with pytest.raises(Refused):
        run(store, write_delivery(tmp_path / "in"))


MIXED = changed("results.csv", "S4,netest_activity,33,score,=,1.0,PL1", "S4,netest_diagnostic,33,score,=,2.0,PL1")


def test_the_file_that_brings_a_second_version_is_named(store, tmp_path):
    report = run(store, write_delivery(tmp_path / "in", results=MIXED))
    assert report.ok
    assert warns(report, "D234") == [
        "[D234] results.csv line 4 column version sample S4: version 2.0 of NETest beside 1.0: the trial will be "
        "refused at training (L111) -> report every patient with one version, and the results of the other with qc fail"
    ]


def test_only_the_file_that_introduces_the_mix_is_warned_about(store, tmp_path):
    lines = MIXED.splitlines(keepends=True)
    first = lines[0] + "".join(line for line in lines[1:] if ",2.0," not in line)
    second = lines[0] + "".join(line for line in lines[1:] if ",2.0," in line)
    assert warns(run(store, write_delivery(tmp_path / "a", results=first)), "D234") == []
    assert len(warns(run(store, write_delivery(tmp_path / "b", results=second)), "D234")) == 1
    third = second.replace("33", "34")
    assert warns(run(store, write_delivery(tmp_path / "c", results=third)), "D234") == []


def test_withdrawn_results_mix_nothing(store, tmp_path):
    withdrawn = MIXED.replace("2.0,PL1,L1,", "2.0,PL1,L1,fail")
    assert warns(run(store, write_delivery(tmp_path / "in", results=withdrawn)), "D234") == []


def test_a_plate_without_a_required_control_level_is_warned_about(store, tmp_path):
    low = "".join(line for line in SMALL["controls.csv"].splitlines(keepends=True) if "HIGH" not in line)
    report = run(store, write_delivery(tmp_path / "in", controls=low))
    assert report.ok
    assert warns(report, "D235") == [
        "[D235] controls.csv line 2 column control: plate PL1 has no control of level HIGH -> send every control well "
        "of the plate"
    ]
    lower_case = SMALL["controls.csv"].replace("LOW", "low").replace("HIGH", "high")
    assert warns(run(store, write_delivery(tmp_path / "again", controls=lower_case)), "D235") == []
