"""Random trials: nothing dated after L(s) moves a bit of a landmark table, and a table that leaks is caught.

The round of every day takes 300 trials of 4 to 14 patients as 12 large ones (a table costs little more for 200
patients than for 10) and some of them one by one; the slow campaign takes 3,000 one by one. A failure names the trial:
``random_trial(number, origin)`` draws it again, and a patient ``T07-...`` of a union belongs to trial 7 of its block.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from random_futures import FUTURES, another_future, appended, moved, reduced, shuffled
from random_trials import GENES, ORIGINS, block_tables, protocol_for, random_trial, random_union

from data.contracts import TABLES
from data.findings import Refused
from data.protocol import Protocol
from data.readers.delivery import read_delivery_table
from data.trial import TRIAL_TABLES, Trial
from data.validate import validate_table
from data.validate.context import Context
from data.validate.rules import check_rules
from features.landmark import guards, landmark_table, table, table_at
from features.landmark.guards import LeakageError
from features.landmark.table import LandmarkTable
from features.landmark.treatments import treatment_block
from features.landmark.view import Block
from features.registry import FEATURES
from features.truncate import DATED, closing_dates, truncate

BLOCKS = (0, 1)
CAMPAIGN = tuple(range(20))
ONE_BY_ONE = range(100)


class World(NamedTuple):
    """A random trial (``number``), or the union of a block (``number``) with one version of the score."""

    number: int
    origin: str
    version: str = ""

    @property
    def trial(self) -> Trial:
        return drawn(self)

    @property
    def protocol(self) -> Protocol:
        return protocol_for(self.origin)

    @property
    def landmarks(self) -> list[float]:
        return [float(landmark) for landmark in self.protocol["samples.landmark"]]


WITNESS = World(0, "surgery", "1.0")


@lru_cache(maxsize=64)
def drawn(world: World) -> Trial:
    if world.version:
        return random_union(world.number, world.origin, world.version)
    return random_trial(world.number, world.origin)


@lru_cache(maxsize=64)
def base_table(world: World, landmark: float) -> LandmarkTable:
    return table_at(world.trial, world.protocol, landmark)


def unions(origin: str, blocks: tuple[int, ...] = BLOCKS) -> list[World]:
    return [World(block, origin, version) for block in blocks for version in protocol_for(origin).assays]


def one_landmark(world: World) -> float:
    """6 and 12, where most columns live, twice as often as the others."""
    return (world.landmarks + [6.0, 12.0])[world.number % (len(world.landmarks) + 2)]


def some_landmarks(world: World) -> list[float]:
    """Of a union: the four landmarks over its two versions, those of month 6 and 12 again in the next block."""
    first = world.version == "1.0"
    turn = [6.0, world.landmarks[-1]] if first else [0.0, 12.0]
    return turn if world.number == 0 else [12.0 if first else 6.0]


def plain(column: pd.Series) -> pd.Series:
    return column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column


def bits(column: pd.Series) -> list:
    """Content of a column, floats by their bits."""
    values = column.to_numpy()
    return list(values.view("int64")) if values.dtype.kind in "fM" else values.tolist()


def differing(one: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """Columns that are not the same bit for bit; rows in the same order."""
    if not one.index.equals(other.index) or list(one) != list(other):
        return ["rows or columns"]
    if one.equals(other) and (one.dtypes == other.dtypes).all():
        floats = [name for name in one if one[name].dtype.kind == "f"]
        a, b = (frame[floats].to_numpy(dtype="float64") for frame in (one, other))
        if np.array_equal(a.view("int64"), b.view("int64")):
            return []
    pairs = {name: (plain(one[name]), plain(other[name])) for name in one}
    return [name for name, (a, b) in pairs.items() if a.dtype != b.dtype or bits(a) != bits(b)]


def changes(before: LandmarkTable, after: LandmarkTable) -> list[str]:
    parts = [*differing(before.rows, after.rows), *differing(before.latest_used, after.latest_used)]
    return parts + (["digest"] if before.digest != after.digest else [])


def leak(world: World, landmark: float, kind: int | None = None) -> str:
    """What another future changed in a table; "" for nothing."""
    before, number = base_table(world, landmark), world.number
    try:
        after = table_at(another_future(world.trial, world.protocol, landmark, number, kind), world.protocol, landmark)
    except Refused as error:
        return f"{world}, landmark {landmark:g}: refused, {error}"
    found = changes(before, after)
    return f"{world}, landmark {landmark:g}: {', '.join(found)}" if found else ""


def first_leak(world: World) -> str:
    """The first landmark at which a table leaks; that of month 6 comes first."""
    order = sorted(world.landmarks, key=lambda landmark: abs(landmark - 6.0))
    return next((words for landmark in order if (words := leak(world, landmark))), "")


def remembered(world: World, landmark: float, forget=truncate) -> list[str]:
    """Tables of the truncated trial that another future changed."""
    before = forget(world.trial, world.protocol, landmark)
    after = forget(another_future(world.trial, world.protocol, landmark, world.number), world.protocol, landmark)
    return [name for name in TRIAL_TABLES if differing(getattr(before, name), getattr(after, name))]


# ---- the trials ------------------------------------------------------------------------------------------------------


def delivered(name: str, frame: pd.DataFrame) -> str:
    """A table as a centre sends it."""
    days = {column: frame[column].dt.strftime("%Y-%m-%d") for column in TABLES[name].of_kind("date")}
    whole = {column: frame[column].astype("Int64") for column in ("birth_year", "cycle") if column in frame}
    columns = frame.assign(**days, **whole).dropna(axis=1, how="all")
    return columns.to_csv(index=False)


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_contract_accepts_the_trials(origin):
    protocol = protocol_for(origin)
    tables = {name: block_tables(0, origin)[name] for name in TABLES}
    frames = {name: frame[trial < 16].reset_index(drop=True) for name, (frame, trial) in tables.items()}
    context = Context(frames, protocol, pd.Timestamp("2026-01-01"))
    for name, frame in frames.items():
        checked, findings = validate_table(read_delivery_table(delivered(name, frame), name), protocol["clock.origin"])
        findings += check_rules(checked, context)
        assert [str(finding) for finding in findings if finding.severity == "reject"] == []
        assert len(checked.frame) == len(frame)


def test_a_trial_is_always_the_same_one():
    one = random_trial(7, "surgery")
    block_tables.cache_clear()
    for name, frame in random_trial(7, "surgery").tables().items():
        pd.testing.assert_frame_equal(frame, getattr(one, name))
        assert len(frame) < len(block_tables(0, "surgery")[name][0])


@pytest.mark.parametrize("origin", ORIGINS)
def test_records_lie_where_rules_turn(origin):
    protocol = protocol_for(origin)
    whole = Trial(**{name: frame for name, (frame, _) in block_tables(0, origin).items()})
    for landmark in protocol["samples.landmark"]:
        closes = closing_dates(whole, protocol, landmark)
        for name, (column, _) in DATED.items():
            frame = getattr(whole, name)
            days = (frame[column] - closes.reindex(frame["patient_id"]).to_numpy()).dt.days
            assert {0, 1} <= {*days.dropna()}, name
    twice = whole.samples.duplicated(["patient_id", "collected_on", "specimen"])
    assert twice.mean() > 0.05
    assert whole.verdicts["sample_id"].duplicated().sum() > 20
    for name, column, values in [
        ("results", "comparator", {"=", "<", ">"}),
        ("results", "qc", {"fail"}),
        ("imaging", "modality", {"mri", "ct", "petct"}),
        ("imaging", "finding", {"clear", "equivocal", "recurrence"}),
        ("imaging", "adequate", {"yes", "no"}),
        ("verdicts", "verdict", {"pass", "repeat", "reject"}),
        ("followup", "status", {"alive", "dead"}),
    ]:
        assert values <= {*getattr(whole, name)[column].dropna()}, (name, column)


# ---- nothing after L(s) ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ORIGINS)
def test_truncation_forgets_every_later_record(origin):
    for world in unions(origin):
        for landmark in some_landmarks(world):
            assert remembered(world, landmark) == [], (world, landmark)


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_future_gives_the_same_table(origin):
    for world in unions(origin):
        for landmark in some_landmarks(world):
            assert leak(world, landmark) == ""


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_future_of_small_trials_gives_the_same_table(origin):
    for number in range(4):
        world = World(number, origin)
        assert leak(world, one_landmark(world)) == ""


@pytest.mark.slow
@pytest.mark.parametrize("origin", ORIGINS)
def test_thousands_of_trials_in_another_future(origin):
    """Every landmark; every kind of future alone and all of them together in turn."""
    found, forgotten = [], []
    kinds = (*range(len(FUTURES)), None)
    worlds = [*unions(origin, CAMPAIGN), *(World(number, origin) for number in ONE_BY_ONE)]
    for turn, world in enumerate(worlds):
        for step, landmark in enumerate(world.landmarks if world.version else [one_landmark(world)]):
            found += [words] if (words := leak(world, landmark, kinds[(turn + step) % len(kinds)])) else []
            forgotten += [(world, landmark, names)] if (names := remembered(world, landmark)) else []
    assert (found, forgotten) == ([], [])


# ---- what is known does count ----------------------------------------------------------------------------------------


def without_days(trial: Trial, days: pd.Series) -> Trial:
    """Nothing happened to some patients on one day of each (by ``patient_id``)."""
    frames = {}
    for name, (column, _) in DATED.items():
        frame = getattr(trial, name)
        frames[name] = frame[frame[column] != frame["patient_id"].map(days)].reset_index(drop=True)
    return trial.replace(**frames)


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_record_that_a_stamp_names_does_count(origin):
    """Without the records of the day of a stamp, one patient for each group of stamps, the stamp is another one."""
    turned: set[str] = set()
    world = World(0, origin, "1.0")
    before, chosen = base_table(world, 12.0), {}
    for group in before.latest_used:
        dated = before.latest_used[group].dropna()
        dated = dated[~dated.index.isin(list(chosen))]
        chosen |= {dated.index[-1]: (group, dated.iloc[-1])} if len(dated) else {}
    days = pd.Series({patient: day for patient, (_, day) in chosen.items()})
    after = table_at(without_days(world.trial, days), world.protocol, 12.0)
    others = ~before.rows.index.isin(list(chosen))
    stay = before.rows.index[others]
    assert differing(before.rows.loc[stay], after.rows.reindex(stay).astype(before.rows.dtypes)) == []
    for patient, (group, day) in chosen.items():
        gone = patient not in after.rows.index
        assert gone or after.latest_used.loc[patient, group] != day, (world, group, patient)
        same = not gone and before.rows.loc[patient].equals(after.rows.loc[patient])
        turned |= set() if same else {group}
    assert turned >= {"netest", "netest_preop", "cga", "urine", "imaging", "prrt"}


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_last_day_of_the_landmark_counts(origin):
    """Columns rest on records of exactly the last day, none on later ones."""
    on_last_day: set[str] = set()
    for world in unions(origin, (0,)):
        for landmark in (0.0, 12.0):
            stamps = base_table(world, landmark).latest_used
            closes = closing_dates(world.trial, world.protocol, landmark).reindex(stamps.index)
            assert not stamps.gt(closes, axis=0).any(axis=None)
            on_last_day |= {*stamps.columns[stamps.eq(closes, axis=0).any()]}
    assert on_last_day >= {"netest", "cga", "urine", "imaging"}


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_value_of_the_landmark_sample_counts(origin):
    """Another score in every landmark sample of every second patient changes their rows and no other."""
    world = World(0, origin, "1.0")
    before, trial = base_table(world, 12.0), world.trial
    chosen = before.rows.index[before.rows["has_landmark_blood"].astype(bool)][::2]
    day = before.latest("netest_last").reindex(chosen)
    drawn_then = trial.samples["collected_on"] == trial.samples["patient_id"].map(day)
    of_sample = trial.results["sample_id"].isin(trial.samples.loc[drawn_then, "sample_id"])
    where = of_sample & trial.results["analyte"].str.startswith("netest")
    value = trial.results["value"].mask(where, 61.5)
    after = table_at(trial.replace(results=trial.results.assign(value=value)), world.protocol, 12.0)
    others = before.rows.index.difference(chosen, sort=False)
    assert differing(before.rows.loc[others], after.rows.loc[others]) == []
    assert len(chosen) > 10
    assert (after.rows.loc[chosen, "netest_last"] != before.rows.loc[chosen, "netest_last"]).all()


def test_every_column_is_put_to_the_test():
    """A column that is the same for everybody would pass any test of change."""
    worlds = [world for origin in ORIGINS for world in unions(origin, (0,))]
    tables = [base_table(world, 12.0).rows for world in worlds] + [base_table(WITNESS, 36.0).rows]
    rows = pd.concat([rows.astype(object) for rows in tables])
    dull = {name for name in FEATURES if rows[name].nunique() < 2}
    without_wells = {f"gene_{gene}" for gene in protocol_for("surgery").panel.genes if gene not in GENES}
    not_scheduled = {"sample_day_30_blood", "sample_day_30_urine"}
    assert dull == without_wells | not_scheduled


# ---- what else must not matter ---------------------------------------------------------------------------------------


# Means and sums over wells of a plate: another order of addition may change the last bit.
OVER_WELLS = [name for name in FEATURES if name.startswith(("gene_", "netest_deviation"))]


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_order_of_rows_is_irrelevant(origin):
    world = World(0, origin, "1.0")
    other = shuffled(world.trial, np.random.default_rng(world.number))
    before, after = base_table(world, 12.0), table_at(other, world.protocol, 12.0)
    assert set(before.rows.index) == set(after.rows.index)
    ordered = after.rows.loc[before.rows.index]
    assert set(differing(before.rows, ordered)) <= {*OVER_WELLS}, world
    pd.testing.assert_frame_equal(ordered[OVER_WELLS], before.rows[OVER_WELLS], rtol=0, atol=1e-12)
    assert differing(before.latest_used, after.latest_used.loc[before.rows.index]) == [], world


@pytest.mark.parametrize("origin", ORIGINS)
def test_patients_are_independent(origin):
    """The companion of a trial stays: it carries what holds trial-wide (version, whether visits are named)."""
    draw = np.random.default_rng(3)
    worlds = [*unions(origin, (0,)), *(World(number, origin) for number in (1, 2, 3))]
    for world in worlds:
        before, everyone = base_table(world, 12.0), world.trial.patients["patient_id"]
        few = everyone[(draw.random(len(everyone)) < 0.4) | everyone.isin(companions(world.trial))]
        after = table_at(reduced(world.trial, few), world.protocol, 12.0)
        kept = before.rows.index[before.rows.index.isin(few)]
        assert differing(before.rows.loc[kept], after.rows) == [], world
        assert differing(before.latest_used.loc[kept], after.latest_used) == [], world


def companions(trial: Trial) -> pd.Series:
    """First patient of each trial that has one (four in five)."""
    number = trial.patients["patient_id"].str[1:3].astype(int)
    return trial.patients["patient_id"][~number.duplicated() & (number % 5 > 0)]


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_calendar_moves_stamps_only(origin):
    """Age counts calendar years, so it is set aside."""
    draw = np.random.default_rng(4)
    world = World(0, origin, "1.0")
    trial, before = world.trial, base_table(world, 12.0)
    days = pd.Series(draw.integers(-700, 700, len(trial.patients)), index=trial.patients["patient_id"])
    after = table_at(moved(trial, days), world.protocol, 12.0)
    assert differing(before.rows.drop(columns="age"), after.rows.drop(columns="age")) == [], world
    shift = pd.to_timedelta(days.reindex(before.rows.index), unit="D")
    assert differing(before.latest_used.add(shift, axis=0), after.latest_used) == [], world


# ---- strict ----------------------------------------------------------------------------------------------------------


LATER = {
    "samples": {"sample_id": "late", "specimen": "blood"},
    "imaging": {"modality": "mri", "adequate": "yes", "finding": "clear"},
    "lesions": {"lesion": "z"},
    "treatments": {"kind": "ssa"},
    "quality_of_life": {"scale": "s"},
    "adverse_events": {"term": "x", "grade": "1"},
}


def refusals(world: World) -> list[str]:
    """Tables of which one later record was not refused by name of table and patient."""
    protocol, landmark, draw = world.protocol, one_landmark(world), np.random.default_rng(world.number)
    closed = truncate(world.trial, protocol, landmark)
    closes = closing_dates(world.trial, protocol, landmark).dropna()
    missed = []
    for name in DATED:
        patient = draw.choice(closes.index.to_numpy(dtype=object))
        when = closes[patient] + pd.Timedelta(days=int(draw.choice([1, 2, 500])))
        frame = appended(getattr(closed, name), {"patient_id": [patient], DATED[name][0]: [when]} | LATER[name])
        try:
            landmark_table(closed.replace(**{name: frame}), protocol, landmark)
            missed.append(name)
        except LeakageError as error:
            (finding,) = error.findings
            if (finding.code, finding.file) != ("L101", name) or f"patient {patient}" not in str(finding):
                missed.append(name)
    return missed


@pytest.mark.parametrize("origin", ORIGINS)
def test_each_later_record_is_refused_by_name(origin):
    for number in range(15):
        assert refusals(World(number, origin)) == [], number


ENDS = [("followup", "last_seen_on"), ("followup", "died_on"), ("treatments", "ended_on")]


@pytest.mark.parametrize(("name", "column"), ENDS)
def test_a_later_end_is_refused_by_name(name, column):
    for number in range(15):
        world = World(number, "surgery")
        protocol, landmark = world.protocol, one_landmark(world)
        closed, closes = truncate(world.trial, protocol, landmark), closing_dates(world.trial, protocol, landmark)
        frame = getattr(closed, name).copy()
        place = number % len(frame)
        patient = frame["patient_id"].iloc[place]
        frame.iloc[place, frame.columns.get_loc(column)] = closes[patient] + pd.Timedelta(days=1)
        with pytest.raises(LeakageError) as refused:
            landmark_table(closed.replace(**{name: frame}), protocol, landmark)
        assert [(f.code, f.file, f.column) for f in refused.value.findings] == [("L101", name, column)]
        assert f"patient {patient}" in str(refused.value)


@pytest.mark.parametrize("name", DATED)
def test_a_guard_that_forgets_a_table_is_caught(monkeypatch, name):
    monkeypatch.setattr(guards, "DATED", {key: value for key, value in DATED.items() if key != name})
    assert refusals(World(1, "surgery")) == [name]


# ---- a leak would be seen --------------------------------------------------------------------------------------------


def forgetful(name: str):
    """A truncation that forgets one table (samples: with everything that hangs on them)."""
    kept = ("samples", "results", "wells", "verdicts", "controls") if name == "samples" else (name,)

    def shortened(trial, protocol, landmark):
        whole = {table_name: getattr(trial, table_name) for table_name in kept}
        return truncate(trial, protocol, landmark).replace(**whole)

    return shortened


def counting(name: str):
    """Treatment columns of which one counts what it should not know: all rows of a table."""

    def block(view):
        frame, own = getattr(view.trial, name), treatment_block(view)
        count = frame["patient_id"].value_counts().reindex(view.index).astype("float64")
        return Block(own.columns.assign(days_since_prrt=count), own.stamps)

    return block


@pytest.fixture
def unguarded(monkeypatch):
    """Landmark tables of a given truncation, with the guard asleep; the tables drawn before are put aside."""

    def use(forget):
        base_table.cache_clear()
        monkeypatch.setattr(table, "truncate", forget)
        monkeypatch.setattr(table, "assert_closed", lambda *_: None)

    yield use
    base_table.cache_clear()


@pytest.mark.parametrize("name", [name for name in TRIAL_TABLES if name != "patients"])
def test_a_truncation_that_forgets_a_table_is_seen(name):
    assert name in remembered(WITNESS, 6.0, forgetful(name))


def test_a_truncation_that_keeps_later_dates_of_earlier_records_is_seen(monkeypatch):
    dates_only = {name: (column, ()) for name, (column, _) in DATED.items()}
    monkeypatch.setattr("features.truncate.DATED", dates_only)
    assert remembered(WITNESS, 6.0) == ["samples", "treatments"]


@pytest.mark.parametrize("name", ["samples", "imaging", "followup"])
def test_a_table_from_a_forgetful_truncation_is_caught(unguarded, name):
    """Columns on treatments look no further than their sample, so they do not change even then."""
    unguarded(forgetful(name))
    assert first_leak(WITNESS)


@pytest.mark.parametrize("name", DATED)
def test_a_column_that_counts_later_records_is_caught(unguarded, monkeypatch, name):
    blocks = tuple(counting(name) if block is treatment_block else block for block in table.BLOCKS)
    monkeypatch.setattr(table, "BLOCKS", blocks)
    if name == "samples":
        unguarded(truncate)
        assert leak(WITNESS, 6.0) == ""
    unguarded(forgetful(name))
    assert any(word in leak(WITNESS, 6.0) for word in ("days_since_prrt", "refused"))


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_day_too_much_is_caught(unguarded, monkeypatch, origin):
    def next_day(trial, protocol, landmark):
        return closing_dates(trial, protocol, landmark) + pd.Timedelta(days=1)

    monkeypatch.setattr("features.truncate.closing_dates", next_day)
    unguarded(truncate)
    assert first_leak(World(0, origin, "1.0"))
