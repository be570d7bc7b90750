"""Random trials that the delivery contract accepts: small, full of odd cases, fast to draw.

Trials are drawn in blocks of ``BLOCK``, all tables at once, so that thousands cost seconds; trial number *n* of a
protocol is always the same one (``random_trial``). Most records lie where rules turn: on the last day of L(s), the day
after it, at the edges of sample windows and visits, several on one day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from data.protocol import Protocol, Record, load_protocol
from data.trial import TRIAL_TABLES, Trial, typed
from features.clock import closing_day, closing_visit

BLOCK = 50
EPOCH = np.datetime64("2012-01-01", "ns")
GENES = ("KRAS", "MKI67", "SSTR1", "CD59", "ALG9", "ATG4B")
ORIGINS = ("surgery", "randomisation", "first_treatment")
# Logarithm of the middle of an analyte in its canonical unit, and its spread; 2.0 and 0.9 for the others.
MIDDLE = {"cga": 4.5, "5hiaa": 3.5, "collection_hours": 3.17, "urine_volume": 7.3}
SPREAD = {"collection_hours": 0.15, "urine_volume": 0.5}

SHARES = {"pancreastatin": 0.05, "creatinine": 0.85, "5hiaa": 0.9, "cga": 0.7}


@lru_cache
def protocol_for(origin: str) -> Protocol:
    """Protocol whose clock starts there: the trial's own, that of advanced disease (randomisation), or a variant.

    What is not known yet is a number here, so that every column that rests on it is filled.
    """
    protocol = load_protocol("advanced" if origin == "randomisation" else None)
    values = {name: 0.3 for name, record in protocol.records.items() if record.value == "not estimable"}
    values |= {"clock.origin": origin, "expression.calibrator_nominal": {"KRAS": 3.0, "MKI67": 2.0}}
    records = {name: Record(name, value, "", "test", "assumed", "") for name, value in values.items()}
    return replace(protocol, records=protocol.records | records)


@dataclass
class Cohort:
    """The patients of one block as arrays; days count from ``EPOCH``, ``base`` is time zero (or a day near it)."""

    draw: np.random.Generator
    protocol: Protocol
    trial: np.ndarray
    names: np.ndarray
    companion: np.ndarray
    surgery: np.ndarray
    randomised: np.ndarray
    arm: np.ndarray
    course: np.ndarray
    base: np.ndarray
    death: np.ndarray
    version: np.ndarray

    def chance(self, rows: int, share: float) -> np.ndarray:
        return self.draw.random(rows) < share

    def pick(self, rows: int, *values: object) -> np.ndarray:
        return np.array(values, dtype=object)[self.draw.integers(0, len(values), rows)]

    def maybe(self, values: np.ndarray, share: float) -> np.ndarray:
        """Numbers, some of them missing."""
        return np.where(self.chance(len(values), share), values, np.nan)

    def turning_days(self, rows: int) -> np.ndarray:
        """Days from time zero at which a rule turns."""
        days = [0.0, 1.0]
        for landmark in self.protocol["samples.landmark"]:
            nominal, last = landmark * self.protocol.month_days, np.floor(closing_day(self.protocol, landmark))
            first = np.ceil(nominal - self.protocol["samples.window_days"][f"{landmark:g}"])
            days += [last, last, last, last + 1, last + 1, last - 1, first, first - 1, np.round(nominal)]
        return self.draw.choice(days, rows)

    def some_days(self, who: np.ndarray) -> np.ndarray:
        """Days around the study of some patients, most of them turning days."""
        anywhere = self.draw.integers(-90, 1300, len(who))
        return self.base[who] + np.where(self.chance(len(who), 0.6), self.turning_days(len(who)), anywhere)

    def some(self, mean: float) -> np.ndarray:
        """Patients, each a random number of times."""
        return np.repeat(np.arange(len(self.trial)), self.draw.poisson(mean, len(self.trial)))

    def visits(self, months: list[float], share: float, spread: int) -> pd.DataFrame:
        """Visits that patients kept: ``who, month, day``; that of month 0 lies around surgery."""
        who, month = (part.ravel() for part in np.meshgrid(np.arange(len(self.trial)), months, indexing="ij"))
        day = self.base[who] + np.round(month * self.protocol.month_days)
        day += self.draw.integers(-spread, spread + 1, len(who))
        before = self.surgery[who] - self.draw.integers(-2, 50, len(who))
        table = pd.DataFrame({"who": who, "month": month, "day": np.where((month == 0) & (before > 0), before, day)})
        return table[self.chance(len(who), share)]

    def alive(self, table: pd.DataFrame) -> pd.DataFrame:
        """Records up to death, with the pseudonym, in the order of the trials."""
        kept = table[~(table["day"].to_numpy() > self.death[table["who"]])]
        kept = kept.assign(trial=self.trial[kept["who"]], patient_id=self.names[kept["who"]])
        return kept.sort_values("trial", kind="stable", ignore_index=True)


def dates(days: np.ndarray | pd.Series) -> np.ndarray:
    """Calendar days from days since ``EPOCH``; NaN for none."""
    days = np.asarray(days, dtype="float64")
    whole = np.where(np.isnan(days), 0, days).astype("timedelta64[D]").astype("timedelta64[ns]")
    return np.where(np.isnan(days), np.datetime64("NaT", "ns"), EPOCH + whole)


def _cohort(block: int, protocol: Protocol) -> Cohort:
    """Who takes part. Four trials in five have a companion: an ordinary patient (see ``_add_companions``)."""
    draw = np.random.default_rng([2026, block])
    trial = np.repeat(np.arange(BLOCK), draw.integers(4, 15, BLOCK))
    rows, origin = len(trial), protocol["clock.origin"]
    companion = np.r_[True, trial[1:] != trial[:-1]] & (trial % 5 > 0)
    odd = ~companion
    surgery = draw.integers(100, 1500, rows).astype("float64")
    randomised = surgery + draw.integers(28, 71, rows)
    arm = np.where((draw.random(rows) < 0.5) & odd, "prrt", "control").astype(object)
    if origin == "randomisation":
        surgery = np.where(odd & (draw.random(rows) < 0.1), surgery + 90, surgery)
        surgery = np.where(odd & (draw.random(rows) < 0.2), np.nan, surgery)
    else:
        randomised = np.where(odd & (draw.random(rows) < 0.1), np.nan, randomised)
    arm[np.isnan(randomised) | (odd & (draw.random(rows) < 0.04))] = None
    treated = (arm == "prrt") & (draw.random(rows) < 0.85)
    course = np.where(treated, randomised + draw.integers(0, 30, rows), np.nan)
    start = course if origin == "first_treatment" else randomised
    start = surgery if origin == "surgery" else start
    base = np.where(np.isnan(start), np.fmax(surgery, randomised), start)
    numbers = draw.permutation(100 * rows)[:rows]
    names = np.array([f"T{one:02d}-{number:06d}" for one, number in zip(trial, numbers, strict=True)], dtype=object)
    version = draw.choice(np.array(list(protocol.assays), dtype=object), BLOCK)
    fields = (trial, names, companion, surgery, randomised, arm, course, base, np.full(rows, np.nan), version)
    cohort = Cohort(draw, protocol, *fields)
    lived = np.where(cohort.chance(rows, 0.5), cohort.turning_days(rows), draw.integers(30, 1400, rows))
    cohort.death = np.where(odd & cohort.chance(rows, 0.25), base + np.maximum(lived, 1), np.nan)
    cohort.course = np.where(course > cohort.death, np.nan, course)
    return cohort


def _patients(cohort: Cohort) -> pd.DataFrame:
    rows, draw, pick = len(cohort.trial), cohort.draw, cohort.pick
    operated = np.where(np.isnan(cohort.surgery), cohort.base, cohort.surgery)
    consented = np.fmin(operated, cohort.randomised) - draw.integers(1, 60, rows)
    return pd.DataFrame(
        {
            "trial": cohort.trial,
            "patient_id": cohort.names,
            "site": pick(rows, "A", "B", "C"),
            "sex": pick(rows, "F", "M"),
            "birth_year": draw.integers(1935, 1985, rows),
            "surgery_on": dates(cohort.surgery),
            "randomised_on": dates(cohort.randomised),
            "arm": cohort.arm,
            "primary_site": pick(rows, "ileum", "pancreas", "jejunum"),
            "grade": pick(rows, "G1", "G2"),
            "ki67_pct": cohort.maybe(draw.integers(0, 21, rows), 0.8),
            "margin": pick(rows, "R0", "R1"),
            "n_liver_metastases": cohort.maybe(draw.integers(1, 12, rows), 0.8),
            "nodal_status": pick(rows, "N0", "N1", None),
            "functional": pick(rows, "yes", "no", None),
            "ppi": pick(rows, "yes", "no", None),
            "egfr": cohort.maybe(draw.integers(30, 110, rows), 0.7),
            "consent_on": dates(consented),
            "haemoglobin_g_dl": draw.integers(8, 17, rows),
            "mri_on": dates(operated - draw.integers(1, 80, rows)),
        }
    )


def _followup(cohort: Cohort) -> pd.DataFrame:
    """One row for nearly every patient: many lost exactly when a landmark closes."""
    rows, death = len(cohort.trial), cohort.death
    days = np.where(cohort.chance(rows, 0.35), cohort.turning_days(rows), cohort.draw.integers(200, 1600, rows))
    seen = cohort.base + np.where(cohort.companion, 1500, np.maximum(days, 0))
    dead = ~np.isnan(death)
    last = np.where(cohort.chance(rows, 0.6), death, np.fmin(death, seen))
    table = pd.DataFrame(
        {
            "trial": cohort.trial,
            "patient_id": cohort.names,
            "last_seen_on": dates(np.where(dead, last, seen)),
            "status": np.where(dead, "dead", "alive"),
            "died_on": dates(death),
            "death_cause": np.where(dead, cohort.pick(rows, "tumour", "other", None), None),
        }
    )
    return table[cohort.companion | ~cohort.chance(rows, 0.03)]


def _samples(cohort: Cohort) -> pd.DataFrame:
    """Samples at their visits, on turning days, and several on one day; companions' own sample comes last."""
    names = {month: name for name, month in cohort.protocol["calendar.sample_month"].items()}
    planned = [
        cohort.visits(list(names), share, 28).assign(specimen=specimen)
        for specimen, share in (("blood", 0.75), ("urine", 0.6))
    ]
    extra = cohort.some(4.0)
    other = pd.DataFrame({"who": extra, "day": cohort.some_days(extra)})
    other = other.assign(
        month=cohort.pick(len(extra), *names, np.nan), specimen=cohort.pick(len(extra), "blood", "urine")
    )
    table = pd.concat([*planned, other], ignore_index=True)
    twins = table[cohort.chance(len(table), 0.15)]
    table = pd.concat([twins.assign(month=np.nan), table], ignore_index=True)
    own = np.flatnonzero(cohort.companion)
    table = pd.concat(
        [table, pd.DataFrame({"who": own, "day": cohort.surgery[own] - 5, "month": 0, "specimen": "blood"})],
        ignore_index=True,
    )
    rows, day = len(table), table["day"].to_numpy()
    received = day + np.where(cohort.chance(rows, 0.1), 400, cohort.draw.integers(0, 4, rows))
    received = cohort.maybe(received, 0.7)
    table = table.assign(
        own=np.arange(rows) >= rows - len(own),
        sample_id=[f"S{number:06d}" for number in cohort.draw.permutation(10 * rows)[:rows]],
        visit=table["month"].map(names).fillna("unscheduled"),
        collected_on=dates(day),
        received_on=dates(received),
        frozen_on=dates(cohort.maybe(np.fmax(received, day) + 1, 0.5)),
        ssa=cohort.pick(rows, "yes", "no", None),
    )
    return cohort.alive(table)


