"""What runs and sites add to results: score plates with their lots, their order, and what their shifts follow."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.simulate.cohort import SITES
from data.simulate.disease import Disease
from data.simulate.streams import Floats, Streams
from data.simulate.worlds import World

# Share of the standard deviation of a plate's shift that follows the arm or the time, where a world says so.
FOLLOWING = 0.8


def score_plates(world: World, patients: pd.DataFrame, blood: pd.DataFrame, disease: Disease) -> np.ndarray:
    """Plate number (from 0) of each blood sample: as tubes arrive, or in a bad order if the world says so."""
    keys = [blood["sample_id"].to_numpy(), blood["received_on"].to_numpy()]
    position = blood["patient"].to_numpy()
    if by_arm(world):
        keys.append(patients["arm"].to_numpy()[position])
    if world.plates_by == "outcome":
        keys.append(disease.evident()[position] > np.median(disease.evident()))
    rank = np.empty(len(blood), dtype=np.int64)
    rank[np.lexsort(keys)] = np.arange(len(blood))
    return rank // world.scores_per_plate


def by_arm(world: World) -> bool:
    """Whether each plate holds the samples of one arm."""
    return "arm" in (world.plates_by, world.batch_follows)


def plate_shifts(streams: Streams, world: World, plate: np.ndarray, treated: np.ndarray) -> Floats:
    """What each score plate adds to the log odds of its samples and controls: its own shift and that of its lot.

    Parameters
    ----------
    plate : ndarray of int
        Plate of each sample, from 0.
    treated : ndarray of bool
        Whether the sample is of the PRRT arm.
    """
    plates = int(plate.max(initial=-1)) + 1
    lot = np.arange(plates) // world.plates_per_lot
    own = following(world, streams.normal("plate", plates, world.plate_sd), world.plate_sd, plate, treated)
    return own + streams.normal("lot", plates, world.lot_sd)[lot]


def following(world: World, shift: Floats, sd: float, plate: np.ndarray, treated: np.ndarray) -> Floats:
    """Shifts of plates that follow the arm of their samples, or time, as far as the world says; same variance.

    Parameters
    ----------
    shift : ndarray
        Random shifts of the plates in the order of their runs, with standard deviation ``sd``.
    """
    if world.batch_follows == "none" or len(shift) < 2:
        return shift
    course = np.arange(len(shift), dtype=float)
    if world.batch_follows == "arm":
        course = np.bincount(plate, weights=treated, minlength=len(shift)) / np.bincount(plate, minlength=len(shift))
    spread = course.std()
    standard = (course - course.mean()) / spread if spread > 0 else np.zeros(len(shift))
    return FOLLOWING * sd * standard + np.sqrt(1 - FOLLOWING**2) * shift


def site_effects(streams: Streams, world: World, patients: pd.DataFrame) -> Floats:
    """What the site that draws the blood adds to the log odds of each patient's scores."""
    effects = streams.normal("score.site", len(SITES), world.score_site_sd)
    return effects[pd.Index(list(SITES)).get_indexer(pd.Index(patients["site"]))]
