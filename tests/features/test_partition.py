"""A trial that is split by patient gives the landmark tables of the whole trial, bit for bit."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from data.findings import Refused
from data.simulate.generate import generate
from features import partition
from features.landmark import LandmarkTable, LeakageError, table_at
from features.outcomes.readings import PROTOCOL_SCANS
from features.partition import Part, joined, part_tables, split, tables_by_parts, witnesses


def same_frame(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Equal names, types and index, and every value the same one: NaN is not None, 0.0 is not -0.0."""
    if not (one.index.equals(other.index) and one.index.name == other.index.name and one.dtypes.equals(other.dtypes)):
        return False
    texts = one.select_dtypes(object).columns
    numbers = one.columns.difference(texts)
    words = all(
        a is b or (type(a) is type(b) and (a == b or a != a))
        for name in texts
        for a, b in zip(one[name], other[name], strict=True)
    )
    return words and all(one[name].to_numpy().tobytes() == other[name].to_numpy().tobytes() for name in numbers)


def same_table(one: LandmarkTable, other: LandmarkTable) -> bool:
    """Equal in every field."""
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(LandmarkTable)]
    return all(same_frame(a, b) if isinstance(a, pd.DataFrame) else a == b for a, b in pairs)


def assert_same(trial, protocol, landmarks, parts, *, whole_again: int = 0) -> dict[float, LandmarkTable]:
    """Tables by parts equal the whole ones, and the whole trial was not built again behind the scenes."""
    whole = {at: table_at(trial, protocol, at) for at in landmarks}
    built = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "table_at", lambda *a: built.append(len(a[0].patients)) or table_at(*a))
        found = tables_by_parts(trial, protocol, landmarks, parts)
    assert list(found) == list(landmarks)
    for at in landmarks:
        assert same_table(found[at], whole[at]), f"landmark {at}, {parts} parts"
    count = min(parts, len(trial.patients))
    assert len(built) == count * len(landmarks) + whole_again
    return found


@pytest.fixture
def two(rows):
    """Two patients with a score a year after surgery; neither is a witness by scans, because no visit is named."""
    return {
        "patients": [rows.patient("P1"), rows.patient("P2")],
        "followup": [rows.follow("P1"), rows.follow("P2")],
        "samples": [rows.sample("A1", 0, "P1", -9), rows.sample("A2", 12, "P1"), rows.sample("B2", 12, "P2", -3)],
        "results": [rows.result("A1", 60.0), rows.result("A2", 30.0), rows.result("B2", 20.0)],
        "imaging": [rows.scan(6, patient_id=name, scheduled_month=None) for name in ("P1", "P2")],
    }


@pytest.fixture
def three(rows, two):
    """A third patient of whom nothing is known but that she was seen."""
    return two | {
        "patients": [*two["patients"], rows.patient("P3")],
        "followup": [*two["followup"], rows.follow("P3")],
    }


def other_version(protocol):
    """A version that is not the default one, and its first score."""
    name = next(name for name in protocol.assays if name != protocol["assay_default.version"])
    return name, protocol.assays[name].analytes[0]


# --- whole trials -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [2, 5])
def test_a_simulated_trial(protocol, parts):
    trial = generate(n=40, seed=3).trial()
    found = assert_same(trial, protocol, [6.0], parts)
    assert len(found[6.0].rows) > 20 and found[6.0].rows["netest_last"].notna().sum() > 15


def test_the_gold_trial(gold_trial, protocol):
    assert_same(gold_trial, protocol, [0.0, 12.0], 3)


def test_one_patient_a_part_and_more_parts_than_patients(rows, two, protocol):
    assert_same(rows.trial(**two), protocol, [12.0], 2)
    assert_same(rows.trial(**two), protocol, [12.0], 9)


def test_any_order_of_patients_and_records(protocol):
    trial = generate(n=25, seed=5).trial()
    rng = np.random.default_rng(1)
    turned = {
        name: frame.iloc[rng.permutation(len(frame))].reset_index(drop=True) for name, frame in trial.tables().items()
    }
    found = assert_same(trial.replace(**turned), protocol, [12.0], 4)
    order = [name for name in turned["patients"]["patient_id"] if name in found[12.0].rows.index]
    assert list(found[12.0].rows.index) == order


def test_an_empty_trial_and_a_trial_without_samples(rows, protocol):
    whole = table_at(type(rows.trial()).empty(), protocol, 12.0)
    assert same_table(tables_by_parts(type(rows.trial()).empty(), protocol, [12.0], 3)[12.0], whole)
    bare = rows.trial(
        patients=[rows.patient("P1"), rows.patient("P2")], followup=[rows.follow("P1"), rows.follow("P2")]
    )
    assert_same(bare, protocol, [12.0], 2)


# --- what the whole trial decides ---------------------------------------------------------------------------------