def _analytes(cohort: Cohort, samples: pd.DataFrame) -> pd.DataFrame:
    """Which analytes were measured in which sample: the scores of the trial's version, and whatever else is known."""
    protocol = cohort.protocol
    parts = []
    for version, assay in protocol.assays.items():
        scored = samples[(samples["specimen"] == "blood") & (cohort.version[samples["trial"]] == version)]
        for number, name in enumerate(assay.analytes):
            kept = cohort.chance(len(scored), 0.5 if number else 0.9) | (scored["own"] & (number == 0))
            parts.append(scored[kept].assign(analyte=name, score=True))
    scores = {name for assay in protocol.assays.values() for name in assay.analytes}
    kinds = {name: analyte.specimen for name, analyte in protocol.analytes.items() if name not in scores}
    for name, specimen in (kinds | {"pancreastatin": "blood"}).items():
        of = samples[samples["specimen"] == specimen]
        share = SHARES.get(name, 0.6)
        parts.append(of[cohort.chance(len(of), share)].assign(analyte=name, score=False))
    table = pd.concat(parts, ignore_index=True)
    return table.iloc[cohort.draw.permutation(len(table))].sort_values("trial", kind="stable", ignore_index=True)


def _values(cohort: Cohort, table: pd.DataFrame) -> pd.DataFrame:
    """Values near cut-offs and limits, in any unit that the protocol converts."""
    draw, rows, known = cohort.draw, len(table), cohort.protocol.analytes
    units = {name: list(analyte.units) for name, analyte in known.items()}
    turns = zip(table["analyte"], draw.integers(0, 60, rows), strict=True)
    unit = [units[name][turn % len(units[name])] if name in units else "U/L" for name, turn in turns]
    pairs = zip(table["analyte"], unit, strict=True)
    factor = [known[name].units[one] if name in known else 1.0 for name, one in pairs]
    spread = table["analyte"].map(SPREAD).fillna(0.9)
    other = np.exp(table["analyte"].map(MIDDLE).fillna(2.0) + spread * draw.normal(0, 1, rows)).round(1)
    edges = draw.choice([0, 20, 20.5, 40, 50, 80, 100], rows)
    score = np.where(cohort.chance(rows, 0.3), edges, draw.integers(0, 101, rows))
    return table.assign(value=np.where(table["score"], score, other / factor), unit=unit)


