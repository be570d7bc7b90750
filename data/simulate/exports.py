"""Plates as the instrument software writes them: QuantStudio text exports and Bio-Rad CFX csv."""

from __future__ import annotations

import warnings

import numpy as np

from data.simulate.plates import Plate
from data.simulate.streams import Floats

COLUMNS_384 = 24
ROWS_384 = "ABCDEFGHIJKLMNOP"
QUANTSTUDIO_COLUMNS = (
    "Well",
    "Well Position",
    "Omit",
    "Sample Name",
    "Target Name",
    "Task",
    "Reporter",
    "Quencher",
    "CT",
    "Ct Mean",
    "Ct SD",
)
CFX_COLUMNS = ("", "Well", "Fluor", "Target", "Content", "Sample", "Cq", "Cq Mean", "Cq Std. Dev")
# CFX Manager wrote N/A up to version 2 and NaN from version 3 on; one site never updated.
OLD_CFX_SITE = "C3"


def file_name(plate: Plate) -> str:
    """Name of the export file."""
    return f"{plate.name}.{'txt' if plate.quantstudio else 'csv'}"


def export_text(plate: Plate) -> str:
    """The whole export of a plate as text with LF line ends; Cq with three decimals."""
    return _quantstudio(plate) if plate.quantstudio else _cfx(plate)


def _statistics(cq: Floats, group: np.ndarray) -> tuple[list[str], list[str]]:
    """Mean and standard deviation of the replicates of each well; empty when there is nothing to average."""
    table = np.full((int(group.max()) + 1, 3), np.nan)
    start = np.flatnonzero(np.diff(group, prepend=-1))
    table[group, np.arange(len(group)) - start[group]] = cq
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean, sd = np.nanmean(table, axis=1), np.nanstd(table, axis=1, ddof=1)
    return [_cycles(value) for value in mean[group]], [_cycles(value) for value in sd[group]]


def _cycles(value: float, absent: str = "") -> str:
    return absent if np.isnan(value) else f"{value:.3f}"


def _quantstudio(plate: Plate) -> str:
    sample, gene, cq, group = plate.wells()
    mean, sd = _statistics(cq, group)
    lines = [f"* {key} = {value}" for key, value in _quantstudio_header(plate).items()]
    lines += ["", "[Results]", "\t".join(QUANTSTUDIO_COLUMNS)]
    for i, tube in enumerate(sample):
        well = f"{ROWS_384[i // COLUMNS_384]}{i % COLUMNS_384 + 1}"
        task = "UNKNOWN" if tube else "NTC"
        measured = (_cycles(cq[i], "Undetermined"), mean[i], sd[i])
        lines.append("\t".join([str(i + 1), well, "false", tube, gene[i], task, "FAM", "NFQ-MGB", *measured]))
    return "\n".join([*lines, "", "Analysis Type = Singleplex", ""])


def _quantstudio_header(plate: Plate) -> dict[str, str]:
    day = str(plate.run_on)
    return {
        "Block Type": "384-Well Block",
        "Chemistry": "TAQMAN",
        "Date Created": f"{day} 09:12:00 AM BST",
        "Experiment Barcode": plate.name,
        "Experiment Comment": "NA",
        "Experiment Name": plate.name,
        "Experiment Run End Time": f"{day} 11:04:00 AM BST",
        "Experiment Type": "Comparative C\u0442 (\u0394\u0394C\u0442)",
        "Instrument Name": f"QS6-{plate.site}",
        "Instrument Type": "QuantStudio(TM) 6 Flex System",
        "Passive Reference": "ROX",
        "Quantification Cycle Method": "Ct",
        "Signal Smoothing On": "true",
        "Stage/ Cycle where Analysis is performed": "Stage 2, Step 2",
    }


def _cfx(plate: Plate) -> str:
    sample, gene, cq, group = plate.wells()
    mean, sd = _statistics(cq, group)
    absent = "N/A" if plate.site == OLD_CFX_SITE else "NaN"
    number = {tube: f"Unkn-{i:02d}" for i, tube in enumerate(plate.samples, start=1)} | {"": "NTC"}
    lines = [",".join(CFX_COLUMNS)]
    for i, tube in enumerate(sample):
        well = f"{ROWS_384[i // COLUMNS_384]}{i % COLUMNS_384 + 1:02d}"
        measured = (_cycles(cq[i], absent), mean[i] or "0.000", sd[i] or "0.000")
        lines.append(",".join(["", well, "FAM", gene[i], number[tube], tube, *measured]))
    return "\n".join([*lines, ""])
