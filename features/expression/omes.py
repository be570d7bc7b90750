"""Omic cluster scores: which genes belong to a cluster is data (``data/panel.toml``)."""

from __future__ import annotations

import pandas as pd

from data.protocol import Panel


def omic_scores(dcq: pd.DataFrame, panel: Panel, mu: pd.Series, sd: pd.Series) -> pd.DataFrame:
    """Score of each omic cluster: mean over its genes of -(dCq - mu) / sd.

    Parameters
    ----------
    dcq : DataFrame
        From :func:`features.expression.delta_cq`.
    panel : Panel
        ``omes`` names the genes of each cluster; a gene may belong to several.
    mu, sd : Series
        By gene, from an outside reference or the training fold, never from the samples that are scored.

    Returns
    -------
    DataFrame
        ``sample_id`` x cluster, higher is more expression; NaN where no gene of the cluster can be scored.

    Raises
    ------
    ValueError
        When a standard deviation is not positive.
    """
    if (sd <= 0).any():
        raise ValueError(f"sd must be positive for every gene; it is not for {', '.join(sd.index[sd <= 0])}")
    z = -(dcq["dcq"] - dcq["gene"].map(mu)) / dcq["gene"].map(sd)
    wide = z.groupby([dcq["sample_id"], dcq["gene"]]).mean().unstack()
    names = list(panel.omes)
    return pd.DataFrame(
        {name: wide.reindex(columns=list(panel.omes[name])).mean(axis=1) for name in names},
        index=wide.index,
        columns=names,
    )


def reference_distribution(dcq: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation of dCq by gene over detected samples, for :func:`omic_scores`.

    Returns
    -------
    DataFrame
        Indexed by gene: ``mu``, ``sd`` (sample standard deviation; NaN with fewer than two detected samples
        or no spread).
    """
    grouped = dcq[dcq["detected"]].groupby("gene")["dcq"]
    sd = grouped.std()
    return pd.DataFrame({"mu": grouped.mean(), "sd": sd.where(sd > 0)})