def _results(cohort: Cohort, samples: pd.DataFrame, plates: pd.Series) -> pd.DataFrame:
    table = _values(cohort, _analytes(cohort, samples))
    rows, score = len(table), table["score"].to_numpy()
    timed = pd.Series(cohort.chance(len(samples), 0.2), index=samples["sample_id"].to_numpy())
    failed = cohort.chance(rows, 0.08) & ~table["own"].to_numpy()
    version = np.where(score, cohort.version[table["trial"]], np.where(table["sample_id"].map(timed), "24h", "spot"))
    kit = cohort.pick(len(cohort.trial), "kit-a", "kit-a", "kit-b")[table["who"]]
    kit = np.where(cohort.chance(rows, 0.15), "kit-b", kit)
    version = np.where(table["specimen"].eq("blood") & ~score, kit, version)
    beyond = np.where(score, cohort.chance(rows, 0.02), cohort.chance(rows, 0.12))
    plate = np.where(score & ~table["own"], table["sample_id"].map(plates), None)
    late = np.where(cohort.chance(rows, 0.15), 400, cohort.draw.integers(1, 40, rows))
    return table.assign(
        comparator=np.where(beyond, cohort.pick(rows, "<", "<", ">"), cohort.pick(rows, "=", None)),
        version=version,
        plate=np.where(cohort.chance(rows, 0.9), plate, None),
        lot=np.where(score, cohort.pick(rows, "L1", "L2", None), None),
        qc=np.where(failed, "fail", None),
        reported_on=dates(cohort.maybe(table["day"] + late, 0.8)),
    )


