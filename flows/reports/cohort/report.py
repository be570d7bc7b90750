"""The cohort report: one page about the whole trial, pictures first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome
from flows.reports import page
from flows.reports.cohort.calls import calls_table, reasons_table
from flows.reports.cohort.endpoints import champion_tile, endpoint_section
from flows.reports.cohort.marker import cutoff_table, score_figure
from flows.reports.cohort.outcome import hazard_sentence, outcome_figures, outcome_tiles, readings
from flows.reports.cohort.patients import calendar_figures, flow_figure, missing_sentence, table_one
from flows.reports.cohort.quality import controls_figure, plate_table, quality_sentence, rejected_files
from flows.reports.cohort.survival import visit_times
from flows.reports.page import Table
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
    times = visit_times(outcome, protocol)
    ordered = _in_report_order(trainings, protocol)
    scores = scores if {"endpoint_id", "call", "reason"} <= set(scores.columns) else pd.DataFrame()
    primary = (champion_tile(training) for training in ordered if training.endpoint.role == "primary")
    return page.render(
        "cohort.html",
        title=f"{trial.study or protocol['trial.name']}: cohort report",
        subtitle=_subtitle(trial, protocol),
        simulated=trial.simulated,
        facts=page.provenance(trial, protocol),
        links=page.safe_links(links),
        tiles=outcome_tiles(trial, outcome, times, protocol),
        predictions=[tile for tile in primary if tile is not None],
        flow=flow_figure(trial, outcome, protocol),
        survival=outcome_figures(times, protocol),
        readings=readings(times, protocol),
        hazard=hazard_sentence(times, protocol),
        marker=score_figure(trial, outcome, protocol),
        cutoffs=cutoff_table(trial, outcome, protocol),
        endpoints=[endpoint_section(training, protocol) for training in ordered],
        calls=calls_table(scores, protocol),
        reasons=reasons_table(scores, protocol),
        table_one=table_one(trial, protocol),
        calendar=calendar_figures(trial, outcome, protocol),
        missing=missing_sentence(trial, outcome, protocol),
        controls=controls_figure(trial, protocol),
        plates=plate_table(trial),
        rejected=rejected_files(files),
        quality=quality_sentence(trial),
        assumptions=assumption_table(protocol),
    )


def _in_report_order(trainings: Sequence[TrainingResult], protocol: Protocol) -> list[TrainingResult]:
    place = {name: position for position, name in enumerate(protocol.endpoints)}
    return sorted(trainings, key=lambda training: place.get(training.endpoint.id, len(place)))


def _subtitle(trial: Trial, protocol: Protocol) -> str:
    cut = f"Data cut {page.day(trial.data_cut)}. " if trial.data_cut is not None else ""
    return (
        f"{cut}Minimal residual disease and early recurrence after resection of neuroendocrine liver "
        f"metastases, followed "
        "with the NETest blood score."
    )


def assumption_table(protocol: Protocol) -> Table:
    """Every protocol value in use that no founding document or read source states."""
    rows = tuple(
        (record.key, f"{_plain(record.value)} {record.unit}".strip(), record.status, record.source, record.note)
        for record in protocol.assumptions()
    )
    return Table(("Value", "Set to", "Status", "From", "Note"), rows, numeric=False, classes="assumptions")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return str(value)
