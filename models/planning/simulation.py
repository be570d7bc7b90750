"""Trials with known truth, labelled as the product labels them.

One large simulated population of a world is cut into disjoint trials of each size, so that trials are independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Endpoint, Protocol
from data.simulate import generate
from features.landmark import table_at
from features.outcomes import build_outcome, label
from models.estimators.encoding import encode, has_blood
from models.estimators.specification import CLINICAL_COMPARATOR, specification
from models.metrics.intervals import normal_quantile

Progress = Callable[[int, int, str], None]
SCORE = "netest_logit"
CHUNK = 5000
COUNTED = ("at_risk", "labelled", "events")


@dataclass(frozen=True)
class Population:
    """A simulated world, patient by patient, in an order that carries nothing.

    Attributes
    ----------
    world : str
    labels : dict of endpoint id to DataFrame
        ``at_risk``, ``status``, ``y``, ``resolved``, ``arm``, ``called`` (has the landmark blood score).
    terms : dict of landmark to ndarray, shape (n, p)
        Clinical terms, then the score; NaN for patients not at risk and for missing values.
    """

    world: str
    labels: dict[str, pd.DataFrame]
    terms: dict[float, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.labels.values())))


def term_names() -> tuple[str, ...]:
    """Terms of the clinical comparator, then the score."""
    return (*specification(CLINICAL_COMPARATOR).terms, SCORE)


def populate(
    world: str,
    endpoints: Sequence[Endpoint],
    protocol: Protocol,
    patients: int,
    seed: int,
    progress: Progress | None = None,
) -> Population:
    """Simulate patients of one world and pass them through outcomes and landmark tables.

    Parameters
    ----------
    world : str
        ``data/simulate/worlds.toml``.
    endpoints : sequence of Endpoint
    protocol : Protocol
        Clock from surgery, because the simulator follows patients from there.
    patients : int
    seed : int
        Same seed, same population.
    progress : callable, optional
        Told (done, total, what).

    Raises
    ------
    ValueError
        When the world is unknown.
    """
    parts: list[tuple[dict[str, pd.DataFrame], dict[float, np.ndarray]]] = []
    starts = range(0, patients, CHUNK)
    for number, start in enumerate(starts):
        if progress:
            progress(number, len(starts), f"world {world}: patient {start + 1:,} of {patients:,}")
        parts.append(_chunk(world, endpoints, protocol, min(CHUNK, patients - start), seed + 7919 * number))
    return Population(
        world,
        {one.id: pd.concat([part[0][one.id] for part in parts], ignore_index=True) for one in endpoints},
        {landmark: np.concatenate([part[1][landmark] for part in parts]) for landmark in parts[0][1]},
    )


def _chunk(
    world: str, endpoints: Sequence[Endpoint], protocol: Protocol, patients: int, seed: int
) -> tuple[dict[str, pd.DataFrame], dict[float, np.ndarray]]:
    trial = generate(patients, seed=seed, world=world, protocol=protocol).trial()
    outcome = build_outcome(trial, protocol)
    labels: dict[str, pd.DataFrame] = {}
    terms: dict[float, np.ndarray] = {}
    called: dict[float, pd.Series] = {}
    for endpoint in endpoints:
        found = label(outcome, endpoint, protocol)
        if endpoint.landmark not in terms:
            rows = table_at(trial, protocol, endpoint.landmark).rows
            encoded = encode(rows, endpoint.landmark)
            called[endpoint.landmark] = has_blood(encoded, rows, endpoint.landmark).reindex(
                found.index, fill_value=False
            )
            terms[endpoint.landmark] = encoded[list(term_names())].reindex(found.index).to_numpy()
        labels[endpoint.id] = found.assign(called=called[endpoint.landmark].to_numpy())
    return labels, terms


def trials(population: int, size: int) -> list[np.ndarray]:
    """Disjoint trials of one size, as positions in the population."""
    return [np.arange(start, start + size) for start in range(0, population - size + 1, size)]


def count_labels(population: Population, endpoint: Endpoint, size: int) -> pd.DataFrame:
    """Patients at risk, labelled (with a blood score) and with the event in trials of one size.

    Returns
    -------
    DataFrame
        One row per quantity: ``mean`` with its Monte Carlo interval (``lower``, ``upper``), the range that holds 95% of
        the trials (``low``, ``high``), ``trials``.
    """
    labels = population.labels[endpoint.id]
    judged = (labels["at_risk"] & labels["called"]).to_numpy()
    known = judged & labels["y"].notna().to_numpy()
    marks = np.column_stack([labels["at_risk"], known, known & (labels["y"] == 1).to_numpy()]).astype(float)
    counts = np.array([marks[rows].sum(axis=0) for rows in trials(len(population), size)])
    centre = counts.mean(axis=0)
    many = len(counts)
    error = counts.std(axis=0, ddof=1) / np.sqrt(many) if many > 1 else np.full(len(COUNTED), np.nan)
    low, high = np.quantile(counts, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "endpoint": endpoint.id,
            "world": population.world,
            "quantity": COUNTED,
            "mean": centre,
            "lower": centre - normal_quantile() * error,
            "upper": centre + normal_quantile() * error,
            "low": low,
            "high": high,
            "trials": many,
        }
    )