def test_the_version_holds_for_parts_where_nothing_was_measured(rows, three, protocol):
    version, score = other_version(protocol)
    three["results"] = [rows.result("B2", 30.0, score, version=version)]
    found = assert_same(rows.trial(**three), protocol, [0.0, 12.0], 3)
    # Nothing was measured up to randomisation: that landmark has the default version in every part.
    assert [found[at].version for at in (0.0, 12.0)] == [protocol["assay_default.version"], version]


def test_the_version_holds_from_the_first_valid_score_on(rows, three, protocol):
    version, score = other_version(protocol)
    three["samples"] = [rows.sample("A", 6, "P1", -9), rows.sample("B", 6, "P2"), rows.sample("C", 24, "P1")]
    three["results"] = [
        rows.result("A", 30.0, score, version=version, qc="fail"),
        rows.result("B", 30.0, score, version=version),
        rows.result("C", 30.0, score, version=version),
    ]
    found = assert_same(rows.trial(**three), protocol, [6.0, 24.0], 3)
    assert [found[at].version for at in (6.0, 24.0)] == [version, version]


def test_the_first_score_of_the_version_is_read_in_every_part(rows, two, protocol):
    version, (first, second) = next(
        (name, assay.analytes[:2]) for name, assay in protocol.assays.items() if len(assay.analytes) > 1
    )
    two["results"] = [
        rows.result("A2", 30.0, first, version=version),
        rows.result("B2", 20.0, second, version=version),
    ]
    found = assert_same(rows.trial(**two), protocol, [12.0], 2)
    assert found[12.0].rows["netest_last"].isna().to_dict() == {"P1": False, "P2": True}


def test_mixed_versions_are_refused_in_the_words_of_the_whole_trial(rows, two, protocol):
    version, score = other_version(protocol)
    two["results"][2] = rows.result("B2", 20.0, score, version=version)
    trial = rows.trial(**two)
    with pytest.raises(LeakageError) as whole:
        table_at(trial, protocol, 12.0)
    with pytest.raises(LeakageError) as by_parts:
        tables_by_parts(trial, protocol, [12.0], 2)
    assert str(by_parts.value) == str(whole.value)
    # Before the second version was measured, nothing is mixed.
    assert_same(trial, protocol, [0.0], 2)


def test_a_score_that_is_not_valid_decides_nothing(rows, two, protocol):
    version, score = other_version(protocol)
    two["results"][2] = rows.result("B2", 20.0, score, version=version, qc="fail")
    assert assert_same(rows.trial(**two), protocol, [12.0], 2)[12.0].version == "1.0"


@pytest.mark.parametrize(
    "wrong",
    [{"unit": "mmol/L", "analyte": "cga"}, {"version": "9.9"}, {"analyte": "netest_activity", "version": "2.0"}],
)
def test_other_refusals_have_the_words_of_the_whole_trial(rows, two, protocol, wrong):
    two["results"] = [rows.result("A1", 60.0) | wrong, rows.result("B2", 20.0) | wrong]
    trial = rows.trial(**two)
    with pytest.raises(Refused) as whole:
        table_at(trial, protocol, 12.0)
    with pytest.raises(Refused) as by_parts:
        tables_by_parts(trial, protocol, [12.0], 2)
    assert str(by_parts.value) == str(whole.value)


@pytest.fixture
def scheduled_only(protocol):
    """A protocol under which only scans that belong to a visit count: an unnamed recurrence is none."""
    key = "imaging.ascertainment"
    record = replace(protocol.records[key], value=PROTOCOL_SCANS)
    return replace(protocol, records=protocol.records | {key: record})


def test_visits_named_by_one_patient_are_not_assigned_for_the_others(rows, three, scheduled_only):
    three["imaging"] = [rows.scan(6, "clear", "P2"), rows.scan(6, "recurrence", "P3", scheduled_month=None)]
    trial = rows.trial(**three)
    named = assert_same(trial, scheduled_only, [12.0], 3)
    unnamed = trial.replace(imaging=trial.imaging.assign(scheduled_month=np.nan))
    assigned = assert_same(unnamed, scheduled_only, [12.0], 3)
    assert ["P3" in table[12.0].rows.index for table in (named, assigned)] == [True, False]


def test_visits_count_as_named_from_the_first_named_scan_on(rows, three, scheduled_only):
    three["imaging"] = [
        rows.scan(24, "clear", "P1"),
        rows.scan(6, "clear", "P2"),
        rows.scan(3, "recurrence", "P3", scheduled_month=None),
    ]
    found = assert_same(rows.trial(**three), scheduled_only, [3.0, 12.0], 3)
    assert ["P3" in found[at].rows.index for at in (3.0, 12.0)] == [False, True]


