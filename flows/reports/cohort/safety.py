"""Adverse events: the worst grade of every term in every patient, by arm."""

from __future__ import annotations

import pandas as pd

from features.cohort import worst_grades
from features.cohort.adverse import ANY_TERM, GRADES
from flows.reports.blocks import Section, figures, folded, lead, tables
from flows.reports.cohort.material import Cohort, joined
from flows.reports.cohort.paint_response import paint_adverse
from flows.reports.page import Figure, Table, records
from flows.reports.style import arm_label, draw

NOTHING = "No adverse event has been delivered; nothing is known of them, which is not the same as none."
MOST_TERMS = 20


def safety_section(cohort: Cohort) -> Section:
    """Picture of the most frequent terms, and the whole table."""
    if cohort.trial.adverse_events.empty:
        return Section("safety", "Adverse events", "No adverse event has been delivered", (lead(NOTHING),))
    table = worst_grades(cohort.trial, cohort.protocol).replace({"arm": {"unallocated": ""}})
    if table.empty:
        words = "Adverse events were delivered, but none falls into the period in which they count."
        return Section("safety", "Adverse events", "No adverse event counts", (lead(words),))
    arms = [arm for arm in ("control", "prrt", "") if table["arm"].eq(arm).any()]
    grades = folded("Every term by worst grade", tables(grades_table(table, arms)))
    heading = "Grade 3 or worse: " + joined(
        [f"{row.severe} of {row.n} {arm_label(row.arm)}" for row in records(table[table["term"].eq(ANY_TERM)])]
    )
    return Section("safety", "Adverse events", heading, (*figures([adverse_figure(table, arms)]), *grades))


def by_frequency(table: pd.DataFrame) -> list[str]:
    """Terms as ``worst_grades`` orders them: any event first, then from the most to the least frequent."""
    return list(dict.fromkeys(table["term"]))


def adverse_figure(table: pd.DataFrame, arms: list[str]) -> Figure:
    """Share of patients by term and arm, any grade and grade 3 or worse."""
    terms = by_frequency(table)[:MOST_TERMS]
    told = "; ".join(
        f"{row.term}, {arm_label(row.arm)}: {row.any} of {row.n}, {row.severe} severe"
        for row in records(table[table["term"].isin(terms[:4])])
    )
    left = table["term"].nunique() - len(terms)
    more = f" The {left} rarer terms are in the table." if left else ""
    return draw(
        paint_adverse, terms, table, arms,
        key="adverse", size=(11.2, 0.27 * len(terms) + 1.1), title="Adverse events by arm",
        caption="Patients with the event at any grade (pale) and at grade 3 or worse (strong, in brackets): worst "
        f"grade of each patient and term.{more}",
        alt=f"Share of patients with each of {len(terms)} adverse events by arm. {told}.",
    )  # fmt: skip


def grades_table(table: pd.DataFrame, arms: list[str]) -> Table:
    """Patients by term, arm and worst grade."""
    found = {(row["term"], row["arm"]): row for row in table.to_dict("records")}
    rows: list[tuple[str, ...]] = []
    for term in by_frequency(table):
        cells: list[str] = []
        for arm in arms:
            row = found.get((term, arm), {})
            cells += [str(int(row.get(key, 0))) for key in (*(f"grade_{grade}" for grade in GRADES), "any")]
        rows.append((str(term), *cells))
    sizes = {arm: int(table.loc[table["arm"].eq(arm), "n"].max()) for arm in arms}
    groups = (("", 1), *((f"{arm_label(arm)} (n = {sizes[arm]})", len(GRADES) + 1) for arm in arms))
    heads = ("Worst grade", *(*map(str, GRADES), "any") * len(arms))
    return Table(heads, tuple(rows), "Patients by worst CTCAE grade; each counts once in a row.", groups=groups)
