"""Rules about each sample: reference gene, replicates, undetermined wells, check genes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from data.findings import Finding
from data.quality.controls import listed
from data.quality.figures import PlateFigures
from data.quality.limits import Limits

SHOWN_GENES = 4


def sample_findings(wells: pd.DataFrame, figures: PlateFigures, limits: Limits) -> list[Finding]:
    """Findings about the samples of a plate.

    Parameters
    ----------
    wells : DataFrame
        Sample wells that count.
    figures : PlateFigures
        Their figures.
    limits : Limits
        Thresholds.

    Returns
    -------
    list of Finding
        Q201 reference gene missing, Q202 undetermined or out of range, Q203 its replicates scatter, Q204
        too many genes scatter, Q205 too many undetermined wells, Q206 a check gene is not detected (all
        repeat); Q102 single genes scatter (warn); Q207 genes of the plate were not measured (repeat when as many as
        may be undetermined, else warn).
    """
    return [
        *_reference_findings(wells, figures, limits),
        *_replicate_findings(wells, figures, limits),
        *_detection_findings(wells, figures, limits),
        *_coverage_findings(figures, limits),
    ]


def _wells_of(wells: pd.DataFrame, sample: str, genes: list[str]) -> pd.DataFrame:
    return wells[(wells["sample_id"] == sample) & wells["target"].isin(genes)]


def _reference_findings(wells: pd.DataFrame, figures: PlateFigures, limits: Limits) -> Iterator[Finding]:
    gene = limits.reference_gene
    allowed = f"allowed {limits.reference_low:g} to {limits.reference_high:g}"
    cq = figures.reference_cq
    outside = ~((cq >= limits.reference_low) & (cq <= limits.reference_high))
    # Without the gene anywhere the plate is rejected as a whole; saying so per sample adds nothing.
    on_plate = figures.wells[:, 0].any()
    for index in np.flatnonzero(outside & on_plate):
        sample = figures.samples[index]
        well = listed(_wells_of(wells, sample, [gene])["well"])
        if not figures.wells[index, 0]:
            yield Finding(
                "Q201",
                "repeat",
                "the reference gene was not measured in this sample",
                remedy="run the sample again with its reference wells",
                sample=sample,
                gene=gene,
                well=well,
            )
        elif not figures.measured[index, 0]:
            yield Finding(
                "Q202",
                "repeat",
                f"the reference gene did not amplify ({allowed} cycles)",
                remedy="check RNA yield and run the sample again",
                sample=sample,
                gene=gene,
                well=well,
            )
        else:
            side = "more" if cq[index] < limits.reference_low else "less"
            yield Finding(
                "Q202",
                "repeat",
                f"reference gene at mean Cq {cq[index]:.2f} ({allowed})",
                remedy=f"there is {side} template than intended: adjust the input and run the sample again",
                sample=sample,
                gene=gene,
                well=well,
            )
    for index in np.flatnonzero(figures.sd[:, 0] > limits.replicate_sd_max):
        sample = figures.samples[index]
        yield Finding(
            "Q203",
            "repeat",
            f"reference gene replicates scatter with SD {figures.sd[index, 0]:.2f} cycles "
            f"(allowed {limits.replicate_sd_max:g})",
            sample=sample,
            gene=gene,
            well=listed(_wells_of(wells, sample, [gene])["well"]),
            remedy="look for a bubble or an empty well, omit it with a reason, or run the sample again",
        )


def _replicate_findings(wells: pd.DataFrame, figures: PlateFigures, limits: Limits) -> Iterator[Finding]:
    scattered = figures.sd[:, 1:] > limits.replicate_sd_max
    replicated = np.isfinite(figures.sd[:, 1:]).sum(axis=1)
    for index in np.flatnonzero(scattered.any(axis=1)):
        count = int(scattered[index].sum())
        share = count / replicated[index]
        ranked = np.argsort(-np.where(scattered[index], figures.sd[index, 1:], -np.inf), kind="stable")[:count]
        genes = [figures.genes[1 + gene] for gene in ranked[:SHOWN_GENES]]
        shown = ", ".join(f"{gene} {figures.sd[index, figures.genes.index(gene)]:.2f}" for gene in genes)
        sample = figures.samples[index]
        many = bool(share > limits.replicate_gene_fraction_max)
        yield Finding(
            "Q204" if many else "Q102",
            "repeat" if many else "warn",
            f"replicates of {count} of {replicated[index]} genes scatter "
            f"above SD {limits.replicate_sd_max:g} cycles "
            f"({shown}{', ...' if count > SHOWN_GENES else ''}; {share:.0%} of genes, "
            f"allowed {limits.replicate_gene_fraction_max:.0%})",
            sample=sample,
            gene=", ".join(genes),
            well=listed(_wells_of(wells, sample, genes)["well"]),
            remedy="run the sample again" if many else "look at these wells; the gene's mean is less certain",
        )


def _detection_findings(wells: pd.DataFrame, figures: PlateFigures, limits: Limits) -> Iterator[Finding]:
    for index in np.flatnonzero(figures.undetermined_fraction > limits.undetermined_fraction_max):
        sample = figures.samples[index]
        panel = _wells_of(wells, sample, list(limits.genes))
        silent = panel[panel["state"] != "value"]
        yield Finding(
            "Q205",
            "repeat",
            f"{len(silent)} of {len(panel)} panel wells have no Cq "
            f"({figures.undetermined_fraction[index]:.0%}, allowed {limits.undetermined_fraction_max:.0%})",
            sample=sample,
            well=listed(silent["well"]),
            remedy="check RNA quantity and integrity and run the sample again",
        )
    for gene in limits.check_genes:
        column = figures.genes.index(gene)
        for index in np.flatnonzero((figures.wells[:, column] > 0) & (figures.measured[:, column] == 0)):
            sample = figures.samples[index]
            yield Finding(
                "Q206",
                "repeat",
                "check gene was not detected (expected in every intact sample)",
                sample=sample,
                gene=gene,
                well=listed(_wells_of(wells, sample, [gene])["well"]),
                remedy="check storage and RNA integrity and run the sample again",
            )


def _coverage_findings(figures: PlateFigures, limits: Limits) -> Iterator[Finding]:
    """Panel genes that the plate holds but a sample has no well of: a cut export, or wells left out of it.

    Genes that are nowhere on the plate are its layout: a panel may be spread over several plates. A sample without
    any well that counts lacks its reference gene, which says it all.
    """
    there = figures.wells[:, 1:] > 0
    on_plate = there.any(axis=0)
    for index in np.flatnonzero((on_plate & ~there).any(axis=1) & figures.wells.any(axis=1)):
        lacking = [figures.genes[1 + gene] for gene in np.flatnonzero(on_plate & ~there[index])]
        share = len(lacking) / int(on_plate.sum())
        many = share > limits.undetermined_fraction_max
        yield Finding(
            "Q207",
            "repeat" if many else "warn",
            f"{len(lacking)} of the plate's {int(on_plate.sum())} panel genes have no well of this sample "
            f"({share:.0%}, allowed {limits.undetermined_fraction_max:.0%})",
            sample=figures.samples[index],
            gene=", ".join(lacking[:SHOWN_GENES]) + (", ..." if len(lacking) > SHOWN_GENES else ""),
            remedy="check that the export is whole" + (", or run the sample again" if many else ""),
        )
