"""Timed (24-hour) urine collections: daily excretion, and whether the collection was complete."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.urine.ratio import CREATININE, FAILED, HIAA, MISSING, VALID
from features.urine.samples import Results, UrineSamples, urine_samples

VOLUME, HOURS = "urine_volume", "collection_hours"
SPOT, NO_VOLUME, ODD_HOURS = "not_timed", "no_volume", "hours_out_of_range"
INCOMPLETE, TOO_MUCH = "incomplete_collection", "excess_collection"
DAY_HOURS = 24.0


def timed_collections(measured: pd.DataFrame, sex: pd.Series, protocol: Protocol, analyte: str = HIAA) -> pd.DataFrame:
    """Daily excretion of an analyte in timed urine collections.

    excretion = concentration (umol/L) x volume (mL) / 1000 x 24 / hours, all of one sample whose results carry the
    version ``urine.timed_version``; a daily amount that the laboratory reports itself (``<analyte>_24h``,
    ``creatinine_24h``) is taken where the concentration is not there. Hours that are not delivered are 24: the version
    says so. A collection is *incomplete* when its creatinine per 24 h lies below the range of the patient's sex, and
    holds more than a day (*excess*) above it (domain 2.6: incomplete collections are told by creatinine). A spot sample
    gives nothing here, and a collection gives no ratio (:func:`features.urine.per_creatinine`): they are never mixed.

    Parameters
    ----------
    measured : DataFrame
        From :func:`features.measurements.measurements`, canonical units.
    sex : Series of {"F", "M"}
        By ``patient_id``.
    protocol : Protocol
        ``urine.timed_version``, ``urine.collection_hours_range``, ``urine.creatinine_excretion`` (by sex).
    analyte : str

    Returns
    -------
    DataFrame
        By urine sample, in the order of ``measured``: ``sample_id, patient_id, day, since_surgery, collected_on, hours,
        volume`` (mL)``, excretion`` (umol/24 h)``, creatinine`` (mmol/24 h)``, censored, above, incomplete`` (1, 0;
        NaN without creatinine or sex)``, excess`` (the same)``, valid, reason`` (one of "", not_measured, not_timed,
        failed_qc, no_volume, hours_out_of_range, incomplete_collection, excess_collection)``, ln_excretion`` (NaN
        unless valid and above zero). ``excretion`` is kept for a collection that is flagged only as incomplete or
        excess; it is no valid one.
    """
    samples = urine_samples(measured)
    timed = protocol["urine.timed_version"]
    volume, hours = samples.of(VOLUME), samples.of(HOURS)
    span = np.where(hours.there, hours.value, DAY_HOURS)
    litres = volume.value / 1000
    amount, given = _amount(samples, analyte)
    creatinine, creatinine_given = _amount(samples, CREATININE)
    a_day = litres * DAY_HOURS / np.where(span > 0, span, np.nan)
    low, high = protocol["urine.collection_hours_range"]
    used = [(volume, ~given), (hours, ~given), (creatinine, np.full(len(given), True))]
    broken = np.select(
        [
            ~amount.there,
            amount.version != timed,
            ~amount.valid | np.any([part.there & ~part.valid & on for part, on in used], axis=0),
            ~given & (~volume.there | volume.below | volume.above),
            ~given & ~((span >= low) & (span <= high)),
        ],
        [MISSING, SPOT, FAILED, NO_VOLUME, ODD_HOURS],
        VALID,
    )
    usable = broken == VALID
    excretion = pd.Series(amount.value * np.where(given, 1.0, a_day)).where(usable)
    of_creatinine = creatinine.value * np.where(creatinine_given, 1.0, a_day)
    of_creatinine = np.where(usable & (creatinine.version == timed), of_creatinine, np.nan)
    incomplete, excess = _completeness(of_creatinine, samples.table["patient_id"].map(sex), protocol)
    reason = np.select([~usable, incomplete == 1, excess == 1], [broken, INCOMPLETE, TOO_MUCH], VALID)
    valid = reason == VALID
    return samples.table.assign(
        hours=np.where(usable & ~given, span, np.nan),
        volume=np.where(usable & ~given, volume.value, np.nan),
        excretion=excretion,
        creatinine=of_creatinine,
        censored=amount.below & usable,
        above=amount.above & usable,
        incomplete=incomplete,
        excess=excess,
        valid=valid,
        reason=reason.astype(object),
        ln_excretion=np.log(excretion.where((excretion > 0) & valid)),
    )


def _amount(samples: UrineSamples, analyte: str) -> tuple[Results, np.ndarray]:
    """Concentrations of an analyte, or the daily amount where there is none, and where it is the daily amount."""
    own, daily = samples.of(analyte), samples.of(f"{analyte}_24h")
    return own.or_else(daily), ~own.there & daily.there


def _completeness(creatinine: np.ndarray, sex: pd.Series, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
    """Whether creatinine per 24 h is below or above the range of the sex (1, 0; NaN when it can not be told)."""
    ranges = protocol["urine.creatinine_excretion"]
    lower, upper = (sex.map({name: edges[end] for name, edges in ranges.items()}).to_numpy(float) for end in (0, 1))
    unknown = np.isnan(creatinine) | np.isnan(lower)
    return (
        np.where(unknown, np.nan, (creatinine < lower).astype(float)),
        np.where(unknown, np.nan, (creatinine > upper).astype(float)),
    )
