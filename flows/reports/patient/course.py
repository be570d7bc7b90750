"""One patient on the time axis: the score with its bands, scans and treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.cohort import due_samples
from features.outcomes import Outcome
from flows.reports import timeline
from flows.reports.page import Figure, number, records
from flows.reports.patient.paint import Course, Track, paint_trajectory
from flows.reports.style import draw
from models.metrics.intervals import normal_quantile

POINTS = ("month", "value", "version", "failed", "comparator", "lower", "upper")


def patient_course(trial: Trial, protocol: Protocol, outcome: Outcome, patient_id: str) -> Course:
    """Scans, PRRT cycles, death and landmarks of one patient."""
    scans = timeline.scan_states(trial, protocol)
    cycles = trial.treatments[trial.treatments["kind"].eq("prrt") & trial.treatments["patient_id"].eq(patient_id)]
    found = outcome.patients.index == patient_id
    row = outcome.patients[found].iloc[0] if found.any() else pd.Series(dtype=float)
    return Course(
        scans=scans[scans["patient_id"].eq(patient_id)],
        cycles=timeline.dated(trial, protocol, cycles, "started_on"),
        death=float(row.get("death", np.nan)),
        last_seen=float(row.get("last_seen", np.nan)),
        entry=float(row.get("entry", np.nan)),
        landmarks=tuple(month for month in protocol.landmarks if month > 0),
    )


def control_spread(controls: pd.DataFrame, version: str) -> pd.DataFrame:
    """Standard deviation of the readings around the assigned value, by control level.

    Returns
    -------
    DataFrame
        nominal, sd (score points); levels with fewer than two readings are left out.
    """
    own = controls[controls["version"].isna() | controls["version"].eq(version)].dropna(subset=["nominal", "value"])
    squares = ((own["value"] - own["nominal"]) ** 2).groupby(own["nominal"]).agg(["size", "mean"]).reset_index()
    squares = squares[squares["size"].ge(2)]
    return pd.DataFrame({"nominal": squares["nominal"], "sd": np.sqrt(squares["mean"])})


def analytical_band(values: pd.Series, spread: pd.DataFrame) -> pd.DataFrame:
    """95% band of each score from the controls; between two control levels the spread is interpolated.

    Returns
    -------
    DataFrame
        lower, upper; NaN without controls.
    """
    if spread.empty:
        return pd.DataFrame({"lower": np.nan, "upper": np.nan}, index=values.index)
    width = normal_quantile() * np.interp(values, spread["nominal"], spread["sd"])
    return pd.DataFrame({"lower": values - width, "upper": values + width}, index=values.index)


def analyte_track(trial: Trial, protocol: Protocol, outcome: Outcome, patient_id: str, analyte: str) -> Track:
    """One analyte of one patient, with cut-offs and band when it is a NETest score."""
    table = timeline.analyte_months(trial, protocol, analyte)
    table = table[table["patient_id"].eq(patient_id) & table["value"].notna()]
    table = table.assign(failed=~table["valid"].astype(bool))
    versions = table["version"].dropna()
    version = str(versions.mode().iloc[0]) if len(versions) else ""
    assay = protocol.assays.get(version)
    rule = protocol.analytes.get(analyte)
    is_score = assay is not None and analyte in assay.analytes
    band = analytical_band(table["value"], control_spread(trial.controls, version) if is_score else pd.DataFrame())
    points = table.assign(lower=band["lower"], upper=band["upper"])[list(POINTS)]
    if is_score and rule is not None:
        points[["lower", "upper"]] = points[["lower", "upper"]].clip(rule.lower, rule.upper)
    name = analyte.replace("_", " ").replace("netest", "NETest")
    return Track(
        title=f"{name}, version {version}" if is_score else name,
        unit=rule.unit if rule else "",
        points=points,
        cutoffs=assay.cutoffs.get(analyte, ()) if assay and is_score else (),
        upper=rule.upper if is_score and rule else None,
        expected=missing_months(trial, protocol, outcome, patient_id, "blood") if is_score else (),
    )


def missing_months(
    trial: Trial, protocol: Protocol, outcome: Outcome, patient_id: str, specimen: str
) -> tuple[float, ...]:
    """Months at which a sample was due and none was drawn."""
    due = due_samples(trial, outcome, protocol)
    own = due[due["patient_id"].eq(patient_id) & due["specimen"].eq(specimen) & ~due["got"].astype(bool)]
    return tuple(own["month"])


def _span(trial: Trial, protocol: Protocol, course: Course, patient_id: str) -> tuple[float, float]:
    samples = timeline.dated(trial, protocol, trial.samples, "collected_on")
    months = [*samples.loc[samples["patient_id"].eq(patient_id), "month"], *course.scans["month"], course.death, 12.0]
    known = [month for month in months if np.isfinite(month)]
    return min(-1.5, min(known) - 0.6), 6 * np.ceil((max(known) + 0.8) / 6)


def trajectory_figure(trial: Trial, protocol: Protocol, outcome: Outcome, course: Course, patient_id: str) -> Figure:
    """The NETest score over scans and treatment."""
    analyte, _ = timeline.score_analyte(trial, protocol)
    usual = protocol.assays[str(protocol["assay_default.version"])].analytes[0]
    track = analyte_track(trial, protocol, outcome, patient_id, analyte or usual)
    first, last = _span(trial, protocol, course, patient_id)
    values = "; ".join(
        f"month {row.month:.1f}: {number(row.value, 0)}{' (failed quality control)' if row.failed else ''}"
        for row in records(track.points.sort_values("month"))
    )
    scans = "; ".join(
        f"month {row.month:.1f} {row.modality} {row.state}" for row in records(course.scans.sort_values("month"))
    )
    bands = ", ".join(f"{cut:g}" for cut in track.cutoffs)
    return draw(
        paint_trajectory, track, course, first, last, timeline.since(protocol),
        key="trajectory", size=(11.2, 5.6), title="",
        caption="Above: the score as reported, solid after surgery; shading changes at the published cut-offs"
        f"{f' {bands}' if bands else ''}. The broad bar is the analytical 95% band from the plate controls. "
        "Below: scans and treatment on the same axis.",
        alt=f"{track.title}: {values or 'no result'}. Scans: {scans or 'none'}. PRRT cycles: "
        f"{len(course.cycles)}.",
    )  # fmt: skip
