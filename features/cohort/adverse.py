"""Adverse events by worst grade: per patient and term the worst one, counted by arm."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import choice, surgery_dates
from features.cohort.groups import group_of
from features.cohort.therapy import treatment_start

GRADES = (1, 2, 3, 4, 5)
ANY_TERM = "Any event"
STARTS = ("randomisation", "first_treatment", "surgery")


def safety_start(trial: Trial, protocol: Protocol) -> pd.Series:
    """Day from which adverse events of a patient count (``cohort.adverse_events_from``).

    Randomisation; where nobody of the trial was randomised (a cohort of one treatment), the first course of the
    treatment of interest. NaT: the patient is not in the safety set.
    """
    patients = trial.patients
    rule = choice(protocol, "cohort.adverse_events_from", STARTS)
    if rule == "surgery":
        return surgery_dates(patients)
    randomised = pd.Series(patients["randomised_on"].to_numpy(), index=pd.Index(patients["patient_id"]))
    if rule == "randomisation" and randomised.notna().any():
        return randomised
    return treatment_start(trial, protocol)


def worst_grades(
    trial: Trial, protocol: Protocol, by: str | None = "arm", *, related_only: bool = False
) -> pd.DataFrame:
    """Patients by term and worst CTCAE grade (S5: adverse events by grade; S4: grade 3 or 4).

    Events that start on or after :func:`safety_start` count. Each patient counts once per term, at the worst grade;
    a term is compared without regard to case and spaces.

    Parameters
    ----------
    by : str or None
        Group, as of :func:`features.cohort.groups.group_of`.
    related_only : bool
        Only events that the site relates to the treatment; one without that statement is then left out.

    Returns
    -------
    DataFrame
        ``term, arm`` (the group, whatever ``by``), ``grade_1`` to ``grade_5``, ``any``, ``severe`` (at least
        ``cohort.severe_grade``), ``n`` (all patients of the group in the safety set, with or without events).
        "Any event" first, then terms by the number of patients, each with every group.
    """
    start = safety_start(trial, protocol)
    group = group_of(trial, by)[start.notna().to_numpy()]
    events = _counted(trial, start, related_only)
    worst = pd.concat([events.assign(term=ANY_TERM), events])
    worst = worst.groupby(["term", "patient_id"])[["grade"]].max().reset_index()
    worst["arm"] = worst["patient_id"].map(group)
    counts = worst.groupby(["term", "arm", "grade"]).size().unstack("grade").reindex(columns=GRADES)
    frequent = worst[worst["term"].ne(ANY_TERM)]["term"].value_counts().rename_axis("term").reset_index()
    frequent = frequent.sort_values(["count", "term"], ascending=[False, True])
    names = sorted(group.unique())
    full = pd.MultiIndex.from_product([[ANY_TERM, *frequent["term"]], names], names=["term", "arm"])
    table = counts.reindex(full).fillna(0).astype("int64")
    severe = [grade for grade in GRADES if grade >= int(protocol["cohort.severe_grade"])]
    total, heavy = table.sum(axis=1), table[severe].sum(axis=1)
    table.columns = pd.Index([f"grade_{grade}" for grade in GRADES])
    table = table.assign(any=total, severe=heavy).reset_index()
    sizes = group.value_counts()
    return table.assign(n=table["arm"].map(sizes).fillna(0).astype("int64"))


def _counted(trial: Trial, start: pd.Series, related_only: bool) -> pd.DataFrame:
    """Events of the safety period with a clean term and a numeric grade: ``patient_id, term, grade``."""
    events = trial.adverse_events
    first = pd.to_datetime(events["patient_id"].map(start))
    keep = events["started_on"].ge(first) & events["grade"].notna()
    if related_only:
        keep &= events["related"].eq("yes")
    events = events[keep]
    text = events["term"].astype(str).str.split().str.join(" ")
    term = text.str[:1].str.upper() + text.str[1:].str.lower()
    grade = pd.to_numeric(events["grade"]).astype("int64")
    return pd.DataFrame({"patient_id": events["patient_id"], "term": term, "grade": grade})
