"""Everything a trial recorded on one axis, months from surgery, and what was due and is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import days_from_surgery, surgery_dates
from features.measurements import measurements
from features.outcomes import Outcome
from flows.reports.cohort.paint_calendar import Calendar

MODALITIES = {"mri": "MRI", "petct": "PET/CT"}
ARMS = ("control", "prrt")


def dated(trial: Trial, protocol: Protocol, table: pd.DataFrame, column: str) -> pd.DataFrame:
    """A table of the trial with ``month`` from surgery of one of its dates; rows without a month are left out."""
    days = days_from_surgery(table["patient_id"], table[column], surgery_dates(trial.patients))
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


def under_observation(outcome: Outcome, month: float, *, through: bool) -> pd.Index:
    """Patients from whom something was due at a visit: alive, in follow-up, without recurrence.

    Parameters
    ----------
    through : bool
        Whether the visit itself must be free of recurrence (samples), or only those before (scans).
    """
    rows = outcome.patients
    first = rows["first_positive_visit"]
    free = ~(first <= month) if through else ~(first < month)
    here = (rows["last_seen"] >= month) & ~(rows["death"] <= month)
    return rows.index[(free & here) | (month <= 0)]


def drawn(trial: Trial, specimen: str, visit: str) -> set[str]:
    """Patients with a sample of a specimen at a nominal visit."""
    samples = trial.samples
    return set(samples.loc[samples["specimen"].eq(specimen) & samples["visit"].eq(visit), "patient_id"])


def due_samples(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """One row per patient, specimen and visit at which a sample was due: patient_id, specimen, visit, month, got."""
    rows = []
    for visit, month in protocol["calendar.sample_month"].items():
        who = under_observation(outcome, float(month), through=month > 0)
        for specimen in ("blood", "urine"):
            have = drawn(trial, specimen, visit)
            rows.append(
                pd.DataFrame(
                    {
                        "patient_id": who,
                        "specimen": specimen,
                        "visit": visit,
                        "month": float(month),
                        "got": [patient in have for patient in who],
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def due_scans(outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """One row per patient, modality and visit at which a scan was due; got = an adequate scheduled scan is there."""
    rows = []
    scans = outcome.scans[outcome.scans["scheduled"].astype(bool)]
    for modality in MODALITIES:
        for month in protocol[f"calendar.{modality}_month"]:
            who = under_observation(outcome, float(month), through=False)
            same = scans["modality"].isin(["mri", "ct"] if modality == "mri" else [modality])
            have = set(scans.loc[same & scans["visit"].eq(float(month)), "patient_id"])
            rows.append(
                pd.DataFrame(
                    {
                        "patient_id": who,
                        "modality": modality,
                        "month": float(month),
                        "got": [patient in have for patient in who],
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def completeness(trial: Trial, outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """What was due and what is there, by kind, arm and visit: columns what, month, due, got."""
    samples = due_samples(trial, outcome, protocol)
    samples["what"] = samples["specimen"].map({"blood": "Blood", "urine": "Urine"})
    scans = due_scans(outcome, protocol)
    scans["what"] = scans["modality"].map({key: f"{name}, adequate" for key, name in MODALITIES.items()})
    both = pd.concat([samples, scans], ignore_index=True)
    both["arm"] = both["patient_id"].map(arms(trial)).map({"control": "control", "prrt": "PRRT"})
    both = both.dropna(subset=["arm"])
    both["what"] = both["what"] + " · " + both["arm"]
    counts = both.groupby(["what", "month"], sort=False)["got"].agg(due="size", got="sum").reset_index()
    order = [
        f"{kind} · {arm}"
        for kind in ("Blood", "Urine", "MRI, adequate", "PET/CT, adequate")
        for arm in ("control", "PRRT")
    ]
    counts["what"] = pd.Categorical(counts["what"], order, ordered=True)
    return counts.sort_values(["what", "month"], ignore_index=True).astype({"what": object})


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
    """Measurements of one analyte with ``month`` from surgery, the visit of their sample and the plate."""
    table = measurements(trial, protocol)
    table = table[table["analyte"].eq(analyte)].assign(month=lambda frame: frame["day"] / protocol.month_days)
    visits = trial.samples.drop_duplicates("sample_id").set_index("sample_id")["visit"]
    plates = trial.results[trial.results["analyte"].eq(analyte)].drop_duplicates("sample_id").set_index("sample_id")
    return table.assign(
        visit=table["sample_id"].map(visits),
        plate=table["sample_id"].map(plates["plate"]),
        qc=table["sample_id"].map(plates["qc"]),
    )
