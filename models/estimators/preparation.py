"""Filling and scaling of model terms, fitted on training rows only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def fit_preparation(matrix: np.ndarray, flags: np.ndarray) -> dict[str, np.ndarray]:
    """Median of each term (the lower of two), and centre and scale of the filled terms and missingness flags.

    Parameters
    ----------
    matrix : ndarray, shape (n, p)
        Terms with NaN for missing. A two-valued term takes its mode, which its lower median is.
        A term that is never there becomes 0.
    flags : ndarray of int
        Columns that get a missingness flag of their own.

    Returns
    -------
    dict of ndarray
        ``fill`` (p,), ``flags``, ``centre`` and ``scale`` (p + number of flags,). A constant column has scale 1, so
        that it is zero after scaling and a ridge penalty keeps its coefficient at zero.
    """
    present = (~np.isnan(matrix)).sum(axis=0)
    middle = np.sort(matrix, axis=0)[np.maximum(present - 1, 0) // 2, np.arange(matrix.shape[1])]
    fill = np.where(present > 0, middle, 0.0)
    fitted = {"fill": fill, "flags": np.asarray(flags, dtype=int)}
    filled = _filled(fitted, matrix)
    spread = filled.std(axis=0)
    return fitted | {"centre": filled.mean(axis=0), "scale": np.where(spread > 1e-12, spread, 1.0)}


def _filled(fitted: Mapping[str, np.ndarray], matrix: np.ndarray) -> np.ndarray:
    missing = np.isnan(matrix)
    return np.hstack([np.where(missing, fitted["fill"], matrix), missing[:, fitted["flags"]].astype(float)])


def prepare(fitted: Mapping[str, np.ndarray], matrix: np.ndarray) -> np.ndarray:
    """Filled, flagged and standardised terms, shape (n, p + number of flags)."""
    return (_filled(fitted, matrix) - fitted["centre"]) / fitted["scale"]


def informative(fitted: Mapping[str, np.ndarray], matrix: np.ndarray, fewest: int) -> np.ndarray:
    """Terms in which at least ``fewest`` rows differ from the fill value, and flags that so many have and lack.

    Returns
    -------
    ndarray of bool, shape (p + number of flags,)
        A filled row counts as not differing: nothing is known of it.
    """
    filled = _filled(fitted, matrix)
    usual = np.r_[fitted["fill"], np.zeros(len(fitted["flags"]))]
    differing = (filled != usual).sum(axis=0)
    flag = np.arange(len(usual)) >= len(fitted["fill"])
    return (differing >= fewest) & (~flag | (differing <= len(filled) - fewest))
