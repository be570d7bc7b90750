"""Rules on laboratory results (analyte, specimen, unit, limits, version, creatinine) and scan readings."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from data.findings import Finding
from data.protocol import MICRO_SIGNS, Analyte, Protocol
from data.readers.text import label
from data.store.content import overlay
from data.validate.context import Context, flag
from data.validate.table import CheckedTable

CREATININE = "creatinine"


def _fact(frame: pd.DataFrame, protocol: Protocol, fact: Callable[[Analyte], object]) -> pd.Series:
    """A property of each row's analyte; missing where the protocol does not list it."""
    return frame["analyte"].map({name: fact(analyte) for name, analyte in protocol.analytes.items()})


def check_analytes(table: CheckedTable, context: Context) -> list[Finding]:
    """Say which analytes the protocol does not list, once each: the list is open, but not to slips of the pen."""
    analyte = table.frame["analyte"]
    listed = {label(name): name for name in context.protocol.analytes}
    meant = analyte.map(lambda name: listed.get(label(name)))
    unlisted = ~analyte.isin(list(context.protocol.analytes)) & ~analyte.duplicated()
    slip = "unknown analyte {analyte!r}; it is written {meant}"
    slips = flag(table, unlisted & meant.notna(), "D110", "analyte", slip, "correct the name", extra={"meant": meant})
    unknown = unlisted & meant.isna()
    message = "analyte {analyte} is not listed in the protocol; it is stored but used by no feature"
    remedy = f"known: {', '.join(context.protocol.analytes)}"
    return [*slips, *flag(table, unknown, "D218", "analyte", message, remedy, severity="warn")]


def check_specimen(table: CheckedTable, context: Context) -> list[Finding]:
    """A blood analyte was measured in blood, a urine analyte in urine."""
    needed = _fact(table.frame, context.protocol, lambda analyte: analyte.specimen)
    found = table.frame["sample_id"].map(context.lookup("samples", "sample_id", "specimen"))
    wrong = needed.notna() & found.notna() & (needed != found)
    message = "{analyte} is measured in {needed}, but sample {sample_id} is {found}"
    remedy = "correct the sample label or the analyte"
    return flag(table, wrong, "D219", "analyte", message, remedy, extra={"needed": needed, "found": found})


