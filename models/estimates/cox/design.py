"""Columns of a frame as terms of a regression: numbers, factors against a reference level, interactions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.estimators.newton import CannotFit


@dataclass(frozen=True)
class Terms:
    """What a regression was given, so that further patients are coded the same way.

    Attributes
    ----------
    names : tuple of str
        The terms in order; ``a:b`` is the interaction of two columns.
    levels : dict of str to tuple
        Levels of each factor; the first one is the reference. Numbers and yes/no have no entry.
    columns : tuple of str
        One name per coefficient: ``age``, ``arm[prrt]``, ``arm[prrt]:age``.
    term_of : ndarray of int, shape (p,)
        The term to which each coefficient belongs.
    """

    names: tuple[str, ...]
    levels: dict[str, tuple[Hashable, ...]]
    columns: tuple[str, ...]
    term_of: np.ndarray

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """The design matrix of these rows, shape (n, p).

        Raises
        ------
        CannotFit
            For a missing column, or a level that the fit has not seen.
        """
        blocks = [_term_block(frame, name, self.levels) for name in self.names]
        return np.concatenate(blocks, axis=1) if blocks else np.empty((len(frame), 0))


def code_terms(frame: pd.DataFrame, covariates: Sequence[str]) -> Terms:
    """Decide how each covariate enters.

    Numbers and booleans enter as they are. Text and categories are factors with one indicator for each level but the
    reference: the first category that occurs, or the first in sorted order.

    Raises
    ------
    CannotFit
        For an unknown column, or a factor with a single level.
    """
    parts = list(dict.fromkeys(part for name in covariates for part in name.split(":")))
    for part in parts:
        _column(frame, part)
    levels = {part: _levels(frame[part]) for part in parts if _is_factor(frame[part])}
    for part, found in levels.items():
        if len(found) < 2:
            raise CannotFit(f"column {part!r} holds the single level {found[0]!r}: a factor needs two or more")
    labels = [_term_labels(name, levels) for name in covariates]
    return Terms(
        tuple(covariates),
        levels,
        tuple(label for found in labels for label in found),
        np.repeat(np.arange(len(labels)), [len(found) for found in labels]),
    )


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        raise CannotFit(f"column {name!r} is not in the frame; it has {', '.join(map(str, frame.columns))}")
    return frame[name]


def _is_factor(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column.dtype)


def _levels(column: pd.Series) -> tuple[Hashable, ...]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(column.cat.remove_unused_categories().cat.categories)
    return tuple(sorted(column.dropna().unique()))


def _part_labels(part: str, levels: dict[str, tuple[Hashable, ...]]) -> list[str]:
    if part not in levels:
        return [part]
    return [f"{part}[{level:g}]" if isinstance(level, float) else f"{part}[{level}]" for level in levels[part][1:]]


def _term_labels(name: str, levels: dict[str, tuple[Hashable, ...]]) -> list[str]:
    labels = [""]
    for part in name.split(":"):
        labels = [f"{done}:{new}" if done else new for new in _part_labels(part, levels) for done in labels]
    return labels


def _part_block(frame: pd.DataFrame, part: str, levels: dict[str, tuple[Hashable, ...]]) -> np.ndarray:
    column = _column(frame, part)
    if part not in levels:
        return column.to_numpy(dtype=float)[:, None]
    known = column.isin(levels[part])
    if not known.all():
        odd = column[~known].iloc[0]
        raise CannotFit(f"column {part!r} holds {odd!r}; the levels known are {', '.join(map(str, levels[part]))}")
    return np.column_stack([(column == level).to_numpy(dtype=float) for level in levels[part][1:]])


def _term_block(frame: pd.DataFrame, name: str, levels: dict[str, tuple[Hashable, ...]]) -> np.ndarray:
    block = np.ones((len(frame), 1))
    for part in name.split(":"):
        new = _part_block(frame, part, levels)
        block = (new[:, :, None] * block[:, None, :]).reshape(len(frame), -1)
    return block
