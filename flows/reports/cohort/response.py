"""Response of measured disease: waterfall of best change, rates by arm and by subgroup."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import origin_dates
from features.cohort import therapy_line
from features.outcomes.therapy import first_new_therapy
from features.response.assess import assess
from features.response.best import BEST_FIRST, best_response, counted
from flows.reports import timeline
from flows.reports.blocks import Section, figures, lead, note, tables
from flows.reports.cohort.material import NOT_ESTIMABLE, Cohort, joined, p_value
from flows.reports.cohort.material import counted as number_of
from flows.reports.cohort.paint_response import paint_waterfall
from flows.reports.page import EMPTY, Figure, Table, interval, percent_interval, records
from flows.reports.style import arm_label, draw
from models.estimates.proportions import fisher, odds_ratio, proportion
from models.estimates.subgroups import rates_by_level

NOTHING = "No lesion has been delivered: after complete resection there is nothing to measure, so response is left out."
SUBGROUPS = {"grade": "Grade", "primary_site": "Primary tumour", "line": "Line of therapy"}
RESPONDED = ("CR", "PR")


def response_section(cohort: Cohort) -> Section:
    """Waterfall and response rates; one line without lesions."""
    if cohort.trial.lesions.empty:
        return Section("response", "Response", "No lesion has been followed", (lead(NOTHING),))
    people = responders(cohort.trial, cohort.protocol)
    if people.empty:
        words = "Lesions were delivered, but nobody has an assessment after the baseline."
        return Section("response", "Response", "No response can be assessed yet", (lead(words),))
    blocks = [
        *figures([waterfall(people, cohort.protocol)]),
        *tables(rates_table(cohort, people), best_table(cohort, people), subgroup_table(people)),
        note(
            "RECIST 1.1; best overall response up to progression or a new therapy, not confirmed by a second "
            "assessment. Patients without an assessment that counts are not responders."
        ),
    ]
    told = [
        f"{int(own['responded'].sum())} of {number_of(len(own), 'patient')} {arm_label(arm)}"
        for arm in cohort.groups
        if len(own := cohort.own(people, arm))
    ]
    return Section("response", "Response", f"Responded: {joined(told)}", tuple(blocks))


def responders(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """One row per patient with a baseline and a later assessment: arm, best, responded, change, grade, primary, line.

    ``change`` is the lowest change of the sum of target diameters from baseline among the assessments that count.
    """
    zero = origin_dates(trial, protocol)
    rows = assess(trial.lesions, protocol, zero)
    if rows.empty:
        return pd.DataFrame()
    new = first_new_therapy(trial, protocol, zero)
    best = best_response(rows, protocol, new_therapy=new).set_index("patient_id")["best"]
    change = counted(rows, new_therapy=new).groupby("patient_id")["change_from_baseline"].min()
    facts = trial.patients.set_index("patient_id")
    return pd.DataFrame(
        {
            "patient_id": best.index,
            "arm": timeline.arms(trial).reindex(best.index).to_numpy(),
            "best": best.to_numpy(),
            "responded": best.isin(RESPONDED).to_numpy(),
            "change": change.reindex(best.index).to_numpy(),
            "grade": facts["grade"].reindex(best.index).to_numpy(),
            "primary_site": facts["primary_site"].reindex(best.index).to_numpy(),
            "line": therapy_line(trial, protocol).reindex(best.index).to_numpy(),
        }
    )


def waterfall(people: pd.DataFrame, protocol: Protocol) -> Figure | None:
    """Bars of best change from growth to shrinkage; None when no target lesion was measured."""
    bars = people.dropna(subset=["change"]).sort_values(["change", "patient_id"], ascending=[False, True])
    if bars.empty:
        return None
    partial, growth = -float(protocol["response.partial_percent"]), float(protocol["response.progression_percent"])
    shrunk = int(bars["change"].le(partial).sum())
    return draw(
        paint_waterfall, bars, partial, growth,
        key="waterfall", size=(11.2, 4.2), title="Best change of the target lesions",
        caption="One bar per patient; best overall response at its end. Dashed: partial response from the baseline, "
        "progression from the smallest sum. Growth beyond 100% is cut.",
        alt=f"Waterfall of {len(bars)} patients: best change from {bars['change'].max():+.0f}% to "
        f"{bars['change'].min():+.0f}%; {shrunk} shrank by {-partial:g}% or more.",
    )  # fmt: skip


def rates_table(cohort: Cohort, people: pd.DataFrame) -> Table:
    """Response rate by arm with exact interval, and Fisher's test between the arms."""
    rows = []
    for arm in cohort.groups:
        own = cohort.own(people, arm)
        if len(own):
            yes, n = int(own["responded"].sum()), len(own)
            found = proportion(yes, n)
            rows.append((arm_label(arm), str(n), str(yes), percent_interval(found.value, found.lower, found.upper)))
    caption = "Complete or partial response, exact 95% interval. " + compared(cohort, people)
    return Table(("", "Patients", "Responders", "Rate"), tuple(rows), caption.strip(), classes="compact")


def compared(cohort: Cohort, people: pd.DataFrame) -> str:
    """Fisher's test and odds ratio in a sentence."""
    if not cohort.two_arms:
        return ""
    (a, b), (c, d) = (
        (int(own["responded"].sum()), int((~own["responded"]).sum()))
        for own in (cohort.own(people, "prrt"), cohort.own(people, "control"))
    )
    if not (a + b and c + d):
        return "Fisher's test: not estimable (one arm has no patient assessed)."
    ratio = odds_ratio(a, b, c, d)
    words = interval(ratio.value, ratio.lower, ratio.upper)
    told = NOT_ESTIMABLE if words == EMPTY else words
    return f"PRRT against control: Fisher's P = {p_value(fisher(a, b, c, d).p)}, odds ratio {told}."


def best_table(cohort: Cohort, people: pd.DataFrame) -> Table:
    """Best overall response by arm, counts."""
    order = [name for name in BEST_FIRST if people["best"].eq(name).any()]
    best = [cohort.own(people, arm)["best"] for arm in cohort.groups]
    rows = tuple((name, *(str(int(own.eq(name).sum())) for own in best)) for name in order)
    return Table(("Best overall response", *(arm_label(arm) for arm in cohort.groups)), rows, classes="compact")


def subgroup_table(people: pd.DataFrame) -> Table:
    """Response rate by grade, primary tumour and line of therapy, with exact intervals and odds against the first."""
    rows: list[tuple[str, ...]] = []
    marks: list[str] = []
    for column, title in SUBGROUPS.items():
        found = rates_by_level(people, "responded", column)
        rows.append((title, *[""] * 4))
        marks.append("group")
        for place, row in enumerate(records(found)):
            odds = EMPTY if place == 0 else interval(row.odds_ratio, row.or_lower, row.or_upper)
            rate = percent_interval(row.rate, row.lower, row.upper)
            p = EMPTY if place == 0 else p_value(row.p)
            rows.append((_spoken(row.level), f"{row.k} / {row.n}", rate, odds, p))
            marks.append("level")
    heads = ("", "Responders", "Rate", "Odds ratio", "Fisher's P")
    caption = "Response by subgroup, exact 95% intervals; odds against the first level of each. Exploratory."
    return Table(heads, tuple(rows), caption, tuple(marks))


def _spoken(level: object) -> str:
    if isinstance(level, float):
        return f"Line {level:g}"
    return str(level).replace("_nos", ", not specified").replace("_", " ")
