"""Eligibility: every rule of the protocol with the patients who met it, did not, or could not be assessed."""

from __future__ import annotations

import re

import pandas as pd

from features.cohort.eligible import VERDICTS, eligibility, eligible, rules_of
from flows.reports.blocks import Section, figures, folded, lead, tables
from flows.reports.cohort.material import Cohort, counted
from flows.reports.cohort.paint_lead import paint_status
from flows.reports.page import Figure, Table, records
from flows.reports.style import draw

MET, NOT_MET, UNKNOWN = "met", "not met", "not assessable"


def eligibility_section(cohort: Cohort) -> Section:
    """Rules met, not met and not assessable, and the patients behind the last two."""
    if cohort.trial.patients.empty:
        return Section("eligibility", "Eligibility", "No patient has been delivered", ())
    found = eligibility(cohort.trial, cohort.protocol)
    counts = rule_counts(cohort, found)
    verdicts = eligible(cohort.trial, cohort.protocol).set_index("patient_id")["status"]
    heading = ", ".join(f"{int(verdicts.eq(status).sum())} {status}" for status in VERDICTS)
    open_ = int(counts["unknown"].gt(0).sum())
    people = cohort.trial.patients
    entered = verdicts.reindex(people.loc[people["randomised_on"].notna(), "patient_id"])
    broken = int(entered.eq(VERDICTS[1]).sum())
    words = (
        f"{len(counts)} rules of rule set {cohort.protocol['cohort.rule_set']}, worded so that an eligible patient "
        "fulfils them. What was not delivered is not assessable, never met: this holds for "
        f"{counted(open_, 'rule')} in one patient or more."
    )
    if broken:
        words += f" {counted(broken, 'randomised patient')} did not meet every rule; they stay in every analysis."
    blocks = [
        lead(words),
        *figures([eligibility_figure(counts)]),
        *tables(patients_table(found, counts, NOT_MET)),
        *folded("Patients in whom a rule cannot be assessed", tables(unknown_table(found, counts))),
    ]
    return Section("eligibility", "Eligibility", heading, tuple(blocks))


def rule_counts(cohort: Cohort, found: pd.DataFrame) -> pd.DataFrame:
    """One row per rule in protocol order: rule, label, met, not_met, unknown (patients)."""
    sentences = {rule.id: rule.sentence for rule in rules_of(cohort.protocol)}
    order = [rule for rule in sentences if found["rule"].eq(rule).any()]
    counts = pd.crosstab(found["rule"], found["status"]).reindex(
        index=order, columns=[MET, NOT_MET, UNKNOWN], fill_value=0
    )
    counts.columns = ["met", "not_met", "unknown"]
    return counts.assign(label=[sentences[rule].rstrip(".") for rule in order]).rename_axis("rule").reset_index()


def eligibility_figure(counts: pd.DataFrame) -> Figure:
    """One bar per rule."""
    words = "; ".join(
        f"{row.label}: {row.met} met, {row.not_met} not met, {row.unknown} not assessable" for row in records(counts)
    )
    return draw(
        paint_status, counts,
        key="eligibility", size=(11.2, 0.3 * len(counts) + 1.0), title="Rules by status",
        caption="Patients by status of each rule; numbers below 4% of the bar are not printed.",
        alt=f"Eligibility rules by status. {words}.",
    )  # fmt: skip


def patients_table(found: pd.DataFrame, counts: pd.DataFrame, status: str) -> Table | None:
    """Patients in whom a rule has a status, with what was found; None when there are none."""
    labels = dict(zip(counts["rule"], counts["label"], strict=True))
    own = found[found["status"].eq(status)]
    rows = tuple((row.patient_id, labels[row.rule], measured(row.found)) for row in records(own))
    caption = f"Rules {status}."
    return Table(("Patient", "Rule", "Found"), rows, caption, ("alarm",) * len(rows), numeric=False) if rows else None


def measured(found: str) -> str:
    """What was found, as people write it: ``6.57 week`` is 6.6 weeks, ``1.8 10^9/L`` is 1.8 x 10^9/L."""
    weeks = re.fullmatch(r"(\d+(?:\.\d+)?) week", str(found))
    return f"{float(weeks[1]):.1f} weeks" if weeks else re.sub(r"^([\d.]+) 10\^", r"\1 x 10^", str(found))


def unknown_table(found: pd.DataFrame, counts: pd.DataFrame) -> Table | None:
    """Rules that cannot be assessed, why, and in how many patients; None when there are none."""
    labels = dict(zip(counts["rule"], counts["label"], strict=True))
    own = found[found["status"].eq(UNKNOWN)]
    groups = own.groupby(["rule", "found"], sort=False)["patient_id"].agg(list).reset_index()
    rows = []
    for row in records(groups):
        names = ", ".join(row.patient_id[:MOST_NAMES]) + (" and others" if len(row.patient_id) > MOST_NAMES else "")
        rows.append((labels[row.rule], row.found, str(len(row.patient_id)), names))
    return Table(("Rule", "Why", "Patients", "Who"), tuple(rows), numeric=False) if rows else None


MOST_NAMES = 12
