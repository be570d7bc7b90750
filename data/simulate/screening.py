"""Values at screening, by which eligibility is judged: nearly everybody eligible, a few not, a few not known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.simulate.streams import Floats, Streams, only

CREATININE_AT_EGFR_1 = 6800.0
"""umol/L: an eGFR of 82 goes with a creatinine near 83."""
OUT_OF_LIMITS = 0.012
NOT_KNOWN = 0.03
MRI_DAYS, LATE_MRI_DAYS = (5, 42), (45, 70)
PETCT_DAYS, LATE_PETCT_DAYS = (10, 84), (88, 120)


def screening_values(streams: Streams, patients: pd.DataFrame) -> pd.DataFrame:
    """Laboratory values, extent of disease and pre-operative scans of each patient, on the index of ``patients``.

    Limits are those of S3 (domain 5.1); how often somebody lies beyond one or was not measured is ours.

    Parameters
    ----------
    streams : Streams
        Draws named ``screening.*`` only, so that no other draw moves.
    patients : DataFrame
        With ``surgery_on`` and ``egfr``.
    """
    return laboratory_values(streams, patients).join(pd.DataFrame(_extent(streams, patients), index=patients.index))


def laboratory_values(streams: Streams, patients: pd.DataFrame) -> pd.DataFrame:
    """Blood values at screening, on the index of ``patients`` (with ``egfr``)."""
    n = len(patients)
    laboratory = {
        "haemoglobin_g_dl": (13.0 + streams.normal("screening.haemoglobin", n, 1.4)).clip(8.6, 17.5),
        "leucocytes_e9_l": np.exp(1.85 + streams.normal("screening.leucocytes", n, 0.28)).clip(2.6, 15),
        "platelets_e9_l": np.rint(240 + streams.normal("screening.platelets", n, 60)).clip(95, 480),
        "bilirubin_uln": np.exp(-0.6 + streams.normal("screening.bilirubin", n, 0.35)).clip(0.15, 2.4),
        "creatinine_umol_l": np.rint(
            CREATININE_AT_EGFR_1
            / patients["egfr"].to_numpy(float)
            * np.exp(streams.normal("screening.creatinine", n, 0.07))
        ),
    }
    beyond = {"haemoglobin_g_dl": 7.6, "leucocytes_e9_l": 1.8, "platelets_e9_l": 68.0, "bilirubin_uln": 3.4}
    decimals = {"haemoglobin_g_dl": 1, "leucocytes_e9_l": 1, "bilirubin_uln": 2}
    columns: dict[str, object] = {}
    for name, values in laboratory.items():
        off = streams.chance(f"screening.{name}.off", OUT_OF_LIMITS, n) & (name in beyond)
        known = ~streams.chance(f"screening.{name}.missing", NOT_KNOWN, n)
        value = np.where(off, beyond.get(name, np.nan), np.round(values, decimals.get(name, 0)))
        columns[name] = np.where(known, value, np.nan)
    return pd.DataFrame(columns, index=patients.index)


def _extent(streams: Streams, patients: pd.DataFrame) -> dict[str, object]:
    n = len(patients)
    known = ~streams.chance("screening.extent.missing", NOT_KNOWN, n)
    resected = streams.chance("screening.primary", 0.985, n)
    outside = streams.pick("screening.outside", {"none": 0.90, "resectable_nodes": 0.085, "other": 0.015}, n)
    surgery = patients["surgery_on"].to_numpy()
    return {
        "primary_resected": only(known, np.where(resected, "yes", "no")),
        "extrahepatic_disease": only(known, outside),
        "mri_on": _before(streams, "screening.mri", surgery, MRI_DAYS, LATE_MRI_DAYS),
        "petct_on": _before(streams, "screening.petct", surgery, PETCT_DAYS, LATE_PETCT_DAYS),
    }


def _before(
    streams: Streams, name: str, surgery: np.ndarray, usual: tuple[int, int], late: tuple[int, int]
) -> np.ndarray:
    """Day of a scan before surgery; for a few too long before, for a few not known."""
    n = len(surgery)
    old = streams.chance(f"{name}.old", NOT_KNOWN, n)
    days: Floats = np.where(old, streams.whole(f"{name}.late", *late, n), streams.whole(name, *usual, n))
    on = surgery - days.astype("timedelta64[D]")
    return np.where(streams.chance(f"{name}.missing", NOT_KNOWN, n), np.datetime64("NaT"), on)
