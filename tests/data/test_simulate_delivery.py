"""The bundled example and how a delivery is written."""

import csv
import hashlib
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from data.contracts import TABLES
from data.findings import Refused
from data.protocol import load_protocol
from data.simulate import generate, simulate
from data.simulate.delivery import DEFAULT_N, DEFAULT_SEED, csv_text

EXAMPLE = Path(__file__).parents[2] / "data" / "example"
TRUTH = EXAMPLE.with_name("example_truth.csv")
PROTOCOL = load_protocol()


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def remade(tmp_path_factory):
    folder = tmp_path_factory.mktemp("remade")
    return simulate(folder / "example")


@pytest.fixture(scope="module")
def tables():
    return {path.stem: pd.read_csv(path, dtype=str, keep_default_na=False) for path in EXAMPLE.glob("*.csv")}


def test_the_example_is_remade_byte_for_byte(remade):
    assert (remade.n, remade.seed) == (DEFAULT_N, DEFAULT_SEED) == (106, 20261121)
    assert contents(remade.out) == contents(EXAMPLE), "run: netest simulate --out data/example"
    assert remade.truth.read_bytes() == TRUTH.read_bytes()


def test_another_seed_gives_another_trial(remade, tmp_path):
    other = simulate(tmp_path / "other", seed=DEFAULT_SEED + 1, qpcr=False)
    assert other.sha256 != remade.sha256
    for name in ("patients", "imaging", "results"):
        assert (other.out / f"{name}.csv").read_bytes() != (EXAMPLE / f"{name}.csv").read_bytes()


def test_the_example_is_small_and_says_that_it_is_simulated():
    assert sum(path.stat().st_size for path in EXAMPLE.rglob("*") if path.is_file()) < 6_000_000
    manifest = tomllib.loads((EXAMPLE / "delivery.toml").read_text(encoding="utf-8"))
    assert manifest["study"] == "EXAMPLE" and manifest["simulated"] is True and manifest["note"]
    for path in EXAMPLE.rglob("*.*"):
        assert b"\r" not in path.read_bytes(), path.name


def test_every_required_column_is_there_and_every_code_is_known(tables):
    expected = {"patients", "samples", "results", "controls", "imaging", "treatments", "followup", "adverse_events"}
    assert set(tables) == expected
    for name, table in tables.items():
        contract = TABLES[name]
        assert set(contract.required_columns) <= set(table.columns) <= set(contract.columns), name
        for column in table.columns:
            rule = contract.columns[column]
            filled = table[column][table[column] != ""]
            if rule.required and not rule.empty:
                assert len(filled) == len(table), (name, column)
            if rule.kind == "code":
                assert filled.isin(rule.codes).all(), (name, column)
            if rule.kind == "date":
                assert filled.str.fullmatch(r"\d{4}-\d\d-\d\d").all(), (name, column)
            if rule.kind == "number":
                number = filled.astype(float)
                assert rule.lower is None or (number >= rule.lower).all(), (name, column)
                assert rule.upper is None or (number <= rule.upper).all(), (name, column)
        if contract.key:
            assert not table.duplicated(list(contract.key)).any(), name


def test_identifiers_agree_and_say_nothing(tables):
    known = set(tables["patients"]["patient_id"])
    assert len(known) == DEFAULT_N
    for name in ("samples", "imaging", "treatments", "followup"):
        assert set(tables[name]["patient_id"]) <= known, name
    assert set(tables["followup"]["patient_id"]) == known
    assert set(tables["results"]["sample_id"]) <= set(tables["samples"]["sample_id"])
    assert tables["samples"]["sample_id"].str.fullmatch(r"S\d{6}").all()
    assert set(tables["results"]["plate"]) - {""} == set(tables["controls"]["plate"])
    assert set(tables["results"]["version"]) == {"1.0", "kit-a", "spot", "urine-x"}


def test_no_sample_is_dated_after_recurrence_death_or_loss(tables):
    imaging, samples = tables["imaging"], tables["samples"]
    recurrence = imaging[imaging["finding"] == "recurrence"].groupby("patient_id")["scan_on"].min()
    seen = tables["followup"].set_index("patient_id")["last_seen_on"]
    assert not (samples["collected_on"] >= samples["patient_id"].map(recurrence).fillna("9999")).any()
    assert not (samples["collected_on"] > samples["patient_id"].map(seen)).any()


