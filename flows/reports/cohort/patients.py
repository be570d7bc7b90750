"""Table 1: who the patients were before treatment, by arm."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from tableone import TableOne

from data.protocol import Protocol
from data.trial import Trial
from flows.reports import timeline
from flows.reports.blocks import Section, lead, tables
from flows.reports.cohort.material import Cohort, joined
from flows.reports.page import Table
from flows.reports.style import arm_label

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


def patients_section(cohort: Cohort) -> Section:
    """Table 1."""
    patients = cohort.trial.patients
    if patients.empty:
        return Section("patients", "Table 1", "No patient has been delivered", ())
    sizes = [f"{int(patients['arm'].eq(arm).sum())} {arm_label(arm)}" for arm in cohort.groups if arm]
    sites = patients["site"].nunique()
    words = f"{len(patients)} patients at {sites} {'centre' if sites == 1 else 'centres'}"
    heading = f"{words}: {joined(sizes)}" if sizes else f"{words}, nobody randomised"
    found = tables(table_one(cohort.trial, cohort.protocol))
    return Section("patients", "Table 1", heading, tuple(found) or (lead("No characteristic has been delivered."),))


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
    return _as_table(made, f"Not delivered: {'; '.join(absent)}." if absent else "")


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
