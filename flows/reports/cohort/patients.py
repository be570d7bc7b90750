"""Who is in the trial: patient flow, Table 1, and the calendar with its gaps."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from tableone import TableOne

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes import Outcome, at_risk
from flows.reports import timeline
from flows.reports.cohort.paint_calendar import paint_swimmer
from flows.reports.cohort.paint_marker import paint_missing
from flows.reports.cohort.paint_trial import Stage, paint_flow
from flows.reports.page import EMPTY, Figure, Table, records
from flows.reports.style import arm_label, draw

# A swimmer plot with more lines than this cannot be read on a page; the completeness map takes over.
MOST_LINES = 240
NAMED_LINES = 130
TABLE_ONE = {
    "age": "Age at surgery, years",
    "sex": "Sex",
    "site": "Centre",
    "primary_site": "Primary tumour",
    "grade": "Grade",
    "ki67_pct": "Ki-67, %",
    "margin": "Margin",
    "n_liver_metastases": "Liver metastases, n",
    "largest_metastasis_mm": "Largest metastasis, mm",
    "liver_metastases_volume_ml": "Metastases volume, mL",
    "synchronous_primary": "Synchronous primary",
    "nodal_status": "Nodal status",
    "functional": "Functional tumour",
    "ecog": "ECOG",
    "ppi": "Proton-pump inhibitor",
    "egfr": "eGFR, mL/min/1.73 m²",
    "krenning": "Krenning score",
    "netest_preop": "Pre-operative NETest score",
}
CONTINUOUS = (
    "age", "ki67_pct", "n_liver_metastases", "largest_metastasis_mm", "liver_metastases_volume_ml", "egfr",
    "netest_preop",
)  # fmt: skip


def flow_stages(trial: Trial, outcome: Outcome, protocol: Protocol) -> list[Stage]:
    """Steps of the patient flow: consented, operated, randomised, at risk at each landmark after surgery.

    A cohort in which nobody is randomised is followed as one group.
    """
    patients, arm = trial.patients, timeline.arms(trial)
    consented = patients["consent_on"].notna().sum()
    allocated = arm[arm.isin(timeline.ARMS)]
    stages = [
        Stage("Consented", int(consented) if consented else None, {}, {}),
        Stage("Operated", int(patients["surgery_on"].notna().sum()), {}, {}),
    ]
    randomised = not allocated.empty
    if randomised:
        stages.append(_landmark_stage("Randomised", allocated, timeline.drawn(trial, "blood", "baseline")))
    visits = {float(month): visit for visit, month in protocol["calendar.sample_month"].items()}
    for landmark in protocol.landmarks:
        if landmark <= 0:
            continue
        risk = at_risk(outcome, landmark, protocol)
        followed = allocated if randomised else arm
        own = followed[followed.index.isin(risk.index[risk])]
        have = timeline.drawn(trial, "blood", visits.get(landmark, ""))
        stages.append(_landmark_stage(f"At risk, month {landmark:g}", own, have))
    return stages


def _landmark_stage(label: str, arm: pd.Series, with_blood: set[str]) -> Stage:
    blood = {name: int(arm[arm.eq(name)].index.isin(list(with_blood)).sum()) for name in (*timeline.ARMS, "")}
    if arm.eq("").all():
        return Stage(label, len(arm), {}, {"": blood[""]})
    counts = {name: int(arm.eq(name).sum()) for name in timeline.ARMS}
    return Stage(label, sum(counts.values()), counts, {name: blood[name] for name in timeline.ARMS})


def flow_figure(trial: Trial, outcome: Outcome, protocol: Protocol) -> Figure:
    """The patient flow as bars."""
    stages = flow_stages(trial, outcome, protocol)
    words = []
    for stage in stages:
        total = "not delivered" if stage.total is None else str(stage.total)
        by_arm = ", ".join(
            f"{arm_label(name)} {stage.arms[name]} ({stage.blood[name]} with blood)" for name in stage.arms
        )
        words.append(f"{stage.label} {total}" + (f": {by_arm}" if by_arm else ""))
    return draw(
        paint_flow, stages, key="flow", size=(11.2, 3.5), title="Patient flow",
        caption="Strong colour: with a blood sample of that time point (pre-operative at randomisation). At "
        "risk: "
        "randomised, alive, in follow-up and without recurrence when the visit closes.",
        alt="Patient flow. " + "; ".join(words) + ".",
    )  # fmt: skip


def baseline_frame(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Baseline characteristics, one row per patient, with the arm in words."""
    patients = trial.patients
    frame = patients.assign(age=patients["surgery_on"].dt.year - patients["birth_year"])
    analyte, _ = timeline.score_analyte(trial, protocol)
    scores = timeline.analyte_months(trial, protocol, analyte) if analyte else None
    if scores is not None:
        before = scores[scores["valid"] & scores["visit"].eq("baseline")].drop_duplicates("patient_id", keep="last")
        frame["netest_preop"] = frame["patient_id"].map(before.set_index("patient_id")["value"])
    else:
        frame["netest_preop"] = np.nan
    frame["arm"] = frame["arm"].map(arm_label, na_action="ignore").fillna(arm_label(""))
    return frame


