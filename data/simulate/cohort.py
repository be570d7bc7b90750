"""Who enters the simulated trial: patients as they are at surgery, their allocation, and their PRRT days."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from data.simulate.streams import Streams, logistic
from data.simulate.worlds import World

FIRST_SURGERY = np.datetime64("2015-08-01")
SITES = {"C1": 0.28, "C2": 0.22, "C3": 0.18, "C4": 0.14, "C5": 0.10, "C6": 0.08}
PRIMARIES = {
    "stomach": 0.03,
    "duodenum": 0.04,
    "pancreas": 0.40,
    "jejunum": 0.05,
    "ileum": 0.25,
    "small_bowel_nos": 0.12,
    "appendix": 0.02,
    "colon": 0.05,
    "rectum": 0.04,
}
SMALL_BOWEL = ("jejunum", "ileum", "small_bowel_nos")
KI67_LIMIT = 19.9
GRADE_2_FROM = 3.0


def draw_patients(streams: Streams, n: int, enrolment_days: float = 1461.0) -> pd.DataFrame:
    """Patients at surgery, in the order of enrolment, with the columns of ``patients.csv``.

    Age, proliferation, number and size of metastases, margin, nodes and hormone secretion hang together as in
    resection series; allocation is by blocks of four. ``randomised_day`` counts from surgery.

    Parameters
    ----------
    streams : Streams
    n : int
        Number of patients, at least 1.
    enrolment_days : float
        From the first possible day of surgery to the last.
    """
    width = max(3, len(str(n)))
    surgery = FIRST_SURGERY + np.floor(np.sort(streams.uniform("surgery", n)) * enrolment_days).astype("timedelta64[D]")
    age = np.clip(59 + streams.normal("age", n, 11), 25, 82)
    primary = streams.pick("primary", PRIMARIES, n)
    randomised = streams.whole("randomised", 28, 63, n)
    frame = pd.DataFrame(
        {
            "patient_id": [f"EX{i:0{width}d}" for i in range(1, n + 1)],
            "site": streams.pick("site", SITES, n),
            "sex": np.where(streams.chance("sex", 0.5, n), "F", "M"),
            "birth_year": surgery.astype("datetime64[Y]").astype(int) + 1970 - np.floor(age),
            "surgery_on": surgery,
            "randomised_on": surgery + randomised.astype("timedelta64[D]"),
            "arm": allocate_arms(streams, n),
            "primary_site": primary,
            "randomised_day": randomised,
            "consent_on": surgery - streams.whole("consent", 29, 45, n).astype("timedelta64[D]"),
        }
    )
    return frame.join(_tumour(streams, primary)).join(_general(streams, age, primary))


def allocate_arms(streams: Streams, n: int) -> np.ndarray:
    """Allocation in permuted blocks of four."""
    blocks = streams.uniform("allocation", (-(-n // 4), 4))
    return np.where(blocks.argsort(axis=1, kind="stable").ravel() < 2, "prrt", "control")[:n]


def _tumour(streams: Streams, primary: np.ndarray) -> pd.DataFrame:
    n = len(primary)
    bowel = np.isin(primary, SMALL_BOWEL)
    centre = np.where(primary == "pancreas", 1.25, 0.95)
    below = ndtr((np.log(KI67_LIMIT) - centre) / 0.75)
    ki67 = np.exp(centre + 0.75 * ndtri(streams.uniform("ki67", n) * below)).clip(0.5).round(1)
    number = np.minimum(1 + np.floor(np.exp(0.9 + streams.normal("metastases", n, 0.8))), 25)
    largest = np.rint(np.exp(3.3 + streams.normal("largest", n, 0.45))).clip(6, 150)
    volume = np.pi / 6 * (largest / 10) ** 3 * (1 + 0.25 * (number - 1) ** 0.7)
    r1 = streams.chance("margin", logistic(-1.5 + 0.5 * (np.log(number) - 1.0)), n)
    return pd.DataFrame(
        {
            "grade": np.where(ki67 < GRADE_2_FROM, "G1", "G2"),
            "ki67_pct": ki67,
            "margin": np.where(r1, "R1", "R0"),
            "n_liver_metastases": number,
            "largest_metastasis_mm": largest,
            "liver_metastases_volume_ml": volume.round(1),
            "synchronous_primary": yes_no(streams.chance("synchronous", 0.6, n)),
            "nodal_status": np.where(streams.chance("nodes", np.where(bowel, 0.75, 0.5), n), "N1", "N0"),
        }
    )


def _general(streams: Streams, age: np.ndarray, primary: np.ndarray) -> pd.DataFrame:
    n = len(age)
    secretes = np.where(np.isin(primary, SMALL_BOWEL), 0.40, np.where(primary == "pancreas", 0.20, 0.15))
    egfr = np.rint(82 - 0.5 * (age - 59) + streams.normal("egfr", n, 16)).clip(31, 130)
    return pd.DataFrame(
        {
            "functional": yes_no(streams.chance("functional", secretes, n)),
            "ecog": np.where(streams.chance("ecog", 0.25, n), "1", "0"),
            "ppi": yes_no(streams.chance("ppi", 0.25, n)),
            "egfr": egfr,
            "krenning": streams.pick("krenning", {"2": 0.12, "3": 0.50, "4": 0.38}, n),
        }
    )


def yes_no(flag: np.ndarray) -> np.ndarray:
    """yes where the flag holds, no elsewhere."""
    return np.where(flag, "yes", "no")


def draw_cycles(streams: Streams, world: World, patients: pd.DataFrame) -> np.ndarray:
    """Planned PRRT days from surgery, n x 2; infinite for controls and for a second cycle that is not given.

    First cycle 6 +- 2 weeks after surgery and after randomisation, second 8 +- 1 weeks later, extendable to
    16 (S3).
    """
    n = len(patients)
    ready = patients["randomised_day"].to_numpy() + streams.whole("cycle1.ready", 3, 12, n)
    first = np.maximum(ready, 42 + np.rint(streams.normal("cycle1", n, 5)))
    gap = 56 + np.clip(np.rint(streams.normal("cycle2", n, 4)), -7, 7)
    late = streams.chance("cycle2.late", 0.08, n)
    gap = np.where(late, streams.whole("cycle2.delay", 70, 112, n), gap)
    second = np.where(streams.chance("cycle2.given", world.second_cycle_given, n), first + gap, np.inf)
    treated = patients["arm"].eq("prrt").to_numpy()[:, None]
    return np.where(treated, np.column_stack([first, second]), np.inf)


def draw_ssa_start(streams: Streams, patients: pd.DataFrame) -> np.ndarray:
    """Day from surgery on which a somatostatin analogue starts; infinite when it never does."""
    n = len(patients)
    functional = patients["functional"].eq("yes").to_numpy()
    before = streams.chance("ssa.before", np.where(functional, 0.70, 0.25), n)
    later = streams.chance("ssa.later", 0.10, n)
    early_day = -streams.whole("ssa.before.day", 60, 700, n).astype(float)
    return np.where(before, early_day, np.where(later, streams.whole("ssa.later.day", 60, 700, n), np.inf))
