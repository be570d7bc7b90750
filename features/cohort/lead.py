"""Marker versus imaging: how long before the recurrence was the marker positive, as an interval."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import closing_visit
from features.landmark import score_version
from features.measurements import measurements, sample_days
from features.outcomes import Outcome, at_risk, recurrence_intervals

LEAD_STATES = ("lead", "miss", "no sample")


def marker_flags(
    trial: Trial,
    outcome: Outcome,
    protocol: Protocol,
    *,
    analyte: str | None = None,
    cutoff: float | None = None,
) -> pd.DataFrame:
    """Every valid post-operative sample up to the recurrence, and whether it is positive.

    A sample counts up to the day of the first positive scan, or of the last contact without one. Positive: beyond
    the primary cut-off of the assay version it was measured with (``assay.<version>.primary_cutoff``, inclusive or
    not as the version says); of another analyte, above ``cutoff``.

    Parameters
    ----------
    analyte : str, optional
        The trial's blood score when omitted.
    cutoff : float, optional
        In the canonical unit; needed for an analyte that belongs to no assay of the protocol.

    Returns
    -------
    DataFrame
        ``patient_id, arm, visit`` (grid visit whose closed interval holds the sample), ``month`` (actual),
        ``value, positive``, by patient and month, at most one a day.

    Raises
    ------
    ValueError
        When an analyte without a cut-off in the protocol comes without ``cutoff``.
    LeakageError
        When versions of the blood score are mixed.
    """
    measured = measurements(trial, protocol)
    name = score_version(measured, protocol)[1] if analyte is None else analyte
    rows = measured[measured["valid"] & measured["analyte"].eq(name)]
    limits, inclusive = _limits(rows, protocol, name, cutoff)
    after = sample_days(trial, protocol).set_index("sample_id")["since_surgery"].gt(0)
    rows = rows.assign(
        month=rows["day"] / protocol.month_days,
        positive=rows["value"].gt(limits) | (inclusive & rows["value"].eq(limits)),
    )
    rows = rows[rows["sample_id"].map(after).astype(bool)]
    people = outcome.patients
    until = people["first_positive"].fillna(people["last_seen"]).fillna(np.inf)
    rows = rows[rows["month"].le(rows["patient_id"].map(until))]
    rows = rows.drop_duplicates(["patient_id", "day"], keep="last")
    rows = rows.assign(arm=rows["patient_id"].map(people["arm"]), visit=closing_visit(rows["month"], protocol))
    return rows[["patient_id", "arm", "visit", "month", "value", "positive"]].reset_index(drop=True)


def _limits(rows: pd.DataFrame, protocol: Protocol, analyte: str, cutoff: float | None) -> tuple[pd.Series, pd.Series]:
    """Cut-off of every row, and whether the cut-off itself is positive."""
    if cutoff is not None:
        return pd.Series(float(cutoff), index=rows.index), pd.Series(False, index=rows.index)
    known = {
        version: (float(assay.primary_cutoff[analyte]), assay.inclusive)
        for version, assay in protocol.assays.items()
        if analyte in assay.primary_cutoff
    }
    strange = rows.loc[~rows["version"].isin(list(known)), "version"]
    if not known or len(strange):
        what = f"version {strange.iloc[0]} of {analyte}" if known else analyte
        raise ValueError(f"{what} has no cut-off in the protocol; give cutoff in its canonical unit")
    limits = rows["version"].map({version: pair[0] for version, pair in known.items()}).astype("float64")
    return limits, rows["version"].map({version: pair[1] for version, pair in known.items()}).astype(bool)


def first_positive_samples(flags: pd.DataFrame) -> pd.Series:
    """Month of the first positive sample by patient; patients without one are left out."""
    return flags[flags["positive"]].groupby("patient_id")["month"].min()


def lead_times(
    trial: Trial,
    outcome: Outcome,
    protocol: Protocol,
    *,
    analyte: str | None = None,
    cutoff: float | None = None,
) -> pd.DataFrame:
    """How long the marker was positive before an imaging-confirmed recurrence.

    The recurrence came about in (last clear scan, first positive scan], so the lead of the first positive sample is
    the pair [last clear - sample, first positive - sample] (domain sheet 4.5; statistical design, section 4.3). The
    lower end is negative when the sample was drawn after the last clear scan. A lead time alone measures the
    calendar: print it only beside a random flag of equal positivity (``models.estimates.lead_time``).

    Parameters
    ----------
    analyte, cutoff
        As of :func:`marker_flags`.

    Returns
    -------
    DataFrame
        One row per patient with a recurrence: ``patient_id, arm, status`` (lead; miss, no sample on or before the
        first positive scan was positive; no sample), ``samples`` (number), ``marker_month, last_clear,
        first_positive`` (months from time zero; last clear 0 when no scan was clear), ``lower, upper`` (months;
        NaN unless lead).
    """
    flags = marker_flags(trial, outcome, protocol, analyte=analyte, cutoff=cutoff)
    intervals = recurrence_intervals(outcome)
    rows = intervals[intervals["event"].eq(1)]
    marker = first_positive_samples(flags).reindex(rows.index)
    samples = flags.groupby("patient_id").size().reindex(rows.index).fillna(0).astype("int64")
    lead, miss, none = LEAD_STATES
    status = np.select([marker.notna(), samples.gt(0)], [lead, miss], none)
    table = pd.DataFrame(
        {
            "arm": outcome.patients["arm"].reindex(rows.index),
            "status": status.astype(object),
            "samples": samples,
            "marker_month": marker,
            "last_clear": rows["lower"],
            "first_positive": rows["upper"],
            "lower": rows["lower"] - marker,
            "upper": rows["upper"] - marker,
        }
    )
    return table.rename_axis("patient_id").reset_index()


def positives_without_recurrence(
    trial: Trial,
    outcome: Outcome,
    protocol: Protocol,
    *,
    analyte: str | None = None,
    cutoff: float | None = None,
) -> pd.DataFrame:
    """Patients whose marker was positive after surgery and in whom imaging has found no recurrence.

    They are not yet false positives: ``followed`` says for how long imaging has been clear since.

    Returns
    -------
    DataFrame
        ``patient_id, arm, marker_month, last_adequate, followed`` (months from the first positive sample to the last
        adequate scan, 0 when there was none after it), ``died`` (bool).
    """
    flags = marker_flags(trial, outcome, protocol, analyte=analyte, cutoff=cutoff)
    marker = first_positive_samples(flags)
    rows = outcome.patients[outcome.patients["first_positive"].isna()]
    rows = rows[rows.index.isin(marker.index)]
    month = marker.reindex(rows.index)
    table = pd.DataFrame(
        {
            "arm": rows["arm"],
            "marker_month": month,
            "last_adequate": rows["last_adequate"],
            "followed": (rows["last_adequate"] - month).clip(lower=0.0).fillna(0.0),
            "died": rows["death"].notna(),
        }
    )
    return table.rename_axis("patient_id").reset_index()


def imaging_free_times(
    trial: Trial,
    outcome: Outcome,
    protocol: Protocol,
    landmark: float,
    *,
    analyte: str | None = None,
    cutoff: float | None = None,
) -> pd.DataFrame:
    """Imaging-free time from a closed landmark of the patients at risk there, by the marker of its visit.

    Returns
    -------
    DataFrame
        ``patient_id, arm, positive`` (last valid sample of the visit), ``time`` (months from L(s) to the first
        positive scan, death, or the last adequate scan) and ``event`` (1 recurrence or death). Patients without a
        sample of the visit, or without any follow-up after L(s), are left out.
    """
    flags = marker_flags(trial, outcome, protocol, analyte=analyte, cutoff=cutoff)
    flags = flags[flags["visit"].eq(float(landmark))].drop_duplicates("patient_id", keep="last")
    rows = outcome.patients[at_risk(outcome, landmark, protocol)].rename_axis("patient_id").reset_index()
    rows = rows.merge(flags[["patient_id", "positive"]], on="patient_id")
    end = rows["first_positive"].fillna(rows["death"])
    time = end.fillna(rows["last_adequate"]) - protocol.closed(float(landmark))
    table = rows[["patient_id", "arm", "positive"]].assign(time=time, event=end.notna().astype("int64"))
    return table[table["time"] > 0].reset_index(drop=True)
