"""Ingestion of the small delivery: what it must refuse, idempotence, corrections, dry runs, quarantine."""

from pathlib import Path

import pandas as pd
import pytest
from small_delivery import SMALL, changed, write_delivery

from data.ingest import ingest
from data.protocol import load_protocol
from data.store import Store

PROTOCOL = load_protocol()
NOW = pd.Timestamp("2022-01-01 10:00")


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        yield store


@pytest.fixture
def quarantine(tmp_path):
    return tmp_path / "quarantine"


def rejects(report) -> list[str]:
    return [str(finding) for finding in report.findings if finding.severity == "reject"]


def statuses(report) -> dict[str, str]:
    return dict(zip(report.files["file"], report.files["status"], strict=True))


def test_a_whole_delivery_loads_in_the_order_of_dependency(store, quarantine, tmp_path):
    steps = []
    folder = write_delivery(tmp_path / "in")
    report = ingest(store, [folder], PROTOCOL, quarantine, now=NOW, progress=lambda *step: steps.append(step))
    assert report.ok and report.exit_code == 0
    assert report.counts == {"loaded": 7, "unchanged": 0, "rejected": 0}
    assert report.files["file"].tolist()[:4] == ["patients.csv", "samples.csv", "controls.csv", "results.csv"]
    assert report.files["rows"].tolist() == [2, 4, 3, 6, 3, 1, 2]
    assert report.findings == []
    assert [step[0] for step in steps] == list(range(1, 15)) and {step[1] for step in steps} == {14}
    trial = store.trial()
    assert {name: len(frame) for name, frame in trial.tables().items() if len(frame)} == {
        "patients": 2,
        "samples": 4,
        "controls": 3,
        "results": 6,
        "imaging": 3,
        "treatments": 1,
        "followup": 2,
    }
    assert not quarantine.exists()


def test_the_same_delivery_twice_changes_nothing_whatever_the_files_are_called(store, quarantine, tmp_path):
    ingest(store, [write_delivery(tmp_path / "in")], PROTOCOL, quarantine, now=NOW)
    digest, files = store.digest(), store.files()
    again = write_delivery(tmp_path / "again")
    (again / "results.csv").rename(again / "patients_final_v2.csv")
    report = ingest(store, [again], PROTOCOL, quarantine, now=NOW)
    assert report.counts == {"loaded": 0, "unchanged": 7, "rejected": 0}
    assert report.exit_code == 0
    assert store.digest() == digest
    pd.testing.assert_frame_equal(store.files(), files)


