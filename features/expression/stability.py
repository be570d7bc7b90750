"""Which genes hold still: the stability of candidate reference genes over samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Stability:
    """Stability of candidate reference genes.

    Parameters
    ----------
    m : Series
        By gene: M over all candidates; small is stable.
    rank : Series of int
        By gene, most stable first; the last two share rank 1: a pair cannot be told apart.
    average_m : Series
        By number of genes kept (all candidates down to 2): mean M of those kept.
    variation : Series
        By number of genes n (2 up to one less than all): V n/n+1, the standard deviation over samples of
        log2(normalisation factor of the n best / of the n + 1 best).
    n_samples : int
        Samples with a quantity of every candidate.
    """

    m: pd.Series
    rank: pd.Series
    average_m: pd.Series
    variation: pd.Series
    n_samples: int


def _pairwise_m(logs: np.ndarray) -> np.ndarray:
    """M of each gene (column): mean over the other genes of sd over samples of the log ratio."""
    n = logs.shape[1]
    spread = (logs[:, :, None] - logs[:, None, :]).std(axis=0, ddof=1)
    return spread.sum(axis=1) / (n - 1)


def _eliminate(logs: np.ndarray) -> tuple[list[int], dict[int, float]]:
    """Genes from the most to the least stable, dropping the largest M again and again, and the mean M on the way."""
    kept, dropped, average = list(range(logs.shape[1])), [], {}
    while len(kept) > 2:
        m = _pairwise_m(logs[:, kept])
        average[len(kept)] = float(m.mean())
        dropped.append(kept.pop(int(m.argmax())))
    average[2] = float(_pairwise_m(logs[:, kept]).mean())
    return kept + dropped[::-1], average


def reference_stability(quantities: pd.DataFrame) -> Stability:
    """Stability of candidate reference genes (geNorm).

    M of a gene is the mean, over the other candidates, of the standard deviation over samples of log2 of the ratio of
    the two quantities. The least stable candidate (largest M) is dropped and M formed anew until two are left. V n/n+1
    tells whether one more reference gene changes the normalisation factor, the geometric mean of the quantities.

    Parameters
    ----------
    quantities : DataFrame
        Samples x candidate genes, linear scale (E^-Cq). Samples without a positive quantity of every gene are left out.

    Returns
    -------
    Stability

    Raises
    ------
    ValueError
        With fewer than three genes or three complete samples.

    References
    ----------
    Vandesompele et al. 2002 (Genome Biol 3:research0034).
    """
    values = quantities.to_numpy(dtype="float64")
    whole = (np.isfinite(values) & (values > 0)).all(axis=1)
    if values.shape[1] < 3 or whole.sum() < 3:
        found = f"{values.shape[1]} genes and {whole.sum()} complete samples"
        raise ValueError(
            f"the stability of reference genes needs three genes and three complete samples; found {found}"
        )
    logs = np.log2(values[whole])
    order, average = _eliminate(logs)
    factor = np.cumsum(logs[:, order], axis=1) / np.arange(1, len(order) + 1)
    sizes = range(2, len(order))
    rank = pd.Series([1, 1, *range(3, len(order) + 1)], index=quantities.columns[order])
    return Stability(
        pd.Series(_pairwise_m(logs), index=quantities.columns),
        rank,
        pd.Series(average),
        pd.Series([float((factor[:, n - 1] - factor[:, n]).std(ddof=1)) for n in sizes], index=list(sizes)),
        int(whole.sum()),
    )
