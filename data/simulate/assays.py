"""What the laboratory reports: blood score with plates and controls, CgA, urine 5-HIAA, creatinine, score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.simulate.disease import Disease
from data.simulate.levels import (
    CGA_LEVEL,
    CGA_PERSON_SD,
    CGA_WITHIN_SD,
    CREATININE_LEVEL,
    CREATININE_SD,
    HIAA_PERSON_SD,
    HIAA_WITHIN_SD,
    URINE_PERSON_SD,
    URINE_WITHIN_SD,
    cga_of_disease,
    cga_of_person,
    hiaa_of_disease,
    hiaa_of_person,
    postoperative_activity,
    preoperative_activity,
    urine_activity,
)
from data.simulate.streams import Floats, Streams, logistic, only
from data.simulate.worlds import World

CONTROLS = (("LOW", 14), ("LOW", 14), ("HIGH", 69), ("HIGH", 69))
SCORE_VERSION = "1.0"
CGA_KIT = "kit-a"
SPOT_VERSION = "spot"
URINE_VERSION = "urine-x"
HIAA_LIMIT = 6.0
RUN_DAYS_AFTER_LAST_TUBE = 5
VISIT_SLOTS = 8


def log_odds(score: Floats | float) -> Floats:
    """Log odds of a score from 0 to 100."""
    share = np.asarray(score, dtype=float) / 100.0
    return np.log(share / (1 - share))


def per_sample(samples: pd.DataFrame, draws: np.ndarray) -> np.ndarray:
    """The draw of each sample from draws by patient and visit; so a missing sample moves no other draw."""
    return draws[samples["patient"].to_numpy(), samples["visit_index"].to_numpy()]


def slots(patients: pd.DataFrame) -> tuple[int, int]:
    """Shape of draws by patient and visit."""
    return len(patients), VISIT_SLOTS


def true_activity(
    streams: Streams,
    world: World,
    patients: pd.DataFrame,
    samples: pd.DataFrame,
    disease: Disease,
    month_days: float,
) -> Floats:
    """Activity in each sample on the log-odds scale of the score, before any laboratory error.

    Post-operative: level + weight x signal of residual disease + direct PRRT effect + person + day-to-day
    variation; pre-operative: the tumour in place, with the same person term.
    """
    n = len(patients)
    position, visit = samples["patient"].to_numpy(), samples["visit_index"].to_numpy()
    person = streams.normal("score.person", n, world.score_person_sd)
    within = per_sample(samples, streams.normal("score.within", slots(patients), world.score_within_sd))
    tumour = preoperative_activity(world, patients, disease)
    tumour = tumour + streams.normal("score.preoperative", n, world.preoperative_sd)
    signal = _take(disease, position, samples["day"].to_numpy(float) / month_days)
    treated = patients["arm"].eq("prrt").to_numpy()[position]
    after = postoperative_activity(world, signal, visit, treated)
    return np.where(visit == 0, tumour[position], after) + person[position] + within


def _take(disease: Disease, position: np.ndarray, month: Floats) -> Floats:
    """Signal of the given patients, each at one month."""
    one = Disease(*(getattr(disease, field)[position] for field in Disease.__dataclass_fields__))
    return one.signal(month[:, None])[:, 0]


def score_plates(world: World, patients: pd.DataFrame, blood: pd.DataFrame, disease: Disease) -> np.ndarray:
    """Plate number (from 0) of each blood sample: as tubes arrive, or in a bad order if the world says so."""
    keys = [blood["sample_id"].to_numpy(), blood["received_on"].to_numpy()]
    position = blood["patient"].to_numpy()
    if world.plates_by == "arm":
        keys.append(patients["arm"].to_numpy()[position])
    if world.plates_by == "outcome":
        keys.append(disease.evident()[position] > np.median(disease.evident()))
    rank = np.empty(len(blood), dtype=np.int64)
    rank[np.lexsort(keys)] = np.arange(len(blood))
    return rank // world.scores_per_plate


def plate_shifts(streams: Streams, world: World, plates: int) -> Floats:
    """What each score plate adds to the log odds of its samples and controls: its own shift and that of its lot."""
    lot = np.arange(plates) // world.plates_per_lot
    return streams.normal("plate", plates, world.plate_sd) + streams.normal("lot", plates, world.lot_sd)[lot]


def score_results(
    streams: Streams,
    world: World,
    patients: pd.DataFrame,
    blood: pd.DataFrame,
    activity: Floats,
    plate: np.ndarray,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Blood scores and the control wells of their plates."""
    plates = int(plate.max(initial=-1)) + 1
    lot = np.arange(plates) // world.plates_per_lot
    shift = plate_shifts(streams, world, plates)
    noise = per_sample(blood, streams.normal("score.analytic", slots(patients), world.score_analytic_sd))
    failed = per_sample(blood, streams.chance("score.failed", world.score_failed, slots(patients)))
    absent = per_sample(blood, streams.chance("score.absent", world.score_absent, slots(patients)))
    value = np.rint(100 * logistic(activity + shift[plate] + noise))
    run = np.full(plates, np.datetime64("1900-01-01"))
    np.maximum.at(run, plate, blood["received_on"].to_numpy().astype("datetime64[D]"))
    names = np.array([f"PL{i + 1:04d}" for i in range(plates)])
    lots = np.array([f"L{i + 1}" for i in lot])
    results = _rows(blood, "netest_activity", value, "score", SCORE_VERSION).assign(
        plate=names[plate],
        lot=lots[plate],
        qc=only(failed, "fail"),
        reported_on=run[plate] + np.timedelta64(RUN_DAYS_AFTER_LAST_TUBE, "D"),
    )
    return results[~absent], _controls(streams, world, names, lots, shift)


