"""Rules on what a row refers to: its patient, its sample, the controls of its plate."""

from __future__ import annotations

import pandas as pd

from data.findings import Finding
from data.store.content import overlay
from data.validate.context import Context, flag
from data.validate.table import CheckedTable


def _unknown(
    table: CheckedTable, context: Context, column: str, parent: str, code: str, message: str, remedy: str
) -> list[Finding]:
    """Values that the parent table does not hold, once each; one pointer when the parent was rejected."""
    values = table.frame[column]
    unknown = values.notna() & ~values.isin(context.table(parent)[column])
    if not unknown.any():
        return []
    if parent in context.rejected:
        source, number = context.rejected[parent], values[unknown].nunique()
        words = f"{number} values of {column} are unknown because {source} was rejected"
        return [
            Finding(
                "D203",
                "reject",
                words,
                table.file_name,
                column=column,
                remedy=f"mend {source}, then send both again",
            )
        ]
    return flag(table, unknown & ~values.where(unknown).duplicated(), code, column, message, remedy)


def check_patients_known(table: CheckedTable, context: Context) -> list[Finding]:
    """Every patient is in patients.csv of this delivery or in the store."""
    message = "patient {patient_id} is unknown"
    remedy = "send the patient in patients.csv, or correct the pseudonym"
    return _unknown(table, context, "patient_id", "patients", "D201", message, remedy)


def check_samples_known(table: CheckedTable, context: Context) -> list[Finding]:
    """Every sample is in samples.csv of this delivery or in the store."""
    message = "sample {sample_id} is unknown"
    remedy = "send the sample in samples.csv, or correct the label"
    return _unknown(table, context, "sample_id", "samples", "D202", message, remedy)


def check_plates_controlled(table: CheckedTable, context: Context) -> list[Finding]:
    """Every plate that a result names has control wells in controls.csv of this delivery or in the store."""
    message = "plate {plate} has no control wells, so its results cannot be trusted"
    remedy = "send the LOW and HIGH control rows of the plate in controls.csv"
    return _unknown(table, context, "plate", "controls", "D223", message, remedy)


def check_control_levels(table: CheckedTable, context: Context) -> list[Finding]:
    """Say which plates of the file have no control of a level that the protocol requires (``controls.required``)."""
    required = {str(level) for level in context.protocol["controls.required"]}
    wells = overlay("controls", context.table("controls"), table.frame)
    levels = wells["control"].astype(object).map(lambda level: str(level).strip().upper())
    found = levels.groupby(wells["plate"]).agg(set)
    lacking = found.map(lambda has: ", ".join(sorted(required - has)))
    shown = table.frame["plate"].map(lacking)
    broken = shown.fillna("").ne("") & ~table.frame["plate"].duplicated()
    message = "plate {plate} has no control of level {lacking}"
    remedy = "send every control well of the plate"
    return flag(table, broken, "D235", "control", message, remedy, severity="warn", extra={"lacking": shown})


def check_moved_samples(table: CheckedTable, context: Context) -> list[Finding]:
    """Say when a corrected samples file gives a known sample to another patient."""
    before = table.frame["sample_id"].map(context.lookup("samples", "sample_id", "patient_id"))
    moved = before.notna() & (before != table.frame["patient_id"])
    message = "sample {sample_id} moves from patient {before} to {patient_id}"
    return flag(table, moved, "D204", "patient_id", message, severity="warn", extra={"before": pd.Series(before)})