def _runs(cohort: Cohort, samples: pd.DataFrame) -> pd.DataFrame:
    """Which blood sample was run on which plate: first runs in a first part, re-runs after them.

    Companions' own samples are on no plate. A first run that failed was mostly run again, on another plate.
    """
    blood = samples[(samples["specimen"] == "blood") & ~samples["own"]]
    plated = np.array([number % 4 > 0 for number in range(BLOCK)])
    first = blood[plated[blood["trial"]]][["trial", "sample_id"]]
    first = first.assign(number=cohort.draw.integers(0, 3, len(first)), again=False)
    failed = cohort.chance(len(first), 0.15)
    first = first.assign(verdict=np.where(failed, cohort.pick(len(first), "repeat", "reject"), "pass"))
    back = first[(failed & cohort.chance(len(first), 0.8)) | cohort.chance(len(first), 0.04)]
    back = back.assign(number=cohort.draw.integers(3, 5, len(back)), again=True, verdict="pass")
    runs = pd.concat([first, back]).sort_values("trial", kind="stable", ignore_index=True)
    rows = len(runs)
    return runs.assign(
        plate=[f"T{trial:02d}-PL{number}" for trial, number in zip(runs["trial"], runs["number"], strict=True)],
        codes=np.where(runs["verdict"] == "pass", "", "Q301"),
        reference_cq=cohort.maybe(cohort.draw.normal(24, 1.5, rows).round(2), 0.95),
        replicate_sd=cohort.maybe(cohort.draw.uniform(0.05, 0.8, rows).round(3), 0.95),
        undetermined_fraction=cohort.draw.integers(0, 6, rows) / 20,
    )


