"""The samples of one patient with their quality marks, and what is missing and why."""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.cohort import due_scans
from features.measurements import measurements
from features.outcomes import Outcome
from features.urine import hiaa_per_creatinine
from flows.reports import timeline
from flows.reports.page import EMPTY, Table, day, number, records, text

URINE_WORDS = {
    "not_measured": "5-HIAA was not measured",
    "failed_qc": "a result failed quality control",
    "not_spot": "not a spot sample",
    "no_creatinine": "no creatinine, so no ratio",
    "creatinine_out_of_range": "creatinine outside the plausible range, so no ratio",
}


def patient_samples(trial: Trial, protocol: Protocol, patient_id: str) -> pd.DataFrame:
    """Samples of one patient in order of time, with ``month``."""
    samples = trial.samples[trial.samples["patient_id"].eq(patient_id)]
    return timeline.dated(trial, protocol, samples, "collected_on").sort_values(["month", "sample_id"], kind="stable")


def sample_table(trial: Trial, protocol: Protocol, patient_id: str) -> Table | None:
    """One row per sample: when, results as delivered, plate and quality mark."""
    samples = patient_samples(trial, protocol, patient_id)
    if samples.empty:
        return None
    rows, marks = [], []
    for sample in records(samples):
        results = trial.results[trial.results["sample_id"].eq(sample.sample_id)]
        verdicts = trial.verdicts[trial.verdicts["sample_id"].eq(sample.sample_id)]
        mark, words = quality_mark(results, verdicts)
        plates = sorted({*results["plate"].dropna(), *verdicts["plate"].dropna()})
        rows.append(
            (
                text(sample.sample_id),
                text(sample.specimen),
                text(sample.visit).replace("_", " "),
                f"{day(sample.collected_on)} (month {sample.month:.1f})",
                "; ".join(_result_words(row) for row in records(results)) or EMPTY,
                ", ".join(plates) or EMPTY,
                words,
            )
        )
        marks.append(mark)
    heads = ("Sample", "Specimen", "Visit", "Collected", "Results as delivered", "Plate", "Quality")
    return Table(heads, tuple(rows), "", tuple(marks), numeric=False)


def _result_words(row: Any) -> str:
    sign = "" if row.comparator in ("=", None) else f"{row.comparator} "
    value = number(row.value, 1).removesuffix(".0")
    failed = " (withdrawn)" if row.qc == "fail" else ""
    return f"{row.analyte} {sign}{value} {row.unit}, {row.version}{failed}"


def quality_mark(results: pd.DataFrame, verdicts: pd.DataFrame) -> tuple[str, str]:
    """CSS class and words for the quality of a sample: the worst of its plate verdicts and withdrawn results."""
    worst = next((name for name in ("reject", "repeat") if verdicts["verdict"].eq(name).any()), "")
    words = [
        f"{row.plate}: {row.verdict}" + (f" ({str(row.codes).replace(';', ', ')})" if row.codes else "")
        for row in records(verdicts)
    ]
    withdrawn = list(results.loc[results["qc"].eq("fail"), "analyte"])
    words += [f"{name} withdrawn by the laboratory" for name in withdrawn]
    if not words:
        return "", "no remark"
    return worst or ("warn" if withdrawn else "pass"), "; ".join(words)


def missing_lines(trial: Trial, protocol: Protocol, outcome: Outcome, patient_id: str) -> list[str]:
    """Scans that were due and are not there, and results that are there and cannot be used, and why.

    Absent samples stand in the strip (:func:`flows.reports.patient.strip.sample_strip`).
    """
    lines = []
    scans = due_scans(outcome, protocol)
    for row in records(scans[scans["patient_id"].eq(patient_id) & ~scans["got"].astype(bool)]):
        lines.append(f"{timeline.MODALITIES[row.modality]} at month {row.month:g}: due, no adequate scheduled scan.")
    lines += _unusable(trial, protocol, patient_id)
    first = outcome.patients["first_positive"].get(patient_id)
    if first is not None and pd.notna(first):
        lines.append(f"Nothing is due after the recurrence seen at month {first:.1f}.")
    return lines


def _unusable(trial: Trial, protocol: Protocol, patient_id: str) -> list[str]:
    table = measurements(trial, protocol)
    own = table[table["patient_id"].eq(patient_id)]
    lines = [
        f"{row.analyte} of sample {row.sample_id}: failed quality control, not used."
        for row in records(own[~own["valid"].astype(bool)])
    ]
    urine = hiaa_per_creatinine(own, protocol)
    lines += [f"Urine sample {row.sample_id}: {URINE_WORDS[row.reason]}." for row in records(urine) if row.reason]
    samples = patient_samples(trial, protocol, patient_id)
    silent = samples[samples["specimen"].eq("blood") & ~samples["sample_id"].isin(trial.results["sample_id"])]
    return lines + [f"Blood sample {row.sample_id}: drawn, no result delivered." for row in records(silent)]
