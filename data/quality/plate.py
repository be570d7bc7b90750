"""Judge a plate: its controls, its reference gene, its samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from data.findings import Finding
from data.protocol import Protocol
from data.quality.controls import control_findings
from data.quality.figures import PlateFigures, plate_figures
from data.quality.limits import Limits, read_limits
from data.quality.samples import sample_findings

SAMPLE_COLUMNS = (
    "plate",
    "sample_id",
    "verdict",
    "codes",
    "reference_cq",
    "replicate_sd",
    "undetermined_fraction",
)


@dataclass(frozen=True)
class PlateVerdict:
    """What quality control says about one plate.

    Parameters
    ----------
    verdict : {"pass", "repeat", "reject"}
        ``repeat`` when some samples must be measured again, ``reject`` when nothing of the plate may be used.
    findings : list of Finding
        Reasons, the gravest first.
    samples : DataFrame
        One row per sample: plate, sample_id, verdict, codes (joined by ``;``), reference_cq and
        replicate_sd (cycles), undetermined_fraction (share of panel wells).
    """

    verdict: str
    findings: list[Finding]
    samples: pd.DataFrame


def judge_plate(wells: pd.DataFrame, protocol: Protocol, version: str | None = None) -> PlateVerdict:
    """Judge the wells of one plate by the ``plate_qc`` records of the protocol.

    Parameters
    ----------
    wells : DataFrame
        Wells of one plate after mapping: plate, well, sample_id (missing for controls), target (current
        symbol), task, cq (cycles), state, omit; ``file`` names the export in messages. Omitted wells and
        genes that are neither of the panel nor the reference gene do not count.
    protocol : Protocol
        Trial rules.
    version : str, optional
        Assay version whose reference gene applies; the protocol's default when omitted.

    Returns
    -------
    PlateVerdict
        Deterministic; nothing is read or written.

    Raises
    ------
    ValueError
        When the wells are of more than one plate.
    """
    plates = wells["plate"].dropna().unique()
    if len(plates) > 1:
        raise ValueError(f"judge_plate takes one plate, these wells are of {len(plates)}: {', '.join(plates[:3])}")
    plate = str(plates[0]) if len(plates) else ""
    limits = read_limits(protocol, version)
    counts = wells["target"].isin((limits.reference_gene, *limits.genes)) & ~wells["omit"].eq(True)
    of_sample = (wells["task"] == "unknown") & wells["sample_id"].notna()
    used, samples = wells[counts], wells[counts & of_sample]
    figures = plate_figures(samples, limits, tuple(wells.loc[of_sample, "sample_id"].unique()))
    findings = control_findings(used, limits) + sample_findings(samples, figures, limits)
    findings += _plate_findings(samples, figures, findings, limits)
    findings = [replace(finding, file=_origin(wells, plate)) for finding in _gravest_first(findings)]
    return PlateVerdict(_verdict(findings), findings, _sample_rows(plate, figures, findings))


def _plate_findings(
    samples: pd.DataFrame, figures: PlateFigures, findings: list[Finding], limits: Limits
) -> list[Finding]:
    """Rules about the plate as a whole."""
    if samples.empty:
        return [
            Finding(
                "Q305",
                "reject",
                "no well holds a sample and a panel gene",
                remedy="check the sample names, the plate map and the gene names",
            )
        ]
    out = []
    if not figures.wells[:, 0].any():
        out.append(
            Finding(
                "Q302",
                "reject",
                "the reference gene is not on the plate",
                gene=limits.reference_gene,
                remedy="run the plate again with its reference gene; no other gene replaces it",
            )
        )
    failed = {finding.sample for finding in findings if finding.severity == "repeat"}
    share = len(failed) / len(figures.samples)
    if share > limits.failed_sample_fraction_max:
        out.append(
            Finding(
                "Q304",
                "reject",
                f"{len(failed)} of {len(figures.samples)} samples fail ({share:.0%}, "
                f"allowed {limits.failed_sample_fraction_max:.0%})",
                remedy="look for a cause common to the plate and run it again",
            )
        )
    absent = [gene for gene in limits.check_genes if not figures.wells[:, figures.genes.index(gene)].any()]
    if absent:
        out.append(
            Finding(
                "Q306",
                "warn",
                "check genes are not on the plate, so RNA handling is not checked",
                gene=", ".join(absent),
                remedy="add them to the plate layout",
            )
        )
    return out


def _origin(wells: pd.DataFrame, plate: str) -> str:
    files = list(wells["file"].dropna().unique()) if "file" in wells else []
    return str(files[0]) if files else f"plate {plate}"


def _gravest_first(findings: list[Finding]) -> list[Finding]:
    order = ("reject", "repeat", "warn", "note")
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def _verdict(findings: list[Finding]) -> str:
    worst = findings[0].severity if findings else "note"
    return worst if worst in ("reject", "repeat") else "pass"


def _sample_rows(plate: str, figures: PlateFigures, findings: list[Finding]) -> pd.DataFrame:
    """A row per sample; a rejected plate rejects every sample and hands down its codes."""
    plate_codes = [finding.code for finding in findings if finding.severity == "reject"]
    own: dict[str, list[str]] = {sample: [] for sample in figures.samples}
    for finding in findings:
        if finding.severity == "repeat" and finding.sample in own:
            own[finding.sample].append(finding.code)
    codes = [";".join(dict.fromkeys(plate_codes + sorted(found))) for found in own.values()]
    verdict = np.where([bool(found) for found in own.values()], "repeat", "pass")
    return pd.DataFrame(
        {
            "plate": plate,
            "sample_id": list(own),
            "verdict": np.full(len(own), "reject") if plate_codes else verdict,
            "codes": codes,
            "reference_cq": figures.reference_cq,
            "replicate_sd": figures.replicate_sd,
            "undetermined_fraction": figures.undetermined_fraction,
        },
        columns=list(SAMPLE_COLUMNS),
    )
