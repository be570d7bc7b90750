"""Quality figures of the samples on a plate: counts, means and standard deviations per sample and gene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.quality.limits import Limits


@dataclass(frozen=True)
class PlateFigures:
    """Arrays over samples (rows) and genes (columns).

    Parameters
    ----------
    samples : tuple of str
        Sample identifiers in the order of the plate.
    genes : tuple of str
        The reference gene first, then the panel genes.
    wells, measured : ndarray of int, shape (n_samples, n_genes)
        Wells that count, and those of them with a Cq.
    mean, sd : ndarray of float, shape (n_samples, n_genes)
        Cycles; NaN below one and two measured wells. The standard deviation has n - 1 below.
    replicate_sd : ndarray of float, shape (n_samples,)
        Pooled within-gene standard deviation, sqrt(sum_g SS_g / sum_g (n_g - 1)), cycles; NaN without
        replicates.
    undetermined_fraction : ndarray of float, shape (n_samples,)
        Share of the panel wells (reference gene left out) without a Cq; NaN without panel wells.
    """

    samples: tuple[str, ...]
    genes: tuple[str, ...]
    wells: np.ndarray
    measured: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    replicate_sd: np.ndarray
    undetermined_fraction: np.ndarray

    @property
    def reference_cq(self) -> np.ndarray:
        """Mean Cq of the reference gene, cycles."""
        return self.mean[:, 0]


def plate_figures(wells: pd.DataFrame, limits: Limits, samples: tuple[str, ...]) -> PlateFigures:
    """Figures of sample wells.

    Parameters
    ----------
    wells : DataFrame
        Wells of samples with ``sample_id``, ``target`` (reference or panel gene), ``cq`` and ``state``.
    limits : Limits
        Names the genes.
    samples : tuple of str
        Every sample on the plate, also those without a well that counts.
    """
    genes = (limits.reference_gene, *limits.genes)
    sample = pd.Index(samples).get_indexer(pd.Index(wells["sample_id"]))
    gene = pd.Index(genes).get_indexer(pd.Index(wells["target"]))
    shape = (len(samples), len(genes))
    cell = sample * len(genes) + gene
    has_cq = ((wells["state"] == "value") & wells["cq"].notna()).to_numpy()
    cq = wells["cq"].to_numpy(dtype=float)[has_cq]

    def total(cells: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(cells, weights, minlength=shape[0] * shape[1]).reshape(shape)

    count = total(cell)
    measured = total(cell[has_cq])
    mean = _ratio(total(cell[has_cq], cq), measured)
    squares = total(cell[has_cq], (cq - mean.ravel()[cell[has_cq]]) ** 2)
    freedom = np.maximum(measured - 1, 0)
    panel_wells = count[:, 1:].sum(axis=1)
    return PlateFigures(
        samples=samples,
        genes=genes,
        wells=count,
        measured=measured,
        mean=mean,
        sd=np.sqrt(_ratio(squares, freedom)),
        replicate_sd=np.sqrt(_ratio(squares.sum(axis=1), freedom.sum(axis=1))),
        undetermined_fraction=_ratio(panel_wells - measured[:, 1:].sum(axis=1), panel_wells),
    )


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
