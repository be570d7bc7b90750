"""Omic cluster scores: genes of a cluster, each standardised by the training patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.learnt.rows import Rows, columns

GENE, CLUSTER = "gene_", "cluster_"


@dataclass(frozen=True)
class Clusters:
    """Mean over the genes of a cluster of -(dCq_g - mu_g) / sd_g, higher is more expression (no unit).

    The rule of :func:`features.expression.omic_scores`, with mu and sd of the training rows: genes that cannot be
    standardised or were not measured in a sample are left out of its mean; NaN where no gene is left.
    Membership is data (``data/panel.toml``, status unverified).

    Parameters
    ----------
    genes, names : ndarray of str, shapes (g,) and (c,)
    member : ndarray, shape (c, g)
        1 where the gene belongs to the cluster; a gene may belong to several.
    mean, sd : ndarray, shape (g,)
        Of dCq (cycles); sd is NaN for a gene with fewer than two values or without spread.
    """

    genes: np.ndarray
    names: np.ndarray
    member: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def fit(cls, rows: Rows, membership: Mapping[str, tuple[str, ...]]) -> Clusters:
        """Mean and standard deviation of each gene.

        Learnt from all training rows of the landmark that is predicted, labelled or not: no outcome is needed, and
        expression in blood moves with time and treatment, so that other landmarks have another mean.

        Parameters
        ----------
        rows : mapping of name to array
            ``gene_<SYMBOL>``: dCq (cycles) of every gene of a cluster.
        membership : mapping of cluster name to genes
        """
        genes = sorted({gene for members in membership.values() for gene in members})
        values = np.column_stack(columns(rows, tuple(GENE + gene for gene in genes)))
        mean, sd = mean_and_sd(values)
        member = np.array([[gene in members for gene in genes] for members in membership.values()], dtype=float)
        return cls(np.array(genes), np.array(list(membership)), member, mean, sd)

    def apply(self, rows: Rows) -> dict[str, np.ndarray]:
        """``cluster_<name>`` of each row."""
        values = np.column_stack(columns(rows, tuple(GENE + gene for gene in self.genes)))
        z = (self.mean - values) / self.sd
        known = np.isfinite(z)
        count = known @ self.member.T
        total = np.where(known, z, 0.0) @ self.member.T
        score = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return {CLUSTER + str(name): values for name, values in zip(self.names, score.T, strict=True)}

    def describe(self) -> dict[str, float]:
        """Number of genes that could be standardised."""
        return {"cluster genes": float(np.isfinite(self.sd).sum())}


def mean_and_sd(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sample standard deviation of each column over its known values.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        NaN for missing.

    Returns
    -------
    tuple of ndarray, shape (p,)
        The standard deviation is NaN with fewer than two values or without spread; so is the mean without values.
    """
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    squares = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0)
    sd = np.sqrt(np.divide(squares, count - 1, out=np.full(len(count), np.nan), where=count > 1))
    return mean, np.where(sd > 1e-12, sd, np.nan)
