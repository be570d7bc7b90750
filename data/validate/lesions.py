"""Rules on lesions by assessment (RECIST 1.1 [L53]): diameters, one role for ever, none new at baseline."""

from __future__ import annotations

import pandas as pd

from data.findings import Finding
from data.readers.text import label
from data.store.content import overlay
from data.validate.context import Context, flag
from data.validate.table import CheckedTable

UNMEASURED = ("present", "progressed", "equivocal")
"""States of a lesion that is seen and not measured: no sum of targets can hold it."""


def check_diameters(table: CheckedTable, context: Context) -> list[Finding]:
    """A measured lesion has a diameter above zero, an absent one has none; a target is measured."""
    frame = table.frame
    state, diameter = frame["state"], frame["diameter_mm"]
    lacking = "lesion {lesion} of patient {patient_id} is measured on {scan_on} but has no diameter"
    nothing = "lesion {lesion} of patient {patient_id} is measured on {scan_on} with a diameter of 0"
    gone = "lesion {lesion} of patient {patient_id} is absent on {scan_on} but has a diameter of {diameter_mm:g} mm"
    unread = "target lesion {lesion} of patient {patient_id} is {state} on {scan_on}, so no sum of targets is known"
    remedy = "give diameter_mm, or another state"
    return [
        *flag(table, state.eq("measured") & diameter.isna(), "D230", "diameter_mm", lacking, remedy),
        *flag(table, state.eq("measured") & diameter.eq(0), "D230", "diameter_mm", nothing, "use state absent"),
        *flag(table, state.eq("absent") & diameter.gt(0), "D230", "diameter_mm", gone, "correct the wrong one"),
        *flag(
            table,
            frame["role"].eq("target") & state.isin(UNMEASURED),
            "D233",
            "state",
            unread,
            "measure it, or use too_small, absent or not_evaluable",
            severity="warn",
        ),
    ]


def check_roles(table: CheckedTable, context: Context) -> list[Finding]:
    """A lesion keeps its role, and stays a node or none, at every assessment of the file and of the store."""
    every = overlay("lesions", context.table("lesions"), table.frame)
    findings: list[Finding] = []
    for column in ("role", "node"):
        of_lesion = every.dropna(subset=[column]).groupby(["patient_id", "lesion"])[column]
        several = of_lesion.transform("nunique") > 1
        mixed = (
            every.loc[several[several].index]
            .groupby(["patient_id", "lesion"])[column]
            .agg(lambda values: " and ".join(sorted(set(values))))
        )
        place = pd.MultiIndex.from_frame(table.frame[["patient_id", "lesion"]])
        broken = pd.Series(place.isin(mixed.index), index=table.frame.index)
        first = broken & ~table.frame[["patient_id", "lesion"]].where(broken).duplicated()
        shown = pd.Series(mixed.reindex(place).to_numpy(), index=table.frame.index, dtype=object)
        message = f"lesion {{lesion}} of patient {{patient_id}} has {column} {{found}} at different assessments"
        remedy = "one lesion keeps one label and role; give another lesion a label of its own"
        findings += flag(table, first, "D231", column, message, remedy, extra={"found": shown})
    return findings + _look_alikes(table, every)


def _look_alikes(table: CheckedTable, every: pd.DataFrame) -> list[Finding]:
    """Labels of one patient that differ only in case, blanks or signs are most likely one lesion."""
    names = every[["patient_id", "lesion"]].drop_duplicates()
    names = names.assign(plain=names["lesion"].astype(object).map(label))
    names = names[names["plain"].ne("")]
    alike = names[names.duplicated(["patient_id", "plain"], keep=False)]
    both = alike.groupby(["patient_id", "plain"])["lesion"].agg(lambda labels: " and ".join(sorted(labels)))
    found = alike.assign(found=both.reindex(pd.MultiIndex.from_frame(alike[["patient_id", "plain"]])).to_numpy())
    known = found.set_index(["patient_id", "lesion"])["found"]
    shown = pd.Series(
        known.reindex(pd.MultiIndex.from_frame(table.frame[["patient_id", "lesion"]])).to_numpy(),
        index=table.frame.index,
        dtype=object,
    )
    first = shown.notna() & ~pd.DataFrame({"who": table.frame["patient_id"], "found": shown}).duplicated()
    message = "patient {patient_id} has lesions {found}, which look like one"
    remedy = "one lesion keeps one label, letter for letter"
    return flag(table, first, "D236", "lesion", message, remedy, severity="warn", extra={"found": shown})


def check_new_lesions(table: CheckedTable, context: Context) -> list[Finding]:
    """No lesion is new at the baseline assessment: the last on or before the origin, else the first."""
    every = overlay("lesions", context.table("lesions"), table.frame)
    day, patient = every["scan_on"], every["patient_id"]
    before = day.where(day <= patient.map(context.origins()))
    baseline = before.groupby(patient).max().fillna(day.groupby(patient).min())
    at = table.frame["patient_id"].map(baseline)
    broken = table.frame["role"].eq("new") & (table.frame["scan_on"] <= at)
    message = "lesion {lesion} of patient {patient_id} is new on {scan_on}, not later than the baseline of {baseline}"
    remedy = "it is a target or non_target lesion, or the assessment at baseline is missing"
    return flag(table, broken, "D232", "role", message, remedy, extra={"baseline": at})