def test_every_special_case_occurs(tables, remade):
    counts = remade.counts
    several = (
        "equivocal_scans",
        "inadequate_scans",
        "unscheduled_scans",
        "withdrawn_results",
        "below_limit_results",
        "urine_without_creatinine",
        "lost_to_follow_up",
    )
    assert all(2 <= counts[case] <= 80 for case in several), counts
    assert counts["deaths_without_recurrence"] >= 1 and counts["deaths"] >= 5
    followup, imaging, samples = tables["followup"], tables["imaging"], tables["samples"]
    assert (followup["status"] == "dead").sum() == counts["deaths"]
    assert (imaging["site"] == "extrahepatic").any() and (imaging["modality"] == "petct").any()
    equivocal = imaging[imaging["finding"] == "equivocal"]["patient_id"]
    confirmed = equivocal.isin(imaging.loc[imaging["finding"] == "recurrence", "patient_id"])
    assert confirmed.any() and (~confirmed).any()
    due = imaging.merge(followup, on="patient_id")
    assert due.groupby("patient_id")["scheduled_month"].nunique().max() >= 9
    at_six = {key: set(part["patient_id"]) for key, part in samples.query("visit == 'month_6'").groupby("specimen")}
    assert 0 < len(at_six["blood"] - at_six["urine"]) and 0 < len(at_six["urine"] - at_six["blood"])
    assert set(samples["ssa"]) == {"yes", "no"}
    # Somebody who stayed in the trial missed a scan of the first year.
    first_year = imaging[imaging["scheduled_month"].isin(["3", "6", "9"])].groupby("patient_id").size()
    assert (first_year < 3).sum() >= 5


def test_controls_are_two_of_each_level_on_each_plate(tables):
    controls = tables["controls"]
    assert (controls.groupby(["plate", "control"]).size() == 2).all()
    assert set(zip(controls["control"], controls["nominal"], strict=True)) == {("LOW", "14"), ("HIGH", "69")}


def test_truth_lies_aside_and_knows_every_patient(tables):
    truth = pd.read_csv(TRUTH)
    assert not list(EXAMPLE.rglob("*truth*"))
    assert truth["patient_id"].tolist() == tables["patients"]["patient_id"].tolist()
    assert {f"p_{endpoint}" for endpoint in PROTOCOL.endpoints} <= set(truth.columns)


def test_the_truth_may_not_lie_in_the_delivery(tmp_path):
    with pytest.raises(ValueError, match="truth must lie outside"):
        simulate(tmp_path / "d", n=2, qpcr=False, truth=tmp_path / "d" / "truth.csv")


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "patients.csv").write_text("patient_id\n")
    with pytest.raises(Refused, match="not a simulated delivery.*choose another folder"):
        simulate(tmp_path / "real", n=2, qpcr=False)
    assert (tmp_path / "real" / "patients.csv").read_text() == "patient_id\n"


def test_an_earlier_simulation_is_replaced_as_a_whole(tmp_path):
    simulate(tmp_path / "d", n=8, seed=1)
    second = simulate(tmp_path / "d", n=8, seed=2, qpcr=False)
    assert not (second.out / "qpcr").exists()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["d", "d_truth.csv"]


def test_nothing_is_left_behind_when_writing_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("data.simulate.delivery._swap", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        simulate(tmp_path / "d", n=3, qpcr=False)
    assert list(tmp_path.iterdir()) == []


def test_knobs_are_written_into_the_manifest(tmp_path):
    made = simulate(tmp_path / "d", n=3, seed=9, world="null", qpcr=False, missed_scan=0.5)
    text = (made.out / "delivery.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["made_with"] == "n=3 seed=9 world=null missed_scan=0.5"


def test_cells_are_written_the_same_way_everywhere():
    frame = pd.DataFrame(
        {
            "text": ["a", None],
            "day": pd.to_datetime(["2020-02-03", None]),
            "number": [1.0, 2.506],
            "empty": [float("nan"), -0.001],
        }
    )
    assert csv_text(frame) == "text,day,number,empty\na,2020-02-03,1,\n,,2.51,0\n"


def test_tables_in_memory_and_on_disk_are_the_same(tables):
    made = generate()
    for name, table in made.frames.items():
        assert csv_text(table) == (EXAMPLE / f"{name}.csv").read_text(encoding="utf-8"), name
    trial = made.trial()
    assert trial.simulated and len(trial.patients) == DEFAULT_N and trial.patients["surgery_on"].dt.year.min() == 2015


def test_the_example_names_no_machine_and_no_person():
    forbidden = re.compile(rb"/home/|/work/|/tmp/|C:\\\\|@|operator|user", re.IGNORECASE)
    for path in EXAMPLE.rglob("*.*"):
        assert not forbidden.search(path.read_bytes()), path.name


def test_csv_files_have_equally_many_cells_in_every_row():
    for path in EXAMPLE.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as stream:
            assert len({len(row) for row in csv.reader(stream)}) == 1, path.name
