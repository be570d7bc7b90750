"""From the imaging table to the scans that carry something, as the charter of the protocol reads them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import calendar_visit, choice, closing_visit, days_from, origin_dates, surgery_dates

STATES = ("clear", "equivocal", "recurrence")
ANATOMIC = ("mri", "ct")
CONFIRMING, FIRST_APPEARANCE = "event at the confirming scan", "first appearance"
ALL_SCANS, PROTOCOL_SCANS = "all scans", "protocol scans"
DOTATATE_RULES = ("site read", "sufficient", "requires_anatomic_correlate")


def adequate_scans(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Adequate scans after surgery with the visit that each belongs to.

    A scan counts as scheduled when its ``scheduled_month`` is the visit whose closed interval holds its day.
    When the table holds no ``scheduled_month`` at all it is assigned from the calendar of the modality. Any
    other scan is unscheduled and falls into the interval it lies in. Scans on or before the day of surgery (of time
    zero where no day of surgery is known) show the disease that was resected and are left out; scans that are not
    adequate carry nothing (statistical design, section 1).

    Returns
    -------
    DataFrame
        ``patient_id, month, visit, scheduled, state, modality, site``, by patient and month; months from
        ``clock.origin``, negative for a scan between surgery and a later time zero.
    """
    imaging = trial.imaging
    who = imaging["patient_id"]
    month = days_from(who, imaging["scan_on"], origin_dates(trial, protocol)) / protocol.month_days
    since_surgery = days_from(who, imaging["scan_on"], surgery_dates(trial.patients))
    visit = closing_visit(month, protocol)
    nominal = imaging["scheduled_month"]
    if len(imaging) and nominal.isna().all():
        nominal = calendar_visit(month, imaging["modality"], protocol)
    after = since_surgery.where(since_surgery.notna(), month) > 0
    keep = (imaging["adequate"] == "yes") & imaging["finding"].isin(STATES) & after & month.notna()
    scans = pd.DataFrame(
        {
            "patient_id": who,
            "month": month,
            "visit": visit,
            "scheduled": (nominal == visit).to_numpy(dtype=bool),
            "state": imaging["finding"],
            "modality": imaging["modality"],
            "site": imaging["site"],
        }
    )
    scans = scans[keep].sort_values(["patient_id", "month", "modality"], ignore_index=True)
    return charter_read(scans, protocol)


def visit_keys(scans: pd.DataFrame) -> pd.MultiIndex:
    """Patient and closing visit of each scan, to ask what else one visit shows."""
    return pd.MultiIndex.from_frame(scans[["patient_id", "visit"]])


def charter_read(scans: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """What a lesion seen on receptor PET/CT alone counts for (``imaging.dotatate_new_lesion``).

    RECIST 1.1 speaks of FDG only, so a DOTATATE-positive lesion needs a rule of the charter (domain 4.2).
    *site read* and *sufficient*: the positive scan is a recurrence. *requires_anatomic_correlate*: it is equivocal
    unless a positive MRI or CT belongs to the same visit, some days before or after: the scans of one visit are one
    assessment, dated by the first of them that is positive. Confirmed at a later visit, the recurrence dates from the
    scan that confirms it.
    """
    rule = choice(protocol, "imaging.dotatate_new_lesion", DOTATATE_RULES)
    if rule != "requires_anatomic_correlate" or scans.empty:
        return scans
    positive, keys = scans["state"] == "recurrence", visit_keys(scans)
    correlate = keys.isin(keys[positive & scans["modality"].isin(ANATOMIC)])
    alone = positive & scans["modality"].eq("petct") & ~correlate
    return scans.assign(state=scans["state"].mask(alone, "equivocal"))


def liver_read(scans: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """The same scans read for the liver: a recurrence outside it only is clear (domain 5, discrepancy 21).

    A positive scan without a site counts as the record ``imaging.unknown_site`` says ("liver" or "extrahepatic").
    """
    choice(protocol, "survival.extrahepatic_only", ("keeps liver follow-up",))
    unknown = choice(protocol, "imaging.unknown_site", ("liver", "extrahepatic"))
    outside = (scans["state"] == "recurrence") & (scans["site"].fillna(unknown) == "extrahepatic")
    return scans.assign(state=scans["state"].mask(outside, "clear"))


def first_positive(scans: pd.DataFrame) -> pd.Series:
    """Month of the first positive scan of the patient, beside every scan (inf when none)."""
    month = scans["month"].where(scans["state"] == "recurrence")
    return month.groupby(scans["patient_id"]).transform("min").fillna(np.inf)


def backdated(scans: pd.DataFrame) -> pd.DataFrame:
    """Date a confirmed equivocal lesion back to the scan that showed it first (sensitivity; domain 4.2, L57 S-TRAC).

    The run of equivocal scans that ends in the first positive scan is taken back to its first scan; a clear
    assessment in between ends the run. A visit with an equivocal scan is not clear, whatever its other scans show.
    Never for risk sets: it would remove patients from them after the fact (statistical design, section 1).
    """
    if scans.empty:
        return scans
    event = first_positive(scans)
    equivocal = scans["state"] == "equivocal"
    keys = visit_keys(scans)
    doubtful = scans["scheduled"] & keys.isin(keys[equivocal & scans["scheduled"]])
    clear = scans["month"].where((scans["state"] == "clear") & ~doubtful & (scans["month"] < event))
    last_clear = clear.groupby(scans["patient_id"]).transform("max").fillna(-np.inf)
    run = equivocal & (event < np.inf) & (scans["month"] < event) & (scans["month"] > last_clear)
    appeared = scans["month"].where(run).groupby(scans["patient_id"]).transform("min")
    return scans.assign(state=scans["state"].mask(run & scans["month"].eq(appeared), "recurrence"))


def read_scans(
    trial: Trial,
    protocol: Protocol,
    *,
    equivocal: str | None = None,
    ascertainment: str | None = None,
    organ: str = "any",
) -> pd.DataFrame:
    """Adequate scans under the options of an analysis.

    Parameters
    ----------
    equivocal : {"event at the confirming scan", "first appearance"}, optional
        Date of a confirmed equivocal finding. The record ``imaging.equivocal`` when omitted, which may only name
        the first: back-dating is asked for call by call, as a sensitivity analysis.
    ascertainment : {"all scans", "protocol scans"}, optional
        Whether unscheduled scans count; the record ``imaging.ascertainment`` when omitted.
    organ : {"any", "liver"}
        Whose recurrence is read.

    Returns
    -------
    DataFrame
        As of :func:`adequate_scans`.

    Raises
    ------
    ValueError
        When an option is none of those.
    """
    if equivocal is None:
        equivocal = choice(protocol, "imaging.equivocal", (CONFIRMING,))
    if ascertainment is None:
        ascertainment = choice(protocol, "imaging.ascertainment", (ALL_SCANS, PROTOCOL_SCANS))
    allowed = {
        "equivocal": (equivocal, (CONFIRMING, FIRST_APPEARANCE)),
        "ascertainment": (ascertainment, (ALL_SCANS, PROTOCOL_SCANS)),
        "organ": (organ, ("any", "liver")),
    }
    for name, (value, values) in allowed.items():
        if value not in values:
            raise ValueError(f"{name} {value!r}: use {' or '.join(values)}")
    choice(protocol, "survival.clinical_recurrence", ("not an event",))
    scans = adequate_scans(trial, protocol)
    if organ == "liver":
        scans = liver_read(scans, protocol)
    if ascertainment == PROTOCOL_SCANS:
        scans = scans[scans["scheduled"]].reset_index(drop=True)
    return backdated(scans) if equivocal == FIRST_APPEARANCE else scans
