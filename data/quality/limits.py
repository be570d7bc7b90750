"""The rules of plate quality control as the protocol states them."""

from __future__ import annotations

from dataclasses import dataclass

from data.protocol import Protocol


@dataclass(frozen=True)
class Limits:
    """Thresholds of the protocol records ``plate_qc.*`` and the genes they apply to.

    Parameters
    ----------
    reference_gene : str
        Reference gene of the assay version.
    genes : tuple of str
        Panel genes, without the reference gene.
    check_genes : tuple of str
        Genes that must be detected when RNA was handled well.
    replicate_sd_max : float
        Cycles.
    replicate_gene_fraction_max, ntc_amplified_fraction_max : float
    undetermined_fraction_max, failed_sample_fraction_max : float
        Shares in [0, 1]; the limit itself is still allowed.
    ntc_cq_min : float
        Cycles; a control well below it amplified.
    reference_low, reference_high : float
        Cycles, both allowed.
    """

    reference_gene: str
    genes: tuple[str, ...]
    check_genes: tuple[str, ...]
    replicate_sd_max: float
    replicate_gene_fraction_max: float
    ntc_cq_min: float
    ntc_amplified_fraction_max: float
    reference_low: float
    reference_high: float
    undetermined_fraction_max: float
    failed_sample_fraction_max: float


def read_limits(protocol: Protocol, version: str | None = None) -> Limits:
    """Limits of a protocol for one assay version.

    Parameters
    ----------
    protocol : Protocol
        Trial rules.
    version : str, optional
        Assay version whose reference gene applies; ``assay_default.version`` when omitted.

    Raises
    ------
    KeyError
        When the protocol has no such assay version.
    ProtocolError
        When it lacks a ``plate_qc`` record.
    """
    reference = protocol.assays[version or str(protocol["assay_default.version"])].reference_gene
    low, high = protocol["plate_qc.reference_cq_range"]
    return Limits(
        reference_gene=reference,
        genes=tuple(gene for gene in protocol.panel.genes if gene != reference),
        check_genes=protocol.panel.check_genes,
        replicate_sd_max=float(protocol["plate_qc.replicate_sd_max"]),
        replicate_gene_fraction_max=float(protocol["plate_qc.replicate_gene_fraction_max"]),
        ntc_cq_min=float(protocol["plate_qc.ntc_cq_min"]),
        ntc_amplified_fraction_max=float(protocol["plate_qc.ntc_amplified_fraction_max"]),
        reference_low=float(low),
        reference_high=float(high),
        undetermined_fraction_max=float(protocol["plate_qc.undetermined_fraction_max"]),
        failed_sample_fraction_max=float(protocol["plate_qc.failed_sample_fraction_max"]),
    )
