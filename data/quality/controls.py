"""Rules about control wells: no-template controls are there and stay silent."""

from __future__ import annotations

import pandas as pd

from data.findings import Finding
from data.quality.limits import Limits

CONTROLS = (
    (
        "ntc",
        "Q101",
        "no-template",
        "reagents or wells are contaminated: do not trust late Cq values of this gene",
    ),
    (
        "nrt",
        "Q103",
        "no-reverse-transcriptase",
        "genomic DNA is amplified: repeat the DNase step before this gene is used",
    ),
)


def control_findings(used: pd.DataFrame, limits: Limits) -> list[Finding]:
    """Findings about the control wells of a plate.

    Parameters
    ----------
    used : DataFrame
        Wells that count, of panel genes and the reference gene.
    limits : Limits
        Thresholds.

    Returns
    -------
    list of Finding
        Q301 no no-template control (reject), Q303 too many of them amplified (reject), Q101 and Q103
        amplified control wells, one finding per gene (warn).
    """
    findings = []
    ntc = used[used["task"] == "ntc"]
    amplified = _amplified(ntc, limits)
    if ntc.empty:
        findings.append(
            Finding(
                "Q301",
                "reject",
                "no no-template control well of a panel gene",
                remedy="mark the no-template wells in the instrument software, or run the plate with them",
            )
        )
    elif len(amplified) > limits.ntc_amplified_fraction_max * len(ntc):
        findings.append(
            Finding(
                "Q303",
                "reject",
                f"{len(amplified)} of {len(ntc)} no-template wells amplified before Cq {limits.ntc_cq_min:g} "
                f"({len(amplified) / len(ntc):.0%}, allowed {limits.ntc_amplified_fraction_max:.0%})",
                well=listed(amplified["well"]),
                remedy="replace the reagents and run the plate again",
            )
        )
    for task, code, name, remedy in CONTROLS:
        for gene, wells in _amplified(used[used["task"] == task], limits).groupby("target", sort=True, observed=True):
            found = ", ".join(f"{cq:.2f}" for cq in wells["cq"].head(4))
            findings.append(
                Finding(
                    code,
                    "warn",
                    f"{name} well amplified at Cq {found} (allowed from {limits.ntc_cq_min:g})",
                    well=listed(wells["well"]),
                    gene=str(gene),
                    remedy=remedy,
                )
            )
    return findings


def _amplified(wells: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    return wells[(wells["state"] == "value") & (wells["cq"] < limits.ntc_cq_min)]


def listed(wells: pd.Series) -> str:
    """Up to six wells by name."""
    return ", ".join(wells.head(6)) + (", ..." if len(wells) > 6 else "")
