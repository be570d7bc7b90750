"""Expression at the landmark: what a training fold learns from, and the offset of the plate of the score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.expression import DEVIATION_COLUMNS, calibrated_differences, control_deviation, reference_genes, wells_of
from features.landmark.view import Block, View
from features.landmark.window import sample_window
from features.measurements import sample_days

DEVIATION = {name: f"netest_deviation_{name}" for name in DEVIATION_COLUMNS} | {"deviation": "netest_deviation"}


def gene_block(view: View) -> Block:
    """dCq of every panel gene in the landmark blood sample, and the control deviation of its score plate.

    The genes rest on the latest accepted qPCR plate of the sample; control wells of a plate carry no date of their own
    and go with the sample that was run beside them.
    """
    genes = _genes(view)
    deviation = control_deviation(view.trial, view.protocol)
    own = deviation.reindex(view.anchor["plate"].to_numpy()).set_axis(view.index)
    before = deviation["deviation"].reindex(_previous(view)["plate"].to_numpy()).set_axis(view.index)
    columns = genes.join(own.rename(columns=DEVIATION)).assign(netest_deviation_change=own["deviation"] - before)
    # The same stamp as the block of the score, so one copy of it is enough.
    return Block(columns, pd.DataFrame({"genes": view.anchor["collected_on"]}))


def _genes(view: View) -> pd.DataFrame:
    """``gene_<symbol>`` (cycles), ``genes_detected``, ``genes_calibrated`` by patient; NaN without a qPCR plate."""
    sample = view.anchor["sample_id"]
    wells = wells_of(view.trial.wells, sample.dropna())
    table, dcq, calibrated = calibrated_differences(
        wells, view.trial.verdicts, view.protocol, reference_genes(view.protocol, view.assay.version)
    )
    row = table.groups.get_indexer(pd.Index(sample, dtype=object))
    gene = table.genes.get_indexer(pd.Index(view.protocol.panel.genes, dtype=object))

    def placed(values: np.ndarray, missing: float) -> np.ndarray:
        framed = np.pad(values.astype("float64"), ((0, 1), (0, 1)), constant_values=missing)
        return framed[row][:, gene]

    names = [f"gene_{symbol}" for symbol in view.protocol.panel.genes]
    columns = pd.DataFrame(placed(dcq, np.nan), index=view.index, columns=names)
    counts = {
        "genes_detected": placed(table.replicates > 0, 0.0).sum(axis=1),
        "genes_calibrated": placed(calibrated, 0.0).sum(axis=1),
    }
    return columns.assign(**{name: np.where(row >= 0, count, np.nan) for name, count in counts.items()})


def _previous(view: View) -> pd.DataFrame:
    """The post-operative score before the landmark sample, by patient; all NaN where there is none."""
    rows = view.scores[view.scores["since_surgery"] > 0]
    until = rows["patient_id"].map(view.anchor["day"])
    rows = rows[rows["day"] < until]
    return rows.drop_duplicates("patient_id", keep="last").set_index("patient_id").reindex(view.index)


def landmark_wells(trial: Trial, protocol: Protocol, landmark: float) -> pd.DataFrame:
    """Wells that a landmark can look at: blood samples inside its window, and the control wells beside them.

    Every other well is dropped before the trial is truncated, which spares most of the work: the landmark block reads
    the wells of one sample a patient.
    """
    samples = sample_days(trial, protocol)
    blood = samples[samples["specimen"] == "blood"]
    inside = sample_window(protocol, landmark).holds(blood)
    return wells_of(trial.wells, blood.loc[inside, "sample_id"])
