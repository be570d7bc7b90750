"""Spot urine analytes per creatinine."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol, ProtocolError
from features.measurements import BELOW_LIMIT
from features.urine.samples import SAMPLE, urine_samples

HIAA, CREATININE = "5hiaa", "creatinine"
VALID, MISSING, MISSING_CREATININE = "", "not_measured", "no_creatinine"
FAILED, TIMED, DILUTE = "failed_qc", "not_spot", "creatinine_out_of_range"


def per_creatinine(measured: pd.DataFrame, protocol: Protocol, analyte: str = HIAA) -> pd.DataFrame:
    """ln[analyte / creatinine] of every urine sample, for an analyte that the protocol marks ``per_creatinine``.

    Both must come from the same sample and be measured in spot urine (``version`` as in ``urine.spot_version``):
    spot and 24-hour collections are never mixed. A ratio that the laboratory has formed itself (analyte
    ``<analyte>_creatinine``, e.g. in mg/g) is taken where the sample has no concentration of the analyte; creatinine,
    when it is there, is judged all the same. A value below its limit enters as limit / sqrt(2) (Hornung and Reed
    1990) and is flagged; one above its limit enters as the limit. Creatinine beyond a limit of its assay is out of
    range: the ratio would then be bounded on no known side. Range and form: statistical design, section 2; cut-off
    and conversions: domain 2.6.

    Parameters
    ----------
    measured : DataFrame
        From :func:`features.measurements.measurements`, canonical units.
    protocol : Protocol
        ``urine.creatinine_range`` (mmol/L, limits included), ``urine.spot_version``.
    analyte : str

    Returns
    -------
    DataFrame
        By urine sample, in the order of ``measured``: ``sample_id, patient_id, day, since_surgery, ratio``
        (5-HIAA: umol/mmol)``, ln_ratio`` (NaN when ``reason`` is not empty or the ratio is zero)``, censored`` (below
        the limit of the assay)``, valid, reason`` (one of "", not_measured, failed_qc, not_spot, no_creatinine,
        creatinine_out_of_range)``, above`` (above the limit of the assay)``, limit`` (ratio at that limit, NaN for a
        measured value)``, collected_on``.

    Raises
    ------
    ProtocolError
        When the protocol does not mark the analyte.
    """
    rule = protocol.analytes.get(analyte)
    if rule is None or not rule.per_creatinine:
        marked = ", ".join(name for name, other in protocol.analytes.items() if other.per_creatinine) or "none"
        raise ProtocolError(
            f"{protocol.path.name}: analyte {analyte} is not marked per_creatinine = true; marked are: {marked}"
        )
    return _ratios(measured, protocol, analyte)


def hiaa_per_creatinine(measured: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """ln[5-HIAA (umol/L) / creatinine (mmol/L)] of every urine sample (:func:`per_creatinine`).

    A protocol without the mark, or without urine, gives no error here: reports ask for it whatever was delivered.
    """
    return _ratios(measured, protocol, HIAA)


def _ratios(measured: pd.DataFrame, protocol: Protocol, analyte: str) -> pd.DataFrame:
    samples = urine_samples(measured)
    own, formed, creatinine = (samples.of(name) for name in (analyte, f"{analyte}_{CREATININE}", CREATININE))
    value, divided = own.or_else(formed), own.there | ~formed.there
    lower, upper = protocol["urine.creatinine_range"]
    spot = protocol["urine.spot_version"]
    usual = (creatinine.value >= lower) & (creatinine.value <= upper) & ~creatinine.below & ~creatinine.above
    reason = np.select(
        [
            ~value.there,
            (value.version != spot) | (creatinine.there & (creatinine.version != spot)),
            ~value.valid | (creatinine.there & ~creatinine.valid),
            divided & ~creatinine.there,
            creatinine.there & ~usual,
        ],
        [MISSING, TIMED, FAILED, MISSING_CREATININE, DILUTE],
        VALID,
    )
    usable = reason == VALID
    ratio = np.where(usable, value.value / np.where(divided & usable, creatinine.value, 1.0), np.nan)
    below, above = value.below & usable, value.above & usable
    limit = np.select([below, above], [ratio / BELOW_LIMIT, ratio], np.nan)
    ln_ratio = np.log(np.where(ratio > 0, ratio, np.nan))
    facts = {name: samples.table[name] for name in SAMPLE}
    collected_on = facts.pop("collected_on")
    columns = {
        "ratio": ratio,
        "ln_ratio": ln_ratio,
        "censored": below,
        "valid": usable,
        "reason": reason.astype(object),
        "above": above,
        "limit": limit,
        "collected_on": collected_on,
    }
    return pd.DataFrame(facts | columns)
