"""The trial as it was known when a landmark closed: per patient, only records dated on or before L(s)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import DAY, closing_day, of_patient, origin_dates

# The date that places a record in time, and dates inside it that are blanked when they lie later.
DATED = {
    "samples": ("collected_on", ("received_on", "frozen_on")),
    "imaging": ("scan_on", ()),
    "lesions": ("scan_on", ()),
    "treatments": ("started_on", ("ended_on",)),
    "quality_of_life": ("assessed_on", ()),
    "adverse_events": ("started_on", ()),
}


def closing_dates(trial: Trial | pd.DataFrame, protocol: Protocol, landmark: float) -> pd.Series:
    """Last calendar day of each patient's landmark: the whole days of L(s) after time zero.

    Parameters
    ----------
    trial : Trial or DataFrame
        The trial, or its patients table (enough unless the clock starts at the first treatment).

    Returns
    -------
    Series of datetime64[ns]
        Indexed by ``patient_id``; NaT where time zero is unknown (nothing of the patient is kept
        then).
    """
    return origin_dates(trial, protocol) + np.floor(closing_day(protocol, landmark)) * DAY


def _dated_up_to(frame: pd.DataFrame, column: str, later: tuple[str, ...], closes: pd.Series) -> pd.DataFrame:
    if frame.empty:
        return frame
    limit = of_patient(closes, frame["patient_id"])
    keep = frame[column].to_numpy() <= limit
    kept = frame[keep].reset_index(drop=True)
    ends = {name: kept[name].to_numpy() > limit[keep] for name in later}
    return kept.assign(**{name: kept[name].mask(beyond) for name, beyond in ends.items() if beyond.any()})


def _follow_up(followup: pd.DataFrame, closes: pd.Series) -> pd.DataFrame:
    """Last contact at L(s) at the latest; a later death has not happened yet."""
    known = followup[followup["patient_id"].isin(closes.index)].reset_index(drop=True)
    limit = pd.Series(of_patient(closes, known["patient_id"]), index=known.index)
    died_on = known["died_on"].where(known["died_on"].notna(), known["last_seen_on"])
    dead = (known["status"] == "dead") & (died_on <= limit)
    return known.assign(
        last_seen_on=known["last_seen_on"].where(known["last_seen_on"] <= limit, limit),
        status=known["status"].where(dead, "alive"),
        died_on=known["died_on"].where(dead),
        death_cause=known["death_cause"].where(dead, None),
    )


def truncate(trial: Trial, protocol: Protocol, landmark: float) -> Trial:
    """Forget everything dated after the closed landmark L(s) of each patient.

    Samples go by ``collected_on`` (their results, wells and verdicts with them; ``received_on``,
    ``frozen_on`` and ``reported_on`` later than L(s) are blanked), scans by ``scan_on``, treatments and
    adverse events by ``started_on`` (``ended_on`` blanked when later), questionnaires by ``assessed_on``.
    Follow-up is clipped: last seen at L(s) at the latest, a later death is undone. Control wells stay with
    the plates that stay. The patients table holds baseline facts and is kept whole. Records without a date or
    of unknown patients are dropped.

    Parameters
    ----------
    trial : Trial
    protocol : Protocol
    landmark : float
        Months from time zero.

    Returns
    -------
    Trial
        ``digest`` is empty: the content is no longer that of the data cut. Truncating twice changes nothing
        more.
    """
    closes = closing_dates(trial, protocol, landmark)
    frames = {
        name: _dated_up_to(getattr(trial, name), column, later, closes) for name, (column, later) in DATED.items()
    }
    samples = frames["samples"]
    frames["results"] = _results(trial.results, samples, closes)
    verdicts = trial.verdicts
    frames["verdicts"] = verdicts[verdicts["sample_id"].isin(samples["sample_id"])].reset_index(drop=True)
    frames["wells"] = _wells(trial.wells, samples["sample_id"])
    # Not by concatenation: text and categories, one of them empty, have no type in common.
    plates = {*frames["results"]["plate"].dropna().unique(), *frames["wells"]["plate"].dropna().unique()}
    controls = trial.controls[trial.controls["plate"].isin(plates)].reset_index(drop=True)
    return trial.replace(**frames, controls=controls, followup=_follow_up(trial.followup, closes), digest="")


def _results(results: pd.DataFrame, samples: pd.DataFrame, closes: pd.Series) -> pd.DataFrame:
    """Results of the samples: a result is of the day of its sample, and a report that came later is not known yet."""
    place = pd.Index(samples["sample_id"]).get_indexer(pd.Index(results["sample_id"].to_numpy()))
    kept = results[place >= 0].reset_index(drop=True)
    reported = kept["reported_on"]
    if reported.isna().all():
        return kept
    limit = of_patient(closes, samples["patient_id"])[place[place >= 0]]
    return kept.assign(reported_on=reported.where(reported.to_numpy() <= limit))


def _wells(wells: pd.DataFrame, samples: pd.Series) -> pd.DataFrame:
    """Wells of the samples, with the control wells of their plates."""
    own = wells["sample_id"].isin(samples)
    control = wells["sample_id"].isna() & wells["plate"].isin(wells.loc[own, "plate"].unique())
    return wells[own | control].reset_index(drop=True)
