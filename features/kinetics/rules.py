"""How a marker is read: scale, cut-off, categories, and the inputs of its reference change value."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

from data.protocol import Assay, Protocol
from features.kinetics.reference_change import ln_sd

MARKER_SCALES = {"cga": "ln", "hiaa_creatinine": "ln", "urine_score": "logit"}


@dataclass(frozen=True)
class MarkerRules:
    """How a marker is read.

    Parameters
    ----------
    scale : {"logit", "ln"}
        Scale of change: ``logit`` is ln[(S + 0.5) / (100.5 - S)] of a score 0-100, ``ln`` the natural logarithm of
        a quantity above zero.
    cutoff : float
        A result above it is positive (at or above it when ``inclusive``); NaN when the marker or its version has none.
    inclusive : bool
    edges : tuple of float
        Upper ends of all categories but the last; empty when the version has none.
    rcv_z : float
        One-sided normal quantile for two results.
    rcv_sd : float
        Standard deviation of one result on the scale of change, analytical and within-person; NaN when either is
        unknown.
    """

    scale: str
    cutoff: float = np.nan
    inclusive: bool = False
    edges: tuple[float, ...] = ()
    rcv_z: float = 1.645
    rcv_sd: float = np.nan

    def __post_init__(self) -> None:
        if self.scale not in ("logit", "ln"):
            raise ValueError(f"scale {self.scale!r} of a marker: use logit or ln")


def score_rules(assay: Assay, analyte: str, protocol: Protocol) -> MarkerRules:
    """Rules of a blood score from the protocol; categories only where the version has as many cut-offs."""
    edges = tuple(float(edge) for edge in protocol["kinetics.category_edges"])
    graded = len(assay.cutoffs[analyte]) == len(edges)
    parts = _numbers(protocol, "kinetics.rcv_sd_analytical", "kinetics.rcv_sd_biological")
    return MarkerRules(
        scale="logit",
        cutoff=float(assay.primary_cutoff[analyte]),
        inclusive=assay.inclusive,
        edges=edges if graded else (),
        rcv_z=float(protocol["kinetics.rcv_z"]),
        rcv_sd=float(np.hypot(parts[0], parts[1])),
    )


def marker_rules(marker: str, protocol: Protocol, cutoff: float = np.nan, inclusive: bool = False) -> MarkerRules:
    """Rules of CgA, of 5-HIAA per creatinine and of the urine score.

    Parameters
    ----------
    marker : {"cga", "hiaa_creatinine", "urine_score"}
        Ratio analytes change on the ln scale; their variation is ``kinetics.<marker>_cv_analytical`` and
        ``kinetics.<marker>_cv_biological`` (fractions, log-normal). The urine score changes on the logit scale with
        ``kinetics.<marker>_sd_analytical`` and ``kinetics.<marker>_sd_biological``. A record that holds no number
        ("not estimable") leaves the reference change value not estimable.
    protocol : Protocol
    cutoff : float
        In the canonical unit of the marker; NaN for none.
    inclusive : bool

    Returns
    -------
    MarkerRules

    Raises
    ------
    KeyError
        When the marker is none of the three.
    """
    scale = MARKER_SCALES[marker]
    kind = "cv" if scale == "ln" else "sd"
    parts = _numbers(protocol, f"kinetics.{marker}_{kind}_analytical", f"kinetics.{marker}_{kind}_biological")
    return MarkerRules(
        scale=scale,
        cutoff=float(cutoff),
        inclusive=inclusive,
        rcv_z=float(protocol["kinetics.rcv_z"]),
        rcv_sd=ln_sd(parts[0], parts[1]) if scale == "ln" else float(np.hypot(parts[0], parts[1])),
    )


def _numbers(protocol: Protocol, *keys: str) -> list[float]:
    """Values of records; NaN where a record says "not estimable"."""
    values = [protocol[key] for key in keys]
    return [float(value) if isinstance(value, Real) else np.nan for value in values]


def on_scale(value: np.ndarray, scale: str) -> np.ndarray:
    """Values on the scale of change; NaN outside it (score beyond 0-100, quantity of zero or less)."""
    if scale == "logit":
        inside = np.where((value >= 0) & (value <= 100), value, np.nan)
        return np.log((inside + 0.5) / (100.5 - inside))
    return np.log(np.where(value > 0, value, np.nan))


def logit_score(score: pd.Series) -> pd.Series:
    """l = ln[(S + 0.5) / (100.5 - S)] of a score 0-100; NaN outside that range."""
    return pd.Series(on_scale(score.to_numpy(dtype="float64"), "logit"), index=score.index)


def is_positive(score: pd.Series, rules: MarkerRules) -> pd.Series:
    """Whether values are beyond the cut-off (False for NaN, and for every value of a marker without cut-off)."""
    return score >= rules.cutoff if rules.inclusive else score > rules.cutoff


def calls(value: np.ndarray, below: np.ndarray, rules: MarkerRules, above: np.ndarray | bool = False) -> np.ndarray:
    """Each result as 1 positive, 0 negative or NaN unknown.

    A result below the limit of its assay (``below``; value = limit / sqrt(2)) is negative when that limit does not
    exceed the cut-off, else unknown; one above the limit (``above``; value = limit) is positive when that limit is
    positive, else unknown. Without a cut-off every result is unknown.
    """
    beyond = value >= rules.cutoff if rules.inclusive else value > rules.cutoff
    # The limit comes back from limit / sqrt(2) up to rounding: a hair of slack decides for the equal case.
    unknown = np.isnan(value) | (below & (value * np.sqrt(2) > rules.cutoff * (1 + 1e-9))) | np.isnan(rules.cutoff)
    return np.where(unknown | (above & ~beyond), np.nan, beyond)


def score_category(score: pd.Series, rules: MarkerRules) -> pd.Series:
    """Category number 0, 1, 2, ... (a score equal to an edge belongs below it); NaN without edges."""
    return pd.Series(categories(score.to_numpy(dtype="float64"), rules), index=score.index)


def categories(value: np.ndarray, rules: MarkerRules) -> np.ndarray:
    """As :func:`score_category`, of an array."""
    if not rules.edges:
        return np.full(len(value), np.nan)
    number = np.searchsorted(rules.edges, value, side="left").astype("float64")
    return np.where(np.isnan(value), np.nan, number)
