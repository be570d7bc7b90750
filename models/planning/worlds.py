"""A plan's questions asked of simulated worlds: numbers by endpoint, and whether the score adds at the leading one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from data.protocol import Endpoint, Protocol
from data.simulate.worlds import choose_world
from models.planning.added import added_value
from models.planning.checks import positive
from models.planning.simulation import Progress, count_labels, populate

DEFAULT_WORLDS = ("protocol", "independent")


@dataclass(frozen=True)
class Simulation:
    """What simulated trials gave.

    Attributes
    ----------
    counts : DataFrame
        As :func:`models.planning.simulation.count_labels`, all worlds and endpoints; empty without simulation.
    added : DataFrame
        As :func:`models.planning.added.added_value` with ``world``; one row per world and size; may be empty.
    leading : str
        Endpoint of ``added``.
    trials, seed : int
    notes : list of str
        What was left out, and why.
    """

    counts: pd.DataFrame = field(default_factory=pd.DataFrame)
    added: pd.DataFrame = field(default_factory=pd.DataFrame)
    leading: str = ""
    trials: int = 0
    seed: int = 0
    notes: list[str] = field(default_factory=list)


def simulate_plan(
    protocol: Protocol,
    endpoints: Sequence[Endpoint],
    patients: int,
    trials: int,
    worlds: Sequence[str] = DEFAULT_WORLDS,
    seed: int = 1,
    progress: Progress | None = None,
) -> Simulation:
    """Simulate ``trials`` trials of the planned size in each world, and as many larger ones as fit into them.

    Parameters
    ----------
    protocol : Protocol
    endpoints : sequence of Endpoint
    patients : int
        Planned size.
    trials : int
        Of the planned size; 0 simulates nothing.
    worlds : sequence of str
    seed : int
        Same seed, same answer.
    progress : callable, optional

    Raises
    ------
    ValueError
        For an unknown world, or a negative number of trials.
    """
    if trials < 0:
        raise ValueError(f"{trials} simulated trials are impossible; give 0 for none")
    for world in worlds:
        choose_world(world)
    if not trials or not endpoints:
        return Simulation()
    if protocol["clock.origin"] != "surgery":
        words = "simulation: the simulated worlds follow patients from surgery, this protocol's clock starts elsewhere"
        return Simulation(notes=[words])
    size = int(positive(patients, "number of patients"))
    sizes = sorted({size, *map(int, protocol["planning.sizes"])})
    fitting = [one for one in sizes if one <= trials * size]
    notes = []
    if fitting != sizes:
        left = ", ".join(str(one) for one in sizes if one not in fitting)
        notes.append(f"simulation: {trials} trials of {size} are too few patients for a trial of {left}")
    wanted = str(protocol["planning.leading_endpoint"])
    leading = next((one for one in endpoints if one.id == wanted), endpoints[0])
    alpha = float(protocol["planning.leading_alpha"])
    counts, added = [], []
    for world in dict.fromkeys(worlds):
        population = populate(world, endpoints, protocol, trials * size, seed, progress)
        counts += [count_labels(population, one, size) for one in endpoints]
        for one in fitting:
            row = added_value(population, leading, protocol, one, alpha, seed, progress)
            added.append({"world": world} | row)
    return Simulation(pd.concat(counts, ignore_index=True), pd.DataFrame(added), leading.id, trials, seed, notes)
