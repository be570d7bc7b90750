"""Which sample runs on which 384-well plate, what its wells show, and the plates that go wrong on purpose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.simulate.batches import following
from data.simulate.generate import Simulated
from data.simulate.genes import POOR_RNA_CYCLES, AssayConstants, assay_constants, sample_cq, well_cq
from data.simulate.streams import Floats, Streams
from data.simulate.worlds import World

SAMPLES_PER_PLATE = 2
REPLICATES = 3
QUANTSTUDIO_SITES = ("C1", "C4", "C6")
FAILED_PLACE, POOR_PLACE = 30, 12
RUN_DAYS_AFTER_LAST_TUBE = 3
RERUN_DAYS_LATER = 6
STRAY_NTC = 0.012
EARLY_STRAY = 0.1
CONTAMINATED_SHARE = 0.85


@dataclass(frozen=True)
class Plate:
    """One plate as it was run.

    Parameters
    ----------
    name : str
        Barcode; ``R`` at the end for a re-run.
    quantstudio : bool
        QuantStudio, otherwise Bio-Rad CFX.
    site : str
    run_on : numpy.datetime64
    samples : tuple of str
        One or two sample identifiers.
    genes : tuple of str
    cq : ndarray, samples x genes x 3
        Cycles, NaN = undetermined.
    ntc : ndarray, genes
        No-template control of each gene, NaN = undetermined.
    """

    name: str
    quantstudio: bool
    site: str
    run_on: np.datetime64
    samples: tuple[str, ...]
    genes: tuple[str, ...]
    cq: Floats
    ntc: Floats

    def wells(self) -> tuple[list[str], list[str], Floats, np.ndarray]:
        """Sample (empty for controls), gene, Cq and replicate group of the wells in the order of the plate.

        Sample by sample, gene by gene, three wells each; then one no-template well per gene.
        """
        sample = np.repeat(self.samples, len(self.genes) * REPLICATES).tolist() + [""] * len(self.genes)
        gene = list(np.repeat(self.genes, REPLICATES)) * len(self.samples) + list(self.genes)
        groups = np.arange(len(self.samples) * len(self.genes)).repeat(REPLICATES)
        control = np.arange(len(self.genes)) + len(self.samples) * len(self.genes)
        return sample, gene, np.concatenate([self.cq.ravel(), self.ntc]), np.concatenate([groups, control])


def run_plates(simulated: Simulated, protocol: Protocol) -> list[Plate]:
    """Run every blood sample of a simulated trial on qPCR plates.

    Each site runs its own tubes, two per plate, as they arrive. One plate has a contaminated no-template
    control and is run again under a new name; one sample has so little RNA that its reference gene comes
    late, and is not re-run. A trial too small for the usual places has these on other plates; below three
    plates there is no poor sample.
    """
    constants = assay_constants(protocol.panel)
    is_blood = simulated.samples["specimen"].eq("blood").to_numpy()
    blood = simulated.samples[is_blood].reset_index(drop=True)
    patients, streams = simulated.frames["patients"], simulated.streams
    expected = sample_cq(streams, simulated.world, constants, patients, blood, simulated.activity[is_blood])
    site = patients["site"].to_numpy()[blood["patient"].to_numpy()]
    arm = patients["arm"].to_numpy()[blood["patient"].to_numpy()]
    rows = fill_plates(blood, site.astype(object) + arm if simulated.world.batch_follows == "arm" else site)
    failed = min(FAILED_PLACE, len(rows) - 1)
    poor = poor_sample(rows, failed)
    if poor is not None:
        expected[poor] += POOR_RNA_CYCLES
    expected += _plate_shift(streams, simulated.world, rows, arm == "prrt", len(constants.genes))
    plates = _measured(streams, constants, blood, site, rows, expected)
    if not plates:
        return []
    return plates[:failed] + _failed_and_rerun(streams, plates[failed], expected[rows[failed]]) + plates[failed + 1 :]


def fill_plates(blood: pd.DataFrame, site: np.ndarray) -> list[np.ndarray]:
    """Rows of the samples on each plate: by site (or other group) as tubes arrive; plates in order of their runs."""
    arrived = blood["received_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
    order = np.lexsort([blood["sample_id"].to_numpy(), arrived, site])
    rows = []
    for name in np.unique(site):
        own = order[site[order] == name]
        rows += [own[start : start + SAMPLES_PER_PLATE] for start in range(0, len(own), SAMPLES_PER_PLATE)]
    return sorted(rows, key=lambda row: (arrived[row].max(), row[0]))


def poor_sample(rows: list[np.ndarray], failed: int) -> int | None:
    """Row of the sample with poor RNA: the second on the first full, sound plate from the usual place on."""
    first = min(POOR_PLACE, max(len(rows) - 3, 0))
    full = [place for place in range(first, len(rows)) if len(rows[place]) == SAMPLES_PER_PLATE and place != failed]
    return int(rows[full[0]][1]) if full and len(rows) > SAMPLES_PER_PLATE else None


def _plate_shift(streams: Streams, world: World, rows: list[np.ndarray], treated: np.ndarray, genes: int) -> Floats:
    """Cycles that a plate adds to the genes of its samples: one shift for all, a smaller one for each."""
    plate = np.empty(len(treated), dtype=np.int64)
    for place, own in enumerate(rows):
        plate[own] = place
    sd = world.cq_plate_sd
    common = following(world, streams.normal("cq.plate", len(rows), sd), sd, plate, treated)
    return (common[:, None] + streams.normal("cq.plate.gene", (len(rows), genes), sd / 2))[plate]


def _measured(
    streams: Streams,
    constants: AssayConstants,
    blood: pd.DataFrame,
    site: np.ndarray,
    rows: list[np.ndarray],
    expected: Floats,
) -> list[Plate]:
    shape = (*expected.shape, REPLICATES)
    noise, lost = streams.normal("well.noise", shape), streams.uniform("well.lost", shape)
    cq = well_cq(np.broadcast_to(expected[..., None], shape), noise, lost)
    stray = streams.chance("ntc.stray", STRAY_NTC, (len(rows), expected.shape[1]))
    early = streams.chance("ntc.early", EARLY_STRAY, stray.shape)
    late_cq = np.where(early, 36.2, 38.1) + 1.7 * streams.uniform("ntc.cq", stray.shape)
    ntc = np.where(stray, late_cq, np.nan)
    names, received = blood["sample_id"].to_numpy(), blood["received_on"].to_numpy().astype("datetime64[D]")
    return [
        Plate(
            name=f"PLQ{place + 1:04d}",
            quantstudio=site[own[0]] in QUANTSTUDIO_SITES,
            site=site[own[0]],
            run_on=received[own].max() + np.timedelta64(RUN_DAYS_AFTER_LAST_TUBE, "D"),
            samples=tuple(names[own].tolist()),
            genes=constants.genes,
            cq=cq[own],
            ntc=ntc[place],
        )
        for place, own in enumerate(rows)
    ]


def _failed_and_rerun(streams: Streams, plate: Plate, expected: Floats) -> list[Plate]:
    """The plate with template in most of its no-template wells, and the same samples run again."""
    genes = len(plate.genes)
    contaminated = streams.chance("failed.ntc", CONTAMINATED_SHARE, genes)
    cq = 30 + 4 * streams.uniform("failed.cq", genes)
    noise, lost = streams.normal("rerun.noise", plate.cq.shape), streams.uniform("rerun.lost", plate.cq.shape)
    again = replace(
        plate,
        name=f"{plate.name}R",
        run_on=plate.run_on + np.timedelta64(RERUN_DAYS_LATER, "D"),
        cq=well_cq(np.broadcast_to(expected[..., None], plate.cq.shape), noise, lost),
    )
    return [replace(plate, ntc=np.where(contaminated, cq, np.nan)), again]
