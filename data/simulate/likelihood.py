"""Likelihood of a record given latent disease: scans, missing samples, and every analyte.

Persons differ, and the same person gives several samples. Where results are normal (CgA, 5-HIAA, urine score) that
effect is integrated in closed form; for the blood score, which is a whole number from 0 to 100, it is drawn.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtr

from data.protocol import Protocol
from data.simulate import levels
from data.simulate.assays import HIAA_LIMIT, log_odds
from data.simulate.disease import Disease
from data.simulate.observed import ABSENT, DRAWN, MISSING, UNREAD, Observed
from data.simulate.scans import EQUIVOCAL, RECURRENCE, WINDOW_DAYS, detection, scan_slots
from data.simulate.specimens import missing_probability
from data.simulate.streams import Floats, Streams, days
from data.simulate.worlds import World

SMALLEST_LIKELIHOOD = 1e-300
SCORE_EDGE = 0.5
PERCENT = 100.0
WITHIN_SCALE = (-6.0, 6.0)
SMALLEST_SD = 1e-6


def log_likelihood(streams: Streams, world: World, protocol: Protocol, disease: Disease, rows: Observed) -> Floats:
    """Log likelihood of each row's record given that row's disease."""
    month_days = protocol.month_days
    nominal = rows.visit_month[None, :, None] * month_days
    other = rows.sample_day[:, :, ::-1]
    day = np.where(np.isnan(rows.sample_day), np.where(np.isnan(other), nominal, other), rows.sample_day)
    blood, urine = day[:, :, 0] / month_days, day[:, :, 1] / month_days
    of_blood, of_urine = disease.signal(blood), disease.signal(urine)
    return (
        _of_scans(streams, world, protocol, disease, rows)
        + _of_missing(world, disease, rows, np.stack([blood, urine], axis=2))
        + _of_score(streams, world, disease, rows, of_blood)
        + _of_cga(world, rows, of_blood)
        + _of_urine(world, rows, of_urine)
    )


def scan_days(streams: Streams, world: World, protocol: Protocol, month: Floats, n: int, name: str) -> Floats:
    """Random days of scheduled scans, n x k: visits and scans lie around their nominal days."""
    sd = np.hypot(world.visit_sd_days, world.scan_sd_days)
    offset = streams.normal(name, (n, len(month)), sd)
    return days(month, protocol.month_days) + np.clip(np.rint(offset), -WINDOW_DAYS, WINDOW_DAYS)


def _of_scans(streams: Streams, world: World, protocol: Protocol, disease: Disease, rows: Observed) -> Floats:
    """Readings as they were; a scheduled scan without one would not have been positive (so is everyone at risk)."""
    if not rows.scan_code.shape[1]:
        return np.zeros(len(rows.scan_code))
    slots = [slot[0] for slot in scan_slots(protocol) if slot[0] <= rows.landmark]
    day = rows.scan_day.copy()
    planned = scan_days(streams, world, protocol, np.array(slots), len(day), "scan.planned")
    scheduled = day[:, : len(slots)]
    day[:, : len(slots)] = np.where(np.isnan(scheduled), planned, scheduled)
    day = np.nan_to_num(day)
    positive, doubt = detection(world, disease, disease.log_diameter(day / protocol.month_days), rows.scan_petct)
    code = rows.scan_code
    negative = (1 - positive) * np.where(code == EQUIVOCAL, doubt, np.where(code == UNREAD, 1.0, 1 - doubt))
    chance = np.where(code == RECURRENCE, positive, negative)
    return np.log(np.where(code == ABSENT, 1.0, np.maximum(chance, SMALLEST_LIKELIHOOD))).sum(axis=1)


def _of_missing(world: World, disease: Disease, rows: Observed, month: Floats) -> Floats:
    """Samples that exist, and those that are missing because the patient was unwell or by chance."""
    if world.missing_unwell == 0:
        return np.zeros(len(month))
    missing = missing_probability(world, disease, month)
    told = np.where(rows.sample_state == MISSING, missing, np.where(rows.sample_state == DRAWN, 1 - missing, 1.0))
    return np.log(told).sum(axis=(1, 2))


def _of_score(streams: Streams, world: World, disease: Disease, rows: Observed, signal: Floats) -> Floats:
    """Whole-number scores: the probability of the interval that rounds to each, given a drawn person.

    The person is drawn from what the scores would say of it were they normal, and the draw is weighted back.
    """
    there = ~np.isnan(rows.score)
    if not there.any():
        return np.zeros(len(there))
    treated = (rows.patients["arm"] == "prrt").to_numpy()
    visit = np.arange(signal.shape[1])
    centre = levels.postoperative_activity(world, signal, visit[None, :], treated[:, None])
    centre[:, 0] = levels.preoperative_activity(world, rows.patients, disease)
    centre = centre + rows.score_shift
    noise = np.full(len(visit), np.hypot(world.score_within_sd, world.score_analytic_sd))
    noise[0] = np.hypot(noise[0], world.preoperative_sd)
    low, high = _edges(rows.score, np.where(visit == 0, world.preoperative_floor, 0.0))
    shown = np.where(visit == 0, world.preoperative_person, 1.0)
    middle = np.where(there, (np.clip(low, *WITHIN_SCALE) + np.clip(high, *WITHIN_SCALE)) / 2, np.nan)
    person, weight = _drawn_person(streams, middle - centre, noise, shown, max(world.score_person_sd, SMALLEST_SD))
    centre = centre + person[:, None] * shown
    lower, upper = (low - centre) / noise, (high - centre) / noise
    flip = lower > 0
    chance = ndtr(np.where(flip, -lower, upper)) - ndtr(np.where(flip, -upper, lower))
    return weight + np.log(np.where(there, np.maximum(chance, SMALLEST_LIKELIHOOD), 1.0)).sum(axis=1)


def _drawn_person(streams: Streams, off: Floats, noise: Floats, shown: Floats, sd: float) -> tuple[Floats, Floats]:
    """Person effects near what the deviations say, and the log weights that give back their prior.

    Constants of a patient are left out of the weights.
    """
    load = np.where(np.isnan(off), 0.0, shown / noise**2)
    left = 1.0 / ((load * shown).sum(axis=1) + 1.0 / sd**2)
    chance = streams.normal("score.person", len(off))
    person = (load * np.nan_to_num(off)).sum(axis=1) * left + np.sqrt(left) * chance
    return person, 0.5 * (chance**2 - (person / sd) ** 2)


def _edges(score: Floats, floor: Floats) -> tuple[Floats, Floats]:
    """Log odds between which a result rounds to the score, on a scale from ``floor`` to 100."""
    value = np.where(np.isnan(score), (floor + PERCENT) / 2, score)
    low, high = (np.clip((value + half - floor) / (PERCENT - floor), 0.0, 1.0) for half in (-SCORE_EDGE, SCORE_EDGE))
    with np.errstate(divide="ignore"):
        return log_odds(low * PERCENT), log_odds(high * PERCENT)


def _of_cga(world: World, rows: Observed, signal: Floats) -> Floats:
    before = np.arange(signal.shape[1]) == 0
    known = levels.CGA_LEVEL + levels.cga_of_person(rows.patients, 0.0)
    off = np.log(rows.cga) - known[:, None] - levels.cga_of_disease(world, before, signal)
    return _normal(off, levels.CGA_WITHIN_SD**2, levels.CGA_PERSON_SD**2)[0]


def _of_urine(world: World, rows: Observed, signal: Floats) -> Floats:
    """Ratio of 5-HIAA to creatinine, below the limit included, and the urine score."""
    before = np.arange(signal.shape[1]) == 0
    functional = (rows.patients["functional"] == "yes").to_numpy()[:, None]
    known = levels.hiaa_of_person(rows.patients, 0.0)[:, None] + levels.hiaa_of_disease(
        world, before, functional, signal
    )
    absent = np.isnan(rows.creatinine)
    creatinine = np.where(absent, levels.CREATININE_LEVEL, np.log(rows.creatinine))
    variance = levels.HIAA_WITHIN_SD**2 + absent * levels.CREATININE_SD**2
    person = levels.HIAA_PERSON_SD**2
    off = np.log(rows.hiaa) - creatinine - known
    told, mean, left = _normal(np.where(rows.hiaa_limit, np.nan, off), variance, person)
    below = np.log(HIAA_LIMIT) - creatinine - known
    reach = (below - mean[:, None]) / np.sqrt(variance + left[:, None])
    told = told + np.where(rows.hiaa_limit, log_ndtr(reach), 0.0).sum(axis=1)
    share = np.clip(rows.urine_score, SCORE_EDGE, PERCENT - SCORE_EDGE)
    off = log_odds(share) - levels.urine_activity(world, before, signal)
    return told + _normal(off, levels.URINE_WITHIN_SD**2, levels.URINE_PERSON_SD**2)[0]


def _normal(off: Floats, variance: Floats | float, person: float) -> tuple[Floats, Floats, Floats]:
    """Log density of deviations that share a normal person effect, NaN = not there; mean and variance of the effect.

    Constants that do not depend on the latent state are left out. With precisions w and their sum W, the person
    effect has variance 1 / (W + 1/person) and mean sum(w off) times it.
    """
    precision = np.where(np.isnan(off), 0.0, 1.0) / variance
    off = np.nan_to_num(off)
    left = 1.0 / (precision.sum(axis=1) + 1.0 / person)
    mean = (precision * off).sum(axis=1) * left
    return -0.5 * ((precision * off**2).sum(axis=1) - mean**2 / left), mean, left
