"""Relative quantities: what a difference in cycles means when a cycle multiplies by the efficiency of its gene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.expression.calibration import calibrator_cq
from features.expression.cycles import CqTable, reference_genes, sample_cq

QUANTITY_COLUMNS = ["sample_id", "gene", "plate", "ln_quantity", "quantity", "detected"]


def relative_quantity(dcq: pd.Series, protocol: Protocol) -> pd.Series:
    """Efficiency-corrected quantity relative to the reference gene, E^-dCq (``expression.efficiency``).

    One efficiency for all genes; :func:`relative_quantities` has one for each.
    """
    return float(protocol["expression.efficiency"]) ** -dcq


def gene_efficiency(protocol: Protocol, genes: Sequence[str]) -> np.ndarray:
    """Factor by which one cycle multiplies each gene.

    ``expression.gene_efficiency`` where it names the gene (a standard curve), else ``expression.efficiency``.

    Raises
    ------
    ValueError
        When a factor does not lie above 1 and at or below 2.2.
    """
    default, known = float(protocol["expression.efficiency"]), protocol["expression.gene_efficiency"]
    factor = np.array([float(known.get(gene, default)) for gene in genes])
    wrong = [f"{gene} {value:g}" for gene, value in zip(genes, factor, strict=True) if not 1 < value <= 2.2]
    if wrong:
        raise ValueError(
            f"expression.gene_efficiency: {', '.join(wrong)}; give the factor of one cycle, above 1 and near 2 "
            "(1.97 for an efficiency of 97%)"
        )
    return factor


def ln_quantity(table: CqTable, protocol: Protocol, references: Sequence[str]) -> np.ndarray:
    """Logarithm of the relative quantity of every group and gene.

    ln Q = ln(E_g^-Cq_g) - mean over reference genes r of ln(E_r^-Cq_r): the quantity of the gene over the geometric
    mean of the quantities of the reference genes.

    Returns
    -------
    ndarray
        Groups x genes of ``table``. A gene that was read but not detected counts as ``table.limit``: the largest
        quantity that it can have. NaN where nothing was read or a reference gene was not detected.

    References
    ----------
    Pfaffl 2001 (Nucleic Acids Res 29:e45); Vandesompele et al. 2002 (Genome Biol 3:research0034) for several reference
    genes.
    """
    level = np.where(table.read & (table.replicates == 0), table.limit, table.cq)
    reference = (table.of(references) * np.log(gene_efficiency(protocol, references))).mean(axis=1)
    return reference[:, None] - level * np.log(gene_efficiency(protocol, list(table.genes)))


def relative_quantities(
    trial: Trial, protocol: Protocol, version: str | None = None, *, to_calibrator: bool = False
) -> pd.DataFrame:
    """Efficiency-corrected, reference-gene-normalised quantity of every sample and gene.

    Q = E_g^-Cq_g / E_ref^-Cq_ref (:func:`ln_quantity`); with ``to_calibrator`` divided by the same of the calibrator
    wells on the sample's own plate, which is the ratio of Pfaffl 2001 and free of a shift that the plate gives to all
    wells of a gene.

    Parameters
    ----------
    trial : Trial
        Uses ``wells`` and ``verdicts``.
    protocol : Protocol
    version : str, optional
        Assay version; ``assay_default.version`` when omitted.
    to_calibrator : bool

    Returns
    -------
    DataFrame
        One row per sample and gene without the reference genes: ``sample_id, gene, plate, ln_quantity, quantity,
        detected``. Where ``detected`` is False the quantity is the largest that it can have. NaN where a reference
        gene, or with ``to_calibrator`` the gene in the calibrator, was not detected.
    """
    references = reference_genes(protocol, version)
    table = sample_cq(trial.wells, trial.verdicts, protocol)
    value = ln_quantity(table, protocol, references)
    if to_calibrator:
        own = calibrator_cq(trial.wells, protocol)
        level = np.where(own.replicates > 0, ln_quantity(own, protocol, references), np.nan)
        framed = pd.DataFrame(level, index=own.groups, columns=own.genes)
        value = value - framed.reindex(index=table.plates, columns=table.genes).to_numpy()
    shown = table.read & ~table.genes.isin(references)
    group, gene = np.nonzero(shown)
    return pd.DataFrame(
        {
            "sample_id": table.groups.to_numpy()[group],
            "gene": table.genes.to_numpy()[gene],
            "plate": table.plates[group],
            "ln_quantity": value[shown],
            "quantity": np.exp(value[shown]),
            "detected": table.replicates[shown] > 0,
        },
        columns=QUANTITY_COLUMNS,
    )
