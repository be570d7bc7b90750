"""How far the controls of a score plate lie from their nominal values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.kinetics import logit_score

DEVIATION_COLUMNS = ["deviation", "n", "ss", "level_ss", "level_sp"]


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
        ``ss`` (sum of squared differences from the plate's own mean, logit^2); ``level_ss`` and ``level_sp``, sum of
        squares of logit(nominal) about its own mean and of its products with d: with them a bias of the assay at one
        level of the controls, common to all plates, can be told from noise. A plate without a control well that has
        value and nominal value is not there.

    References
    ----------
    Statistical design, section 2 (quality): plate offset = mean deviation of the plate's control wells.
    """
    controls = trial.controls
    of_score = controls["version"].isin(list(protocol.assays)) & controls["plate"].notna()
    d = (logit_score(controls["value"]) - logit_score(controls["nominal"]))[of_score].dropna()
    plates, names = pd.factorize(controls.loc[d.index, "plate"].to_numpy(dtype=object), sort=True)
    n = np.bincount(plates, minlength=len(names))
    level = logit_score(controls.loc[d.index, "nominal"]).to_numpy()

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(plates, weights=values, minlength=len(names))

    mean = total(d.to_numpy()) / n
    off, away = d.to_numpy() - mean[plates], level - (total(level) / n)[plates]
    found = {"deviation": mean, "n": n, "ss": total(off**2), "level_ss": total(away**2), "level_sp": total(away * off)}
    return pd.DataFrame(found, index=pd.Index(names, dtype=object, name="plate"), columns=DEVIATION_COLUMNS)
