"""The report of one qPCR plate: the plate as it lay, the verdict, and what to do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data.findings import Finding
from data.protocol import Protocol
from data.quality import PlateVerdict, judge_plate
from data.trial import Trial, typed
from flows.errors import PublicError
from flows.reports import page
from flows.reports.page import EMPTY, Figure, Table, number, percent, records, text
from flows.reports.plate.paint import FLAG_LOOK, FORMATS, paint_plate, plate_format, well_position
from flows.reports.style import draw

HEADLINES = {
    "pass": "Passed. Every sample of this plate can be used.",
    "repeat": "Repeat some samples. The others can be used.",
    "reject": "Rejected. Nothing of this plate may be used.",
}


class UnknownPlate(PublicError):
    """The trial holds no well of such a plate."""


def write_stored_plate_report(trial: Trial, protocol: Protocol, plate: str, out: Path) -> Path:
    """Write the report of a plate that is in the store: its wells are judged again by the protocol at hand.

    Parameters
    ----------
    trial : Trial
    protocol : Protocol
    plate : str
        Name of the plate.
    out : Path

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    UnknownPlate
        When the trial has no wells of this plate. A rejected plate was never loaded: its report is written when it is
        ingested.
    """
    wells = typed("wells", trial.wells[trial.wells["plate"].eq(plate)])
    if wells.empty:
        raise UnknownPlate(f"no plate {plate!r} in the store; a rejected plate lies in the quarantine with its reasons")
    return write_plate_report(wells, judge_plate(wells, protocol), protocol, out, simulated=trial.simulated)


def write_plate_report(
    wells: pd.DataFrame, verdict: PlateVerdict, protocol: Protocol, out: Path, *, simulated: bool = False
) -> Path:
    """Write the report of one plate as one self-contained HTML file.

    Parameters
    ----------
    wells : DataFrame
        Wells of one plate, columns of ``Trial.wells``.
    verdict : PlateVerdict
        ``judge_plate(wells, protocol)``.
    protocol : Protocol
    out : Path
    simulated : bool
        Whether the banner "SIMULATED DATA" is shown.

    Returns
    -------
    Path
        ``out``.
    """
    return page.write(plate_page(wells, verdict, protocol, simulated=simulated), out)


def plate_page(wells: pd.DataFrame, verdict: PlateVerdict, protocol: Protocol, *, simulated: bool = False) -> str:
    """The page of :func:`write_plate_report` as text."""
    plate = next(iter(wells["plate"].dropna().unique()), "") or "unnamed"
    files = [str(name) for name in wells["file"].dropna().unique()]
    instruments = [str(name) for name in wells["instrument"].dropna().unique()]
    samples = verdict.samples
    counts = {name: int(samples["verdict"].eq(name).sum()) for name in HEADLINES}
    return page.render(
        "plate.html",
        title=f"Plate {plate}",
        subtitle=f"{', '.join(instruments) or 'Instrument not named'}; {', '.join(files) or 'file not named'}.",
        simulated=simulated,
        facts=page.provenance(None, protocol),
        verdict=verdict.verdict,
        headline=HEADLINES.get(verdict.verdict, text(verdict.verdict)),
        summary=f"{len(samples)} samples: {counts['pass']} pass, {counts['repeat']} to repeat, "
        f"{counts['reject']} rejected.",
        first=str(verdict.findings[0].remedy) if verdict.findings else "",
        heat_map=plate_figure(wells, verdict, protocol),
        findings=finding_table(verdict.findings),
        samples=sample_table(samples),
        limits=limit_table(protocol),
    )


def flagged_wells(wells: pd.DataFrame, verdict: PlateVerdict, protocol: Protocol) -> pd.DataFrame:
    """One row per well with its place, Cq and the gravest flag.

    Returns
    -------
    DataFrame
        plate_row, plate_column (from 0), well, cq, flag (key of ``FLAG_LOOK`` or ""), label (gene). Wells whose name
        is no place on a plate are left out. A well read for several genes shows its worst.
    """
    place = wells["well"].map(well_position)
    table = wells[place.notna()].assign(
        plate_row=[spot[0] for spot in place.dropna()], plate_column=[spot[1] for spot in place.dropna()]
    )
    table = table.assign(flag=well_flags(table, verdict, protocol), label=table["target"].fillna("").astype(str))
    gravest = ("ntc", "replicate", "omitted", "undetermined", "finding", "")
    rank = {name: position for position, name in enumerate(gravest)}
    table = table.assign(rank=table["flag"].map(rank)).sort_values(["rank", "row"], kind="stable")
    return table.drop_duplicates(["plate_row", "plate_column"])[
        ["plate_row", "plate_column", "well", "cq", "flag", "label"]
    ].sort_values(["plate_row", "plate_column"], ignore_index=True)


def well_flags(wells: pd.DataFrame, verdict: PlateVerdict, protocol: Protocol) -> pd.Series:
    """Flag of each well by the limits of the protocol, gravest first: amplified control, replicates, finding."""
    unknown = wells["task"].eq("unknown") & ~wells["omit"].astype(bool)
    spread = wells["cq"].where(unknown).groupby([wells["sample_id"], wells["target"]]).transform("std")
    control = wells["task"].isin(["ntc", "nrt"]) & wells["cq"].lt(float(protocol["plate_qc.ntc_cq_min"]))
    named = {name.strip() for finding in verdict.findings for name in finding.well.split(",") if name.strip()}
    flags = pd.Series("", index=wells.index, dtype=object)
    for flag, rows in (
        ("finding", wells["well"].isin(named)),
        ("undetermined", wells["state"].eq("undetermined") & unknown),
        ("omitted", wells["omit"].astype(bool)),
        ("replicate", unknown & wells["cq"].notna() & spread.gt(float(protocol["plate_qc.replicate_sd_max"]))),
        ("ntc", control),
    ):
        flags = flags.where(~rows, flag)
    return flags


def plate_figure(wells: pd.DataFrame, verdict: PlateVerdict, protocol: Protocol) -> Figure:
    """The plate as it lay, Cq in colour, flags on the wells."""
    table = flagged_wells(wells, verdict, protocol)
    height, width = plate_format(table["plate_row"].to_numpy(), table["plate_column"].to_numpy())
    flagged = "; ".join(
        f"{label}: {_listed(table.loc[table['flag'].eq(flag), 'well'])}"
        for flag, (_, _, label) in FLAG_LOOK.items()
        if table["flag"].eq(flag).any()
    )
    known = table["cq"].dropna()
    span = f"Cq {known.min():.1f} to {known.max():.1f}" if len(known) else "no Cq"
    wide = 11.2
    deep = wide * (height / width) * (0.90 if height == FORMATS[0][0] else 0.86) + 0.7
    return draw(
        paint_plate, table, key="plate", size=(wide, deep), title="The plate",
        caption="Colour and number: quantification cycle, dark early (much RNA), light late. Empty wells "
        "hold nothing or were "
        "not determined.",
        alt=f"Plate of {height * width} wells, {len(table)} in use, {span}. {flagged or 'No well is flagged'}.",
    )  # fmt: skip


def _listed(names: pd.Series, most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names.head(most))) + more


def finding_table(findings: list[Finding]) -> Table | None:
    """Findings in the order of the verdict: rule, place, what was found, what to do."""
    rows = tuple(
        (
            f"{finding.severity}",
            finding.code,
            finding.sample or EMPTY,
            finding.well or EMPTY,
            finding.gene or EMPTY,
            finding.message,
            finding.remedy or EMPTY,
        )
        for finding in findings
    )
    heads = ("Weight", "Rule", "Sample", "Well", "Gene", "What was found", "What to do")
    marks = tuple(finding.severity for finding in findings)
    return Table(heads, rows, "", marks, numeric=False, classes="findings") if rows else None


def sample_table(samples: pd.DataFrame) -> Table | None:
    """Verdict and quality figures of each sample."""
    if samples.empty:
        return None
    rows = tuple(
        (
            text(row.sample_id),
            text(row.verdict),
            number(row.reference_cq),
            number(row.replicate_sd),
            percent(row.undetermined_fraction),
            text(str(row.codes or "").replace(";", ", ")),
        )
        for row in records(samples)
    )
    heads = ("Sample", "Verdict", "Reference gene, Cq", "Replicate SD, cycles", "Undetermined", "Rules")
    return Table(heads, rows, "", tuple(row[1] for row in rows), numeric=True)


def limit_table(protocol: Protocol) -> Table:
    """The limits that were applied, with their standing."""
    rows = tuple(
        (
            record.key.removeprefix("plate_qc.").replace("_", " "),
            f"{' to '.join(map(str, record.value)) if isinstance(record.value, list) else record.value} {record.unit}",
            record.status,
            record.note,
        )
        for record in protocol.records.values()
        if record.key.startswith("plate_qc.")
    )
    return Table(("Limit", "Value", "Status", "Note"), rows, numeric=False)