def test_a_plate_that_two_patients_share_keeps_its_controls(rows, two, protocol):
    two["results"] = [rows.result("A2", 30.0, plate="N1"), rows.result("B2", 20.0, plate="N1")]
    control = {"plate": "N1", "analyte": "netest_activity", "version": "1.0", "unit": "score"}
    two["controls"] = [
        control | {"control": "LOW", "value": 12.0, "nominal": 10.0},
        control | {"control": "HIGH", "value": 60.0, "nominal": 55.0},
        control | {"control": "HIGH", "value": 61.0, "nominal": 55.0, "plate": "N2"},
    ]
    wells = [
        {"plate": "Q1", "sample_id": name, "target": target, "task": task, "cq": cq, "state": "value", "omit": False}
        for name, task in (("A2", "unknown"), ("B2", "unknown"), (None, "positive_control"))
        for target, cq in (("ALG9", 24.0), ("MKI67", 29.5))
    ]
    two["wells"] = [*wells, wells[-1] | {"plate": "Q2"}]
    two["verdicts"] = [{"plate": "Q1", "sample_id": name, "verdict": "accept"} for name in ("A2", "B2")]
    trial = rows.trial(**two)
    assert_same(trial, protocol, [12.0], 2)
    first, second = split(trial, protocol, 2)
    assert [len(part.trial.controls) for part in (first, second)] == [2, 2]
    # P2 is a witness, the first to be measured; the control wells of her plate are there once.
    assert [set(part.trial.wells["sample_id"].dropna()) for part in (first, second)] == [{"A2", "B2"}, {"B2"}]
    assert [part.trial.wells["sample_id"].isna().sum() for part in (first, second)] == [2, 2]


# --- how a trial is split -----------------------------------------------------------------------------------------


def test_each_patient_is_own_in_one_part_and_every_record_goes_along(protocol):
    trial = generate(n=23, seed=8).trial()
    parts = split(trial, protocol, 5)
    assert [name for part in parts for name in part.own] == trial.patients["patient_id"].tolist()
    assert {len(part.own) for part in parts} == {4, 5}
    for part in parts:
        for name in ("samples", "imaging", "treatments", "followup", "adverse_events"):
            whole = getattr(trial, name)
            own = whole[whole["patient_id"].isin(part.trial.patients["patient_id"])].reset_index(drop=True)
            pd.testing.assert_frame_equal(getattr(part.trial, name), own, check_exact=True)


def test_witnesses_are_few(protocol):
    trial = generate(n=60, seed=9).trial()
    found = witnesses(trial, protocol)
    assert 1 <= len(found) <= 4
    assert all(len(part.trial.patients) <= len(part.own) + len(found) for part in split(trial, protocol, 6))


def test_records_of_nobody_belong_to_no_part(rows, two, protocol):
    two["samples"].append(rows.sample("X1", 12, "nobody"))
    two["results"] += [rows.result("X1", 50.0), rows.result("no such sample", 50.0)]
    two["imaging"].append(rows.scan(6, "equivocal", "nobody"))
    assert_same(rows.trial(**two), protocol, [12.0], 2)


def test_names_that_are_not_unique_are_built_in_one_piece(rows, two, protocol):
    two["samples"].append(rows.sample("B2", 14, "P1"))
    trial = rows.trial(**two)
    whole = table_at(trial, protocol, 12.0)
    assert same_table(tables_by_parts(trial, protocol, [12.0], 2)[12.0], whole)


def test_a_part_shows_no_record_and_can_be_pickled(rows, two, protocol):
    part = split(rows.trial(**two), protocol, 2)[1]
    assert repr(part) == "part 1"
    again = pickle.loads(pickle.dumps(part))
    one, other = (part_tables(of, protocol, [12.0])[12.0] for of in (part, again))
    assert same_table(one, other) and list(one.rows.index) == ["P2"]


def test_parts_that_disagree_are_built_in_one_piece(rows, two, protocol):
    tables = [part_tables(part, protocol, [12.0])[12.0] for part in split(rows.trial(**two), protocol, 2)]
    assert joined(tables) is not None
    odd = tables[1].rows.assign(age="sixty")
    assert joined([tables[0], type(tables[0])(**vars(tables[1]) | {"rows": odd})]) is None
    assert joined([tables[0], type(tables[0])(**vars(tables[1]) | {"version": "2.0"})]) is None


def test_a_mapper_gets_every_part_in_order(rows, two, protocol):
    seen = []

    def backwards(function, parts):
        seen.extend(parts)
        return [function(part) for part in reversed(parts)][::-1]

    trial = rows.trial(**two)
    found = tables_by_parts(trial, protocol, [12.0], 2, backwards)
    assert same_table(found[12.0], table_at(trial, protocol, 12.0))
    assert [type(part) for part in seen] == [Part, Part] and [part.number for part in seen] == [0, 1]