def _wells(cohort: Cohort, runs: pd.DataFrame) -> pd.DataFrame:
    """Three wells for each gene of a run, and control wells on each plate."""
    plates = runs.drop_duplicates("plate")[["trial", "plate"]]
    controls = plates.loc[plates.index.repeat(4)].assign(sample_id=None)
    controls = controls.assign(task=np.tile(["ntc", "positive_control", "standard", "other"], len(plates)))
    controls = controls[cohort.chance(len(controls), 0.7)]
    table = pd.concat([runs[["trial", "plate", "sample_id"]].assign(task="unknown"), controls], ignore_index=True)
    table = table.sort_values("trial", kind="stable").loc[lambda rows: rows.index.repeat(3 * len(GENES))]
    rows = len(table)
    state = np.where(cohort.chance(rows, 0.88), "value", cohort.pick(rows, "undetermined", "undetermined", "other"))
    return table.assign(
        instrument="ABI",
        file=table["plate"] + ".txt",
        row=np.arange(rows),
        well=[f"W{number % 384}" for number in range(rows)],
        target=np.tile(np.repeat(np.array(GENES, dtype=object), 3), rows // (3 * len(GENES))),
        cq=np.where(state == "value", cohort.draw.normal(27, 3, rows).round(3), np.nan),
        state=state,
        omit=cohort.chance(rows, 0.05),
    )


def _controls(cohort: Cohort) -> pd.DataFrame:
    """LOW and HIGH of every plate, once or twice, now and then only LOW; and the controls of a CgA kit."""
    grid = np.meshgrid(np.arange(BLOCK), np.arange(5), [0, 1], [0, 1], [0, 1], indexing="ij")
    trial, number, level, turn, third = (part.ravel() for part in grid)
    rows = len(trial)
    nominal = np.where(level == 0, 15.0, 60.0)
    table = pd.DataFrame(
        {
            "trial": trial,
            "plate": [f"T{one:02d}-PL{two}" for one, two in zip(trial, number, strict=True)],
            "lot": cohort.pick(rows, "L1", "L2", None),
            "control": np.where(level == 0, "LOW", "HIGH"),
            "nominal": nominal,
            "value": (nominal + cohort.draw.normal(0, 4, rows)).round(1),
            "unit": "score",
            "version": cohort.version[trial],
        }
    )[(turn + third == 0) | cohort.chance(rows, 0.4)]
    table = table[(table["control"] == "LOW") | cohort.chance(len(table), 0.9)]
    kit = pd.DataFrame({"trial": np.arange(BLOCK), "plate": "CGA-1", "control": "LOW", "nominal": 50.0})
    kit = kit.assign(value=51.5, unit="ng/mL", version="kit-a")
    return pd.concat([table, kit]).sort_values("trial", kind="stable", ignore_index=True)


def _imaging(cohort: Cohort) -> pd.DataFrame:
    """Scans at their visits and beside them; visits are named by all, some or none of the centres of a trial."""
    protocol, draw = cohort.protocol, cohort.draw
    local = protocol["calendar.local_month"]
    calendars = {name: protocol[f"calendar.{name}_month"] + local for name in ("mri", "petct")}
    parts = [cohort.visits(months, 0.75, 28).assign(modality=name) for name, months in calendars.items() if months]
    extra = cohort.some(2.0)
    free = pd.DataFrame({"who": extra, "day": cohort.some_days(extra)})
    visit = closing_visit((free["day"] - cohort.base[extra]) / protocol.month_days, protocol)
    free = free.assign(
        modality=cohort.pick(len(extra), "mri", "ct", "petct"), month=cohort.maybe(visit.to_numpy(), 0.5)
    )
    own = np.flatnonzero(cohort.companion)
    before = pd.DataFrame({"who": own, "day": cohort.surgery[own] - 10, "modality": "mri", "month": 0.0})
    table = pd.concat([before, *parts, free], ignore_index=True)
    rows = len(table)
    naming = np.array([(0.0, 0.7, 1.0)[number % 3] for number in range(BLOCK)])[cohort.trial[table["who"]]]
    named = draw.random(rows) < naming
    named[: len(own)] = naming[: len(own)] > 0
    adequate = cohort.chance(rows, 0.92)
    finding = np.where(draw.random(rows) < 0.8, "clear", cohort.pick(rows, "equivocal", "equivocal", "recurrence"))
    found = adequate & (finding == "recurrence")
    table = table.assign(
        scan_on=dates(table["day"]),
        adequate=np.where(adequate, "yes", "no"),
        finding=np.where(adequate, finding, None),
        scheduled_month=np.where(named, np.where(cohort.chance(rows, 0.03), 3.0, table["month"]), np.nan),
        site=np.where(found, cohort.pick(rows, "liver", "extrahepatic", "both", None), None),
        largest_lesion_mm=np.where(found, draw.integers(5, 40, rows), np.nan),
    )
    return cohort.alive(table).drop_duplicates(["patient_id", "scan_on", "modality"])


def _lesions(cohort: Cohort) -> pd.DataFrame:
    """Three lesions of a third of the patients: one is seen from the second assessment on."""
    seen = np.flatnonzero(cohort.chance(len(cohort.trial), 0.35))
    who, number, lesion = (part.ravel() for part in np.meshgrid(seen, np.arange(9), np.arange(3), indexing="ij"))
    day = cohort.base[who] + np.array([-10, 30, 31, 213, 214, 395, 396, 1126, 1127])[number]
    rows = len(who)
    gone = cohort.chance(rows, 0.15)
    table = pd.DataFrame(
        {
            "who": who,
            "day": day,
            "scan_on": dates(day),
            "lesion": np.array(["a", "b", "c"], dtype=object)[lesion],
            "role": np.array(["target", "non_target", "new"], dtype=object)[lesion],
            "organ": "liver",
            "state": np.where(gone, "absent", np.where(lesion == 0, "measured", "present")),
            "diameter_mm": np.where((lesion == 0) & ~gone, cohort.draw.integers(5, 60, rows), np.nan),
        }
    )
    return cohort.alive(table[(lesion < 2) | (number > 0)])


def _treatments(cohort: Cohort) -> pd.DataFrame:
    """Study courses, somatostatin analogues (open-ended or not) and other therapy."""
    draw, parts = cohort.draw, []
    treated = np.flatnonzero(~np.isnan(cohort.course))
    courses = np.repeat(treated, draw.integers(1, 5, len(treated)))
    cycle = pd.Series(courses).groupby(courses).cumcount().to_numpy() + 1
    days = cohort.course[courses] + 56 * (cycle - 1)
    parts.append(pd.DataFrame({"who": courses, "kind": "prrt", "day": days, "cycle": cycle}))
    extra = cohort.some(2.0)
    extra = extra[~cohort.companion[extra]]
    kinds = cohort.pick(len(extra), "ssa", "ssa", "ssa", "chemotherapy", "surgery", "targeted", "embolisation", "other")
    parts.append(pd.DataFrame({"who": extra, "kind": kinds, "day": cohort.some_days(extra)}))
    earlier = np.flatnonzero(cohort.chance(len(cohort.trial), 0.05) & ~cohort.companion)
    before = np.fmin(cohort.surgery, cohort.base)[earlier] - 200
    parts.append(pd.DataFrame({"who": earlier, "kind": "prrt", "day": before}))
    table = pd.concat(parts, ignore_index=True)
    rows = len(table)
    last = table["day"] + np.where(table["kind"] == "prrt", 0, draw.integers(0, 500, rows))
    table = table.assign(
        started_on=dates(table["day"]),
        ended_on=dates(cohort.maybe(last, 0.6)),
        activity_gbq=np.where(table["kind"] == "prrt", 7.4, np.nan),
    )
    return cohort.alive(table).drop_duplicates(["patient_id", "kind", "started_on"])


def _others(cohort: Cohort) -> dict[str, pd.DataFrame]:
    """Adverse events and questionnaires."""
    who, asked = cohort.some(1.5), cohort.some(1.5)
    events = pd.DataFrame({"who": who, "day": cohort.some_days(who)})
    events = events.assign(
        started_on=dates(events["day"]),
        term=cohort.pick(len(who), "nausea", "anaemia"),
        grade=cohort.pick(len(who), *"12345"),
    )
    life = pd.DataFrame({"who": asked, "day": cohort.some_days(asked)})
    life = life.assign(assessed_on=dates(life["day"]), instrument="QLQ-C30", scale="QL2", value=50.0)
    life = life.drop_duplicates(["who", "day"])
    return {"adverse_events": cohort.alive(events), "quality_of_life": cohort.alive(life)}


@lru_cache(maxsize=4)
def block_tables(block: int, origin: str) -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    """Typed tables of a block, with the number in the block of the trial that each row belongs to."""
    cohort = _cohort(block, protocol_for(origin))
    samples = _samples(cohort)
    runs = _runs(cohort, samples)
    last_run = runs.drop_duplicates("sample_id", keep="last").set_index("sample_id")["plate"]
    first_run = runs.drop_duplicates("sample_id").set_index("sample_id")["plate"]
    read = last_run.where(cohort.chance(len(last_run), 0.6), first_run)
    spotted = runs[runs["trial"].mod(2) == 0]
    tables = {
        "patients": _patients(cohort),
        "samples": samples,
        "results": _results(cohort, samples, read),
        "controls": _controls(cohort),
        "imaging": _imaging(cohort),
        "lesions": _lesions(cohort),
        "treatments": _treatments(cohort),
        "followup": _followup(cohort),
        "wells": _wells(cohort, spotted),
        "verdicts": runs,
        **_others(cohort),
    }
    return {name: (typed(name, tables[name]), tables[name]["trial"].to_numpy()) for name in TRIAL_TABLES}


def random_union(block: int, origin: str, version: str) -> Trial:
    """All trials of a block whose blood score has one version, as one trial of some 200 patients."""
    tables = block_tables(block, origin)
    results, trial = tables["results"]
    scores = protocol_for(origin).assays[version].analytes
    numbers = np.unique(trial[results["analyte"].isin(scores).to_numpy()])
    return Trial(
        **{name: table[np.isin(trial, numbers)].reset_index(drop=True) for name, (table, trial) in tables.items()}
    )


def random_trial(number: int, origin: str) -> Trial:
    """Trial *number* under the protocol whose clock starts there."""
    frames = {}
    for name, (table, trial) in block_tables(number // BLOCK, origin).items():
        first, last = np.searchsorted(trial, [number % BLOCK, number % BLOCK + 1])
        frames[name] = table.iloc[first:last].reset_index(drop=True)
    return Trial(**frames)
