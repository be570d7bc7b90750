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
from flows.reports.cohort.material import NOT_ESTIMABLE, Cohort, joined, p_words
from flows.reports.cohort.paint_response import NAMED_BARS, paint_waterfall
from flows.reports.cohort.response_subgroups import levels_table, odds_tables
from flows.reports.page import EMPTY, Figure, Table, interval, percent, percent_interval
from flows.reports.style import arm_label, draw
from models.estimates.proportions import fisher, odds_ratio, proportion

NOTHING = "No lesion has been delivered: after complete resection there is nothing to measure, so response is left out."
RESPONDED = ("CR", "PR")
RESPONSES = {
    "CR": "Complete response (CR)",
    "PR": "Partial response (PR)",
    "SD": "Stable disease (SD)",
    "NON-CR/NON-PD": "Neither complete response nor progression (non-CR/non-PD)",
    "PD": "Progressive disease (PD)",
    "NE": "Not evaluable (NE)",
    "ND": "No disease (ND)",
    "MISSING": "No assessment after the baseline",
}
UNASSESSED = ("NE", "ND", "MISSING")


def response_section(cohort: Cohort) -> Section:
    """Waterfall and response rates; one line without lesions."""
    if cohort.trial.lesions.empty:
        return Section("response", "Response", "No lesion has been followed", (lead(NOTHING),))
    people = responders(cohort.trial, cohort.protocol)
    if not people["assessed"].any():
        words = "Lesions were delivered, but nobody has an assessment after the baseline."
        return Section("response", "Response", "No response can be assessed yet", (lead(words),))
    blocks = [
        *figures([waterfall(people, cohort.protocol)]),
        *tables(rates_table(cohort, people), best_table(cohort, people), levels_table(cohort, people)),
        *tables(*odds_tables(cohort, people)),
        note(
            "RECIST 1.1; best overall response up to progression or a new therapy, in patients whose lesions are "
            "followed. Unless it says confirmed, a response needs no second assessment. Patients without an assessment "
            "that counts are not responders."
        ),
    ]
    told = []
    for arm in cohort.groups:
        own = cohort.own(people, arm)
        if len(own):
            yes = int(own["responded"].sum())
            told.append(f"{percent(yes / len(own))} {arm_label(arm)} ({yes} of {len(own)})")
    return Section("response", "Response", f"Responded: {joined(told)}", tuple(blocks))


def responders(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """One row per patient whose lesions are followed and who has a day of time zero.

    Columns: arm, best, assessed, responded, confirmed, change (lowest change of the sum of target diameters from
    baseline among the assessments that count), grade, primary_site, line.
    """
    zero = origin_dates(trial, protocol).dropna()
    zero = zero[zero.index.isin(trial.lesions["patient_id"])]
    rows = assess(trial.lesions, protocol, zero)
    new = first_new_therapy(trial, protocol, zero)
    if rows.empty:
        return pd.DataFrame({"assessed": pd.Series(dtype=bool)})
    best, sure = (
        best_response(rows, protocol, confirmed=confirmed, new_therapy=new, patients=zero.index)
        .set_index("patient_id")["best"]
        .reindex(zero.index)
        for confirmed in (False, True)
    )
    change = counted(rows, new_therapy=new).groupby("patient_id")["change_from_baseline"].min()
    facts = trial.patients.set_index("patient_id").reindex(zero.index)
    return pd.DataFrame(
        {
            "patient_id": zero.index,
            "arm": timeline.arms(trial).reindex(zero.index).to_numpy(),
            "best": best.to_numpy(),
            "assessed": (~best.isin(UNASSESSED)).to_numpy(),
            "responded": best.isin(RESPONDED).to_numpy(),
            "confirmed": sure.isin(RESPONDED).to_numpy(),
            "change": change.reindex(zero.index).to_numpy(),
            "grade": facts["grade"].to_numpy(),
            "primary_site": facts["primary_site"].to_numpy(),
            "line": therapy_line(trial, protocol).reindex(zero.index).to_numpy(),
        }
    )


def waterfall(people: pd.DataFrame, protocol: Protocol) -> Figure | None:
    """Bars of best change from growth to shrinkage; None when no target lesion was measured."""
    bars = people.dropna(subset=["change"]).sort_values(["change", "patient_id"], ascending=[False, True])
    if bars.empty:
        return None
    partial, growth = -float(protocol["response.partial_percent"]), float(protocol["response.progression_percent"])
    shrunk = int(bars["change"].le(partial).sum())
    named = "; best overall response at its end" if len(bars) <= NAMED_BARS else ""
    return draw(
        paint_waterfall, bars, partial, growth,
        key="waterfall", size=(11.2, 4.2), title="Best change of the target lesions",
        caption=f"One bar per patient{named}. Dashed: partial response from the baseline, progression from the "
        "smallest sum. Growth beyond 100% is cut.",
        alt=f"Waterfall of {len(bars)} patients: best change from {bars['change'].max():+.0f}% to "
        f"{bars['change'].min():+.0f}%; {shrunk} shrank by {-partial:g}% or more.",
    )  # fmt: skip


def rates_table(cohort: Cohort, people: pd.DataFrame) -> Table:
    """Response rate by arm with exact interval, of all and of the assessed, and Fisher's test between the arms."""
    rows = []
    for arm in cohort.groups:
        own = cohort.own(people, arm)
        if len(own):
            seen = own[own["assessed"]]
            shares = (_share(own["responded"]), _share(seen["responded"]), _share(own["confirmed"]))
            rows.append((arm_label(arm), str(len(own)), str(len(seen)), str(int(own["responded"].sum())), *shares))
    caption = "Complete or partial response, exact 95% intervals. " + compared(cohort, people)
    heads = ("", "Patients", "Assessed", "Responders", "Rate of all", "Rate of the assessed", "Confirmed, of all")
    return Table(heads, tuple(rows), caption.strip())


def _share(yes: pd.Series) -> str:
    found = proportion(int(yes.sum()), len(yes))
    return percent_interval(found.value, found.lower, found.upper)


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
    return f"PRRT against control, of all: Fisher's exact test {p_words(fisher(a, b, c, d).p)}, odds ratio {told}."


def best_table(cohort: Cohort, people: pd.DataFrame) -> Table:
    """Best overall response by arm, counts."""
    order = [name for name in BEST_FIRST if people["best"].eq(name).any()]
    best = [cohort.own(people, arm)["best"] for arm in cohort.groups]
    rows = tuple((RESPONSES.get(name, name), *(str(int(own.eq(name).sum())) for own in best)) for name in order)
    return Table(("Best overall response", *(arm_label(arm) for arm in cohort.groups)), rows, classes="compact")
