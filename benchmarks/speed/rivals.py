"""What is raced: each task by our program and by others, all from the same arrays.

A task that repeats something for every resample may be timed on fewer resamples than the goal names; the benchmark
scales it and says so. R times itself in a process of its own (``speed.R``).
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.data import HORIZONS, Data
from models.metrics.concordance import concordance, uno_concordance
from models.metrics.discrimination import auc_with_interval
from models.metrics.resampling import resample_indices, resampled_auc
from models.metrics.resampling_dynamic import resampled_dynamic

RESAMPLES = 2000
SEED = 3


@dataclass(frozen=True)
class Rival:
    """One program for one task: ``run`` takes the data and a number of resamples, and gives numbers to compare.

    ``repeats``: the work is one call for each resample, so that a few of them tell the time of all.
    """

    run: Callable[[Data, int], Any]
    needs: str = ""
    repeats: bool = False

    def installed(self) -> bool:
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def _loop_auc(data: Data, resamples: int) -> np.ndarray:
    from sklearn.metrics import roc_auc_score

    rows = resample_indices(len(data.label), resamples, SEED)
    return np.array([roc_auc_score(data.label[i], data.score[i]) for i in rows])


def _loop_dynamic(data: Data, resamples: int) -> np.ndarray:
    from sksurv.metrics import brier_score, cumulative_dynamic_auc
    from sksurv.util import Surv

    out, times = [], np.array(HORIZONS)
    for rows in resample_indices(len(data.time), resamples, SEED):
        drawn = data.take(rows)
        outcome = Surv.from_arrays(drawn.event.astype(bool), drawn.time)
        area = cumulative_dynamic_auc(outcome, outcome, drawn.risk, times)[0]
        free = np.repeat(1 - drawn.risk[:, None], len(times), axis=1)
        out.append(np.concatenate([area, brier_score(outcome, outcome, free, times)[1]]))
    return np.array(out)


def _dynamic(data: Data, resamples: int) -> np.ndarray:
    found = resampled_dynamic(data.time, data.event, data.risk, HORIZONS, resamples=resamples, seed=SEED)
    return np.concatenate([found.auc, found.brier], axis=1)


def _sksurv_harrell(data: Data, _: int) -> float:
    from sksurv.metrics import concordance_index_censored

    return float(concordance_index_censored(data.event.astype(bool), data.time, data.risk)[0])


def _sksurv_uno(data: Data, _: int) -> float:
    from sksurv.metrics import concordance_index_ipcw
    from sksurv.util import Surv

    outcome = Surv.from_arrays(data.event.astype(bool), data.time)
    return float(concordance_index_ipcw(outcome, outcome, data.risk, tau=LATEST)[0])


def _lifelines_harrell(data: Data, _: int) -> float:
    from lifelines.utils import concordance_index

    return float(concordance_index(data.time, -data.risk, data.event))


LATEST = 48.0
RIVALS: dict[tuple[str, str], Rival] = {
    ("auc", "ours"): Rival(lambda d, b: resampled_auc(d.label, d.score, resamples=b, seed=SEED)),
    ("auc", "scikit-learn loop"): Rival(_loop_auc, "sklearn", True),
    ("delong", "ours"): Rival(lambda d, _: np.array(auc_with_interval(d.label, d.score)[:2])),
    ("dynamic", "ours"): Rival(_dynamic),
    ("dynamic", "scikit-survival loop"): Rival(_loop_dynamic, "sksurv", True),
    ("harrell", "ours"): Rival(lambda d, _: concordance(d.time, d.event, d.risk).value),
    ("harrell", "scikit-survival"): Rival(_sksurv_harrell, "sksurv"),
    ("harrell", "lifelines"): Rival(_lifelines_harrell, "lifelines"),
    ("uno", "ours"): Rival(lambda d, _: uno_concordance(d.time, d.event, d.risk, until=LATEST).value),
    ("uno", "scikit-survival"): Rival(_sksurv_uno, "sksurv"),
}
R_TASKS = {
    ("delong", "R pROC"): "delong",
    ("auc", "R pROC"): "boot",
    ("harrell", "R survival"): "harrell",
    ("uno", "R survival"): "uno",
    ("dynamic", "R riskRegression"): "score",
}


def r_installed() -> bool:
    """Whether Rscript is there; what a package lacks, the script leaves out."""
    return shutil.which("Rscript") is not None


def run_r(data: Data, patience: float) -> dict[str, dict[str, Any]]:
    """Seconds and numbers of every R task: ``{task: {"seconds": s, "value": [...]}}``.

    Raises
    ------
    RuntimeError
        With the end of what R said.
    """
    script = Path(__file__).with_name("speed.R")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "data.csv"
        columns = np.column_stack([data.label, data.score, data.time, data.event, data.risk])
        np.savetxt(table, columns, delimiter=",", header="label,score,time,event,risk", comments="", fmt="%.17g")
        command = ["Rscript", str(script), str(table), ",".join(map(str, HORIZONS)), str(patience), str(RESAMPLES)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"speed.R: {done.stderr.strip()[-400:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line.pop("task"): line for line in lines}