def _factors(frame: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Factor from each row's unit to the canonical unit of its analyte; NaN when there is none."""
    known = {
        (name, unit): factor for name, analyte in protocol.analytes.items() for unit, factor in analyte.units.items()
    }
    pairs = pd.Series(list(zip(frame["analyte"], frame["unit"], strict=True)), index=frame.index, dtype=object)
    return pairs.map(known).astype("float64")


def _spelled(analyte: Analyte) -> str:
    """Units as a person is told them: what differs only in the sign for micro is said once."""
    return ", ".join(dict.fromkeys(unit.translate(MICRO_SIGNS[0]) for unit in analyte.units))


def check_units(table: CheckedTable, context: Context) -> list[Finding]:
    """The unit converts to the canonical unit of the analyte."""
    units = _fact(table.frame, context.protocol, _spelled)
    wrong = units.notna() & _factors(table.frame, context.protocol).isna()
    message = "unit {unit} of {analyte} cannot be converted; it may be {units}"
    return flag(
        table,
        wrong,
        "D220",
        "unit",
        message,
        "report the result in one of these units",
        extra={"units": units},
    )


def check_limits(table: CheckedTable, context: Context) -> list[Finding]:
    """The value, in the canonical unit, lies within the limits of the analyte."""
    frame, protocol = table.frame, context.protocol
    value = frame["value"] * _factors(frame, protocol)
    lower = _fact(frame, protocol, lambda analyte: analyte.lower).astype("float64")
    upper = _fact(frame, protocol, lambda analyte: analyte.upper).astype("float64")
    message = "{analyte} of {value:g} {unit} is out of its limits ({limits})"
    low = [f"{limit:g}" if pd.notna(limit) else "no lower limit" for limit in lower]
    high = [f"{limit:g}" if pd.notna(limit) else "no upper limit" for limit in upper]
    limits = pd.Series(list(map(" to ".join, zip(low, high, strict=True))), index=frame.index, dtype=object)
    broken = (value < lower) | (value > upper)
    return flag(table, broken, "D225", "value", message, "correct the value or its unit", extra={"limits": limits})


def _versions(context: Context) -> dict[str, list[str]]:
    """NETest versions that report each score."""
    out: dict[str, list[str]] = {}
    for version, assay in context.protocol.assays.items():
        for analyte in assay.analytes:
            out.setdefault(analyte, []).append(version)
    return out


def check_versions(table: CheckedTable, context: Context) -> list[Finding]:
    """One NETest version along each patient's trajectory, and a version that the protocol knows.

    Versions are separate assays: a trajectory is judged over the rows of the file and the current rows of
    the store. Withdrawn results (``qc`` is fail) belong to none, so that a patient can be measured again in another
    version.
    """
    scores = _versions(context)
    owner = context.lookup("samples", "sample_id", "patient_id")
    results = overlay("results", context.table("results"), table.frame)
    results = results[results["analyte"].isin(list(scores)) & results["qc"].ne("fail")]
    patient = results["sample_id"].map(owner)
    count = results.groupby(patient)["version"].nunique()
    named = results.groupby(patient)["version"].agg(lambda versions: " and ".join(sorted(set(versions))))
    netest = table.frame["analyte"].isin(list(scores))
    patients = table.frame["sample_id"].map(owner)
    mixed = netest & table.frame["qc"].ne("fail") & (patients.map(count) > 1)
    first = mixed & ~patients.where(mixed).duplicated()
    shown = {"patient": patients, "found": patients.map(named)}
    message = "patient {patient} has NETest versions {found} in one trajectory"
    remedy = "report all samples of a patient with one version, and those of the other with qc fail"
    allowed = table.frame["analyte"].map({name: ", ".join(versions) for name, versions in scores.items()})
    fits = pd.Series(
        [version in scores.get(name, ()) for name, version in table.frame[["analyte", "version"]].to_numpy()],
        index=table.frame.index,
        dtype=bool,
    )
    odd = "version {version} is none that reports {analyte}; the protocol has {allowed}"
    return [
        *flag(table, first, "D221", "version", message, remedy, extra=shown),
        *flag(
            table,
            netest & ~mixed & ~fits,
            "D222",
            "version",
            odd,
            "correct the version",
            extra={"allowed": allowed},
        ),
    ]


def _scored(results: pd.DataFrame, context: Context) -> pd.Series:
    """Rows with a NETest score that was not withdrawn."""
    return results["analyte"].isin(list(_versions(context))) & results["qc"].ne("fail")


def check_one_version(table: CheckedTable, context: Context) -> list[Finding]:
    """Say when a file brings a second NETest version into the trial: no analysis mixes them (L111).

    Two versions in one patient's trajectory are the business of :func:`check_versions`.
    """
    rows = _scored(table.frame, context)
    known = set(context.table("results").loc[_scored(context.table("results"), context), "version"])
    after = overlay("results", context.table("results"), table.frame)
    after = after[_scored(after, context)]
    versions = set(after["version"])
    owner = after["sample_id"].map(context.lookup("samples", "sample_id", "patient_id"))
    in_one_trajectory = (after.groupby(owner)["version"].nunique() > 1).any()
    if len(versions) < 2 or versions <= known or in_one_trajectory:
        return []
    # The line to look at: the first of the file with a version that the store does not have, or that is not the first.
    other = rows & ~table.frame["version"].isin(known or {table.frame.loc[rows, "version"].iloc[0]})
    first = other & ~other.where(other).duplicated()
    message = "version {version} of NETest beside {others}: the trial will be refused at training (L111)"
    shown = table.frame["version"].map(lambda own: " and ".join(sorted(versions - {own})))
    remedy = "report every patient with one version, and the results of the other with qc fail"
    return flag(table, first, "D234", "version", message, remedy, severity="warn", extra={"others": shown})


def check_creatinine(table: CheckedTable, context: Context) -> list[Finding]:
    """Say which urine concentrations have no creatinine of the same sample to divide by."""
    protocol = context.protocol
    per_creatinine = [name for name, analyte in protocol.analytes.items() if analyte.per_creatinine]
    results = overlay("results", context.table("results"), table.frame)
    measured = results.loc[results["analyte"] == CREATININE, "sample_id"]
    lacking = table.frame["analyte"].isin(per_creatinine) & ~table.frame["sample_id"].isin(measured)
    message = "{analyte} of sample {sample_id} has no creatinine result, so it gives no ratio"
    return flag(table, lacking, "D224", "analyte", message, "send the creatinine of the sample", severity="warn")


def check_readings(table: CheckedTable, context: Context) -> list[Finding]:
    """An adequate scan has a finding, an inadequate one has none."""
    adequate, finding = table.frame["adequate"] == "yes", table.frame["finding"]
    unread = "the scan of patient {patient_id} is adequate but has no finding"
    read = "the scan of patient {patient_id} is not adequate but has the finding {finding}"
    remedy = "give the finding of an adequate scan; leave it empty when the scan is not adequate"
    return [
        *flag(table, adequate & finding.isna(), "D216", "finding", unread, remedy),
        *flag(table, ~adequate & finding.notna(), "D216", "finding", read, remedy),
    ]
