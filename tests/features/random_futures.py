"""Other worlds of a trial: another future after L(s), other order, other calendar, fewer patients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import TRIAL_TABLES, Trial, table_columns
from features.truncate import DATED, closing_dates

BY_SAMPLE = ("results", "wells", "verdicts")
NO_DAY = np.datetime64("NaT", "ns")


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy with texts instead of categories."""
    texts = {name: object for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    return frame.astype(texts) if texts else frame.copy()


def appended(frame: pd.DataFrame, columns: dict[str, object]) -> pd.DataFrame:
    """More rows at the end of a table, with its types; columns that are not given are empty in them."""
    frame = plain(frame)
    rows = max(len(values) for values in columns.values() if not isinstance(values, str | float))
    whole = {}
    for name in frame:
        old = frame[name].to_numpy()
        nothing = {"M": NO_DAY, "f": np.nan, "b": False}.get(old.dtype.kind)
        new = np.empty(rows, dtype=old.dtype)
        new[:] = columns.get(name, nothing)
        whole[name] = np.concatenate([old, new])
    return pd.DataFrame(whole)


@dataclass
class Late:
    """What of a trial is dated after L(s), as masks aligned with the rows of each table."""

    trial: Trial
    closes: pd.Series
    draw: np.random.Generator

    def limit(self, table: str) -> np.ndarray:
        """L(s) of the patient of each row."""
        frame = getattr(self.trial, table)
        if table in BY_SAMPLE:
            owner = self.trial.samples.set_index("sample_id")["patient_id"]
            return self.closes.reindex(owner.reindex(frame["sample_id"].astype(object))).to_numpy()
        return self.closes.reindex(frame["patient_id"].to_numpy()).to_numpy()

    @cached_property
    def samples(self) -> set[str]:
        """Samples drawn after L(s)."""
        return set(self.trial.samples.loc[self.rows("samples"), "sample_id"])

    @cached_property
    def plates(self) -> set[str]:
        """Plates that hold a sample which is not late, as far as any table says."""
        named = [getattr(self.trial, table) for table in BY_SAMPLE]
        return {
            plate
            for rows in named
            for plate in rows.loc[rows["sample_id"].notna() & ~rows["sample_id"].isin(self.samples), "plate"].dropna()
        }

    def rows(self, table: str) -> np.ndarray:
        """Rows of a table that lie after L(s)."""
        frame = getattr(self.trial, table)
        if table in DATED:
            return frame[DATED[table][0]].to_numpy() > self.limit(table)
        if table == "controls":
            return ~frame["plate"].isin(self.plates).to_numpy()
        late = frame["sample_id"].isin(self.samples).to_numpy()
        if table == "wells":
            late |= frame["sample_id"].isna().to_numpy() & ~frame["plate"].isin(self.plates).to_numpy()
        return late

    def some(self, mask: np.ndarray, share: float = 0.5) -> np.ndarray:
        return mask & (self.draw.random(len(mask)) < share)

    def put(self, frame: pd.DataFrame, column: str, where: np.ndarray, *values: object) -> None:
        """Replace cells by values picked at random."""
        old = frame[column].to_numpy(copy=True)
        old[where] = np.array(values, dtype=old.dtype)[self.draw.integers(0, len(values), int(where.sum()))]
        frame[column] = old

    def numbers(self, frame: pd.DataFrame, column: str, where: np.ndarray, low: float, high: float) -> None:
        frame[column] = np.where(where, self.draw.uniform(low, high, len(frame)), frame[column])

    def later(self, limit: np.ndarray) -> np.ndarray:
        """A day after L(s): often the next one."""
        days = np.where(self.draw.random(len(limit)) < 0.3, 1, self.draw.integers(1, 700, len(limit)))
        return limit + days.astype("timedelta64[D]")

    def redate(self, frame: pd.DataFrame, column: str, where: np.ndarray, limit: np.ndarray) -> None:
        frame[column] = np.where(where, self.later(limit), frame[column].to_numpy())

    def unknown_or_later(self, frame: pd.DataFrame, column: str, limit: np.ndarray) -> None:
        """Another later date, or none, where nothing up to L(s) is known."""
        free = ~(frame[column].to_numpy() <= limit) & ~np.isnat(limit)
        day = np.where(self.draw.random(len(frame)) < 0.4, NO_DAY, self.later(limit))
        frame[column] = np.where(free, day, frame[column].to_numpy())


def deleted(late: Late) -> Trial:
    """Half of the later records never happened."""
    frames = {}
    for name in (*DATED, *BY_SAMPLE, "controls"):
        gone = late.some(late.rows(name))
        frames[name] = getattr(late.trial, name)[~gone].reset_index(drop=True)
    known = set(frames["samples"]["sample_id"])
    frames["results"] = frames["results"][frames["results"]["sample_id"].isin(known)].reset_index(drop=True)
    return late.trial.replace(**frames)


def _changed_laboratory(late: Late) -> dict[str, pd.DataFrame]:
    frames = {name: plain(getattr(late.trial, name)) for name in ("samples", *BY_SAMPLE, "controls")}
    change = {name: late.some(late.rows(name), 0.8) for name in frames}
    samples, results, where = frames["samples"], frames["results"], change["samples"]
    late.redate(samples, "collected_on", where, late.limit("samples"))
    late.put(samples, "specimen", where, "blood", "urine")
    late.put(samples, "visit", where, "baseline", "month_6", "month_12", "month_36", "unscheduled")
    late.put(samples, "ssa", where, "yes", "no", None)
    for column in ("received_on", "frozen_on"):
        late.unknown_or_later(samples, column, late.limit("samples"))
    late.unknown_or_later(results, "reported_on", late.limit("results"))
    where = change["results"]
    late.numbers(results, "value", where, 0, 100)
    for column, values in {
        "analyte": ("netest_activity", "netest_diagnostic", "cga", "5hiaa", "creatinine", "mystery"),
        "version": ("1.0", "2.0", "9.9", "24h", "spot"),
        "unit": ("score", "bucket", "mg/L"),
        "qc": ("fail", None),
        "comparator": ("<", ">", None),
        "plate": ("later", None),
    }.items():
        late.put(results, column, where, *values)
    late.numbers(frames["controls"], "value", change["controls"], 0, 100)
    late.numbers(frames["wells"], "cq", change["wells"], 15, 39)
    late.put(frames["wells"], "state", change["wells"], "value", "undetermined")
    late.put(frames["wells"], "task", change["wells"], "unknown", "standard", "positive_control")
    late.put(frames["verdicts"], "verdict", change["verdicts"], "pass", "repeat", "reject")
    late.numbers(frames["verdicts"], "reference_cq", change["verdicts"], 15, 39)
    return frames


def changed(late: Late) -> Trial:
    """Most later records say something else, at another later day."""
    frames = _changed_laboratory(late)
    for name in ("imaging", "lesions", "treatments", "adverse_events", "quality_of_life"):
        frames[name] = getattr(late.trial, name).copy()
        late.redate(frames[name], DATED[name][0], late.some(late.rows(name), 0.8), late.limit(name))
    where = late.some(late.rows("imaging"), 0.8)
    late.put(frames["imaging"], "finding", where, "clear", "equivocal", "recurrence", None)
    late.put(frames["imaging"], "adequate", where, "yes", "no")
    late.put(frames["imaging"], "modality", where, "mri", "ct", "petct")
    late.put(frames["imaging"], "scheduled_month", where, 3.0, 6.0, 12.0, 36.0, np.nan)
    where = late.some(late.rows("treatments"), 0.8)
    late.put(frames["treatments"], "kind", where, "prrt", "ssa", "chemotherapy", "other")
    late.unknown_or_later(frames["treatments"], "ended_on", late.limit("treatments"))
    late.put(frames["lesions"], "state", late.rows("lesions"), "progressed", "absent", "measured")
    late.put(frames["lesions"], "role", late.rows("lesions"), "target", "new")
    late.numbers(frames["quality_of_life"], "value", late.rows("quality_of_life"), 0, 100)
    late.put(frames["adverse_events"], "grade", late.rows("adverse_events"), *"12345")
    return late.trial.replace(**frames)


def added(late: Late) -> Trial:
    """New records of every table after L(s), on new plates and on those that are there."""
    trial, draw, rows = late.trial, late.draw, 2 * len(late.closes)
    closes = late.closes.dropna()
    who = draw.choice(closes.index.to_numpy(dtype=object), rows)
    limit = closes.reindex(who).to_numpy()
    when, ids = late.later(limit), [f"NEW-{number}" for number in range(rows)]
    plates = np.array(["new-plate", *sorted(late.plates)], dtype=object)
    plate, analytes = draw.choice(plates, rows), ["netest_activity", "netest_diagnostic", "cga", "5hiaa", "creatinine"]
    laboratory = {"sample_id": ids, "plate": plate}
    patient = {"patient_id": who}
    new = {
        "samples": patient
        | {
            "sample_id": ids,
            "collected_on": when,
            "specimen": draw.choice(["blood", "urine"], rows),
            "visit": draw.choice(["month_6", "month_12", "unscheduled"], rows),
            "ssa": draw.choice(["yes", "no"], rows),
        },
        "results": laboratory
        | {
            "analyte": draw.choice(analytes, rows),
            "value": draw.uniform(0, 100, rows),
            "unit": "score",
            "version": draw.choice(["1.0", "2.0", "spot"], rows),
            "reported_on": when,
        },
        "wells": laboratory
        | {
            "target": draw.choice(["ALG9", "KRAS"], rows),
            "task": "unknown",
            "cq": draw.uniform(20, 35, rows),
            "state": "value",
            "row": np.arange(rows),
        },
        "verdicts": laboratory | {"verdict": draw.choice(["pass", "reject"], rows), "reference_cq": 25.0},
        "controls": {"plate": ["new-plate"], "control": "LOW", "nominal": 15.0, "value": 90.0, "unit": "score"},
        "imaging": patient
        | {
            "scan_on": when,
            "modality": draw.choice(["mri", "ct", "petct"], rows),
            "adequate": "yes",
            "finding": draw.choice(["clear", "equivocal", "recurrence"], rows),
            "scheduled_month": draw.choice([3.0, 6, 12, 36, np.nan], rows),
        },
        "lesions": patient | {"scan_on": when, "lesion": "z", "role": "new", "state": "present"},
        "treatments": patient | {"kind": draw.choice(["prrt", "ssa", "chemotherapy"], rows), "started_on": when},
        "adverse_events": patient | {"started_on": when, "term": "x", "grade": "3"},
        "quality_of_life": patient | {"assessed_on": when, "instrument": "Q", "scale": "s", "value": 1.0},
    }
    return trial.replace(**{name: appended(getattr(trial, name), columns) for name, columns in new.items()})


def followed(late: Late) -> Trial:
    """Other last contacts and deaths after L(s).

    Whoever was still seen when L(s) closed may be seen for longer; whoever was not, stays so; any later death may
    happen or not.
    """
    followup = late.trial.followup.copy()
    limit = late.limit("followup")
    seen = followup["last_seen_on"].to_numpy() >= limit
    late.redate(followup, "last_seen_on", late.some(seen, 0.8), limit)
    over = (followup["status"] == "dead").to_numpy() & ~(followup["died_on"].to_numpy() > limit)
    die = late.some(~over & ~np.isnat(limit), 0.5)
    live = late.some(~over & ~die & ~np.isnat(limit), 0.7)
    died_on = np.where(die, late.later(limit), followup["died_on"].to_numpy())
    followup["died_on"] = np.where(live, NO_DAY, died_on)
    late.put(followup, "status", die, "dead")
    late.put(followup, "status", live, "alive")
    late.put(followup, "death_cause", die | live, "tumour", None)
    return late.trial.replace(followup=followup)


def everything(trial: Trial, closes: pd.Series, draw: np.random.Generator) -> Trial:
    """Records deleted, changed and added, and another follow-up, in one future."""
    for future in (deleted, changed, added, followed):
        trial = future(Late(trial, closes, draw))
    return trial


FUTURES = (deleted, changed, added, followed)


def another_future(trial: Trial, protocol: Protocol, landmark: float, seed: int, kind: int | None = None) -> Trial:
    """A trial with the same records up to L(s); of one kind, or of all."""
    closes, draw = closing_dates(trial, protocol, landmark), np.random.default_rng(seed)
    return everything(trial, closes, draw) if kind is None else FUTURES[kind](Late(trial, closes, draw))


def shuffled(trial: Trial, draw: np.random.Generator) -> Trial:
    """Rows in another order; of one sample, the plates keep the order in which they were loaded."""
    frames = {}
    for name in TRIAL_TABLES:
        frame = getattr(trial, name)
        if name in ("wells", "verdicts"):
            key = frame["sample_id"].astype(object).where(frame["sample_id"].notna(), frame["plate"].astype(object))
            load = frame["plate"].groupby([key, frame["plate"]], observed=True).ngroup()
            first = pd.Series(np.arange(len(frame)), index=frame.index).groupby(load).transform("min")
            number = pd.Series(draw.permutation(len(frame))).reindex(pd.factorize(key)[0]).to_numpy()
            order = np.lexsort([draw.random(len(frame)), first, number])
        else:
            order = draw.permutation(len(frame))
        frames[name] = frame.iloc[order].reset_index(drop=True)
    return trial.replace(**frames)


def moved(trial: Trial, days: pd.Series) -> Trial:
    """All dates of each patient later by some days (by ``patient_id``)."""
    owner = trial.samples.set_index("sample_id")["patient_id"]
    frames = {}
    for name in TRIAL_TABLES:
        columns = [column for column, kind in table_columns(name).items() if kind == "date"]
        frame = getattr(trial, name)
        if columns:
            who = frame["sample_id"].map(owner) if name == "results" else frame["patient_id"]
            shift = pd.to_timedelta(who.map(days).to_numpy(dtype="float64"), unit="D").to_numpy()
            frames[name] = frame.assign(**{column: frame[column].to_numpy() + shift for column in columns})
    return trial.replace(**frames)


def reduced(trial: Trial, patients: pd.Index) -> Trial:
    """Some patients only; control wells and controls of plates stay."""
    frames = {}
    samples = trial.samples[trial.samples["patient_id"].isin(patients)]
    for name, frame in trial.tables().items():
        if "patient_id" in frame:
            frames[name] = frame[frame["patient_id"].isin(patients)].reset_index(drop=True)
        elif name in BY_SAMPLE:
            kept = frame["sample_id"].isin(samples["sample_id"]) | frame["sample_id"].isna()
            frames[name] = frame[kept].reset_index(drop=True)
    return trial.replace(**frames)
