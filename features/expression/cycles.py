"""Mean Cq of replicate wells, and the difference to the reference gene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.expression.wells import READ_STATES, Coded, accepted, coded

DCQ_COLUMNS = ["sample_id", "gene", "plate", "replicates", "cq", "reference_cq", "dcq", "detected"]


@dataclass(frozen=True)
class CqTable:
    """Mean Cq of replicate wells, groups (samples or plates) x genes, both sorted by name.

    Parameters
    ----------
    groups, genes : Index of str
    plates : ndarray of str
        Plate of each group.
    total : ndarray
        Sum of the Cq of the replicates that gave one below ``limit`` (cycles).
    replicates : ndarray of int
        Their number.
    read : ndarray of bool
        Whether any well was read, with a Cq or without.
    limit : float
        ``expression.cq_limit``, cycles.
    ss : ndarray, optional
        Sum of squared differences of the replicates from their mean, where it was asked for.
    """

    groups: pd.Index
    genes: pd.Index
    plates: np.ndarray
    total: np.ndarray
    replicates: np.ndarray
    read: np.ndarray
    limit: float
    ss: np.ndarray | None = None

    @cached_property
    def cq(self) -> np.ndarray:
        """Mean Cq; NaN where no replicate gave one."""
        return np.where(self.replicates > 0, self.total / np.maximum(self.replicates, 1), np.nan)

    def of(self, genes: Sequence[str]) -> np.ndarray:
        """Mean Cq of some genes, groups x genes; NaN for a gene that was not measured."""
        number = self.genes.get_indexer(pd.Index(genes, dtype=object))
        columns = np.column_stack([self.cq, np.full(len(self.groups), np.nan)])
        return columns[:, number]

    def reference(self, genes: Sequence[str]) -> np.ndarray:
        """Mean Cq over the reference genes, by group; NaN unless every one of them was detected."""
        return self.of(genes).mean(axis=1)

    def difference(self, reference: np.ndarray) -> np.ndarray:
        """dCq, groups x genes: a gene that was read but not detected counts as ``limit``."""
        level = np.where(self.read & (self.replicates == 0), self.limit, self.cq)
        return level - reference[:, None]


def reference_genes(protocol: Protocol, version: str | None = None) -> tuple[str, ...]:
    """Reference genes of an assay version: ``expression.reference_genes`` where it names some, else the assay's own.

    Parameters
    ----------
    protocol : Protocol
    version : str, optional
        ``assay_default.version`` when omitted.
    """
    version = version or protocol["assay_default.version"]
    several = protocol["expression.reference_genes"].get(version)
    return tuple(several) if several else (protocol.assays[version].reference_gene,)


def mean_cq(wells: pd.DataFrame, keep: np.ndarray, group: Coded, limit: float, *, spread: bool = False) -> CqTable:
    """Average the replicate wells of each group and gene.

    Parameters
    ----------
    wells : DataFrame
        Wells of a trial.
    keep : ndarray of bool
        Wells that count.
    group : Coded
        What the wells are grouped by: their sample, or their plate.
    limit : float
        A Cq at or beyond it counts as not detected (cycles).
    spread : bool
        Whether the spread of the replicates (``ss``) is wanted too.
    """
    gene, state = coded(wells["target"]), coded(wells["state"])
    value, undetermined = state.number(READ_STATES)
    read = keep & ((state.codes == value) | (state.codes == undetermined)) & (gene.codes >= 0) & (group.codes >= 0)
    rows = np.flatnonzero(read & (state.codes >= 0))
    cq = wells["cq"].to_numpy()[rows]
    measured = (state.codes[rows] == value) & (cq < limit)
    groups, of_group = _sorted(group, rows)
    genes, of_gene = _sorted(gene, rows)
    cell, shape = of_group * len(genes) + of_gene, (len(groups), len(genes))
    cells = shape[0] * shape[1]
    # A repeated index keeps its last value: backwards, the first well of each group.
    first = np.zeros(len(groups), dtype=np.intp)
    first[of_group[::-1]] = rows[::-1]
    plates = wells["plate"].iloc[first].to_numpy(dtype=object)
    inside, cq = cell[measured], cq[measured]
    total, replicates = (np.bincount(inside, weights=of, minlength=cells) for of in (cq, None))
    ss = (
        np.bincount(inside, weights=(cq - total[inside] / replicates[inside]) ** 2, minlength=cells) if spread else None
    )
    return CqTable(
        groups,
        genes,
        plates,
        total.reshape(shape),
        replicates.reshape(shape),
        (np.bincount(cell, minlength=cells) > 0).reshape(shape),
        limit,
        None if ss is None else ss.reshape(shape),
    )


def _sorted(column: Coded, rows: np.ndarray) -> tuple[pd.Index, np.ndarray]:
    """The names that occur in some rows, sorted, and the place of each row's name among them."""
    codes = column.codes[rows]
    present = np.flatnonzero(np.bincount(codes, minlength=len(column.names)))
    names = column.names[present]
    order = np.arange(len(names)) if names.is_monotonic_increasing else np.argsort(names.to_numpy())
    place = np.empty(len(column.names), dtype=np.intp)
    place[present[order]] = np.arange(len(order))
    return names[order], place[codes]


def sample_cq(wells: pd.DataFrame, verdicts: pd.DataFrame, protocol: Protocol, *, spread: bool = False) -> CqTable:
    """Mean Cq of every sample and gene, from the wells that count (:func:`features.expression.accepted_wells`)."""
    sample = coded(wells["sample_id"])
    limit = float(protocol["expression.cq_limit"])
    return mean_cq(wells, accepted(wells, verdicts, sample), sample, limit, spread=spread)


def delta_cq(trial: Trial, protocol: Protocol, version: str | None = None) -> pd.DataFrame:
    """Expression of each gene against the reference gene of the assay version.

    dCq = mean Cq of the replicates of the gene - mean Cq of the replicates of the reference gene (cycles); of
    several reference genes (:func:`reference_genes`) the mean of their means, that is the geometric mean of their
    quantities (Vandesompele 2002). A gene whose replicates are all undetermined (or at or beyond
    ``expression.cq_limit``) is left-censored: ``detected`` is False and dCq = ``expression.cq_limit`` - reference Cq,
    the smallest value that it can have.

    Parameters
    ----------
    trial : Trial
        Uses ``wells`` and ``verdicts``.
    protocol : Protocol
    version : str, optional
        Assay version; ``assay_default.version`` when omitted.

    Returns
    -------
    DataFrame
        One row per sample and gene, by sample and gene, without the reference genes: ``sample_id, gene, plate,
        replicates`` (wells that gave a Cq)``, cq, reference_cq, dcq, detected``. ``dcq`` is NaN where a reference gene
        was not detected.
    """
    return long_table(sample_cq(trial.wells, trial.verdicts, protocol), reference_genes(protocol, version))


def long_table(table: CqTable, references: Sequence[str]) -> pd.DataFrame:
    """A table of mean Cq as one row per group and gene (columns ``DCQ_COLUMNS``), without the reference genes."""
    reference = table.reference(references)
    shown = table.read & ~table.genes.isin(references)
    group, gene = np.nonzero(shown)
    return pd.DataFrame(
        {
            "sample_id": table.groups.to_numpy()[group],
            "gene": table.genes.to_numpy()[gene],
            "plate": table.plates[group],
            "replicates": table.replicates[shown],
            "cq": table.cq[shown],
            "reference_cq": reference[group],
            "dcq": table.difference(reference)[shown],
            "detected": table.replicates[shown] > 0,
        },
        columns=DCQ_COLUMNS,
    )
