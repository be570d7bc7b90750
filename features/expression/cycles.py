"""Reference-gene-normalised expression from qPCR wells, and omic cluster scores."""

from __future__ import annotations

import pandas as pd

from data.protocol import Panel, Protocol
from data.trial import Trial
from features.measurements import FAILED_VERDICTS

DCQ_COLUMNS = ["sample_id", "gene", "plate", "replicates", "cq", "reference_cq", "dcq", "detected"]


def accepted_wells(wells: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Wells that count: patient samples, not omitted, on the latest plate that the laboratory accepted.

    A plate is out for a sample whose verdict there is repeat or reject; a sample that was run on several
    accepted plates is read from the one that was loaded last (later in ``wells``). A sample without a verdict
    is accepted.
    """
    known = wells[wells["sample_id"].notna() & (wells["task"] == "unknown")]
    failed = verdicts.loc[verdicts["verdict"].isin(FAILED_VERDICTS), ["plate", "sample_id"]]
    out = pd.MultiIndex.from_frame(known[["plate", "sample_id"]]).isin(pd.MultiIndex.from_frame(failed))
    passed = known[~out]
    latest = passed["sample_id"].map(passed.drop_duplicates("sample_id", keep="last").set_index("sample_id")["plate"])
    return passed[(passed["plate"] == latest) & ~passed["omit"]]


def sample_quality(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Quality figures of each sample on its latest accepted plate.

    Returns
    -------
    DataFrame
        Indexed by ``sample_id``: ``reference_cq`` (cycles), ``replicate_sd`` (cycles),
        ``undetermined_fraction``.
    """
    passed = verdicts[~verdicts["verdict"].isin(FAILED_VERDICTS)].drop_duplicates("sample_id", keep="last")
    return passed.set_index("sample_id")[["reference_cq", "replicate_sd", "undetermined_fraction"]]


def delta_cq(trial: Trial, protocol: Protocol, version: str | None = None) -> pd.DataFrame:
    """Expression of each gene against the reference gene of the assay version.

    dCq = mean Cq of the replicates of the gene - mean Cq of the replicates of the reference gene (cycles). A
    gene whose replicates are all undetermined (or at or beyond ``expression.cq_limit``) is left-censored:
    ``detected`` is False and dCq = ``expression.cq_limit`` - reference Cq, the smallest value that it can
    have.

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
        One row per sample and gene, without the reference gene: ``sample_id, gene, plate, replicates`` (wells
        that gave a Cq)``, cq, reference_cq, dcq, detected``. ``dcq`` is NaN where the reference gene was not
        detected.
    """
    reference = protocol.assays[version or protocol["assay_default.version"]].reference_gene
    limit = float(protocol["expression.cq_limit"])
    wells = accepted_wells(trial.wells, trial.verdicts)
    wells = wells[wells["state"].isin(("value", "undetermined"))]
    cq = wells["cq"].where((wells["state"] == "value") & (wells["cq"] < limit))
    keys = [wells["sample_id"].rename("sample_id"), wells["target"].rename("gene")]
    table = cq.groupby(keys).agg(cq="mean", replicates="count").reset_index()
    plates = wells.drop_duplicates("sample_id").set_index("sample_id")["plate"]
    is_reference = table["gene"] == reference
    reference_cq = table[is_reference].set_index("sample_id")["cq"]
    table = table[~is_reference].reset_index(drop=True)
    table = table.assign(
        plate=table["sample_id"].map(plates),
        reference_cq=table["sample_id"].map(reference_cq).astype("float64"),
        detected=table["cq"].notna(),
    )
    return table.assign(dcq=table["cq"].fillna(limit) - table["reference_cq"])[DCQ_COLUMNS]


def relative_quantity(dcq: pd.Series, protocol: Protocol) -> pd.Series:
    """Efficiency-corrected quantity relative to the reference gene, E^-dCq (``expression.efficiency``)."""
    return float(protocol["expression.efficiency"]) ** -dcq


def omic_scores(dcq: pd.DataFrame, panel: Panel, mu: pd.Series, sd: pd.Series) -> pd.DataFrame:
    """Score of each omic cluster: mean over its genes of -(dCq - mu) / sd.

    Parameters
    ----------
    dcq : DataFrame
        From :func:`delta_cq`.
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
