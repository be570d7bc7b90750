"""Everything a trial recorded on one axis, months from the origin of the clock, for lines and swimmer plots."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import days_from, origin_dates
from features.cohort import due_samples
from features.measurements import measurements
from features.outcomes import Outcome
from flows.reports.cohort.paint_calendar import Calendar

MODALITIES = {"mri": "MRI", "petct": "PET/CT"}
ORIGINS = {"surgery": "surgery", "randomisation": "randomisation", "first_treatment": "first treatment"}
ARMS = ("control", "prrt")


def since(protocol: Protocol) -> str:
    """What months are counted from, in words."""
    origin = str(protocol["clock.origin"])
    return ORIGINS.get(origin, origin.replace("_", " "))


def dated(trial: Trial, protocol: Protocol, table: pd.DataFrame, column: str) -> pd.DataFrame:
    """A table of the trial with ``month`` from the origin of one of its dates; rows without a month are left out."""
    days = days_from(table["patient_id"], table[column], origin_dates(trial, protocol))
    return table.assign(month=days / protocol.month_days).dropna(subset=["month"])


def arms(trial: Trial) -> pd.Series:
    """Arm by patient, "" when not allocated."""
    patients = trial.patients
    return pd.Series(patients["arm"].fillna("").to_numpy(dtype=object), index=patients["patient_id"].to_numpy())


def scan_states(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Scans with patient_id, month, modality and state (clear, equivocal, recurrence, inadequate)."""
    scans = dated(trial, protocol, trial.imaging, "scan_on")
    state = scans["finding"].where(scans["adequate"].eq("yes"), "inadequate").fillna("inadequate")
    return scans.assign(state=state)[["patient_id", "month", "modality", "scheduled_month", "state"]]


def calendar(trial: Trial, outcome: Outcome, protocol: Protocol) -> Calendar:
    """The whole trial as lines and marks for the swimmer plot, sorted by arm and length of observation."""
    rows = outcome.patients
    end = rows[["last_seen", "death", "last_adequate"]].max(axis=1).fillna(0.0)
    lines = pd.DataFrame({"patient_id": rows.index, "arm": arms(trial).reindex(rows.index).fillna("").to_numpy()})
    lines["first"] = 0.0
    lines["last"] = np.minimum(end.to_numpy(), last_month(outcome, protocol))
    lines["rank"] = lines["arm"].map({"control": 0, "prrt": 1}).fillna(2)
    watched = rows["last_adequate"].fillna(0).to_numpy()
    lines = lines.assign(watched=watched).sort_values(["rank", "watched", "patient_id"], ignore_index=True)
    lines["row"] = np.arange(len(lines)) + 1.6 * lines["rank"].rank(method="dense").sub(1).to_numpy()
    place = pd.Series(lines["row"].to_numpy(), index=lines["patient_id"])
    top = last_month(outcome, protocol)

    def placed(table: pd.DataFrame) -> pd.DataFrame:
        table = table.assign(row=table["patient_id"].map(place).astype(float))
        return table[table["row"].notna() & table["month"].le(top)]

    samples = placed(dated(trial, protocol, trial.samples, "collected_on"))
    due = due_samples(trial, outcome, protocol)
    cycles = trial.treatments[trial.treatments["kind"].eq("prrt")]
    deaths = pd.DataFrame({"patient_id": rows.index, "month": rows["death"].to_numpy()}).dropna()
    return Calendar(
        lines=lines,
        blood=samples[samples["specimen"].eq("blood")],
        urine=samples[samples["specimen"].eq("urine")],
        absent=placed(due[due["specimen"].eq("blood") & ~due["got"].astype(bool)]),
        scans=placed(scan_states(trial, protocol)),
        cycles=placed(dated(trial, protocol, cycles, "started_on")),
        deaths=placed(deaths),
    )


def last_month(outcome: Outcome, protocol: Protocol) -> float:
    """End of the time axis: the first visit of the grid that holds every scan, at least 12 months."""
    seen = float(outcome.patients["last_adequate"].max()) if len(outcome.patients) else 0.0
    later = [month for month in protocol.visit_grid if protocol.closed(month) >= max(np.nan_to_num(seen), 12.0)]
    return float(later[0] if later else protocol.visit_grid[-1])


def score_analyte(trial: Trial, protocol: Protocol) -> tuple[str, str]:
    """The NETest score analyte that the trial holds most of, and its version; empty words when it holds none."""
    names = {(analyte, version) for version, assay in protocol.assays.items() for analyte in assay.analytes}
    pairs = trial.results[["analyte", "version"]].dropna()
    counts = pairs[[pair in names for pair in zip(pairs["analyte"], pairs["version"], strict=True)]].value_counts()
    if counts.empty:
        return "", ""
    analyte, version = sorted(counts[counts.eq(counts.max())].index)[0]
    return str(analyte), str(version)


def analyte_months(trial: Trial, protocol: Protocol, analyte: str) -> pd.DataFrame:
    """Measurements of one analyte with ``month`` from the origin, the visit of their sample and the plate."""
    table = measurements(trial, protocol)
    table = table[table["analyte"].eq(analyte)].assign(month=lambda frame: frame["day"] / protocol.month_days)
    visits = trial.samples.drop_duplicates("sample_id").set_index("sample_id")["visit"]
    plates = trial.results[trial.results["analyte"].eq(analyte)].drop_duplicates("sample_id").set_index("sample_id")
    return table.assign(
        visit=table["sample_id"].map(visits),
        plate=table["sample_id"].map(plates["plate"]),
        qc=table["sample_id"].map(plates["qc"]),
    )
