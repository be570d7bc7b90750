"""Inter-plate calibration of qPCR plates, from the calibrator wells of the plate itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.expression.cycles import CqTable, mean_cq, sample_cq
from features.expression.wells import coded


def calibrator_cq(wells: pd.DataFrame, protocol: Protocol) -> CqTable:
    """Mean Cq of the calibrator wells of every plate and gene.

    Calibrator wells have a task of ``expression.calibrator_task`` and no sample; omitted wells do not count.
    """
    keep = wells["task"].isin(list(protocol["expression.calibrator_task"])) & wells["sample_id"].isna() & ~wells["omit"]
    return mean_cq(wells, keep.to_numpy(dtype=bool), coded(wells["plate"]), float(protocol["expression.cq_limit"]))


def calibrator_level(wells: pd.DataFrame, protocol: Protocol, references: Sequence[str]) -> pd.DataFrame:
    """dCq of the calibrator on every plate, plates x genes, without the reference genes; NaN unless detected.

    Averaged over some reference plates it gives numbers for ``expression.calibrator_nominal``: they are stated there
    once, so that a value never depends on which other plates happen to be known.
    """
    table = calibrator_cq(wells, protocol)
    dcq = np.where(table.replicates > 0, table.difference(table.reference(references)), np.nan)
    level = pd.DataFrame(dcq, index=table.groups.rename("plate"), columns=table.genes.rename("gene"))
    return level.drop(columns=[gene for gene in references if gene in level])


def calibrator_offset(wells: pd.DataFrame, protocol: Protocol, references: Sequence[str]) -> pd.DataFrame:
    """How far the calibrator of each plate lies from its nominal dCq, by gene.

    Parameters
    ----------
    wells : DataFrame
        Wells of a trial.
    protocol : Protocol
        ``expression.calibrator_task`` and ``expression.calibrator_nominal``.
    references : sequence of str
        Reference genes.

    Returns
    -------
    DataFrame
        Plates x genes with a nominal dCq, cycles: dCq of the calibrator - its nominal dCq. NaN where the plate has no
        calibrator well in which gene and reference genes were detected.
    """
    nominal = pd.Series(protocol["expression.calibrator_nominal"], dtype="float64")
    return calibrator_level(wells, protocol, references).reindex(columns=nominal.index).sub(nominal, axis=1)


def calibrated_differences(
    wells: pd.DataFrame, verdicts: pd.DataFrame, protocol: Protocol, references: Sequence[str]
) -> tuple[CqTable, np.ndarray, np.ndarray]:
    """dCq of every sample and gene, less the offset of the calibrator on the sample's own plate.

    dCq - (dCq of the calibrator - its nominal dCq): the same sample on another plate gives the same value when a plate
    shifts all its wells of a gene alike. Without an offset the value stays as measured.

    Returns
    -------
    table : CqTable
        Mean Cq of the samples.
    dcq : ndarray
        Samples x genes of ``table``, cycles; a gene that was not detected counts as ``expression.cq_limit``.
    calibrated : ndarray of bool
        Where an offset was subtracted.

    References
    ----------
    Hellemans et al. 2007 (Genome Biol 8:R19), inter-run calibration, with one calibrator.
    """
    table = sample_cq(wells, verdicts, protocol)
    dcq = table.difference(table.reference(references))
    if not protocol["expression.calibrator_nominal"]:
        return table, dcq, np.zeros(dcq.shape, dtype=bool)
    offset = calibrator_offset(wells, protocol, references).reindex(index=table.plates, columns=table.genes).to_numpy()
    calibrated = ~np.isnan(offset) & ~np.isnan(dcq)
    return table, np.where(calibrated, dcq - offset, dcq), calibrated
