"""What a patient's record says by the closing of a landmark, as arrays: the evidence of the exact posterior."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.simulate.assays import CONTROLS, plate_shifts
from data.simulate.generate import Simulated
from data.simulate.scans import CLEAR, EQUIVOCAL, RECURRENCE, WINDOW_DAYS, scan_slots
from data.simulate.specimens import SPECIMENS
from data.simulate.streams import Floats

UNREAD, ABSENT = -1, -2
CODES = {"clear": CLEAR, "equivocal": EQUIVOCAL, "recurrence": RECURRENCE}
UNTOLD, DRAWN, MISSING = 0, 1, -1


@dataclass(frozen=True)
class Observed:
    """Evidence of n patients up to the closing of a landmark; days from surgery, NaN for what is not there.

    Parameters
    ----------
    landmark : float
        Months from surgery.
    patients : DataFrame
        Clinical covariates as delivered, with ``randomised_day``.
    cycle_day : ndarray, n x 2
        PRRT cycles given so far.
    seen_until : ndarray
        Last day of observation, at most the closing of the landmark.
    scan_day, scan_code, scan_petct : ndarray, n x k
        Scheduled scans of the calendar, then unscheduled ones. Code ``UNREAD``: missed or inadequate.
    visit_month : ndarray, v
        Sampled visits.
    sample_day, sample_state : ndarray, n x v x 2
        Blood and urine: ``DRAWN``, ``MISSING``, or ``UNTOLD`` when the patient was no longer observed.
    score, score_shift : ndarray, n x v
        Blood score, and what its plate is known to add (log odds).
    cga, hiaa, hiaa_limit, creatinine, urine_score : ndarray, n x v
        Results; ``hiaa_limit`` marks those below the limit of the assay.
    """

    landmark: float
    patients: pd.DataFrame
    cycle_day: Floats
    seen_until: Floats
    scan_day: Floats
    scan_code: np.ndarray
    scan_petct: np.ndarray
    visit_month: Floats
    sample_day: Floats
    sample_state: np.ndarray
    score: Floats
    score_shift: Floats
    cga: Floats
    hiaa: Floats
    hiaa_limit: np.ndarray
    creatinine: Floats
    urine_score: Floats

    def take(self, rows: np.ndarray) -> Observed:
        """The evidence of some patients (rows may repeat)."""
        common = ("landmark", "visit_month", "patients")
        own = {field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name not in common}
        return replace(self, patients=self.patients.iloc[rows].reset_index(drop=True), **own)


def observe(simulated: Simulated, protocol: Protocol, landmark: float) -> Observed:
    """Everything delivered and dated up to the closing of the landmark, but for qPCR wells.

    Results that the laboratory withdrew count as absent. The shifts of the score plates are taken as known: a
    laboratory sees them in the control wells.
    """
    frames = simulated.frames
    patients = _covariates(frames["patients"])
    known = protocol.closed(landmark) * protocol.month_days
    day_of = _Clock(frames["patients"])
    followed = frames["followup"].set_index("patient_id")["last_seen_on"].loc[patients["patient_id"]]
    seen = np.minimum(day_of(patients["patient_id"], followed.to_numpy()), known)
    return Observed(
        landmark=landmark,
        patients=patients,
        cycle_day=_cycles(frames["treatments"], day_of, known),
        seen_until=seen,
        **_scans(frames["imaging"], protocol, day_of, landmark, known),
        **_samples(simulated, protocol, landmark, known, seen),
    )


class _Clock:
    """Days from surgery, and positions, of patients by their identifiers."""

    def __init__(self, patients: pd.DataFrame) -> None:
        self.index = pd.Index(patients["patient_id"])
        self.surgery = patients["surgery_on"].to_numpy().astype("datetime64[D]")

    def position(self, patient: pd.Series) -> np.ndarray:
        return self.index.get_indexer(patient)

    def __call__(self, patient: pd.Series, on: np.ndarray) -> Floats:
        return (np.asarray(on).astype("datetime64[D]") - self.surgery[self.position(patient)]).astype(float)


def _covariates(patients: pd.DataFrame) -> pd.DataFrame:
    day = (patients["randomised_on"] - patients["surgery_on"]).dt.days.to_numpy(float)
    frame = patients.assign(randomised_day=day)
    labels = ["arm", "primary_site", "nodal_status", "margin", "functional", "ppi", "krenning"]
    return frame.astype({name: "category" for name in labels})


def _cycles(treatments: pd.DataFrame, day_of: _Clock, known: float) -> Floats:
    given = treatments[treatments["kind"] == "prrt"]
    day = day_of(given["patient_id"], given["started_on"].to_numpy())
    out = np.full((len(day_of.index), 2), np.nan)
    out[day_of.position(given["patient_id"]), given["cycle"].to_numpy(int) - 1] = np.where(day <= known, day, np.nan)
    return out


def _scans(
    imaging: pd.DataFrame, protocol: Protocol, day_of: _Clock, landmark: float, known: float
) -> dict[str, np.ndarray]:
    """Scheduled scans by slot of the calendar, then unscheduled ones in their order."""
    slots = [slot for slot in scan_slots(protocol) if slot[0] <= landmark]
    table = imaging.assign(
        day=day_of(imaging["patient_id"], imaging["scan_on"].to_numpy()),
        position=day_of.position(imaging["patient_id"]),
        code=imaging["finding"].map(CODES).fillna(UNREAD).astype(int),
    )
    table = table[table["day"] <= known]
    extra = table[table["scheduled_month"].isna()]
    place = extra.groupby("position").cumcount().to_numpy()
    shape = (len(day_of.index), len(slots) + int(place.max(initial=-1)) + 1)
    day, code = np.full(shape, np.nan), np.full(shape, ABSENT)
    petct = np.zeros(shape, dtype=bool)
    code[:, : len(slots)] = UNREAD
    petct[:, : len(slots)] = [modality == "petct" for _, modality in slots]
    for column, (month, modality) in enumerate(slots):
        own = table[(table["scheduled_month"] == month) & (table["modality"] == modality)]
        day[own["position"], column], code[own["position"], column] = own["day"], own["code"]
    where = extra["position"].to_numpy(), len(slots) + place
    day[where], code[where] = extra["day"], np.where(extra["code"] == UNREAD, ABSENT, extra["code"])
    return {"scan_day": day, "scan_code": code, "scan_petct": petct}


def _samples(
    simulated: Simulated, protocol: Protocol, landmark: float, known: float, seen: Floats
) -> dict[str, np.ndarray]:
    months = np.array([float(month) for month in protocol["calendar.sample_month"].values()])
    months = months[months <= landmark]
    drawn = simulated.samples[(simulated.samples["day"] <= known) & (simulated.samples["visit_index"] < len(months))]
    n, v = len(seen), len(months)
    place = drawn["patient"].to_numpy(), drawn["visit_index"].to_numpy()
    specimen = (drawn["specimen"] == SPECIMENS[1]).to_numpy(int)
    due = np.broadcast_to(months[None, :, None] * protocol.month_days + WINDOW_DAYS, (n, v, 2))
    state = np.where(due <= seen[:, None, None] + WINDOW_DAYS * (due > known), MISSING, UNTOLD)
    state[(*place, specimen)] = DRAWN
    day = np.full((n, v, 2), np.nan)
    day[(*place, specimen)] = drawn["day"]
    results = simulated.frames["results"]
    results = results[results["qc"].ne("fail")].merge(
        drawn[["sample_id", "patient", "visit_index"]], on="sample_id", how="inner"
    )

    def values(analyte: str, column: str = "value") -> np.ndarray:
        own = results[results["analyte"] == analyte]
        out = np.full((n, v), np.nan)
        out[own["patient"], own["visit_index"]] = own[column]
        return out

    limits = results.assign(limit=results["comparator"].eq("<").astype(float))
    below = limits[limits["analyte"] == "5hiaa"]
    limit = np.zeros((n, v), dtype=bool)
    limit[below["patient"], below["visit_index"]] = below["limit"] > 0
    return {
        "visit_month": months,
        "sample_day": day,
        "sample_state": state,
        "score": values("netest_activity"),
        "score_shift": _known_shifts(simulated, results, (n, v)),
        "cga": values("cga"),
        "hiaa": values("5hiaa"),
        "hiaa_limit": limit,
        "creatinine": values("creatinine"),
        "urine_score": values("urine_score"),
    }


def _known_shifts(simulated: Simulated, results: pd.DataFrame, shape: tuple[int, int]) -> Floats:
    own = results[results["analyte"] == "netest_activity"]
    plates = len(simulated.frames["controls"]) // len(CONTROLS)
    shift = plate_shifts(simulated.streams, simulated.world, plates)
    out = np.zeros(shape)
    out[own["patient"], own["visit_index"]] = shift[own["plate"].str.removeprefix("PL").astype(int).to_numpy() - 1]
    return out