def table_one(trial: Trial, protocol: Protocol) -> Table | None:
    """Table 1 by arm with the missing shown (tableone): median and quartiles, or n and per cent.

    Returns None without patients.
    """
    frame = baseline_frame(trial, protocol)
    columns = [name for name in TABLE_ONE if frame[name].notna().any()]
    if frame.empty or not columns:
        return None
    continuous = [name for name in columns if name in CONTINUOUS]
    with warnings.catch_warnings():
        # tableone warns about small groups; the table shows n.
        warnings.simplefilter("ignore")
        made = TableOne(
            frame[[*columns, "arm"]].rename(columns=TABLE_ONE),
            columns=[TABLE_ONE[name] for name in columns],
            categorical=[TABLE_ONE[name] for name in columns if name not in CONTINUOUS],
            continuous=[TABLE_ONE[name] for name in continuous],
            nonnormal=[TABLE_ONE[name] for name in continuous],
            groupby="arm",
            missing=True,
            include_null=False,
            pval=False,
            decimals=1,
        ).tableone
    absent = [words for name, words in TABLE_ONE.items() if name not in columns]
    return _as_table(made, f"Not delivered: {', '.join(absent)}." if absent else "")


def _as_table(made: pd.DataFrame, absent: str) -> Table:
    """Rows of a tableone frame: the missing stand once at the head of a variable, yes/no variables take one row."""
    heads = [str(column[-1]) for column in made.columns]
    blocks: dict[str, list[tuple[str, list[str]]]] = {}
    for (name, level), cells in zip(made.index, made.astype(str).to_numpy(), strict=True):
        variable = str(name).split(", n (%)")[0].split(", median")[0].strip()
        words = ["" if cell in ("nan", "None") else _quartiles(cell) for cell in cells]
        blocks.setdefault("Patients" if variable == "n" else variable, []).append((str(level), words))
    rows: list[tuple[str, ...]] = []
    marks: list[str] = []
    for variable, levels in blocks.items():
        missing = [cell if head == "Missing" else "" for head, cell in zip(heads, levels[0][1], strict=True)]
        found = {level: words for level, words in levels}
        if set(found) <= {"yes", "no"}:
            own = found.get("yes", ["0 (0.0)"] * len(heads))
            rows.append((variable, *_with_missing(heads, missing, own)))
            marks.append("group")
        elif len(levels) == 1 and levels[0][0] == "":
            rows.append((variable, *levels[0][1]))
            marks.append("group")
        else:
            rows += [
                (variable, *missing),
                *((_spoken(level), *_with_missing(heads, None, words)) for level, words in levels),
            ]
            marks += ["group"] + ["level"] * len(levels)
    return Table(
        columns=("", *heads), rows=tuple(rows), marks=tuple(marks),
        caption="Median (quartiles) or n (per cent); of yes/no characteristics the yes. Arms were allocated "
        "at random: no "
        f"tests. {absent}".strip(),
    )  # fmt: skip


def _with_missing(heads: list[str], missing: list[str] | None, words: list[str]) -> list[str]:
    other = missing or [""] * len(heads)
    return [kept if head == "Missing" else word for head, kept, word in zip(heads, other, words, strict=True)]


def _quartiles(cell: str) -> str:
    return cell.replace("[", "(").replace("]", ")").replace(",", " to ") if "[" in cell else cell


def _spoken(code: str) -> str:
    return code.replace("_nos", ", not specified").replace("_", " ")


def calendar_figures(trial: Trial, outcome: Outcome, protocol: Protocol) -> list[Figure]:
    """The completeness map and, for a cohort that fits on a page, the swimmer plot."""
    if outcome.patients.empty:
        return []
    figures = []
    table = timeline.completeness(trial, outcome, protocol)
    if len(table):
        rows = table["what"].nunique()
        words = "; ".join(f"{row.what} month {row.month:g}: {row.got:.0f} of {row.due:.0f}" for row in records(table))
        figures.append(
            draw(
                paint_missing,
                table,
                key="completeness",
                size=(11.2, 0.42 * rows + 0.9),
                title="What was due and what came",
                caption="Got / due. Due: from patients alive, in follow-up and without recurrence. A scan "
                "counts when it "
                "is adequate and scheduled. Recurrence ends the calendar of a patient, so a missing late "
                "sample says "
                "something about the outcome and is never used as a feature.",
                alt=f"Completeness by kind, arm and visit. {words}.",
            )  # fmt: skip
        )
    if len(outcome.patients) <= MOST_LINES:
        figures.append(_swimmer(trial, outcome, protocol))
    return figures


def _swimmer(trial: Trial, outcome: Outcome, protocol: Protocol) -> Figure:
    calendar = timeline.calendar(trial, outcome, protocol)
    lines = len(calendar.lines)
    recurrences = int(outcome.patients["first_positive"].notna().sum())
    return draw(
        paint_swimmer, calendar, timeline.last_month(outcome, protocol), lines <= NAMED_LINES,
        key="swimmer", size=(11.2, max(2.4, 0.125 * lines + 1.2)), title="Every patient on one line",
        caption="Sorted by arm and by the last adequate scan. The line runs to the last contact. A red "
        "cross marks a blood "
        "sample that was due and not drawn.",
        alt=f"Calendar of {lines} patients: {len(calendar.blood)} blood and {len(calendar.urine)} urine samples, "
        f"{len(calendar.scans)} scans, {len(calendar.cycles)} PRRT cycles, {recurrences} recurrences, "
        f"{len(calendar.deaths)} deaths, {len(calendar.absent)} blood samples due and not drawn.",
    )  # fmt: skip


def missing_sentence(trial: Trial, outcome: Outcome, protocol: Protocol) -> str:
    """One sentence on the blood samples that are missing."""
    if outcome.patients.empty:
        return EMPTY
    due = timeline.due_samples(trial, outcome, protocol)
    blood = due[due["specimen"].eq("blood")]
    lacking = int((~blood["got"].astype(bool)).sum())
    return f"{lacking} of {len(blood)} blood samples that were due were not drawn."
