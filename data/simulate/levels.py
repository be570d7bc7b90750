"""Expected levels of every analyte: shared by the laboratory that draws results and the posterior that reads them.

Chance (person, day, assay) comes in as an argument, so that the laboratory adds draws and the posterior adds none.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.simulate.cohort import SMALL_BOWEL
from data.simulate.disease import Disease
from data.simulate.streams import Floats
from data.simulate.worlds import World

EGFR_LOW = 60
# Logarithm of ng/mL: level, acid suppression, poor kidneys, tumour in place; standard deviations of persons and of days.
CGA_LEVEL, CGA_PPI, CGA_KIDNEY, CGA_TUMOUR = 4.35, 0.55, 0.40, 0.55
CGA_PERSON_SD, CGA_WITHIN_SD = 0.40, 0.17
# Logarithm of umol/mmol: small bowel, other primaries, tumour in place, functional with and without it.
HIAA_BOWEL, HIAA_OTHER, HIAA_TUMOUR, HIAA_FUNCTIONAL, HIAA_REMISSION = 1.35, 0.95, 0.30, 1.1, 0.25
HIAA_PERSON_SD, HIAA_WITHIN_SD = 0.40, 0.25
CREATININE_LEVEL, CREATININE_SD = 2.2, 0.45
# Log odds of the exploratory urine score.
URINE_LEVEL, URINE_TUMOUR, URINE_PERSON_SD, URINE_WITHIN_SD = -1.30, 0.60, 0.35, 0.45


def preoperative_activity(world: World, patients: pd.DataFrame, disease: Disease) -> Floats:
    """Log odds of the score with the tumour in place: level, bulk, and a share of what will be left behind."""
    burden = 0.15 * (np.log(patients["liver_metastases_volume_ml"].to_numpy(float)) - 3.0)
    left = world.score_weight * world.preoperative_weight * disease.signal(np.zeros(len(patients)))
    return world.preoperative_level + burden + left


def postoperative_activity(world: World, signal: Floats, visit: np.ndarray, treated: np.ndarray) -> Floats:
    """Log odds of the score after surgery: level, signal of residual disease, and the direct effect of PRRT."""
    direct = np.array([0.0, *world.score_prrt])[visit] * treated
    return world.score_level + world.score_weight * signal + direct


def cga_of_person(patients: pd.DataFrame, person: Floats | float) -> Floats:
    """Logarithm of a person's CgA beside the common level: person, acid suppression, kidneys."""
    ppi = CGA_PPI * patients["ppi"].eq("yes").to_numpy()
    kidney = CGA_KIDNEY * (patients["egfr"] < EGFR_LOW).to_numpy()
    return person + ppi + kidney


def cga_of_disease(world: World, before: np.ndarray, signal: Floats) -> Floats:
    """What the tumour in place, or residual disease, adds to the logarithm of CgA."""
    return np.where(before, CGA_TUMOUR, world.cga_weight * signal)


def hiaa_of_person(patients: pd.DataFrame, person: Floats | float) -> Floats:
    """Logarithm of a person's ratio of 5-HIAA to creatinine."""
    return np.where(patients["primary_site"].isin(SMALL_BOWEL), HIAA_BOWEL, HIAA_OTHER) + person


def hiaa_of_disease(world: World, before: np.ndarray, functional: np.ndarray, signal: Floats) -> Floats:
    """What the tumour in place, or residual disease, adds to that logarithm."""
    after = HIAA_REMISSION * functional + world.urine_weight * signal / 3
    return np.where(before, HIAA_TUMOUR + HIAA_FUNCTIONAL * functional, after)


def urine_activity(world: World, before: np.ndarray, signal: Floats) -> Floats:
    """Log odds of the urine score."""
    return URINE_LEVEL + np.where(before, URINE_TUMOUR, world.urine_weight * signal)