REFUSALS = {
    "a sample whose patient is unknown": (
        "samples",
        changed("samples.csv", "S4,P2", "S4,P9"),
        "[D201] samples.csv line 5 column patient_id sample S4: patient P9 is unknown",
    ),
    "a collection date after receipt": (
        "samples",
        changed("samples.csv", "2020-01-08,2020-01-09,2020-01-10", "2020-01-19,2020-01-09,2020-01-20"),
        "[D208] samples.csv line 2 column collected_on sample S1: collected on 2020-01-19, after",
    ),
    "a collection date before birth": (
        "samples",
        changed("samples.csv", "2020-03-01,2020-03-01,,yes", "1920-03-01,2020-03-01,,yes"),
        "[D205] samples.csv line 5 column collected_on sample S4: collected_on 1920-03-01 of patient P2",
    ),
    "two results for one sample and analyte": (
        "results",
        SMALL["results.csv"] + "S1,netest_activity,58,score,=,1.0,PL1,L1,\n",
        "[D116] results.csv line 8 column value sample S1: two results for sample_id S1, analyte",
    ),
    "mixed NETest versions in one trajectory": (
        "results",
        changed("results.csv", "activity,24,score,=,1.0", "diagnostic,24,score,=,2.0"),
        "[D221] results.csv line 2 column version sample S1: patient P1 has NETest versions 1.0 and 2.0",
    ),
    "units that cannot be converted": (
        "results",
        changed("results.csv", "274.3,ng/mL", "274.3,U/L"),
        "[D220] results.csv line 5 column unit sample S1: unit U/L of cga cannot be converted; it may",
    ),
    "a plate without its controls": (
        "results",
        changed("results.csv", "24,score,=,1.0,PL1", "24,score,=,1.0,PL2"),
        "[D223] results.csv line 3 column plate sample S2: plate PL2 has no control wells",
    ),
    "an empty file": ("results", "", "[P101] results.csv: is empty"),
    "a truncated file": (
        "results",
        SMALL["results.csv"][:-20],
        "[D103] results.csv line 7: 3 cells where the header names 9",
    ),
    "urine as blood": (
        "results",
        changed("results.csv", "S4,netest", "S3,netest"),
        "[D219] results.csv line 4 column analyte sample S3: netest_activity is measured in blood, but",
    ),
    "a missing required column": (
        "results",
        SMALL["results.csv"].replace(",version", ",kit"),
        "[D106] results.csv line 1 column version: results lacks the column version",
    ),
    "an unknown code": (
        "imaging",
        changed("imaging.csv", "P1,2020-07-10,mri", "P1,2020-07-10,xray"),
        "[D110]",
    ),
    "an impossible date": ("imaging", changed("imaging.csv", "P1,2020-07-10", "P1,2020-02-30"), "[D111]"),
    "a duplicate key": ("imaging", SMALL["imaging.csv"] + "P1,2020-07-10,mri,yes,equivocal,6,,\n", "[D114]"),
    "a scan after death": ("imaging", changed("imaging.csv", "P2,2020-09-01", "P2,2021-09-01"), "[D206]"),
    "a death without its day": ("followup", changed("followup.csv", "dead,2021-02-03", "dead,"), "[D213]"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_must_refuse(case, store, quarantine, tmp_path):
    table, text, start = REFUSALS[case]
    folder = write_delivery(tmp_path / "in", **{table: text})
    report = ingest(store, [folder], PROTOCOL, quarantine, now=NOW)
    own = [line for line in rejects(report) if f"{table}.csv" in line.split(": ")[0]]
    assert len(own) == 1
    assert own[0].startswith(start)
    assert " -> " in own[0]
    assert report.exit_code == 1
    assert statuses(report)[f"{table}.csv"] == "rejected"
    assert getattr(store.trial(), table).empty
    assert {row.name for row in quarantine.iterdir()} >= {f"{table}.csv", f"{table}.csv.reason.txt"}
    if table != "samples":
        assert report.counts == {"loaded": 6, "unchanged": 0, "rejected": 1}


@pytest.mark.parametrize("content", [{}, {"notes.csv": "a,b\n1,2\n"}, {"README.md": "hello"}, {"truth.csv": "x\n1\n"}])
def test_a_folder_that_is_not_a_delivery_is_refused_with_one_message(content, store, quarantine, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, text in content.items():
        (folder / name).write_text(text)
    report = ingest(store, [folder], PROTOCOL, quarantine, now=NOW)
    assert len(rejects(report)) == 1
    assert rejects(report)[0].startswith(f"[D120] {folder}: not a delivery")
    assert report.exit_code == 1
    assert not quarantine.exists()
    assert store.files().empty


def test_a_path_that_does_not_exist_is_refused_and_the_rest_is_loaded(store, quarantine, tmp_path):
    report = ingest(store, [tmp_path / "nowhere", write_delivery(tmp_path / "in")], PROTOCOL, quarantine, now=NOW)
    assert rejects(report) == [f"[D121] {tmp_path / 'nowhere'}: no such file or folder -> check the path"]
    assert report.counts == {"loaded": 7, "unchanged": 0, "rejected": 1}


def test_a_rejected_patients_file_takes_its_dependants_with_it_and_says_so(store, quarantine, tmp_path):
    text = changed("patients.csv", "C1,M,1961", "C1,X,1961")
    report = ingest(store, [write_delivery(tmp_path / "in", patients=text)], PROTOCOL, quarantine, now=NOW)
    reasons = dict(zip(report.files["file"], report.files["reason"], strict=True))
    assert statuses(report).pop("controls.csv") == "loaded"
    assert report.counts == {"loaded": 1, "unchanged": 0, "rejected": 6}
    for name in ("samples.csv", "imaging.csv", "treatments.csv", "followup.csv"):
        assert reasons[name].startswith(f"[D203] {name}") and "because patients.csv was rejected" in reasons[name]
    assert "because samples.csv was rejected" in reasons["results.csv"]


def test_mended_files_leave_the_quarantine(store, quarantine, tmp_path):
    text = changed("patients.csv", "C1,M,1961", "C1,X,1961")
    folder = write_delivery(tmp_path / "in", patients=text)
    ingest(store, [folder], PROTOCOL, quarantine, now=NOW)
    ingest(store, [folder], PROTOCOL, quarantine, now=NOW)
    assert len(list(quarantine.iterdir())) == 12
    reason = (quarantine / "patients.csv.reason.txt").read_text()
    assert "patients.csv line 3 column sex: unknown code 'X' [D110]\n   What to do: use one of F, M." in reason
    assert (quarantine / "patients.csv").read_text() == text
    report = ingest(store, [write_delivery(folder)], PROTOCOL, quarantine, now=NOW)
    assert report.counts == {"loaded": 6, "unchanged": 1, "rejected": 0}
    assert sorted(path.name for path in quarantine.iterdir()) == ["patients.csv", "patients.csv.reason.txt"]


def test_two_rejected_files_of_one_name_are_both_kept(store, quarantine, tmp_path):
    for number, bad in enumerate(("X", "Y")):
        text = changed("patients.csv", "C1,M,1961", f"C1,{bad},1961")
        file = tmp_path / str(number) / "patients.csv"
        file.parent.mkdir()
        file.write_text(text)
        ingest(store, [file], PROTOCOL, quarantine, now=NOW)
    assert len(list(quarantine.glob("patients*.csv"))) == len(list(quarantine.glob("*.reason.txt"))) == 2


def test_a_dry_run_judges_everything_and_writes_nothing(store, quarantine, tmp_path):
    folder = write_delivery(tmp_path / "in", imaging=changed("imaging.csv", "petct,no", "petct,maybe"))
    before = sorted(tmp_path.rglob("*"))
    report = ingest(store, [folder], PROTOCOL, quarantine, dry_run=True, now=NOW)
    assert report.dry_run and report.counts == {"loaded": 6, "unchanged": 0, "rejected": 1}
    assert sorted(tmp_path.rglob("*")) == before
    after = ingest(store, [folder], PROTOCOL, quarantine, now=NOW)
    pd.testing.assert_frame_equal(after.files, report.files)
    assert list(map(str, after.findings)) == list(map(str, report.findings))


def test_a_corrected_file_supersedes_and_says_so(store, quarantine, tmp_path):
    ingest(store, [write_delivery(tmp_path / "in")], PROTOCOL, quarantine, now=NOW)
    later = tmp_path / "correction.csv"
    later.write_text("sample_id,analyte,value,unit,version\nS1,cga,270,ng/mL,kit-a\nS2,cga,101,ng/mL,kit-a\n")
    report = ingest(store, [later], PROTOCOL, quarantine, now=NOW + pd.Timedelta(hours=1))
    assert [str(finding) for finding in report.findings] == [
        "[S102] correction.csv: replaces 1 earlier rows, which stay in the history"
    ]
    cga = store.trial().results.query("analyte == 'cga'")
    assert cga.set_index("sample_id")["value"].to_dict() == {"S1": 270, "S2": 101}
    assert len(store.history("results")) == 8
    assert store.trial(NOW).results.query("analyte == 'cga'")["value"].tolist() == [274.3]


def test_rows_of_several_files_of_one_table_and_copies_in_one_delivery(store, quarantine, tmp_path):
    folder = write_delivery(tmp_path / "in", samples=None)
    header, *rows = SMALL["samples.csv"].splitlines(keepends=True)
    (folder / "samples_a.csv").write_text(header + "".join(rows[:2]))
    (folder / "samples_b.csv").write_text(header + "".join(rows[2:]))
    (folder / "samples_b copy.csv").write_text(header + "".join(rows[2:]))
    report = ingest(store, [folder], PROTOCOL, quarantine, now=NOW)
    assert report.counts == {"loaded": 8, "unchanged": 1, "rejected": 0}
    assert len(store.trial().samples) == 4


def test_what_is_not_data_is_left_alone_and_said(store, quarantine, tmp_path):
    folder = write_delivery(tmp_path / "in")
    (folder / "README.txt").write_text("hello")
    (folder / ".hidden.csv").write_text("a")
    (folder / "truth.csv").write_text("patient_id,cured\nP1,yes\n")
    (folder / "secret.csv").write_text("patient_id,cured,doubling_months,onset_month\nP1,yes,3,4\n")
    (folder / "unknown.csv").write_text("a,b\n1,2\n")
    report = ingest(store, [folder], PROTOCOL, quarantine, now=NOW)
    notes = {finding.file: finding.message for finding in report.findings if finding.code == "D123"}
    assert set(notes) == {"README.txt", "truth.csv", "secret.csv"}
    assert "never read" in notes["truth.csv"] and "never read" in notes["secret.csv"]
    assert statuses(report)["unknown.csv"] == "rejected"
    assert report.counts == {"loaded": 7, "unchanged": 0, "rejected": 1}


def test_the_manifest_names_the_study_and_another_study_stays_out(store, quarantine, tmp_path):
    folder = write_delivery(tmp_path / "in")
    (folder / "delivery.toml").write_text('study = "NELMAS-SIM"\nsimulated = true\nnote = "seed 1"\n')
    assert ingest(store, [folder], PROTOCOL, quarantine, now=NOW).counts["loaded"] == 8
    assert (store.trial().study, store.trial().simulated) == ("NELMAS-SIM", True)
    other = write_delivery(tmp_path / "other", patients=SMALL["patients.csv"].replace("P2", "P3"))
    (other / "delivery.toml").write_text('study = "REAL"\nsimulated = false\n')
    digest = store.digest()
    report = ingest(store, [other], PROTOCOL, quarantine, now=NOW)
    assert rejects(report)[0].startswith(
        "[S103] delivery.toml: the store holds NELMAS-SIM (simulated), this delivery is of REAL (not"
    )
    assert statuses(report)["patients.csv"] == "rejected"
    assert store.digest() == digest


@pytest.mark.parametrize("text", ['study = "X', "simulated = true", 'study = "X"\nsimulated = "yes"', "study = 7"])
def test_a_broken_manifest_is_refused(text, store, quarantine, tmp_path):
    folder = write_delivery(tmp_path / "in")
    (folder / "delivery.toml").write_text(text)
    report = ingest(store, [folder], PROTOCOL, quarantine, now=NOW)
    assert rejects(report)[0].startswith("[D124] delivery.toml")
    assert report.exit_code == 1 and store.trial().patients.empty


def test_scheduled_months_come_from_the_calendar_when_the_column_is_missing(store, quarantine, tmp_path):
    text = (
        "patient_id,scan_on,modality,adequate,finding\n"
        "P1,2020-07-10,mri,yes,clear\nP1,2020-08-20,mri,yes,clear\nP1,2020-07-11,petct,yes,clear\n"
        "P1,2021-01-09,petct,yes,clear\n"
    )
    report = ingest(store, [write_delivery(tmp_path / "in", imaging=text)], PROTOCOL, quarantine, now=NOW)
    assert report.ok
    months = store.trial().imaging.set_index(["scan_on", "modality"])["scheduled_month"]
    assert months.loc["2020-07-10", "mri"] == 6
    assert months.loc["2021-01-09", "petct"] == 12
    assert months.isna().sum() == 2
    assert [finding.code for finding in report.findings] == ["D119"]


def test_a_first_delivery_that_lacks_a_table_is_said(store, quarantine, tmp_path):
    report = ingest(store, [write_delivery(tmp_path / "in", followup=None)], PROTOCOL, quarantine, now=NOW)
    assert report.ok
    assert [(f.code, f.message) for f in report.findings] == [
        ("D118", "the delivery holds no followup.csv and the store knows none")
    ]


def test_findings_name_the_file_as_the_sender_knows_it(store, quarantine, tmp_path):
    write_delivery(tmp_path / "in" / "site 3", followup=changed("followup.csv", "dead,2021-02-03", "dead,"))
    report = ingest(store, [tmp_path / "in"], PROTOCOL, quarantine, now=NOW)
    assert "site 3/followup.csv" in statuses(report)
    assert Path(quarantine / "followup.csv").exists()
