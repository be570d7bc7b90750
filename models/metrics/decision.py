"""Decisions at a threshold of risk: net benefit against acting on everybody or nobody, and the figures of the calls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.metrics.probability import Judged

CALL_FIGURES = ("sens", "spec", "ppv", "npv")


def decisions(judged: Judged, probability: np.ndarray, thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of acting on a predicted probability of at least each threshold.

    Parameters
    ----------
    judged : Judged
    probability : ndarray of float, shape (n,)
        The 0/1 output of a rule acts alike at every threshold.
    thresholds : ndarray of float, shape (t,)
        Strictly between 0 and 1.

    Returns
    -------
    dict of str to ndarray, shape (t,)
        ``nb`` net benefit = true positives per patient - false positives per patient x t / (1 - t); ``gain``, the same
        minus that of acting on everybody; ``all``; ``sens``, ``spec``, ``ppv``, ``npv`` (NaN with nobody in the
        denominator). All weighted for censoring.

    References
    ----------
    Vickers, Elkin, Med Decis Making 2006; 26: 565-574. Censoring: Vickers et al., BMC Med Inform 2008; 8: 53.
    """
    known = judged.known
    event, weight, value = judged.label[known], judged.weight[known], probability[known]
    weight = weight / weight.sum()
    cases, controls = weight * event, weight * (1 - event)
    caught, alarmed = ((value[None, :] >= thresholds[:, None]) @ np.column_stack([cases, controls])).T
    with_event, without = cases.sum(), controls.sum()
    odds = thresholds / (1 - thresholds)
    benefit, everybody = caught - odds * alarmed, with_event - odds * without
    return {
        "nb": benefit,
        "gain": benefit - everybody,
        "all": everybody,
        "sens": _share(caught, with_event),
        "spec": _share(without - alarmed, without),
        "ppv": _share(caught, caught + alarmed),
        "npv": _share(without - alarmed, (without - alarmed) + (with_event - caught)),
    }


def _share(part: np.ndarray, whole: np.ndarray | float) -> np.ndarray:
    """Part of a whole; NaN where the whole is nothing but rounding."""
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 1e-12)


def net_benefit(judged: Judged, probability: np.ndarray, thresholds: np.ndarray) -> pd.DataFrame:
    """Decision curve: threshold, net benefit of the model, of acting on all and on none (:func:`decisions`)."""
    found = decisions(judged, probability, thresholds)
    columns = {"threshold": thresholds, "model": found["nb"], "all": found["all"], "none": np.zeros(len(thresholds))}
    return pd.DataFrame(columns)


def key(figure: str, threshold: float) -> str:
    """Name of a figure at a threshold: ``nb@0.3``."""
    return f"{figure}@{threshold:g}"


def decision_figures(judged: Judged, probability: np.ndarray, curve: np.ndarray, calls: np.ndarray) -> dict[str, float]:
    """Net benefit and its gain over acting on everybody along the ``curve``; sens, spec, ppv, npv at the ``calls``.

    Parameters
    ----------
    curve, calls : ndarray of float
        Thresholds; every one of the calls is on the curve.
    """
    found = decisions(judged, probability, curve)
    out = {key(name, t): float(v) for name in ("nb", "gain") for t, v in zip(curve, found[name], strict=True)}
    place = np.searchsorted(curve, calls)
    for name in CALL_FIGURES:
        out |= {key(name, t): float(v) for t, v in zip(calls, found[name][place], strict=True)}
    return out
