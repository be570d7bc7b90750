"""Patients as one line each, for literal tables of outcome rules.

Time is written in months after surgery: ``"mri 6 clear"`` is an adequate MRI at the nominal visit of month 6.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial

SURGERY = pd.Timestamp("2020-01-01")
ENTRY_DAY = 45
MONTH = 30.4375


def day(month: float) -> pd.Timestamp:
    """The calendar day of a month after surgery."""
    return SURGERY + pd.Timedelta(days=round(month * MONTH))


def months(days: float) -> float:
    return days / MONTH


def with_rules(protocol: Protocol, **values: object) -> Protocol:
    """The protocol with some values exchanged; ``imaging__ascertainment`` stands for ``imaging.ascertainment``."""
    records = dict(protocol.records)
    for name, value in values.items():
        key = name.replace("__", ".")
        records[key] = replace(protocol.record(key), value=value)
    return replace(protocol, records=records)


def scan_row(text: str, patient_id: str) -> dict:
    """One scan: ``modality month finding [liver|extrahepatic|both] [unscheduled] [inadequate] [+days]``."""
    modality, month, finding, *facts = text.split()
    shift = sum(int(fact) for fact in facts if fact[0] in "+-")
    adequate = "inadequate" not in facts
    return {
        "patient_id": patient_id,
        "scan_on": day(float(month)) + pd.Timedelta(days=shift),
        "modality": modality,
        "adequate": "yes" if adequate else "no",
        "finding": finding if adequate else None,
        "scheduled_month": np.nan if "unscheduled" in facts else float(month),
        "site": next((fact for fact in facts if fact in ("liver", "extrahepatic", "both")), None),
    }


def one_trial(
    scans: tuple[str, ...] = (),
    *,
    died: float | None = None,
    seen: float = 60.0,
    therapy: tuple[str, ...] = (),
    arm: str | None = "control",
    patient_id: str = "P1",
    **facts: object,
) -> Trial:
    """A trial of one patient, operated on 2020-01-01 and randomised on day 45.

    ``therapy`` holds ``"kind month"``; ``died`` and ``seen`` are months; the rest are columns of the patients table.
    """
    last = seen if died is None else died
    row = {
        "patient_id": patient_id,
        "surgery_on": SURGERY,
        "randomised_on": SURGERY + pd.Timedelta(days=ENTRY_DAY),
        "arm": arm,
    }
    given = [line.split() for line in therapy]
    return Trial.from_frames(
        patients=pd.DataFrame([row | facts]),
        imaging=pd.DataFrame([scan_row(text, patient_id) for text in scans]),
        treatments=pd.DataFrame(
            [{"patient_id": patient_id, "kind": kind, "started_on": day(float(month))} for kind, month in given]
        ),
        followup=pd.DataFrame(
            [
                {
                    "patient_id": patient_id,
                    "last_seen_on": day(last),
                    "status": "alive" if died is None else "dead",
                    "died_on": pd.NaT if died is None else day(died),
                }
            ]
        ),
    )


def both(*lines: str) -> tuple[str, ...]:
    """Clear scans of every scheduled modality at some visits: ``both("3", "12")``."""
    scans = [f"mri {month} clear" for month in lines]
    return (*scans, *(f"petct {month} clear" for month in lines if month in ("12", "24", "36")))


def random_trial(seed: int, patients: int = 120) -> Trial:
    """A small trial with everything that makes outcomes hard: gaps, repeats, sites, deaths, therapies."""
    draw = np.random.default_rng(seed)
    ids = [f"R{number:03d}" for number in range(patients)]
    surgery = SURGERY + pd.to_timedelta(draw.integers(0, 700, patients), unit="D")
    arm = draw.choice(["control", "prrt", None], patients, p=[0.45, 0.45, 0.1])
    randomised = surgery + pd.to_timedelta(draw.integers(20, 80, patients), unit="D")
    visits = np.array([3, 6, 9, 12, 18, 24, 30, 36, 48, 60])
    size = 8 * patients
    who, visit = draw.integers(0, patients, size), draw.choice(visits, size)
    on = surgery[who] + pd.to_timedelta(np.round(visit * MONTH).astype(int) + draw.integers(-30, 31, size), unit="D")
    adequate = draw.random(size) < 0.9
    imaging = pd.DataFrame(
        {
            "patient_id": np.array(ids)[who],
            "scan_on": on,
            "modality": draw.choice(["mri", "petct", "ct"], size, p=[0.6, 0.3, 0.1]),
            "adequate": np.where(adequate, "yes", "no"),
            "finding": np.where(
                adequate, draw.choice(["clear", "equivocal", "recurrence"], size, p=[0.8, 0.1, 0.1]), None
            ),
            "scheduled_month": np.where(draw.random(size) < 0.8, visit, np.nan),
            "site": draw.choice(["liver", "extrahepatic", "both", None], size),
        }
    ).drop_duplicates(["patient_id", "scan_on", "modality"], ignore_index=True)
    dead = draw.random(patients) < 0.35
    last = surgery + pd.to_timedelta(draw.integers(60, 2400, patients), unit="D")
    # Nobody is scanned after the last contact: such rows are refused at the door.
    imaging = imaging[imaging["scan_on"] <= imaging["patient_id"].map(pd.Series(last, index=ids))]
    courses = 2 * patients
    treated = draw.integers(0, patients, courses)
    return Trial.from_frames(
        patients=pd.DataFrame(
            {
                "patient_id": ids,
                "surgery_on": surgery,
                "randomised_on": pd.Series(randomised).where(pd.Series(arm).notna()),
                "arm": arm,
            }
        ),
        imaging=imaging,
        treatments=pd.DataFrame(
            {
                "patient_id": np.array(ids)[treated],
                "kind": draw.choice(["prrt", "ssa", "chemotherapy", "surgery"], courses),
                "started_on": surgery[treated] + pd.to_timedelta(draw.integers(-300, 1500, courses), unit="D"),
            }
        ).drop_duplicates(ignore_index=True),
        followup=pd.DataFrame(
            {
                "patient_id": ids,
                "last_seen_on": last,
                "status": np.where(dead, "dead", "alive"),
                "died_on": pd.Series(last).where(pd.Series(dead & (draw.random(patients) < 0.8))),
            }
        ),
    )
