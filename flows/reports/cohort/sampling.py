"""What became of the samples of a cohort: shares by visit, specimen and arm."""

from __future__ import annotations

import pandas as pd

from flows.reports.cohort.material import Cohort
from flows.reports.cohort.paint_sampling import paint_samples
from flows.reports.page import Figure, records
from flows.reports.sampling import STATES, WORDS, accounting, visit_label
from flows.reports.style import arm_label, draw
from flows.reports.timeline import arms

CAPTION = (
    "All patients of an arm, by visit; numbers are patients. A sample counts as collected when the laboratory stands "
    "by a result of it (blood: the NETest score). Grey: nothing was due any more when the visit closed. Recurrence "
    "ends the calendar of a patient: a missing late sample says something about the outcome and is never a feature."
)
BAR_INCHES = 0.31


def sample_counts(cohort: Cohort) -> pd.DataFrame:
    """Patients by specimen, visit, arm and state of the sample.

    Returns
    -------
    DataFrame
        ``specimen, month, arm, status, n, share`` (of the patients of that arm); states in the order of a bar.
    """
    table = accounting(cohort.trial, cohort.outcome, cohort.protocol)
    table["arm"] = table["patient_id"].map(arms(cohort.trial)).fillna("")
    table["status"] = pd.Categorical(table["status"], STATES, ordered=True)
    keys = ["specimen", "month", "arm"]
    counts = table.groupby([*keys, "status"], observed=True).size().rename("n").reset_index()
    whole = counts.groupby(keys)["n"].transform("sum")
    return counts.assign(share=counts["n"] / whole, status=counts["status"].astype(object))


def samples_figure(cohort: Cohort) -> Figure | None:
    """Stacked bars of every visit, specimen and arm; None when no sample has been delivered."""
    if not cohort.sampled or cohort.outcome.patients.empty:
        return None
    counts = sample_counts(cohort)
    bars = len(counts[["month", "arm"]].drop_duplicates())
    return draw(
        paint_samples, counts, _first(cohort), key="sampling", size=(11.2, 1.5 + BAR_INCHES * bars),
        title="What became of every sample", caption=cohort.spoken(CAPTION), alt=_spoken(counts, _first(cohort)),
    )  # fmt: skip


def _first(cohort: Cohort) -> str:
    return "before surgery" if cohort.resected else "baseline"


def _spoken(counts: pd.DataFrame, first: str) -> str:
    parts = []
    for _, own in counts.groupby(["specimen", "month", "arm"], sort=True):
        words = ", ".join(f"{row.n} {WORDS[row.status]}" for row in records(own))
        bar = own.iloc[0]
        parts.append(f"{bar['specimen']} {visit_label(bar['month'], first)}, {arm_label(bar['arm'])}: {words}")
    return "; ".join(parts) + "."