def _controls(streams: Streams, world: World, names: np.ndarray, lots: np.ndarray, shift: Floats) -> pd.DataFrame:
    nominal = np.tile([value for _, value in CONTROLS], len(names)).astype(float)
    noise = streams.normal("control", (len(names), len(CONTROLS)), world.score_analytic_sd).ravel()
    return pd.DataFrame(
        {
            "plate": np.repeat(names, len(CONTROLS)),
            "lot": np.repeat(lots, len(CONTROLS)),
            "control": np.tile([name for name, _ in CONTROLS], len(names)),
            "nominal": nominal,
            "value": np.rint(100 * logistic(log_odds(nominal) + np.repeat(shift, len(CONTROLS)) + noise)),
            "unit": "score",
            "version": SCORE_VERSION,
        }
    )


def cga_results(
    streams: Streams, world: World, patients: pd.DataFrame, blood: pd.DataFrame, signal: Floats
) -> pd.DataFrame:
    """Chromogranin A in ng/mL: raised by acid suppression, by poor kidneys and by the tumour in place."""
    position, before = blood["patient"].to_numpy(), (blood["visit_index"] == 0).to_numpy()
    person = streams.normal("cga.person", len(patients), CGA_PERSON_SD)
    log_value = (
        CGA_LEVEL
        + cga_of_person(patients, person)[position]
        + cga_of_disease(world, before, signal)
        + per_sample(blood, streams.normal("cga.within", slots(patients), CGA_WITHIN_SD))
    )
    return _rows(blood, "cga", np.exp(log_value).round(1), "ng/mL", CGA_KIT).assign(
        reported_on=_reported(streams, "cga.reported", patients, blood)
    )


def urine_results(
    streams: Streams, world: World, patients: pd.DataFrame, urine: pd.DataFrame, signal: Floats
) -> pd.DataFrame:
    """Spot 5-HIAA with its creatinine, and the exploratory urine score.

    5-HIAA below the limit of the assay is reported as ``<`` the limit; a few samples lack creatinine.
    """
    shape = slots(patients)
    position, before = urine["patient"].to_numpy(), (urine["visit_index"] == 0).to_numpy()
    functional = patients["functional"].eq("yes").to_numpy()[position]
    person = streams.normal("hiaa.person", len(patients), HIAA_PERSON_SD)
    ratio = (
        hiaa_of_person(patients, person)[position]
        + hiaa_of_disease(world, before, functional, signal)
        + per_sample(urine, streams.normal("hiaa.within", shape, HIAA_WITHIN_SD))
    )
    spread = per_sample(urine, streams.normal("creatinine", shape, CREATININE_SD))
    creatinine = np.exp(CREATININE_LEVEL + spread).clip(1.2, 33).round(2)
    hiaa = np.exp(ratio) * creatinine
    below = hiaa < HIAA_LIMIT
    level = urine_activity(world, before, signal)
    noise = streams.normal("urine.person", len(patients), URINE_PERSON_SD)[position]
    noise = noise + per_sample(urine, streams.normal("urine.within", shape, URINE_WITHIN_SD))
    failed = per_sample(urine, streams.chance("hiaa.failed", 0.01, shape))
    absent = per_sample(urine, streams.chance("creatinine.absent", world.creatinine_absent, shape))
    tables = [
        _rows(urine, "5hiaa", np.where(below, HIAA_LIMIT, hiaa).round(2), "umol/L", SPOT_VERSION).assign(
            comparator=np.where(below, "<", "="),
            qc=only(failed, "fail"),
        ),
        _rows(urine, "creatinine", creatinine, "mmol/L", SPOT_VERSION)[~absent],
        _rows(urine, "urine_score", np.rint(100 * logistic(level + noise)), "score", URINE_VERSION),
    ]
    reported = pd.Series(_reported(streams, "urine.reported", patients, urine), index=urine["sample_id"].to_numpy())
    table = pd.concat(tables, ignore_index=True)
    return table.assign(reported_on=reported.loc[table["sample_id"]].to_numpy())


def _rows(samples: pd.DataFrame, analyte: str, value: Floats, unit: str, version: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": samples["sample_id"].to_numpy(),
            "analyte": analyte,
            "value": value,
            "unit": unit,
            "comparator": "=",
            "version": version,
            "plate": None,
            "lot": None,
            "qc": None,
        }
    )


def _reported(streams: Streams, name: str, patients: pd.DataFrame, samples: pd.DataFrame) -> np.ndarray:
    wait = per_sample(samples, streams.whole(name, 2, 14, slots(patients))).astype("timedelta64[D]")
    return samples["received_on"].to_numpy().astype("datetime64[D]") + wait


def laboratory_results(
    streams: Streams,
    world: World,
    patients: pd.DataFrame,
    samples: pd.DataFrame,
    disease: Disease,
    activity: Floats,
    month_days: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All results of all samples in the order of the sample labels, and the controls of the score plates."""
    signal = _take(disease, samples["patient"].to_numpy(), samples["day"].to_numpy(float) / month_days)
    is_blood = samples["specimen"].eq("blood").to_numpy()
    blood, urine = samples[is_blood], samples[~is_blood]
    plate = score_plates(world, patients, blood, disease)
    scores, controls = score_results(streams, world, patients, blood, activity[is_blood], plate)
    tables = [
        scores,
        cga_results(streams, world, patients, blood, signal[is_blood]),
        urine_results(streams, world, patients, urine, signal[~is_blood]),
    ]
    results = pd.concat([table.astype({"plate": object, "lot": object, "qc": object}) for table in tables])
    return results.sort_values("sample_id", kind="stable", ignore_index=True), controls
