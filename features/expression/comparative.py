"""The comparative method: every sample against one calibrator sample, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from data.protocol import Protocol
from data.trial import Trial
from features.expression.cycles import CqTable, reference_genes, sample_cq
from features.expression.quantity import gene_efficiency, ln_quantity

DDCQ_COLUMNS = ["sample_id", "gene", "dcq", "dcq_se", "ddcq", "quantity", "lower", "upper", "reason"]


def delta_delta_cq(
    trial: Trial, protocol: Protocol, calibrator: str, version: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Expression of every sample relative to a calibrator sample.

    ddCq = dCq of the sample - dCq of the calibrator; quantity = Q of the sample / Q of the calibrator with
    Q = E_g^-Cq_g / E_ref^-Cq_ref, which is 2^-ddCq when every efficiency is 2. The standard error of dCq is that of two
    means of replicates, sqrt(sd_g^2 / n_g + sd_ref^2 / n_ref), and the interval takes t with n_g + n_ref - 2 degrees of
    freedom; as instruments do, the error of the calibrator itself is left out. Of k reference genes it is the error of
    the mean of their means, sqrt(sum of squares) / k, where a QuantStudio prints sqrt(sum of squares / k).

    Parameters
    ----------
    trial : Trial
        Uses ``wells`` and ``verdicts``.
    protocol : Protocol
    calibrator : str
        ``sample_id`` of the calibrator.
    version : str, optional
        Assay version; ``assay_default.version`` when omitted.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        One row per sample and gene without the reference genes: ``sample_id, gene, dcq, dcq_se, ddcq`` (cycles)``,
        quantity, lower, upper, reason``. ``reason`` is "" or why there is no number: ``no_reference``,
        ``not_detected``, ``calibrator_not_detected``; ``one_replicate`` leaves out the interval only.

    Raises
    ------
    ValueError
        When the calibrator has no well that counts.

    References
    ----------
    Livak and Schmittgen 2001 (Methods 25:402); Pfaffl 2001; with several reference genes Vandesompele et al. 2002.
    """
    references = reference_genes(protocol, version)
    table = sample_cq(trial.wells, trial.verdicts, protocol, spread=True)
    if calibrator not in table.groups:
        raise ValueError(f"calibrator {calibrator!r} has no well that counts; name a sample that was run")
    own = int(table.groups.get_indexer(pd.Index([calibrator], dtype=object))[0])
    dcq = np.where(table.replicates > 0, table.difference(table.reference(references)), np.nan)
    ln_q = np.where(np.isnan(dcq), np.nan, ln_quantity(table, protocol, references))
    se, ln_se, freedom = _errors(table, protocol, references)
    ratio = ln_q - ln_q[own]
    half = stdtrit(np.where(freedom > 0, freedom, np.nan), (1 + level) / 2) * ln_se
    shown = table.read & ~table.genes.isin(references)
    group, gene = np.nonzero(shown)
    numbers = {
        "dcq": dcq,
        "dcq_se": np.where(np.isnan(dcq), np.nan, se),
        "ddcq": dcq - dcq[own],
        "quantity": np.exp(ratio),
        "lower": np.exp(ratio - half),
        "upper": np.exp(ratio + half),
        "reason": _reason(table, dcq, own, se, references),
    }
    names = {"sample_id": table.groups.to_numpy()[group], "gene": table.genes.to_numpy()[gene]}
    return pd.DataFrame(names | {name: values[shown] for name, values in numbers.items()}, columns=DDCQ_COLUMNS)


def _errors(table: CqTable, protocol: Protocol, references: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard error of dCq (cycles) and of ln quantity, and the degrees of freedom, groups x genes."""
    assert table.ss is not None
    n = table.replicates.astype("float64")
    variance = np.divide(table.ss, (n - 1) * n, out=np.full(n.shape, np.nan), where=n > 1)
    where = table.genes.get_indexer(pd.Index(references, dtype=object))
    if (where < 0).any():
        nothing = np.full(n.shape, np.nan)
        return nothing, nothing, nothing
    # The reference is the mean of the means of the reference genes.
    of_reference, count = variance[:, where] / len(where) ** 2, n[:, where].sum(axis=1) - len(where)
    ln_gene, ln_reference = (np.log(gene_efficiency(protocol, list(genes))) for genes in (table.genes, references))
    se = np.sqrt(variance + of_reference.sum(axis=1)[:, None])
    ln_se = np.sqrt(variance * ln_gene**2 + (of_reference * ln_reference**2).sum(axis=1)[:, None])
    return se, ln_se, n - 1 + count[:, None]


def _reason(table: CqTable, dcq: np.ndarray, own: int, se: np.ndarray, references: Sequence[str]) -> np.ndarray:
    """Why there is no number; the first that holds."""
    absent = np.isnan(table.reference(references))
    conditions = [absent[:, None] | absent[own], table.replicates == 0, np.isnan(dcq[own])[None, :], np.isnan(se)]
    words = ["no_reference", "not_detected", "calibrator_not_detected", "one_replicate"]
    shape = table.replicates.shape
    return np.select([np.broadcast_to(one, shape) for one in conditions], words, "").astype(object)
