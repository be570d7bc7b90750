"""Expression behind the plates: the Cq that each blood sample would show for each gene but for well noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Panel
from data.simulate.assays import per_sample, slots
from data.simulate.cohort import SITES
from data.simulate.streams import Floats, Streams, logistic
from data.simulate.worlds import World

# The assay is the same in every simulated trial, so its constants have a seed of their own.
ASSAY_SEED = 51
REFERENCE_CQ = {"ALG9": 24.0, "ATG4B": 25.6}
CHECK_CQ = {"APLP2": 24.6, "CD59": 26.2}
# Neuroendocrine genes that white cells hardly express: often undetermined (our choice).
LOW_EXPRESSED = {"SSTR4": 38.6, "TPH1": 36.2, "SLC18A1": 35.6, "SSTR1": 35.0}
INPUT_SD = 0.55
PERSON_SD = 0.45
WITHIN_SD = 0.20
SITE_SD = 0.12
RESPONDING_SHARE = 0.4
AVERAGE_ACTIVITY = -0.5
POOR_RNA_CYCLES = 8.0
LAST_CQ = 40.0


@dataclass(frozen=True)
class AssayConstants:
    """What belongs to genes, not to a trial: level in cycles, doublings per unit of activity, efficiency."""

    genes: tuple[str, ...]
    level: Floats
    response: Floats
    efficiency: Floats
    is_reference: np.ndarray


def assay_constants(panel: Panel) -> AssayConstants:
    """Constants of the panel genes followed by the reference genes, drawn gene by gene from their names."""
    genes = (*panel.genes, *(gene for gene in panel.reference_genes if gene not in panel.genes))
    streams = Streams(ASSAY_SEED)
    fixed = {**REFERENCE_CQ, **CHECK_CQ, **LOW_EXPRESSED}
    steady = {*panel.reference_genes, *panel.check_genes}
    level = [fixed.get(gene, float(26 + 6.5 * streams.uniform(f"{gene}.level", 1)[0])) for gene in genes]
    responds = [gene not in steady and streams.uniform(f"{gene}.responds", 1)[0] < RESPONDING_SHARE for gene in genes]
    slope = [0.2 + 0.5 * float(streams.uniform(f"{gene}.response", 1)[0]) for gene in genes]
    efficiency = [float(np.clip(1.94 + streams.normal(f"{gene}.efficiency", 1, 0.03)[0], 1.85, 2.0)) for gene in genes]
    return AssayConstants(
        genes=genes,
        level=np.array(level),
        response=np.where(responds, slope, 0.0),
        efficiency=np.array(efficiency),
        is_reference=np.isin(genes, panel.reference_genes),
    )


def sample_cq(
    streams: Streams,
    world: World,
    constants: AssayConstants,
    patients: pd.DataFrame,
    blood: pd.DataFrame,
    activity: Floats,
) -> Floats:
    """Expected Cq in cycles, samples x genes, before plate and well.

    Cq = level + input + person + day-to-day + site - (response x activity) / log2(efficiency): all genes of a
    sample share the input of RNA, only some know of the disease, reference genes hardly vary otherwise.
    """
    n, g = len(patients), len(constants.genes)
    position = blood["patient"].to_numpy()
    quiet = np.where(constants.is_reference, 0.3, 1.0)
    person = streams.normal("gene.person", (n, g), PERSON_SD)[position] * quiet
    within = per_sample(blood, streams.normal("gene.within", (*slots(patients), g), WITHIN_SD)) * quiet
    amount = per_sample(blood, streams.normal("rna.input", slots(patients), INPUT_SD))
    site = streams.normal("gene.site", (len(SITES), g), SITE_SD)
    place = site[patients["site"].map({name: i for i, name in enumerate(SITES)}).to_numpy()[position]]
    rise = (activity - AVERAGE_ACTIVITY)[:, None] * constants.response / np.log2(constants.efficiency)
    return constants.level + amount[:, None] + person + within + place - rise


def well_cq(expected: Floats, noise: Floats, lost: Floats) -> Floats:
    """Measured Cq of wells, NaN where nothing amplifies: late wells scatter more and are lost more often.

    Parameters
    ----------
    expected : ndarray
        Cycles.
    noise, lost : ndarray
        Standard normal and uniform draws of the same shape.
    """
    sd = 0.13 + 0.25 * logistic((expected - 35.0) / 0.8)
    cq = expected + sd * noise
    gone = (lost < logistic((expected - 37.8) / 0.5)) | (cq >= LAST_CQ)
    return np.where(gone, np.nan, cq)
