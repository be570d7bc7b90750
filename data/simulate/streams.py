"""Random draws by name: each has its own stream, so a knob of one stage leaves every other draw alone."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Size = int | tuple[int, ...]
SMALLEST = 2.0**-54


class Streams:
    """Named random draws of one seed.

    Every draw transforms uniforms of a PCG64 stream that is spawned from the seed by the name of the draw.
    Only the raw uniforms come from numpy's generator, whose distributions may change between releases: the
    same seed gives the same trial on any machine.

    Parameters
    ----------
    seed : int
        Seed of the trial, at least 0.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def uniform(self, name: str, size: Size) -> Floats:
        """Uniform draws in (0, 1); arrays fill row by row, so further rows leave the first ones alone."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(zlib.crc32(name.encode()),))
        return np.maximum(np.random.Generator(np.random.PCG64(sequence)).random(size), SMALLEST)

    def normal(self, name: str, size: Size, sd: float = 1.0) -> Floats:
        """Normal draws with mean 0."""
        return sd * ndtri(self.uniform(name, size))

    def exponential(self, name: str, size: Size) -> Floats:
        """Exponential draws with mean 1."""
        return -np.log(self.uniform(name, size))

    def chance(self, name: str, probability: Floats | float, size: Size) -> NDArray[np.bool_]:
        """True with the given probability."""
        return self.uniform(name, size) < probability

    def whole(self, name: str, low: int, high: int, size: Size) -> NDArray[np.int64]:
        """Whole numbers from ``low`` to ``high``, both included."""
        return np.floor(low + self.uniform(name, size) * (high - low + 1)).astype(np.int64)

    def pick(self, name: str, shares: Mapping[str, float], size: Size) -> NDArray[np.str_]:
        """Labels drawn by their shares, which sum to 1."""
        edges = np.cumsum(list(shares.values()))[:-1]
        return np.array(list(shares))[np.searchsorted(edges, self.uniform(name, size))]


def only(flag: np.ndarray, values: Any) -> np.ndarray:
    """``values`` where ``flag`` holds and None elsewhere."""
    out = np.full(flag.shape, None, dtype=object)
    out[flag] = np.broadcast_to(values, flag.shape)[flag]
    return out


def logistic(x: Floats) -> Floats:
    """Inverse of the log odds, safe at both ends."""
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0)))


def days(months: Floats | float, month_days: float) -> NDArray[np.int64]:
    """Nearest whole day of a time in months."""
    return np.rint(np.asarray(months, dtype=float) * month_days).astype(np.int64)
