"""From an instrument export to the trial's wells: samples by name or plate map, genes by symbol or alias."""

from __future__ import annotations

import re

import pandas as pd

from data.findings import Finding
from data.protocol import Panel
from data.readers.plate import PlateExport
from data.trial import typed
from data.validate.context import Context

CONTROL_TASKS = ("ntc", "nrt", "standard", "positive_control")
SHOWN = 5


def short_well(wells: pd.Series) -> pd.Series:
    """Well names without leading zeros (``A01`` is ``A1``)."""
    return wells.astype(object).map(lambda well: re.sub(r"^([A-Z]+)0+(?=\d)", r"\1", str(well).strip().upper()))


def _samples(export: PlateExport, plate_map: pd.DataFrame, wells: pd.DataFrame) -> pd.Series:
    """Sample of each well: the plate map's where it lists the well, else the name in the export."""
    names = {
        export.plate.casefold(),
        export.file_name.rsplit(".", 1)[0].casefold(),
        export.file_name.casefold(),
    }
    mine = plate_map[plate_map["plate"].astype(object).map(str).str.casefold().isin(names)]
    listed = short_well(wells["well"]).map(dict(zip(short_well(mine["well"]), mine["sample_id"], strict=True)))
    return listed.where(listed.notna(), wells["sample"])


def gene_symbols(targets: pd.Series, panel: Panel) -> pd.Series:
    """Current symbol of each target; missing where neither the panel nor its aliases know the name.

    Letter case does not matter: exports differ in it, and no two symbols of a panel do.
    """
    symbols = {gene.casefold(): gene for gene in (*panel.genes, *panel.reference_genes, *panel.check_genes)}
    symbols |= {alias.casefold(): gene for alias, gene in panel.aliases.items()}
    return targets.map(lambda target: symbols.get(str(target).strip().casefold()), na_action="ignore")


def _refusal(
    code: str,
    message: str,
    export: PlateExport,
    remedy: str,
    *,
    sample: str = "",
    well: str = "",
    gene: str = "",
) -> Finding:
    return Finding(code, "reject", message, file=export.file_name, remedy=remedy, sample=sample, well=well, gene=gene)


def _unknown_samples(wells: pd.DataFrame, known: pd.Series, context: Context, export: PlateExport) -> list[Finding]:
    """Samples of the plate that the trial does not know; one pointer when the samples file was rejected."""
    unknown = wells[wells["sample_id"].notna() & ~wells["sample_id"].isin(known)].drop_duplicates("sample_id")
    if unknown.empty:
        return []
    if "samples" in context.rejected:
        source = context.rejected["samples"]
        message = f"{len(unknown)} samples of the plate are unknown because {source} was rejected"
        return [_refusal("D203", message, export, f"mend {source}, then send both again")]
    remedy = "send the sample in samples.csv, correct its name, or map the well in plate_map.csv"
    findings = [
        _refusal("D202", "the sample is unknown", export, remedy, sample=str(row.sample_id), well=str(row.well))
        for row in unknown.head(SHOWN).itertuples()
    ]
    if len(unknown) > SHOWN:
        findings.append(_refusal("D202", f"{len(unknown) - SHOWN} more samples are unknown", export, remedy))
    return findings


def _wrong_specimens(wells: pd.DataFrame, context: Context, export: PlateExport) -> list[Finding]:
    """The panel is a blood assay: a urine sample on the plate is a mix-up."""
    specimen = wells["sample_id"].map(context.lookup("samples", "sample_id", "specimen"))
    wrong = wells[specimen.notna() & (specimen != "blood")].drop_duplicates("sample_id").head(SHOWN)
    message = "a urine sample lies on a plate of the blood panel"
    remedy = "correct the sample name; urine is never read as blood"
    return [
        _refusal("D219", message, export, remedy, sample=str(r.sample_id), well=str(r.well)) for r in wrong.itertuples()
    ]


def _unknown_genes(wells: pd.DataFrame, targets: pd.Series, export: PlateExport) -> list[Finding]:
    named = targets.notna() & wells["target"].isna()
    names = list(dict.fromkeys(targets[named]))
    if not names:
        return []
    first = wells.loc[named, "well"].iloc[0]
    shown = ", ".join(map(str, names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    message = "not a gene of the panel" if len(names) == 1 else f"{len(names)} targets are not genes of the panel"
    remedy = "use the panel's gene symbols or their listed aliases; a plate of another assay does not belong here"
    return [_refusal("D226", message, export, remedy, gene=shown, well=str(first))]


def _unnamed_wells(wells: pd.DataFrame, export: PlateExport) -> list[Finding]:
    """An export without sample names is refused; single measured wells without one are said."""
    remedy = "send plate_map.csv with plate, well and sample_id"
    if wells["sample_id"].isna().all():
        return [_refusal("D228", "the export names no samples", export, remedy)]
    unnamed = wells[wells["sample_id"].isna() & wells["target"].notna() & wells["cq"].notna()]
    if unnamed.empty:
        return []
    words = f"{len(unnamed)} wells have a gene and a Cq but no sample; they are used for nothing"
    first = str(unnamed["well"].iloc[0])
    return [Finding("D229", "warn", words, file=export.file_name, well=first, remedy=remedy)]


def _reused_name(wells: pd.DataFrame, context: Context, export: PlateExport) -> list[Finding]:
    """A known plate name with none of its samples is another plate that got the same name."""
    verdicts = context.table("verdicts")
    before = set(verdicts.loc[verdicts["plate"] == export.plate, "sample_id"])
    now = set(wells["sample_id"].dropna())
    if not before or not now or before & now:
        return []
    message = f"plate name {export.plate} is already used by a plate with other samples"
    return [_refusal("D227", message, export, "give each plate a name of its own in the instrument software")]


def map_plate(export: PlateExport, context: Context) -> tuple[pd.DataFrame, list[Finding]]:
    """Bring the wells of an export to the trial's ``wells`` table.

    Parameters
    ----------
    export : PlateExport
        As read; sample names are sample ids unless the plate map lists the well.
    context : Context
        Known samples, controls, plate map and verdicts; the protocol's panel.

    Returns
    -------
    DataFrame
        Typed ``wells``; wells without sample and target are left out, control wells have no sample.
    list of Finding
        ``reject`` for an unknown sample or gene, a urine sample, an export without sample names, a reused
        plate name.
    """
    wells = export.wells.reset_index(drop=True)
    plate_map = context.known.get("plate_map", pd.DataFrame(columns=["plate", "well", "sample_id"]))
    wells = wells.assign(sample_id=_samples(export, plate_map, wells))
    controls = context.table("controls")["control"].dropna().str.casefold().unique()
    control = wells["task"].isin(CONTROL_TASKS)
    named_control = ~control & wells["sample_id"].map(lambda name: str(name).casefold()).isin(controls)
    wells.loc[named_control, "task"] = "positive_control"
    wells.loc[control | named_control, "sample_id"] = None
    targets = wells["target"]
    wells = wells.assign(target=gene_symbols(targets, context.protocol.panel))
    findings = _unknown_genes(wells, targets, export)
    if findings and wells["target"].isna().all():
        return typed("wells", pd.DataFrame()), findings
    findings += _unnamed_wells(wells[~(control | named_control)], export)
    findings += _unknown_samples(wells, context.table("samples")["sample_id"], context, export)
    findings += _wrong_specimens(wells, context, export) + _reused_name(wells, context, export)
    kept = wells[wells["sample_id"].notna() | targets.notna()]
    named = kept.assign(plate=export.plate, instrument=export.instrument, file=export.file_name)
    return typed("wells", named), findings
