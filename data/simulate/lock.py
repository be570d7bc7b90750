"""A data lock: what had been reported when the trial's data were frozen, and who had been enrolled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from data.simulate.generate import Simulated


def locked(made: Simulated, lock: np.ndarray) -> Simulated:
    """The trial without patients randomised after the lock and without results reported after it.

    Scans, samples, treatments and follow-up already end at the lock. Control wells are those of plates with a
    reported result. The truth keeps what complete observation would have shown.

    Parameters
    ----------
    made : Simulated
    lock : ndarray
        Day of the lock from each patient's surgery.

    Raises
    ------
    ValueError
        When nobody had been randomised by the lock.
    """
    patients = made.frames["patients"]
    surgery = patients["surgery_on"].to_numpy().astype("datetime64[D]")
    lock_on = (surgery + lock.astype("timedelta64[D]"))[0]
    enrolled = patients["randomised_on"].to_numpy() <= lock_on
    if not enrolled.any():
        raise ValueError(f"nobody had been randomised {made.world.lock_months:g} months after the first surgery")
    kept = enrolled[made.samples["patient"].to_numpy()]
    samples = made.samples[kept].reset_index(drop=True)
    samples["patient"] = (np.cumsum(enrolled) - 1)[samples["patient"].to_numpy()]
    who = patients.loc[enrolled, "patient_id"]
    frames = {name: _of(frame, "patient_id", who) for name, frame in made.frames.items()}
    results = _of(frames["results"], "sample_id", samples["sample_id"])
    frames["results"] = results[results["reported_on"].to_numpy() <= lock_on].reset_index(drop=True)
    frames["controls"] = _of(frames["controls"], "plate", frames["results"]["plate"])
    truth = _of(made.truth, "patient_id", who)
    return replace(made, frames=frames, truth=truth, samples=samples, activity=made.activity[kept], lock_on=lock_on)


def _of(frame: pd.DataFrame, column: str, keys: pd.Series) -> pd.DataFrame:
    """Rows of some keys; tables without the column are left alone."""
    return frame[frame[column].isin(keys)].reset_index(drop=True) if column in frame else frame
