"""The laboratory: plate controls, plates that failed, results withdrawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from flows.reports.blocks import Section, figures, lead, tables
from flows.reports.cohort.material import counted
from flows.reports.cohort.paint_calendar import paint_controls
from flows.reports.page import Figure, Table, records, text
from flows.reports.style import draw

NOTHING = "Neither results nor plate controls nor instrument exports: there is nothing to judge."


def laboratory_section(trial: Trial, protocol: Protocol, files: pd.DataFrame | None) -> Section:
    """Plates, controls and files that were kept out."""
    bad, out = plate_table(trial), rejected_files(files)
    plates, kept = (counted(len(table.rows) if table else 0, noun) for table, noun in ((bad, "plate"), (out, "file")))
    blocks = [lead(quality_sentence(trial)), *figures([controls_figure(trial, protocol)]), *tables(bad, out)]
    if trial.verdicts.empty and trial.controls.empty and trial.results.empty and not out:
        return Section("laboratory", "Laboratory", "No laboratory data have been delivered", (lead(NOTHING),))
    heading = f"{plates} with samples that did not pass, {kept} kept out"
    return Section("laboratory", "Laboratory", heading, tuple(blocks))


def westgard(controls: pd.DataFrame, protocol: Protocol) -> tuple[pd.DataFrame, dict[str, tuple[float, float]]]:
    """Control readings in plate order with the Westgard rule that each breaks.

    The centre of a control is its assigned value; its standard deviation is estimated from the readings themselves, as
    the median absolute deviation times 1.4826 so that one bad plate does not widen the limits that should catch it.

    Returns
    -------
    DataFrame
        control, plate, value, position, flag ("", "1-3s", "2-2s").
    dict
        Control to (centre, standard deviation).
    """
    rules = protocol["controls.westgard"]
    table = controls.dropna(subset=["value", "nominal", "control", "plate"]).sort_values("plate", kind="stable")
    table = table.assign(position=pd.factorize(table["plate"])[0])
    limits: dict[str, tuple[float, float]] = {}
    flags = pd.Series("", index=table.index)
    for name, own in table.groupby("control", sort=True):
        deviation = own["value"] - own["nominal"]
        spread = 1.4826 * float((deviation - deviation.median()).abs().median()) or float(deviation.std(ddof=0)) or 1.0
        limits[str(name)] = (float(own["nominal"].median()), spread)
        z = deviation / spread
        side = np.sign(z).where(z.abs() > rules["paired"], 0.0)
        again = side.ne(0) & side.eq(side.shift(1))
        flags[own.index[again.to_numpy()]] = "2-2s"
        flags[own.index[z.abs().gt(rules["single"]).to_numpy()]] = "1-3s"
    return table.assign(flag=flags)[["control", "plate", "value", "position", "flag"]], limits


def controls_figure(trial: Trial, protocol: Protocol) -> Figure | None:
    """Levey-Jennings chart of the plate controls; None without controls."""
    if trial.controls.dropna(subset=["value", "nominal", "control", "plate"]).empty:
        return None
    table, limits = westgard(trial.controls, protocol)
    flagged = table[table["flag"].ne("")]
    words = ", ".join(f"{row.plate} {row.control} {row.flag}" for row in records(flagged)) or "no rule broken"
    return draw(
        paint_controls, table, limits, key="controls", size=(11.2, 1.0 + 1.75 * len(limits)),
        title="Plate controls (Levey-Jennings)",
        caption="Readings of the score controls around their assigned value. Flagged: beyond 3 SD once "
        "(1-3s) or beyond 2 SD "
        "twice running on one side (2-2s). SD: robust, from these readings.",
        alt=f"Control readings of {table['plate'].nunique()} plates. Westgard flags: {words}.",
    )  # fmt: skip


def plate_table(trial: Trial) -> Table | None:
    """Plates with a sample that must be repeated or is rejected, and the codes that say why."""
    verdicts = trial.verdicts
    bad = verdicts[verdicts["verdict"].isin(["repeat", "reject"])]
    if bad.empty:
        return None
    rows, marks = [], []
    for plate, own in bad.groupby("plate", sort=True):
        codes = sorted({code for cell in own["codes"].dropna() for code in str(cell).split(";") if code})
        of = int(verdicts["plate"].eq(plate).sum())
        rejected = int(own["verdict"].eq("reject").sum())
        rows.append((text(plate), f"{of}", f"{rejected}", f"{len(own) - rejected}", ", ".join(codes) or "–"))
        marks.append("reject" if rejected else "repeat")
    heads = ("Plate", "Samples", "Rejected", "To repeat", "Codes")
    return Table(heads, tuple(rows), "Plates with samples that did not pass.", tuple(marks))


def rejected_files(files: pd.DataFrame | None) -> Table | None:
    """Files that were kept out, plates and others, with the reason that was given."""
    if files is None or files.empty:
        return None
    out = files[files["status"].eq("rejected")]
    rows = tuple((text(row.name), text(row.kind), text(row.reason)) for row in records(out))
    return (
        Table(("File kept out", "Kind", "Why, and what to do"), rows, "", ("reject",) * len(rows), numeric=False)
        if rows
        else None
    )


def quality_sentence(trial: Trial) -> str:
    """One sentence on what the laboratory did."""
    plates = trial.verdicts["plate"].nunique()
    passed = int(trial.verdicts["verdict"].eq("pass").sum())
    withdrawn = int(trial.results["qc"].eq("fail").sum())
    first = (
        f"{plates} qPCR plates with {len(trial.verdicts)} sample verdicts, {passed} passed. "
        if plates
        else "No instrument exports were delivered: plates are known by their controls only. "
    )
    return first + f"{withdrawn} of {len(trial.results)} results were withdrawn by the laboratory."
