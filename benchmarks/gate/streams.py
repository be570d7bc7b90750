"""Streams of patients for the promotion gate: cheap, with known truth, censored as the gate expects.

Scores are binormal. Of two models each reads its own marker and one that both read; given the outcome the markers are
independent normal variables with means 0 and m, so that the calibrated probability is

    logit p = logit pi + sum_k (m_k x_k - m_k^2 / 2)        and        AUC = Phi(sqrt(sum_k m_k^2) / sqrt 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

from data.protocol import Protocol
from models.censoring import VisitCensoring, VisitStates
from models.promotion.maturation import Matured
from models.promotion.weights import weights_from_past

ENDPOINT = "MRD36@6"
PREVALENCE = 47 / 82
DEATHS = 0.04
HAZARDS = {"control": 0.02, "prrt": 0.03}
DEVELOPED_ON = 100
NIGHTS = 200
SPARE = 1.35
MONTHS = 36.0


@dataclass(frozen=True)
class World:
    """What is true about a champion and its challengers.

    Attributes
    ----------
    champion, challenger : float
        AUC.
    shared : float
        Share of the champion's information that the challengers also read (1: a challenger knows all of it).
    challengers : int
    shift : float
        Added to the challengers' logit: miscalibration.
    """

    champion: float = 0.748
    challenger: float = 0.748
    shared: float = 0.5
    challengers: int = 1
    shift: float = 0.0


@dataclass(frozen=True)
class Streams:
    """Patients of many streams; arrays of shape (streams, patients), predictions (streams, models, patients).

    ``night`` on which the horizon of each closes, ``told`` on which the outcome became known.
    """

    night: np.ndarray
    told: np.ndarray
    arm: np.ndarray
    label: np.ndarray
    position: np.ndarray
    censored: np.ndarray
    death: np.ndarray
    probability: np.ndarray

    def states(self, stream: int) -> VisitStates:
        rows = (self.position[stream], self.censored[stream], self.death[stream], self.arm[stream])
        return VisitStates(*rows)


def distance(auc: float) -> float:
    """Distance of two normal classes with this AUC."""
    return float(np.sqrt(2) * norm.ppf(auc))


def predictions(world: World, label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Probabilities of champion and challengers, shape (streams, 1 + challengers, patients)."""
    whole, other = distance(world.champion), distance(world.challenger)
    both = world.shared * whole**2

    def part(information: float) -> np.ndarray:
        size = np.sqrt(max(information, 0.0))
        return size * (rng.standard_normal(label.shape) + size * label) - size**2 / 2

    common = logit(PREVALENCE) + part(both)
    own = [common + part(whole**2 - both)]
    own += [common + part(other**2 - both) + world.shift for _ in range(world.challengers)]
    return expit(np.stack(own, axis=1))


def equal_brier_shift(world: World, seed: int = 7, size: int = 400_000) -> float:
    """Shift of a better informed challenger's logit that makes its Brier score that of the champion."""
    rng = np.random.default_rng(seed)
    label = (rng.random((1, size)) < PREVALENCE).astype(float)
    champion, challenger = predictions(world, label, rng)[0]

    def gain(shift: float) -> float:
        return float(((champion - label[0]) ** 2 - (expit(logit(challenger) + shift) - label[0]) ** 2).mean())

    return float(brentq(gain, 0.0, 4.0, xtol=1e-4))


def follow_up(shape: tuple[int, int], visits: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Outcome and follow-up: arm, true label, visit of resolution, censoring and death."""
    last = len(visits) - 1
    arm = np.where(rng.random(shape) < 0.5, "control", "prrt")
    label = (rng.random(shape) < PREVALENCE).astype(float)
    death = (label == 0) & (rng.random(shape) < DEATHS)
    between = 1 + np.searchsorted(np.cumsum(np.diff(visits)) / np.ptp(visits), rng.random(shape))
    resolved = np.where((label == 1) | death, between, last)
    hazard = np.where(arm == "control", HAZARDS["control"], HAZARDS["prrt"])
    lost = rng.geometric(hazard)
    censored = lost <= resolved
    return {
        "arm": arm,
        "label": label,
        "position": np.where(censored, lost - 1, resolved),
        "censored": censored,
        "death": death & ~censored,
    }


def draw(world: World, streams: int, planned: int, censoring: VisitCensoring, seed: int) -> Streams:
    """Streams long enough for the last look, whose horizons close over 200 nights in the order of enrolment."""
    rng = np.random.default_rng(seed)
    shape = (streams, int(np.ceil(planned * SPARE)))
    visits = np.asarray(censoring.visits)
    facts = follow_up(shape, visits, rng)
    night = np.sort(rng.integers(1, NIGHTS + 1, shape), axis=1)
    early = (visits[-1] - visits[facts["position"]]) * NIGHTS / MONTHS
    told = np.where(facts["label"] == 1, night - np.ceil(early).astype(int), night)
    return Streams(night=night, told=told, probability=predictions(world, facts["label"], rng), **facts)


def development(censoring: VisitCensoring, seed: int) -> VisitStates:
    """Follow-up of the cohort on which the models were developed: it gives the weights of the first patients."""
    facts = follow_up((1, DEVELOPED_ON), np.asarray(censoring.visits), np.random.default_rng(seed))
    return VisitStates(*(facts[name][0] for name in ("position", "censored", "death", "arm")))


def matured(
    streams: Streams,
    stream: int,
    challenger: int,
    censoring: VisitCensoring,
    before: VisitStates,
    *,
    early: bool = False,
) -> Matured:
    """All patients of one stream as the gate sees them at its end.

    ``early``: as if a label counted on the night on which it became known, which is what the gate forbids.
    """
    day = (streams.told if early else streams.night)[stream]
    weight, bound = weights_from_past(streams.states(stream), day, before, censoring)
    rows = Matured(
        day=day,
        arm=streams.arm[stream],
        label=np.where(streams.censored[stream], np.nan, streams.label[stream]),
        weight=weight,
        bound=bound,
        champion=streams.probability[stream, 0],
        challenger=streams.probability[stream, challenger],
    )
    return rows.only(np.argsort(day, kind="stable"))


def censoring_of(protocol: Protocol) -> VisitCensoring:
    """Visits of the endpoint that the streams imitate."""
    return VisitCensoring.for_endpoint(protocol.endpoints[ENDPOINT], protocol)
