"""Rows of numbers that something is learnt from, whatever they are kept in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Rows = Mapping[str, Any]


def column(rows: Rows, name: str) -> np.ndarray:
    """One column as float, shape (n,); NaN for missing.

    Parameters
    ----------
    rows : mapping of name to array, or DataFrame
        Encoded rows of a landmark table, all columns of one length.
    name : str

    Raises
    ------
    KeyError
        When the column is not there.
    """
    return np.asarray(rows[name], dtype=float)


def columns(rows: Rows, names: tuple[str, ...]) -> list[np.ndarray]:
    """Several columns as float."""
    return [column(rows, name) for name in names]


def take(rows: Rows, chosen: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Some rows of some columns."""
    return {name: column(rows, name)[chosen] for name in names}
