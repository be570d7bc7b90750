"""The ceiling: probability of an endpoint given everything observed by its landmark, by importance sampling.

Particles of latent disease are drawn by the simulator's own code from what is known at surgery, and weighted by the
likelihood of what was observed; the probability of the endpoint given the latent state is averaged over them. No
model can discriminate better in expectation than this posterior; the latent state itself (``p_<endpoint>`` of the
truth) can. Wells of qPCR plates are not conditioned on: a trial in memory has none.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from data.protocol import Endpoint, Protocol
from data.simulate.cohort import draw_cycles
from data.simulate.disease import MONTHS_PER_YEAR, Disease, draw_disease, tumour_deaths_from
from data.simulate.generate import Simulated
from data.simulate.labels import truth_label
from data.simulate.likelihood import log_likelihood, scan_days
from data.simulate.observed import Observed, observe
from data.simulate.scans import LOCAL_PETCT, detection, scan_slots
from data.simulate.streams import Floats, Streams
from data.simulate.worlds import World

ROWS_AT_ONCE = 100_000


def observed_posterior(
    simulated: Simulated,
    endpoint: Endpoint | str,
    protocol: Protocol,
    *,
    particles: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Posterior probability of an endpoint given the record up to the closing of its landmark.

    Conditions on clinical covariates, arm and PRRT cycles, readings of all scans, blood score (shift of its plate
    known), CgA, urine 5-HIAA and creatinine, urine score, missing samples, and on being at risk: alive, and no
    scheduled scan up to the landmark positive, had all taken place. The event is that of
    :func:`data.simulate.labels.truth_label`, with deaths before it as competing events.

    Parameters
    ----------
    simulated : Simulated
        A trial as generated (its world, and the shifts of its plates, are used; its latent states are not).
    endpoint : Endpoint or str
    protocol : Protocol
    particles : int
        Draws per patient, at least 1. The Monte Carlo error of one probability is at most 0.5 / sqrt(``ess``).
    seed : int
        Seed of the draws, at least 0; they are never those of the trial.

    Returns
    -------
    DataFrame
        By ``patient_id`` of those at risk: ``probability`` and ``ess``, the effective number of particles.

    Raises
    ------
    ValueError
        When ``particles`` or ``seed`` is not usable.
    """
    if particles < 1 or seed < 0:
        raise ValueError(f"particles must be at least 1 and seed at least 0, got {particles} and {seed}")
    chosen = protocol.endpoint(endpoint) if isinstance(endpoint, str) else endpoint
    at_risk = truth_label(simulated.truth, chosen, protocol)["at_risk"].to_numpy()
    record = observe(simulated, protocol, chosen.landmark).take(np.flatnonzero(at_risk))
    probability, ess = np.empty(int(at_risk.sum())), np.empty(int(at_risk.sum()))
    for chunk, own in _chunks(len(probability), particles):
        streams = Streams(int(np.random.SeedSequence([seed, chunk]).generate_state(1, np.uint64)[0]))
        rows = record.take(np.repeat(own, particles))
        weight, chance = _weighted(streams, simulated.world, protocol, chosen, rows)
        weight, chance = weight.reshape(len(own), particles), chance.reshape(len(own), particles)
        weight = np.exp(weight - weight.max(axis=1, keepdims=True))
        total = weight.sum(axis=1)
        probability[own] = (weight * chance).sum(axis=1) / total
        ess[own] = total**2 / (weight**2).sum(axis=1)
    index = pd.Index(simulated.truth["patient_id"].to_numpy()[at_risk], name="patient_id")
    return pd.DataFrame({"probability": probability.clip(0.0, 1.0), "ess": ess}, index=index)


def _chunks(n: int, particles: int) -> Iterator[tuple[int, np.ndarray]]:
    size = max(1, ROWS_AT_ONCE // particles)
    for chunk, start in enumerate(range(0, n, size)):
        yield chunk, np.arange(start, min(start + size, n))


def _weighted(
    streams: Streams, world: World, protocol: Protocol, endpoint: Endpoint, rows: Observed
) -> tuple[Floats, Floats]:
    """Log weight and endpoint probability of one particle per row."""
    month_days = protocol.month_days
    cycles = _completed_cycles(draw_cycles(streams, world, rows.patients), rows)
    disease = draw_disease(streams, world, rows.patients, cycles, month_days)
    entry = rows.patients["randomised_day"].to_numpy(float)
    closed = np.full(len(entry), protocol.closed(endpoint.landmark) * month_days)
    dying = _deaths(world, month_days, entry, tumour_deaths_from(world, disease, entry, month_days))
    weight = log_likelihood(streams, world, protocol, disease, rows) - dying(closed[:, None])[:, 0]
    return weight, _complete_probability(streams, world, protocol, endpoint, disease, dying, closed)


def _completed_cycles(drawn: Floats, rows: Observed) -> Floats:
    """PRRT as given; what the record cannot know yet is drawn, a second cycle overdue is not given."""
    later = np.where(
        drawn > rows.seen_until[:, None], drawn, np.column_stack([drawn[:, 0], np.full(len(drawn), np.inf)])
    )
    return np.where(np.isnan(rows.cycle_day), later, rows.cycle_day)


def _deaths(world: World, month_days: float, entry: Floats, by_tumour: Floats):  # type: ignore[no-untyped-def]
    """Cumulative hazard of death by a day from surgery (rows x k), without and with evident disease."""
    year = MONTHS_PER_YEAR * month_days

    def hazard(day: Floats) -> Floats:
        other = np.maximum(day - entry[:, None] - 1, 0) * world.death_without_recurrence
        return (other + np.maximum(day - by_tumour[:, None], 0) * world.death_after_recurrence) / year

    return hazard


def _complete_probability(streams, world, protocol, endpoint, disease, dying, closed) -> Floats:  # type: ignore[no-untyped-def]
    """Probability of a first positive scheduled scan in (landmark, horizon] before death, scans on random days."""
    slots = [slot for slot in scan_slots(protocol) if endpoint.landmark < slot[0] <= endpoint.horizon]
    month = np.array([slot[0] for slot in slots])
    shape = (len(closed), len(slots))
    day = scan_days(streams, world, protocol, month, len(closed), "scan.future")
    local = np.isin(month, [float(m) for m in protocol["calendar.local_month"]])
    petct = np.broadcast_to([slot[1] == "petct" for slot in slots], shape)
    if local.any():
        petct = petct | (local & streams.chance("local.petct", LOCAL_PETCT, shape))
    seen, _ = detection(world, disease, disease.log_diameter(day / protocol.month_days), petct)
    missed = np.cumprod(1 - seen, axis=1)
    first = seen * np.column_stack([np.ones(len(seen)), missed[:, :-1]])
    alive = np.exp(dying(closed[:, None]) - dying(day))
    return (first * alive).sum(axis=1)
