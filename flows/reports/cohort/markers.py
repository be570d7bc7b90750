"""Every other marker by visit, specimen and arm: chromogranin A, urine 5-HIAA per creatinine, the urine score."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.measurements import measurements
from features.urine import hiaa_per_creatinine
from flows.reports import timeline
from flows.reports.cohort.paint_lead import paint_panels
from flows.reports.page import Figure, Table, number, records
from flows.reports.style import arm_label, draw

SPECIMENS = {"cga": "blood", "urine_score": "urine", "ratio": "urine"}
TITLES = {
    "cga": "Chromogranin A, {unit} (blood)",
    "ratio": "5-HIAA per creatinine, umol/mmol (urine)",
    "urine_score": "Urine score (urine)",
}
LOGGED = ("cga", "ratio")


def panel_values(trial: Trial, protocol: Protocol) -> dict[str, pd.DataFrame]:
    """Valid results at nominal visits of every marker that was measured: patient_id, arm, visit, value."""
    found = {}
    for name in TITLES:
        table = _ratio(trial, protocol) if name == "ratio" else timeline.analyte_months(trial, protocol, name)
        table = table[table["valid"].astype(bool) & table["value"].notna()]
        if name in LOGGED:
            table = table[table["value"] > 0]
        if len(table):
            arm = table["patient_id"].map(timeline.arms(trial)).fillna("")
            found[name] = table.assign(arm=arm)[["patient_id", "arm", "visit", "value"]]
    return found


def _ratio(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    table = hiaa_per_creatinine(measurements(trial, protocol), protocol)
    visits = trial.samples.drop_duplicates("sample_id").set_index("sample_id")["visit"]
    return table.assign(visit=table["sample_id"].map(visits), value=table["ratio"])


def panels_figure(trial: Trial, protocol: Protocol, visits: dict[str, str]) -> Figure | None:
    """One panel per marker; None when no other marker was measured."""
    values = panel_values(trial, protocol)
    values = {name: own[own["visit"].isin(list(visits))] for name, own in values.items()}
    values = {name: own for name, own in values.items() if len(own)}
    if not values:
        return None
    unit = protocol.analytes["cga"].unit if "cga" in protocol.analytes else ""
    titles = {name: TITLES[name].format(unit=unit) for name in values}
    told = []
    for name, own in values.items():
        medians = own.groupby(["visit", "arm"])["value"].agg(["median", "size"]).reset_index()
        words = ", ".join(
            f"{visits[row.visit]} {arm_label(row.arm)} median {number(row.median, 1)} (n = {row.size})"
            for row in records(medians)
        )
        told.append(f"{titles[name]}: {words}")
    return draw(
        paint_panels, {titles[name]: own for name, own in values.items()}, list(visits.items()),
        [titles[name] for name in LOGGED if name in titles],
        key="markers", size=(11.2, 4.0), title="Other markers by visit",
        caption="Chromogranin A and 5-HIAA per creatinine on logarithmic axes. Blood and urine are separate assays and "
        "are never merged; results that the laboratory withdrew are left out.",
        alt=". ".join(told) + ".",
    )  # fmt: skip


def marker_table(trial: Trial, protocol: Protocol, visits: dict[str, str]) -> Table | None:
    """Median and quartiles of every marker by visit and arm."""
    rows: list[tuple[str, ...]] = []
    marks: list[str] = []
    unit = protocol.analytes["cga"].unit if "cga" in protocol.analytes else ""
    for name, values in panel_values(trial, protocol).items():
        own = values[values["visit"].isin(list(visits))]
        if own.empty:
            continue
        rows.append((TITLES[name].format(unit=unit), "", ""))
        marks.append("group")
        parts = dict(list(own.groupby(["visit", "arm"])["value"]))
        for visit, words in visits.items():
            for arm in (*timeline.ARMS, ""):
                if (found := parts.get((visit, arm))) is None:
                    continue
                low, middle, high = found.quantile([0.25, 0.5, 0.75])
                cell = f"{number(middle, 1)} ({number(low, 1)} to {number(high, 1)})"
                rows.append((f"{words.capitalize()}, {arm_label(arm)}", str(len(found)), cell))
                marks.append("level")
    heads = ("", "Results", "Median (quartiles)")
    return Table(heads, tuple(rows), "", tuple(marks), classes="compact") if rows else None
