"""How far the controls of a score plate lie from their nominal values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.kinetics import logit_score

DEVIATION_COLUMNS = ["deviation", "n", "ss"]


def control_deviation(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Offset of each score plate, from its own control wells.

    d = logit(value) - logit(nominal) of one control well, logit(S) = ln[(S + 0.5) / (100.5 - S)]; the offset of a plate
    is the mean of d over its wells. What is subtracted from a score because of it is decided inside a training fold.

    Parameters
    ----------
    trial : Trial
        Uses ``controls``; these are wells of score plates, not of qPCR plates.
    protocol : Protocol
        Only controls of its assay versions count: a control of another kit is on another scale.

    Returns
    -------
    DataFrame
        Indexed by ``plate``, sorted: ``deviation`` (logit; positive = the plate reads high), ``n`` (control wells) and
        ``ss`` (sum of squared differences from the plate's own mean, logit^2). A plate without a control well that
        has value and nominal value is not there.

    References
    ----------
    Statistical design, section 2 (quality): plate offset = mean deviation of the plate's control wells.
    """
    controls = trial.controls
    of_score = controls["version"].isin(list(protocol.assays)) & controls["plate"].notna()
    d = (logit_score(controls["value"]) - logit_score(controls["nominal"]))[of_score].dropna()
    plates, names = pd.factorize(controls.loc[d.index, "plate"].to_numpy(dtype=object), sort=True)
    n = np.bincount(plates, minlength=len(names))
    mean = np.bincount(plates, weights=d, minlength=len(names)) / n
    ss = np.bincount(plates, weights=(d.to_numpy() - mean[plates]) ** 2, minlength=len(names))
    index = pd.Index(names, dtype=object, name="plate")
    return pd.DataFrame({"deviation": mean, "n": n, "ss": ss}, index=index, columns=DEVIATION_COLUMNS)
