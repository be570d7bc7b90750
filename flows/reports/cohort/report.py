"""The cohort report: one page about the whole trial, pictures first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome
from flows.reports import page
from flows.reports.cohort.assumptions import assumptions_section
from flows.reports.cohort.calendar import calendar_section
from flows.reports.cohort.calls import calls_section
from flows.reports.cohort.eligibility import eligibility_section
from flows.reports.cohort.endpoints import champion_tile, models_section
from flows.reports.cohort.flow import flow_section
from flows.reports.cohort.lead import lead_section
from flows.reports.cohort.marker import marker_section
from flows.reports.cohort.material import Cohort
from flows.reports.cohort.outcome import outcome_section, outcome_tiles
from flows.reports.cohort.patients import patients_section
from flows.reports.cohort.quality import laboratory_section
from flows.reports.cohort.response import response_section
from flows.reports.cohort.safety import safety_section
from flows.reports.cohort.times import AS_OBSERVED, times_of
from models.result import TrainingResult


def write_cohort_report(
    trial: Trial,
    protocol: Protocol,
    outcome: Outcome,
    trainings: Sequence[TrainingResult],
    scores: pd.DataFrame,
    out: Path,
    *,
    links: Mapping[str, str] | None = None,
    files: pd.DataFrame | None = None,
) -> Path:
    """Write the cohort report as one self-contained HTML file.

    Parameters
    ----------
    trial : Trial
        May be empty.
    protocol : Protocol
    outcome : Outcome
        ``build_outcome(trial, protocol)``.
    trainings : sequence of TrainingResult
        In any order; may be empty.
    scores : DataFrame
        As ``netest score`` writes them; may be empty, also without columns.
    out : Path
        File to write; replaced whole.
    links : mapping of str to str, optional
        Names and addresses for the footer (tracking server, run). Only these may point outside the page.

    files : DataFrame, optional
        ``Store.files()`` (name, kind, status, reason): a rejected plate is not part of the trial, so only the store's
        list of files can say why it is not.

    Returns
    -------
    Path
        ``out``. The same input gives the same bytes.
    """
    return page.write(cohort_page(trial, protocol, outcome, trainings, scores, links=links, files=files), out)


def cohort_page(
    trial: Trial,
    protocol: Protocol,
    outcome: Outcome,
    trainings: Sequence[TrainingResult],
    scores: pd.DataFrame,
    *,
    links: Mapping[str, str] | None = None,
    files: pd.DataFrame | None = None,
) -> str:
    """The page of :func:`write_cohort_report` as text."""
    cohort = Cohort(trial, protocol, outcome)
    visits = times_of(cohort, "recurrence", AS_OBSERVED)
    ordered = _in_report_order(trainings, protocol)
    scores = scores if {"endpoint_id", "call", "reason"} <= set(scores.columns) else pd.DataFrame()
    primary = (champion_tile(training) for training in ordered if training.endpoint.primary)
    return page.render(
        "cohort.html",
        title=f"{trial.study or protocol['trial.name']}: cohort report",
        subtitle=_subtitle(cohort),
        simulated=trial.simulated,
        facts=page.provenance(trial, protocol),
        links=page.safe_links(links),
        tiles=outcome_tiles(cohort, visits),
        predictions=[tile for tile in primary if tile is not None],
        sections=[
            flow_section(cohort),
            eligibility_section(cohort),
            patients_section(cohort),
            calendar_section(cohort),
            outcome_section(cohort, visits),
            response_section(cohort),
            safety_section(cohort),
            marker_section(cohort),
            lead_section(cohort),
            models_section(ordered, protocol),
            calls_section(scores, protocol),
            laboratory_section(trial, protocol, files),
            assumptions_section(protocol),
        ],
    )


def _in_report_order(trainings: Sequence[TrainingResult], protocol: Protocol) -> list[TrainingResult]:
    place = {name: position for position, name in enumerate(protocol.endpoints)}
    return sorted(trainings, key=lambda training: place.get(training.endpoint.id, len(place)))


def _subtitle(cohort: Cohort) -> str:
    cut = cohort.trial.data_cut
    words = f"Data cut {page.day(cut)}. " if cut is not None else ""
    if not cohort.resected:
        return f"{words}Outcomes, response and adverse events of measured neuroendocrine disease, by arm."
    return (
        f"{words}Minimal residual disease and early recurrence after resection of neuroendocrine liver metastases, "
        "followed with the NETest blood score."
    )
